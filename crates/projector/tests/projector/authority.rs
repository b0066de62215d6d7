//! Agencies, keys and rulebooks: who registers, rotates, revokes, suspends, publishes.

use fengsui_event::payload::{
    AgencyKey, AgencyKeyRevoked, AgencyKeyRotated, AgencyRegistered, AgencySuspended, RulebookPublished,
};
use fengsui_event::{Digest, KeyAlgorithm, KeyId, Payload, Signer, Subject};
use fengsui_projector::fold::{Missing, Rejection};
use fengsui_projector::{Cause, Projector};
use fengsui_rulebook::Rulebook;

use crate::harness::payloads::{Report, agency_registered, rulebook_published, unit_registered};
use crate::harness::{Key, Model, Publication, Scene, agency, columns, date, hotel, text};

fn about_agency(code: &str, payload: impl Into<Payload>) -> Publication {
    Publication { subject: Subject::Agency(agency(code)), correlation: None, causation: None, payload: payload.into() }
}

fn about_rulebook(payload: Payload) -> Publication {
    let subject = Subject::Rulebook("any".to_owned());
    Publication { subject, correlation: None, causation: None, payload }
}

fn registration(code: &str, keys: &[KeyId]) -> AgencyRegistered {
    let Payload::AgencyRegistered(data) = agency_registered(code, keys) else { unreachable!() };
    data
}

fn rotation(code: &str, old: KeyId, new: KeyId) -> AgencyKeyRotated {
    AgencyKeyRotated { agency: agency(code), old, new: AgencyKey { keyid: new, algorithm: KeyAlgorithm::Ed25519 } }
}

fn revocation(code: &str, keyid: KeyId) -> AgencyKeyRevoked {
    AgencyKeyRevoked { agency: agency(code), keyid, reason: "遗失".to_owned() }
}

fn suspension(code: &str) -> AgencySuspended {
    AgencySuspended { agency: agency(code), reason: "撤并".to_owned() }
}

/// Something small that any agency may publish.
fn small(scene: &Scene) -> Publication {
    let _ = scene;
    Publication {
        subject: Subject::Unit(hotel()),
        correlation: None,
        causation: None,
        payload: unit_registered(&hotel()).into(),
    }
}

fn is_authoritys(rejection: &Rejection) -> bool {
    matches!(rejection, Rejection::WrongActor { may, .. } if *may == [agency("joint-office")])
}

#[test]
fn only_the_authority_registers_an_agency_once_with_a_name_and_fresh_keys() {
    let mut scene = Scene::new();
    let fresh = Key::numbered(100).keyid();
    let police = registration("police", &[fresh]);
    assert!(is_authoritys(&scene.refuses("fire", about_agency("police", police.clone()))));
    let elsewhere = scene.refuses("joint-office", about_agency("fire", police.clone()));
    assert!(matches!(elsewhere, Rejection::Incoherent { .. }));
    let nameless = AgencyRegistered { name: String::new(), ..police.clone() };
    let empty = |field: &str| Rejection::Empty { field: field.to_owned() };
    assert_eq!(scene.refuses("joint-office", about_agency("police", nameless)), empty("name"));
    let keyless = AgencyRegistered { keys: Vec::new(), ..police.clone() };
    assert_eq!(scene.refuses("joint-office", about_agency("police", keyless)), empty("keys"));
    let taken = registration("police", &[fresh, scene.world.keyid("fire")]);
    assert!(matches!(scene.refuses("joint-office", about_agency("police", taken)), Rejection::Exists { .. }));
    assert!(!scene.registry.keys.contains_key(&fresh), "refused whole");
    scene.effective("joint-office", about_agency("police", police.clone()));
    let again = AgencyRegistered {
        keys: vec![AgencyKey { keyid: Key::numbered(101).keyid(), ..police.keys[0].clone() }],
        ..police
    };
    assert!(matches!(scene.refuses("joint-office", about_agency("police", again)), Rejection::Exists { .. }));
}

#[test]
fn an_agency_rotates_its_own_key_and_the_authority_anybodys() {
    let mut scene = Scene::new();
    let (old, new) = (scene.world.keyid("fire"), Key::numbered(100).keyid());
    assert!(is_authoritys(&scene.refuses("tourism", about_agency("fire", rotation("fire", old, new)))));
    let not_its_own = rotation("fire", scene.world.keyid("tourism"), new);
    let missing = scene.refuses("fire", about_agency("fire", not_its_own));
    assert!(matches!(missing, Rejection::Missing(Missing::Key(_))));
    let taken = rotation("fire", old, scene.world.keyid("tourism"));
    assert!(matches!(scene.refuses("fire", about_agency("fire", taken)), Rejection::Exists { .. }));
    scene.effective("fire", about_agency("fire", rotation("fire", old, new)));
    let until = scene.position();

    // The old key has ended with that position, the new one is good from then on.
    let publication = small(&scene);
    let by_old = scene.world.sign_at(
        "fire",
        scene.world.link("fire"),
        fengsui_event::EventId::from_parts(1, [1; 10]),
        publication.clone(),
    );
    assert_eq!(scene.without_effect(by_old), Cause::EndedKey { until });
    scene.world.change_key("fire", 100);
    scene.effective("fire", publication);

    let newest = Key::numbered(101).keyid();
    scene.effective("joint-office", about_agency("fire", rotation("fire", new, newest)));
    scene.world.change_key("fire", 101);
    let publication = small(&scene);
    scene.effective("fire", publication);
    // A key that has ended is never taken up again.
    let back = rotation("fire", newest, old);
    assert!(matches!(scene.refuses("fire", about_agency("fire", back)), Rejection::Exists { .. }));
}

#[test]
fn a_revoked_key_is_good_for_what_it_signed_before() {
    let mut scene = Scene::new();
    let keyid = scene.world.keyid("fire");
    let case = scene.reports("fire", Report::equipment("2025-01-02"));
    assert!(is_authoritys(&scene.refuses("tourism", about_agency("fire", revocation("fire", keyid)))));
    let reasonless = AgencyKeyRevoked { reason: String::new(), ..revocation("fire", keyid) };
    let empty = Rejection::Empty { field: "reason".to_owned() };
    assert_eq!(scene.refuses("joint-office", about_agency("fire", reasonless)), empty);
    let others = revocation("tourism", keyid);
    let missing = scene.refuses("joint-office", about_agency("fire", others));
    assert_eq!(missing, Rejection::Missing(Missing::Key(keyid)));
    scene.effective("joint-office", about_agency("fire", revocation("fire", keyid)));
    let until = scene.position();
    let publication = small(&scene);
    let record = scene.world.sign("fire", publication);
    assert_eq!(scene.without_effect(record), Cause::EndedKey { until });
    assert!(scene.memory.cases.contains_key(&case));
    let again = scene.refuses("joint-office", about_agency("fire", revocation("fire", keyid)));
    assert_eq!(again, Rejection::Missing(Missing::Key(keyid)));
}

/// Whoever finds its key stolen ends it at once; the authority gives it another one, since nobody else could.
#[test]
fn an_agency_revokes_its_own_key_and_the_authority_replaces_what_has_ended() {
    let mut scene = Scene::new();
    let (keyid, new) = (scene.world.keyid("fire"), Key::numbered(100).keyid());
    scene.effective("fire", about_agency("fire", revocation("fire", keyid)));
    let until = scene.position();
    let publication = small(&scene);
    let record = scene.world.sign_at(
        "fire",
        scene.world.link("fire"),
        fengsui_event::EventId::from_parts(1, [1; 10]),
        publication.clone(),
    );
    assert_eq!(scene.without_effect(record), Cause::EndedKey { until });
    scene.effective("joint-office", about_agency("fire", rotation("fire", keyid, new)));
    assert_eq!(scene.registry.keys[&keyid].until, Some(until), "it ended when it was revoked");
    scene.world.change_key("fire", 100);
    scene.effective("fire", publication);
}

/// One key of an agency does not decide over another: a rotation is signed by the key that ends.
#[test]
fn a_rotation_is_signed_by_the_key_that_ends() {
    let mut scene = Scene::new();
    let (first, second) = (Key::numbered(100), Key::numbered(101));
    let both = registration("police", &[first.keyid(), second.keyid()]);
    scene.effective("joint-office", about_agency("police", both));
    scene.world.change_key("police", 100);
    let new = Key::numbered(102).keyid();
    let refused = scene.refuses("police", about_agency("police", rotation("police", second.keyid(), new)));
    let expected = format!("one by the key that ends, {}", second.keyid());
    assert_eq!(refused, Rejection::Incoherent { found: format!("a signature by {}", first.keyid()), expected });
    scene.effective("police", about_agency("police", rotation("police", first.keyid(), new)));
}

#[test]
fn the_authority_keeps_its_last_key() {
    let mut scene = Scene::new();
    let keyid = scene.world.keyid("joint-office");
    let refused = scene.refuses("joint-office", about_agency("joint-office", revocation("joint-office", keyid)));
    assert!(matches!(refused, Rejection::Incoherent { .. }), "the exchange must not lock itself out");
    let new = Key::numbered(100).keyid();
    scene.effective("joint-office", about_agency("joint-office", rotation("joint-office", keyid, new)));
    scene.world.change_key("joint-office", 100);
    scene.effective("joint-office", about_agency("fire", suspension("fire")));
}

#[test]
fn a_suspended_agency_writes_nothing_more() {
    let mut scene = Scene::new();
    assert!(is_authoritys(&scene.refuses("fire", about_agency("fire", suspension("fire")))));
    let reasonless = AgencySuspended { reason: " ".to_owned(), ..suspension("fire") };
    let empty = Rejection::Empty { field: "reason".to_owned() };
    assert_eq!(scene.refuses("joint-office", about_agency("fire", reasonless)), empty);
    let itself = scene.refuses("joint-office", about_agency("joint-office", suspension("joint-office")));
    assert!(matches!(itself, Rejection::Incoherent { .. }), "the exchange must not lock itself out");
    let nobody = scene.refuses("joint-office", about_agency("police", suspension("police")));
    assert_eq!(nobody, Rejection::Missing(Missing::Agency(agency("police"))));
    scene.effective("joint-office", about_agency("fire", suspension("fire")));
    let since = scene.position();
    let publication = small(&scene);
    let record = scene.world.sign("fire", publication);
    assert_eq!(scene.without_effect(record), Cause::SuspendedAgency { since });
    // Suspended again: the first position stands.
    scene.effective("joint-office", about_agency("fire", suspension("fire")));
    assert_eq!(scene.registry.agencies[&agency("fire")].suspended_at, Some(since));
}

#[test]
fn only_the_authority_publishes_a_rulebook_whole_true_and_once() {
    let mut scene = Scene::new();
    let newer = Rulebook::default_toml().replace("version = \"pilot-2026.1\"", "version = \"pilot-2026.2\"");
    let Payload::RulebookPublished(good) = rulebook_published(&newer) else { unreachable!() };
    assert!(is_authoritys(&scene.refuses("fire", about_rulebook(good.clone().into()))));
    let other_hash = RulebookPublished { sha256: Digest::of(b"other"), ..good.clone() };
    let rejection = scene.refuses("joint-office", about_rulebook(other_hash.into()));
    assert!(matches!(rejection, Rejection::Incoherent { .. }));
    let other_version = RulebookPublished { version: "pilot-2026.3".to_owned(), ..good.clone() };
    let rejection = scene.refuses("joint-office", about_rulebook(other_version.into()));
    assert!(matches!(rejection, Rejection::Incoherent { .. }));
    let text = "schema = 1".to_owned();
    let broken = RulebookPublished { sha256: Digest::of(text.as_bytes()), text, ..good.clone() };
    let rejection = scene.refuses("joint-office", about_rulebook(broken.into()));
    assert!(matches!(rejection, Rejection::BadRulebook { .. }));
    scene.effective("joint-office", about_rulebook(good.clone().into()));
    assert!(matches!(scene.refuses("joint-office", about_rulebook(good.into())), Rejection::Exists { .. }));
}

/// Published today for next month: until then the old one decides.
#[test]
fn a_rulebook_decides_from_its_day_on() {
    let mut scene = Scene::new();
    let newer = Rulebook::default_toml().replace("version = \"pilot-2026.1\"", "version = \"pilot-2026.2\"");
    let Payload::RulebookPublished(data) = rulebook_published(&newer) else { unreachable!() };
    let data = RulebookPublished { effective_from: date("2025-02-01"), ..data };
    scene.effective("joint-office", about_rulebook(data.into()));
    for (day, version) in [("2025-01-31", "pilot-2026.1"), ("2025-02-01", "pilot-2026.2")] {
        assert_eq!(scene.registry.rulebook(date(day)).unwrap().version(), version, "{day}");
    }
}

#[test]
fn the_tables_show_agencies_keys_and_rulebooks() {
    let mut scene = Scene::new();
    let (old, new) = (scene.world.keyid("fire"), Key::numbered(100).keyid());
    scene.effective("fire", about_agency("fire", rotation("fire", old, new)));
    let (model, projector): (Model, Projector) = Model::of(&scene.genesis, &scene.log);
    let connection = projector.store().connection();
    let codes: Vec<String> = columns(connection, "SELECT code FROM agencies ORDER BY code");
    assert_eq!(codes.len(), 9);
    assert_eq!(text(connection, "SELECT keys FROM agencies WHERE code = 'fire'"), new.to_string());
    assert_eq!(text(connection, "SELECT version FROM rulebooks"), "pilot-2026.1");
    drop(projector);
    // What is stored is what is read back.
    let reopened = model.open();
    assert_eq!(reopened.registry().keys, scene.registry.keys);
    assert_eq!(reopened.registry().chains, scene.registry.chains);
    assert_eq!(reopened.registry().agencies, scene.registry.agencies);
}
