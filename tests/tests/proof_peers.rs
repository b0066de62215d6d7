//! Trees, notes and proofs against an implementation that shares no code with this one: pymerkle for the trees, OpenSSL for the
//! signatures, Python's own library for the texts (`proof_peers/peer.py`).
//!
//! Both directions: what Python computes is what is computed here, and what either side writes, the other believes; altered, it does not.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use fengsui_event::{AgencyCode, Digest, KeyId, RegionCode, Signer as _};
use fengsui_node::keys::SigningKey;
use fengsui_proof::{
    Checkpoint, Cosigner, Hash, Origin, ProofFile, Quorum, QuorumError, SignedCheckpoint, TileFolder, TreeWriter,
    leaf_hash, tiles,
};
use serde_json::{Value, json};
use tempfile::TempDir;

const TIME: u64 = 1_790_000_000;

/// The other implementation, as a process that answers line by line and ends with the test.
struct Peer {
    process: Child,
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Peer {
    fn start() -> Self {
        let script = fengsui_tests::project().join("tests/tests/proof_peers/peer.py");
        let mut process = Command::new("python3")
            .arg(script)
            .env("PYTHONPATH", packages())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3 is there: the tests need it");
        let requests = process.stdin.take().unwrap();
        let answers = BufReader::new(process.stdout.take().unwrap());
        Self { process, requests, answers }
    }

    fn ask_all(&mut self, requests: &[Value]) -> Vec<Value> {
        requests.iter().map(|request| self.ask(request)).collect()
    }

    fn ask(&mut self, request: &Value) -> Value {
        writeln!(self.requests, "{request}").unwrap();
        let mut answer = String::new();
        self.answers.read_line(&mut answer).unwrap();
        serde_json::from_str(&answer).unwrap_or_else(|_| panic!("no answer to {request}; see above what Python says"))
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The folder with pymerkle.
fn packages() -> PathBuf {
    let named = std::env::var_os("FENGSUI_PYTHON_PEERS").map(PathBuf::from);
    let fetched = fengsui_tests::project().join("target/tools/pymerkle-7.0.0");
    let found = named.into_iter().chain([fetched]).find(|folder| folder.join("pymerkle").is_dir());
    found.unwrap_or_else(|| {
        panic!("no pymerkle: run `cargo xtask python-peers`, or name a folder with it in FENGSUI_PYTHON_PEERS")
    })
}

fn leaf(number: u64) -> Hash {
    leaf_hash(format!("leaf {number}").as_bytes())
}

/// A tree of the leaves that the peer has, in a folder, with its roots at every size.
fn tree(size: u64) -> (TempDir, TreeWriter, Vec<Hash>) {
    let folder = TempDir::new().unwrap();
    let mut writer = TreeWriter::open(TileFolder::create(folder.path()).unwrap(), 0).unwrap();
    let mut roots = vec![writer.root()];
    for number in 0..size {
        writer.push(leaf(number)).unwrap();
        roots.push(writer.root());
    }
    writer.seal().unwrap();
    (folder, writer, roots)
}

fn as_json(hashes: &[Hash]) -> Value {
    hashes.iter().map(Hash::to_string).collect()
}

#[test]
fn roots_are_those_of_pymerkle() {
    let (_folder, _, roots) = tree(3_000);
    let sizes: Vec<u64> = (0..=300).chain([511, 512, 513, 1_000, 2_047, 3_000]).collect();
    let requests: Vec<Value> = sizes.iter().map(|size| json!({"ask": "root", "size": size})).collect();
    for (size, answer) in sizes.iter().zip(Peer::start().ask_all(&requests)) {
        assert_eq!(answer, json!(roots[usize::try_from(*size).unwrap()].to_string()), "{size} leaves");
    }
}

#[test]
fn inclusion_proofs_are_those_of_pymerkle() {
    let (_folder, writer, roots) = tree(3_000);
    let small = (1..=40).flat_map(|size| (0..size).map(move |index| (index, size)));
    let large = [255, 256, 257, 300, 600, 3_000]
        .into_iter()
        .flat_map(|size| [0, 1, size / 3, size / 2, 254, 255, 256, size - 2, size - 1].map(|index| (index, size)));
    let questions: Vec<(u64, u64)> = small.chain(large).filter(|(index, size)| index < size).collect();
    let requests: Vec<Value> =
        questions.iter().map(|(index, size)| json!({"ask": "inclusion", "index": index, "size": size})).collect();
    for ((index, size), answer) in questions.into_iter().zip(Peer::start().ask_all(&requests)) {
        let root = roots[usize::try_from(size).unwrap()];
        let proof = tiles::inclusion(writer.folder(), index, size, root).unwrap();
        assert_eq!(answer, as_json(&proof.hashes), "leaf {index} of {size}");
        proof.verify(leaf(index), root).unwrap();
    }
}

#[test]
fn consistency_proofs_are_those_of_pymerkle() {
    let (_folder, writer, roots) = tree(3_000);
    let small = (1..=40).flat_map(|to| (1..=to).map(move |from| (from, to)));
    let large = [255, 256, 257, 300, 600, 3_000]
        .into_iter()
        .flat_map(|to| [1, 2, to / 3, to / 2, 254, 255, 256, to - 1, to].map(|from| (from, to)));
    let questions: Vec<(u64, u64)> = small.chain(large).filter(|(from, to)| from <= to).collect();
    let requests: Vec<Value> =
        questions.iter().map(|(from, to)| json!({"ask": "consistency", "from": from, "to": to})).collect();
    for ((from, to), answer) in questions.into_iter().zip(Peer::start().ask_all(&requests)) {
        let [from_root, to_root] = [from, to].map(|size| roots[usize::try_from(size).unwrap()]);
        let proof = tiles::consistency(writer.folder(), from, to, to_root).unwrap();
        assert_eq!(answer, as_json(&proof.hashes), "{from} in {to}");
        proof.verify(from_root, to_root).unwrap();
    }
}

fn origin() -> Origin {
    Origin::of(RegionCode::parse("350600").unwrap())
}

fn cosigner(code: &str) -> String {
    origin().cosigner_name(AgencyCode::parse(code).unwrap())
}

/// The key whose seed is this byte 32 times.
fn key(number: u8) -> SigningKey {
    SigningKey::from_seed_bytes([number; 32]).unwrap()
}

fn quorum(needed: usize) -> Quorum {
    let cosigners = [("fire", 2), ("housing", 3)];
    let cosigners = cosigners.map(|(code, number)| Cosigner { name: cosigner(code), key: key(number).keyid() });
    Quorum { origin: origin(), authority: vec![key(1).keyid()], cosigners: cosigners.into(), needed }
}

/// How Python names a key.
fn known(name: &str, key: KeyId, kind: u8) -> Value {
    json!({"name": name, "key": hex::encode(key.raw()), "type": kind})
}

#[test]
fn what_is_signed_here_is_believed_there() {
    let (_folder, writer, _) = tree(700);
    let checkpoint = Checkpoint::new(origin(), writer.size(), writer.root(), Some(Digest::of(b"state")));
    let mut signed = SignedCheckpoint::sign(checkpoint, &key(1));
    signed.cosign(&cosigner("fire"), TIME, &key(2)).unwrap();
    signed.cosign(&cosigner("housing"), TIME + 1, &key(3)).unwrap();
    let inclusion = tiles::inclusion(writer.folder(), 444, writer.size(), writer.root()).unwrap();
    let file = ProofFile { extra: Some(b"from Rust".to_vec()), inclusion, checkpoint: signed.clone() }.to_string();

    let keys = json!([
        known(&origin().to_string(), key(1).keyid(), 1),
        known(&cosigner("fire"), key(2).keyid(), 4),
        known(&cosigner("housing"), key(3).keyid(), 4),
        known(&cosigner("housing"), key(2).keyid(), 4),
        known(&cosigner("fire"), key(2).keyid(), 1),
    ]);
    let ask = |note: String| json!({"ask": "note", "note": note, "keys": keys});
    let mut peer = Peer::start();
    assert_eq!(
        peer.ask(&ask(signed.to_string())),
        json!(["good", format!("good {TIME}"), format!("good {}", TIME + 1), "none", "none"])
    );
    let larger = signed.to_string().replacen("\n700\n", "\n701\n", 1);
    assert_eq!(peer.ask(&ask(larger)), json!(["bad", "bad", "bad", "none", "none"]));

    assert_eq!(peer.ask(&json!({"ask": "proof", "file": file, "leaf": "leaf 444"})), json!(true));
    assert_eq!(peer.ask(&json!({"ask": "proof", "file": file, "leaf": "leaf 445"})), json!(false));
    let moved = file.replacen("index 444", "index 445", 1);
    assert_eq!(peer.ask(&json!({"ask": "proof", "file": moved, "leaf": "leaf 444"})), json!(false));
}

#[test]
fn what_is_signed_there_is_believed_here() {
    let seeds = json!({
        origin().to_string(): "01".repeat(32),
        cosigner("fire"): "02".repeat(32),
        cosigner("housing"): "03".repeat(32),
        "stranger.example": "04".repeat(32),
    });
    let request =
        json!({"ask": "make", "seeds": seeds, "origin": origin().to_string(), "size": 700, "index": 123, "time": TIME});
    let text = Peer::start().ask(&request).as_str().unwrap().to_owned();
    let file: ProofFile = text.parse().unwrap();
    assert_eq!(file.to_string(), text, "written here as it was there");
    assert_eq!(file.extra.as_deref(), Some(b"from Python".as_slice()));
    file.verify(leaf(123)).unwrap();
    file.verify(leaf(124)).unwrap_err();

    let (_folder, writer, _) = tree(700);
    assert_eq!(file.checkpoint.checkpoint().root, writer.root());
    let cosigned = quorum(2).check(&file.checkpoint).unwrap();
    assert_eq!(cosigned.iter().map(|one| one.time_seconds).collect::<Vec<_>>(), [TIME, TIME]);
    assert!(matches!(quorum(3).check(&file.checkpoint), Err(QuorumError::TooFew { needed: 3, .. })));
    let larger: ProofFile = text.replacen("\n700\n", "\n701\n", 1).parse().unwrap();
    // A path of this shape fits trees of both sizes; it is the signature that binds the size.
    assert!(matches!(quorum(0).check(&larger.checkpoint), Err(QuorumError::BadSignature { .. })));
}
