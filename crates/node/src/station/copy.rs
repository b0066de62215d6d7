//! The node's copy against the stream that it was drawn from.
//!
//! Brokers have lost records that they had acknowledged, and whoever runs one can put back an older state. So a node does not believe that
//! the stream is what it was: it compares when it connects, and goes on comparing while it runs.

use std::ops::ControlFlow;

use fengsui_log::jetstream::Stream;
use fengsui_log::{Embedded, EventLog as _, Position, Stored};

use crate::node::NodeError;

/// Positions that are compared when a node connects, counted back from the end of the copy.
const COMPARED_AT_START: u64 = 1_000;

/// Positions read from the stream at a time.
const READ_AT_ONCE: usize = 1_000;

/// How a stream is not what the copy holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Difference {
    /// The stream ends before the copy does.
    Shorter {
        /// The stream's last position; 0 when it is empty.
        stream: u64,
        /// The copy's.
        copy: u64,
    },
    /// Another record, or none, stands at a position that the copy holds.
    Differs {
        /// The first such position of those that were compared.
        position: u64,
    },
    /// Nothing of the copy is there: it is not the stream that the copy was drawn from.
    OtherStream,
}

/// Compares the ends and the beginning.
pub fn compare_at_start(copy: &Embedded, stream: &Stream) -> Result<Option<Difference>, NodeError> {
    let Some(head) = copy.head()? else { return Ok(None) };
    let last = stream.head()?.map_or(0, Position::get);
    let Some(shared) = Position::new(last.min(head.get())) else {
        return Ok(Some(Difference::OtherStream));
    };
    let (here, there) = (copy.read(Position::FIRST, 1)?, read(stream, Position::FIRST, 1)?);
    if here != there {
        // A stream that has lost its beginning goes on with its numbers, which another one does not.
        let is_lost = here.iter().chain(&there).any(|stored| stored.record.is_missing());
        let lost = Difference::Differs { position: Position::FIRST.get() };
        return Ok(Some(if is_lost && last >= head.get() { lost } else { Difference::OtherStream }));
    }
    if last < head.get() {
        return Ok(Some(Difference::Shorter { stream: last, copy: head.get() }));
    }
    let from = Position::new(shared.get().saturating_sub(COMPARED_AT_START - 1)).unwrap_or(Position::FIRST);
    let found = first_difference(copy, stream, from, shared)?;
    Ok(found.map(|position| Difference::Differs { position: position.get() }))
}

/// The first position of a range at which copy and stream do not hold the same.
pub fn first_difference(
    copy: &Embedded,
    stream: &Stream,
    from: Position,
    until: Position,
) -> Result<Option<Position>, NodeError> {
    let mut next = from;
    while next <= until {
        let left = usize::try_from(until.get() - next.get() + 1).unwrap_or(usize::MAX);
        let here = copy.read(next, left.min(READ_AT_ONCE))?;
        let Some(last) = here.last().map(|stored| stored.position) else { return Ok(None) };
        let there = read(stream, next, here.len())?;
        let mut pairs = here.iter().zip(&there);
        if let Some((stored, _)) = pairs.find(|(here, there)| here != there) {
            return Ok(Some(stored.position));
        }
        if there.len() < here.len() {
            return Ok(here.get(there.len()).map(|stored| stored.position));
        }
        next = last.next();
    }
    Ok(None)
}

/// Reads a range of the stream as a copy holds it: with placeholders where it holds nothing.
fn read(stream: &Stream, from: Position, limit: usize) -> Result<Vec<Stored>, NodeError> {
    let mut read = Vec::with_capacity(limit);
    while read.len() < limit {
        let next = Position::new(from.get() + read.len() as u64).unwrap_or(from);
        let some = stream.read(next, limit - read.len())?;
        if some.is_empty() {
            break;
        }
        read.extend(some.into_iter().map(fengsui_log::jetstream::StreamMessage::into_stored));
    }
    Ok(read)
}

/// Brings a copy up to the stream's head as it is at the call, without following it further. Returns how many records came.
pub fn catch_up(
    copy: &mut Embedded,
    stream: &Stream,
    watcher: &mut dyn FnMut(u64, u64) -> ControlFlow<()>,
) -> Result<u64, NodeError> {
    let head = stream.head()?.map_or(0, Position::get);
    let begin = copy.head()?.map_or(0, Position::get);
    let mut at = begin;
    while let Some(next) = Position::new(at + 1).filter(|next| next.get() <= head) {
        let limit = usize::try_from(head - at).unwrap_or(usize::MAX).min(READ_AT_ONCE);
        let batch = read(stream, next, limit)?;
        if batch.is_empty() {
            break;
        }
        copy.append_copy(&batch)?;
        at = copy.head()?.map_or(0, Position::get);
        if watcher(at, head).is_break() {
            break;
        }
    }
    Ok(at - begin)
}
