//! Against notes that others made and published.
#![allow(clippy::unwrap_used)]

use super::*;

/// The example of the note package of Go, with its key `PeterNeumann+c74f20a3+ARpc2Q...`.
const NEUMANN: &str = "\
If you think cryptography is the answer to your problem,
then you don't know what your problem is.

— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=
— EnochRoot rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33WWd1RvMc+QQ=
";
const NEUMANN_KEY: &str = "ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";

/// What sum.golang.org signed in 2021, with its key `sum.golang.org+033de0ae+Ac4zct...`.
const GO_SUM: &str = "\
go.sum database tree
6476701
mb8QLQIs0Z0yP5Cstq6guj87oXWeC9gEM8oVikmm9Wk=

— sum.golang.org Az3grsLX85Gz+s1SiTbgkuqxgItqFq7gsMUEyVnrsa9LM7Us9S+1xbFIGu95949rj4nPRYfvimWEPWL+o3GeoWwOoAw=
";
const GO_SUM_KEY: &str = "Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8";

/// A checkpoint of a Certificate Transparency log of 2026, cosigned by the witness of Geomys with its key
/// `witness.navigli.sunlight.geomys.org+a3e00fe2+BNy/co...`.
const WITNESSED: &str = "\
coachandhorses2026h1.staging.certificate.transparency.goog
185550722
YXAM0VmnrfvLaBCOOYSJhCaE5F10oGBOo+hkbDa1kng=

— coachandhorses2026h1.staging.certificate.transparency.goog MpXgsHy8ZwxXnO+WjtVrPxAzL49Rs1gWTkNVNeEa//5peAzaocRCB3qt3EaibjzY5GILLtGgBP7dBhgcSHy+JQh0OAc=
— witness.navigli.sunlight.geomys.org o+AP4gAAAABqb7DzNrGFRJnQ9vrJ8xpnwZytnr/ZYczDIsvwvouiSjwOjn7a72ccxBk+lKnZ7dKqkYKER1s/KxLTaVwQD7lJZTC/CQ==
";
const WITNESS: &str = "witness.navigli.sunlight.geomys.org";
const WITNESS_KEY: &str = "BNy/co4C1Hn1p+INwJrfUlgz7W55dSZReusH/GhUhJ/G";

fn key(text: &str) -> KeyId {
    KeyId::from_raw(STANDARD.decode(text).unwrap()[1..].try_into().unwrap())
}

fn read(text: &str) -> Note {
    let note: Note = text.parse().unwrap();
    assert_eq!(note.to_string(), text, "a note is written as it was read");
    note
}

#[test]
fn notes_of_go_verify() {
    assert_eq!(read(NEUMANN).log_signature("PeterNeumann", key(NEUMANN_KEY)), Found::Good(()));
    assert_eq!(read(GO_SUM).log_signature("sum.golang.org", key(GO_SUM_KEY)), Found::Good(()));
}

#[test]
fn a_cosignature_of_a_public_witness_verifies() {
    assert_eq!(read(WITNESSED).cosignature(WITNESS, key(WITNESS_KEY)), Found::Good(0x6A6F_B0F3));
}

#[test]
fn the_example_of_the_standard_is_a_cosignature() {
    let note = read("\
example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==
");
    let (time, signature) = note.signatures[1].signature.split_first_chunk().unwrap();
    assert_eq!(u64::from_be_bytes(*time), 1_679_315_147, "the time in the standard's text");
    assert_eq!(signature.len(), 64);
    assert_eq!(
        cosigned_message(1_679_315_147, note.text()).unwrap(),
        "cosignature/v1\ntime 1679315147\nexample.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
    );
}

#[test]
fn no_other_text_name_or_kind_verifies() {
    let altered = NEUMANN.replace("problem is", "problem was");
    assert_eq!(read(&altered).log_signature("PeterNeumann", key(NEUMANN_KEY)), Found::Bad);
    assert_eq!(read(NEUMANN).log_signature("EnochRoot", key(NEUMANN_KEY)), Found::None, "another key of that name");
    assert_eq!(read(NEUMANN).cosignature("PeterNeumann", key(NEUMANN_KEY)), Found::None);
    assert_eq!(read(WITNESSED).log_signature(WITNESS, key(WITNESS_KEY)), Found::None);
    let later = WITNESSED.replace("o+AP4gAAAABqb7Dz", "o+AP4gAAAABqb7Dy");
    assert_eq!(read(&later).cosignature(WITNESS, key(WITNESS_KEY)), Found::Bad, "the time is signed");
}

#[test]
fn a_bad_signature_does_not_spoil_a_good_one_of_the_same_key() {
    let good = GO_SUM.lines().last().unwrap();
    let bad = good.replace("Az3grs", "Az3grt");
    for more in [format!("{bad}\n"), format!("{good}\n"), format!("{bad}\n{good}\n")] {
        let note = read(&format!("{GO_SUM}{more}"));
        assert_eq!(note.log_signature("sum.golang.org", key(GO_SUM_KEY)), Found::Good(()));
    }
    assert_eq!(read(&GO_SUM.replace(good, &bad)).log_signature("sum.golang.org", key(GO_SUM_KEY)), Found::Bad);
    let weak = KeyId::from_raw([0; 32]);
    assert_eq!(read(GO_SUM).log_signature("sum.golang.org", weak), Found::None, "of a key that signed nothing");
}

#[test]
fn what_is_no_note_is_refused_with_its_reason() {
    let refusal = |text: &str| text.parse::<Note>().unwrap_err();
    let line = GO_SUM.lines().last().unwrap();
    let text = "a\nb\nc\n";
    assert_eq!(refusal(""), NoteError::NoSignatures);
    assert_eq!(refusal(text), NoteError::NoSignatures);
    assert_eq!(refusal(&format!("{text}\n")), NoteError::NoSignatures);
    assert_eq!(refusal(&format!("{text}{line}\n")), NoteError::NoSignatures, "no empty line");
    assert_eq!(refusal(&format!("{text}\n{line}")), NoteError::NoSignatures, "no line feed at the end");
    assert_eq!(refusal(&format!("{text}\r\n{line}\n")), NoteError::ControlCharacter { line: 4, character: '\r' });
    let signature_lines = [
        line.replace('—', "-"),
        line.replace("sum.golang.org ", ""),
        line.replace("sum.golang.org ", "  "),
        line.replace("sum.golang.org", "sum+golang"),
        line.replace("sum.golang.org", "sum\u{3000}golang"),
        line.replace("oAw=", "oAx="),
        line.replace("oAw=", "oAw"),
        line.replace("Az3grs", "Az3grs "),
        "— sum.golang.org Az3grg==".to_owned(),
        String::new(),
    ];
    for wrong in signature_lines {
        assert_eq!(refusal(&format!("{text}\n{line}\n{wrong}\n")).line(), Some(6), "{wrong}");
    }
    assert_eq!(
        refusal(&format!("{text}\n{}", format!("{line}\n").repeat(NOTE_LINES_MAX))),
        NoteError::TooLong { bytes: 7 + (line.len() + 1) * NOTE_LINES_MAX, lines: NOTE_LINES_MAX + 4 }
    );
    let long = format!("{}\n\n{line}\n", "a".repeat(NOTE_BYTES_MAX));
    assert_eq!(refusal(&long), NoteError::TooLong { bytes: long.len(), lines: 3 });
}

impl NoteError {
    fn line(&self) -> Option<usize> {
        match self {
            Self::NotASignature { line } => Some(*line),
            // A note whose last signature line is empty ends with an empty line, and nothing after it.
            Self::NoSignatures => Some(6),
            Self::TooLong { .. } | Self::ControlCharacter { .. } => None,
        }
    }
}

#[test]
fn there_is_room_for_sixteen_signatures_and_more() {
    let line = GO_SUM.lines().last().unwrap();
    let mut note: Note = GO_SUM.parse().unwrap();
    for number in 0..NOTE_LINES_MAX - 5 {
        note.add(SignatureLine::parse(&line.replace("sum", &format!("s{number}"))).unwrap()).unwrap();
    }
    let full = note.to_string();
    assert_eq!(full.parse::<Note>().unwrap(), note);
    note.add(SignatureLine::parse(line).unwrap()).unwrap();
    assert_eq!(note.to_string(), full, "a line that is there is not added again");
    let one_more = SignatureLine::parse(&line.replace("sum", "more")).unwrap();
    assert!(matches!(note.add(one_more), Err(NoteError::TooLong { lines: 129, .. })));
    assert_eq!(note.to_string(), full, "what does not fit is not kept");
}
