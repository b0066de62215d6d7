//! The node for a monitoring system: one line, and the exit codes that the plugins of Nagios, Icinga and their kin have
//! (Monitoring Plugins Development Guidelines). They are not those of the other commands.

use std::path::Path;

use fengsui_event::Language;
use fengsui_event::Timestamp;
use fengsui_node::NodeError;
use fengsui_node::folder::Folder;
use fengsui_node::station::status::{Status, Trouble};
use serde::Serialize;
use serde_json::json;

use super::status::{Life, Waiting, life};
use crate::arguments::node_check::{NodeCheckArguments, Thresholds};
use crate::exit::{Exit, Failure};
use crate::output::one_line;
use crate::session::Session;

/// How grave it is; the graver, the later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "UPPERCASE")]
enum Grade {
    Ok,
    Warning,
    Critical,
    Unknown,
}

impl Grade {
    fn name(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Warning => "WARNING",
            Self::Critical => "CRITICAL",
            Self::Unknown => "UNKNOWN",
        }
    }

    /// A plugin's exit codes. The names on the right mean something else here, only their numbers count: 0, 1, 2, 3.
    fn exit(self) -> Exit {
        match self {
            Self::Ok => Exit::Done,
            Self::Warning => Exit::Failed,
            Self::Critical => Exit::Usage,
            Self::Unknown => Exit::Partial,
        }
    }
}

/// Something that is not as it should be.
#[derive(Debug, Serialize)]
struct Problem {
    check: &'static str,
    grade: Grade,
    message: String,
}

/// A number for the monitoring system's curves.
#[derive(Debug, Serialize)]
struct Measure {
    name: &'static str,
    value: u64,
    unit: &'static str,
    warning: Option<String>,
    critical: Option<String>,
}

/// What is known of a node.
struct Known {
    life: Life,
    status: Option<Status>,
    pending: u64,
    oldest: Option<Timestamp>,
    free_mebibytes: Option<u64>,
    now: Timestamp,
}

/// What came out.
struct Judged {
    problems: Vec<Problem>,
    measures: Vec<Measure>,
}

/// Looks at the node and says it in one line. It never ends with an error of another form, since nobody reads that.
pub fn run(session: &Session, arguments: &NodeCheckArguments) -> Result<Exit, Failure> {
    let language = session.language();
    match Known::of(session) {
        Ok(known) => show(session, judge(&known, arguments, language)),
        Err(failure) => {
            let message = failure.message(language);
            let problems = vec![Problem { check: "folder", grade: Grade::Unknown, message }];
            show(session, Judged { problems, measures: Vec::new() })
        }
    }
}

impl Known {
    fn of(session: &Session) -> Result<Self, Failure> {
        let folder = Folder::open(&session.global.data)?;
        if folder.node().broker.is_none() {
            return Err(NodeError::NoBroker { root: folder.root().to_owned() }.into());
        }
        // The status is read before the lock is tried, as in `node status`.
        let status = Status::read(folder.root());
        let now = Timestamp::now();
        let life = life(&folder, status.as_ref(), now)?;
        let Waiting { counts, oldest } = Waiting::of(&folder)?;
        let free_mebibytes = free_mebibytes(folder.root());
        Ok(Self { life, status, pending: counts.pending, oldest, free_mebibytes, now })
    }
}

#[cfg(unix)]
fn free_mebibytes(root: &Path) -> Option<u64> {
    let disk = rustix::fs::statvfs(root).ok()?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize) >> 20)
}

#[cfg(not(unix))]
fn free_mebibytes(_: &Path) -> Option<u64> {
    None
}

/// Decides.
fn judge(known: &Known, arguments: &NodeCheckArguments, language: Language) -> Judged {
    let mut judged = Judged { problems: Vec::new(), measures: Vec::new() };
    judged.process(known, language);
    let age = known.oldest.map_or(0, |oldest| known.now.duration_since(oldest).as_secs());
    let age = u64::try_from(age).unwrap_or(0);
    judged.measures.push(Measure { name: "pending", value: known.pending, unit: "", warning: None, critical: None });
    let zh = format!("发件箱中最早的事件已等待 {age} 秒（共 {} 个待发）", known.pending);
    let en = format!("the oldest of {} pending events has waited {age} s", known.pending);
    judged.at_most("pending_age", age, "s", arguments.pending_age, language.pick(zh, en));
    if let Some(free) = known.free_mebibytes {
        let text = language.pick(format!("磁盘剩余 {free} MiB"), format!("{free} MiB free on the disk"));
        judged.at_least("disk_free", free, "MB", arguments.disk, text);
    }
    if let Some(status) = known.status.as_ref().filter(|_| known.life == Life::Runs) {
        let lag = status.log.lag;
        let text = language.pick(
            format!("查询库落后消息流 {lag} 个位置"),
            format!("the tables are {lag} positions behind the stream"),
        );
        judged.at_most("lag", lag, "", arguments.lag, text);
        let open = status.checkpoints.unwitnessed;
        let text = language.pick(
            format!("{open} 个事件尚无会签足够的检查点涵盖"),
            format!("{open} events are covered by no checkpoint with enough cosignatures"),
        );
        judged.at_most("unwitnessed", open, "", arguments.unwitnessed, text);
        let alarms = status.alarms.len() as u64;
        judged.measures.push(Measure { name: "alarms", value: alarms, unit: "", warning: None, critical: None });
    }
    judged
}

impl Judged {
    fn problem(&mut self, check: &'static str, grade: Grade, message: String) {
        self.problems.push(Problem { check, grade, message });
    }

    /// Whether the node runs, answers and reaches the stream.
    fn process(&mut self, known: &Known, language: Language) {
        let status = match (known.life, &known.status) {
            (Life::Runs, Some(status)) => status,
            (Life::Other(_), _) => {
                let text = language.pick(
                    "节点未运行，文件夹正被另一进程使用",
                    "the node does not run; another process is using its folder",
                );
                return self.problem("running", Grade::Warning, text.to_owned());
            }
            _ => {
                let text = language.pick("节点未运行", "the node does not run");
                return self.problem("running", Grade::Critical, text.to_owned());
            }
        };
        match status.health(known.now) {
            Some(Trouble::Silent) => {
                let text = language.pick("节点已无响应", "the node says nothing any more");
                self.problem("running", Grade::Critical, text.to_owned());
            }
            Some(_) => {
                let text = language.pick("查询库停滞", "the tables do not move");
                self.problem("running", Grade::Critical, text.to_owned());
            }
            None => {}
        }
        for alarm in &status.alarms {
            let message = language.pick(&alarm.message_zh, &alarm.message_en);
            self.problem("alarm", Grade::Critical, format!("{}: {message}", alarm.code));
        }
        if !status.broker.connected {
            let text = language.pick("无法连接消息流", "the stream is out of reach");
            let reason = status.broker.error.as_ref().map(|error| format!(": {error}")).unwrap_or_default();
            self.problem("stream", Grade::Warning, format!("{text}{reason}"));
        }
    }

    fn at_most(&mut self, name: &'static str, value: u64, unit: &'static str, limits: Thresholds, text: String) {
        let Thresholds { warning, critical } = limits;
        if value >= critical {
            self.problem(name, Grade::Critical, text);
        } else if value >= warning {
            self.problem(name, Grade::Warning, text);
        }
        // A plugin's range `10` means: told when above 10.
        let above = |limit: u64| Some(limit.saturating_sub(1).to_string());
        self.measures.push(Measure { name, value, unit, warning: above(warning), critical: above(critical) });
    }

    fn at_least(&mut self, name: &'static str, value: u64, unit: &'static str, limits: Thresholds, text: String) {
        let Thresholds { warning, critical } = limits;
        if value < critical {
            self.problem(name, Grade::Critical, text);
        } else if value < warning {
            self.problem(name, Grade::Warning, text);
        }
        let (warning, critical) = (Some(format!("{warning}:")), Some(format!("{critical}:")));
        self.measures.push(Measure { name, value, unit, warning, critical });
    }

    fn grade(&self) -> Grade {
        self.problems.iter().map(|problem| problem.grade).max().unwrap_or(Grade::Ok)
    }

    /// The one line. A vertical bar separates text from numbers, so the text has none.
    fn line(&self, language: Language) -> String {
        let mut problems: Vec<&Problem> = self.problems.iter().collect();
        problems.sort_by_key(|problem| std::cmp::Reverse(problem.grade));
        let messages: Vec<String> =
            problems.iter().map(|problem| one_line(&problem.message).replace('|', "/")).collect();
        let text = if messages.is_empty() {
            language.pick("运行正常", "runs and is ready").to_owned()
        } else {
            messages.join("; ")
        };
        let measures: Vec<String> = self.measures.iter().map(Measure::text).collect();
        let numbers = if measures.is_empty() { String::new() } else { format!(" | {}", measures.join(" ")) };
        format!("FENGSUI {} - {text}{numbers}", self.grade().name())
    }
}

impl Measure {
    fn text(&self) -> String {
        let Self { name, value, unit, warning, critical } = self;
        match (warning, critical) {
            (Some(warning), Some(critical)) => format!("{name}={value}{unit};{warning};{critical};0"),
            _ => format!("{name}={value}{unit};;;0"),
        }
    }
}

fn show(session: &Session, judged: Judged) -> Result<Exit, Failure> {
    let grade = judged.grade();
    if session.output.json() {
        let Judged { problems, measures } = judged;
        session.output.document(&json!({"state": grade, "problems": problems, "measures": measures}))?;
    } else {
        session.output.line(&judged.line(session.language()))?;
    }
    Ok(grade.exit())
}

#[cfg(test)]
mod tests {
    use fengsui_event::Language::{En, Zh};

    use super::*;
    use crate::commands::node::example;

    fn known(change: impl FnOnce(&mut Known)) -> Known {
        let (mut status, now) = example();
        status.alarms.clear();
        status.broker.connected = true;
        let status = Some(status);
        let mut known = Known { life: Life::Runs, status, pending: 0, oldest: None, free_mebibytes: Some(9_000), now };
        change(&mut known);
        known
    }

    fn judged(change: impl FnOnce(&mut Known)) -> Judged {
        judge(&known(change), &arguments(), En)
    }

    fn arguments() -> NodeCheckArguments {
        let limits = |warning, critical| Thresholds { warning, critical };
        NodeCheckArguments {
            lag: limits(10, 100),
            pending_age: limits(30, 60),
            unwitnessed: limits(20, 200),
            disk: limits(512, 128),
        }
    }

    fn change(known: &mut Known, change: impl FnOnce(&mut Status)) {
        if let Some(status) = known.status.as_mut() {
            change(status);
        }
    }

    #[test]
    fn a_node_that_is_well_is_one_line_with_its_numbers() {
        let found = judged(|_| ());
        assert_eq!((found.grade(), found.grade().exit() as u8), (Grade::Ok, 0));
        assert_eq!(
            found.line(En),
            "FENGSUI OK - runs and is ready | pending=0;;;0 pending_age=0s;29;59;0 disk_free=9000MB;512:;128:;0 \
             lag=3;9;99;0 unwitnessed=13;19;199;0 alarms=0;;;0"
        );
        assert!(found.line(Zh).starts_with("FENGSUI OK - 运行正常 | "));
    }

    #[test]
    fn each_limit_is_met_at_its_own_value() {
        let lag = |lag: u64| judged(|known| change(known, |status| status.log.lag = lag)).grade().exit() as u8;
        assert_eq!([9, 10, 99, 100].map(lag), [0, 1, 1, 2]);
        let open = |open: u64| judged(|known| change(known, |status| status.checkpoints.unwitnessed = open));
        assert_eq!([19, 20, 200].map(|count| open(count).grade().exit() as u8), [0, 1, 2]);
        let free = |free: u64| judged(|known| known.free_mebibytes = Some(free)).grade().exit() as u8;
        assert_eq!([512, 511, 128, 127].map(free), [0, 1, 1, 2]);
        let waited = |seconds: i64| {
            judged(|known| {
                known.pending = 1;
                known.oldest = Timestamp::from_second(known.now.as_second() - seconds).ok();
            })
        };
        assert_eq!([29, 30, 60].map(|seconds| waited(seconds).grade().exit() as u8), [0, 1, 2]);
    }

    #[test]
    fn what_ails_the_process_is_told_first() {
        let ended = judged(|known| known.life = Life::Ended);
        assert!(ended.line(En).starts_with("FENGSUI CRITICAL - the node does not run | "), "{}", ended.line(En));
        assert_eq!(judged(|known| known.life = Life::Other(Some(7))).grade(), Grade::Warning);
        let silent = judged(|known| change(known, |status| status.written = status.started));
        assert_eq!(silent.grade(), Grade::Critical);
        let stalled = judged(|known| change(known, |status| status.log.stalled_ms = 30_001));
        assert_eq!(stalled.grade(), Grade::Critical);
        let cut = judged(|known| change(known, |status| status.broker.connected = false));
        assert_eq!(cut.grade(), Grade::Warning);
        assert!(cut.line(En).contains("the stream is out of reach: no server answers | "), "{}", cut.line(En));
        let both = judged(|known| {
            known.free_mebibytes = Some(200);
            change(known, |status| status.alarms = example().0.alarms);
        });
        let line = both.line(En);
        assert!(line.starts_with("FENGSUI CRITICAL - missing: the stream lacks"), "{line}");
        assert!(line.contains("; 200 MiB free on the disk | "), "{line}");
    }
}
