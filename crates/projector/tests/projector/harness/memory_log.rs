//! A log that takes anything: what a broker that has lost its duplicate window, or a hostile one, would deliver.

use std::ops::ControlFlow;
use std::time::Duration;

use fengsui_event::EventId;
use fengsui_log::{AppendError, Appended, EventLog, Outcome, Position, ReadError, Record, RecordRef, Stored};

#[derive(Clone, Debug, Default)]
pub struct MemoryLog {
    pub records: Vec<Record>,
    /// Appends seen, so that a test can show that there were none.
    pub appends: usize,
}

impl MemoryLog {
    pub fn of(records: Vec<Record>) -> Self {
        Self { records, appends: 0 }
    }

    pub fn push(&mut self, record: Record) -> u64 {
        self.records.push(record);
        self.records.len() as u64
    }

    pub fn prefix(&self, length: usize) -> Self {
        Self::of(self.records[..length].to_vec())
    }
}

fn position(index: usize) -> Position {
    Position::new(index as u64 + 1).unwrap()
}

impl EventLog for MemoryLog {
    fn append(&mut self, batch: &[Record]) -> Result<Vec<Appended>, AppendError> {
        self.appends += 1;
        let push = |record: &Record| {
            let position = Position::new(self.push(record.clone())).unwrap();
            Appended { position, outcome: Outcome::Stored }
        };
        Ok(batch.iter().map(push).collect())
    }

    fn read(&self, from: Position, limit: usize) -> Result<Vec<Stored>, ReadError> {
        let stored = |(index, record): (usize, &Record)| Stored { position: position(index), record: record.clone() };
        let from = usize::try_from(from.get()).unwrap() - 1;
        Ok(self.records.iter().enumerate().skip(from).take(limit).map(stored).collect())
    }

    fn scan(
        &self,
        from: Position,
        until: Option<Position>,
        visit: &mut dyn FnMut(Position, RecordRef<'_>) -> ControlFlow<()>,
    ) -> Result<Option<Position>, ReadError> {
        let mut shown = None;
        for (index, record) in self.records.iter().enumerate().skip(usize::try_from(from.get()).unwrap() - 1) {
            if until.is_some_and(|until| position(index) > until) {
                break;
            }
            shown = Some(position(index));
            if visit(position(index), record.as_ref()).is_break() {
                break;
            }
        }
        Ok(shown)
    }

    fn head(&self) -> Result<Option<Position>, ReadError> {
        Ok(Position::new(self.records.len() as u64))
    }

    fn find(&self, id: EventId) -> Result<Vec<Position>, ReadError> {
        let found = self.records.iter().enumerate().filter(|(_, record)| record.id == id);
        Ok(found.map(|(index, _)| position(index)).collect())
    }

    fn wait(&self, after: Option<Position>, _: Duration) -> Result<Option<Position>, ReadError> {
        Ok(self.head()?.filter(|head| Some(*head) > after))
    }
}
