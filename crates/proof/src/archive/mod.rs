//! The portable archive: a log, or a part of one, as plain files that anybody can check without this program.
//!
//! The format is in docs/archive.md. [`ArchiveWriter`] takes records in order and writes a ZIP file or a folder; the same records
//! give the same bytes wherever and whenever they are written. [`Archive`] reads one that may come from anyone: it believes
//! nothing, writes nothing, and refuses whatever is not exactly of the format. What the signatures are worth is not decided here.

mod check;
mod error;
mod exchange;
mod line;
mod manifest;
mod member;
mod notes;
mod packing;
mod reader;
mod readme;
mod unpacking;
mod writer;
mod zip_form;

#[cfg(test)]
mod tests;

pub use check::Checked;
pub use error::ArchiveError;
pub use exchange::ArchiveExchange;
pub use line::{ArchiveContent, ArchiveKey, ArchiveRecord, ContentRef};
pub use manifest::{FORMAT, ListedFile, Manifest, NewestCheckpoint, NotShown, VERSION};
pub use member::Member;
pub use packing::Packing;
pub use reader::Archive;
pub use writer::{ArchiveRange, ArchiveWriter, Watch};

/// The most records in one file of events.
pub const FILE_RECORDS_MAX: u64 = 10_000;
/// A file of events that has as many bytes takes no further record.
pub const FILE_BYTES_FULL: usize = 8 << 20;
/// The largest member. A file of events has less, even if its last record is far larger than the log's bound on events allows.
pub const MEMBER_BYTES_MAX: u64 = 64 << 20;
/// The largest manifest, and the largest `SHA256SUMS`: each tile and each checkpoint has a line.
pub const LIST_BYTES_MAX: u64 = 1 << 30;
/// The most members: those of a log of a thousand million events.
pub const MEMBERS_MAX: u64 = 1 << 23;
/// The most that a deflated member may unpack to, as a multiple of its packed size. Events deflate to about a fifth, deflate itself ends at 1,032.
pub const RATIO_MAX: u64 = 100;

/// The most bytes that a member takes in the manifest, or in `SHA256SUMS`: its name, a size, a digest, and what stands between.
const LISTED_BYTES_MAX: u64 = 512;
/// The most bytes that everything else in a manifest takes.
const UNLISTED_BYTES_MAX: u64 = 8 * 1024;

/// The most bytes that a member may have in an archive of so many. Lists are read before anything is known of what they list, so they may
/// be no longer than members that are there make them.
fn bytes_max(member: &Member, members: u64) -> u64 {
    if member.is_listed() {
        return MEMBER_BYTES_MAX;
    }
    members.saturating_mul(LISTED_BYTES_MAX).saturating_add(UNLISTED_BYTES_MAX).min(LIST_BYTES_MAX)
}
