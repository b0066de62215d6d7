//! What is audited and who is trusted: a log or an archive, with what lies beside it.

use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

use fengsui_event::{Event, Payload};
use fengsui_log::{Embedded, EventLog, Position};
use fengsui_node::checkpoints::{CheckpointLedger, tree_folder};
use fengsui_node::folder::{Exchange, Folder};
use fengsui_node::source::LogSource;
use fengsui_projector::audit::{Beside, FoundCheckpoint};
use fengsui_proof::archive::Archive;
use fengsui_proof::checkpoint::{NOTE_BYTES_MAX, Origin, SignedCheckpoint};
use fengsui_proof::tiles::{TileFolder, TileSource};
use serde::Deserialize;

use super::super::checkpoint::read_text;
use super::super::source;
use super::archive;
use crate::arguments::audit_verify::AuditVerifyArguments;
use crate::exit::Failure;
use crate::session::{Session, agencies_with_keys};

/// Where a node notes how far its tree was drawn.
const DRAWN_FILE: &str = "drawn.json";

/// A log that is audited, with what lies beside it.
pub struct Target {
    /// The log or archive.
    pub audited: Audited,
    /// What lies beside it.
    pub beside: Beside,
    /// Its name for people.
    pub name: String,
    /// Whom the audit trusts from the start.
    pub trust: Trust,
}

/// A log, or an archive of one.
pub enum Audited {
    /// A log.
    Log(Box<dyn EventLog>),
    /// An archive that was opened, and not checked yet.
    Archive(Arc<Archive>),
}

impl Audited {
    /// The last position; 0 for an empty log.
    pub fn head(&self) -> Result<u64, Failure> {
        match self {
            Self::Log(log) => Ok(log.head()?.map_or(0, Position::get)),
            Self::Archive(archive) => Ok(archive.manifest().last),
        }
    }
}

/// Whom an audit trusts from the start, and who said so.
pub struct Trust {
    /// The exchange.
    pub exchange: Exchange,
    /// Where it is from, for people.
    pub place: String,
    /// Whether it comes from what is audited itself.
    pub from_itself: bool,
}

/// Opens what is audited.
pub fn open(session: &Session, arguments: &AuditVerifyArguments) -> Result<Target, Failure> {
    let own = LogSource::Folder(session.global.data.clone());
    let source = arguments.log.as_ref().unwrap_or(&own);
    if let LogSource::File(path) | LogSource::Folder(path) = source
        && is_archive(path)
    {
        return open_archive(session, arguments, path);
    }
    let folder = match source {
        LogSource::Folder(path) => Some(Folder::open(path)?),
        LogSource::File(_) | LogSource::Stream(_) => None,
    };
    let log: Box<dyn EventLog> = match &folder {
        Some(folder) => Box::new(Embedded::open_reader(folder.log())?),
        None => source::open(session, source, &arguments.access)?,
    };
    let trust = trust(session, arguments, folder.as_ref(), log.as_ref())?;
    let mut beside = folder.as_ref().map(beside_folder).transpose()?.unwrap_or_default();
    for path in &arguments.trusted {
        beside.checkpoints.push(FoundCheckpoint { place: path.display().to_string(), note: read_note(path)? });
    }
    beside.model = arguments.model.clone().or(beside.model);
    Ok(Target { audited: Audited::Log(log), beside, name: source.to_string(), trust })
}

/// Whether a path is meant as an archive: by its name, by how it begins, or by what lies in it.
fn is_archive(path: &Path) -> bool {
    if path.is_dir() {
        return ["manifest.json", "SHA256SUMS"].iter().any(|name| path.join(name).is_file());
    }
    let begins_as_zip = || {
        let mut magic = [0; 2];
        std::fs::File::open(path).and_then(|mut file| file.read_exact(&mut magic)).is_ok() && magic == *b"PK"
    };
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("zip")) || begins_as_zip()
}

fn open_archive(session: &Session, arguments: &AuditVerifyArguments, path: &Path) -> Result<Target, Failure> {
    let archive = Arc::new(Archive::open(path).map_err(archive::failure)?);
    let name = path.display().to_string();
    let trust = trust_of_archive(session, arguments, &archive, &name)?;
    let mut checkpoints = Vec::new();
    if let Some(note) = archive.checkpoint().map_err(archive::failure)? {
        checkpoints.push(FoundCheckpoint { place: format!("{name}: checkpoint"), note });
    }
    for path in &arguments.trusted {
        checkpoints.push(FoundCheckpoint { place: path.display().to_string(), note: read_note(path)? });
    }
    let tiles: Box<dyn TileSource> = Box::new(Arc::clone(&archive));
    let beside = Beside { checkpoints, tiles: Some((tiles, archive.manifest().last)), model: arguments.model.clone() };
    Ok(Target { audited: Audited::Archive(archive), beside, name, trust })
}

fn trust_of_archive(
    session: &Session,
    arguments: &AuditVerifyArguments,
    archive: &Archive,
    name: &str,
) -> Result<Trust, Failure> {
    let own = session.global.data.join("exchange.toml");
    let outside = arguments.exchange.as_ref().or(Some(&own).filter(|_| Folder::is_initialised(&session.global.data)));
    if let Some(path) = outside {
        let place = path.display().to_string();
        return Ok(Trust { exchange: Exchange::load(path)?, place, from_itself: false });
    }
    let stated = archive.exchange().map_err(archive::failure)?;
    let exchange = Exchange {
        region: stated.region,
        authority: stated.authority,
        authority_keys: stated.authority_keys,
        servers: Vec::new(),
    };
    Ok(Trust { exchange, place: format!("{name}: exchange.toml"), from_itself: true })
}

fn trust(
    session: &Session,
    arguments: &AuditVerifyArguments,
    folder: Option<&Folder>,
    log: &dyn EventLog,
) -> Result<Trust, Failure> {
    if let Some(path) = &arguments.exchange {
        let exchange = Exchange::load(path)?;
        return Ok(Trust { exchange, place: path.display().to_string(), from_itself: false });
    }
    let of = |folder: &Folder, from_itself| {
        let place = folder.root().join("exchange.toml").display().to_string();
        Trust { exchange: folder.exchange().clone(), place, from_itself }
    };
    match (folder, &arguments.log) {
        (Some(folder), None) => return Ok(of(folder, false)),
        (Some(folder), Some(_)) => return Ok(of(folder, true)),
        (None, _) => {}
    }
    if Folder::is_initialised(&session.global.data) {
        return Ok(of(&Folder::open(&session.global.data)?, false));
    }
    let exchange = log.read(Position::FIRST, 1)?.first().and_then(|first| exchange_of(&first.record.bytes));
    let exchange = exchange.ok_or_else(|| {
        Failure::usage(
            "无从得知信任何人：请用 --exchange 指明联席会议办公室发放的交换文件",
            "whom to trust is not known: name the exchange file that the authority hands out with --exchange",
        )
    })?;
    Ok(Trust { exchange, place: "#1".to_owned(), from_itself: true })
}

/// The exchange as its first event tells it: the authority registers itself with its keys.
fn exchange_of(bytes: &[u8]) -> Option<Exchange> {
    let event = Event::parse(bytes).ok()?;
    let Payload::AgencyRegistered(data) = event.payload()? else { return None };
    let authority_keys: Vec<_> = data.keys.iter().map(|key| key.keyid).collect();
    let itself = data.agency == event.source.agency && !authority_keys.is_empty();
    itself.then(|| Exchange {
        region: event.source.region,
        authority: data.agency,
        authority_keys,
        servers: Vec::new(),
    })
}

/// What a node keeps beside its log.
fn beside_folder(folder: &Folder) -> Result<Beside, Failure> {
    let model = Some(folder.model()).filter(|path| path.exists());
    let tiles = drawn_tiles(folder.root());
    Ok(Beside { checkpoints: signed_here(folder)?, tiles, model })
}

/// A node's tiles and their size; none where it has drawn none.
fn drawn_tiles(root: &Path) -> Option<(Box<dyn TileSource>, u64)> {
    #[derive(Deserialize)]
    struct Drawn {
        size: u64,
    }
    let place = tree_folder(root);
    let drawn: Drawn = serde_json::from_str(&std::fs::read_to_string(place.join(DRAWN_FILE)).ok()?).ok()?;
    Some((Box::new(TileFolder::open(&place).ok()?), drawn.size))
}

/// The last checkpoints that this node's agencies have signed: what they have put their names to, whatever became of the log.
fn signed_here(folder: &Folder) -> Result<Vec<FoundCheckpoint>, Failure> {
    let path = CheckpointLedger::path(folder.root());
    let unreadable = |error: fengsui_node::checkpoints::LedgerError| {
        Failure::failed("checkpoints", format!("无法读取已签署的检查点：{error}"), error.to_string())
    };
    let Some(ledger) = CheckpointLedger::open_reader(&path).map_err(unreadable)? else { return Ok(Vec::new()) };
    let origin = Origin::of(folder.exchange().region);
    let cosigners = agencies_with_keys(folder).into_iter().map(|agency| origin.cosigner_name(agency));
    let mut found: Vec<FoundCheckpoint> = Vec::new();
    for name in cosigners.chain([origin.to_string()]) {
        let Some(last) = ledger.last(&name).map_err(unreadable)? else { continue };
        if let Ok(note) = last.note.parse() {
            found.push(FoundCheckpoint { place: format!("{} ({name})", path.display()), note });
        }
    }
    Ok(found)
}

fn read_note(path: &Path) -> Result<SignedCheckpoint, Failure> {
    read_text(path, NOTE_BYTES_MAX)?.parse().map_err(|error| {
        let place = path.display();
        Failure::failed(
            "checkpoint",
            format!("{place} 不是检查点：{error}"),
            format!("{place} is no checkpoint: {error}"),
        )
    })
}
