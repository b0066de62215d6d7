//! Drawing every table from the log again.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use fengsui_log::{Embedded, EventLog, Position, StorageError};
use fengsui_node::as_of::{AsOf, AsOfError, Moment, TemporaryFolder, resolve};
use fengsui_node::folder::{Exchange, Folder};
use fengsui_node::node::genesis;
use fengsui_node::source::LogSource;
use fengsui_projector::fold::admission::SignatureCheck;
use fengsui_projector::replay::{discard, rebuild};
use fengsui_projector::{FollowOptions, ModelError, Progress, Projector};
use serde_json::json;

use super::{replay_diff, source};
use crate::arguments::work::ReplayArguments;
use crate::exit::{Exit, Failure};
use crate::interrupt;
use crate::output::{Bar, Facts};
use crate::session::Session;

/// Codes that speak of a log that was tampered with, or of a source that told two stories.
const GRAVE: &[&str] =
    &["bad_signature", "conflict", "chain_fork", "sequence_reused", "chain_gap", "id_mismatch", "lost"];

/// Replays the log.
pub fn run(session: &Session, arguments: &ReplayArguments) -> Result<Exit, Failure> {
    if let Some(points) = &arguments.diff {
        return replay_diff::run(session, points, arguments.unit.as_ref());
    }
    let past = past(session, arguments)?;
    let Original { log, exchange, path, _place } = original(session, arguments, past.is_some())?;
    let head = log.head()?;
    let until = past.map_or(arguments.until, |moment| Position::new(moment.position));
    if let Some(until) = until.filter(|until| Some(*until) > head) {
        let head = head.map_or(0, Position::get);
        return Err(AsOfError::BeyondHead { asked: until.get(), head }.into());
    }
    interrupt::watch();
    if past.is_some() && until.is_none() {
        // Before the first event there is nothing to fold.
        discard(&path)?;
        let projector = Projector::open(&path, genesis(&exchange))?;
        return settle(session, arguments, &projector, past, 0.0);
    }
    let check = if arguments.no_verify { SignatureCheck::Trust } else { SignatureCheck::Verify };
    let options = FollowOptions { check, until, ..FollowOptions::default() };
    let mut bar = Bar::with_lines(session.output.look(), "重放日志", "Replaying the log");
    let rebuilt = rebuild(&path, genesis(&exchange), log.as_ref(), options, &mut bar);
    if let Err(ModelError::Storage(StorageError::SecondWriter { .. })) = rebuilt
        && !session.output.json()
    {
        session.output.note(
            "运行中的节点正在使用这些表；可用 --into 在另一文件夹中重建，结果相同",
            "a running node keeps these tables; with --into DIR they are drawn elsewhere, and the digest is the same",
        );
    }
    rebuilt?;
    let seconds = bar.seconds();
    drop(bar);
    let projector = Projector::open(&path, genesis(&exchange))?;
    settle(session, arguments, &projector, past, seconds)
}

/// Tells how the tables that were drawn stand.
fn settle(
    session: &Session,
    arguments: &ReplayArguments,
    projector: &Projector,
    past: Option<Moment>,
    seconds: f64,
) -> Result<Exit, Failure> {
    let digest = projector.digest()?.to_string();
    if let Some(lines) = &arguments.lines {
        write_lines(projector, lines)?;
    }
    let view = projector.store().view();
    let (progress, anomalies) = (projector.store().progress(), view.anomaly_counts()?);
    show(session, Drawn { progress, past, seconds, digest }, &anomalies)
}

/// The moment as of which tables are to be drawn, if not as of now.
fn past(session: &Session, arguments: &ReplayArguments) -> Result<Option<Moment>, Failure> {
    let Some(as_of) = session.global.as_of else { return Ok(None) };
    if arguments.until.is_some() {
        return Err(Failure::usage("--until 与 --as-of 只能用其一", "--until and --as-of cannot be used together"));
    }
    let moment = match (&arguments.log.from, as_of) {
        (None, as_of) => {
            let present = session.present()?;
            resolve(as_of, present.log(), present.view(), present.progress().position)?
        }
        (Some(_), AsOf::Position(position)) => Moment { position: position.get(), date: session.today() },
        (Some(_), AsOf::Date(_)) => {
            return Err(Failure::usage(
                "与 --from 合用时，--as-of 须为日志位置：日期只有本节点的查询表才知道",
                "with --from, --as-of takes a position: only this node's own tables know days",
            ));
        }
    };
    Ok(Some(moment))
}

/// What is replayed, and where to.
struct Original {
    log: Box<dyn EventLog>,
    exchange: Exchange,
    /// The read model's file.
    path: PathBuf,
    /// Where it lies when nobody wants to keep it.
    _place: Option<TemporaryFolder>,
}

/// What was never the present must not take the place of the node's own tables.
fn original(session: &Session, arguments: &ReplayArguments, is_past: bool) -> Result<Original, Failure> {
    let place = (is_past && arguments.into.is_none()).then(TemporaryFolder::new).transpose()?;
    let into = arguments.into.as_deref().or(place.as_ref().map(TemporaryFolder::path));
    let Some(from) = &arguments.log.from else {
        let folder = Folder::open(&session.global.data)?;
        if folder.node().broker.is_some() {
            // The copy is brought up to the stream first, if that can be reached.
            session.present()?;
        }
        let path = model_path(&folder, into)?;
        let log = Box::new(Embedded::open_reader(folder.log())?);
        return Ok(Original { log, exchange: folder.exchange().clone(), path, _place: place });
    };
    let Some(into) = into else {
        return Err(Failure::usage(
            "--from 须与 --into 同时使用：本节点的查询库只由本节点的日志重建",
            "--from needs --into: this node's tables are drawn from its own log only",
        ));
    };
    let exchange = match (&arguments.exchange, from) {
        (Some(file), _) => Exchange::load(file)?,
        (None, LogSource::Folder(folder)) => Folder::open(folder)?.exchange().clone(),
        (None, _) => Folder::open(&session.global.data)?.exchange().clone(),
    };
    let log = source::open(session, from, &arguments.log.access)?;
    let path = model_in(into)?;
    Ok(Original { log, exchange, path, _place: place })
}

/// Writes the lines of the state, whole or not at all.
fn write_lines(projector: &Projector, path: &Path) -> Result<(), Failure> {
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(".writing");
    let unfinished = PathBuf::from(unfinished);
    let file = File::create(&unfinished).map_err(Failure::file(&unfinished))?;
    let mut writer = BufWriter::new(file);
    projector.canonical_lines(&mut |line| writer.write_all(line).map_err(Failure::file(&unfinished)))?;
    let file = writer.into_inner().map_err(|error| Failure::file(&unfinished)(error.into_error()))?;
    file.sync_all().map_err(Failure::file(&unfinished))?;
    std::fs::rename(&unfinished, path).map_err(Failure::file(path))
}

fn model_path(folder: &Folder, into: Option<&Path>) -> Result<PathBuf, Failure> {
    into.map_or_else(|| Ok(folder.model()), model_in)
}

fn model_in(into: &Path) -> Result<PathBuf, Failure> {
    std::fs::create_dir_all(into).map_err(Failure::file(into))?;
    Ok(into.join("model.sqlite"))
}

/// Tables that were drawn.
struct Drawn {
    progress: Progress,
    past: Option<Moment>,
    seconds: f64,
    digest: String,
}

fn show(session: &Session, drawn: Drawn, anomalies: &[(String, bool, u64)]) -> Result<Exit, Failure> {
    let Drawn { progress, past, seconds, digest } = drawn;
    let output = &session.output;
    let Progress { position, effective, without_effect, duplicates } = progress;
    let rate = rate(position, seconds);
    let mut by_code: BTreeMap<&str, u64> = BTreeMap::new();
    for (code, _, count) in anomalies {
        *by_code.entry(code).or_default() += count;
    }
    if output.json() {
        output.json_line(&json!({
            "type": "summary", "as_of": past, "position": position, "events": position, "effective": effective,
            "without_effect": without_effect, "duplicates": duplicates, "anomalies": by_code,
            "milliseconds": milliseconds(seconds), "events_per_second": rate, "digest": format!("sha256:{digest}"),
        }))?;
    } else {
        let mut facts = Facts::new();
        if let Some(Moment { position, date }) = past {
            let as_of = output
                .look()
                .language
                .pick(format!("{date}（位置 {position}）"), format!("{date} (position {position})"));
            facts.add(output.say("截至", "as of"), as_of);
        }
        facts
            .add(output.say("事件", "events"), position)
            .add(output.say("有效", "effective"), effective)
            .add(output.say("无效", "without effect"), without_effect)
            .add(output.say("其中重复", "of these duplicates"), duplicates)
            .add(output.say("用时（秒）", "seconds"), format!("{seconds:.3}"))
            .add(output.say("每秒事件", "events per second"), rate);
        facts.show(output)?;
        if !by_code.is_empty() {
            output.heading(output.say("异常", "Anomalies"))?;
            for (code, count) in &by_code {
                output.line(&format!("{code}\t{count}"))?;
            }
        }
        output.line(&format!("digest sha256:{digest}"))?;
    }
    // The tables are drawn and good for what is sound; the status says that not all of the log is.
    if warn_of_grave(session, &by_code) { Ok(Exit::Integrity) } else { Ok(Exit::Done) }
}

/// Tells of what a sound log does not hold; whether there was any.
fn warn_of_grave(session: &Session, by_code: &BTreeMap<&str, u64>) -> bool {
    let grave: Vec<String> = by_code
        .iter()
        .filter(|(code, _)| GRAVE.contains(code))
        .map(|(code, count)| format!("{code} {count}"))
        .collect();
    if !grave.is_empty() {
        let list = grave.join(", ");
        session.output.warn(
            format!("日志可能不完整或被改动：{list}；详见 `fengsui anomaly list`"),
            format!("the log may be incomplete or tampered with: {list}; see `fengsui anomaly list`"),
        );
    }
    !grave.is_empty()
}

/// Whole events a second, for people.
#[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn rate(events: u64, seconds: f64) -> u64 {
    if seconds > 0.0 { (events as f64 / seconds) as u64 } else { events }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn milliseconds(seconds: f64) -> u64 {
    (seconds * 1000.0) as u64
}
