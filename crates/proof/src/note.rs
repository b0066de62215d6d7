//! Signed notes (C2SP signed-note): a text of lines, an empty line, and a line for each signature.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fengsui_event::{KeyId, Signature};
use sha2::{Digest as _, Sha256};

/// The longest note that is read. The standard asks for room for 16 signatures; an Ed25519 line takes about 200 bytes.
pub const NOTE_BYTES_MAX: usize = 64 * 1024;

/// The most lines that a note may have, signatures included.
pub const NOTE_LINES_MAX: usize = 128;

/// What a line with a signature begins with: an em dash and a space.
const SIGNATURE_PREFIX: &str = "\u{2014} ";

/// Bytes of the key's id before each signature.
const KEY_HASH_BYTES: usize = 4;

/// Bytes of the time in a cosignature.
const TIME_BYTES: usize = 8;

/// The header that keeps cosignatures apart from everything else that a key signs.
const COSIGNATURE_HEADER: &str = "cosignature/v1";

/// The latest time that a cosignature may carry, in POSIX seconds.
const TIME_MAX: u64 = i64::MAX as u64;

/// How a key signs a note: the type byte of C2SP signed-note.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignatureKind {
    /// Ed25519 over the text (0x01): the log's own signature.
    Log,
    /// Ed25519 over a header, a time and the text (0x04): a cosignature of C2SP tlog-cosignature.
    Cosignature,
}

/// Why a text is no signed note.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// Longer than any note has reason to be.
    #[error(
        "the note has {bytes} bytes and {lines} lines; at most {NOTE_BYTES_MAX} bytes and {NOTE_LINES_MAX} lines are read"
    )]
    TooLong {
        /// Its length.
        bytes: usize,
        /// Its lines.
        lines: usize,
    },
    /// A control character.
    #[error("line {line} of the note has the control character {character:?}; a note has none but line feeds")]
    ControlCharacter {
        /// The line, from 1.
        line: usize,
        /// The character.
        character: char,
    },
    /// No empty line, or nothing before or after it, or no line feed at the end.
    #[error(
        "the note has no text that is followed by an empty line and at least one signature line; it was cut or is another file"
    )]
    NoSignatures,
    /// A line after the empty one that is no signature.
    #[error(
        "line {line} of the note is no signature; expected an em dash, a name without spaces, and base 64 of more than 4 bytes"
    )]
    NotASignature {
        /// The line, from 1.
        line: usize,
    },
}

/// A text with its signatures. What it was read from is what it is written as, byte for byte.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Note {
    text: String,
    signatures: Vec<SignatureLine>,
}

/// A signature line: who says to have signed, the first bytes of a hash of the key, and the signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SignatureLine {
    name: String,
    key_hash: [u8; KEY_HASH_BYTES],
    signature: Vec<u8>,
}

/// What the signature of one key says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found<T> {
    /// There is no line of that name and key.
    None,
    /// There are lines, and all of their signatures are bad.
    Bad,
    /// There is a good signature.
    Good(T),
}

impl SignatureKind {
    /// The byte that stands for it.
    pub const fn byte(self) -> u8 {
        match self {
            Self::Log => 0x01,
            Self::Cosignature => 0x04,
        }
    }
}

/// Whether a text may name a key: not empty, no spaces of any script, no plus sign, no control characters.
pub(crate) fn is_key_name(name: &str) -> bool {
    !name.is_empty()
        && !name.chars().any(|character| character.is_whitespace() || character.is_control() || character == '+')
}

/// The id of a key under a name: the first bytes of SHA-256(name || 0x0A || type || key).
pub(crate) fn key_hash(name: &str, kind: SignatureKind, key: KeyId) -> [u8; KEY_HASH_BYTES] {
    let hash = Sha256::new().chain_update(name).chain_update([b'\n', kind.byte()]).chain_update(key.raw()).finalize();
    [hash[0], hash[1], hash[2], hash[3]]
}

/// The message that a cosignature signs, or nothing if the time is none that it may carry.
pub(crate) fn cosigned_message(time_seconds: u64, text: &str) -> Option<String> {
    (time_seconds <= TIME_MAX).then(|| format!("{COSIGNATURE_HEADER}\ntime {time_seconds}\n{text}"))
}

impl SignatureLine {
    pub(crate) fn of_log(name: &str, key: KeyId, signature: &Signature) -> Self {
        let key_hash = key_hash(name, SignatureKind::Log, key);
        Self { name: name.to_owned(), key_hash, signature: signature.to_vec() }
    }

    pub(crate) fn of_cosigner(name: &str, key: KeyId, time_seconds: u64, signature: &Signature) -> Self {
        let key_hash = key_hash(name, SignatureKind::Cosignature, key);
        let signature = [time_seconds.to_be_bytes().as_slice(), signature].concat();
        Self { name: name.to_owned(), key_hash, signature }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    fn parse(line: &str) -> Option<Self> {
        let (name, signature) = line.strip_prefix(SIGNATURE_PREFIX)?.split_once(' ')?;
        let bytes = STANDARD.decode(signature).ok()?;
        let (key_hash, signature) = bytes.split_first_chunk()?;
        let is_signature = is_key_name(name) && !signature.is_empty();
        is_signature.then(|| Self { name: name.to_owned(), key_hash: *key_hash, signature: signature.to_owned() })
    }
}

impl Note {
    pub(crate) fn new(text: String, signature: SignatureLine) -> Self {
        Self { text, signatures: vec![signature] }
    }

    /// The text, with its last line feed.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    pub(crate) fn signatures(&self) -> &[SignatureLine] {
        &self.signatures
    }

    /// Adds a line, unless it is there already or there is no more room for it.
    pub(crate) fn add(&mut self, line: SignatureLine) -> Result<(), NoteError> {
        if self.signatures.contains(&line) {
            return Ok(());
        }
        self.signatures.push(line);
        within_bounds(&self.to_string()).inspect_err(|_| {
            self.signatures.pop();
        })
    }

    /// What the log's signature of this name and key says.
    pub(crate) fn log_signature(&self, name: &str, key: KeyId) -> Found<()> {
        best(self.lines_of(name, SignatureKind::Log, key).map(|line| self.verify_log(line, key)))
    }

    /// The latest time, in POSIX seconds, at which this name and key cosigned.
    pub(crate) fn cosignature(&self, name: &str, key: KeyId) -> Found<u64> {
        best(self.lines_of(name, SignatureKind::Cosignature, key).map(|line| self.verify_cosignature(line, key)))
    }

    /// The same text with one good signature of the log by any of these keys and the latest good cosignature of this name and key.
    pub(crate) fn only_of(&self, log: (&str, &[KeyId]), cosigner: (&str, KeyId)) -> Option<Self> {
        let (log_name, log_keys) = log;
        let (name, key) = cosigner;
        let of_log = log_keys.iter().find_map(|key| {
            let mut lines = self.lines_of(log_name, SignatureKind::Log, *key);
            lines.find(|line| self.verify_log(line, *key).is_some())
        });
        let cosigned = self.lines_of(name, SignatureKind::Cosignature, key);
        let cosigned = cosigned.filter_map(|line| Some((self.verify_cosignature(line, key)?, line)));
        let (_, of_cosigner) = cosigned.max_by_key(|(time, _)| *time)?;
        Some(Self { text: self.text.clone(), signatures: vec![of_log?.clone(), of_cosigner.clone()] })
    }

    fn verify_log(&self, line: &SignatureLine, key: KeyId) -> Option<()> {
        let signature: Signature = line.signature.as_slice().try_into().ok()?;
        key.verifier().ok()?.verify(self.text.as_bytes(), &signature).then_some(())
    }

    fn verify_cosignature(&self, line: &SignatureLine, key: KeyId) -> Option<u64> {
        let (time, signature) = line.signature.split_first_chunk::<TIME_BYTES>()?;
        let time = u64::from_be_bytes(*time);
        let message = cosigned_message(time, &self.text)?;
        let signature: Signature = signature.try_into().ok()?;
        key.verifier().ok()?.verify(message.as_bytes(), &signature).then_some(time)
    }

    fn lines_of(&self, name: &str, kind: SignatureKind, key: KeyId) -> impl Iterator<Item = &SignatureLine> {
        let key_hash = key_hash(name, kind, key);
        self.signatures.iter().filter(move |line| line.name == name && line.key_hash == key_hash)
    }
}

/// The greatest of what good lines say. A bad one beside a good one counts for nothing: notes are put together from several hands, and
/// one of them could spoil what another signed.
fn best<T: Ord>(lines: impl Iterator<Item = Option<T>>) -> Found<T> {
    lines.fold(Found::None, |found, line| match (found, line) {
        (Found::Good(other), Some(value)) => Found::Good(value.max(other)),
        (Found::Good(other), None) => Found::Good(other),
        (_, Some(value)) => Found::Good(value),
        (_, None) => Found::Bad,
    })
}

fn within_bounds(text: &str) -> Result<(), NoteError> {
    let bytes = text.len();
    let lines = text.bytes().filter(|byte| *byte == b'\n').count();
    if bytes > NOTE_BYTES_MAX || lines > NOTE_LINES_MAX { Err(NoteError::TooLong { bytes, lines }) } else { Ok(()) }
}

impl FromStr for Note {
    type Err = NoteError;

    fn from_str(note: &str) -> Result<Self, NoteError> {
        within_bounds(note)?;
        for (line, content) in (1..).zip(note.split('\n')) {
            if let Some(character) = content.chars().find(|character| *character < ' ') {
                return Err(NoteError::ControlCharacter { line, character });
            }
        }
        // The text may have empty lines of its own; the last one ends it.
        let (text, signatures) = note.rsplit_once("\n\n").ok_or(NoteError::NoSignatures)?;
        let signatures = signatures.strip_suffix('\n').ok_or(NoteError::NoSignatures)?;
        let lines_before = text.split('\n').count() + 1;
        let signatures = (1..)
            .zip(signatures.split('\n'))
            .map(|(line, content)| {
                SignatureLine::parse(content).ok_or(NoteError::NotASignature { line: lines_before + line })
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { text: format!("{text}\n"), signatures })
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        for line in &self.signatures {
            let bytes = [line.key_hash.as_slice(), &line.signature].concat();
            writeln!(f, "{SIGNATURE_PREFIX}{} {}", line.name, STANDARD.encode(bytes))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
