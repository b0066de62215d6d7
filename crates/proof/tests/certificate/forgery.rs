//! What an attacker who holds keys may try: the issuer itself, an agency, the broker with the authority.

use fengsui_event::payload::AgencyKeyRevoked;
use fengsui_event::{Points, Subject};
use fengsui_proof::certificate::{Certificate, ProvenEvent, Statement};
use fengsui_proof::tree::{Hash, leaf_hash};
use fengsui_proof::{Checkpoint, Cosigner, Origin, SignedCheckpoint};

use crate::scene::{self, Key, OTHER_UNIT, Scene, UNIT, agency, day, unit};
use crate::{check, forged};

/// The code of what an issuer is caught at who changes the statement and signs it himself.
#[track_caller]
fn issuer_changes(change: impl FnOnce(&mut Statement)) -> &'static str {
    let mut scene = Scene::new();
    change(&mut scene.statement);
    forged(&scene.certificate(), &scene.trust())
}

#[test]
fn an_issuer_who_signs_something_else_is_caught_wherever_the_evidence_speaks() {
    assert_eq!(issuer_changes(|it| it.balance = Points(93)), "sum");
    assert_eq!(issuer_changes(|it| drop(it.entries.remove(2))), "sum");
    assert_eq!(issuer_changes(|it| it.entries[2].points = Points(-2)), "entry");
    assert_eq!(issuer_changes(|it| it.entries[2].kind = "opening".to_owned()), "entry");
    assert_eq!(issuer_changes(|it| it.entries[2].effective_on = day("2026-11-23")), "entry");
    assert_eq!(issuer_changes(|it| it.entries[2].counted_until = Some(day("2026-11-24"))), "entry");
    assert_eq!(issuer_changes(|it| it.entries[2].number = 2), "entry");
    assert_eq!(issuer_changes(|it| it.entries[2].cause = it.entries[1].cause), "entry");
    assert_eq!(issuer_changes(|it| it.entries[2].cause_position = 11), "entry");
    assert_eq!(issuer_changes(|it| it.entries.swap(0, 1)), "entry");
    let twice = |it: &mut Statement| {
        let again = it.entries[0].clone();
        it.entries.push(fengsui_proof::certificate::CertifiedEntry { number: 4, ..again });
        it.balance = Points(192);
    };
    assert_eq!(issuer_changes(twice), "entry");
    assert_eq!(issuer_changes(|it| it.unit = unit(OTHER_UNIT)), "other_unit");
    assert_eq!(issuer_changes(|it| it.position = 13), "not_covered");
    assert_eq!(issuer_changes(|it| it.position = 9), "order");
    assert_eq!(issuer_changes(|it| it.valid_until = day("2026-11-23")), "period");
    assert_eq!(issuer_changes(|it| it.region = "350200".parse().unwrap()), "region");
    assert_eq!(issuer_changes(|it| it.issuer = agency("urban")), "key");
    assert_eq!(issuer_changes(|it| it.rulebook.version = "2026.2".to_owned()), "rulebook");
    assert_eq!(issuer_changes(|it| it.rulebook.position = 6), "rulebook");
    assert_eq!(issuer_changes(|it| it.date = day("2025-12-31")), "rulebook");
    assert_eq!(issuer_changes(|it| it.notice.does_not_prove_en.clear()), "notice");
}

#[test]
fn an_event_that_was_changed_moved_or_left_out_is_named() {
    assert_eq!(issuer_changes(|it| it.events[6].bytes = it.events[6].bytes.replace("-5", "-4")), "inclusion");
    assert_eq!(issuer_changes(|it| it.events[6].hashes.swap(0, 1)), "inclusion");
    assert_eq!(issuer_changes(|it| it.events[6].hashes.truncate(1)), "inclusion");
    assert_eq!(issuer_changes(|it| it.events[6].signature[3] ^= 1), "event_signature");
    assert_eq!(issuer_changes(|it| it.events.swap(6, 7)), "order");
    assert_eq!(issuer_changes(|it| it.events[0].position = 0), "order");
    assert_eq!(issuer_changes(|it| drop(it.events.remove(6))), "entry");
    assert_eq!(issuer_changes(|it| drop(it.events.remove(4))), "rulebook");
    // Without the authority's registration its first key still speaks; without those of the others theirs do not.
    assert_eq!(issuer_changes(|it| drop(it.events.remove(1))), "key");
    assert_eq!(issuer_changes(|it| drop(it.events.remove(7))), "key");
}

#[test]
fn a_witness_whose_registration_is_left_out_does_not_count() {
    let mut scene = Scene::new();
    scene.statement.events.remove(2);
    let mut trust = scene.trust();
    trust.needed = Some(2);
    assert_eq!(forged(&scene.certificate(), &trust), "quorum");
    // Whoever checks may know a witness by himself.
    let name = Origin::of(scene::region()).cosigner_name(agency("urban"));
    trust.cosigners = vec![Cosigner { name, key: fengsui_event::Signer::keyid(&scene.urban) }];
    assert_eq!(check(&scene.certificate(), &trust).unwrap().cosigned.len(), 2);
}

#[test]
fn the_proof_of_another_unit_proves_nothing_of_this_one() {
    let scene = Scene::new();
    let (event, cause) = (scene.proven(11), scene.id(11));
    let code = issuer_changes(|it| {
        it.events.push(event);
        it.entries[2].cause = cause;
        it.entries[2].cause_position = 11;
    });
    assert_eq!(code, "other_unit");
}

#[test]
fn a_checkpoint_of_another_exchange_or_of_too_few_is_refused() {
    let scene = Scene::new();
    let found = scene.checkpoint().checkpoint().clone();
    let elsewhere = Origin::of("350200".parse().unwrap());
    let other = Checkpoint::new(elsewhere, found.size, found.root, None);
    assert_eq!(issuer_changes(|it| it.checkpoint = scene.cosigned(other).to_string()), "origin");
    let alone = SignedCheckpoint::sign(found.clone(), &scene.authority).to_string();
    assert_eq!(issuer_changes(|it| it.checkpoint = alone), "quorum");
    let by_stranger = SignedCheckpoint::sign(found, &Key::new(99)).to_string();
    assert_eq!(issuer_changes(|it| it.checkpoint = by_stranger), "quorum");
    assert_eq!(issuer_changes(|it| it.checkpoint.truncate(40)), "checkpoint");
    let mut trust = scene.trust();
    trust.needed = Some(3);
    assert_eq!(forged(&scene.certificate(), &trust), "quorum");
    trust.authority_keys = vec![fengsui_event::Signer::keyid(&Key::new(99))];
    assert_eq!(forged(&scene.certificate(), &trust), "key");
}

#[test]
fn a_second_root_of_one_size_does_not_take_the_events_of_the_first() {
    let scene = Scene::new();
    let found = scene.checkpoint().checkpoint().clone();
    let split = Checkpoint::new(found.origin, found.size, leaf_hash(b"another history"), None);
    assert_eq!(issuer_changes(|it| it.checkpoint = scene.cosigned(split).to_string()), "inclusion");
}

/// A certificate by the key that the agency had before it was replaced.
#[test]
fn an_ended_key_signs_no_certificate_and_no_later_event() {
    let mut scene = Scene::new();
    scene.statement.keyid = fengsui_event::Signer::keyid(&scene.fire);
    let by_old = Certificate::sign(scene.statement.clone(), &scene.fire).unwrap();
    assert_eq!(forged(&by_old, &scene.trust()), "key");

    let mut scene = Scene::with_events();
    let old = scene.fire.clone();
    scene.push("fire", &old, Subject::Unit(unit(UNIT)), scene::adjusted(50));
    scene.draw();
    let (event, cause) = (scene.proven(13), scene.id(13));
    let entry = scene.statement.entries[2].clone();
    scene.statement.events.push(event);
    scene.statement.balance = Points(142);
    scene.statement.entries.push(fengsui_proof::certificate::CertifiedEntry {
        number: 4,
        points: Points(50),
        cause,
        cause_position: 13,
        ..entry
    });
    assert_eq!(forged(&scene.certificate(), &scene.trust()), "key");
}

/// The code that a further registry event leads to, by whom it is and what it says.
#[track_caller]
fn with_event(push: impl FnOnce(&mut Scene)) -> Result<usize, &'static str> {
    let mut scene = Scene::with_events();
    push(&mut scene);
    scene.draw();
    let last = u64::try_from(scene.events.len()).unwrap();
    let event: ProvenEvent = scene.proven(last);
    scene.statement.events.push(event);
    check(&scene.certificate(), &scene.trust())
        .map(|verified| verified.cosigned.len())
        .map_err(|forgery| forgery.code())
}

#[test]
fn registrations_count_only_as_the_fold_lets_them() {
    let about = |code: &str| Subject::Agency(agency(code));
    let stranger = Key::new(77);
    let registers = |scene: &mut Scene, by: &str, key: &Key, code: &str, new: &Key| {
        scene.push(by, key, about(code), scene::registered(code, new));
    };
    let by_fire = |scene: &mut Scene| {
        let key = scene.fire_new.clone();
        registers(scene, "fire", &key, "bank", &Key::new(77));
    };
    assert_eq!(with_event(by_fire), Err("registration"));
    let twice = |scene: &mut Scene| {
        let key = scene.authority.clone();
        registers(scene, "joint-office", &key, "urban", &Key::new(77));
    };
    assert_eq!(with_event(twice), Err("registration"));
    let somebodys_key = |scene: &mut Scene| {
        let (key, urban) = (scene.authority.clone(), scene.urban.clone());
        registers(scene, "joint-office", &key, "bank", &urban);
    };
    assert_eq!(with_event(somebodys_key), Err("registration"));
    let by_stranger = |scene: &mut Scene| registers(scene, "joint-office", &stranger, "bank", &stranger);
    assert_eq!(with_event(by_stranger), Err("key"));
    let anothers = |scene: &mut Scene| {
        let (key, urban) = (scene.fire_new.clone(), scene.urban.clone());
        scene.push("fire", &key, about("urban"), scene::rotated("urban", &urban, &Key::new(77)));
    };
    assert_eq!(with_event(anothers), Err("registration"));
    let ends_anothers = |scene: &mut Scene| {
        let (key, urban) = (scene.fire_new.clone(), scene.urban.clone());
        scene.push("fire", &key, about("fire"), scene::revoked("fire", &urban));
    };
    assert_eq!(with_event(ends_anothers), Err("registration"));
    let without_reason = |scene: &mut Scene| {
        let urban = scene.urban.clone();
        let revoked = AgencyKeyRevoked { reason: " ".to_owned(), ..scene::revoked("urban", &urban) };
        scene.push("urban", &urban, about("urban"), revoked);
    };
    assert_eq!(with_event(without_reason), Err("registration"));
    let the_last = |scene: &mut Scene| {
        let key = scene.authority.clone();
        scene.push("joint-office", &key, about("joint-office"), scene::revoked("joint-office", &key));
    };
    assert_eq!(with_event(the_last), Err("registration"));
    let itself = |scene: &mut Scene| {
        let key = scene.authority.clone();
        scene.push("joint-office", &key, about("joint-office"), scene::suspended("joint-office"));
    };
    assert_eq!(with_event(itself), Err("registration"));
    // Only of registrations the fold asks whose subject they have. Else any agency could write what no certificate can be issued with.
    let elsewhere = |scene: &mut Scene| {
        let urban = scene.urban.clone();
        scene.push("urban", &urban, about("fire"), scene::rotated("urban", &urban, &Key::new(77)));
    };
    assert_eq!(with_event(elsewhere), Err("quorum"));
    // More than half of four others are three, and there are two.
    let one_more = |scene: &mut Scene| {
        let key = scene.authority.clone();
        registers(scene, "joint-office", &key, "bank", &Key::new(77));
    };
    assert_eq!(with_event(one_more), Err("quorum"));
}

#[test]
fn revoked_keys_and_suspended_agencies_do_not_witness() {
    let about = |code: &str| Subject::Agency(agency(code));
    let revoked = |scene: &mut Scene| {
        let (key, urban) = (scene.authority.clone(), scene.urban.clone());
        scene.push("joint-office", &key, about("urban"), scene::revoked("urban", &urban));
    };
    assert_eq!(with_event(revoked), Err("quorum"));
    let suspended = |scene: &mut Scene| {
        let key = scene.authority.clone();
        scene.push("joint-office", &key, about("urban"), scene::suspended("urban"));
    };
    assert_eq!(with_event(suspended), Err("quorum"));
    let other = |scene: &mut Scene| {
        let key = scene.authority.clone();
        scene.push("joint-office", &key, about("tourism"), scene::suspended("tourism"));
    };
    assert_eq!(with_event(other), Ok(2));
    let issuer = |scene: &mut Scene| {
        let key = scene.authority.clone();
        scene.push("joint-office", &key, about("fire"), scene::suspended("fire"));
    };
    assert_eq!(with_event(issuer), Err("key"));
}

#[test]
fn hashes_that_are_no_hashes_do_not_come_in() {
    let scene = Scene::new();
    let hash = scene.statement.events[0].hashes[0];
    let text = scene.certificate().to_string();
    let broken = text.replacen(&hash.to_string(), "AAAA", 1);
    assert!(Certificate::parse(broken.as_bytes()).is_err());
    assert!("AAAA".parse::<Hash>().is_err());
}
