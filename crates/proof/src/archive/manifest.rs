//! `manifest.json` and `SHA256SUMS`.

use std::fmt::Write as _;

use fengsui_event::{AgencyCode, Digest, RegionCode};
use serde::{Deserialize, Serialize};

use super::{ArchiveError, Member};
use crate::hash::Hash;
use crate::tiles::SIZE_MAX;

/// The value of `format` in every manifest.
pub const FORMAT: &str = "fengsui-archive";
/// The version of the format that this program writes and reads.
pub const VERSION: u64 = 1;

/// What an archive holds: `manifest.json`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// `fengsui-archive`.
    pub format: String,
    /// Version of the format.
    pub version: u64,
    /// Region of the exchange.
    pub region: RegionCode,
    /// The agency that runs the exchange.
    pub authority: AgencyCode,
    /// Origin of the log's checkpoints.
    pub origin: String,
    /// First position whose record is here.
    pub first: u64,
    /// Last position; the tree has as many leaves.
    pub last: u64,
    /// Records that are here.
    pub events: u64,
    /// Positions from `first` to `last` that the log has lost.
    pub missing: u64,
    /// Root of the tree over all positions up to `last`.
    pub root: Hash,
    /// The newest checkpoint that is here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<NewestCheckpoint>,
    /// What an archive that does not begin at position 1 cannot show.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_shown: Vec<NotShown>,
    /// Every other member, in the archive's order, but for `SHA256SUMS`.
    pub files: Vec<ListedFile>,
}

/// The newest checkpoint of an archive.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewestCheckpoint {
    /// Positions that it covers.
    pub size: u64,
    /// Root of the tree over these.
    pub root: Hash,
    /// Digest of the state at that position, where the checkpoint has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
}

/// What an archive of a later part of a log leaves out.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NotShown {
    /// The records before `first`; only their leaf hashes are here.
    EarlierRecords,
    /// The events that registered and ended keys before `first`; `keys.jsonl` states them.
    EarlierRegistrations,
    /// What came before the first event of each source.
    ChainBeginnings,
    /// What the events amount to: cases, balances, the state's digest.
    State,
}

impl NotShown {
    /// All of it.
    pub const ALL: [Self; 4] = [Self::EarlierRecords, Self::EarlierRegistrations, Self::ChainBeginnings, Self::State];
}

/// A member as the manifest lists it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListedFile {
    /// Its name.
    pub name: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// SHA-256 of its bytes.
    pub sha256: Digest,
}

impl Manifest {
    /// The text of `manifest.json`.
    pub fn text(&self) -> Vec<u8> {
        // Text, numbers and lists always have a form in JSON.
        let mut text = serde_json::to_vec_pretty(self).unwrap_or_default();
        text.push(b'\n');
        text
    }

    /// Reads `manifest.json`. Besides its form, what its numbers say about each other is checked.
    pub fn read(text: &[u8]) -> Result<Self, ArchiveError> {
        /// What every version of the format has.
        #[derive(Deserialize)]
        struct Versioned {
            format: String,
            version: u64,
        }
        let name = Member::Manifest;
        let refuse = |reason: String| ArchiveError::content(&name, &reason);
        let Versioned { format, version } =
            serde_json::from_slice(text).map_err(|error| refuse(format!("no manifest: {error}")))?;
        if format != FORMAT {
            return Err(refuse(format!("its format is {format:?}, expected {FORMAT:?}")));
        }
        if version != VERSION {
            return Err(ArchiveError::Version { found: version, known: VERSION });
        }
        let manifest: Self = serde_json::from_slice(text).map_err(|error| refuse(format!("no manifest: {error}")))?;
        if manifest.text() != text {
            return Err(refuse("it is not in the one form that a manifest has".to_owned()));
        }
        let Self { first, last, events, missing, .. } = manifest;
        let records = last.checked_sub(first).and_then(|more| more.checked_add(1));
        if first == 0 || last > SIZE_MAX || records.is_none() || events.checked_add(missing) != records {
            return Err(refuse(format!(
                "{events} events and {missing} missing do not make up positions {first} to {last}"
            )));
        }
        let expected: &[NotShown] = if first == 1 { &[] } else { &NotShown::ALL };
        if manifest.not_shown != expected {
            return Err(refuse(format!("`not_shown` is not that of an archive from position {first} on")));
        }
        Ok(manifest)
    }

    /// The members that must be there, in order, the manifest and the sums included.
    pub fn members(&self) -> Result<Vec<Member>, ArchiveError> {
        let listed = self.files.iter().map(|file| file.name.parse::<Member>());
        let mut members: Vec<Member> = listed.collect::<Result<_, _>>()?;
        members.extend([Member::Manifest, Member::Sums]);
        if let Some(pair) = members.windows(2).find(|pair| pair[0] >= pair[1]) {
            return Err(ArchiveError::Repeated { name: pair[1].to_string() });
        }
        Ok(members)
    }

    /// The text of `SHA256SUMS`: every member but itself, as `sha256sum -c` reads it.
    pub fn sums(&self) -> Vec<u8> {
        let mut text = String::new();
        let own = Digest::of(&self.text());
        let own_name = Member::Manifest.to_string();
        let listed = self.files.iter().map(|file| (file.sha256, file.name.as_str()));
        for (sha256, name) in listed.chain([(own, own_name.as_str())]) {
            // Writing to memory cannot fail.
            let _ = writeln!(text, "{sha256}  {name}");
        }
        text.into_bytes()
    }
}
