//! Checkpoints: whether this log is the one that was signed, and whether enough agencies say so.

use fengsui_log::{Embedded, EventLog as _};
use fengsui_node::checkpoints::notes::Standing;
use fengsui_node::checkpoints::{CheckpointError, CheckpointLedger, edge_of, evidence_folder};
use fengsui_node::folder::Folder;
use fengsui_projector::Registry;
use fengsui_projector::query::{CheckpointRow, Reader};
use fengsui_proof::checkpoint::Origin;
use fengsui_proof::tree::{Frontier, Hash};

use super::{Findings, State};
use crate::exit::Failure;
use crate::output::Bar;

/// Looks at the newest checkpoint, at what was signed from here, and at evidence of contradictions.
pub fn examine(folder: &Folder, registry: &Registry, findings: &mut Findings<'_>) {
    evidence(folder, findings);
    let newest = match newest(folder) {
        Ok(newest) => newest,
        Err(failure) => return findings.broken("checkpoints", &failure),
    };
    let Some(row) = newest else {
        return findings.good("checkpoints", "日志上尚无检查点", "none on the log yet");
    };
    let root = match root_of_log(folder, row.size, findings) {
        Ok(root) => root,
        Err(failure) => return findings.broken("checkpoints", &failure),
    };
    if root == row.root {
        findings.good(
            "checkpoints",
            format!("最新的覆盖 {} 个位置，与本日志一致", row.size),
            format!("the newest covers {} positions and agrees with this log", row.size),
        );
    } else {
        findings.add(
            "checkpoints",
            State::Broken,
            format!("最新检查点称前 {} 个位置的根哈希为 {}，而本日志的是 {root}", row.size, row.root),
            format!(
                "the newest checkpoint says that the first {} positions have the root {}, and this log's have {root}",
                row.size, row.root
            ),
            Some("fengsui audit verify".to_owned()),
        );
    }
    standing(&Standing::of(&row, registry), findings);
    own(folder, findings);
}

fn newest(folder: &Folder) -> Result<Option<CheckpointRow>, Failure> {
    Ok(Reader::open(&folder.model())?.view().latest_checkpoint()?)
}

/// The root of the log's first positions, from its bytes alone.
fn root_of_log(folder: &Folder, size: u64, findings: &Findings<'_>) -> Result<Hash, Failure> {
    let log = Embedded::open_reader(folder.log())?;
    let mut bar = Bar::new(findings.session.output.look(), "计算日志的哈希树", "Hashing the log");
    let head = log.head()?.map_or(0, fengsui_log::Position::get);
    Ok(edge_of(&log, Frontier::new(), size.min(head), &mut bar)?.root())
}

fn standing(standing: &Standing, findings: &mut Findings<'_>) {
    let (count, needed) = (standing.cosigned.len(), standing.needed);
    let all = count + standing.missing.len();
    // Where nobody else takes part, nobody can cosign.
    if standing.has_quorum() || all == 0 {
        return findings.good(
            "cosignatures",
            format!("{all} 个部门中 {count} 个已会签"),
            format!("{count} of {all} agencies have cosigned it"),
        );
    }
    let missing = standing.missing.iter().map(ToString::to_string).collect::<Vec<_>>();
    findings.warning(
        "cosignatures",
        format!("只有 {count} 个部门会签，需要 {needed} 个；尚未会签：{}", missing.join("、")),
        format!("only {count} agencies have cosigned it, and it takes {needed}; missing: {}", missing.join(", ")),
        "fengsui checkpoint cosign",
    );
}

/// What this folder's own agency has signed last.
fn own(folder: &Folder, findings: &mut Findings<'_>) {
    let name = Origin::of(folder.exchange().region).cosigner_name(folder.node().agency);
    let read = || -> Result<_, Failure> {
        let ledger =
            CheckpointLedger::open_reader(&CheckpointLedger::path(folder.root())).map_err(CheckpointError::from)?;
        let Some(ledger) = ledger else { return Ok(None) };
        Ok(ledger.last(&name).map_err(CheckpointError::from)?)
    };
    match read() {
        Err(failure) => findings.broken("signed", &failure),
        Ok(None) => {}
        Ok(Some(last)) if last.refused.is_some() => {
            let reason = last.refused.unwrap_or_default();
            findings.warning(
                "signed",
                format!("{name} 最近的会签（{} 个位置）无效：{reason}", last.tree.size()),
                format!("the last cosignature of {name}, of {} positions, has no effect: {reason}", last.tree.size()),
                "fengsui checkpoint list",
            );
        }
        Ok(Some(last)) => {
            let size = last.tree.size();
            findings.good(
                "signed",
                format!("{} 至 {size} 个位置", folder.node().agency),
                format!("{} up to {size} positions", folder.node().agency),
            );
        }
    }
}

fn evidence(folder: &Folder, findings: &mut Findings<'_>) {
    let place = evidence_folder(folder.root());
    let kept = std::fs::read_dir(&place).into_iter().flatten().flatten().count();
    if kept == 0 {
        return;
    }
    let place = place.display().to_string();
    let advice = findings.session.language().pick(
        "向其他部门核实；查明后将文件移走",
        "compare with other agencies; move the files away when it is known what happened",
    );
    findings.add(
        "split_view",
        State::Broken,
        format!("{place} 中有 {kept} 份同一日志两份历史的证据"),
        format!("{place} holds evidence of two histories of one log ({kept} files)"),
        Some(advice.to_owned()),
    );
}
