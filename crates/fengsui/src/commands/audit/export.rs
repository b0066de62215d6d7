//! `audit export`: a log, or a part of it, as one archive that anybody can check.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;

use fengsui_event::Digest;
use fengsui_log::{Embedded, EventLog, Position, RecordRef};
use fengsui_node::as_of::{AsOfError, Past};
use fengsui_node::folder::{Exchange, Folder};
use fengsui_node::source::LogSource;
use fengsui_projector::Registry;
use fengsui_proof::archive::{
    ArchiveError, ArchiveKey, ArchiveRange, ArchiveWriter, ContentRef, Manifest, NotShown, Packing,
};
use serde_json::json;

use super::super::source;
use super::archive;
use crate::arguments::audit_export::AuditExportArguments;
use crate::exit::{Exit, Failure};
use crate::interrupt;
use crate::output::{Bar, Facts};
use crate::session::Session;

/// Writes an archive.
pub fn run(session: &Session, arguments: &AuditExportArguments) -> Result<Exit, Failure> {
    session.refuse_as_of()?;
    let packing = packing(arguments)?;
    let original = Original::open(session, arguments)?;
    let head = original.log.head()?;
    let Some(last) = arguments.to.or(head).filter(|last| Some(*last) <= head) else {
        return Err(no_such_range(arguments, head));
    };
    if arguments.from > last {
        return Err(no_such_range(arguments, Some(last)));
    }
    interrupt::watch();
    let registry = original.registry(session, last)?;
    let range = range(&original.exchange, &registry, arguments.from, last);
    let writer = ArchiveWriter::begin(&arguments.out, packing, arguments.force, range).map_err(archive::failure)?;
    let writer = take_records(session, original.log.as_ref(), last, writer)?;
    let mut bar = Bar::with_lines(session.output.look(), "写入档案", "Writing the archive");
    let manifest = writer.finish(&mut |done, total| bar.at(done, total)).map_err(archive::failure)?;
    drop(bar);
    show(session, arguments, packing, &manifest)
}

fn packing(arguments: &AuditExportArguments) -> Result<Packing, Failure> {
    let is_zip = arguments.out.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("zip"));
    match (is_zip, arguments.compress) {
        (true, false) => Ok(Packing::Stored),
        (true, true) => Ok(Packing::Deflated),
        (false, false) => Ok(Packing::Folder),
        (false, true) => Err(Failure::usage(
            "--compress 只用于 ZIP 文件：请让 --out 以 .zip 结尾",
            "--compress is for ZIP files: let the name after --out end with .zip",
        )),
    }
}

fn no_such_range(arguments: &AuditExportArguments, last: Option<Position>) -> Failure {
    match (arguments.to, last) {
        (_, None) => Failure::failed(
            "nothing_to_export",
            "日志中还没有事件，无可导出",
            "the log holds no event yet: there is nothing to export",
        ),
        (Some(asked), Some(head)) if asked > head => {
            AsOfError::BeyondHead { asked: asked.get(), head: head.get() }.into()
        }
        (_, Some(last)) => Failure::usage(
            format!("--from {} 在最后位置 {last} 之后", arguments.from),
            format!("--from {} lies after the last position, {last}", arguments.from),
        ),
    }
}

/// What is exported.
struct Original {
    log: Box<dyn EventLog>,
    exchange: Exchange,
    /// The registry of the node's own tables, and the position that they are for.
    known: Option<(Registry, u64)>,
}

impl Original {
    fn open(session: &Session, arguments: &AuditExportArguments) -> Result<Self, Failure> {
        let Some(from) = &arguments.from_log else {
            let reading = session.present()?;
            let log = Box::new(Embedded::open_reader(reading.folder().log())?);
            let known = Some((reading.registry().clone(), reading.progress().position));
            return Ok(Self { log, exchange: reading.folder().exchange().clone(), known });
        };
        let exchange = match (&arguments.exchange, from) {
            (Some(file), _) => Exchange::load(file)?,
            (None, LogSource::Folder(folder)) => Folder::open(folder)?.exchange().clone(),
            (None, _) => Folder::open(&session.global.data)?.exchange().clone(),
        };
        let log = source::open(session, from, &arguments.access)?;
        Ok(Self { log, exchange, known: None })
    }

    /// Agencies, keys and rulebooks as of the last position or later.
    fn registry(&self, session: &Session, last: Position) -> Result<Registry, Failure> {
        if let Some((registry, _)) = self.known.as_ref().filter(|(_, position)| *position >= last.get()) {
            return Ok(registry.clone());
        }
        let mut bar = Bar::with_lines(session.output.look(), "重放日志", "Replaying the log");
        Ok(Past::draw(&self.exchange, self.log.as_ref(), last.get(), &mut bar)?.registry().clone())
    }
}

fn range(exchange: &Exchange, registry: &Registry, first: Position, last: Position) -> ArchiveRange {
    let keys = registry.keys.iter().map(|(keyid, key)| ArchiveKey {
        agency: key.agency,
        keyid: *keyid,
        since: key.since,
        until: key.until,
    });
    let rulebooks = registry.rulebooks.iter().map(|published| (published.position, published.text.to_string()));
    ArchiveRange {
        region: exchange.region,
        authority: exchange.authority,
        authority_keys: exchange.authority_keys.clone(),
        first: first.get(),
        last: last.get(),
        keys: keys.collect(),
        rulebooks: rulebooks.collect::<BTreeMap<_, _>>(),
    }
}

/// Hands every record to the writer: also those before the range are part of the tree.
fn take_records(
    session: &Session,
    log: &dyn EventLog,
    last: Position,
    mut writer: ArchiveWriter,
) -> Result<ArchiveWriter, Failure> {
    let mut bar = Bar::with_lines(session.output.look(), "读取日志", "Reading the log");
    let mut failed = None;
    log.scan(Position::FIRST, Some(last), &mut |position, record| {
        let taken = writer.take(position.get(), content(record));
        match taken {
            Ok(()) if bar.at(position.get(), last.get()).is_continue() => ControlFlow::Continue(()),
            Ok(()) => {
                failed = Some(ArchiveError::Interrupted);
                ControlFlow::Break(())
            }
            Err(error) => {
                failed = Some(error);
                ControlFlow::Break(())
            }
        }
    })?;
    failed.map_or(Ok(writer), |error| Err(archive::failure(error)))
}

fn content(record: RecordRef<'_>) -> Option<ContentRef<'_>> {
    let RecordRef { id, subject, bytes, signature } = record;
    (!record.is_missing()).then_some(ContentRef { id, subject, signature, bytes })
}

fn show(
    session: &Session,
    arguments: &AuditExportArguments,
    packing: Packing,
    manifest: &Manifest,
) -> Result<Exit, Failure> {
    let output = &session.output;
    let Manifest { first, last, events, missing, root, checkpoint, not_shown, files, .. } = manifest;
    let bytes: u64 = files.iter().map(|file| file.bytes).sum();
    let sums = Digest::of(&manifest.sums());
    if output.json() {
        let packing = match packing {
            Packing::Stored => "stored",
            Packing::Deflated => "deflated",
            Packing::Folder => "folder",
        };
        output.json_line(&json!({
            "type": "summary", "out": arguments.out, "packing": packing, "first": first, "last": last, "events": events,
            "missing": missing, "root": root, "checkpoint": checkpoint, "not_shown": not_shown, "files": files.len() + 2,
            "bytes": bytes, "sha256sums": sums,
        }))?;
    } else {
        let covered = checkpoint.as_ref().map_or_else(
            || output.say("无", "none").to_owned(),
            |newest| format!("{} {}", output.say("涵盖至位置", "covers up to position"), newest.size),
        );
        Facts::new()
            .add(output.say("档案", "archive"), arguments.out.display())
            .add(output.say("位置", "positions"), format!("{first}-{last}"))
            .add(output.say("事件", "events"), events)
            .add(output.say("缺失的位置", "missing positions"), missing)
            .add(output.say("树根", "root"), root)
            .add(output.say("最新检查点", "newest checkpoint"), covered)
            .add(output.say("文件", "files"), files.len() + 2)
            .add(output.say("字节", "bytes"), bytes)
            .add("SHA256SUMS", format!("sha256:{sums}"))
            .show(output)?;
    }
    tell_limits(session, not_shown, checkpoint.is_none());
    hint(session, &arguments.out);
    Ok(Exit::Done)
}

fn tell_limits(session: &Session, not_shown: &[NotShown], is_without_checkpoint: bool) {
    if !not_shown.is_empty() {
        session.output.note(
            "档案不从位置 1 开始：更早的事件、密钥登记的凭据、各来源在此之前的链、由事件算出的状态，都不能由它证明",
            "the archive does not begin at position 1: it cannot show earlier events, the registrations of keys before it, what came before \
             in each source's chain, nor the state that the events amount to",
        );
    }
    if is_without_checkpoint {
        session.output.note(
            "其中没有检查点：没有部门的会签可以证明日志未被另写",
            "it holds no checkpoint: no agency's cosignature shows that this is the only history",
        );
    }
}

fn hint(session: &Session, out: &Path) {
    let out = out.display();
    session.output.note(
        format!("核验：fengsui audit verify {out} --exchange exchange.toml"),
        format!("to check it: fengsui audit verify {out} --exchange exchange.toml"),
    );
}
