//! Is a record genuine, is its key good, does it follow in its source's chain? Whatever is not is kept as an anomaly.

use fengsui_event::{ChainLink, EventId, Signer, Subject};
use fengsui_log::Record;
use fengsui_projector::Cause;
use fengsui_projector::state::Gap;

use crate::harness::payloads::{Report, acknowledged, unit_registered};
use crate::harness::{Key, Publication, Scene, World, hotel, school};

fn id(number: u8) -> EventId {
    EventId::from_parts(1, [number; 10])
}

fn registration() -> Publication {
    Publication {
        subject: Subject::Unit(hotel()),
        correlation: None,
        causation: None,
        payload: unit_registered(&hotel()).into(),
    }
}

/// Signs with any key whatever in an agency's name.
fn signed_with(scene: &Scene, code: &str, key: &Key) -> Record {
    let draft = scene.world.draft(code, id(7), registration());
    let signed = draft.sign(scene.world.link(code), key).unwrap();
    Record { id: draft.id, subject: draft.stream_subject(), bytes: signed.bytes, signature: signed.signature.to_vec() }
}

#[test]
fn a_forged_signature_has_no_effect_and_blocks_nobody() {
    let mut scene = Scene::new();
    let good = scene.world.sign("fire", registration());
    let mut forged = good.clone();
    forged.signature[5] ^= 1;
    assert_eq!(scene.without_effect(forged.clone()), Cause::BadSignature);
    forged.signature = vec![0; 64];
    assert_eq!(scene.without_effect(forged.clone()), Cause::BadSignature);
    forged.signature = Vec::new();
    assert_eq!(scene.without_effect(forged), Cause::BadSignature);
    // The genuine one comes after the forgeries under its id and has its effect.
    assert_eq!(scene.record(good), None);
}

/// The signature of one event does not fit another one of the same agency.
#[test]
fn a_signature_is_good_for_its_own_bytes_only() {
    let mut scene = Scene::new();
    let one = scene.world.sign("fire", registration());
    let mut other = scene.world.sign("fire", registration());
    other.signature.clone_from(&one.signature);
    assert_eq!(scene.record(one), None);
    assert_eq!(scene.without_effect(other), Cause::BadSignature);
}

#[test]
fn the_key_of_another_agency_does_not_speak_for_this_one() {
    let mut scene = Scene::new();
    let number = 1 + 2; // joint-office is 1, fire 2, housing 3.
    let record = signed_with(&scene, "fire", &Key::numbered(number));
    let owner = crate::harness::agency("housing");
    assert_eq!(scene.without_effect(record), Cause::ForeignKey { owner });
}

#[test]
fn a_key_that_nobody_registered_is_unknown() {
    let mut scene = Scene::new();
    let stranger = Key::numbered(99);
    let record = signed_with(&scene, "fire", &stranger);
    assert_eq!(scene.without_effect(record), Cause::UnknownKey(stranger.keyid()));
}

/// Whoever signs a known id with a key that is not good must not make it look as if the agency had told two stories.
#[test]
fn a_known_id_under_a_bad_key_is_no_conflict() {
    let mut scene = Scene::new();
    let good = scene.world.sign_as("fire", id(7), registration());
    assert_eq!(scene.record(good), None);
    let stranger = Key::numbered(99);
    let record = signed_with(&scene, "fire", &stranger);
    assert_eq!(record.id, id(7));
    assert_eq!(scene.without_effect(record), Cause::UnknownKey(stranger.keyid()));
    let record = signed_with(&scene, "fire", &Key::numbered(3));
    assert!(matches!(scene.without_effect(record), Cause::ForeignKey { .. }));
}

/// Before its registration a key is unknown; the same event delivered again afterwards counts.
#[test]
fn an_event_that_came_before_its_agency_counts_when_it_comes_again() {
    let mut scene = Scene::new();
    let keyid = scene.world.keyid("police");
    let early = scene.world.sign("police", registration());
    assert_eq!(scene.without_effect(early.clone()), Cause::UnknownKey(keyid));
    scene.register("police");
    assert_eq!(scene.record(early), None);
}

#[test]
fn another_exchanges_event_has_no_effect() {
    let mut scene = Scene::new();
    let mut draft = scene.world.draft("fire", id(7), registration());
    draft.source.region = crate::harness::region("350200");
    let signed = draft.sign(scene.world.link("fire"), scene.world.key("fire")).unwrap();
    let record = Record {
        id: draft.id,
        subject: draft.stream_subject(),
        bytes: signed.bytes,
        signature: signed.signature.to_vec(),
    };
    assert_eq!(scene.without_effect(record), Cause::ForeignRegion);
}

#[test]
fn the_wrong_subject_has_no_effect_and_the_right_one_later_has() {
    let mut scene = Scene::new();
    let good = scene.world.sign("fire", registration());
    for found in [
        "fengsui.350600.housing.unit.registered",
        "fengsui.350600.fire.unit.renamed",
        "fengsui.350200.fire.unit.registered",
        "fengsui.350600.fire.unit.registered.x",
        "",
    ] {
        let mut record = good.clone();
        found.clone_into(&mut record.subject);
        let expected = "fengsui.350600.fire.unit.registered".to_owned();
        assert_eq!(scene.without_effect(record), Cause::WrongSubject { found: found.to_owned(), expected });
    }
    assert_eq!(scene.record(good), None);
}

#[test]
fn an_id_other_than_the_events_own_has_no_effect() {
    let mut scene = Scene::new();
    let mut record = scene.world.sign("fire", registration());
    let own = record.id;
    record.id = id(9);
    assert_eq!(scene.without_effect(record), Cause::IdMismatch { own });
}

/// Numbers 2 and 3 are missing: the event counts, the gap is shown; the source finds its own events lost from the
/// stream and publishes them again, in any order, and the gap closes.
#[test]
fn a_gap_is_shown_and_filled_by_what_was_lost() {
    let mut scene = Scene::new();
    let records: Vec<Record> = (0..4).map(|_| scene.world.sign("fire", registration())).collect();
    let source = World::source("fire", 1);
    assert_eq!(scene.record(records[0].clone()), None);
    assert_eq!(scene.record(records[3].clone()), None, "the event itself is good");
    assert_eq!(scene.memory.anomalies.last().unwrap().cause, Cause::ChainGap { first: 2, last: 3 });
    assert!(scene.memory.anomalies.last().unwrap().cause.is_notice());
    assert_eq!(scene.registry.chains[&source].gaps.len(), 1);
    assert_eq!(scene.record(records[2].clone()), None);
    let gap: &Gap = &scene.registry.chains[&source].gaps[0];
    assert_eq!((gap.first, gap.last), (2, 2));
    assert_eq!(scene.record(records[1].clone()), None);
    assert!(scene.registry.chains[&source].gaps.is_empty());
    assert_eq!(scene.registry.chains[&source].sequence, 4);
}

#[test]
fn a_second_story_is_a_fork_whoever_tells_it_holds_the_key() {
    let mut scene = Scene::new();
    let first = scene.world.sign("fire", registration());
    assert_eq!(scene.record(first), None);
    let link = ChainLink::after(1, b"another first event");
    let forked = scene.world.sign_at("fire", link, id(7), registration());
    assert_eq!(scene.without_effect(forked), Cause::ChainFork { sequence: 2 });
    let next = scene.world.sign("fire", registration());
    assert_eq!(scene.record(next), None, "the true story goes on");
}

#[test]
fn a_number_is_used_once() {
    let mut scene = Scene::new();
    let link = scene.world.link("fire");
    let first = scene.world.sign("fire", registration());
    assert_eq!(scene.record(first), None);
    let reused = scene.world.sign_at("fire", link, id(7), registration());
    assert_eq!(scene.without_effect(reused), Cause::SequenceReused { sequence: 1 });
}

/// What fills a gap must be what its successor named.
#[test]
fn a_gap_is_not_filled_by_something_else() {
    let mut scene = Scene::new();
    let records: Vec<Record> = (0..3).map(|_| scene.world.sign("fire", registration())).collect();
    assert_eq!(scene.record(records[0].clone()), None);
    assert_eq!(scene.record(records[2].clone()), None);
    let other = scene.world.sign_at("fire", ChainLink::after(1, &records[0].bytes), id(7), registration());
    assert_eq!(scene.without_effect(other), Cause::ChainFork { sequence: 2 });
    assert_eq!(scene.record(records[1].clone()), None);
}

/// Whoever holds a key can leave gaps without end, but only so many are kept.
#[test]
fn open_gaps_have_a_bound_from_both_sides() {
    let mut scene = Scene::new();
    let link = |sequence| ChainLink { sequence, previous: (sequence > 1).then(|| fengsui_event::Digest::of(b"any")) };
    let mut number = 0_u64;
    let mut publish = |scene: &mut Scene, sequence| {
        number += 1;
        let mut random = [0; 10];
        random[2..].copy_from_slice(&number.to_be_bytes());
        let record = scene.world.sign_at("fire", link(sequence), EventId::from_parts(2, random), registration());
        scene.record(record)
    };
    // One wide gap, split again and again from within.
    assert_eq!(publish(&mut scene, 1_000_000), None);
    let refusals: Vec<_> = (1..=1_030).filter_map(|step| publish(&mut scene, step * 3)).collect();
    assert!(
        !refusals.is_empty() && refusals.iter().all(|cause| *cause == Cause::TooManyGaps),
        "{:?}",
        refusals.first()
    );
    assert_eq!(publish(&mut scene, 2_000_000), Some(Cause::TooManyGaps));
    assert_eq!(scene.registry.chains[&World::source("fire", 1)].gaps.len(), 1_024);
}

/// Two nodes of one agency have chains of their own.
#[test]
fn each_node_has_its_own_chain() {
    let mut scene = Scene::new();
    let mut draft = scene.world.draft("fire", id(7), registration());
    draft.source.node = 2;
    let signed = draft.sign(ChainLink::FIRST, scene.world.key("fire")).unwrap();
    let record = Record {
        id: draft.id,
        subject: draft.stream_subject(),
        bytes: signed.bytes,
        signature: signed.signature.to_vec(),
    };
    let first = scene.world.sign("fire", registration());
    assert_eq!(scene.record(first), None);
    assert_eq!(scene.record(record), None);
}

/// cases.md 8: order is the position. A clock that goes back is told; deadlines count from recorded days.
#[test]
fn case_8_a_clock_that_goes_back_is_told_and_changes_no_order() {
    let mut scene = Scene::new();
    scene.on("2025-03-05");
    scene.reports("tourism", Report::equipment("2025-03-03"));
    let referral = scene.refers("tourism", "fire", fengsui_event::ReferralRole::Lead);
    let taken = scene.about_case(acknowledged(referral).into());
    scene.on("2025-03-06");
    let first = scene.world.sign("fire", registration());
    assert_eq!(scene.record(first), None);
    scene.on("2025-03-04");
    let record = scene.world.sign("fire", taken);
    assert_eq!(scene.record(record), None, "it has its effect all the same");
    let notice = scene.memory.anomalies.last().unwrap();
    // From the sixth at 09:00:00 (the first event) to the fourth at 09:00:00.
    assert_eq!((notice.position, &notice.cause), (scene.position(), &Cause::ClockWentBack { seconds: 172_800 }));
    assert_eq!(scene.referral(referral).acknowledged_on, Some(crate::harness::date("2025-03-04")));
    // Three working days after the recorded day of issue, whatever anybody's clock says later: 6, 7, 10 March.
    assert_eq!(scene.referral(referral).acknowledge_due.unwrap().date, crate::harness::date("2025-03-10"));
    assert_eq!(scene.state().history.len(), 3);
    // Within five minutes nobody is troubled.
    let now = scene.world.now();
    scene.world.set_now(now + jiff::SignedDuration::from_hours(48));
    let second = scene.world.sign("fire", registration());
    assert_eq!(scene.record(second), None);
    let told = scene.memory.anomalies.len();
    let back = scene.world.now() - jiff::SignedDuration::from_secs(299);
    scene.world.set_now(back);
    let third = scene.world.sign("fire", registration());
    assert_eq!(scene.record(third), None);
    assert_eq!(scene.memory.anomalies.len(), told);
}

/// cases.md 25: the exact bytes are what counts. One flipped bit anywhere in bytes or signature: never an effect.
#[test]
fn case_25_one_flipped_bit_anywhere_has_no_effect() {
    let mut scene = Scene::new();
    let good = scene.report_record("fire", Report::equipment("2025-01-02").by(school()));
    for place in 0..good.bytes.len() * 8 {
        let mut bent = good.clone();
        bent.bytes[place / 8] ^= 1 << (place % 8);
        assert_bent(&mut scene, bent);
    }
    for place in 0..good.signature.len() * 8 {
        let mut bent = good.clone();
        bent.signature[place / 8] ^= 1 << (place % 8);
        assert_bent(&mut scene, bent);
    }
    assert_eq!(scene.record(good), None);
}

fn assert_bent(scene: &mut Scene, record: Record) {
    let cause = scene.record(record).expect("no effect");
    // A flip within the id makes another id than the one under which the log filed it.
    assert!(matches!(cause.code(), "bad_signature" | "malformed_envelope" | "id_mismatch"), "{cause:?}");
    assert!(scene.memory.cases.is_empty() && scene.memory.ids.len() == 10);
}

/// The same JSON with other spacing says the same, but was not signed.
#[test]
fn case_25_bytes_serialised_again_are_not_the_signed_ones() {
    let mut scene = Scene::new();
    let mut record = scene.world.sign("fire", registration());
    let value: serde_json::Value = serde_json::from_slice(&record.bytes).unwrap();
    record.bytes = serde_json::to_vec_pretty(&value).unwrap();
    assert_eq!(scene.without_effect(record), Cause::BadSignature);
}
