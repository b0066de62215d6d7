//! Comparing the copy with the stream again and again, so that a change of what was copied long ago shows as well.

use std::time::{Duration, Instant};

use fengsui_log::jetstream::{Stream, Tail};
use fengsui_log::{Embedded, EventLog as _, Position};

use crate::node::NodeError;

/// Positions that are compared in one step.
const STEP: usize = 500;
/// How long a step waits for the stream. What comes new waits as long; what has not come by then is compared in the next step.
const PATIENCE: Duration = Duration::from_millis(20);
/// Between two rounds over the whole log.
const REST: Duration = Duration::from_secs(5);

/// How far the present round is.
#[derive(Default)]
pub struct Comparing {
    tail: Option<Tail>,
    rested_since: Option<Instant>,
}

impl Comparing {
    /// Compares what comes next of the copy. Answers the first position that differs.
    pub fn step(&mut self, copy: &Embedded, stream: &Stream) -> Result<Option<Position>, NodeError> {
        if self.tail.is_none() && self.rested_since.is_some_and(|since| since.elapsed() < REST) {
            return Ok(None);
        }
        let head = copy.head()?.map_or(0, Position::get);
        let tail = self.tail.get_or_insert_with(|| stream.tail(Position::FIRST));
        let from = tail.position();
        let left = usize::try_from((head + 1).saturating_sub(from.get())).unwrap_or(usize::MAX);
        if left == 0 {
            *self = Self { tail: None, rested_since: Some(Instant::now()) };
            return Ok(None);
        }
        let there = tail.next(left.min(STEP), PATIENCE)?;
        let here = copy.read(from, there.len())?;
        let differing = here.iter().zip(&there).find(|(here, there)| here != there);
        Ok(differing.map(|(here, _)| here.position))
    }

    /// Begins anew, after the connection or the copy has changed.
    pub fn reset(&mut self) {
        *self = Self::default();
    }
}
