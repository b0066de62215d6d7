//! Whether a certificate that holds by itself still stands: what a log says of it, and of the account after it.

use fengsui_event::{AgencyCode, Date, Language, Points, UnitId};
use fengsui_log::{EventLog, Position};
use fengsui_projector::query::View;
use fengsui_projector::state::{PublishedRulebook, Revocation};
use fengsui_projector::{ModelError, Registry, Watcher};
use fengsui_proof::Checkpoint;
use fengsui_proof::certificate::{Certificate, CertifiedEntry};
use fengsui_proof::tree::{Frontier, Hash};
use serde::Serialize;

use super::CertificateError;
use super::drawing::counting;
use crate::checkpoints::{Ground, LogTree, edge_of};

/// What a log says of a certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Standing {
    /// The log's last position.
    pub head: u64,
    /// Position of the event that issued it; nothing when the log knows no such certificate.
    pub issued_at: Option<u64>,
    /// Position of the event that revoked it, where it was.
    pub revoked_at: Option<u64>,
    /// Who revoked it.
    pub revoked_by: Option<AgencyCode>,
    /// The day of that.
    pub revoked_on: Option<Date>,
    /// Why.
    pub revoked_because: Option<String>,
    /// Entries of the account that came after the certificate's position.
    pub later: Vec<LaterEntry>,
}

/// An entry that the certificate does not know yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LaterEntry {
    /// Its number.
    pub number: u32,
    /// Its points.
    pub points: Points,
    /// Position of its cause.
    pub position: u64,
}

/// A certificate and a log that cannot both be true.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Contradiction {
    /// Two histories.
    #[error(
        "the checkpoint of the certificate has the root {stated} for {size} positions, and the log has {found}: two histories of one log"
    )]
    SplitView {
        /// Positions.
        size: u64,
        /// The certificate's root.
        stated: Hash,
        /// The log's.
        found: Hash,
    },
    /// Another file was issued under this id.
    #[error(
        "the log has issued another file under this certificate's id: at position {position}, with another SHA-256"
    )]
    OtherFile {
        /// Position of the event.
        position: u64,
    },
    /// The issuer has left out or changed an entry.
    #[error("entry {number} of the account is not in the certificate as it is on the log")]
    Entry {
        /// Its number.
        number: u32,
    },
    /// Somebody else has issued it.
    #[error(
        "the certificate names {stated} as its issuer, and the log says at position {position} that {found} issued it"
    )]
    OtherIssuer {
        /// As stated.
        stated: AgencyCode,
        /// As the log has it.
        found: AgencyCode,
        /// Position of the event.
        position: u64,
    },
    /// Another rulebook was in force.
    #[error("the grade is by the rulebook {stated}, and in force on that day was {found}")]
    Rulebook {
        /// Its version, as stated.
        stated: String,
        /// As the log has it.
        found: String,
    },
    /// The grade does not follow.
    #[error("the grade is given as {stated}, and by the rulebook it is {found}")]
    Grade {
        /// As stated.
        stated: String,
        /// As the rulebook has it.
        found: String,
    },
}

impl Contradiction {
    /// A stable code for scripts.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::SplitView { .. } => "split_view",
            Self::OtherFile { .. } => "other_file",
            Self::OtherIssuer { .. } => "other_issuer",
            Self::Entry { .. } => "entry_differs",
            Self::Rulebook { .. } => "rulebook_not_in_force",
            Self::Grade { .. } => "grade",
        }
    }

    /// What to tell people.
    pub fn message(&self, language: Language) -> String {
        match language {
            Language::En => self.to_string(),
            Language::Zh => self.message_zh(),
        }
    }

    fn message_zh(&self) -> String {
        match self {
            Self::SplitView { size, stated, found } => {
                format!("证明的检查点对前 {size} 个位置的根为 {stated}，而此处为 {found}：同一日志出现两种历史")
            }
            Self::OtherFile { position } => {
                format!("日志以同一编号签发的是另一份文件：在位置 {position}，SHA-256 不同")
            }
            Self::OtherIssuer { stated, found, position } => {
                format!("证明所述签发部门为 {stated}，而日志位置 {position} 的签发部门为 {found}")
            }
            Self::Rulebook { stated, found } => format!("证明按规则 {stated} 评定等级，而当日生效的规则为 {found}"),
            Self::Entry { number } => format!("日志中该账户的第 {number} 笔账目在证明中缺少或不同"),
            Self::Grade { stated, found } => format!("证明所述等级为 {stated}，而按规则应为 {found}"),
        }
    }
}

/// The root of a log's first `size` positions, from nothing but its bytes.
///
/// Errors: [`CertificateError::LogTooShort`], and a log that cannot be read.
pub fn root_of<L: EventLog + ?Sized>(log: &L, size: u64, watcher: &mut dyn Watcher) -> Result<Hash, CertificateError> {
    require_reach(log, size)?;
    Ok(edge_of(log, Frontier::new(), size, watcher)?.root())
}

/// The same from a node's own tree, which costs less where the log is long.
pub fn own_root(ground: &Ground<'_>, size: u64, watcher: &mut dyn Watcher) -> Result<Hash, CertificateError> {
    require_reach(ground.log, size)?;
    let mut tree = LogTree::open(ground.folder.root(), ground.log, watcher)?;
    Ok(tree.root_at(size, ground.log, watcher)?)
}

fn require_reach<L: EventLog + ?Sized>(log: &L, size: u64) -> Result<(), CertificateError> {
    let head = log.head()?.map_or(0, Position::get);
    if head < size { Err(CertificateError::LogTooShort { head, size }) } else { Ok(()) }
}

/// The rulebook that was in force on a day by what stood on the log up to a position.
fn in_force(registry: &Registry, position: u64, on: Date) -> Option<&PublishedRulebook> {
    let mut known = registry.rulebooks.iter().rev().filter(|published| published.position <= position);
    known.find(|published| published.effective_from <= on)
}

/// Balance and grade of a unit on a day by what stood on the log up to a position. No grade where there was no rulebook.
pub fn balance_at(
    view: View<'_>,
    registry: &Registry,
    unit: &UnitId,
    position: u64,
    on: Date,
) -> Result<(Points, Option<String>), ModelError> {
    let lines = view.ledger(unit, on)?.into_iter().filter(|line| line.position <= position).collect();
    let sum = counting(lines, on).iter().fold(0, |sum: i32, entry| sum.saturating_add(entry.points.0));
    let book = in_force(registry, position, on);
    Ok((Points(sum), book.map(|published| published.book.grade(Points(sum)).to_string())))
}

/// Holds a certificate against a log: `root` is the log's for as many positions as the certificate's checkpoint covers, `view` and `registry`
/// its tables up to `head`.
///
/// Errors: tables that cannot be read. A contradiction is an answer, not an error.
pub fn standing(
    certificate: &Certificate,
    checkpoint: &Checkpoint,
    root: Hash,
    view: View<'_>,
    registry: &Registry,
    head: u64,
) -> Result<Result<Standing, Contradiction>, ModelError> {
    let statement = certificate.statement();
    if root != checkpoint.root {
        let (size, stated) = (checkpoint.size, checkpoint.root);
        return Ok(Err(Contradiction::SplitView { size, stated, found: root }));
    }
    let lines = view.ledger(&statement.unit, statement.date)?;
    let (known, after): (Vec<_>, Vec<_>) = lines.into_iter().partition(|line| line.position <= statement.position);
    let known = counting(known, statement.date);
    if let Some(number) = first_difference(&known, &statement.entries) {
        return Ok(Err(Contradiction::Entry { number }));
    }
    let found = in_force(registry, statement.position, statement.date);
    if let Some(found) = found.filter(|found| found.position != statement.rulebook.position) {
        let (stated, found) = (statement.rulebook.version.clone(), found.book.version().to_owned());
        return Ok(Err(Contradiction::Rulebook { stated, found }));
    }
    let mut later: Vec<LaterEntry> = after
        .into_iter()
        .filter(|line| line.kind != "expiry")
        .map(|line| LaterEntry { number: line.number, points: line.points, position: line.position })
        .collect();
    later.sort_by_key(|entry| entry.number);
    let issued = view.certificate(statement.id)?;
    if let Some(issued) = issued.as_ref().filter(|issued| issued.issuer != statement.issuer) {
        let (stated, found, position) = (statement.issuer, issued.issuer, issued.issued_at);
        return Ok(Err(Contradiction::OtherIssuer { stated, found, position }));
    }
    if let Some(issued) = &issued
        && issued.sha256 != certificate.sha256()
    {
        return Ok(Err(Contradiction::OtherFile { position: issued.issued_at }));
    }
    let revocation = issued.as_ref().and_then(|issued| issued.revocation.clone());
    Ok(Ok(Standing {
        head,
        issued_at: issued.map(|issued| issued.issued_at),
        revoked_at: revocation.as_ref().map(|revocation| revocation.position),
        revoked_by: revocation.as_ref().map(|revocation| revocation.by),
        revoked_on: revocation.as_ref().map(|revocation| revocation.on),
        revoked_because: revocation.map(|Revocation { reason, .. }| reason),
        later,
    }))
}

/// Number of the first entry in which two accounts differ.
fn first_difference(one: &[CertifiedEntry], other: &[CertifiedEntry]) -> Option<u32> {
    let pairs = one.iter().zip(other).find(|(one, other)| one != other);
    let longer = || one.get(other.len()).or_else(|| other.get(one.len())).map(|entry| entry.number);
    pairs.map(|(one, other)| one.number.min(other.number)).or_else(longer)
}
