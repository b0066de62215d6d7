//! Following the stream, in order and without end.
//!
//! A consumer that goes silent, is removed, loses messages on the way or outlives its connection is replaced by a new one from the position that comes next.
//! A watchdog compares the stream's head with what was delivered, because a silent consumer reports nothing. A position that the stream does not
//! hold is told as [`Record::missing`](crate::Record::missing), after the stream's leader was asked for it.
//!
//! | what happens | what follows |
//! | --- | --- |
//! | connection lost, consumer removed, message lost on the way | a new consumer from the next position |
//! | silent for the watchdog's time while the head is ahead | the same, counted in [`Tail::resubscribed`] |
//! | the same position breaks two consumers | its message is asked for alone and passed over, so that no message stops the reader |
//! | a gap in the positions | each is asked for alone; what is not there is told as missing |
//! | the head lies before what was delivered, or another message stands at the last position | [`TailError`]: the stream was restored or made anew |

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use sha2::{Digest as _, Sha256};

use super::feed::{Delivery, Feed};
use super::{BrokerError, Stream, StreamMessage};
use crate::{Position, Record, Stored};

/// How long a tail believes that silence means that there is nothing.
pub const WATCHDOG: Duration = Duration::from_secs(10);

/// How many consumers one position may break before its message is asked for alone.
const BREAKS_MAX: u32 = 2;

/// Up to so many messages are asked for one by one: a consumer would be sent far more than is wanted.
const SINGLE_READS_MAX: usize = 8;

/// Between two looks at a connection that is down.
const STEP: Duration = Duration::from_millis(50);

/// Why a stream cannot be followed.
#[derive(Debug, thiserror::Error)]
pub enum TailError {
    /// The broker; [`BrokerError::is_out_of_reach`] tells whether to go on later.
    #[error(transparent)]
    Broker(#[from] Box<BrokerError>),
    /// The stream is shorter than it was.
    #[error(
        "the stream {stream} ends at position {}, but position {expected} was there before: it was restored from an older backup or made anew; \
         compare it with this node's copy (`fengsui node status`), which publishes its own events again",
        head.map_or_else(|| "0".to_owned(), |head| head.to_string())
    )]
    HeadWentBack {
        /// The stream.
        stream: String,
        /// Its head now.
        head: Option<Position>,
        /// The last position that is known to have been there.
        expected: Position,
    },
    /// The stream holds another message than it did.
    #[error(
        "the stream {stream} holds another event at position {position} than it delivered before: it was restored from a backup or made anew; \
         keep this node's copy as evidence and compare it with the other nodes'"
    )]
    Differs {
        /// The stream.
        stream: String,
        /// Where they differ.
        position: Position,
    },
}

impl TailError {
    /// Whether the broker cannot be reached now, so that asking again is all that is to be done.
    pub fn is_out_of_reach(&self) -> bool {
        matches!(self, TailError::Broker(error) if error.is_out_of_reach())
    }
}

impl From<BrokerError> for TailError {
    fn from(error: BrokerError) -> TailError {
        TailError::Broker(Box::new(error))
    }
}

/// The stream's messages from some position on. See [`Stream::tail`].
#[derive(Debug)]
pub struct Tail {
    stream: Stream,
    feed: Option<Feed>,
    /// The position that comes next.
    next: Position,
    /// Found and not handed out yet, from `next` on.
    ahead: VecDeque<Found>,
    /// The last message handed out, by which a stream that was made anew is known.
    last: Option<(Position, [u8; 32])>,
    watchdog: Duration,
    quiet_since: Instant,
    /// When the caller was last answered. What passes until it asks again is no silence of the broker's.
    answered: Instant,
    /// Where the watchdog found nothing although the head was ahead.
    doubted: Option<Position>,
    /// Consumers that have broken since the last message.
    breaks: u32,
    opened: u64,
}

#[derive(Debug)]
enum Found {
    Message(StreamMessage),
    /// From the position that comes next up to this one, the stream holds nothing.
    MissingUntil(Position),
}

impl Stream {
    /// Follows the stream from a position on. Nothing is asked of the broker before the first [`Tail::next`].
    pub fn tail(&self, from: Position) -> Tail {
        Tail {
            stream: self.clone(),
            feed: None,
            next: from,
            ahead: VecDeque::new(),
            last: None,
            watchdog: WATCHDOG,
            quiet_since: Instant::now(),
            answered: Instant::now(),
            doubted: None,
            breaks: 0,
            opened: 0,
        }
    }

    /// At most `limit` messages from a position on, up to the head as it is now. A position that the stream does not hold comes without a record.
    pub fn read(&self, from: Position, limit: usize) -> Result<Vec<StreamMessage>, TailError> {
        let head = self.head()?;
        if limit <= SINGLE_READS_MAX {
            return self.read_one_by_one(from, limit, head);
        }
        let mut messages = Vec::new();
        let mut tail = self.tail(from).with_watchdog(Duration::from_millis(500));
        while messages.len() < limit && Some(tail.next) <= head {
            let left = head.map_or(0, |head| head.get() - tail.next.get() + 1);
            let max = usize::try_from(left).unwrap_or(usize::MAX).min(limit - messages.len());
            messages.extend(tail.next_messages(max, self.broker.ack_timeout())?);
        }
        Ok(messages)
    }

    fn read_one_by_one(
        &self,
        from: Position,
        limit: usize,
        head: Option<Position>,
    ) -> Result<Vec<StreamMessage>, TailError> {
        let positions = (from.get()..=head.map_or(0, Position::get)).map_while(Position::new).take(limit);
        let read = |position| {
            let found = self.broker.runtime().block_on(self.message_at(position))?;
            Ok(found.unwrap_or_else(|| StreamMessage::missing(position)))
        };
        positions.map(read).collect()
    }
}

impl Tail {
    /// Another time than [`WATCHDOG`].
    #[must_use]
    pub fn with_watchdog(mut self, watchdog: Duration) -> Tail {
        self.watchdog = watchdog;
        self
    }

    /// The position that comes next.
    pub fn position(&self) -> Position {
        self.next
    }

    /// How often a new consumer took the place of another.
    pub fn resubscribed(&self) -> u64 {
        self.opened.saturating_sub(1)
    }

    /// The next records, at most `max` and at least one, or none when `timeout` has passed first. Positions follow each other without gaps: what
    /// the stream does not hold is [`Record::missing`](crate::Record::missing).
    ///
    /// Memory: besides the records handed out, what the broker sends ahead, at most 3,000 messages and about 16 MiB.
    ///
    /// Errors: after `timeout` when the broker is out of reach all the time; others at once. Calling again goes on where it stopped.
    pub fn next(&mut self, max: usize, timeout: Duration) -> Result<Vec<Stored>, TailError> {
        Ok(self.next_messages(max, timeout)?.into_iter().map(StreamMessage::into_stored).collect())
    }

    /// The same as [`next`](Tail::next), with what is wrong with each message.
    pub fn next_messages(&mut self, max: usize, timeout: Duration) -> Result<Vec<StreamMessage>, TailError> {
        self.quiet_since += self.answered.elapsed();
        let messages = self.await_messages(max, timeout);
        self.answered = Instant::now();
        messages
    }

    fn await_messages(&mut self, max: usize, timeout: Duration) -> Result<Vec<StreamMessage>, TailError> {
        let runtime = self.stream.broker.runtime().clone();
        runtime.block_on(async {
            let deadline = Instant::now() + timeout;
            while self.ahead.is_empty() {
                let left = deadline.saturating_duration_since(Instant::now());
                match self.advance(left).await {
                    Err(TailError::Broker(error)) if error.is_out_of_reach() => {
                        self.feed = None;
                        if left.is_zero() {
                            return Err(TailError::Broker(error));
                        }
                        tokio::time::sleep(STEP.min(left)).await;
                    }
                    Err(error) => return Err(error),
                    Ok(()) if left.is_zero() => break,
                    Ok(()) => {}
                }
            }
            Ok(self.hand_out(max))
        })
    }

    /// Takes one step towards the next message: waits for it, replaces a broken consumer, or looks after a silent one.
    async fn advance(&mut self, left: Duration) -> Result<(), TailError> {
        if self.breaks >= BREAKS_MAX {
            return self.step_over().await;
        }
        let Some(feed) = &mut self.feed else {
            self.check_continuity().await?;
            self.feed = Some(Feed::open(&self.stream, self.next).await?);
            self.opened += 1;
            self.quiet_since = Instant::now();
            return Ok(());
        };
        let quiet = self.quiet_since.elapsed();
        if quiet >= self.watchdog {
            return self.look_after_silence().await;
        }
        let mut delivery = feed.wait(left.min(self.watchdog.saturating_sub(quiet))).await;
        let mut expected = self.next;
        while let Ok(Delivery::Message(message)) = delivery {
            self.breaks = 0;
            self.quiet_since = Instant::now();
            expected = self.take(expected, message).await?;
            delivery = match self.feed.as_mut().and_then(Feed::ready) {
                Some(delivery) => Ok(delivery),
                None => return Ok(()),
            };
        }
        match delivery {
            Ok(Delivery::Broken(why)) => {
                tracing::warn!(stream = self.stream.name, next = expected.get(), why, "the consumer is replaced");
                self.break_feed();
                Ok(())
            }
            Err(error) => self.end_of_connection(expected, error),
            Ok(_) => Ok(()),
        }
    }

    /// What came before the connection went is kept: a message that ends every connection must not hold up those before it.
    fn end_of_connection(&mut self, mut expected: Position, error: BrokerError) -> Result<(), TailError> {
        while let Some(Delivery::Message(message)) = self.feed.as_mut().and_then(Feed::ready) {
            if message.position > expected {
                // Whether the positions between are missing can be asked only on the next connection.
                break;
            }
            expected = self.take_without_asking(expected, message);
        }
        if !error.is_out_of_reach() {
            self.feed = None;
            return Err(error.into());
        }
        self.break_feed();
        Ok(())
    }

    /// Only a tail that has nothing ahead counts a break: otherwise there was progress.
    fn break_feed(&mut self) {
        self.feed = None;
        self.breaks = if self.ahead.is_empty() { self.breaks + 1 } else { 0 };
    }

    /// Puts a delivered message behind what was found, and says which position comes after it. Where positions were left out,
    /// the stream's leader is asked for each.
    async fn take(&mut self, expected: Position, message: StreamMessage) -> Result<Position, TailError> {
        let position = message.position;
        if position > expected {
            let mut from = expected;
            while let Some(found) = self.stream.message_from(from).await? {
                if found.position >= position {
                    break;
                }
                from = self.take_without_asking(from, found);
            }
            return Ok(self.take_without_asking(from, message));
        }
        Ok(self.take_without_asking(expected, message))
    }

    fn take_without_asking(&mut self, expected: Position, message: StreamMessage) -> Position {
        let position = message.position;
        if position < expected {
            return expected;
        }
        if position > expected
            && let Some(last) = Position::new(position.get() - 1)
        {
            self.ahead.push_back(Found::MissingUntil(last));
        }
        self.ahead.push_back(Found::Message(message));
        position.next()
    }

    /// The watchdog: nothing has come for long. Is there something?
    async fn look_after_silence(&mut self) -> Result<(), TailError> {
        let head = self.stream.head_now().await?;
        self.quiet_since = Instant::now();
        self.refuse_older(head)?;
        if head < Some(self.next) {
            return Ok(());
        }
        self.feed = None;
        let is_there = self.stream.message_from(self.next).await?.is_some();
        if let Some(head) = head.filter(|_| !is_there && self.doubted == Some(self.next)) {
            // Nothing up to the head, and no consumer will ever deliver that.
            self.ahead.push_back(Found::MissingUntil(head));
        }
        // A leader that was elected just now may not know everything yet: nothing is called missing that was not missed twice.
        self.doubted = (!is_there).then_some(self.next);
        tracing::warn!(stream = self.stream.name, next = self.next.get(), "the consumer is silent and is replaced");
        Ok(())
    }

    /// Two consumers have broken before the same message.
    async fn step_over(&mut self) -> Result<(), TailError> {
        if let Some(found) = self.stream.message_from(self.next).await? {
            tracing::warn!(
                stream = self.stream.name,
                position = found.position.get(),
                "a message is read alone: consumers break before it"
            );
            self.take_without_asking(self.next, found);
        }
        self.breaks = 0;
        Ok(())
    }

    /// A new consumer on a stream that is not the one that was followed would go on as if nothing had happened.
    async fn check_continuity(&mut self) -> Result<(), TailError> {
        let head = self.stream.head_now().await?;
        self.refuse_older(head)?;
        if let Some((position, digest)) = self.last
            && let Some(message) = self.stream.message_at(position).await?
            && message.record.as_ref().map(digest_of) != Some(digest)
        {
            return Err(TailError::Differs { stream: self.stream.name.clone(), position });
        }
        Ok(())
    }

    fn refuse_older(&self, head: Option<Position>) -> Result<(), TailError> {
        match Position::new(self.next.get() - 1) {
            Some(expected) if head < Some(expected) => {
                Err(TailError::HeadWentBack { stream: self.stream.name.clone(), head, expected })
            }
            _ => Ok(()),
        }
    }

    fn hand_out(&mut self, max: usize) -> Vec<StreamMessage> {
        let mut messages = Vec::new();
        while messages.len() < max {
            match self.ahead.pop_front() {
                None => break,
                Some(Found::Message(message)) => messages.push(message),
                Some(Found::MissingUntil(last)) => {
                    messages.push(StreamMessage::missing(self.next));
                    if self.next < last {
                        self.ahead.push_front(Found::MissingUntil(last));
                    }
                }
            }
            self.next = self.next.next();
        }
        if let Some(StreamMessage { position, record: Some(record), .. }) = messages.last() {
            self.last = Some((*position, digest_of(record)));
        }
        messages
    }
}

fn digest_of(record: &Record) -> [u8; 32] {
    let Record { id, subject, bytes, signature } = record;
    let parts = [&id.to_bytes()[..], subject.as_bytes(), signature, bytes];
    let mut digest = Sha256::new();
    for part in parts {
        digest.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        digest.update(part);
    }
    digest.finalize().into()
}
