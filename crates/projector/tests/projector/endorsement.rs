//! Who stands behind a snapshot: no tables come from one without a checkpoint that the authority has signed and enough have cosigned.

use fengsui_event::payload::CheckpointCosigned;
use fengsui_event::{Digest, KeyId, Payload, Signer as _, Subject};
use fengsui_projector::snapshot::{Endorsement, LoadError, Snapshot, Trust, load, write};
use fengsui_projector::{FollowOptions, Unwatched};
use fengsui_proof::{Checkpoint, Cosigner, Frontier, Hash, Origin, SignedCheckpoint, leaf_hash};

use crate::harness::history::{Step, play};
use crate::harness::{AGENCIES, AUTHORITY, Key, Model, Publication, Scene, agency, region};

/// An exchange of nine with some history, a snapshot at its end, and what is cosigned after it.
struct Told {
    scene: Scene,
    at: Model,
    position: u64,
}

impl Told {
    fn new() -> Self {
        let steps = (0..40_u16).map(|number| Step {
            kind: u8::try_from(number * 37 % 200).unwrap(),
            pick: number.wrapping_mul(2_654),
            other: number.wrapping_mul(40_503),
            days: u8::try_from(number % 160).unwrap(),
        });
        let scene = play(&steps.collect::<Vec<_>>());
        let (at, projector) = Model::of(&scene.genesis, &scene.log);
        let position = projector.progress().position;
        write(&projector, &scene.log, &at.folder.path().join("snapshot"), &mut Unwatched).unwrap();
        Self { scene, at, position }
    }

    fn checkpoint(&self) -> Checkpoint {
        let mut frontier = Frontier::new();
        let covered = self.scene.log.records.iter().take(usize::try_from(self.position).unwrap());
        covered.for_each(|record| frontier.push(leaf_hash(&record.bytes)));
        self.with(frontier.root(), Some(self.at.digest()))
    }

    fn with(&self, root: Hash, digest: Option<Digest>) -> Checkpoint {
        Checkpoint::new(Origin::of(region("350600")), self.position, root, digest)
    }

    fn signed(&mut self, checkpoint: Checkpoint) -> SignedCheckpoint {
        SignedCheckpoint::sign(checkpoint, self.scene.world.key(AUTHORITY))
    }

    fn cosign(&mut self, note: &mut SignedCheckpoint, code: &str) {
        let seconds = u64::try_from(self.scene.world.now().as_second()).unwrap();
        let name = Origin::of(region("350600")).cosigner_name(agency(code));
        note.cosign(&name, seconds, self.scene.world.key(code)).unwrap();
    }

    /// An agency publishes a checkpoint with its cosignature.
    fn publishes(&mut self, code: &str, checkpoint: Checkpoint) {
        let mut note = self.signed(checkpoint);
        self.cosign(&mut note, code);
        let payload: Payload = CheckpointCosigned { note: note.to_string() }.into();
        let subject = Subject::Region(region("350600"));
        let publication = Publication { subject, correlation: None, causation: None, payload };
        let record = self.scene.world.sign(code, publication);
        self.scene.record(record);
    }

    fn cosigned_by(&mut self, codes: &[&str]) {
        for code in codes {
            let checkpoint = self.checkpoint();
            self.publishes(code, checkpoint);
        }
    }

    /// A new node that has the log loads the snapshot.
    fn load(&self, trust: &Trust) -> Result<Endorsement, &'static str> {
        let node = Model::new(&self.scene.genesis);
        let snapshot = Snapshot::open(&self.at.folder.path().join("snapshot")).unwrap();
        let loaded = load(&node.path(), &self.scene.genesis, &self.scene.log, &snapshot, trust, &mut Unwatched);
        match loaded {
            Ok(loaded) => {
                assert_eq!(loaded.progress.position, self.position);
                assert_eq!(node.digest(), self.at.digest());
                let head = self.scene.position();
                node.follow_to(&self.scene.log, head, FollowOptions::default());
                let (all, _) = Model::of(&self.scene.genesis, &self.scene.log);
                assert_eq!(node.digest(), all.digest());
                Ok(loaded.endorsement)
            }
            Err(error) => {
                assert!(!node.path().exists(), "{error}");
                Err(error.code())
            }
        }
    }

    fn refused(&self) -> &'static str {
        self.load(&Trust::default()).unwrap_err()
    }
}

/// More than half of the eight agencies beside the authority: five.
#[test]
fn five_of_eight_are_enough_and_four_are_not() {
    let mut told = Told::new();
    assert_eq!(told.refused(), "no_checkpoint");
    told.cosigned_by(&[AUTHORITY]);
    assert_eq!(told.refused(), "no_quorum");
    told.cosigned_by(&AGENCIES[..4]);
    assert_eq!(told.refused(), "no_quorum");
    // Once more is not one more.
    told.cosigned_by(&AGENCIES[..1]);
    assert_eq!(told.refused(), "no_quorum");
    assert_eq!(told.load(&Trust { needed: Some(4), ..Trust::default() }).unwrap().needed, 4);
    told.cosigned_by(&AGENCIES[4..5]);
    let endorsement = told.load(&Trust::default()).unwrap();
    assert_eq!((endorsement.needed, endorsement.size), (5, told.position));
    let mut names =
        AGENCIES[..5].iter().map(|code| format!("fengsui.cn/regions/350600/agencies/{code}")).collect::<Vec<_>>();
    names.sort_unstable();
    assert_eq!(endorsement.cosigned, names);
}

/// An authority that registers agencies when the checkpoint is made already could have as many as it wants cosign it.
#[test]
fn agencies_that_were_registered_after_the_checkpoint_do_not_count() {
    let mut told = Told::new();
    let checkpoint = told.checkpoint();
    told.cosigned_by(&AGENCIES[..4]);
    let late = ["police", "customs"];
    for code in late {
        told.scene.register(code);
        told.publishes(code, checkpoint.clone());
    }
    assert_eq!(told.refused(), "no_quorum");
    let mut note = told.signed(checkpoint);
    told.cosign(&mut note, late[0]);
    assert_eq!(told.load(&Trust { given: Some(note), ..Trust::default() }).unwrap_err(), "no_quorum");
    // One of the eight more is enough, and only the eight are named.
    told.cosigned_by(&AGENCIES[4..5]);
    assert_eq!(told.load(&Trust::default()).unwrap().cosigned.len(), 5);
}

#[test]
fn a_checkpoint_that_comes_beside_the_log_counts_with_what_stands_on_it() {
    let mut told = Told::new();
    told.cosigned_by(&AGENCIES[..2]);
    let checkpoint = told.checkpoint();
    let mut note = told.signed(checkpoint);
    for code in &AGENCIES[1..4] {
        told.cosign(&mut note, code);
    }
    let trust = |given: &SignedCheckpoint| Trust { given: Some(given.clone()), ..Trust::default() };
    assert_eq!(told.load(&trust(&note)).unwrap_err(), "no_quorum");
    // A supervisor who is no agency counts when it is named.
    let supervisor = Key::numbered(200);
    note.cosign("supervisor.example/city", 1_800_000_000, &supervisor).unwrap();
    assert_eq!(told.load(&trust(&note)).unwrap_err(), "no_quorum");
    let cosigners = vec![Cosigner { name: "supervisor.example/city".to_owned(), key: supervisor.keyid() }];
    let endorsement = told.load(&Trust { cosigners, ..trust(&note) }).unwrap();
    assert_eq!(endorsement.cosigned.len(), 5);
    told.cosign(&mut note, AGENCIES[4]);
    assert_eq!(told.load(&trust(&note)).unwrap().cosigned.len(), 5);
}

#[test]
fn words_that_do_not_count_are_refused_by_name() {
    let mut told = Told::new();
    let (root, digest) = (told.checkpoint().root, told.at.digest());
    let given = |told: &Told, note: SignedCheckpoint| {
        told.load(&Trust { given: Some(note), needed: Some(0), ..Trust::default() }).unwrap_err()
    };
    let without_digest = told.with(root, None);
    let note = told.signed(without_digest);
    assert_eq!(given(&told, note), "no_state_digest");
    let of_another_size = Checkpoint::new(Origin::of(region("350600")), told.position - 1, root, Some(digest));
    let note = told.signed(of_another_size);
    assert_eq!(given(&told, note), "checkpoint_size");
    let elsewhere = Checkpoint::new(Origin::of(region("350500")), told.position, root, Some(digest));
    let note = told.signed(elsewhere);
    assert_eq!(given(&told, note), "foreign_origin");
    let forged = SignedCheckpoint::sign(told.checkpoint(), &Key::numbered(201));
    assert_eq!(given(&told, forged), "forged_checkpoint");
    let another_state = told.with(root, Some(Digest::of(b"another state")));
    let note = told.signed(another_state);
    assert_eq!(given(&told, note), "snapshot_digest");
    let another_log = told.with(leaf_hash(b"another log"), Some(digest));
    let note = told.signed(another_log);
    assert_eq!(given(&told, note), "snapshot_root");
}

#[test]
fn two_histories_of_one_size_are_believed_by_nobody() {
    let mut told = Told::new();
    told.cosigned_by(&AGENCIES);
    told.load(&Trust::default()).unwrap();
    let lie = told.with(leaf_hash(b"another log"), Some(told.at.digest()));
    told.publishes(AGENCIES[0], lie);
    assert_eq!(told.refused(), "split_view");
}

/// What stands in the snapshot of keys and agencies is not asked: only registrations on the log with a good signature are.
#[test]
fn keys_that_nobody_registered_or_that_have_ended_count_for_nothing() {
    let mut told = Told::new();
    told.cosigned_by(&AGENCIES[..4]);
    // An agency's key that is not registered signs event and cosignature.
    let registered: KeyId = told.scene.world.keyid(AGENCIES[4]);
    told.scene.world.change_key(AGENCIES[4], 202);
    told.cosigned_by(&AGENCIES[4..5]);
    assert_eq!(told.refused(), "no_quorum");
    assert_ne!(told.scene.world.keyid(AGENCIES[4]), registered);
    // An agency that was suspended.
    let suspended =
        fengsui_event::payload::AgencySuspended { agency: agency(AGENCIES[5]), reason: "并入".to_owned() };
    told.scene.publishes(AUTHORITY, Subject::Agency(agency(AGENCIES[5])), suspended);
    told.cosigned_by(&AGENCIES[5..6]);
    assert_eq!(told.refused(), "no_quorum");
    // A record that was altered after it was signed registers nothing and cosigns nothing.
    let checkpoint = told.checkpoint();
    told.publishes(AGENCIES[6], checkpoint);
    told.scene.log.records.last_mut().unwrap().signature[0] ^= 1;
    assert_eq!(told.refused(), "no_quorum");
    told.scene.log.records.last_mut().unwrap().signature[0] ^= 1;
    told.load(&Trust::default()).unwrap();
}

#[test]
fn an_error_says_what_to_do() {
    let told = Told::new();
    let node = Model::new(&told.scene.genesis);
    let snapshot = Snapshot::open(&told.at.folder.path().join("snapshot")).unwrap();
    let trust = Trust::default();
    let loaded = load(&node.path(), &told.scene.genesis, &told.scene.log, &snapshot, &trust, &mut Unwatched);
    let Err(LoadError::Endorsement(error)) = loaded else { panic!("{loaded:?}") };
    assert!(error.to_string().contains("fengsui checkpoint sign --digest"), "{error}");
}
