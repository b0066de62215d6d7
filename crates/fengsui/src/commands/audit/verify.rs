//! `audit verify`: everything is checked, and what was checked is told.

use std::path::Path;

use fengsui_log::Position;
use fengsui_node::as_of::{AsOfError, TemporaryFolder};
use fengsui_node::node::genesis;
use fengsui_projector::audit::{
    AuditError, AuditOptions, BeginError, Beside, FoundCheckpoint, LogRecords, Outcome, RecordsError, audit,
    audit_archive, begin_from_snapshot,
};
use fengsui_projector::snapshot::{Snapshot, Trust as SnapshotTrust};

use super::super::snapshot;
use super::archive;
use super::target::{self, Audited, Target, Trust};
use super::verify_show;
use crate::arguments::audit_verify::AuditVerifyArguments;
use crate::exit::{Exit, Failure};
use crate::interrupt;
use crate::output::Bar;
use crate::session::Session;

/// Verifies a log.
pub fn run(session: &Session, arguments: &AuditVerifyArguments) -> Result<Exit, Failure> {
    if session.global.as_of.is_some() {
        return Err(Failure::usage(
            "--as-of 只用于查询表；核验到某一位置请用 --until",
            "--as-of is for looking at tables; to verify up to a position, use --until",
        ));
    }
    let Target { audited, beside, name, trust } = target::open(session, arguments)?;
    let head = audited.head()?;
    if let Some(until) = arguments.until.filter(|until| until.get() > head) {
        return Err(AsOfError::BeyondHead { asked: until.get(), head }.into());
    }
    warn_of_trust(session, &trust);
    let temporary = match &arguments.work {
        None => Some(TemporaryFolder::new()?),
        Some(_) => None,
    };
    let work = temporary.as_ref().map(TemporaryFolder::path).or(arguments.work.as_deref());
    let options = AuditOptions {
        genesis: genesis(&trust.exchange),
        until: arguments.until.map(Position::get),
        work: work.unwrap_or(&session.global.data).to_owned(),
        keep: arguments.work.is_some(),
        cosigners: arguments.cosigner.clone(),
        quorum: arguments.quorum,
        digest: !arguments.no_digest,
    };
    interrupt::watch();
    if let Some(snapshot) = &arguments.snapshot {
        begin(session, &audited, &beside, snapshot, &options)?;
    }
    let mut bar = Bar::with_lines(session.output.look(), "核验", "Verifying");
    let outcome = match &audited {
        Audited::Log(log) => audit(&LogRecords(log.as_ref()), &beside, &options, &mut bar),
        Audited::Archive(archive) => {
            archive.check(&mut |done, total| bar.at(done, total)).map_err(archive::failure)?;
            audit_archive(archive, &beside, &options, &mut bar)
        }
    };
    let seconds = bar.seconds();
    drop(bar);
    let outcome: Outcome = outcome.map_err(|error| failure(session, error, options.keep))?;
    verify_show::show(session, &outcome, &verify_show::About { name: &name, trust: &trust, seconds })
}

/// Begins where a cosigned checkpoint stands, so that what lies before need not be verified again.
fn begin(
    session: &Session,
    audited: &Audited,
    beside: &Beside,
    path: &Path,
    options: &AuditOptions,
) -> Result<(), Failure> {
    let Audited::Log(log) = audited else {
        return Err(Failure::usage(
            "--snapshot 用于日志，不用于档案：档案须全部核验",
            "--snapshot is for logs: an archive is verified whole",
        ));
    };
    let snapshot = Snapshot::open(path).map_err(|error| snapshot::failure(error.into()))?;
    let position = snapshot.header().progress.position;
    let states = |found: &&FoundCheckpoint| {
        let checkpoint = found.note.checkpoint();
        checkpoint.size == position && checkpoint.digest.is_some()
    };
    let given = beside.checkpoints.iter().find(states).map(|found| found.note.clone());
    let trust = SnapshotTrust { given, cosigners: options.cosigners.clone(), needed: options.quorum };
    let mut bar = Bar::new(session.output.look(), "读取快照", "Reading the snapshot");
    let begun = begin_from_snapshot(log.as_ref(), &snapshot, &trust, options, &mut bar);
    drop(bar);
    let begun = begun.map_err(|error| match error {
        BeginError::Load(error) => snapshot::failure(error),
        BeginError::Audit(AuditError::Model(error)) => error.into(),
        BeginError::Audit(error) => failure(session, error, false),
    })?;
    match begun {
        None => session.output.note(
            "--work 文件夹中已有核验，不需要快照",
            "the folder of --work holds an audit already: the snapshot is not needed",
        ),
        Some(loaded) => {
            let names = loaded.endorsement.cosigned.join(", ");
            session.output.note(
                format!("由位置 {position} 的快照开始，其检查点由以下各方会签：{names}"),
                format!("begun from the snapshot at position {position}, whose checkpoint was cosigned by {names}"),
            );
        }
    }
    Ok(())
}

/// Whoever takes the keys from what is to be checked has checked that it fits together, and not whose it is.
fn warn_of_trust(session: &Session, trust: &Trust) {
    if trust.from_itself {
        let Trust { exchange, place, .. } = trust;
        let keys: Vec<String> = exchange.authority_keys.iter().map(ToString::to_string).collect();
        let keys = keys.join(" ");
        session.output.warn(
            format!("信任根取自被核验的内容本身（{place}）：请向联席会议办公室核对其密钥 {keys}，或用 --exchange 指明交换文件"),
            format!(
                "whom to trust is taken from what is audited itself ({place}): ask the authority whether its keys are {keys}, \
                 or name its exchange file with --exchange"
            ),
        );
    }
}

fn failure(session: &Session, error: AuditError, keep: bool) -> Failure {
    match error {
        AuditError::Records(RecordsError::Log(error)) => error.into(),
        AuditError::Model(error) => error.into(),
        AuditError::Storage(error) => error.into(),
        AuditError::Interrupted { position } => {
            if keep {
                session.output.note(
                    format!("已核验至位置 {position}；以同一 --work 文件夹再次运行即可继续"),
                    format!("verified up to position {position}; the same command goes on from there"),
                );
            } else {
                session.output.note(
                    format!("已核验至位置 {position}，未保存；用 --work 指明文件夹即可中断后继续"),
                    format!(
                        "verified up to position {position}, and nothing was kept; with --work DIR an audit can go on"
                    ),
                );
            }
            Failure::Interrupted
        }
        AuditError::TooMuchMissing { first, last } => Failure::Integrity {
            code: "missing",
            zh: format!("位置 {first} 至 {last} 以及其他许多位置没有记录：这不是完整的日志，请另找副本"),
            en: error.to_string(),
        },
        AuditError::Records(RecordsError::Missing { .. }) | AuditError::Ended { .. } => {
            Failure::failed("log_changed", format!("核验期间日志有变动，请重新运行：{error}"), error.to_string())
        }
        AuditError::Records(RecordsError::Archive(error)) => archive::failure(*error),
        AuditError::OtherTrust { folder } => {
            let folder = folder.display();
            Failure::failed(
                "other_trust",
                format!("{folder} 中是以另一交换文件进行的核验：请换一个 --work 文件夹，或使用当时的交换文件"),
                format!(
                    "{folder} holds an audit that trusted another exchange file: name another folder with --work, or the exchange file of that audit"
                ),
            )
        }
        AuditError::NotOwnFolder { folder, found } => {
            let folder = folder.display();
            Failure::failed(
                "not_own_folder",
                format!("{folder} 中有 {found}，不是核验专用的文件夹：请用 --work 指明空的或新的文件夹"),
                format!(
                    "{folder} holds {found}, so it is no audit's own folder: name an empty or a new one with --work"
                ),
            )
        }
        AuditError::Tile(_) | AuditError::Note(_) => {
            Failure::failed("audit", format!("无法完成核验：{error}"), error.to_string())
        }
    }
}
