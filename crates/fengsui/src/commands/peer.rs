//! One log against another: node against node, stream against copy, file against file.

use std::path::Path;

use fengsui_event::Language;
use fengsui_log::EventLog;
use fengsui_node::folder::Folder;
use fengsui_node::peer::{self, Comparison, Cost, Kind, OfSource, Range, Side, Verdict, Which};
use fengsui_node::source::{LogSource, StreamAccess};
use fengsui_sheets::{ColumnKind, Value};
use serde_json::json;

use super::source;
use crate::arguments::peer::PeerArguments;
use crate::exit::{Exit, Failure};
use crate::interrupt;
use crate::output::{Bar, Column, Facts, show_rows};
use crate::session::Session;

/// A source with what differs of its events.
type SourceRow = (String, OfSource);

const RANGES: &[Column<Range>] = &[
    Column::new("首个位置", "from", ColumnKind::Integer, |row, _| number(row.from)),
    Column::new("末个位置", "until", ColumnKind::Integer, |row, _| number(row.until)),
    Column::new("差异", "difference", ColumnKind::Text, |row, language| {
        Value::Text(kind_text(row.kind, language).to_owned())
    }),
    Column::new("甲的事件", "here", ColumnKind::Text, |row, _| Value::Text(row.here.id.to_string())),
    Column::new("甲的来源", "source here", ColumnKind::Text, |row, _| Value::Text(row.here.source.clone())),
    Column::new("乙的事件", "there", ColumnKind::Text, |row, _| Value::Text(row.there.id.to_string())),
    Column::new("乙的来源", "source there", ColumnKind::Text, |row, _| Value::Text(row.there.source.clone())),
];

const SOURCES: &[Column<SourceRow>] = &[
    Column::new("来源", "source", ColumnKind::Text, |row, _| Value::Text(row.0.clone())),
    Column::new("仅甲有", "only here", ColumnKind::Integer, |row, _| number(row.1.only_here)),
    Column::new("仅乙有", "only there", ColumnKind::Integer, |row, _| number(row.1.only_there)),
    Column::new("内容不同", "edited", ColumnKind::Integer, |row, _| number(row.1.edited)),
    Column::new("位置不同", "moved", ColumnKind::Integer, |row, _| number(row.1.moved)),
];

fn number(number: u64) -> Value {
    Value::Integer(i64::try_from(number).unwrap_or(i64::MAX))
}

fn kind_text(kind: Kind, language: Language) -> &'static str {
    match kind {
        Kind::MissingHere => language.pick("甲缺失", "missing here"),
        Kind::MissingThere => language.pick("乙缺失", "missing there"),
        Kind::Edited => language.pick("同一事件，内容不同", "one event, two texts"),
        Kind::Moved => language.pick("双方均有，位置不同", "in both, elsewhere"),
        Kind::Other => language.pick("不同的事件", "other events"),
    }
}

/// Two logs by name.
struct Pair<'a> {
    here: &'a LogSource,
    there: &'a LogSource,
}

/// Compares two logs.
pub fn run(session: &Session, arguments: &PeerArguments) -> Result<Exit, Failure> {
    session.refuse_as_of()?;
    let own = LogSource::Folder(session.global.data.clone());
    let pair = match arguments.peer.as_slice() {
        [there] => Pair { here: &own, there },
        [here, there] => Pair { here, there },
        _ => return Err(Failure::usage("请用 --peer 指明一份或两份日志", "name one log or two with --peer")),
    };
    refuse_itself(&pair)?;
    let access = source::access(session, &[pair.here, pair.there], &arguments.access)?;
    let logs = [open(pair.here, &access)?, open(pair.there, &access)?];
    interrupt::watch();
    let found = {
        let roots = [tree_root(pair.here, arguments.anew), tree_root(pair.there, arguments.anew)];
        let mut bar = Bar::new(session.output.look(), "比较日志", "Comparing logs");
        let mut here = Side::open(logs[0].as_ref(), roots[0], &mut bar)?;
        let mut there = Side::open(logs[1].as_ref(), roots[1], &mut bar)?;
        peer::compare(&mut here, &mut there, &mut bar)?
    };
    show(session, &pair, &found, arguments.ranges)?;
    Ok(match found.verdict() {
        Verdict::Equal => Exit::Done,
        Verdict::HereLonger | Verdict::ThereLonger => Exit::Differences,
        Verdict::Contradiction => Exit::Integrity,
    })
}

/// A log compared with itself says nothing about it.
fn refuse_itself(pair: &Pair<'_>) -> Result<(), Failure> {
    let is_same = match (pair.here, pair.there) {
        (LogSource::File(here) | LogSource::Folder(here), LogSource::File(there) | LogSource::Folder(there)) => {
            peer::is_same_place(here, there)
        }
        (here, there) => here == there,
    };
    if is_same {
        return Err(Failure::usage(
            format!("{} 与自身比较没有意义；请指明另一份日志", pair.here),
            format!("{} would be compared with itself; name another log", pair.here),
        ));
    }
    Ok(())
}

fn open(log: &LogSource, access: &StreamAccess) -> Result<Box<dyn EventLog>, Failure> {
    log.open(access).map_err(source::failure)
}

/// Where a log's tree is kept: in a node's folder.
fn tree_root(log: &LogSource, anew: bool) -> Option<&Path> {
    match log {
        LogSource::Folder(path) if !anew => Some(path),
        _ => None,
    }
}

fn show(session: &Session, pair: &Pair<'_>, found: &Comparison, ranges: usize) -> Result<(), Failure> {
    if session.output.json() {
        return lines(session, pair, found);
    }
    let output = &session.output;
    let mut facts = Facts::new();
    let side = |log: &LogSource, size: u64| format!("{log} ({size})");
    facts
        .add(output.say("甲", "here"), side(pair.here, found.sizes[0]))
        .add(output.say("乙", "there"), side(pair.there, found.sizes[1]))
        .add(output.say("结果", "result"), verdict_text(found.verdict(), output.language()))
        .add(output.say("一致至位置", "equal up to position"), found.equal_until)
        .add_some(output.say("根哈希", "root"), found.root)
        .add(output.say("甲读取", "read here"), cost_text(found.costs[0], output.language()))
        .add(output.say("乙读取", "read there"), cost_text(found.costs[1], output.language()));
    if let Some(beyond) = &found.beyond {
        let whose = match beyond.longer {
            Which::Here => output.say("仅甲有的位置", "only here"),
            Which::There => output.say("仅乙有的位置", "only there"),
        };
        facts.add(whose, format!("{} - {}", beyond.from, beyond.until));
        for (name, count) in beyond.sources.iter().flatten() {
            facts.add(output.say("其中", "of these"), format!("{count} {name}"));
        }
    }
    facts.show(output)?;
    let shown = found.ranges.get(..ranges).unwrap_or(&found.ranges);
    if !shown.is_empty() {
        output.heading(output.say("不同之处", "Differences"))?;
        show_rows(output, RANGES, shown)?;
    }
    if !found.sources.is_empty() {
        output.heading(output.say("涉及的来源", "Sources"))?;
        let rows: Vec<SourceRow> = found.sources.iter().map(|(name, counts)| (name.clone(), *counts)).collect();
        show_rows(output, SOURCES, &rows)?;
    }
    let unshown = (found.ranges.len().saturating_sub(ranges) as u64).saturating_add(found.unlisted);
    if unshown > 0 {
        output.note(
            format!("另有 {unshown} 处不同未列出；--json 或 --ranges 可列出更多"),
            format!("differences that are not shown: {unshown}; --json or --ranges shows more"),
        );
    }
    advise(session, pair, found);
    Ok(())
}

fn verdict_text(verdict: Verdict, language: Language) -> &'static str {
    match verdict {
        Verdict::Equal => language.pick("完全一致", "equal"),
        Verdict::HereLonger => language.pick("甲较长，其余一致", "equal, and longer here"),
        Verdict::ThereLonger => language.pick("乙较长，其余一致", "equal, and longer there"),
        Verdict::Contradiction => language.pick("相互矛盾", "they contradict each other"),
    }
}

fn cost_text(cost: Cost, language: Language) -> String {
    let Cost { events_read, tiles_read, tree_drawn } = cost;
    let drawn = language.pick("；哈希树为此次比较新绘", "; its tree was drawn for this");
    let drawn = if tree_drawn { drawn } else { "" };
    language.pick(
        format!("事件 {events_read} 个，哈希块 {tiles_read} 个{drawn}"),
        format!("{events_read} events, {tiles_read} tiles{drawn}"),
    )
}

/// What brings the shorter log up, or what to do about two that contradict each other.
fn advise(session: &Session, pair: &Pair<'_>, found: &Comparison) {
    let (longer, shorter) = match found.verdict() {
        Verdict::Equal => return,
        Verdict::Contradiction => {
            return session.output.warn(
                "两份日志不可能都是原样：请将两者留作证据，各自执行 `fengsui audit verify`，并与其他部门的副本比较",
                "both cannot be what was published: keep both as evidence, run `fengsui audit verify` on each, and compare with the copies of \
                 other agencies",
            );
        }
        Verdict::HereLonger => (pair.here, pair.there),
        Verdict::ThereLonger => (pair.there, pair.here),
    };
    let follows = |path: &Path| Folder::open(path).is_ok_and(|folder| folder.node().broker.is_some());
    let command = match shorter {
        LogSource::Folder(path) if follows(path) => format!("fengsui --data {} node run", path.display()),
        LogSource::Folder(path) => {
            format!("fengsui log copy --from {longer} --to {}", path.join("log.sqlite").display())
        }
        _ => format!("fengsui log copy --from {longer} --to {shorter}"),
    };
    session.output.note(
        format!("{shorter} 较短；使其补齐：`{command}`"),
        format!("{shorter} is the shorter one; `{command}` brings it up"),
    );
}

fn lines(session: &Session, pair: &Pair<'_>, found: &Comparison) -> Result<(), Failure> {
    for range in &found.ranges {
        session.output.json_line(&json!({
            "type": "row", "from": range.from, "until": range.until, "difference": range.kind, "here": range.here,
            "there": range.there,
        }))?;
    }
    let log = |source: &LogSource, side: usize| json!({"log": source.to_string(), "positions": found.sizes[side], "cost": found.costs[side]});
    session.output.json_line(&json!({
        "type": "summary", "here": log(pair.here, 0), "there": log(pair.there, 1), "result": found.verdict(),
        "equal_until": found.equal_until, "root": found.root, "beyond": found.beyond, "differences": counts(found),
        "unlisted": found.unlisted, "sources": found.sources,
    }))
}

/// Positions by how they differ, each kind named.
fn counts(found: &Comparison) -> serde_json::Value {
    let kinds = [Kind::MissingHere, Kind::MissingThere, Kind::Edited, Kind::Moved, Kind::Other];
    let count = |kind: Kind| found.counts.get(&kind).copied().unwrap_or(0);
    let [missing_here, missing_there, edited, moved, other] = kinds.map(count);
    json!({
        "missing_here": missing_here, "missing_there": missing_there, "edited": edited, "moved": moved, "other": other,
    })
}
