//! What a certificate is held against: a log, an archive, a newer checkpoint.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use fengsui_log::{Embedded, EventLog, Position};
use fengsui_node::as_of::Past;
use fengsui_node::certificates::{ArchivedLog, ArchivedLogError, Contradiction, Standing, own_root, root_of, standing};
use fengsui_node::checkpoints::Ground;
use fengsui_node::folder::{Exchange, Folder};
use fengsui_proof::archive::Archive;
use fengsui_proof::certificate::{Certificate, Verified};
use fengsui_proof::checkpoint::{NOTE_BYTES_MAX, SignedCheckpoint};
use fengsui_proof::tiles::{self, TileError, TileFolder};
use serde::Serialize;

use super::super::audit;
use super::super::checkpoint::read_text;
use super::verify::Reason;
use crate::exit::Failure;
use crate::interrupt;
use crate::output::Bar;
use crate::session::Session;

/// What every SQLite file begins with.
const SQLITE: &[u8] = b"SQLite format 3\0";
/// What every ZIP file begins with.
const ZIP: &[u8] = b"PK\x03\x04";

/// What was found.
pub(super) enum Found {
    /// Two things that cannot both be true.
    Contradiction(Contradiction),
    /// The other thing itself is not to be believed, or proves the certificate's checkpoint wrong.
    Forged(Reason),
    /// What a log says.
    Standing(Standing),
    /// A newer checkpoint.
    Newer(Newer),
}

/// A newer checkpoint, which says that the log has grown, and nothing of the account.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Newer {
    /// Positions that it covers.
    pub(super) size: u64,
    /// So many more than the certificate's.
    pub(super) positions_since: u64,
    /// Whether the tiles beside it show that the one tree begins with the other.
    pub(super) proven: bool,
}

/// A log that is read.
pub(super) enum Log {
    /// A file, or that of a node's folder.
    File(Embedded),
    /// The records of an archive.
    Archived(ArchivedLog),
}

impl Log {
    fn log(&self) -> &Embedded {
        match self {
            Self::File(log) => log,
            Self::Archived(log) => log.log(),
        }
    }

    fn head(&self) -> Result<u64, Failure> {
        Ok(self.log().head()?.map_or(0, Position::get))
    }

    /// The tables at its head, drawn from it anew: nothing else is believed.
    pub(super) fn tables(&self, session: &Session, exchange: &Exchange) -> Result<Past, Failure> {
        let head = self.head()?;
        let mut bar = Bar::with_lines(session.output.look(), "重放日志", "Replaying the log");
        Ok(Past::draw(exchange, self.log(), head, &mut bar)?)
    }
}

/// Holds a certificate against whatever stands at a path.
pub(super) fn look(
    session: &Session,
    path: &Path,
    exchange: &Exchange,
    certificate: &Certificate,
    verified: &Verified,
) -> Result<Found, Failure> {
    if let Some(file) = note_file(path)? {
        return checkpoint(session, &file, path, verified);
    }
    let log = open_log(session, path)?;
    let past = log.tables(session, exchange)?;
    let mut bar = Bar::with_lines(session.output.look(), "计算默克尔树", "Drawing the tree");
    let checkpoint = verified.checkpoint.checkpoint();
    let root = root_of(log.log(), checkpoint.size, &mut bar)?;
    Ok(found(standing(certificate, checkpoint, root, past.view(), past.registry(), log.head()?)?))
}

/// Holds a certificate against the node whose folder it is checked in. Nothing where that node has not got so far yet.
pub(super) fn look_here(
    session: &Session,
    certificate: &Certificate,
    verified: &Verified,
) -> Result<Option<Found>, Failure> {
    let present = session.present()?;
    let checkpoint = verified.checkpoint.checkpoint();
    if present.progress().position < checkpoint.size {
        let (head, size) = (present.progress().position, checkpoint.size);
        session.output.note(
            format!("本节点只到位置 {head}，证明的检查点覆盖到位置 {size}：未与本节点的日志核对"),
            format!("this node is at position {head}, and the certificate's checkpoint covers {size}: not compared with its log"),
        );
        return Ok(None);
    }
    interrupt::watch();
    let mut bar = Bar::new(session.output.look(), "计算默克尔树", "Drawing the tree");
    let root = own_root(&Ground::of_reading(&present), checkpoint.size, &mut bar)?;
    let head = present.progress().position;
    Ok(Some(found(standing(certificate, checkpoint, root, present.view(), present.registry(), head)?)))
}

fn found(standing: Result<Standing, Contradiction>) -> Found {
    match standing {
        Ok(standing) => Found::Standing(standing),
        Err(contradiction) => Found::Contradiction(contradiction),
    }
}

/// Opens a log, a node's folder or an archive.
pub(super) fn open_log(session: &Session, path: &Path) -> Result<Log, Failure> {
    interrupt::watch();
    if Folder::is_initialised(path) {
        return Ok(Log::File(Embedded::open_reader(Folder::open(path)?.log())?));
    }
    if path.is_dir() || begins_with(path, ZIP)? {
        let archive = Archive::open(path).map_err(audit::archive::failure)?;
        let mut bar = Bar::with_lines(session.output.look(), "读取档案", "Reading the archive");
        return ArchivedLog::open(&archive, &mut bar).map(Log::Archived).map_err(archived);
    }
    Ok(Log::File(Embedded::open_reader(path)?))
}

fn archived(error: ArchivedLogError) -> Failure {
    match error {
        ArchivedLogError::Archive(error) => audit::archive::failure(error),
        ArchivedLogError::Place(error) => error.into(),
        ArchivedLogError::Storage(error) => error.into(),
        ArchivedLogError::Append(error) => Failure::Node(error.into()),
        ArchivedLogError::NotFromTheStart { first } => Failure::failed(
            "archive_begins_later",
            format!("档案从位置 {first} 开始；核对账户须有从位置 1 起的日志"),
            error.to_string(),
        ),
    }
}

/// The note, where the path is that of one: a text, or a folder of tiles with its checkpoint.
fn note_file(path: &Path) -> Result<Option<std::path::PathBuf>, Failure> {
    let beside_tiles = path.join("checkpoint");
    if path.is_dir() {
        let is_archive = path.join("manifest.json").exists();
        return Ok((!is_archive && !Folder::is_initialised(path) && beside_tiles.is_file()).then_some(beside_tiles));
    }
    Ok((!begins_with(path, SQLITE)? && !begins_with(path, ZIP)?).then(|| path.to_owned()))
}

fn begins_with(path: &Path, expected: &[u8]) -> Result<bool, Failure> {
    let mut found = vec![0; expected.len()];
    let mut file = File::open(path).map_err(Failure::file(path))?;
    match file.read_exact(&mut found) {
        Ok(()) => Ok(found == expected),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(Failure::file(path)(error)),
    }
}

/// A checkpoint of the same log: of the same size it must be the same; a larger one must begin with the certificate's, which tiles show.
fn checkpoint(session: &Session, file: &Path, path: &Path, verified: &Verified) -> Result<Found, Failure> {
    let text = read_text(file, NOTE_BYTES_MAX)?;
    let other: SignedCheckpoint = text.parse().map_err(|error| {
        let en = format!("{} is neither a log nor an archive nor a checkpoint: {error}", file.display());
        Failure::failed("not_a_log", format!("{} 不是日志、档案或检查点：{error}", file.display()), en)
    })?;
    let language = session.language();
    let (own, other_checkpoint) = (verified.checkpoint.checkpoint(), other.checkpoint());
    let forged = |code: &str, zh: String, en: String| {
        Ok(Found::Forged(Reason { code: code.to_owned(), text: language.pick(zh, en) }))
    };
    if other_checkpoint.origin != own.origin {
        let (found, expected) = (other_checkpoint.origin, own.origin);
        let en = format!("the checkpoint is of the log {found}, not of {expected}");
        return Err(Failure::failed("other_log", format!("检查点属于日志 {found}，不是 {expected}"), en));
    }
    if !verified.authority.iter().any(|key| other.is_signed_by(*key)) {
        let en = format!("{} is not signed by the authority's key, so it shows nothing", file.display());
        return Err(Failure::failed(
            "not_signed",
            format!("{} 没有联席会议办公室的签名，不能作为依据", file.display()),
            en,
        ));
    }
    if other_checkpoint.size == own.size && other_checkpoint.root != own.root {
        let (size, stated, found) = (own.size, own.root, other_checkpoint.root);
        return Ok(Found::Contradiction(Contradiction::SplitView { size, stated, found }));
    }
    if other_checkpoint.size <= own.size {
        return Err(Failure::failed(
            "older_checkpoint",
            format!("该检查点只覆盖到位置 {}，不比证明的新", other_checkpoint.size),
            format!("the checkpoint covers {} positions, no more than the certificate's", other_checkpoint.size),
        ));
    }
    let place = if path.is_dir() { path } else { path.parent().unwrap_or(path) };
    let proven = match prove(place, verified, &other) {
        Ok(proven) => proven,
        Err(reason) => {
            return forged(
                "not_consistent",
                format!("较新的检查点并非由证明的检查点延续而来：{reason}"),
                format!("the newer checkpoint does not go on from the certificate's: {reason}"),
            );
        }
    };
    let size = other_checkpoint.size;
    Ok(Found::Newer(Newer { size, positions_since: size - own.size, proven }))
}

/// Whether the tiles in a folder show that the newer tree begins with the certificate's; without tiles nothing is shown.
fn prove(place: &Path, verified: &Verified, newer: &SignedCheckpoint) -> Result<bool, String> {
    if !place.join("tile").is_dir() {
        return Ok(false);
    }
    let (own, newer) = (verified.checkpoint.checkpoint(), newer.checkpoint());
    let folder = TileFolder::open(place).map_err(|error| error.to_string())?;
    match tiles::consistency(&folder, own.size, newer.size, newer.root) {
        Ok(proof) => proof.verify(own.root, newer.root).map(|()| true).map_err(|error| error.to_string()),
        // Tiles of a smaller tree show nothing of this one.
        Err(TileError::Missing { .. }) => Ok(false),
        Err(error) => Err(error.to_string()),
    }
}
