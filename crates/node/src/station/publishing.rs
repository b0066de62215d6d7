//! When the running node publishes: at once when it is woken, and not before it knows what of its outbox is on the stream.

use std::time::{Duration, Instant};

use fengsui_event::{EventId, Timestamp};
use fengsui_log::jetstream::{PublishError, Stream};
use fengsui_log::{Embedded, EventLog as _, Position};

use super::copy::first_difference;
use super::publisher::{PublishingError, Round, Settled, publish_some, settle};
use super::recovery::Recovery;
use super::shared::{Shared, lock};
use super::status::NOT_PERMITTED;
use crate::node::NodeError;
use crate::outbox::Outbox;
use crate::wake::Waking;

/// How long the publisher sleeps when nothing waits and nobody wakes it.
const IDLE: Duration = Duration::from_millis(500);
/// Between tries after a failed one.
const RETRY: Duration = Duration::from_millis(200);
/// How long the publisher waits for the copy to reach the stream's head before it looks again.
const COPY_PATIENCE: Duration = Duration::from_secs(5);
/// How long a server may refuse everything before another one is tried.
const SERVER_PATIENCE: Duration = Duration::from_secs(5);
/// After which idle time what was noted as published is looked up again: an acknowledged event can be lost without a word.
const SETTLED_FOR: Duration = Duration::from_secs(30);

/// Of which connection and which copy it is known what is on the stream.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Ground {
    reconnects: u64,
    copy: u64,
}

impl Ground {
    fn now(shared: &Shared, stream: &Stream) -> Self {
        Self { reconnects: stream.broker().reconnects(), copy: shared.copy_number() }
    }
}

/// Publishes until the node is to end.
pub fn run(shared: &Shared, waking: &Waking) -> Result<(), NodeError> {
    let mut outbox = Outbox::open_publisher(shared.folder.outbox())?;
    let mut settled: Option<(Ground, Instant)> = None;
    let mut refused_since: Option<Instant> = None;
    while !shared.stop.is_stopped() {
        let Some(stream) = shared.stream() else {
            settled = None;
            waking.wait(IDLE);
            continue;
        };
        let ground = Ground::now(shared, &stream);
        if settled.is_none_or(|(known, _)| known != ground) {
            let found = find_ground(shared, &mut outbox, &stream, ground);
            settled = (found == Grounding::Found).then(|| (ground, Instant::now()));
            if found == Grounding::Refused {
                go_elsewhere_in_the_end(&stream, &mut refused_since);
            }
            if settled.is_none() {
                waking.wait(RETRY);
            }
            continue;
        }
        match publish_some(&mut outbox, &stream, &recovery(shared), Timestamp::now()) {
            Ok(Round::Empty) => {
                refused_since = None;
                // What could not be noted as published, as on a full disk, was found on the stream.
                shared.all_clear("not_published");
                shared.all_clear(NOT_PERMITTED);
                waking.wait(IDLE);
                settled = settled.filter(|(_, since)| since.elapsed() < SETTLED_FOR);
            }
            Ok(Round::Held) => waking.wait(RETRY),
            Ok(Round::Published(count)) => {
                tracing::debug!(count, "published");
                refused_since = None;
                shared.note_error(None);
                shared.all_clear("not_published");
                shared.all_clear(NOT_PERMITTED);
            }
            Err(error) => {
                settled = None;
                endure(shared, &error);
                if matches!(&error, PublishingError::Publish(error) if error.is_out_of_reach()) {
                    go_elsewhere_in_the_end(&stream, &mut refused_since);
                }
                // An id that somebody else has taken stays taken for minutes.
                let is_taken = matches!(error, PublishingError::Publish(PublishError::Duplicate));
                waking.wait(if is_taken { IDLE } else { RETRY });
            }
        }
    }
    outbox.close()?;
    Ok(())
}

/// What is lost and not back; nothing to be weighed in ordinary times.
fn recovery(shared: &Shared) -> Recovery {
    let recovery = lock(&shared.recovery);
    if recovery.is_whole() { Recovery::default() } else { recovery.clone() }
}

/// Leaves a server that has refused everything for a while. One that is cut off from its cluster still tells how the stream stands, so that the
/// keeper, which reads, takes it for a good one.
fn go_elsewhere_in_the_end(stream: &Stream, refused_since: &mut Option<Instant>) {
    if refused_since.get_or_insert_with(Instant::now).elapsed() >= SERVER_PATIENCE {
        stream.broker().change_server();
        *refused_since = None;
    }
}

/// What came of looking up what waits.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Grounding {
    /// It is known what of it is on the stream.
    Found,
    /// The copy is not there yet, or something is wrong with the node's own files.
    NotYet,
    /// The server did not answer what it was asked.
    Refused,
}

/// Looks up what waits in a copy that has reached the stream's head.
fn find_ground(shared: &Shared, outbox: &mut Outbox, stream: &Stream, ground: Ground) -> Grounding {
    let head = match stream.head() {
        Ok(head) => head.map_or(0, Position::get),
        Err(error) => {
            shared.note_error(Some(error.to_string()));
            return Grounding::Refused;
        }
    };
    if !shared.await_copy(head, COPY_PATIENCE) || Ground::now(shared, stream) != ground {
        return Grounding::NotYet;
    }
    // The copy may just be changing its place.
    let opened = Embedded::open_reader(shared.copy_path()).map_err(NodeError::from);
    let copy = opened.and_then(|copy| Ok(is_of_one_origin(&copy, stream, head)?.then_some(copy)));
    let copy = match copy {
        Ok(Some(copy)) => copy,
        Ok(None) => return Grounding::NotYet,
        Err(error) => {
            shared.note_error(Some(error.to_string()));
            let is_refused = matches!(error, NodeError::Broker(_) | NodeError::Tail(_));
            return if is_refused { Grounding::Refused } else { Grounding::NotYet };
        }
    };
    match settle(outbox, &copy) {
        Ok(Settled { found, again, taken }) => {
            if found + again > 0 {
                tracing::info!(found, again, "events of the outbox were found on the stream, or have to go again");
            }
            tell_of_taken(shared, &taken);
            Grounding::Found
        }
        Err(error) => {
            endure(shared, &PublishingError::Node(error));
            Grounding::NotYet
        }
    }
}

fn tell_of_taken(shared: &Shared, taken: &[(EventId, Position)]) {
    let Some((id, position)) = taken.first() else {
        shared.all_clear("id_taken");
        return;
    };
    let count = taken.len();
    let zh = format!(
        "另一来源已用本节点 {count} 个待发事件的编号发布了其他内容（首个：{id}，位置 {position}）；待消息服务器不再记得该编号后即发布，但不产生效力，请重新办理"
    );
    let en = format!(
        "another source has published something else under the ids of {count} events that wait (first {id}, at position {position}): \
         they go out once the broker has forgotten the ids, and have no effect; have what they say done again"
    );
    shared.alarm("id_taken", Timestamp::now(), zh, en);
}

fn is_not_permitted(error: &PublishingError) -> bool {
    matches!(error, PublishingError::Publish(error) if error.is_not_permitted())
}

/// Whether a stream with this head still holds what the copy ends with. After a broker was put back to an older state the keeper finds that out
/// too, perhaps later; what is published before would come before what was lost.
fn is_of_one_origin(copy: &Embedded, stream: &Stream, head: u64) -> Result<bool, NodeError> {
    match copy.head()? {
        None => Ok(true),
        Some(last) if last.get() > stream.head()?.map_or(head, Position::get) => Ok(false),
        Some(last) => Ok(first_difference(copy, stream, last, last)?.is_none()),
    }
}

/// Tells of a failed round. What waiting or people can mend does not end the node.
fn endure(shared: &Shared, error: &PublishingError) {
    let reason = error.to_string();
    shared.note_error(Some(reason.clone()));
    let needs_people = match error {
        PublishingError::Publish(PublishError::Duplicate) => false,
        PublishingError::Publish(PublishError::Broker(error)) if error.is_full() => true,
        PublishingError::Publish(error) => !error.is_out_of_reach(),
        PublishingError::Node(_) => true,
    };
    if is_not_permitted(error) {
        let zh = format!("代理服务器不允许本节点发布，事件保留在发件箱中：{reason}");
        let en = format!("the broker does not let this node publish; what waits stays in the outbox: {reason}");
        shared.alarm(NOT_PERMITTED, Timestamp::now(), zh, en);
    } else if needs_people {
        let zh = format!("发件箱中的事件无法发布，已保留在发件箱中：{reason}");
        let en = format!("what waits in the outbox cannot be published and stays there: {reason}");
        shared.alarm("not_published", Timestamp::now(), zh, en);
    }
}
