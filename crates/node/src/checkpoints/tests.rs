//! Signing and cosigning on real folders: what is signed, what is refused, and what a run that was cut off leaves to the next one.

#![allow(clippy::unwrap_used)]

mod duty;

use std::fs;
use std::path::Path;

use fengsui_event::payload::{AgencyKey, AgencyRegistered};
use fengsui_event::{AgencyCode, Digest, EventId, KeyAlgorithm, Signer as _, Timestamp};
use fengsui_log::{Embedded, EventLog as _, Position};
use fengsui_projector::Unwatched;
use fengsui_proof::checkpoint::{Checkpoint, Origin, SignedCheckpoint};
use fengsui_proof::tree::{Frontier, Hash, leaf_hash};
use tempfile::TempDir;

use super::notes::{self, Standing};
use super::*;
use crate::as_of::tests::pilot;
use crate::desk::{Command, RandomIds};
use crate::keys::SigningKey;
use crate::node::Node;

const NOW: &str = "2026-03-01T01:00:00Z";

fn now() -> Timestamp {
    NOW.parse().unwrap()
}

fn agency(code: &str) -> AgencyCode {
    code.parse().unwrap()
}

fn office() -> AgencyCode {
    agency("joint-office")
}

fn origin() -> Origin {
    Origin::of("350600".parse().unwrap())
}

/// A folder of the authority in which the fire brigade and the housing bureau have their desks too.
fn city(place: &Path) -> Node {
    let mut node = pilot(place);
    for (code, seed) in [("fire", 8), ("housing", 9)] {
        let key = SigningKey::from_seed_bytes([seed; 32]).unwrap();
        register(&mut node, code, &key);
        node.add_key(agency(code), key).unwrap();
    }
    node
}

fn register(node: &mut Node, code: &str, key: &SigningKey) {
    let keys = vec![AgencyKey { keyid: key.keyid(), algorithm: KeyAlgorithm::Ed25519 }];
    let region = "350600".parse().unwrap();
    let registered = AgencyRegistered { agency: agency(code), name: code.to_owned(), region, keys };
    node.submit(office(), Command::RegisterAgency(registered), &mut RandomIds, now()).unwrap();
}

/// Something other than a checkpoint happens.
fn happens(node: &mut Node, number: u8) {
    register(node, &format!("agency-{number}"), &SigningKey::from_seed_bytes([100 + number; 32]).unwrap());
}

fn signed(node: &mut Node) -> Sent {
    sign(node, false, now(), &mut Unwatched).unwrap().unwrap()
}

fn newest(node: &Node) -> SignedCheckpoint {
    notes::note_of(&notes::newest(&node.view()).unwrap(), node.registry(), node.log()).unwrap()
}

fn cosigned(node: &mut Node, code: &str, note: &SignedCheckpoint) -> Result<Option<Sent>, CheckpointError> {
    Cosigning::new(node).cosign(agency(code), note, now(), &mut Unwatched)
}

fn root_by_hand(node: &Node, size: u64) -> Hash {
    let mut tree = Frontier::new();
    for stored in node.log().read(Position::FIRST, usize::try_from(size).unwrap()).unwrap() {
        tree.push(leaf_hash(&stored.record.bytes));
    }
    tree.root()
}

/// A checkpoint that the authority's key has signed, whatever it says.
fn by_the_authority(size: u64, root: Hash, digest: Option<Digest>) -> SignedCheckpoint {
    let key = SigningKey::from_seed_bytes([7; 32]).unwrap();
    SignedCheckpoint::sign(Checkpoint::new(origin(), size, root, digest), &key)
}

/// Changes one byte of the event at a position of a closed folder's log.
fn change_a_byte(root: &Path, position: i64) {
    let log = rusqlite::Connection::open(root.join("log.sqlite")).unwrap();
    log.execute_batch("DROP TRIGGER IF EXISTS events_never_change").unwrap();
    let bytes: Vec<u8> =
        log.query_row("SELECT bytes FROM events WHERE position = ?1", [position], |row| row.get(0)).unwrap();
    let changed = String::from_utf8(bytes).unwrap().replacen('e', "f", 1).into_bytes();
    assert_eq!(log.execute("UPDATE events SET bytes = ?2 WHERE position = ?1", (position, changed)).unwrap(), 1);
}

fn copied(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap().flatten() {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            fs::create_dir_all(&target).unwrap();
            copied(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[test]
fn the_authority_signs_what_its_log_holds_and_nothing_when_nothing_came() {
    let place = TempDir::new().unwrap();
    let mut node = city(place.path());
    let digest = node.projector().digest().unwrap();
    let sent = sign(&mut node, true, now(), &mut Unwatched).unwrap().unwrap();
    assert_eq!((sent.size, sent.root, sent.digest), (4, root_by_hand(&node, 4), Some(digest)));
    let note = newest(&node);
    assert_eq!(note.checkpoint(), &Checkpoint::new(origin(), 4, sent.root, Some(digest)));
    let key = SigningKey::from_seed_bytes([7; 32]).unwrap().keyid();
    assert!(note.is_signed_by(key));
    let name = "fengsui.cn/regions/350600/agencies/joint-office";
    assert_eq!(note.cosignature(name, key), Some(u64::try_from(now().as_second()).unwrap()));
    // The checkpoint's own event asks for no other one.
    assert!(sign(&mut node, true, now(), &mut Unwatched).unwrap().is_none());
    happens(&mut node, 1);
    let next = signed(&mut node);
    assert_eq!((next.size, next.root, next.digest), (6, root_by_hand(&node, 6), None));
}

#[test]
fn agencies_cosign_what_they_have_checked_once() {
    let place = TempDir::new().unwrap();
    let mut node = city(place.path());
    sign(&mut node, true, now(), &mut Unwatched).unwrap().unwrap();
    let standing = |node: &Node| Standing::of(&notes::newest(&node.view()).unwrap(), node.registry());
    assert_eq!((standing(&node).needed, standing(&node).has_quorum()), (2, false));
    let note = newest(&node);
    let sent = cosigned(&mut node, "fire", &note).unwrap().unwrap();
    assert_eq!((sent.size, sent.agency), (4, agency("fire")));
    assert_eq!(standing(&node).missing, [agency("housing")]);
    assert!(cosigned(&mut node, "fire", &note).unwrap().is_none());
    cosigned(&mut node, "housing", &note).unwrap().unwrap();
    assert!(standing(&node).has_quorum());
    let merged = newest(&node);
    for (code, seed) in [("fire", 8), ("housing", 9)] {
        let key = SigningKey::from_seed_bytes([seed; 32]).unwrap().keyid();
        assert!(merged.cosignature(&origin().cosigner_name(agency(code)), key).is_some(), "{code}");
    }
    let none: Vec<u64> = node.view().anomaly_counts().unwrap().iter().map(|(_, _, count)| *count).collect();
    assert_eq!(none, Vec::<u64>::new());
}

/// An agency whose own cosignature is good fills its event with lines that look like others' signatures.
#[test]
fn nobody_spoils_or_crowds_out_what_others_sign() {
    let place = TempDir::new().unwrap();
    let mut node = city(place.path());
    sign(&mut node, true, now(), &mut Unwatched).unwrap().unwrap();
    let [fire, stranger] = [8, 77].map(|seed| SigningKey::from_seed_bytes([seed; 32]).unwrap());
    let good = newest(&node);
    let seconds = u64::try_from(now().as_second()).unwrap();
    let (fires, housings) = (origin().cosigner_name(agency("fire")), origin().cosigner_name(agency("housing")));
    let mut crowded = SignedCheckpoint::sign(good.checkpoint().clone(), &stranger);
    crowded.merge(&good).unwrap();
    crowded.cosign(&fires, seconds, &fire).unwrap();
    let housing = SigningKey::from_seed_bytes([9; 32]).unwrap();
    let mut elsewhere = SignedCheckpoint::sign(Checkpoint::new(origin(), 1, leaf_hash(b""), None), &stranger);
    for time in 0..100 {
        elsewhere.cosign(&housings, time, &housing).unwrap();
    }
    // Signatures of housing over another checkpoint: bad here, under its name and its key's id.
    let text = elsewhere.to_string();
    let lines: String =
        text.lines().filter(|line| line.contains("housing")).map(|line| line.to_owned() + "\n").collect();
    let note = format!("{crowded}{lines}");
    node.submit(agency("fire"), Command::CosignCheckpoint { note }, &mut RandomIds, now()).unwrap();

    let merged = newest(&node);
    assert_eq!(merged.cosignature(&fires, fire.keyid()), Some(seconds));
    assert_eq!(merged.names().count(), good.names().count() + 1);
    cosigned(&mut node, "housing", &merged).unwrap().unwrap();
    let merged = newest(&node);
    assert_eq!(merged.cosignature(&housings, housing.keyid()), Some(seconds));
    assert!(Standing::of(&notes::newest(&node.view()).unwrap(), node.registry()).has_quorum());
}

/// A run was killed after its signature was kept and before it left: the next one sends the same note in the same event.
#[test]
fn a_run_that_was_cut_off_is_finished_with_the_same_note_and_event() {
    let (place, copy) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    city(place.path()).close().unwrap();
    copied(place.path(), copy.path());
    let mut whole = Node::open(place.path()).unwrap();
    let sent = sign(&mut whole, true, now(), &mut Unwatched).unwrap().unwrap();
    let (note, event) = (newest(&whole), sent.event);
    let by_fire = cosigned(&mut whole, "fire", &note).unwrap().unwrap().event;
    let kept = |event: EventId, node: &Node| {
        let position = node.log().find(event).unwrap()[0];
        let event = fengsui_event::Event::parse(&node.log().read(position, 1).unwrap()[0].record.bytes).unwrap();
        let fengsui_event::Decoded::Known(fengsui_event::Payload::CheckpointCosigned(data)) = event.data else {
            panic!("{event:?}")
        };
        data.note
    };
    let (office_note, fire_note) = (kept(event, &whole), kept(by_fire, &whole));
    drop(whole);
    fs::copy(CheckpointLedger::path(place.path()), CheckpointLedger::path(copy.path())).unwrap();
    let mut cut = Node::open(copy.path()).unwrap();
    let later = now() + jiff::SignedDuration::from_hours(3);
    // Other events came meanwhile: what was kept goes out first all the same.
    happens(&mut cut, 1);
    let sent = sign(&mut cut, false, later, &mut Unwatched).unwrap().unwrap();
    assert_eq!((sent.event, kept(sent.event, &cut)), (event, office_note));
    let resumed = Cosigning::new(&mut cut).cosign(agency("fire"), &note, later, &mut Unwatched).unwrap().unwrap();
    assert_eq!((resumed.event, kept(resumed.event, &cut)), (by_fire, fire_note));
    assert_eq!(cut.log().find(by_fire).unwrap().len(), 1);
}

#[test]
fn a_changed_log_is_neither_signed_nor_cosigned_and_the_evidence_is_kept() {
    let place = TempDir::new().unwrap();
    let mut node = city(place.path());
    signed(&mut node);
    let first = newest(&node);
    cosigned(&mut node, "fire", &first).unwrap().unwrap();
    happens(&mut node, 1);
    signed(&mut node);
    let second = newest(&node);
    node.close().unwrap();
    change_a_byte(place.path(), 2);
    let mut node = Node::open(place.path()).unwrap();
    happens(&mut node, 2);
    // The tree was drawn before the byte was changed; a tree of this log is another one.
    discard_tree(place.path()).unwrap();
    let error = sign(&mut node, false, now(), &mut Unwatched).unwrap_err();
    assert!(matches!(error, CheckpointError::NotConsistent { size: 7, .. }), "{error}");
    assert_eq!((error.code(), error.is_integrity()), ("not_consistent", true));
    // Who has never cosigned goes through the whole log; who has, goes on from what was checked then, which still holds.
    let error = cosigned(&mut node, "housing", &second).unwrap_err();
    let CheckpointError::SplitView { size: 7, own, evidence: Some(evidence), .. } = &error else { panic!("{error}") };
    assert_eq!(*own, root_by_hand(&node, 7));
    let text = fs::read_to_string(evidence).unwrap();
    assert!(text.contains(&second.to_string()) && text.contains(&own.to_string()), "{text}");
    assert!(cosigned(&mut node, "fire", &second).unwrap().is_some());
    assert!(node.view().cosigned_by(agency("housing")).unwrap().is_none());
}

#[test]
fn with_a_digest_the_whole_log_is_looked_through_again() {
    let place = TempDir::new().unwrap();
    let mut node = city(place.path());
    signed(&mut node);
    let first = newest(&node);
    cosigned(&mut node, "fire", &first).unwrap().unwrap();
    happens(&mut node, 1);
    sign(&mut node, true, now(), &mut Unwatched).unwrap().unwrap();
    let second = newest(&node);
    let Checkpoint { size, root, digest, .. } = *second.checkpoint();
    node.close().unwrap();
    let whole = TempDir::new().unwrap();
    copied(place.path(), whole.path());

    change_a_byte(place.path(), 2);
    let mut node = Node::open(place.path()).unwrap();
    let error = cosigned(&mut node, "fire", &second).unwrap_err();
    assert!(matches!(error, CheckpointError::NotConsistent { size: 4, .. }), "{error}");

    // What was found out before is not found out again while the outbox is taken: it is what decides.
    let mut node = Node::open(whole.path()).unwrap();
    let right = Examined::of(Ground::of(&node), size, &mut Unwatched).unwrap();
    assert_eq!((right.root, Some(right.digest)), (root, digest));
    let other = Examined { digest: Digest::of(b"another state"), ..right };
    let mut cosign =
        |examined| Cosigning::knowing(&mut node, Some(examined)).cosign(agency("fire"), &second, now(), &mut Unwatched);
    assert!(matches!(cosign(other), Err(CheckpointError::DigestDiffers { .. })));
    assert_eq!(cosign(right).unwrap().unwrap().size, size);
}

#[test]
fn a_digest_that_was_drawn_before_is_stated_of_its_own_position() {
    let place = TempDir::new().unwrap();
    let mut node = city(place.path());
    let drawn = Stating::DrawnDigest(4, node.projector().digest().unwrap());
    happens(&mut node, 1);
    let sent = sign_stating(&mut node, drawn, now(), &mut Unwatched).unwrap().unwrap();
    assert_eq!((sent.size, sent.root), (4, root_by_hand(&node, 4)));
    let note = newest(&node);
    assert!(cosigned(&mut node, "fire", &note).unwrap().is_some());
    // Drawn before what was signed in the meantime: it is of no use any more.
    signed(&mut node);
    assert!(sign_stating(&mut node, drawn, now(), &mut Unwatched).unwrap().is_none());
}

#[test]
fn a_change_after_what_was_cosigned_is_seen() {
    let place = TempDir::new().unwrap();
    let mut node = city(place.path());
    signed(&mut node);
    let first = newest(&node);
    cosigned(&mut node, "fire", &first).unwrap().unwrap();
    happens(&mut node, 1);
    signed(&mut node);
    let second = newest(&node);
    node.close().unwrap();
    change_a_byte(place.path(), 7);
    let mut node = Node::open(place.path()).unwrap();
    let error = cosigned(&mut node, "fire", &second).unwrap_err();
    assert!(matches!(error, CheckpointError::SplitView { size: 7, .. }), "{error}");
}

#[test]
fn what_the_authority_did_not_sign_or_states_wrongly_is_refused() {
    let place = TempDir::new().unwrap();
    let mut node = city(place.path());
    let root = root_by_hand(&node, 4);
    let check = |node: &mut Node, note: &SignedCheckpoint, code: &str| {
        let error = cosigned(node, "fire", note).unwrap_err();
        assert_eq!(error.code(), code, "{error}");
        assert!(!error.message(fengsui_event::Language::Zh).is_empty());
        assert!(node.view().cosigned_by(agency("fire")).unwrap().is_none());
    };
    let stranger = SigningKey::from_seed_bytes([77; 32]).unwrap();
    let forged = SignedCheckpoint::sign(Checkpoint::new(origin(), 4, root, None), &stranger);
    check(&mut node, &forged, "not_signed");
    let elsewhere = Checkpoint::new(Origin::of("350200".parse().unwrap()), 4, root, None);
    let elsewhere = SignedCheckpoint::sign(elsewhere, &SigningKey::from_seed_bytes([7; 32]).unwrap());
    check(&mut node, &elsewhere, "other_log");
    check(&mut node, &by_the_authority(5, root, None), "checkpoint_ahead");
    check(&mut node, &by_the_authority(4, leaf_hash(b"other"), None), "split_view");
    check(&mut node, &by_the_authority(4, root, Some(Digest::of(b"other"))), "digest_differs");
    // A digest of a past position is that of the tables as they were.
    let digest = node.projector().digest().unwrap();
    happens(&mut node, 1);
    let right = by_the_authority(4, root, Some(digest));
    cosigned(&mut node, "fire", &right).unwrap().unwrap();
    let older = by_the_authority(3, root_by_hand(&node, 3), None);
    assert_eq!(cosigned(&mut node, "fire", &older).unwrap_err().code(), "older_checkpoint");
    let other_of_its_size = by_the_authority(4, leaf_hash(b"other"), None);
    assert_eq!(cosigned(&mut node, "fire", &other_of_its_size).unwrap_err().code(), "split_view");
}

#[test]
fn a_memory_that_was_lost_is_taken_from_the_log() {
    let place = TempDir::new().unwrap();
    let mut node = city(place.path());
    signed(&mut node);
    let first = newest(&node);
    cosigned(&mut node, "fire", &first).unwrap().unwrap();
    happens(&mut node, 1);
    fs::remove_file(CheckpointLedger::path(place.path())).unwrap();
    assert!(cosigned(&mut node, "fire", &first).unwrap().is_none());
    let older = by_the_authority(3, root_by_hand(&node, 3), None);
    assert_eq!(cosigned(&mut node, "fire", &older).unwrap_err().code(), "older_checkpoint");
    assert_eq!(signed(&mut node).size, 7);
    let second = newest(&node);
    assert_eq!(cosigned(&mut node, "fire", &second).unwrap().unwrap().size, 7);
}

#[test]
fn a_restored_log_is_signed_again_only_when_people_say_so() {
    let (place, old) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    city(place.path()).close().unwrap();
    copied(place.path(), old.path());
    let mut node = Node::open(place.path()).unwrap();
    happens(&mut node, 1);
    signed(&mut node);
    let note = newest(&node);
    cosigned(&mut node, "fire", &note).unwrap().unwrap();
    drop(node);
    // The folder's log and outbox are put back, its memory of what it has signed is not.
    fs::copy(CheckpointLedger::path(place.path()), CheckpointLedger::path(old.path())).unwrap();
    let mut node = Node::open(old.path()).unwrap();
    happens(&mut node, 2);
    let error = sign(&mut node, false, now(), &mut Unwatched).unwrap_err();
    assert_eq!(error.code(), "not_consistent", "{error}");
    // Nor is the old cosignature sent, which the restored outbox does not hold.
    assert_eq!(cosigned(&mut node, "fire", &note).unwrap_err().code(), "not_consistent");
    for agency in [office(), agency("fire")] {
        assert!(!forget(node.folder(), agency, "restored from the backup of 1 March", now()).unwrap().is_empty());
        assert!(forget(node.folder(), agency, "again", now()).unwrap().is_empty());
    }
    assert_eq!(signed(&mut node).size, 5);
    let note = newest(&node);
    assert_eq!(cosigned(&mut node, "fire", &note).unwrap().unwrap().size, 5);
}

#[test]
fn a_checkpoint_from_elsewhere_is_held_against_the_log() {
    let place = TempDir::new().unwrap();
    let mut node = city(place.path());
    signed(&mut node);
    let compare = |node: &Node, note: &SignedCheckpoint| Ground::of(node).compare(note, &mut Unwatched);
    let head = node.progress().position;
    let whole = by_the_authority(head, root_by_hand(&node, head), None);
    assert_eq!(compare(&node, &whole).unwrap(), Agreement::Same);
    assert_eq!(compare(&node, &newest(&node)).unwrap(), Agreement::Older);
    assert_eq!(compare(&node, &by_the_authority(head + 1, leaf_hash(b"?"), None)).unwrap(), Agreement::Ahead);
    let other = by_the_authority(3, leaf_hash(b"other"), None);
    let error = compare(&node, &other).unwrap_err();
    let CheckpointError::SplitView { size: 3, evidence: Some(path), .. } = error else { panic!("{error}") };
    // The authority contradicts itself: its own checkpoint of this history begins with another root at that size.
    let own =
        Contradiction::gather(&other, root_by_hand(&node, 3), place.path(), node.log(), &node.view(), &mut Unwatched)
            .unwrap();
    let witness = own.own.clone().unwrap();
    assert_eq!(witness.note.checkpoint().size, 4);
    witness.consistency.verify(root_by_hand(&node, 3), witness.note.checkpoint().root).unwrap();
    assert_eq!(fs::read_to_string(path).unwrap(), own.text());
}

#[test]
fn a_supervisor_cosigns_beside_his_key_and_never_goes_back() {
    let (place, desk) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let mut node = city(place.path());
    signed(&mut node);
    let first = newest(&node);
    happens(&mut node, 1);
    signed(&mut node);
    let second = newest(&node);
    let key_file = desk.path().join("supervisor.seed");
    let key = SigningKey::from_seed_bytes([55; 32]).unwrap();
    key.save(&key_file).unwrap();
    let name = "supervisor.example/office";
    let ask =
        |note: &SignedCheckpoint, at: Timestamp| witness(Ground::of(&node), &key_file, name, note, at, &mut Unwatched);
    let note = ask(&second, now()).unwrap();
    let time = note.cosignature(name, key.keyid());
    assert_eq!(time, Some(u64::try_from(now().as_second()).unwrap()));
    let again = ask(&second, now() + jiff::SignedDuration::from_hours(1)).unwrap();
    assert_eq!(again.cosignature(name, key.keyid()), time);
    assert_eq!(ask(&first, now()).unwrap_err().code(), "older_checkpoint");
    let split = by_the_authority(second.checkpoint().size, leaf_hash(b"other"), None);
    assert_eq!(ask(&split, now()).unwrap_err().code(), "split_view");
    assert!(desk.path().join("supervisor.seed.checkpoints.sqlite").exists());
    let log = Embedded::open_reader(place.path().join("log.sqlite")).unwrap();
    assert_eq!(log.head().unwrap(), node.log().head().unwrap(), "nothing goes on the log");
}

#[test]
fn ids_of_events_follow_from_size_and_key_and_from_what_was_forgotten() {
    let place = TempDir::new().unwrap();
    let node = city(place.path());
    let key = |seed| SigningKey::from_seed_bytes([seed; 32]).unwrap();
    let id = |size, forgotten, seed| signing::event_id(node.folder(), agency("fire"), size, forgotten, &key(seed));
    assert_eq!(id(4, None, 8), id(4, None, 8));
    let others = [id(5, None, 8), id(4, Some(now()), 8), id(4, None, 9)];
    assert!(!others.contains(&id(4, None, 8)));
}

#[test]
fn keys_are_replaced_between_signing_and_cosigning() {
    let place = TempDir::new().unwrap();
    let mut node = city(place.path());
    signed(&mut node);
    let first = newest(&node);
    crate::rotation::rotate(&mut node, office(), now()).unwrap();
    // The event that would carry it comes after the key's end.
    let error = cosigned(&mut node, "fire", &first).unwrap_err();
    assert_eq!((error.code(), error.is_integrity()), ("key_ended", false));
    node.close().unwrap();
    let mut node = Node::open(place.path()).unwrap();
    signed(&mut node);
    let second = newest(&node);
    // The brigade's key has ended as well, and its folder does not know: its cosignature has no effect.
    let old = fs::read(node.folder().key(agency("fire"))).unwrap();
    crate::rotation::rotate(&mut node, agency("fire"), now()).unwrap();
    let (place_of_key, new) = (node.folder().key(agency("fire")), fs::read(node.folder().key(agency("fire"))).unwrap());
    fs::write(&place_of_key, old).unwrap();
    node.close().unwrap();
    let mut node = Node::open(place.path()).unwrap();
    let error = cosigned(&mut node, "fire", &second).unwrap_err();
    assert!(matches!(error, CheckpointError::Node(crate::NodeError::Refused(_))), "{error}");
    node.close().unwrap();
    fs::write(&place_of_key, new).unwrap();
    let mut node = Node::open(place.path()).unwrap();
    let sent = cosigned(&mut node, "fire", &second).unwrap().unwrap();
    assert_eq!(sent.size, second.checkpoint().size);
    assert!(cosigned(&mut node, "fire", &second).unwrap().is_none());
}
