//! A running node's duty, round by round, with the time as it is told.

use fengsui_log::StopFlag;

use super::*;
use crate::station::shared::Shared;

fn shared(node: Node) -> Shared {
    let folder = node.folder().clone();
    node.close().unwrap();
    Shared::new(folder, StopFlag::default())
}

fn codes(shared: &Shared) -> Vec<String> {
    shared.alarms().into_iter().map(|alarm| alarm.code).collect()
}

fn after(minutes: i64) -> Timestamp {
    now() + jiff::SignedDuration::from_mins(minutes)
}

/// Opens the folder for a while, as a command does.
fn open<T>(shared: &Shared, work: impl FnOnce(&mut Node) -> T) -> T {
    let mut node = Node::open(shared.folder.root()).unwrap();
    let done = work(&mut node);
    node.close().unwrap();
    done
}

#[test]
fn the_authority_signs_when_it_is_time_and_states_the_digest_once_a_day() {
    let place = TempDir::new().unwrap();
    let shared = shared(city(place.path()));
    let mut duty = CheckpointDuty::default();
    let mut round = |minutes| {
        duty.round(&shared, after(minutes)).unwrap();
        shared.checkpoint_status()
    };
    // The first events of this exchange were recorded two months before.
    round(0);
    let status = round(0);
    assert_eq!((status.newest, status.uncovered, status.own, status.needed), (4, 0, 4, 2));
    let digests = |shared: &Shared| {
        open(shared, |node| {
            let rows = node.view().checkpoints(None).unwrap();
            rows.iter().map(|row| (row.size, row.digest.is_some())).collect::<Vec<_>>()
        })
    };
    assert_eq!(digests(&shared), [(4, true)]);
    open(&shared, |node| happens(node, 1));
    assert_eq!((round(9).newest, round(9).uncovered), (4, 1));
    round(10);
    assert_eq!(round(10).newest, 6);
    open(&shared, |node| happens(node, 2));
    round(24 * 60);
    assert_eq!(digests(&shared), [(8, true), (6, false), (4, true)]);
    // Nothing but checkpoints came: none is signed however long it takes.
    assert_eq!(round(100_000).newest, 8);
    assert_eq!(round(100_000).newest, 8);
}

#[test]
fn lag_is_told_until_enough_have_cosigned_and_holds_nothing_up() {
    let place = TempDir::new().unwrap();
    let shared = shared(city(place.path()));
    let mut duty = CheckpointDuty::default();
    duty.round(&shared, after(0)).unwrap();
    duty.round(&shared, after(59)).unwrap();
    assert_eq!(codes(&shared), Vec::<String>::new());
    duty.round(&shared, after(60)).unwrap();
    assert_eq!(codes(&shared), ["checkpoint_lag"]);
    let alarm = shared.alarms().remove(0);
    assert!(alarm.message_en.contains("fire, housing") && alarm.message_zh.contains("fire, housing"), "{alarm:?}");
    open(&shared, |node| {
        let note = newest(node);
        cosigned(node, "fire", &note).unwrap().unwrap();
    });
    duty.round(&shared, after(61)).unwrap();
    assert_eq!(codes(&shared), ["checkpoint_lag"], "one of two is not enough");
    open(&shared, |node| {
        let note = newest(node);
        cosigned(node, "housing", &note).unwrap().unwrap();
    });
    duty.round(&shared, after(62)).unwrap();
    assert_eq!((codes(&shared), shared.checkpoint_status().witnessed), (Vec::new(), 4));
}

#[test]
fn what_contradicts_is_told_until_the_evidence_is_moved_away() {
    let place = TempDir::new().unwrap();
    let mut node = city(place.path());
    let mut forged = by_the_authority(4, leaf_hash(b"another history"), None);
    let key = SigningKey::from_seed_bytes([7; 32]).unwrap();
    signing::cosign_note(&mut forged, &origin().cosigner_name(office()), now(), &key).unwrap();
    let command = Command::CosignCheckpoint { note: forged.to_string() };
    node.submit(office(), command, &mut RandomIds, now()).unwrap();
    let shared = shared(node);
    let mut duty = CheckpointDuty::default();
    duty.round(&shared, after(0)).unwrap();
    assert_eq!(codes(&shared), ["split_view"]);
    // After a restart the evidence still speaks.
    let restarted = Shared::new(shared.folder.clone(), StopFlag::default());
    CheckpointDuty::default().round(&restarted, after(1)).unwrap();
    assert_eq!(codes(&restarted), ["split_view"]);
    fs::remove_dir_all(evidence_folder(place.path())).unwrap();
    duty.round(&shared, after(1)).unwrap();
    assert_eq!(codes(&shared), Vec::<String>::new());
}

#[test]
fn a_changed_log_is_told_and_not_signed_by_itself() {
    let place = TempDir::new().unwrap();
    let mut node = city(place.path());
    signed(&mut node);
    happens(&mut node, 1);
    node.close().unwrap();
    change_a_byte(place.path(), 2);
    discard_tree(place.path()).unwrap();
    let shared = shared(Node::open(place.path()).unwrap());
    let mut duty = CheckpointDuty::default();
    // The checkpoint on the log contradicts the changed copy, and the next one would contradict it.
    duty.round(&shared, after(60)).unwrap();
    let mut told = codes(&shared);
    told.sort_unstable();
    assert_eq!(told, ["not_consistent", "split_view"]);
    assert_eq!(shared.checkpoint_status().newest, 4);
}

#[test]
fn a_node_that_is_told_not_to_only_looks() {
    let place = TempDir::new().unwrap();
    let mut node = city(place.path());
    let mut config = node.folder().node().clone();
    config.checkpoints.automatic = false;
    let mut folder = node.folder().clone();
    folder.reconfigure(config).unwrap();
    happens(&mut node, 1);
    node.close().unwrap();
    let shared = Shared::new(folder, StopFlag::default());
    CheckpointDuty::default().round(&shared, after(1_000)).unwrap();
    let status = shared.checkpoint_status();
    assert_eq!((status.newest, status.uncovered), (0, 5));
}
