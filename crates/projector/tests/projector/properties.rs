//! What holds for any history. The end of each scene checks the invariants of the state and that the real read model
//! agrees with plain maps; see the harness.

use fengsui_event::{ChainLink, Digest, EventId, Signer};
use fengsui_log::Record;
use fengsui_projector::fold::admission::SignatureCheck;
use fengsui_projector::overlay::Tried;
use fengsui_projector::state::{CaseState, EntryKind, ReferralStatus as S};
use fengsui_projector::{FollowOptions, Unwatched};
use proptest::prelude::*;

use crate::harness::history::{Step, play, steps};
use crate::harness::payloads::unit_registered;
use crate::harness::{MemoryLog, Model, Publication, Scene, World, columns, hotel, number};

const STEPS_MAX: usize = 120;

/// `PROPTEST_CASES` asks for more than the few cases that are enough on every run.
fn config(cases: u32) -> ProptestConfig {
    let default = ProptestConfig::default();
    let cases = if std::env::var_os("PROPTEST_CASES").is_some() { default.cases } else { cases };
    ProptestConfig { cases, failure_persistence: None, max_shrink_iters: 60, ..default }
}

proptest! {
    #![proptest_config(config(32))]

    #[test]
    fn any_history_keeps_the_invariants(steps in steps(1..STEPS_MAX)) {
        play(&steps);
    }

    /// The whole log again, and every record twice in a row: the same as once.
    #[test]
    fn any_event_twice_is_once(steps in steps(1..60)) {
        let mut scene = play(&steps);
        let (memory, log) = (scene.memory.clone(), scene.log.records.clone());
        for record in &log {
            prop_assert!(scene.record(record.clone()).is_some());
        }
        prop_assert_eq!(&scene.memory.cases, &memory.cases);
        prop_assert_eq!(&scene.memory.accounts, &memory.accounts);
        prop_assert_eq!(&scene.memory.entries, &memory.entries);
        prop_assert_eq!(&scene.memory.ids, &memory.ids);
        prop_assert_eq!(&scene.memory.cosignatures, &memory.cosignatures);
        prop_assert_eq!(&scene.memory.certificates, &memory.certificates);

        let mut doubled = Scene::empty();
        for record in &log {
            doubled.record(record.clone());
            prop_assert!(doubled.record(record.clone()).is_some());
        }
        prop_assert_eq!(&doubled.memory.accounts, &memory.accounts);
        prop_assert_eq!(doubled.memory.entries.len(), memory.entries.len());
        let halved = |case: &CaseState| {
            let mut case = case.clone();
            case.history.iter_mut().for_each(|position| *position = position.div_ceil(2));
            case
        };
        let cases: Vec<CaseState> = doubled.memory.cases.values().map(|case| halved(case)).collect();
        prop_assert!(cases.iter().eq(memory.cases.values().map(|case| &**case)));
        let half = |position: &mut u64| *position = position.div_ceil(2);
        let mut cosignatures = doubled.memory.cosignatures.clone();
        for cosignature in &mut cosignatures {
            half(&mut cosignature.position);
        }
        prop_assert_eq!(&cosignatures, &memory.cosignatures);
        let mut certificates = doubled.memory.certificates.clone();
        for certificate in certificates.values_mut() {
            half(&mut certificate.issued_at);
            if let Some(revocation) = &mut certificate.revocation {
                half(&mut revocation.position);
            }
        }
        prop_assert_eq!(&certificates, &memory.certificates);
    }

    /// Nothing is lost at the desk: the overlay answers for an event what the fold will answer, and leaves no trace.
    #[test]
    fn the_overlay_foresees_the_fold(steps in steps(1..40), split in any::<prop::sample::Index>()) {
        let scene = play(&steps);
        let length = scene.log.records.len();
        let split = 10 + split.index(length - 9);
        let (_model, mut projector) = Model::of(&scene.genesis, &scene.log.prefix(split));
        let before = projector.digest().unwrap();
        let mut replayed = Scene::empty();
        for record in &scene.log.records[..split] {
            replayed.record(record.clone());
        }
        let mut overlay = projector.overlay();
        for record in &scene.log.records[split..] {
            let Ok(event) = fengsui_event::Event::parse(&record.bytes) else { break };
            let Ok(signature) = record.signature.clone().try_into() else { break };
            let signed = fengsui_event::SignedEvent { bytes: record.bytes.clone(), signature };
            let (source, touches) = (&event.source, &fengsui_projector::fold::touches(&event));
            let tried = Tried { id: record.id, subject: &record.subject, event: &signed, source, touches };
            overlay.begin();
            let tentative = overlay.apply_all(&[tried]).unwrap();
            overlay.undo();
            let foreseen = overlay.apply_all(&[tried]).unwrap();
            prop_assert_eq!(&tentative, &foreseen, "undone without a trace");
            let found = replayed.record(record.clone());
            if found.as_ref().is_some_and(|cause| cause.code() == "bad_signature") {
                // The desk trusts what it has just signed itself.
                break;
            }
            prop_assert_eq!(&foreseen, &found);
            if found.is_some() {
                // The overlay takes back what was refused; on a log it would stand.
                break;
            }
        }
        let _ = overlay;
        prop_assert_eq!(projector.digest().unwrap(), before);
    }
}

proptest! {
    #![proptest_config(config(16))]

    /// However the way through the log was cut, the state is the same: followed at once, in two goes with a restart
    /// between, written after every event with caches that hold next to nothing, rebuilt.
    #[test]
    fn any_way_through_the_log_gives_the_same_digest(
        steps in steps(1..STEPS_MAX),
        split in any::<prop::sample::Index>(),
        commit_events in 1_u64..20,
        bound in 1_usize..4,
    ) {
        let scene = play(&steps);
        let (genesis, log) = (&scene.genesis, &scene.log);
        let (_whole, projector) = Model::of(genesis, log);
        let expected = projector.digest().unwrap();
        check_tables(projector.store().connection());

        let resumed = Model::new(genesis);
        resumed.follow_to(log, split.index(log.records.len()) as u64 + 1, FollowOptions::default());
        resumed.follow_to(log, log.records.len() as u64, FollowOptions::default());
        prop_assert_eq!(resumed.digest(), expected, "resumed");

        let tiny = Model::new(genesis);
        let mut projector = tiny.open();
        projector.bound_caches(bound);
        let options = FollowOptions { commit_events, ..FollowOptions::default() };
        projector.follow(log, options, &mut Unwatched).unwrap();
        prop_assert_eq!(projector.digest().unwrap(), expected, "with tiny caches");
        drop(projector);

        tiny.rebuild(log);
        prop_assert_eq!(tiny.digest(), expected, "rebuilt");
    }
}

/// The tables for people say what the fold's state says.
fn check_tables(connection: &rusqlite::Connection) {
    let none = |what: &str, sql: &str| assert_eq!(number(connection, sql), 0, "{what}");
    none(
        "balances that are not the sum of their entries",
        "SELECT count(*) FROM accounts a WHERE total <> (SELECT sum(points) FROM entries e WHERE e.unit = a.unit)
            OR entries <> (SELECT count(*) FROM entries e WHERE e.unit = a.unit)",
    );
    none(
        "accounts whose cases are not counted",
        "SELECT count(*) FROM accounts a WHERE cases <> (SELECT count(*) FROM cases c WHERE c.unit = a.unit)
            OR open_cases <> (SELECT count(*) FROM cases c WHERE c.unit = a.unit AND c.status = 'open')",
    );
    none(
        "terms of cases that are over",
        "SELECT count(*) FROM deadlines d JOIN cases c ON c.id = d.case_id WHERE c.status <> 'open'",
    );
    none(
        "terms of referrals that owe nothing",
        "SELECT count(*) FROM deadlines d JOIN referrals r USING (case_id, slot)
            WHERE r.status NOT IN ('issued', 'acknowledged', 'returned', 'fed_back')",
    );
    none(
        "referrals that owe something without a term",
        "SELECT count(*) FROM referrals r LEFT JOIN deadlines d USING (case_id, slot)
            WHERE r.status IN ('issued', 'acknowledged', 'returned', 'fed_back') AND d.kind IS NULL",
    );
    none(
        "terms without a referral",
        "SELECT count(*) FROM deadlines d LEFT JOIN referrals r USING (case_id, slot) WHERE slot >= 0 AND r.id IS NULL",
    );
    none(
        "counter-entries that give back more than was taken",
        "SELECT count(*) FROM (SELECT case_id, sum(points) AS moved FROM entries WHERE case_id IS NOT NULL
            GROUP BY case_id) WHERE moved > 0",
    );
    let kinds: Vec<String> = columns(connection, "SELECT DISTINCT kind FROM entries");
    let known = [
        EntryKind::Opening,
        EntryKind::Deduction,
        EntryKind::Repetition,
        EntryKind::Late,
        EntryKind::Restoration,
        EntryKind::Correction,
        EntryKind::Adjustment,
    ];
    assert!(kinds.iter().all(|kind| known.iter().any(|known| known.code() == kind)), "{kinds:?}");
}

/// The random histories are worth something: every status and kind of entry comes up, and most steps have an effect.
#[test]
fn random_histories_reach_every_state() {
    let mut statuses = std::collections::BTreeSet::new();
    let mut kinds = std::collections::BTreeSet::new();
    let mut codes = std::collections::BTreeSet::new();
    let mut state = 1_u64;
    let mut next = || {
        // Numbers of a fixed linear congruential generator (Knuth's MMIX).
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state >> 33
    };
    for _ in 0..24 {
        let steps: Vec<Step> = (0..150)
            .map(|_| Step { kind: next() as u8, pick: next() as u16, other: next() as u16, days: next() as u8 })
            .collect();
        let scene = play(&steps);
        statuses.extend(scene.memory.cases.values().flat_map(|case| &case.referrals).map(|it| it.status));
        kinds.extend(scene.memory.entries.iter().map(|entry| entry.kind));
        codes.extend(scene.memory.anomalies.iter().map(|anomaly| anomaly.cause.code()));
        let effective =
            scene.log.records.len() - scene.memory.anomalies.iter().filter(|it| !it.cause.is_notice()).count();
        assert!(effective * 2 > scene.log.records.len());
    }
    let all = [
        S::Issued,
        S::Acknowledged,
        S::Returned,
        S::Replaced,
        S::Withdrawn,
        S::FedBack,
        S::Confirmed,
        S::Informed,
        S::Decided,
        S::Lapsed,
    ];
    for status in all {
        assert!(statuses.contains(&status), "{status:?}");
    }
    assert_eq!(kinds.len(), 7, "{kinds:?}");
    for code in [
        "duplicate",
        "conflict",
        "chain_gap",
        "clock_went_back",
        "bad_signature",
        "wrong_actor",
        "referral_state",
        "case_state",
        "date_order",
        "not_closable",
        "lead_stands",
        "already_referred",
        "incoherent",
        "missing",
        "exists",
        "already_cosigned",
        "not_signed_by_authority",
        "split_view",
        "rollback",
        "position_range",
        "certificate_revoked",
    ] {
        assert!(codes.contains(code), "{code} in {codes:?}");
    }
}

fn any_bytes() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..300),
        "[\\[\\]{}\":,a-z0-9.\\\\ -]{0,200}".prop_map(String::into_bytes),
    ]
}

/// Any JSON value that might stand where another one should.
fn any_value() -> impl Strategy<Value = serde_json::Value> {
    prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<u64>().prop_map(Into::into),
        "\\PC{0,40}".prop_map(Into::into),
        "(-|)[0-9]{1,5}-[0-9]{2}-[0-9]{2}".prop_map(Into::into),
        Just("9999-12-31".into()),
        Just("-009999-01-01".into()),
        Just("9999-12-30T22:00:00Z".into()),
        Just("00000000000000000000".into()),
        Just("18446744073709551615".into()),
        Just(serde_json::json!([])),
        Just(serde_json::json!({})),
    ]
}

/// Puts a value in the place of one of the leaves, counted from the front.
fn replace_leaf(value: &mut serde_json::Value, place: &mut usize, by: &serde_json::Value) {
    match value {
        serde_json::Value::Object(fields) => fields.values_mut().for_each(|value| replace_leaf(value, place, by)),
        serde_json::Value::Array(items) if !items.is_empty() => {
            for value in items {
                replace_leaf(value, place, by);
            }
        }
        leaf => {
            if *place == 0 {
                leaf.clone_from(by);
            }
            *place = place.wrapping_sub(1);
        }
    }
}

proptest! {
    #![proptest_config(config(24))]

    #[test]
    fn no_bytes_panic(records in proptest::collection::vec((any_bytes(), any_bytes(), any_bytes()), 1..20)) {
        let mut scene = Scene::new();
        for (bytes, signature, subject) in records {
            let subject = String::from_utf8_lossy(&subject).into_owned();
            let record = Record { id: EventId::from_parts(1, [1; 10]), subject, bytes, signature };
            prop_assert!(scene.record(record).is_some());
        }
    }

    /// A genuine event in which any one value was replaced before it was signed: at most an anomaly.
    #[test]
    fn no_signed_nonsense_panics(
        steps in steps(1..40),
        bends in proptest::collection::vec((any::<prop::sample::Index>(), 0_usize..40, any_value()), 1..20),
    ) {
        let scene = play(&steps);
        let records = scene.log.records.clone();
        let mut bent = Scene::new();
        for (index, place, value) in bends {
            let record = index.get(&records);
            let Ok(mut json) = serde_json::from_slice::<serde_json::Value>(&record.bytes) else { continue };
            replace_leaf(&mut json, &mut { place }, &value);
            let agency = json["source"].as_str().and_then(|it| it.split('/').nth(4)).unwrap_or("fire").to_owned();
            let code = if bent.registry.agencies.keys().any(|it| it.as_str() == agency) { agency } else { "fire".to_owned() };
            let bytes = serde_json::to_vec(&json).unwrap();
            let signature = bent.world.key(&code).sign(&bytes).to_vec();
            bent.record(Record { bytes, signature, ..record.clone() });
        }
    }
}

/// One log, two projectors that verify and one that trusts a copy which was verified before.
#[test]
fn a_verified_copy_may_be_trusted() {
    let mut scene = Scene::new();
    let publication = Publication {
        subject: fengsui_event::Subject::Unit(hotel()),
        correlation: None,
        causation: None,
        payload: unit_registered(&hotel()).into(),
    };
    for _ in 0..3 {
        scene.effective("fire", publication.clone());
    }
    let (_one, one) = Model::of(&scene.genesis, &scene.log);
    let (_two, two) = Model::of(&scene.genesis, &scene.log);
    let trusting = Model::new(&scene.genesis);
    trusting.follow_to(&scene.log, 13, FollowOptions { check: SignatureCheck::Trust, ..FollowOptions::default() });
    assert_eq!(one.digest().unwrap(), two.digest().unwrap());
    assert_eq!(one.digest().unwrap(), trusting.digest());
    assert_eq!(
        scene.world.link("fire"),
        ChainLink { sequence: 4, previous: Some(Digest::of(&scene.log.records[12].bytes)) }
    );
    let _: (MemoryLog, World);
}
