//! The members of an archive: which names there are, and in which order they stand.

use std::fmt;
use std::str::FromStr;

use fengsui_event::KeyId;

use super::ArchiveError;
use crate::tiles::TilePath;

/// Longer than any name of the format.
const NAME_BYTES_MAX: usize = 128;
/// Digits of positions and sizes in names: enough for every u64, fixed, so that text order is number order.
const DIGITS: usize = 20;

/// A member of an archive. The order of the variants is the order in the archive.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Member {
    /// `exchange.toml`: region, authority and the authority's first keys.
    Exchange,
    /// `events/{first position}.jsonl`: records.
    Events(u64),
    /// `tile/…`: a tile of the tree.
    Tile(TilePath),
    /// `checkpoint`: the newest one.
    Checkpoint,
    /// `checkpoints/{size}.note`: one of all.
    CheckpointAt(u64),
    /// `keys.jsonl`: whose each key is, from which position to which.
    Keys,
    /// `keys/{keyid}.pem`: a key for openssl.
    Key(KeyId),
    /// `rulebooks/{position of its publication}.toml`.
    Rulebook(u64),
    /// `schemas/{type}.json`: the JSON Schema of an event type that occurs.
    Schema(String),
    /// `README.txt`.
    Readme,
    /// `manifest.json`.
    Manifest,
    /// `SHA256SUMS`.
    Sums,
}

impl Member {
    fn parse(name: &str) -> Option<Self> {
        let number = |name: &str, end: &str| -> Option<u64> {
            let digits = name.strip_suffix(end).filter(|digits| digits.len() == DIGITS)?;
            digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
        };
        let member = match name.split_once('/') {
            None => match name {
                "exchange.toml" => Self::Exchange,
                "checkpoint" => Self::Checkpoint,
                "keys.jsonl" => Self::Keys,
                "README.txt" => Self::Readme,
                "manifest.json" => Self::Manifest,
                "SHA256SUMS" => Self::Sums,
                _ => return None,
            },
            Some(("events", rest)) => Self::Events(number(rest, ".jsonl")?),
            Some(("tile", _)) => Self::Tile(name.parse().ok()?),
            Some(("checkpoints", rest)) => Self::CheckpointAt(number(rest, ".note")?),
            Some(("keys", rest)) => Self::Key(rest.strip_suffix(".pem")?.parse().ok()?),
            Some(("rulebooks", rest)) => Self::Rulebook(number(rest, ".toml")?),
            Some(("schemas", rest)) => {
                Self::Schema(rest.strip_suffix(".json").filter(|text| is_type(text))?.to_owned())
            }
            Some(_) => return None,
        };
        // What does not come out as it went in was written in another way than the one that there is.
        (member.to_string() == name).then_some(member)
    }

    /// Whether the member's bytes are told by the manifest. The manifest cannot tell its own, and the sums are made of both.
    pub const fn is_listed(&self) -> bool {
        !matches!(self, Self::Manifest | Self::Sums)
    }
}

/// `violation.reported.v1`, and nothing that a file system could take for something else.
fn is_type(text: &str) -> bool {
    let is_word = |word: &str| {
        word.starts_with(|first: char| first.is_ascii_lowercase())
            && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    text.len() < NAME_BYTES_MAX / 2 && text.split('.').count() == 3 && text.split('.').all(is_word)
}

impl fmt::Display for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exchange => f.write_str("exchange.toml"),
            Self::Events(first) => write!(f, "events/{first:0DIGITS$}.jsonl"),
            Self::Tile(path) => path.fmt(f),
            Self::Checkpoint => f.write_str("checkpoint"),
            Self::CheckpointAt(size) => write!(f, "checkpoints/{size:0DIGITS$}.note"),
            Self::Keys => f.write_str("keys.jsonl"),
            Self::Key(keyid) => write!(f, "keys/{keyid}.pem"),
            Self::Rulebook(position) => write!(f, "rulebooks/{position:0DIGITS$}.toml"),
            Self::Schema(short) => write!(f, "schemas/{short}.json"),
            Self::Readme => f.write_str("README.txt"),
            Self::Manifest => f.write_str("manifest.json"),
            Self::Sums => f.write_str("SHA256SUMS"),
        }
    }
}

impl FromStr for Member {
    type Err = ArchiveError;

    fn from_str(name: &str) -> Result<Self, ArchiveError> {
        let known = (name.len() <= NAME_BYTES_MAX).then(|| Self::parse(name)).flatten();
        known.ok_or_else(|| ArchiveError::name(name.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn names_are_read_back_and_stand_in_the_archives_order() {
        let names = [
            "exchange.toml",
            "events/00000000000000000001.jsonl",
            "events/00000000000000010001.jsonl",
            "tile/0/000",
            "tile/0/x001/234.p/5",
            "tile/1/000.p/4",
            "checkpoint",
            "checkpoints/00000000000000000007.note",
            "keys.jsonl",
            "rulebooks/00000000000000000010.toml",
            "schemas/agency.key-rotated.v1.json",
            "README.txt",
            "manifest.json",
            "SHA256SUMS",
        ];
        let members: Vec<Member> = names.iter().map(|name| name.parse().unwrap()).collect();
        assert!(members.is_sorted());
        assert_eq!(members.iter().map(ToString::to_string).collect::<Vec<_>>(), names);
    }

    #[test]
    fn nothing_else_is_a_name() {
        let long = format!("schemas/{}.json", "a".repeat(200));
        let names = [
            "",
            "/",
            "..",
            "../exchange.toml",
            "/exchange.toml",
            "./exchange.toml",
            "events/../exchange.toml",
            "events/..",
            "events\\00000000000000000001.jsonl",
            "C:\\exchange.toml",
            "events/1.jsonl",
            "events/+0000000000000000001.jsonl",
            "events/00000000000000000001.jsonl/",
            "events/99999999999999999999.jsonl",
            "tile/0/../0/000",
            "tile/00/000",
            "keys/UAAA.pem",
            "schemas/../../x.v1.json",
            "schemas/a.b.json",
            "schemas/...json",
            "README.TXT",
            "readme.txt",
            "exchange.toml\0",
            &long,
        ];
        for name in names {
            assert!(name.parse::<Member>().is_err(), "{name:?}");
        }
    }
}
