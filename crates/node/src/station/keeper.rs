//! Keeping the node's copy of the stream, and the tables that are drawn from it.

use std::time::{Duration, Instant};

use fengsui_event::{Digest, Timestamp};
use fengsui_log::jetstream::{Broker, BrokerError, Stream, TailError};
use fengsui_log::{AppendError, Embedded, EventLog as _, Position, StorageError};
use fengsui_projector::{FollowOptions, Projector, Unwatched, Watcher};

use super::chain::foreign;
use super::comparing::Comparing;
use super::copy::{Difference, catch_up, compare_at_start, first_difference};
use super::recovery::ranges;
use super::redraw;
use super::shared::{Shared, lock};
use super::source_of;
use crate::folder::Folder;
use crate::node::{NodeError, OutOfReach, genesis, reach_stream};
use crate::outbox::Outbox;
use crate::reading::storage_of;

/// Records that are copied and folded together: several of the projector's chunks, so that some are verified while others are folded.
const BATCH: usize = 4_096;
/// Cases and accounts kept in memory, each at most twice as many: a node shares its machine with others, and what comes in from day to day
/// touches few of them.
const CACHED: usize = 4_096;
/// How long the stream is listened to before the keeper looks at other things.
const LISTENING: Duration = Duration::from_millis(200);
/// Between looks at the stream's own account of itself.
const STATE_INTERVAL: Duration = Duration::from_secs(1);
/// Between tries to reach the stream.
const REACH_INTERVAL: Duration = Duration::from_millis(250);
/// How long a server that is connected may not reach the stream before another one is tried. An election takes up to about so long.
const SERVER_PATIENCE: Duration = Duration::from_secs(5);
/// Between tries to go on after a full disk.
const DISK_INTERVAL: Duration = Duration::from_secs(2);
/// After which time a difference is looked at again before it is believed.
const CONFIRMATION: Duration = Duration::from_secs(2);

/// Why following ended.
enum End {
    /// The node is to end.
    Stopped,
    /// The stream cannot be reached.
    OutOfReach(String),
    /// The stream is no longer what the copy holds.
    Different(Difference),
}

/// The keeper's own files.
pub struct Keeper<'a> {
    shared: &'a Shared,
    broker: &'a Broker,
    /// None only while they change.
    files: Option<(Embedded, Projector)>,
    comparing: Comparing,
    /// The end of this node's chain on the log that was last found to be in its outbox.
    chain_seen: Option<Digest>,
}

impl<'a> Keeper<'a> {
    /// Takes the copy and brings the tables up to it.
    pub fn open(
        shared: &'a Shared,
        broker: &'a Broker,
        copy: Embedded,
        watcher: &mut dyn Watcher,
    ) -> Result<Self, NodeError> {
        let mut keeper = Self { shared, broker, files: None, comparing: Comparing::default(), chain_seen: None };
        keeper.take(copy, watcher)?;
        Ok(keeper)
    }

    fn take(&mut self, copy: Embedded, watcher: &mut dyn Watcher) -> Result<(), NodeError> {
        let exchange = self.shared.folder.exchange();
        redraw::complete(&self.shared.folder, &copy)?;
        let mut projector = Projector::open(&self.shared.folder.model(), genesis(exchange))?;
        projector.bound_caches(CACHED);
        projector.follow(&copy, FollowOptions::default(), watcher)?;
        let recovery = redraw::recovery(&self.shared.folder, &copy)?;
        *lock(&self.shared.recovery) = recovery;
        self.files = Some((copy, projector));
        self.note_far()?;
        Ok(())
    }

    /// Follows the stream until the node is to end.
    ///
    /// Errors: what no waiting mends, such as a damaged file or a stream that does not promise what it must.
    pub fn run(&mut self) -> Result<(), NodeError> {
        let mut cut_since = None;
        while !self.shared.stop.is_stopped() {
            let end = match reach_stream(&self.shared.folder, self.broker) {
                Ok(stream) => self.attend(&stream),
                Err(error @ BrokerError::Guarantees { .. }) => return Err(error.into()),
                Err(error) => Ok(End::OutOfReach(error.to_string())),
            };
            match self.weigh(end)? {
                End::Stopped => break,
                End::OutOfReach(reason) => {
                    if self.shared.stream().is_some() || !self.broker.is_connected() {
                        cut_since = None;
                    }
                    self.shared.disconnected(reason);
                    if cut_since.get_or_insert_with(Instant::now).elapsed() >= SERVER_PATIENCE {
                        self.broker.change_server();
                        cut_since = None;
                    }
                    std::thread::sleep(REACH_INTERVAL);
                }
                End::Different(difference) => self.settle(difference)?,
            }
        }
        Ok(())
    }

    /// What can be mended by waiting does not end a node.
    fn weigh(&mut self, end: Result<End, NodeError>) -> Result<End, NodeError> {
        let error = match end {
            Ok(end) => return Ok(end),
            Err(error) => error,
        };
        match &error {
            NodeError::Append(AppendError::CopyDiffers { position, .. })
            | NodeError::Tail(TailError::Differs { position, .. }) => {
                return Ok(End::Different(Difference::Differs { position: position.get() }));
            }
            NodeError::Tail(TailError::HeadWentBack { head, expected, .. }) => {
                let stream = head.map_or(0, Position::get);
                return Ok(End::Different(Difference::Shorter { stream, copy: expected.get() }));
            }
            NodeError::Broker(broker) | NodeError::Tail(TailError::Broker(broker)) => {
                return Ok(End::OutOfReach(broker.to_string()));
            }
            _ => {}
        }
        // While the copies changed places, a command that waited for this node took the folder for a moment.
        if self.files.is_none() && matches!(storage_of(&error), Some(StorageError::SecondWriter { .. })) {
            return Ok(End::OutOfReach(error.to_string()));
        }
        if matches!(storage_of(&error), Some(StorageError::DiskFull { .. } | StorageError::Busy { .. })) {
            let now = Timestamp::now();
            self.shared.alarm("disk_full", now, format!("磁盘已满：{error}"), format!("no room: {error}"));
            self.shared.disconnected(error.to_string());
            std::thread::sleep(DISK_INTERVAL);
            // What was not written is not in memory either once the tables are opened again.
            if let Some((copy, projector)) = self.files.take() {
                drop(projector);
                self.reopen(copy);
            }
            return Ok(End::OutOfReach(error.to_string()));
        }
        Err(error)
    }

    fn reopen(&mut self, copy: Embedded) {
        let genesis = genesis(self.shared.folder.exchange());
        match Projector::open(&self.shared.folder.model(), genesis) {
            Ok(mut projector) => {
                projector.bound_caches(CACHED);
                self.files = Some((copy, projector));
            }
            Err(error) => self.shared.disconnected(error.to_string()),
        }
    }

    fn files(&mut self) -> Result<&mut (Embedded, Projector), NodeError> {
        if self.files.is_none() {
            redraw::mend(&self.shared.folder)?;
            let copy = Embedded::open_writer(self.shared.copy_path())?;
            self.take(copy, &mut Unwatched)?;
        }
        self.files.as_mut().ok_or(NodeError::OutOfReach(OutOfReach::Changing))
    }

    fn attend(&mut self, stream: &Stream) -> Result<End, NodeError> {
        let (copy, projector) = self.files()?;
        // After a full disk the tables may be behind the copy.
        projector.follow(copy, FollowOptions::default(), &mut Unwatched)?;
        if let Some(difference) = compare_at_start(copy, stream)? {
            return Ok(End::Different(difference));
        }
        let next = Position::after(copy.head()?);
        self.comparing.reset();
        let mut tail = stream.tail(next);
        self.shared.all_clear("other_stream");
        self.shared.all_clear("disk_full");
        self.shared.connected(stream.clone());
        let mut looked = Instant::now();
        while !self.shared.stop.is_stopped() {
            let batch = tail.next(BATCH, LISTENING)?;
            let came = !batch.is_empty();
            self.fold(&batch)?;
            if looked.elapsed() >= STATE_INTERVAL {
                looked = Instant::now();
                self.shared.note_reconnects(self.broker.reconnects(), tail.resubscribed());
                if let Some(end) = self.look(stream, came)? {
                    return Ok(end);
                }
            }
        }
        Ok(End::Stopped)
    }

    /// Copies and folds what came.
    fn fold(&mut self, batch: &[fengsui_log::Stored]) -> Result<(), NodeError> {
        if batch.is_empty() {
            return Ok(());
        }
        let (copy, projector) = self.files()?;
        copy.append_copy(batch)?;
        projector.follow(copy, FollowOptions::default(), &mut Unwatched)?;
        let mut recovery = lock(&self.shared.recovery);
        if !recovery.is_whole() {
            for stored in batch {
                recovery.returned(stored.record.id);
            }
        }
        drop(recovery);
        self.note_far()
    }

    fn note_far(&mut self) -> Result<(), NodeError> {
        let (copy, projector) = self.files()?;
        let head = copy.head()?.map_or(0, Position::get);
        let progress = projector.progress();
        self.shared.note_far(|far| {
            far.copy = head;
            far.applied = progress.position;
            far.without_effect = progress.without_effect;
            far.stream = far.stream.max(head);
        });
        Ok(())
    }

    /// Looks at the stream's own account of itself, and again at what was copied before.
    fn look(&mut self, stream: &Stream, is_busy: bool) -> Result<Option<End>, NodeError> {
        let asked = Timestamp::now();
        let state = stream.state()?;
        let last = state.last.map_or(0, Position::get);
        self.shared.note_far(|far| {
            far.stream = last;
            far.looked = Some(asked);
        });
        self.tell_of_missing();
        self.tell_of_foreign()?;
        let (copy, _) = self.files()?;
        let head = copy.head()?.map_or(0, Position::get);
        if last < head {
            return Ok(Some(End::Different(if last == 0 {
                Difference::OtherStream
            } else {
                Difference::Shorter { stream: last, copy: head }
            })));
        }
        if is_busy || head == 0 {
            return Ok(None);
        }
        let Self { files, comparing, .. } = self;
        let Some((copy, _)) = files else { return Ok(None) };
        let found = comparing.step(copy, stream)?;
        Ok(found.map(|position| End::Different(Difference::Differs { position: position.get() })))
    }

    fn tell_of_missing(&self) {
        let now = Timestamp::now();
        let recovery = lock(&self.shared.recovery);
        let (is_whole, is_late) = (recovery.is_whole(), recovery.is_late(now));
        let positions = ranges(recovery.missing().map(|lost| lost.position));
        let mut sources: Vec<String> = recovery.missing().map(|lost| lost.source.clone()).collect();
        drop(recovery);
        if is_whole || is_late {
            self.shared.all_clear("recovering");
        }
        if is_whole {
            return self.shared.all_clear("missing");
        }
        sources.sort_unstable();
        sources.dedup();
        let (zh, en) = describe_missing(&positions, &sources.join(", "), is_late, &self.shared.folder);
        self.shared.alarm(if is_late { "missing" } else { "recovering" }, now, zh, en);
    }

    /// Looks whether this node's chain on the log goes on in its outbox.
    fn tell_of_foreign(&mut self) -> Result<(), NodeError> {
        let source = source_of(&self.shared.folder);
        let (_, projector) = self.files()?;
        let Some(on_log) = projector.registry().chains.get(&source).cloned() else { return Ok(()) };
        if self.chain_seen == on_log.head {
            return Ok(());
        }
        let outbox = Outbox::open_reader(self.shared.folder.outbox())?;
        if let Some(found) = foreign(&outbox, &source, &on_log)? {
            let (zh, en) = found.describe(&source);
            self.shared.alarm("chain_differs", Timestamp::now(), zh, en);
        } else {
            self.shared.all_clear("chain_differs");
            self.chain_seen = on_log.head;
        }
        Ok(())
    }

    /// The stream is another than the copy says.
    fn settle(&mut self, difference: Difference) -> Result<(), NodeError> {
        let now = Timestamp::now();
        let (_, message) = describe(difference);
        self.shared.disconnected(message);
        if difference == Difference::OtherStream {
            self.refuse_other_stream(now);
            return Ok(());
        }
        tracing::error!(difference = ?difference, "the stream has changed; the copy is drawn again and the old one set aside");
        let stream = match reach_stream(&self.shared.folder, self.broker) {
            Ok(stream) => stream,
            Err(error) => {
                self.shared.disconnected(error.to_string());
                return Ok(());
            }
        };
        // A server that has just become the leader may not know yet what it holds.
        std::thread::sleep(CONFIRMATION);
        let (copy, _) = self.files()?;
        match confirmed(copy, &stream, difference) {
            Ok(None) => return Ok(()),
            Ok(Some(Difference::OtherStream)) => {
                self.refuse_other_stream(now);
                return Ok(());
            }
            Ok(Some(_)) => {}
            Err(error) => return self.weigh(Err(error)).map(|_| ()),
        }
        let drawn = self.draw_again(&stream, now);
        self.weigh(drawn.map(|()| End::Stopped)).map(|_| ())
    }

    /// Nothing of an exchange's log goes to another one's stream, and nothing of that into the copy.
    fn refuse_other_stream(&self, now: Timestamp) {
        let (zh, en) = describe(Difference::OtherStream);
        self.shared.alarm("other_stream", now, zh, en);
        std::thread::sleep(STATE_INTERVAL);
    }

    fn draw_again(&mut self, stream: &Stream, found: Timestamp) -> Result<(), NodeError> {
        let folder = &self.shared.folder;
        let mut new = redraw::begin(folder)?;
        let stop = &self.shared.stop;
        let drawn = catch_up(&mut new, stream, &mut |_, _| {
            if stop.is_stopped() { std::ops::ControlFlow::Break(()) } else { std::ops::ControlFlow::Continue(()) }
        });
        if drawn.is_err() || stop.is_stopped() {
            drop(new);
            redraw::give_up(folder)?;
            return drawn.map(|_| ());
        }
        let Some((old, projector)) = self.files.take() else { return Ok(()) };
        drop(projector);
        let loss = redraw::finish(folder, old, new, found)?;
        let copy = Embedded::open_writer(folder.log())?;
        let positions = ranges(loss.lost.iter().map(|lost| lost.position));
        tracing::error!(
            lost = loss.lost.len(),
            positions,
            "the stream had lost events; each source publishes its own again"
        );
        self.comparing.reset();
        self.take(copy, &mut Unwatched)?;
        self.shared.copy_changed();
        Ok(())
    }
}

/// What is left of a difference when one looks again. Whoever found it may not have looked at the beginning.
fn confirmed(copy: &Embedded, stream: &Stream, found: Difference) -> Result<Option<Difference>, NodeError> {
    if let Some(difference) = compare_at_start(copy, stream)? {
        return Ok(Some(difference));
    }
    let Difference::Differs { position } = found else { return Ok(None) };
    let Some(position) = Position::new(position) else { return Ok(None) };
    Ok(first_difference(copy, stream, position, position)?.map(|_| found))
}

fn describe_missing(positions: &str, sources: &str, is_late: bool, folder: &Folder) -> (String, String) {
    let aside = redraw::set_aside_folder(folder);
    let aside = aside.display();
    if is_late {
        return (
            format!(
                "日志缺少原位置 {positions} 的事件（来源：{sources}），尚无节点补回；本节点旧副本存于 {aside}，内有这些事件"
            ),
            format!(
                "the stream lacks the events of the old positions {positions} (of {sources}) and nobody has brought them back; \
                 this node's old copy in {aside} holds them"
            ),
        );
    }
    (
        format!("日志丢失了原位置 {positions} 的事件（来源：{sources}），正由原发布者补回；本节点旧副本存于 {aside}"),
        format!(
            "the stream has lost the events of the old positions {positions} (of {sources}), whose publishers bring them back; \
             this node's old copy is in {aside}"
        ),
    )
}

fn describe(difference: Difference) -> (String, String) {
    match difference {
        Difference::Shorter { stream, copy } => (
            format!("消息流只到位置 {stream}，而本节点的副本已到 {copy}：消息流丢失了事件"),
            format!("the stream ends at position {stream}, but this node's copy at {copy}: the stream has lost events"),
        ),
        Difference::Differs { position } => (
            format!("消息流在位置 {position} 的内容与本节点的副本不同"),
            format!("the stream holds something else at position {position} than this node's copy"),
        ),
        Difference::OtherStream => (
            "消息流与本节点的副本毫无共同之处：已为空，或属于另一交换；请由联席会议办公室用 `fengsui log copy` 恢复，或检查 node.toml 中的服务器".to_owned(),
            "the stream has nothing in common with this node's copy: it was emptied, or is that of another exchange; \
             have the authority restore it with `fengsui log copy`, or see to the servers in node.toml"
                .to_owned(),
        ),
    }
}
