//! What is written is read back, of every type: the envelope, the payload, and not a byte of it twice.

use fengsui_event::{
    CaseId, ChainLink, Decoded, Digest, Draft, Event, EventId, EventType, Signer, Source, Subject, Timestamp,
};
use proptest::prelude::*;

use crate::Key;
use crate::payloads::parts;

fn source() -> impl Strategy<Value = Source> {
    ("[a-z][a-z0-9-]{1,31}", 1_u16..=u16::MAX).prop_map(|(agency, node)| Source {
        region: "350600".parse().unwrap(),
        agency: agency.parse().unwrap(),
        node,
    })
}

fn subject() -> impl Strategy<Value = Subject> {
    prop_oneof![
        parts().prop_map(|parts| Subject::Unit(parts.unit())),
        Just(Subject::Agency("fire".parse().unwrap())),
        "[\\PC/]{1,30}".prop_map(Subject::Rulebook),
        Just(Subject::Region("350602".parse().unwrap())),
    ]
}

fn link() -> impl Strategy<Value = ChainLink> {
    prop_oneof![
        Just(ChainLink::FIRST),
        (2..=u64::MAX, any::<[u8; 32]>())
            .prop_map(|(sequence, previous)| ChainLink { sequence, previous: Some(Digest(previous)) }),
    ]
}

/// Instants of four-digit years to the nanosecond.
fn time() -> impl Strategy<Value = Timestamp> {
    (0_i64..7_000_000_000, 0_i32..1_000_000_000).prop_map(|(second, nano)| Timestamp::new(second, nano).unwrap())
}

fn draft(event_type: EventType) -> impl Strategy<Value = Draft> {
    let id = any::<[u8; 16]>().prop_map(EventId::from_bytes);
    let relations = (any::<Option<[u8; 16]>>(), any::<Option<[u8; 16]>>());
    (id, source(), subject(), time(), relations, parts()).prop_map(
        move |(id, source, subject, time, (correlation, causation), parts)| Draft {
            id,
            source,
            subject,
            time,
            correlation: correlation.map(CaseId::from_bytes),
            causation: causation.map(EventId::from_bytes),
            payload: parts.payload(event_type),
        },
    )
}

fn check(draft: &Draft, link: ChainLink) {
    let key = Key::numbered(7);
    let signed = draft.sign(link, &key).unwrap();
    assert!(key.keyid().verifier().unwrap().verify(&signed.bytes, &signed.signature));
    let event = Event::parse(&signed.bytes).unwrap();
    assert_eq!(event.id, draft.id);
    assert_eq!(event.source, draft.source);
    assert_eq!(event.subject, draft.subject);
    assert_eq!(event.time, draft.time);
    assert_eq!((event.sequence, event.previous), (link.sequence, link.previous));
    assert_eq!(event.keyid, key.keyid());
    assert_eq!((event.correlation, event.causation), (draft.correlation, draft.causation));
    assert_eq!(event.type_text, draft.payload.event_type().as_str());
    assert_eq!(event.data, Decoded::Known(draft.payload.clone()));
    // Signing again gives the same bytes: nothing in them hangs on chance.
    assert_eq!(draft.sign(link, &key).unwrap(), signed);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_type_is_read_as_it_was_written(
        drafts in EventType::ALL.iter().map(|event_type| draft(*event_type).boxed()).collect::<Vec<_>>(),
        link in link(),
    ) {
        for draft in &drafts {
            check(draft, link);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(Event::parse(&bytes).is_err());
    }

    /// Any cut of a good event is no event.
    #[test]
    fn no_part_of_an_event_is_an_event(draft in draft(EventType::ViolationReported), cut in any::<prop::sample::Index>()) {
        let bytes = draft.sign(ChainLink::FIRST, &Key::numbered(7)).unwrap().bytes;
        prop_assert!(Event::parse(&bytes[..cut.index(bytes.len())]).is_err());
    }
}

/// The next link is made of the bytes as they were published.
#[test]
fn the_chain_hashes_the_published_bytes() {
    let bytes = br#"{"specversion":"1.0"}"#;
    let link = ChainLink::after(41, bytes);
    // printf '{"specversion":"1.0"}' | sha256sum
    let expected = "9deb03778ce6ca46060ad6ed605491ca185d89d8979eca334e11c55ac60e11d8";
    assert_eq!((link.sequence, link.previous.unwrap().to_string().as_str()), (42, expected));
}

/// Larger than a broker carries: refused when it is made, not when it is sent; and when it is read.
#[test]
fn an_event_that_no_broker_carries_is_refused() {
    let payload = fengsui_event::payload::CheckpointCosigned { note: "字".repeat(400_000) };
    let draft = Draft {
        id: EventId::from_parts(1, [1; 10]),
        source: "/regions/350600/agencies/fire/nodes/1".parse().unwrap(),
        subject: Subject::Region("350600".parse().unwrap()),
        time: Timestamp::UNIX_EPOCH,
        correlation: None,
        causation: None,
        payload: payload.into(),
    };
    let error = draft.sign(ChainLink::FIRST, &Key::numbered(7)).unwrap_err();
    assert!(error.to_string().contains("at most 1044480 can be published"), "{error}");
    let error = Event::parse(&vec![b' '; 1_044_481]).unwrap_err();
    assert!(error.to_string().contains("1044481 bytes"), "{error}");
}
