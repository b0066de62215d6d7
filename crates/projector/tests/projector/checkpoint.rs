//! Cosigned checkpoints: which ones count, what contradicts what, and what the tables say of them.

use fengsui_event::payload::{AgencyKey, AgencyKeyRotated, AgencySuspended};
use fengsui_event::{Digest, KeyAlgorithm, KeyId, Signer, Subject};
use fengsui_projector::fold::{CheckpointFault, Rejection};
use fengsui_projector::{Cause, Registry};
use fengsui_proof::{Checkpoint, Origin, SignedCheckpoint};

use crate::harness::payloads::unit_registered;
use crate::harness::proofs::{about_region, about_region_of, checkpoint, cosigner, root};
use crate::harness::{AGENCIES, AUTHORITY, Key, Model, Publication, Scene, agency, hotel, region};

/// Ten events stand already: nine registrations and the rulebook.
const BEFORE: u64 = 10;

fn first() -> Checkpoint {
    checkpoint(8, root(1), Some(state(1)))
}

fn state(number: u8) -> Digest {
    Digest::of(&[number])
}

fn rotate(scene: &mut Scene, code: &str, number: u8) -> KeyId {
    let (old, keyid) = (scene.world.keyid(code), Key::numbered(number).keyid());
    let new = AgencyKey { keyid, algorithm: KeyAlgorithm::Ed25519 };
    scene.publishes(code, Subject::Agency(agency(code)), AgencyKeyRotated { agency: agency(code), old, new });
    scene.world.change_key(code, number);
    old
}

fn now(scene: &Scene) -> u64 {
    u64::try_from(scene.world.now().as_second()).unwrap()
}

#[test]
fn what_agencies_cosign_is_kept_in_the_order_of_the_log() {
    let mut scene = Scene::new();
    let time_seconds = now(&scene);
    for code in [AUTHORITY, "fire", "tourism"] {
        scene.cosigns(code, first());
    }
    let kept: Vec<_> = scene.memory.cosignatures.iter().map(|it| (it.position, it.agency, it.time_seconds)).collect();
    let expected = [AUTHORITY, "fire", "tourism"].map(agency);
    // Every event moves the clock on by a second.
    assert_eq!(kept, [0, 1, 2].map(|n| (BEFORE + 1 + n, expected[usize::try_from(n).unwrap()], time_seconds + n)));
    let fire = scene.memory.cosignatures[1].clone();
    assert_eq!((fire.size, fire.root, fire.digest), (8, root(1), Some(state(1))));
    assert_eq!(fire.keyid, scene.world.keyid("fire"));
    assert_eq!(scene.anomalies(), []);
}

/// Logs from before there were checkpoints hold such events as well: their anomalies stay what they were.
#[test]
fn a_text_that_is_no_signed_note_is_not_interpreted() {
    let mut scene = Scene::new();
    assert_eq!(scene.refuses("fire", about_region(&"文字")), Rejection::NotInterpreted);
}

#[test]
fn a_note_must_be_readable_and_of_this_log() {
    let mut scene = Scene::new();
    let good = scene.note("fire", first());
    let broken = good.to_string().replace("\n8\n", "\neight\n");
    assert_eq!(scene.refuses("fire", about_region(&broken)), Rejection::Checkpoint(CheckpointFault::BadNote));
    let publication = about_region_of(region("350602"), &good);
    assert!(matches!(scene.refuses("fire", publication), Rejection::Incoherent { .. }));
    for subject in [Subject::Agency(agency("fire")), Subject::Unit(hotel())] {
        let publication = Publication { subject, ..about_region(&good) };
        assert!(matches!(scene.refuses("fire", publication), Rejection::Incoherent { .. }));
    }
    let elsewhere = Checkpoint::new(Origin::of(region("350200")), 8, root(1), None);
    let note = scene.note("fire", elsewhere);
    let (found, expected) = ("fengsui.cn/regions/350200".to_owned(), "fengsui.cn/regions/350600".to_owned());
    assert_eq!(
        scene.refuses("fire", about_region(&note)),
        Rejection::Checkpoint(CheckpointFault::ForeignOrigin { found, expected })
    );
}

#[test]
fn a_checkpoint_covers_what_came_before_its_event() {
    let mut scene = Scene::new();
    // The events that are refused stand on the log too, so each has one more before it.
    for (size, last) in [(0, BEFORE), (BEFORE + 2, BEFORE + 1), (u64::MAX, BEFORE + 2)] {
        let note = scene.note("fire", checkpoint(size, root(1), None));
        assert_eq!(scene.refuses("fire", about_region(&note)), Rejection::PositionRange { found: size, last });
    }
    scene.cosigns("fire", checkpoint(BEFORE + 3, root(1), None));
}

#[test]
fn the_authority_has_signed_it_with_a_key_that_is_good_then() {
    let mut scene = Scene::new();
    let time_seconds = now(&scene);
    let (fire, joint) = (Key::numbered(2), Key::numbered(1));
    assert_eq!((fire.keyid(), joint.keyid()), (scene.world.keyid("fire"), scene.world.keyid(AUTHORITY)));
    let unsigned = Rejection::Checkpoint(CheckpointFault::NotSignedByAuthority { size: 8 });
    let by = |signer: &Key| {
        let mut note = SignedCheckpoint::sign(first(), signer);
        note.cosign(&cosigner("fire"), time_seconds, &fire).unwrap();
        note
    };
    assert_eq!(scene.refuses("fire", about_region(&by(&fire))), unsigned);
    let tampered = by(&joint).to_string().replace("\n8\n", "\n7\n");
    let unsigned_seven = Rejection::Checkpoint(CheckpointFault::NotSignedByAuthority { size: 7 });
    assert_eq!(scene.refuses("fire", about_region(&tampered)), unsigned_seven);
    rotate(&mut scene, AUTHORITY, 100);
    assert_eq!(scene.refuses("fire", about_region(&by(&joint))), unsigned);
    scene.effective("fire", about_region(&by(&Key::numbered(100))));
}

#[test]
fn the_agency_has_cosigned_it_under_its_name_with_the_key_of_the_event() {
    let mut scene = Scene::new();
    let time_seconds = now(&scene);
    let missing = || {
        Rejection::Checkpoint(CheckpointFault::NotCosigned {
            name: "fengsui.cn/regions/350600/agencies/fire".to_owned(),
        })
    };
    let signed = SignedCheckpoint::sign(first(), scene.world.key(AUTHORITY));
    assert_eq!(scene.refuses("fire", about_region(&signed)), missing());
    let others = scene.note("tourism", first());
    assert_eq!(scene.refuses("fire", about_region(&others)), missing());
    let cosigned = |name: &str, key: &Key| {
        let mut note = signed.clone();
        note.cosign(&cosigner(name), time_seconds, key).unwrap();
        note
    };
    let (old, new) = (Key::numbered(2), Key::numbered(100));
    assert_eq!(scene.refuses("fire", about_region(&cosigned("tourism", &old))), missing());
    assert_eq!(rotate(&mut scene, "fire", 100), old.keyid());
    assert_eq!(scene.refuses("fire", about_region(&cosigned("fire", &old))), missing());
    // Others' cosignatures may stand in the note as well: only its own counts.
    let mut both = cosigned("fire", &new);
    both.merge(&others).unwrap();
    scene.effective("fire", about_region(&both));
    assert_eq!(scene.memory.cosignatures.len(), 1);
}

#[test]
fn a_cosignature_may_be_five_minutes_ahead_of_its_event() {
    let mut scene = Scene::new();
    let signed = SignedCheckpoint::sign(first(), scene.world.key(AUTHORITY));
    let at = |scene: &mut Scene, seconds: u64| {
        let time_seconds = now(scene) + seconds;
        let mut note = signed.clone();
        note.cosign(&cosigner("fire"), time_seconds, scene.world.key("fire")).unwrap();
        note
    };
    let note = at(&mut scene, 301);
    assert_eq!(
        scene.refuses("fire", about_region(&note)),
        Rejection::Checkpoint(CheckpointFault::CosignedLater { seconds: 301 })
    );
    let note = at(&mut scene, 300);
    scene.effective("fire", about_region(&note));
}

#[test]
fn an_agency_cosigns_a_checkpoint_once() {
    let mut scene = Scene::new();
    scene.cosigns("fire", first());
    scene.cosigns("tourism", first());
    let again = scene.note("fire", first());
    let already = Rejection::Checkpoint(CheckpointFault::AlreadyCosigned { size: 8, position: BEFORE + 1 });
    assert_eq!(scene.refuses("fire", about_region(&again)), already);
}

#[test]
fn two_histories_of_one_size_are_both_kept_and_named_once_each() {
    let mut scene = Scene::new();
    scene.cosigns("fire", first());
    let notices = |scene: &Scene| {
        let notice = |it: &fengsui_projector::Anomaly| (it.position, it.cause.clone());
        scene.memory.anomalies.iter().map(notice).collect::<Vec<_>>()
    };
    // Without a digest it contradicts nobody; another root does, and another state of the same root does.
    scene.cosigns("housing", checkpoint(8, root(1), None));
    assert_eq!(notices(&scene), []);
    scene.cosigns("tourism", checkpoint(8, root(2), Some(state(1))));
    scene.cosigns("culture", checkpoint(8, root(2), Some(state(1))));
    scene.cosigns("quality", checkpoint(8, root(1), Some(state(2))));
    scene.cosigns("urban", first());
    let split = Cause::SplitView { size: 8, first: BEFORE + 1 };
    assert_eq!(notices(&scene), [(BEFORE + 3, split.clone()), (BEFORE + 5, split.clone())]);
    assert!(split.is_notice());
    assert_eq!(scene.memory.cosignatures.len(), 6);
}

#[test]
fn an_agency_that_cosigns_less_than_before_is_named() {
    let mut scene = Scene::new();
    scene.cosigns("fire", checkpoint(9, root(9), None));
    scene.cosigns("fire", checkpoint(10, root(10), None));
    scene.cosigns("tourism", first());
    assert_eq!(scene.anomalies(), []);
    scene.cosigns("fire", first());
    let rollback = Cause::Rollback { size: 8, before: 10, first: BEFORE + 2 };
    assert_eq!(scene.memory.anomalies.last().unwrap().cause, rollback);
    assert_eq!(scene.anomalies(), [(BEFORE + 4, "rollback")]);
}

#[test]
fn the_tables_have_checkpoints_with_their_cosigners_the_largest_first() {
    let mut scene = Scene::new();
    scene.cosigns("fire", first());
    scene.cosigns("tourism", checkpoint(9, root(9), None));
    scene.cosigns("tourism", first());
    scene.cosigns("urban", checkpoint(8, root(2), None));
    let (_model, projector) = Model::of(&scene.genesis, &scene.log);
    let view = projector.store().view();
    let told = |row: &fengsui_projector::query::CheckpointRow| {
        let cosigners = row.cosigners.iter().map(|it| format!("{}@{}", it.agency, it.position)).collect::<Vec<_>>();
        (row.size, row.root, row.digest, cosigners.join(" "))
    };
    let all: Vec<_> = view.checkpoints(None).unwrap().iter().map(told).collect();
    let expected = [
        (9, root(9), None, "tourism@12".to_owned()),
        (8, root(1), Some(state(1)), "fire@11 tourism@13".to_owned()),
        (8, root(2), None, "urban@14".to_owned()),
    ];
    assert_eq!(all, expected);
    let largest: Vec<_> = view.checkpoints(Some(2)).unwrap().iter().map(told).collect();
    assert_eq!(largest, expected[..2]);
    assert_eq!(view.latest_checkpoint().unwrap().as_ref().map(told).as_ref(), Some(&expected[0]));
    let eight: Vec<_> = view.checkpoints_at(8).unwrap().iter().map(told).collect();
    assert_eq!(eight, expected[1..]);
    assert_eq!(view.checkpoints_at(7).unwrap(), []);
    let by = |code: &str| view.cosigned_by(agency(code)).unwrap().map(|it| (it.size, it.root, it.position));
    assert_eq!(by("tourism"), Some((9, root(9), 12)));
    assert_eq!(by("fire"), Some((8, root(1), 11)));
    assert_eq!(by("housing"), None);
}

/// An authority that signs ever more histories of one size must not make everybody's work grow with the square of their number.
#[test]
fn of_one_size_only_so_many_histories_are_kept() {
    let mut scene = Scene::new();
    for number in 0..16 {
        scene.cosigns(AUTHORITY, checkpoint(8, root(number), None));
    }
    let many = Rejection::Checkpoint(CheckpointFault::TooManyOfSize { size: 8, kept: 16 });
    for (code, one) in [(AUTHORITY, root(16)), ("fire", root(17))] {
        let note = scene.note(code, checkpoint(8, one, None));
        assert_eq!(scene.refuses(code, about_region(&note)), many);
    }
    // Others may still say which one they have seen, and another size has its own.
    scene.cosigns("fire", checkpoint(8, root(3), None));
    scene.cosigns("fire", checkpoint(9, root(17), None));
    assert_eq!(scene.memory.cosignatures.len(), 18);
    let told = scene.anomalies().iter().filter(|(_, code)| *code == "split_view").count();
    assert_eq!(told, 15);
}

/// What a desk tries twice in one batch is refused the second time, and leaves no trace when it is undone.
#[test]
fn the_overlay_knows_what_was_cosigned_tentatively() {
    use fengsui_projector::fold::touches;
    use fengsui_projector::overlay::Tried;

    let mut scene = Scene::new();
    let (_model, mut projector) = Model::of(&scene.genesis, &scene.log);
    let notes = [first(), checkpoint(7, root(7), None), first()].map(|it| scene.note("fire", it));
    let records: Vec<_> = notes.iter().map(|note| scene.world.sign("fire", about_region(note))).collect();
    let mut overlay = projector.overlay();
    let applied = |overlay: &mut fengsui_projector::Overlay<'_>, index: usize| {
        let record = &records[index];
        let event = fengsui_event::Event::parse(&record.bytes).unwrap();
        let signature = record.signature.clone().try_into().unwrap();
        let signed = fengsui_event::SignedEvent { bytes: record.bytes.clone(), signature };
        let (source, touches) = (&event.source, &touches(&event));
        let tried = Tried { id: record.id, subject: &record.subject, event: &signed, source, touches };
        overlay.apply_all(&[tried]).unwrap()
    };
    overlay.begin();
    assert_eq!(applied(&mut overlay, 0), None);
    overlay.undo();
    assert_eq!(applied(&mut overlay, 0), None, "undone without a trace");
    assert_eq!(applied(&mut overlay, 1), None);
    let already = Rejection::Checkpoint(CheckpointFault::AlreadyCosigned { size: 8, position: BEFORE + 1 });
    assert_eq!(applied(&mut overlay, 2), Some(Cause::Rejected(already)));
}

/// Keys and agencies as they were at a position that is long past: who could have cosigned then.
#[test]
fn the_registry_answers_for_every_position() {
    let mut scene = Scene::new();
    let old = rotate(&mut scene, "fire", 100);
    let rotated = scene.position();
    scene.publishes(
        AUTHORITY,
        Subject::Agency(agency("urban")),
        AgencySuspended { agency: agency("urban"), reason: "撤并".to_owned() },
    );
    let suspended = scene.position();
    scene.publishes("tourism", Subject::Unit(hotel()), unit_registered(&hotel()));
    let registry: &Registry = &scene.registry;
    let key_of = |position: u64, code: &str| {
        let own = registry.keys_valid_at(position).filter(|(agency, _)| agency.as_str() == code);
        own.map(|(_, keyid)| keyid).collect::<Vec<_>>()
    };
    let new = Key::numbered(100).keyid();
    // The authority is registered first, then the others in order: fire at position 2, urban at 9.
    assert_eq!(key_of(1, AUTHORITY), [Key::numbered(1).keyid()], "the exchange file's key is good from the start");
    assert_eq!(key_of(2, "fire"), []);
    assert_eq!(key_of(3, "fire"), [old]);
    assert_eq!(key_of(rotated, "fire"), [old], "it signs the event that ends it");
    assert_eq!(key_of(rotated + 1, "fire"), [new]);
    assert_eq!(key_of(suspended, "urban").len(), 1);
    assert_eq!(key_of(suspended + 1, "urban"), []);
    let active = |position: u64| registry.agencies_active_at(position).count();
    assert_eq!([1, 2, 3, suspended, suspended + 1].map(active), [0, 1, 2, AGENCIES.len() + 1, AGENCIES.len()]);
}

/// Tables of an earlier version lack these: they are refused with what mends them, not found out at the first write.
#[test]
fn older_tables_are_refused_with_the_remedy() {
    let scene = Scene::new();
    let (model, projector) = Model::of(&scene.genesis, &scene.log);
    drop(projector);
    rusqlite::Connection::open(model.path()).unwrap().pragma_update(None, "user_version", 2).unwrap();
    let errors = [
        fengsui_projector::Projector::open(&model.path(), model.genesis.clone()).err().unwrap().to_string(),
        fengsui_projector::Projector::open_reader(&model.path(), &model.genesis).err().unwrap().to_string(),
        fengsui_projector::query::Reader::open(&model.path()).err().unwrap().to_string(),
    ];
    for error in errors {
        assert!(error.contains("version 2, expected 3") && error.contains("fengsui replay"), "{error}");
    }
    model.rebuild(&scene.log);
    assert_eq!(model.open().progress().position, scene.position());
}
