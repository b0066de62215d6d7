//! Whether everything is in order, and what mends what is not.

mod broker;
mod checkpoints;

use std::ops::ControlFlow;
use std::path::Path;

use fengsui_event::date::day_of;
use fengsui_event::{Event, Signer as _};
use fengsui_log::{Embedded, EventLog as _, Position};
use fengsui_node::folder::Folder;
use fengsui_node::keys::SigningKey;
use fengsui_node::outbox::{LostEnd, Outbox, compare};
use fengsui_projector::Registry;
use fengsui_projector::query::Reader;
use serde::Serialize;
use serde_json::json;

use crate::exit::{Exit, Failure};
use crate::session::{Session, agencies_with_keys};

/// Less room than this is a warning.
const ROOM_BYTES_MIN: u64 = 512 << 20;
/// A write-ahead file larger than this is a warning.
const WAL_BYTES_MAX: u64 = 256 << 20;
/// The last event may lie in the future by so many seconds: clocks differ a little.
const SKEW_SECONDS_MAX: i64 = 300;

/// How a check came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
    Good,
    Warning,
    Broken,
}

/// One thing that was looked at.
#[derive(Debug, Serialize)]
struct Finding {
    check: &'static str,
    state: State,
    text: String,
    advice: Option<String>,
}

/// Findings so far.
struct Findings<'a> {
    session: &'a Session,
    found: Vec<Finding>,
}

impl Findings<'_> {
    fn add(&mut self, check: &'static str, state: State, zh: String, en: String, advice: Option<String>) {
        let text = self.session.language().pick(zh, en);
        self.found.push(Finding { check, state, text, advice });
    }

    fn good(&mut self, check: &'static str, zh: impl Into<String>, en: impl Into<String>) {
        self.add(check, State::Good, zh.into(), en.into(), None);
    }

    fn warning(&mut self, check: &'static str, zh: String, en: String, advice: &str) {
        self.add(check, State::Warning, zh, en, Some(advice.to_owned()));
    }

    fn broken(&mut self, check: &'static str, failure: &Failure) {
        let message = failure.message(self.session.language());
        self.found.push(Finding { check, state: State::Broken, text: message, advice: None });
    }
}

/// Looks at everything. Nothing is changed.
pub fn run(session: &Session) -> Result<Exit, Failure> {
    session.refuse_as_of()?;
    let mut findings = Findings { session, found: Vec::new() };
    match Folder::open(&session.global.data) {
        Ok(folder) => examine(&folder, &mut findings),
        Err(error) => findings.broken("folder", &error.into()),
    }
    let found = findings.found;
    show(session, &found)?;
    Ok(if found.iter().any(|finding| finding.state == State::Broken) { Exit::Failed } else { Exit::Done })
}

fn examine(folder: &Folder, findings: &mut Findings<'_>) {
    let root = folder.root().display().to_string();
    let agency = folder.node().agency;
    findings.good("folder", format!("{root}（{agency}）"), format!("{root} ({agency})"));
    room(folder.root(), findings);
    let head = log(folder, findings);
    if folder.node().broker.is_some() {
        broker::outbox(folder, findings);
        broker::examine(folder, findings);
    } else {
        outbox(folder, findings);
    }
    if let Some(registry) = model(folder, head, findings) {
        keys(folder, &registry, findings);
        checkpoints::examine(folder, &registry, findings);
        if head == Some(0) {
            findings.warning(
                "rulebook",
                "日志为空：本节点尚未得到交换的事件".to_owned(),
                "the log is empty: this node has no event of its exchange yet".to_owned(),
                "fengsui log head",
            );
        } else {
            rules(&registry, findings);
        }
    }
}

#[cfg(unix)]
fn room(root: &Path, findings: &mut Findings<'_>) {
    match rustix::fs::statvfs(root) {
        Ok(disk) => {
            let free = disk.f_bavail.saturating_mul(disk.f_frsize);
            let mebibytes = free >> 20;
            let (zh, en) = (format!("剩余 {mebibytes} MiB"), format!("{mebibytes} MiB free"));
            if free < ROOM_BYTES_MIN {
                findings.warning("disk", zh, en, "df -h");
            } else {
                findings.good("disk", zh, en);
            }
        }
        Err(error) => findings.broken("disk", &Failure::File { path: root.to_owned(), source: error.into() }),
    }
}

#[cfg(not(unix))]
fn room(_: &Path, _: &mut Findings<'_>) {}

fn log(folder: &Folder, findings: &mut Findings<'_>) -> Option<u64> {
    let read = || -> Result<(Option<Position>, Option<Event>), Failure> {
        let log = Embedded::open_reader(folder.log())?;
        log.quick_check()?;
        let head = log.head()?;
        // A scan finds positions that are missing; it costs a third of a second for a million events.
        log.scan(Position::FIRST, head, &mut |_, _| ControlFlow::Continue(()))?;
        let last = match head {
            Some(position) => log.read(position, 1)?.pop(),
            None => None,
        };
        Ok((head, last.and_then(|stored| Event::parse(&stored.record.bytes).ok())))
    };
    let (head, last) = match read() {
        Ok(read) => read,
        Err(failure) => {
            findings.broken("log", &failure);
            return None;
        }
    };
    let head = head.map_or(0, Position::get);
    let mebibytes = bytes_of(&folder.log()) >> 20;
    findings.good("log", format!("至位置 {head}，{mebibytes} MiB"), format!("up to position {head}, {mebibytes} MiB"));
    write_ahead(folder, findings);
    if let Some(last) = last {
        clock(&last, findings);
    }
    Some(head)
}

fn write_ahead(folder: &Folder, findings: &mut Findings<'_>) {
    for file in [folder.log(), folder.model(), folder.outbox()] {
        let mut wal = file.clone().into_os_string();
        wal.push("-wal");
        let bytes = bytes_of(Path::new(&wal));
        if bytes > WAL_BYTES_MAX {
            let (wal, mebibytes) = (wal.to_string_lossy(), bytes >> 20);
            findings.warning(
                "write_ahead",
                format!("{wal} 有 {mebibytes} MiB：有读取进程长期占用旧状态，请结束它"),
                format!("{wal} has {mebibytes} MiB: a reader holds an old state open; end it"),
                &format!("fuser {}", file.display()),
            );
        }
    }
}

fn bytes_of(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |metadata| metadata.len())
}

fn clock(last: &Event, findings: &mut Findings<'_>) {
    let now = findings.session.now;
    let ahead = last.time.duration_since(now).as_secs();
    if ahead > SKEW_SECONDS_MAX {
        findings.warning(
            "clock",
            format!("最后事件的时间 {} 晚于本机时钟 {ahead} 秒", last.time),
            format!("the last event was recorded at {}, {ahead} s after this machine's clock", last.time),
            "timedatectl status",
        );
    } else {
        findings.good("clock", format!("{now}"), format!("{now}"));
    }
}

fn outbox(folder: &Folder, findings: &mut Findings<'_>) {
    let read = || -> Result<_, Failure> {
        let outbox = Outbox::open_reader(folder.outbox())?;
        outbox.quick_check()?;
        // A log that cannot be read has a line of its own.
        let lost = Embedded::open_reader(folder.log()).map_or(Ok(None), |log| compare(&outbox, &log))?;
        Ok((outbox.counts()?, lost))
    };
    let counts = match read() {
        Ok((_, Some(LostEnd { head, position, .. }))) => {
            return findings.warning(
                "outbox",
                format!("日志只到位置 {head}，而发件箱已写到 {position}；下一条命令会重新写入缺少的事件"),
                format!("the log ends at position {head}, but the outbox has published up to {position}; the next command publishes again what is missing"),
                "fengsui case list",
            );
        }
        Ok((counts, None)) => Ok(counts),
        Err(failure) => Err(failure),
    };
    match counts {
        Ok(counts) if counts.pending > 0 => findings.warning(
            "outbox",
            format!("{} 个事件尚未写入日志，下一条命令会继续", counts.pending),
            format!("{} events are not yet on the log; the next command goes on", counts.pending),
            "fengsui log head",
        ),
        Ok(counts) => {
            findings.good("outbox", format!("已发出 {} 个事件", counts.sent), format!("{} events sent", counts.sent));
        }
        Err(failure) => findings.broken("outbox", &failure),
    }
}

fn model(folder: &Folder, head: Option<u64>, findings: &mut Findings<'_>) -> Option<Registry> {
    let read = || -> Result<_, Failure> {
        let reader = Reader::open(&folder.model())?;
        reader.quick_check()?;
        let (progress, registry) = reader.view().progress()?;
        let anomalies: u64 =
            reader.view().anomaly_counts()?.iter().filter(|(_, notice, _)| !notice).map(|(_, _, count)| count).sum();
        Ok((progress.position, registry, anomalies))
    };
    let (position, registry, anomalies) = match read() {
        Ok(read) => read,
        Err(failure) => {
            findings.broken("model", &failure);
            return None;
        }
    };
    match head {
        Some(head) if position > head => findings.add(
            "model",
            State::Broken,
            format!("查询库在位置 {position}，日志只到 {head}：日志不对或已缩短"),
            format!("the tables stand at position {position}, the log ends at {head}: another or a shortened log"),
            Some("fengsui replay".to_owned()),
        ),
        Some(head) if position < head => findings.warning(
            "model",
            format!("查询库在位置 {position}，日志到 {head}，下一条命令会跟上"),
            format!("the tables stand at position {position}, the log at {head}; the next command goes on"),
            "fengsui log head",
        ),
        _ => findings.good("model", format!("至位置 {position}"), format!("up to position {position}")),
    }
    if anomalies > 0 {
        findings.warning(
            "anomalies",
            format!("{anomalies} 个事件无效"),
            format!("{anomalies} events had no effect"),
            "fengsui anomaly list",
        );
    } else {
        findings.good("anomalies", "无", "none");
    }
    Some(registry.unwrap_or_else(|| fengsui_node::node::genesis(folder.exchange())))
}

fn keys(folder: &Folder, registry: &Registry, findings: &mut Findings<'_>) {
    let agencies = agencies_with_keys(folder);
    if !agencies.contains(&folder.node().agency) {
        let agency = folder.node().agency;
        let path = folder.key(agency);
        let error = fengsui_node::keys::KeyFileError::NotFound { path };
        findings.broken("key", &error.into());
    }
    for agency in agencies {
        match SigningKey::load(&folder.key(agency)) {
            Err(error) => findings.broken("key", &error.into()),
            Ok(key) => {
                let known = registry.keys.get(&key.keyid()).filter(|known| known.agency == agency);
                let good = known.is_some_and(|known| known.until.is_none()) && registry.is_active(&agency);
                if good {
                    findings.good("key", format!("{agency} 已登记"), format!("{agency} is registered"));
                } else if known.is_some_and(|known| known.until.is_some()) {
                    findings.warning(
                        "key",
                        format!("{agency} 的密钥已失效"),
                        format!("the key of {agency} has ended"),
                        &format!("fengsui --agency {agency} agency rotate-key"),
                    );
                } else {
                    let region = folder.exchange().region;
                    findings.warning(
                        "key",
                        format!("{agency} 的密钥未登记或部门已停用"),
                        format!("the key of {agency} is not registered, or the agency is suspended"),
                        &format!("fengsui agency register {agency} --region {region} --key {}", key.public()),
                    );
                }
            }
        }
    }
}

fn rules(registry: &Registry, findings: &mut Findings<'_>) {
    let today = day_of(findings.session.now);
    let book = match registry.rulebook(today) {
        Ok(book) => book,
        Err(error) => {
            let zh = format!("{today} 没有生效的规则");
            findings.add("rulebook", State::Broken, zh, error.to_string(), Some("fengsui rulebook show".to_owned()));
            return;
        }
    };
    findings.good("rulebook", format!("{} 生效", book.version()), format!("{} is in force", book.version()));
    for year in [today.year(), today.year() + 1] {
        let first = fengsui_event::Date::new(year, 1, 1);
        let covered = first.is_ok_and(|first| book.is_working_day(first).is_some());
        if covered {
            findings.good("calendar", format!("{year} 年已有工作日安排"), format!("{year} is settled"));
        } else {
            findings.warning(
                "calendar",
                format!("规则中没有 {year} 年的放假安排，期限按周一至周五暂定"),
                format!("the rulebook has no notice for {year}: terms take weekdays for working days"),
                "fengsui rulebook show --text",
            );
        }
    }
}

fn show(session: &Session, findings: &[Finding]) -> Result<(), Failure> {
    let output = &session.output;
    if output.json() {
        let broken = findings.iter().any(|finding| finding.state == State::Broken);
        return output.document(&json!({"good": !broken, "findings": findings}));
    }
    for Finding { check, state, text, advice } in findings {
        let state = match state {
            State::Good => output.say("正常", "good"),
            State::Warning => output.say("注意", "warning"),
            State::Broken => output.say("故障", "broken"),
        };
        let advice = advice.as_ref().map_or_else(String::new, |advice| format!("\t{advice}"));
        output.line(&format!("{state}\t{check}\t{}{advice}", crate::output::one_line(text)))?;
    }
    Ok(())
}
