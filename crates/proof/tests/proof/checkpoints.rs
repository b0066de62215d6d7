//! Checkpoints: their text, their signatures, and what is refused.

use fengsui_event::{AgencyCode, Digest, RegionCode, Signer as _};
use fengsui_proof::checkpoint::NoteError;
use fengsui_proof::{Checkpoint, CheckpointError, Origin, SignedCheckpoint, leaf_hash};
use proptest::prelude::*;

use crate::keys::TestKey;

pub fn origin() -> Origin {
    Origin::of(RegionCode::parse("350600").unwrap())
}

pub fn agency(code: &str) -> String {
    origin().cosigner_name(AgencyCode::parse(code).unwrap())
}

pub fn checkpoint(size: u64) -> Checkpoint {
    Checkpoint::new(origin(), size, leaf_hash(&size.to_be_bytes()), Some(Digest::of(b"state")))
}

#[test]
fn the_text_is_four_lines() {
    let text = "fengsui.cn/regions/350600\n\
        7\n\
        sr6zZ8LV+b1X7dqUuQ1Ec5jRpM+1Vh4DZ0Kjf0CyIzs=\n\
        digest sha256:afcd17d5d7d7c2ea8f1a4e3ff1a8a7ac3a3d4a8e0c0a6a4a4b4e9d8f7b6c5d4e\n";
    let signed: SignedCheckpoint = format!("{text}\n{}\n", log_line()).parse().unwrap();
    assert_eq!(signed.checkpoint().size, 7);
    assert_eq!(signed.checkpoint().origin, origin());
    assert_eq!(signed.checkpoint().root.to_string(), "sr6zZ8LV+b1X7dqUuQ1Ec5jRpM+1Vh4DZ0Kjf0CyIzs=");
    assert_eq!(signed.checkpoint().to_string(), text);
    assert_eq!(signed.text(), text);
    let without = Checkpoint::new(origin(), 0, leaf_hash(b""), None);
    assert_eq!(without.to_string().lines().count(), 3);
}

/// A signature line of no account.
fn log_line() -> String {
    SignedCheckpoint::sign(checkpoint(1), &TestKey::new(1)).to_string().lines().last().unwrap().to_owned()
}

#[test]
fn names_follow_from_the_region() {
    assert_eq!(origin().to_string(), "fengsui.cn/regions/350600");
    assert_eq!(agency("fire"), "fengsui.cn/regions/350600/agencies/fire");
    assert_eq!(origin().agency_of(&agency("fire")), Some(AgencyCode::parse("fire").unwrap()));
    for other in ["fengsui.cn/regions/350601/agencies/fire", "fengsui.cn/regions/350600/agencies/", "auditor.example"] {
        assert_eq!(origin().agency_of(other), None);
    }
    for wrong in [
        "",
        "fengsui.cn/regions/",
        "fengsui.cn/regions/350600/",
        "fengsui.cn/regions/999999",
        "fengsui.com/regions/350600",
    ] {
        wrong.parse::<Origin>().unwrap_err();
    }
}

#[test]
fn signatures_are_of_one_key_name_kind_and_text() {
    let (authority, fire, other) = (TestKey::new(1), TestKey::new(2), TestKey::new(3));
    let mut signed = SignedCheckpoint::sign(checkpoint(7), &authority);
    signed.cosign(&agency("fire"), 1_700_000_000, &fire).unwrap();
    let signed: SignedCheckpoint = signed.to_string().parse().unwrap();
    assert!(signed.is_signed_by(authority.keyid()));
    assert!(!signed.is_signed_by(fire.keyid()), "a cosignature is not the log's signature");
    assert_eq!(signed.cosignature(&agency("fire"), fire.keyid()), Some(1_700_000_000));
    assert_eq!(signed.cosignature(&agency("fire"), other.keyid()), None);
    assert_eq!(signed.cosignature(&agency("housing"), fire.keyid()), None);
    assert_eq!(signed.cosignature(&origin().to_string(), authority.keyid()), None);
    assert_eq!(signed.names().collect::<Vec<_>>(), [origin().to_string(), agency("fire")]);

    let larger = signed.to_string().replacen("\n7\n", "\n8\n", 1);
    let larger: SignedCheckpoint = larger.parse().unwrap();
    assert!(!larger.is_signed_by(authority.keyid()));
    assert_eq!(larger.cosignature(&agency("fire"), fire.keyid()), None);
}

#[test]
fn the_latest_cosignature_of_a_name_counts() {
    let fire = TestKey::new(2);
    let mut signed = SignedCheckpoint::sign(checkpoint(7), &TestKey::new(1));
    signed.cosign(&agency("fire"), 20, &fire).unwrap();
    signed.cosign(&agency("fire"), 10, &fire).unwrap();
    assert_eq!(signed.cosignature(&agency("fire"), fire.keyid()), Some(20));
}

#[test]
fn signatures_of_one_checkpoint_are_put_together() {
    let (authority, fire, housing) = (TestKey::new(1), TestKey::new(2), TestKey::new(3));
    let signed = SignedCheckpoint::sign(checkpoint(7), &authority);
    let (mut one, mut two) = (signed.clone(), signed);
    one.cosign(&agency("fire"), 1, &fire).unwrap();
    two.cosign(&agency("housing"), 2, &housing).unwrap();
    one.merge(&two).unwrap();
    one.merge(&two).unwrap();
    assert_eq!(one.names().count(), 3, "no line twice");
    assert_eq!(one.cosignature(&agency("fire"), fire.keyid()), Some(1));
    assert_eq!(one.cosignature(&agency("housing"), housing.keyid()), Some(2));
    let other = SignedCheckpoint::sign(checkpoint(8), &authority);
    assert!(matches!(one.merge(&other), Err(CheckpointError::OtherCheckpoint { expected: 7, found: 8, .. })));
}

#[test]
fn lines_of_others_are_kept_and_signed() {
    let authority = TestKey::new(1);
    let before = SignedCheckpoint::sign(checkpoint(7), &authority).to_string();
    let digest = before.lines().nth(3).unwrap();
    let text = before.replacen(digest, &format!("first of others\n{digest}\nsecond of others"), 1);
    let signed: SignedCheckpoint = text.parse().unwrap();
    assert_eq!(signed.to_string(), text, "byte for byte");
    assert_eq!(signed.checkpoint().unknown(), ["first of others", "second of others"]);
    assert_eq!(signed.checkpoint().digest, Some(Digest::of(b"state")));
    assert!(!signed.is_signed_by(authority.keyid()), "they were not there when it was signed");
    let other_algorithm: SignedCheckpoint = before.replacen("digest sha256:", "digest sm3:", 1).parse().unwrap();
    assert_eq!(other_algorithm.checkpoint().digest, None);
}

#[test]
fn what_is_no_checkpoint_is_refused_with_its_reason() {
    let good = SignedCheckpoint::sign(checkpoint(7), &TestKey::new(1)).to_string();
    let refusal = |from: &str, to: &str| good.replacen(from, to, 1).parse::<SignedCheckpoint>().unwrap_err();
    assert!(matches!(refusal("regions/350600", "regions/999999"), CheckpointError::NotAnOrigin(_)));
    for size in ["", "07", "-7", "+7", "7 ", " 7", "0x7", "7.0", "18446744073709551616", "seven"] {
        assert!(matches!(refusal("\n7\n", &format!("\n{size}\n")), CheckpointError::NotASize(_)), "{size:?}");
    }
    let root = leaf_hash(&7_u64.to_be_bytes()).to_string();
    for other in [&root[..43], "AAAA", "", &root.replace('=', "")] {
        assert!(matches!(refusal(&root, other), CheckpointError::NotARoot(_)), "{other:?}");
    }
    let digest = good.lines().nth(3).unwrap();
    for other in [
        "digest sha256:",
        &digest.to_uppercase().replacen("DIGEST SHA256", "digest sha256", 1),
        &format!("{digest}\n{digest}"),
    ] {
        assert!(matches!(refusal(digest, other), CheckpointError::NotAnExtension(_)), "{other:?}");
    }
    assert!(matches!(refusal(digest, &format!("\n{digest}")), CheckpointError::NotAnExtension(_)), "an empty line");
    assert!(matches!(refusal("\u{2014}", "-"), CheckpointError::Note(NoteError::NotASignature { line: 6 })));
}

#[test]
fn names_and_times_that_no_cosignature_has_are_refused() {
    let key = TestKey::new(2);
    let mut signed = SignedCheckpoint::sign(checkpoint(7), &TestKey::new(1));
    for name in ["", "a b", "a+b", "a\nb", "a\u{3000}b"] {
        assert!(matches!(signed.cosign(name, 1, &key), Err(CheckpointError::NotAName(_))), "{name:?}");
    }
    assert_eq!(signed.cosign("a", 1 << 63, &key), Err(CheckpointError::NotATime(1 << 63)));
    signed.cosign("a", (1 << 63) - 1, &key).unwrap();
    assert_eq!(signed.cosignature("a", key.keyid()), Some((1 << 63) - 1));
}

proptest! {
    #[test]
    fn any_text_is_a_checkpoint_or_refused(text in r"(fengsui.cn/regions/350600\n)?[0-9]{0,3}\n[A-Za-z0-9+/]{43}=\n(digest [a-z0-9:]{0,80}\n)?\n(— [a-z]{1,3} [A-Za-z0-9+/]{8}\n){0,3}") {
        if let Ok(signed) = text.parse::<SignedCheckpoint>() {
            prop_assert_eq!(signed.to_string(), text);
        }
    }

    #[test]
    fn a_character_changed_anywhere_leaves_no_good_signature(place in any::<prop::sample::Index>(), character in any::<char>()) {
        let (authority, fire) = (TestKey::new(1), TestKey::new(2));
        let mut signed = SignedCheckpoint::sign(checkpoint(7), &authority);
        signed.cosign(&agency("fire"), 1_700_000_000, &fire).unwrap();
        let text = signed.text().to_owned();
        let mut characters: Vec<char> = text.chars().collect();
        let place = place.index(characters.len());
        prop_assume!(characters[place] != character);
        characters[place] = character;
        let changed = signed.to_string().replacen(&text, &characters.into_iter().collect::<String>(), 1);
        if let Ok(changed) = changed.parse::<SignedCheckpoint>() {
            prop_assert!(!changed.is_signed_by(authority.keyid()));
            prop_assert_eq!(changed.cosignature(&agency("fire"), fire.keyid()), None);
        }
    }
}

#[test]
fn of_a_note_only_the_good_lines_of_log_and_one_cosigner_are_taken() {
    let (authority, fire, housing) = (TestKey::new(1), TestKey::new(2), TestKey::new(3));
    let only =
        |note: &SignedCheckpoint| note.only_of(&agency("fire"), fire.keyid(), &[housing.keyid(), authority.keyid()]);
    let mut good = SignedCheckpoint::sign(checkpoint(7), &authority);
    assert_eq!(only(&good), None, "not cosigned");
    good.cosign(&agency("fire"), 9, &fire).unwrap();
    assert_eq!(only(&good), Some(good.clone()));

    // What another could put beside them, before and after.
    let mut crowded = SignedCheckpoint::sign(checkpoint(7), &TestKey::new(8));
    crowded.cosign(&agency("housing"), 1, &housing).unwrap();
    crowded.cosign(&agency("fire"), 99, &housing).unwrap();
    crowded.cosign(&agency("fire"), 8, &fire).unwrap();
    crowded.merge(&good).unwrap();
    crowded.cosign(&agency("fire"), 7, &fire).unwrap();
    let text = crowded.to_string();
    let last = text.lines().last().unwrap();
    let bad = format!("{}{}\n", &last[..last.len() - 8], "AAAAAA==");
    let crowded: SignedCheckpoint = format!("{text}{bad}").parse().unwrap();
    assert_eq!(crowded.names().count(), 8);
    assert_eq!(only(&crowded), Some(good.clone()), "the latest of fire, and the log's");

    let mut not_signed = SignedCheckpoint::sign(checkpoint(7), &TestKey::new(8));
    not_signed.cosign(&agency("fire"), 9, &fire).unwrap();
    assert_eq!(only(&not_signed), None);
}
