//! How the running node is, seen from another process.

use std::time::{Duration, Instant};

use fengsui_event::{Language, Timestamp};
use fengsui_log::StorageError;
use fengsui_log::embedded::LOG_FILE;
use fengsui_log::storage::WriterLock;
use fengsui_node::NodeError;
use fengsui_node::folder::Folder;
use fengsui_node::notify::NotifyStatus;
use fengsui_node::outbox::{Counts, Outbox};
use fengsui_node::station::recovery::ranges;
use fengsui_node::station::redraw::{Loss, losses, set_aside_folder};
use fengsui_node::station::status::{Status, Trouble};
use serde_json::{Value, json};

use super::{notices, wait};
use crate::arguments::node::NodeStatusArguments;
use crate::commands::history::local_time;
use crate::exit::{Exit, Failure};
use crate::output::{Facts, Output};
use crate::session::Session;

/// Between looks at a node that is waited for.
const LOOK_INTERVAL: Duration = Duration::from_millis(50);

/// Whether a node runs on a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Life {
    /// The process that wrote the status is at work.
    Runs,
    /// No process is at work.
    Ended,
    /// Another process is using the folder: a command, or a node that has said nothing yet.
    Other(Option<u32>),
}

/// Everything that is to be seen from beside.
struct Seen {
    life: Life,
    status: Option<Status>,
    /// What waits now, also when no node says so.
    waiting: Waiting,
    losses: Vec<Loss>,
    notices: Option<NotifyStatus>,
    now: Timestamp,
}

/// What the outbox holds.
pub(super) struct Waiting {
    pub(super) counts: Counts,
    pub(super) oldest: Option<Timestamp>,
}

/// Shows how the node is, once what is waited for has come or has not come in time.
pub fn run(session: &Session, arguments: &NodeStatusArguments) -> Result<Exit, Failure> {
    let folder = Folder::open(&session.global.data)?;
    if folder.node().broker.is_none() {
        return Err(NodeError::NoBroker { root: folder.root().to_owned() }.into());
    }
    let (seen, has_come) = match arguments.wait {
        None => (Seen::of(&folder)?, true),
        Some(seconds) => await_settled(&folder, session.now, Duration::from_secs(seconds))?,
    };
    let output = &session.output;
    if output.json() {
        output.document(&seen.json())?;
    } else {
        seen.facts(output).show(output)?;
        seen.show_alarms(output)?;
        seen.show_losses(output, &folder)?;
        if let Some(notices) = &seen.notices {
            notices::show(output, notices)?;
        }
    }
    let exit = exit_of(seen.life, seen.trouble());
    if has_come || exit != Exit::Done {
        return Ok(exit);
    }
    output.note(
        "等待时间已到，仍有事件待发布，或消息流的事件尚未全部计入",
        "the time is over, and some events still wait to be published, or some of the stream are not in the tables",
    );
    Ok(Exit::KeptForLater)
}

/// Looks again and again until the node has settled, at most as long as it is waited for. Says whether it has.
fn await_settled(folder: &Folder, since: Timestamp, patience: Duration) -> Result<(Seen, bool), Failure> {
    let began = Instant::now();
    let mut waiting = wait::Settling::since(since);
    loop {
        let seen = Seen::of(folder)?;
        let status = seen.status.as_ref().filter(|_| seen.life == Life::Runs);
        if seen.trouble().is_none() && waiting.is_over(status, seen.waiting.oldest, Timestamp::now()) {
            return Ok((seen, true));
        }
        let left = patience.saturating_sub(began.elapsed());
        if left.is_zero() {
            return Ok((seen, false));
        }
        std::thread::sleep(LOOK_INTERVAL.min(left));
    }
}

impl Seen {
    fn of(folder: &Folder) -> Result<Self, Failure> {
        // The status is read before the lock is tried: a node that ends in between has ended, whatever it said.
        let status = Status::read(folder.root());
        let now = Timestamp::now();
        let life = life(folder, status.as_ref(), now)?;
        Ok(Self {
            life,
            status,
            waiting: Waiting::of(folder)?,
            losses: losses(folder),
            notices: notices::of(folder)?,
            now,
        })
    }

    /// Why a node that runs is not ready.
    fn trouble(&self) -> Option<Trouble> {
        self.status.as_ref().filter(|_| self.life == Life::Runs).and_then(|status| status.readiness(self.now))
    }

    fn json(&self) -> Value {
        let runs = self.life == Life::Runs;
        let in_use_by = match self.life {
            Life::Other(pid) => pid,
            Life::Runs | Life::Ended => None,
        };
        let Waiting { counts, oldest } = &self.waiting;
        json!({
            "running": runs,
            "ready": runs && self.trouble().is_none(),
            "trouble": self.trouble(),
            "in_use_by": in_use_by,
            "pending": counts.pending,
            "oldest_pending": oldest,
            "status": self.status,
            "set_aside": self.losses,
            "notices": self.notices,
        })
    }

    fn facts(&self, output: &Output) -> Facts {
        let mut facts = Facts::new();
        facts.add(output.say("状态", "state"), self.state(output.language()));
        let Waiting { counts, oldest } = &self.waiting;
        facts.add(output.say("发件箱待发", "pending"), counts.pending);
        facts.add_some(output.say("最早待发", "oldest pending"), oldest.map(local_time));
        facts.add(output.say("已发布", "published"), counts.sent);
        let Some(status) = &self.status else { return facts };
        facts.add(output.say("部门", "agency"), status.agency);
        facts.add(output.say("消息服务器", "broker"), status.broker.servers.join(" "));
        if self.life == Life::Runs {
            add_process(output, &mut facts, status);
        } else {
            facts.add(output.say("以下截至", "what follows is of"), local_time(status.written));
        }
        add_log(output, &mut facts, status);
        add_checkpoints(output, &mut facts, status);
        facts.add(output.say("本节点链号", "chain"), status.outbox.sequence);
        facts.add_some(output.say("链首哈希", "chain head"), status.outbox.chain_head.as_ref());
        facts
    }

    fn state(&self, language: Language) -> String {
        let lag = self.status.as_ref().map_or(0, |status| status.log.lag);
        let (zh, en) = match (self.life, self.trouble()) {
            (Life::Ended, _) => (
                "未运行；请执行 `fengsui node run`".to_owned(),
                "does not run; start it with `fengsui node run`".to_owned(),
            ),
            (Life::Other(pid), _) => {
                let pid = pid.map_or_else(String::new, |pid| format!(" {pid}"));
                (
                    format!("未运行；进程{pid} 正在使用该文件夹：一条命令，或刚启动的节点"),
                    format!("does not run; process{pid} is using the folder: a command, or a node that is starting"),
                )
            }
            (Life::Runs, None) => ("运行正常".to_owned(), "runs and is ready".to_owned()),
            (Life::Runs, Some(Trouble::Silent)) => (
                "进程仍在，但已无响应；请结束该进程后重新启动".to_owned(),
                "the process is there but says nothing any more: end it and start it again".to_owned(),
            ),
            (Life::Runs, Some(Trouble::Stalled)) => (
                format!("运行，但查询库停滞，落后 {lag} 个位置；请查看日志后重新启动"),
                format!(
                    "runs, but the tables do not move though they are {lag} positions behind: see the log, and start it again"
                ),
            ),
            (Life::Runs, Some(Trouble::Alarm)) => {
                ("运行，但有告警需要处理".to_owned(), "runs, but somebody must see to its alarms".to_owned())
            }
            (Life::Runs, Some(Trouble::Disconnected)) => (
                "运行，但无法连接消息流；命令照常受理，存于发件箱".to_owned(),
                "runs, but the stream is out of reach; commands are accepted and wait in the outbox".to_owned(),
            ),
            (Life::Runs, Some(Trouble::Behind)) => (
                format!("运行，正在跟上消息流，还差 {lag} 个位置"),
                format!("runs and is catching up with the stream: {lag} positions to go"),
            ),
        };
        language.pick(zh, en)
    }

    fn show_alarms(&self, output: &Output) -> Result<(), Failure> {
        let alarms = self.status.as_ref().map_or(&[][..], |status| &status.alarms);
        if alarms.is_empty() {
            return Ok(());
        }
        output.heading(output.say("告警", "alarms"))?;
        for alarm in alarms {
            let message = output.say(&alarm.message_zh, &alarm.message_en);
            let message = crate::output::one_line(message);
            output.line(&format!("{}\t{}\t{message}", local_time(alarm.since), alarm.code))?;
        }
        Ok(())
    }

    fn show_losses(&self, output: &Output, folder: &Folder) -> Result<(), Failure> {
        if self.losses.is_empty() {
            return Ok(());
        }
        let place = set_aside_folder(folder);
        output.heading(&format!("{} {}", output.say("留存的旧副本：", "copies set aside in"), place.display()))?;
        for loss in &self.losses {
            let positions = ranges(loss.lost.iter().map(|lost| lost.position));
            let (lost, old, new) = (loss.lost.len(), loss.old_head, loss.new_head);
            let text = output.language().pick(
                format!("旧副本至 {old}，消息流至 {new}；消息流缺少 {lost} 个事件：{positions}"),
                format!("up to {old}, the stream up to {new}; events that the stream had lost: {lost}, at {positions}"),
            );
            output.line(&format!("{}\t{text}", local_time(loss.found)))?;
        }
        Ok(())
    }
}

impl Waiting {
    pub(super) fn of(folder: &Folder) -> Result<Self, Failure> {
        if !folder.outbox().exists() {
            return Ok(Self { counts: Counts { pending: 0, sent: 0 }, oldest: None });
        }
        let outbox = Outbox::open_reader(folder.outbox())?;
        Ok(Self { counts: outbox.counts()?, oldest: outbox.oldest_pending()? })
    }
}

fn add_checkpoints(output: &Output, facts: &mut Facts, status: &Status) {
    let checkpoints = status.checkpoints;
    if checkpoints.newest == 0 {
        return;
    }
    facts.add(output.say("检查点", "checkpoint"), checkpoints.newest);
    let standing = format!("{}/{}", checkpoints.cosigned, checkpoints.needed);
    facts.add(output.say("会签部门/需要", "cosigned/needed"), standing);
    facts.add(output.say("半数以上会签至", "witnessed"), checkpoints.witnessed);
    facts.add(output.say("未覆盖事件", "not covered"), checkpoints.uncovered);
}

fn add_process(output: &Output, facts: &mut Facts, status: &Status) {
    let broker = &status.broker;
    let connected =
        if broker.connected { output.say("已连接", "connected") } else { output.say("未连接", "not connected") };
    facts.add(output.say("连接", "connection"), connected);
    facts.add_some(output.say("原因", "reason"), broker.error.as_ref());
    facts.add(output.say("重新连接次数", "reconnects"), broker.reconnects);
    facts.add(output.say("重新订阅次数", "resubscriptions"), broker.resubscribed);
    facts.add(output.say("进程", "process"), status.pid);
    facts.add(output.say("启动时间", "since"), local_time(status.started));
    facts.add(output.say("程序版本", "version"), &status.version);
    let mebibytes = status.memory_bytes.map(|bytes| format!("{} MiB", bytes >> 20));
    facts.add_some(output.say("内存", "memory"), mebibytes);
    facts.add_some("HTTP", status.http);
}

fn add_log(output: &Output, facts: &mut Facts, status: &Status) {
    let log = &status.log;
    facts.add(output.say("消息流位置", "stream"), log.stream);
    facts.add(output.say("副本位置", "copy"), log.copy);
    facts.add(output.say("查询库位置", "tables"), log.applied);
    facts.add(output.say("落后", "lag"), log.lag);
    facts.add_some(
        output.say("停滞", "stalled"),
        (log.stalled_ms >= 1_000).then(|| format!("{} s", log.stalled_ms / 1_000)),
    );
    facts.add(output.say("无效事件", "without effect"), log.without_effect);
}

pub(super) fn life(folder: &Folder, status: Option<&Status>, now: Timestamp) -> Result<Life, Failure> {
    match WriterLock::acquire(&LOG_FILE, &folder.log()) {
        Ok(_) => Ok(Life::Ended),
        Err(StorageError::SecondWriter { pid, .. }) => {
            let is_its_own = status.is_some_and(|status| pid.is_none_or(|pid| pid == status.pid));
            Ok(if is_its_own { Life::Runs } else { Life::Other(pid) })
        }
        // Whoever may only read the folder can still see how old the status is.
        Err(StorageError::NotWritable { .. }) => {
            let is_fresh = status.is_some_and(|status| status.health(now) != Some(Trouble::Silent));
            Ok(if is_fresh { Life::Runs } else { Life::Ended })
        }
        Err(error) => Err(error.into()),
    }
}

fn exit_of(life: Life, trouble: Option<Trouble>) -> Exit {
    match (life, trouble) {
        (Life::Runs, None) => Exit::Done,
        (Life::Runs, Some(Trouble::Disconnected | Trouble::Behind)) => Exit::KeptForLater,
        _ => Exit::Failed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::node::example;

    fn seen(life: Life, change: impl FnOnce(&mut Status)) -> Seen {
        let (mut status, now) = example();
        status.alarms.clear();
        status.broker.connected = true;
        change(&mut status);
        let waiting = Waiting { counts: Counts { pending: 4, sent: 60 }, oldest: status.outbox.oldest };
        Seen { life, status: Some(status), waiting, losses: Vec::new(), notices: None, now }
    }

    #[test]
    fn each_state_has_its_exit_and_says_what_to_do() {
        let check = |seen: &Seen, exit: Exit, en: &str, zh: &str| {
            assert_eq!(exit_of(seen.life, seen.trouble()), exit, "{en}");
            let (told_en, told_zh) = (seen.state(Language::En), seen.state(Language::Zh));
            assert!(told_en.contains(en) && told_zh.contains(zh), "{told_en}\n{told_zh}");
        };
        check(&seen(Life::Runs, |_| ()), Exit::Done, "runs and is ready", "运行正常");
        check(&seen(Life::Ended, |_| ()), Exit::Failed, "`fengsui node run`", "`fengsui node run`");
        check(&seen(Life::Other(Some(12)), |_| ()), Exit::Failed, "process 12 is using", "进程 12 正在使用");
        let cut = seen(Life::Runs, |status| status.broker.connected = false);
        check(&cut, Exit::KeptForLater, "wait in the outbox", "存于发件箱");
        let behind = seen(Life::Runs, |status| status.log.lag = 1_001);
        check(&behind, Exit::KeptForLater, "1001 positions to go", "还差 1001 个位置");
        let stalled = seen(Life::Runs, |status| status.log.stalled_ms = 30_001);
        check(&stalled, Exit::Failed, "do not move", "停滞");
        let silent = seen(Life::Runs, |status| status.written = status.started);
        check(&silent, Exit::Failed, "says nothing any more", "无响应");
        let alarmed = seen(Life::Runs, |status| status.alarms = example().0.alarms);
        check(&alarmed, Exit::Failed, "alarms", "告警");
    }

    #[test]
    fn what_a_node_said_before_it_ended_makes_it_neither_running_nor_ready() {
        let json = seen(Life::Ended, |_| ()).json();
        assert_eq!((json["running"].as_bool(), json["ready"].as_bool()), (Some(false), Some(false)));
        assert_eq!(json["status"]["log"]["stream"], 120);
        let json = seen(Life::Runs, |_| ()).json();
        assert_eq!((json["running"].as_bool(), json["ready"].as_bool()), (Some(true), Some(true)));
        assert_eq!((json["pending"].as_u64(), json["trouble"].is_null()), (Some(4), true));
    }
}
