//! Who must have signed, and the texts of keys.

use fengsui_event::{RegionCode, Signer as _};
use fengsui_proof::{
    Checkpoint, Cosigner, Origin, Quorum, QuorumError, SignatureKind, SignedCheckpoint, parse_verifier_key,
    verifier_key,
};

use crate::checkpoints::{agency, checkpoint, origin};
use crate::keys::TestKey;

const AUTHORITY: u8 = 1;

/// The cosigner of this agency, whose key has this number.
fn cosigner(code: &str, key: u8) -> Cosigner {
    Cosigner { name: agency(code), key: TestKey::new(key).keyid() }
}

fn quorum(needed: usize) -> Quorum {
    Quorum {
        origin: origin(),
        authority: vec![TestKey::new(AUTHORITY).keyid()],
        cosigners: vec![cosigner("fire", 2), cosigner("housing", 3), cosigner("market", 4)],
        needed,
    }
}

/// A checkpoint that these agencies cosigned with the keys of these numbers.
fn cosigned(by: &[(&str, u8)]) -> SignedCheckpoint {
    let mut signed = SignedCheckpoint::sign(checkpoint(7), &TestKey::new(AUTHORITY));
    for (code, key) in by {
        signed.cosign(&agency(code), 1_700_000_000 + u64::from(*key), &TestKey::new(*key)).unwrap();
    }
    signed
}

fn names(quorum: &Quorum, signed: &SignedCheckpoint) -> Result<Vec<String>, QuorumError> {
    Ok(quorum.check(signed)?.into_iter().map(|cosigned| cosigned.name).collect())
}

#[test]
fn enough_cosignatures_are_told_by_name() {
    let signed = cosigned(&[("market", 4), ("fire", 2)]);
    let cosigned = quorum(2).check(&signed).unwrap();
    assert_eq!(cosigned.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(), [agency("fire"), agency("market")]);
    assert_eq!(cosigned[0].key, TestKey::new(2).keyid());
    assert_eq!(cosigned[0].time_seconds, 1_700_000_002);
    assert_eq!(names(&quorum(0), &self::cosigned(&[])).unwrap(), [""; 0]);
}

#[test]
fn too_few_are_told_with_those_that_are_missing() {
    let error = quorum(2).check(&cosigned(&[("housing", 3)])).unwrap_err();
    let QuorumError::TooFew { needed: 2, cosigned, missing } = &error else { panic!("{error}") };
    assert_eq!(cosigned.len(), 1);
    assert_eq!(*missing, [agency("fire"), agency("market")]);
    assert!(error.to_string().starts_with("1 of the 2 cosignatures"), "{error}");
}

#[test]
fn strangers_do_not_count() {
    let signed = cosigned(&[("fire", 2), ("port", 9), ("housing", 9)]);
    assert_eq!(names(&quorum(1), &signed).unwrap(), [agency("fire")]);
    assert!(matches!(quorum(2).check(&signed), Err(QuorumError::TooFew { .. })));
}

#[test]
fn an_agency_counts_once_whatever_its_keys() {
    let mut quorum = quorum(2);
    quorum.cosigners.push(cosigner("fire", 5));
    let signed = cosigned(&[("fire", 2), ("fire", 5)]);
    assert!(matches!(quorum.check(&signed), Err(QuorumError::TooFew { .. })));
    quorum.needed = 1;
    assert_eq!(names(&quorum, &signed).unwrap(), [agency("fire")]);
    assert_eq!(names(&quorum, &cosigned(&[("fire", 5)])).unwrap(), [agency("fire")], "with the new key alone");
}

#[test]
fn a_key_counts_once_whatever_its_names() {
    let mut quorum = quorum(2);
    quorum.cosigners.push(cosigner("port", 2));
    let signed = cosigned(&[("fire", 2), ("port", 2)]);
    assert!(matches!(quorum.check(&signed), Err(QuorumError::TooFew { .. })));
}

#[test]
fn the_authority_does_not_cosign_for_others() {
    let mut quorum = quorum(1);
    quorum.cosigners.push(cosigner("office", AUTHORITY));
    let signed = cosigned(&[("office", AUTHORITY)]);
    assert!(matches!(quorum.check(&signed), Err(QuorumError::TooFew { .. })));
}

#[test]
fn without_the_authority_nothing_counts() {
    let mut signed = SignedCheckpoint::sign(checkpoint(7), &TestKey::new(9));
    for (code, key) in [("fire", 2), ("housing", 3), ("market", 4)] {
        signed.cosign(&agency(code), 1, &TestKey::new(key)).unwrap();
    }
    assert_eq!(quorum(1).check(&signed), Err(QuorumError::NotSigned { origin: origin(), keys: 1 }));
    let any_of_two = Quorum { authority: vec![TestKey::new(9).keyid(), TestKey::new(1).keyid()], ..quorum(3) };
    assert_eq!(any_of_two.check(&signed).unwrap().len(), 3, "a key of before or after a rotation");
    let nobody = Quorum { authority: Vec::new(), ..quorum(0) };
    assert!(matches!(nobody.check(&signed), Err(QuorumError::NotSigned { keys: 0, .. })));
}

#[test]
fn another_log_is_not_this_one() {
    let other = Origin::of(RegionCode::parse("350200").unwrap());
    let same = checkpoint(7);
    let signed = SignedCheckpoint::sign(Checkpoint::new(other, same.size, same.root, None), &TestKey::new(AUTHORITY));
    assert_eq!(quorum(0).check(&signed), Err(QuorumError::OtherLog { expected: origin(), found: other }));
}

#[test]
fn a_bad_signature_of_someone_known_is_an_error() {
    let good = cosigned(&[("fire", 2), ("housing", 3)]).to_string();
    let alter = |line: usize| {
        let line = good.lines().nth(line).unwrap();
        let altered = line[..line.len() - 6].to_owned() + if line.ends_with("AAAA==") { "BBBB==" } else { "AAAA==" };
        good.replacen(line, &altered, 1).parse::<SignedCheckpoint>()
    };
    let log = good.lines().position(|line| line.starts_with('\u{2014}')).unwrap();
    for (line, name) in [(log + 1, agency("fire")), (log + 2, agency("housing"))] {
        let Ok(altered) = alter(line) else { continue };
        assert_eq!(quorum(1).check(&altered), Err(QuorumError::BadSignature { name }));
    }
    let other_size: SignedCheckpoint = good.replacen("\n7\n", "\n8\n", 1).parse().unwrap();
    assert_eq!(quorum(1).check(&other_size), Err(QuorumError::BadSignature { name: origin().to_string() }));
}

#[test]
fn keys_are_written_as_the_standard_says() {
    // Keys of public witnesses and logs, as their operators publish them.
    for published in [
        "remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2",
        "witness.navigli.sunlight.geomys.org+a3e00fe2+BNy/co4C1Hn1p+INwJrfUlgz7W55dSZReusH/GhUhJ/G",
    ] {
        let Cosigner { name, key } = parse_verifier_key(published).unwrap();
        assert_eq!(verifier_key(&name, key, SignatureKind::Cosignature), published);
    }
    let log = parse_verifier_key("sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8").unwrap_err();
    assert!(log.reason.contains("key of a log"), "{log}");
    let key = parse_verifier_key("remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2").unwrap().key;
    let as_log = verifier_key("remora.n621.de", key, SignatureKind::Log);
    assert!(as_log.ends_with("+AevN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2"), "{as_log}");
}

#[test]
fn what_is_no_key_is_refused_with_its_reason() {
    for (text, reason) in [
        ("", "three parts"),
        ("bananas.sigstore.dev+12344556", "three parts"),
        ("a b+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2", "spaces"),
        ("+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2", "empty"),
        ("a+12345678+THIS_IS_NOT_BASE64!", "base64"),
        ("a+12345678+", "empty"),
        ("a+12345678+AwEB", "type is not 4"),
        ("a+12345678+BAEB", "32 bytes"),
        ("remora.n621.de+da77ade8+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2", "id does not belong"),
        ("remora.n621.de+DA77ADE7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2", "id does not belong"),
        ("remora.n621.df+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2", "id does not belong"),
        ("a+12345678+BAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "point"),
    ] {
        let error = parse_verifier_key(text).unwrap_err();
        assert!(error.reason.replace("base 64", "base64").contains(reason), "{text}: {error}");
    }
}
