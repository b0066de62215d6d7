//! Snapshots: the fold's state at one position in a file, from which a new node starts instead of folding years of events.
//!
//! A snapshot is worth nothing by itself: whoever writes one can write anything. What it holds is what the state digest covers, and
//! everything else is drawn from the own copy of the log. So whoever knows from elsewhere (a cosigned checkpoint) what the digest is
//! at that position, and which log it belongs to, knows whether the tables drawn from it are right. docs/snapshots.md has the format.

mod believed;
mod body;
mod endorsement;
mod error;
mod header;
mod load;
mod log_pass;
mod write;

use std::fs::File;
use std::io::{BufReader, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use fengsui_event::Digest;
use fengsui_log::{EventLog, Position};
use sha2::{Digest as _, Sha256};

pub use believed::{LoadError, Loaded, Trust, load};
pub use endorsement::{Asked, Endorsement, EndorsementError, endorsement};
pub use error::SnapshotError;
pub use header::Header;
pub use load::Drawn;
pub use write::write;

use crate::projector::Watcher;
use crate::state::Registry;
use crate::store::ModelError;
use body::BodyReader;
use header::HEADER_BYTES;

/// How much is read at once.
const READ_BYTES: usize = 1 << 20;

/// A snapshot's file whose header could be read.
#[derive(Debug)]
pub struct Snapshot {
    path: PathBuf,
    header: Header,
}

impl Snapshot {
    /// Opens a snapshot and reads its header.
    ///
    /// Errors: it is none, of another format, or not as long as it says.
    pub fn open(path: &Path) -> Result<Self, SnapshotError> {
        let mut file = File::open(path).map_err(SnapshotError::file(path))?;
        let found = file.metadata().map_err(SnapshotError::file(path))?.len();
        let mut bytes = Vec::with_capacity(HEADER_BYTES);
        file.by_ref().take(HEADER_BYTES as u64).read_to_end(&mut bytes).map_err(SnapshotError::file(path))?;
        let header = Header::from_bytes(path, &bytes)?;
        let expected = header.file_bytes();
        if found != expected {
            return Err(SnapshotError::Length { path: path.to_owned(), expected, found });
        }
        Ok(Self { path: path.to_owned(), header })
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What it says of itself.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Checks that it is of this exchange and that the log reaches as far.
    fn check_place<L: EventLog + ?Sized>(&self, genesis: &Registry, log: &L) -> Result<(), SnapshotError> {
        let (path, found, expected) = (|| self.path.clone(), self.header.region, genesis.region);
        if found != expected {
            return Err(SnapshotError::OtherRegion { path: path(), found, expected });
        }
        let (position, head) = (self.header.progress.position, log.head()?.map_or(0, Position::get));
        if position > head {
            return Err(SnapshotError::BeyondLog { path: path(), position, head });
        }
        Ok(())
    }

    /// Checks the body's checksum. `watcher` is told of bytes.
    pub fn check_body(&self, watcher: &mut dyn Watcher) -> Result<(), SnapshotError> {
        let (mut file, total) = (self.at_body()?, self.header.body_bytes);
        let (mut hasher, mut buffer, mut done) = (Sha256::new(), vec![0; READ_BYTES], 0);
        loop {
            let read = file.read(&mut buffer).map_err(SnapshotError::file(&self.path))?;
            if read == 0 {
                break;
            }
            hasher.update(&buffer[..read]);
            done += read as u64;
            if watcher.reached(done, total).is_break() {
                return Err(ModelError::Interrupted { position: 0 }.into());
            }
        }
        if Digest(hasher.finalize().into()) == self.header.body_sha256 {
            return Ok(());
        }
        Err(SnapshotError::Checksum { path: self.path.clone(), part: "body" })
    }

    fn body(&self) -> Result<BodyReader<BufReader<File>>, SnapshotError> {
        let input = BufReader::with_capacity(READ_BYTES, self.at_body()?);
        Ok(BodyReader::new(input, self.path.clone(), self.header.body_bytes))
    }

    fn at_body(&self) -> Result<File, SnapshotError> {
        let mut file = File::open(&self.path).map_err(SnapshotError::file(&self.path))?;
        file.seek(SeekFrom::Start(HEADER_BYTES as u64)).map_err(SnapshotError::file(&self.path))?;
        Ok(file)
    }
}
