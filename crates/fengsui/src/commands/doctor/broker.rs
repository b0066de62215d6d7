//! The broker of a node: whether it lets the node in, promises what the log needs, and holds what the node's copy holds.

use fengsui_event::{Event, Timestamp};
use fengsui_log::jetstream::{Broker, BrokerError, Stream, StreamState};
use fengsui_log::{Embedded, EventLog as _, Position};
use fengsui_node::NodeError;
use fengsui_node::folder::Folder;
use fengsui_node::outbox::Outbox;
use fengsui_node::station::copy::{Difference, compare_at_start};
use fengsui_node::station::recovery::ranges;
use fengsui_node::station::redraw::{losses, set_aside_folder};
use serde_json::Value;

use super::{Findings, SKEW_SECONDS_MAX, State};
use crate::exit::Failure;

/// Looks at the way to the stream, and at the stream.
pub fn examine(folder: &Folder, findings: &mut Findings<'_>) {
    set_aside(folder, findings);
    let connected = fengsui_node::broker::options(folder)
        .map_err(NodeError::from)
        .and_then(|options| Ok(Broker::connect(options)?));
    let broker = match connected {
        Ok(broker) => broker,
        Err(error) => return findings.broken("connection", &error.into()),
    };
    let (servers, version) = (broker.servers().to_owned(), broker.server_version().unwrap_or_default());
    findings.good(
        "connection",
        format!("{servers}，nats-server {version}"),
        format!("{servers}, nats-server {version}"),
    );
    match Stream::open(&broker, folder.exchange().region) {
        Ok(stream) => {
            guarantees_hold(&stream, findings);
            clock(&stream, findings);
            state(&stream, findings);
            copy(folder, &stream, findings);
        }
        Err(BrokerError::Guarantees { missing, .. }) => {
            for missing in missing {
                let (what, found, expected) = (missing.what, missing.found, missing.expected);
                findings.add(
                    "stream",
                    State::Broken,
                    format!("{what} 为 {found}，应为 {expected}"),
                    format!("{what} is {found}, expected {expected}"),
                    Some(missing.mend),
                );
            }
        }
        Err(error) => findings.broken("stream", &NodeError::from(error).into()),
    }
}

/// What no client of a broker can see is said to be so, with the command that shows it on the server's own machine.
fn guarantees_hold(stream: &Stream, findings: &mut Findings<'_>) {
    let name = stream.name();
    findings.add(
        "stream",
        State::Good,
        format!("{name} 符合日志的全部要求；服务器是否每次写入都落盘（sync_interval: always）须在服务器上查看"),
        format!(
            "{name} promises what the log needs; whether its server syncs every write (sync_interval: always) only the server itself shows"
        ),
        Some("curl -s http://127.0.0.1:8222/varz | grep sync_always".to_owned()),
    );
}

/// The server's clock, by the time of its answer: half of the way there and back may be wrong.
fn clock(stream: &Stream, findings: &mut Findings<'_>) {
    let asked = Timestamp::now();
    let Some(there) = server_time(stream) else { return };
    let took = Timestamp::now().duration_since(asked).as_secs();
    let difference = there.duration_since(asked).as_secs();
    if difference < -SKEW_SECONDS_MAX || difference > SKEW_SECONDS_MAX + took {
        findings.warning(
            "server_clock",
            format!("服务器时钟 {there} 与本机时钟 {asked} 相差 {difference} 秒"),
            format!("the server's clock says {there}, this machine's {asked}: {difference} s apart"),
            "timedatectl status",
        );
    } else {
        findings.good("server_clock", format!("{there}"), format!("{there}"));
    }
}

fn server_time(stream: &Stream) -> Option<Timestamp> {
    let broker = stream.broker();
    let question = format!("$JS.API.STREAM.INFO.{}", stream.name());
    let answer = broker.runtime().block_on(broker.client().request(question, Vec::new().into())).ok()?;
    serde_json::from_slice::<Value>(&answer.payload).ok()?["ts"].as_str()?.parse().ok()
}

fn state(stream: &Stream, findings: &mut Findings<'_>) {
    let StreamState { first, last, missing, replicas, leader, .. } = match stream.state() {
        Ok(state) => state,
        Err(error) => return findings.broken("positions", &NodeError::from(error).into()),
    };
    let last = last.map_or(0, Position::get);
    if missing > 0 {
        let first = first.map_or(0, Position::get);
        findings.add(
            "positions",
            State::Broken,
            format!("消息流至位置 {last}，但缺少其中 {missing} 个位置（现存首位 {first}）：服务器丢失或有人删除了事件"),
            format!(
                "the stream goes up to position {last} and lacks {missing} of its positions (the first that it holds is {first}): \
                 the broker lost events, or somebody removed them"
            ),
            Some(format!("fengsui log copy --from {} --to holes.sqlite", stream.broker().servers().replace(' ', ""))),
        );
    } else {
        findings.good("positions", format!("至位置 {last}，无缺失"), format!("up to position {last}, without gaps"));
    }
    let behind: Vec<&str> =
        replicas.iter().filter(|replica| replica.offline || !replica.current).map(|replica| &*replica.name).collect();
    if leader.is_none() || !behind.is_empty() {
        let names = behind.join(", ");
        findings.warning(
            "replicas",
            format!("集群中未跟上的服务器：{names}；主服务器：{}", leader.as_deref().unwrap_or("无")),
            format!(
                "servers of the cluster that lag behind: {names}; the leader is {}",
                leader.as_deref().unwrap_or("nobody")
            ),
            "nats server report jetstream",
        );
    }
}

fn copy(folder: &Folder, stream: &Stream, findings: &mut Findings<'_>) {
    let compared = || -> Result<(Option<Difference>, u64, u64), NodeError> {
        let copy = Embedded::open_reader(folder.log())?;
        let difference = compare_at_start(&copy, stream)?;
        let behind = (stream.head()?.map_or(0, Position::get), copy.head()?.map_or(0, Position::get));
        Ok((difference, behind.0, behind.1))
    };
    match compared() {
        Err(error) => findings.broken("copy", &error.into()),
        Ok((Some(difference), ..)) => {
            let (zh, en) = of_difference(difference);
            findings.add("copy", State::Broken, zh, en, Some("fengsui node run".to_owned()));
        }
        Ok((None, stream, copy)) if stream > copy => findings.warning(
            "copy",
            format!("首尾与消息流一致，落后 {} 个位置", stream - copy),
            format!("the same as the stream at start and end, and {} positions behind", stream - copy),
            "fengsui log head",
        ),
        Ok(_) => findings.good("copy", "首尾与消息流一致", "the same as the stream at start and end"),
    }
}

fn of_difference(difference: Difference) -> (String, String) {
    match difference {
        Difference::Shorter { stream, copy } => (
            format!(
                "消息流只到位置 {stream}，而本节点的复制件到 {copy}：消息流被恢复为较早的状态；运行节点会补发本节点的事件"
            ),
            format!(
                "the stream ends at position {stream}, this node's copy at {copy}: the stream was put back to an older state; \
                 a running node publishes what is its own again"
            ),
        ),
        Difference::Differs { position } => (
            format!("位置 {position} 与消息流不同：消息流被恢复或改动；运行节点会重新建立复制件，并保留旧件"),
            format!(
                "position {position} is another than the stream's: the stream was restored or changed; a running node draws the copy again \
                 and keeps the old one"
            ),
        ),
        Difference::OtherStream => (
            "消息流从第一个位置起就不同：这不是本节点复制件所出自的消息流".to_owned(),
            "the stream differs from the first position on: it is not the one that this node's copy was drawn from"
                .to_owned(),
        ),
    }
}

/// Copies that were set aside, as long as something of them is not on the log again.
fn set_aside(folder: &Folder, findings: &mut Findings<'_>) {
    let Ok(copy) = Embedded::open_reader(folder.log()) else { return };
    for loss in losses(folder) {
        let is_gone = |id| copy.find(id).is_ok_and(|positions| positions.is_empty());
        let gone: Vec<u64> = loss.lost.iter().filter(|lost| is_gone(lost.id)).map(|lost| lost.position).collect();
        let Some(first) = gone.first() else { continue };
        let (count, positions, aside) = (gone.len(), ranges(gone.iter().copied()), set_aside_folder(folder));
        let name = loss.found.strftime("%Y%m%dT%H%M%SZ");
        findings.warning(
            "lost",
            format!("{}：消息流丢失了旧复制件中位置 {positions} 的 {count} 个事件，至今没有节点补发", loss.found),
            format!(
                "{}: the stream had lost events, and {count} of them (positions {positions} of the old copy) no node has published again",
                loss.found
            ),
            &format!("fengsui log show {first} --from {}/{name}/log.sqlite", aside.display()),
        );
    }
}

/// What waits to be published.
pub fn outbox(folder: &Folder, findings: &mut Findings<'_>) {
    let read = || -> Result<_, Failure> {
        let outbox = Outbox::open_reader(folder.outbox())?;
        outbox.quick_check()?;
        let first = outbox.pending(1)?.pop();
        let oldest = first.and_then(|first| Event::parse(&first.record.bytes).ok()).map(|event| event.time);
        Ok((outbox.counts()?, oldest))
    };
    match read() {
        Err(failure) => findings.broken("outbox", &failure),
        Ok((counts, oldest)) if counts.pending > 0 => {
            let since = oldest.map_or_else(String::new, |time| time.to_string());
            findings.warning(
                "outbox",
                format!("{} 个事件待发布，最早记录于 {since}", counts.pending),
                format!("{} events wait to be published, the first recorded at {since}", counts.pending),
                "fengsui node status",
            );
        }
        Ok((counts, _)) => {
            findings.good("outbox", format!("已发出 {} 个事件", counts.sent), format!("{} events sent", counts.sent));
        }
    }
}
