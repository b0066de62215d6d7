//! What the fold's own guards say of the log: its anomalies, sorted into findings.

use std::collections::BTreeMap;

use fengsui_event::Source;

use super::finding::{Check, Fault, Finding, Findings, Severity};
use crate::fold::Cause;
use crate::projector::Projector;
use crate::query::{AnomalyFilter, View};
use crate::store::ModelError;

/// What an anomaly's code says of the log. Codes of mere conduct say nothing of it; gaps in chains count only as long as they are open.
pub(super) fn class(code: &str) -> Option<(Check, Severity)> {
    let class = match code {
        "lost" => (Check::Positions, Severity::Integrity),
        "malformed_envelope" | "id_mismatch" | "wrong_subject" => (Check::Bytes, Severity::Integrity),
        "malformed_payload" => (Check::Schema, Severity::Remark),
        "bad_signature" => (Check::Signatures, Severity::Integrity),
        "unknown_key" | "foreign_key" | "ended_key" | "suspended_agency" | "foreign_region" => {
            (Check::Keys, Severity::Integrity)
        }
        "chain_fork" | "sequence_reused" | "too_many_gaps" => (Check::Chains, Severity::Integrity),
        "conflict" => (Check::Ids, Severity::Integrity),
        "split_view" => (Check::Checkpoints, Severity::Integrity),
        // Two nodes of one agency may cosign out of turn; the roots are compared in any case.
        "rollback" => (Check::Checkpoints, Severity::Remark),
        _ => return None,
    };
    Some(class)
}

/// How many records each code was noted for.
pub(super) fn counts(view: View<'_>) -> Result<BTreeMap<String, u64>, ModelError> {
    let mut counts = BTreeMap::new();
    for (code, _, count) in view.anomaly_counts()? {
        *counts.entry(code).or_default() += count;
    }
    Ok(counts)
}

/// The first anomaly of each code that speaks of the log itself.
pub(super) fn of_records(
    view: View<'_>,
    counts: &BTreeMap<String, u64>,
    findings: &mut Findings,
) -> Result<(), ModelError> {
    for (code, count) in counts {
        let Some((check, severity)) = class(code) else { continue };
        let filter = AnomalyFilter { code: Some(code.clone()), limit: Some(1), ..AnomalyFilter::default() };
        for first in view.anomalies(&filter)? {
            let finding = Finding::new(check, severity, Some(first.position), Fault::Record(first.cause));
            findings.add(Finding { count: *count, ..finding });
        }
    }
    Ok(())
}

/// A gap that nothing has filled.
struct Open<'a> {
    source: &'a Source,
    first: u64,
    last: u64,
    /// Position of the event that opened it.
    position: Option<u64>,
}

/// Gaps in chains that are still open at the end.
pub(super) fn open_gaps(projector: &Projector, findings: &mut Findings) -> Result<(), ModelError> {
    let chains = projector.registry().chains.iter();
    let gaps = chains.flat_map(|(source, chain)| chain.gaps.iter().map(move |gap| (source, gap.first, gap.last)));
    let mut open: Vec<Open<'_>> =
        gaps.map(|(source, first, last)| Open { source, first, last, position: None }).collect();
    if open.is_empty() {
        return Ok(());
    }
    let filter = AnomalyFilter { code: Some("chain_gap".to_owned()), ..AnomalyFilter::default() };
    projector.store().view().each_anomaly(&filter, |row| {
        if let Cause::ChainGap { first, last } = row.cause {
            let within = |gap: &&mut Open<'_>| {
                Some(gap.source.agency) == row.agency
                    && first <= gap.first
                    && gap.last <= last
                    && gap.position.is_none()
            };
            for gap in open.iter_mut().filter(within) {
                gap.position = Some(row.position);
            }
        }
        Ok(())
    })?;
    for Open { source, first, last, position } in open {
        let fault = Fault::OpenGap { source: source.to_string(), first, last };
        findings.add(Finding::new(Check::Chains, Severity::Integrity, position, fault));
    }
    Ok(())
}
