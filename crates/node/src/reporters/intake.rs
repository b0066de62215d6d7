//! Taking a public report in: a reference for everybody, the identity for the officers alone, or nothing at all.

use fengsui_event::{AgencyCode, CaseId, FindingMethod, Timestamp};

use super::{PublicReference, Reporter, ReporterError, ReporterStore, ReportersConfig};
use crate::desk::{Command, IdSource, ReportCommand};
use crate::node::{Accepted, Node, NodeError, Receipt};

/// A public report that was taken in. It is durable.
#[derive(Debug)]
pub struct TakenIn {
    /// What stands for its reporter.
    pub reference: PublicReference,
    /// The events that it became.
    pub accepted: Accepted<Receipt>,
}

/// Why a public report was not taken in. Nothing of it is kept then.
#[derive(Debug, thiserror::Error)]
pub enum IntakeError {
    /// The identity, or where it would be kept.
    #[error(transparent)]
    Reporter(#[from] ReporterError),
    /// The desk or the node.
    #[error(transparent)]
    Node(#[from] NodeError),
}

/// Takes a public report in for an agency. The identity is sealed and on the disk before the report becomes an event; if it does not
/// become one, the identity is erased again.
///
/// Errors: [`ReporterError::GivenAway`] when a text of the report tells who reported, since every agency reads it.
pub fn take_in(
    node: &mut Node,
    store: &mut ReporterStore,
    agency: AgencyCode,
    report: ReportCommand,
    identity: Option<&Reporter>,
    ids: &mut dyn IdSource,
    now: Timestamp,
) -> Result<TakenIn, IntakeError> {
    if let Some(identity) = identity {
        refuse_given_away(identity, &report)?;
    }
    let config: ReportersConfig = node.folder().node().reporters.clone();
    let reference = store.receive(agency, identity, &config, now)?;
    let report = ReportCommand { public_report: Some(reference), method: FindingMethod::PublicReport, ..report };
    let command = Command::Report(Box::new(report));
    let accepted = match node.accept(|batch| batch.submit(agency, command, ids, now)) {
        Ok(accepted) => accepted,
        // Whether an outbox that failed has kept the event is not certain; an identity too many harms less than one that is lost.
        Err(error @ (NodeError::Outbox(_) | NodeError::Storage(_))) => return Err(IntakeError::Node(error)),
        Err(refused) => {
            store.withdraw(reference)?;
            return Err(IntakeError::Node(refused));
        }
    };
    if let Some(case) = case_of(&accepted.result) {
        store.note_case(reference, case)?;
    }
    Ok(TakenIn { reference, accepted })
}

fn case_of(receipt: &Receipt) -> Option<CaseId> {
    receipt.events.iter().find_map(|event| event.correlation)
}

/// Refuses a report whose texts would tell every agency who made it.
fn refuse_given_away(reporter: &Reporter, report: &ReportCommand) -> Result<(), ReporterError> {
    let optional = |text: &Option<String>| text.clone().unwrap_or_default();
    let texts = [
        ("facts", report.facts.clone()),
        ("name", optional(&report.unit_name)),
        ("address", report.place.address.clone()),
        ("reference", optional(&report.reference)),
        ("legal_basis", report.legal_basis.join("\n")),
        ("unit", report.unit.to_string()),
    ];
    match texts.iter().find_map(|(text, value)| Some((*text, reporter.given_away_by(value)?))) {
        Some((text, field)) => Err(ReporterError::GivenAway { text, field }),
        None => Ok(()),
    }
}
