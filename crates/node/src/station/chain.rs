//! Whether this node's chain on the log is the one in its outbox.
//!
//! It is not when the outbox was put back from an older backup, and when another node runs under the same number. Commands are refused then,
//! because their events would take numbers that are taken; a running node says so before anybody tries.

use fengsui_event::Source;
use fengsui_projector::state::Chain;

use crate::outbox::{Outbox, OutboxError};

/// An event of this node's source on the log that its outbox has not written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Foreign {
    /// The outbox ends before it.
    Beyond {
        /// Its number.
        sequence: u64,
        /// The last number in the outbox.
        known: u64,
    },
    /// The outbox has written another one with that number.
    Other {
        /// The number.
        sequence: u64,
    },
}

/// Holds the end of a chain on the log against the outbox.
pub fn foreign(outbox: &Outbox, source: &Source, on_log: &Chain) -> Result<Option<Foreign>, OutboxError> {
    let Chain { sequence, head: Some(head), .. } = on_log else { return Ok(None) };
    let (name, sequence) = (source.to_string(), *sequence);
    let known = outbox.chain_head(&name)?.map_or(0, |head| head.sequence);
    if known < sequence {
        return Ok(Some(Foreign::Beyond { sequence, known }));
    }
    let is_other = outbox.digest_of(&name, sequence)?.is_some_and(|own| own != *head);
    Ok(is_other.then_some(Foreign::Other { sequence }))
}

impl Foreign {
    /// What is wrong and what to do, in Chinese and English.
    pub fn describe(self, source: &Source) -> (String, String) {
        let (zh, en) = match self {
            Foreign::Beyond { sequence, known } => (
                format!("日志中 {source} 已到第 {sequence} 号事件，而本节点的发件箱只到第 {known} 号"),
                format!("the log holds event {sequence} of {source}, but this node's outbox ends at {known}"),
            ),
            Foreign::Other { sequence } => (
                format!("日志中 {source} 的第 {sequence} 号事件不是本节点发件箱所写"),
                format!("event {sequence} of {source} on the log is not the one that this node's outbox has written"),
            ),
        };
        (
            format!(
                "{zh}：发件箱是从旧备份恢复的，或另有节点使用同一编号；本节点不再接受指令。请放回最新的发件箱；若没有，或编号已被占用，\
                 请在新文件夹中以新编号（`fengsui init --node`）另建节点"
            ),
            format!(
                "{en}: the outbox was put back from an older backup, or another node runs under the same number; commands are refused. \
                 Put the newest outbox back; where there is none, or the number is another's, make a node with a new number in a new folder \
                 (`fengsui init --node`)"
            ),
        )
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use fengsui_event::{ChainLink, Digest, EventId};
    use fengsui_log::Record;
    use tempfile::TempDir;

    use super::*;

    fn source() -> Source {
        Source { region: "350600".parse().unwrap(), agency: "fire".parse().unwrap(), node: 1 }
    }

    fn check(on_log: (u64, &[u8]), expected: Option<Foreign>) {
        let place = TempDir::new().unwrap();
        let mut outbox = Outbox::create(place.path().join("outbox.sqlite")).unwrap();
        for (number, bytes) in [(1, b"one"), (2, b"two")] {
            let id = EventId::from_parts(1_700_000_000_000, [number; 10]);
            let record = Record { id, subject: "fengsui.x".to_owned(), bytes: bytes.to_vec(), signature: vec![0; 64] };
            let mut push = |link: ChainLink| {
                outbox.transaction(|transaction| transaction.push(&source().to_string(), link, &record))
            };
            let first = ChainLink::FIRST;
            push(if number == 1 { first } else { ChainLink::after(1, b"one") }).unwrap();
        }
        let (sequence, bytes) = on_log;
        let chain = Chain { sequence, head: Some(Digest::of(bytes)), ..Chain::default() };
        assert_eq!(foreign(&outbox, &source(), &chain).unwrap(), expected, "{on_log:?}");
    }

    #[test]
    fn an_end_that_the_outbox_has_not_written_is_found() {
        check((2, b"two"), None);
        check((1, b"one"), None);
        check((3, b"three"), Some(Foreign::Beyond { sequence: 3, known: 2 }));
        check((2, b"else"), Some(Foreign::Other { sequence: 2 }));
        check((1, b"else"), Some(Foreign::Other { sequence: 1 }));
    }

    #[test]
    fn an_empty_outbox_is_behind_and_an_empty_chain_is_nobodys() {
        let place = TempDir::new().unwrap();
        let outbox = Outbox::create(place.path().join("outbox.sqlite")).unwrap();
        let chain = Chain { sequence: 1, head: Some(Digest::of(b"one")), ..Chain::default() };
        let found = foreign(&outbox, &source(), &chain).unwrap();
        assert_eq!(found, Some(Foreign::Beyond { sequence: 1, known: 0 }));
        assert_eq!(foreign(&outbox, &source(), &Chain::default()).unwrap(), None);
    }
}
