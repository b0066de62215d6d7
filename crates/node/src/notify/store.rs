//! What was told and what waits to be told: `notices.sqlite` in the node's folder.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use fengsui_event::{CaseId, EventId, Timestamp};
use fengsui_log::StorageError;
use fengsui_log::storage::Database;
use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior, params};

use super::schema::NOTICES_FILE;
use super::{Notice, NoticeId, NoticeKind, NotifyError};

/// How many marks are kept of each level.
const MARKS_PER_LEVEL: i64 = 16;

/// How a delivery ended, or that it has not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum State {
    Queued,
    Sent,
    Failed,
    Unknown,
}

impl State {
    const fn code(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sent => "sent",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
        }
    }
}

/// What one event does to the file.
pub(super) enum Step {
    /// A rectification of the case is due no longer.
    EndTerm(CaseId),
    /// A notice for every channel that wants its kind.
    Tell(Box<Notice>),
    /// It was told together with another one.
    ToldWith(NoticeId),
}

/// How far the log was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cursor {
    pub(super) position: u64,
    pub(super) since: Timestamp,
}

/// An event at a position that was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) position: u64,
    pub(super) event: EventId,
}

/// A channel as far as the file knows it.
pub(super) struct Wanted {
    pub(super) channel: String,
    pub(super) kinds: Option<BTreeSet<NoticeKind>>,
}

/// A notice that is to be delivered now.
pub(super) struct Due {
    pub(super) number: i64,
    pub(super) attempts: u32,
    pub(super) notice: Notice,
}

/// The open file.
pub(super) struct Store {
    database: Database,
}

/// Where the file is in a node's folder.
pub(super) fn notices_path(root: &Path) -> PathBuf {
    root.join("notices.sqlite")
}

impl Store {
    /// Opens the file, making it when there is none. What was being sent when the last process ended is settled: `may_repeat` says
    /// of which channels it is sent again; of all others nobody knows whether it was sent.
    pub(super) fn open(root: &Path, may_repeat: &dyn Fn(&str) -> bool) -> Result<Self, NotifyError> {
        let path = notices_path(root);
        let database = if path.exists() {
            Database::open_writer(&NOTICES_FILE, &path)?
        } else {
            Database::create(&NOTICES_FILE, &path)?
        };
        let mut store = Self { database };
        store.settle_interrupted(may_repeat)?;
        Ok(store)
    }

    fn path(&self) -> &Path {
        self.database.path()
    }

    /// Opens the file to look at, beside its writer; `None` when notifications were never on.
    pub(super) fn open_reader(root: &Path) -> Result<Option<Self>, NotifyError> {
        match Database::open_reader(&NOTICES_FILE, &notices_path(root)) {
            Ok(database) => Ok(Some(Self { database })),
            Err(StorageError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn settle_interrupted(&mut self, may_repeat: &dyn Fn(&str) -> bool) -> Result<(), NotifyError> {
        let channels: Vec<String> = self.read(|connection| {
            let mut statement =
                connection.prepare("SELECT DISTINCT channel FROM deliveries WHERE state = 'sending'")?;
            statement.query_map((), |row| row.get(0))?.collect()
        })?;
        self.write(|transaction| {
            for channel in channels {
                let state = if may_repeat(&channel) { State::Queued } else { State::Unknown };
                transaction.execute(
                    "UPDATE deliveries SET state = ?2, last_error = 'the process ended while it was being sent'
                     WHERE state = 'sending' AND channel = ?1",
                    params![channel, state.code()],
                )?;
            }
            Ok(())
        })
    }

    pub(super) fn cursor(&self) -> Result<Option<Cursor>, NotifyError> {
        let found = self.read(|connection| {
            connection
                .query_row("SELECT position, since_ms FROM cursor", (), |row| {
                    Ok((row.get::<_, i64>(0)?.cast_unsigned(), row.get::<_, i64>(1)?))
                })
                .optional()
        })?;
        let Some((position, since_ms)) = found else { return Ok(None) };
        let since = Timestamp::from_millisecond(since_ms).map_err(|error| self.malformed(&error))?;
        Ok(Some(Cursor { position, since }))
    }

    /// Events at positions that were read, the latest first.
    pub(super) fn marks(&self) -> Result<Vec<Mark>, NotifyError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached("SELECT position, event FROM marks ORDER BY number DESC")?;
            let mark = |row: &rusqlite::Row<'_>| {
                let event = EventId::from_bytes(row.get(1)?);
                Ok(Mark { position: row.get::<_, i64>(0)?.cast_unsigned(), event })
            };
            statement.query_map((), mark)?.collect()
        })
    }

    /// Notes what was found up to a position, all or nothing. Returns how many notices are new.
    pub(super) fn advance(
        &mut self,
        steps: &[Step],
        wanted: &[Wanted],
        cursor: Cursor,
        mark: Option<Mark>,
    ) -> Result<usize, NotifyError> {
        let steps = steps.iter().map(written).collect::<Result<Vec<_>, _>>();
        let steps = steps.map_err(|error| self.malformed(&error))?;
        self.write(|transaction| {
            let mut new = 0;
            for step in &steps {
                new += usize::from(take(transaction, step, wanted)?);
            }
            transaction.execute(
                "INSERT INTO cursor (id, position, since_ms) VALUES (1, ?1, ?2)
                 ON CONFLICT (id) DO UPDATE SET position = excluded.position",
                params![cursor.position.cast_signed(), cursor.since.as_millisecond()],
            )?;
            if let Some(mark) = mark {
                put_mark(transaction, mark)?;
            }
            Ok(new)
        })
    }

    /// At most `limit` notices that a channel should get now, in the order in which they were found.
    pub(super) fn due(&self, channel: &str, now: Timestamp, limit: usize) -> Result<Vec<Due>, NotifyError> {
        let rows: Vec<(i64, u32, String)> = self.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT d.notice, d.attempts, n.content FROM deliveries d JOIN notices n ON n.number = d.notice
                 WHERE d.channel = ?1 AND d.state = 'queued' AND d.next_ms <= ?2 ORDER BY d.next_ms, d.notice LIMIT ?3",
            )?;
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let rows = statement.query_map(params![channel, now.as_millisecond(), limit], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })?;
            rows.collect()
        })?;
        let read = |(number, attempts, content): (i64, u32, String)| {
            let notice = serde_json::from_str(&content).map_err(|error| self.malformed(&error))?;
            Ok(Due { number, attempts, notice })
        };
        rows.into_iter().map(read).collect()
    }

    /// Notes durably that notices are being sent. Until this returns nothing may leave.
    pub(super) fn begin(&mut self, channel: &str, numbers: &[i64], now: Timestamp) -> Result<(), NotifyError> {
        self.write(|transaction| {
            for number in numbers {
                transaction.execute(
                    "UPDATE deliveries SET state = 'sending', attempts = attempts + 1, changed_ms = ?3
                     WHERE channel = ?1 AND notice = ?2 AND state = 'queued'",
                    params![channel, number, now.as_millisecond()],
                )?;
            }
            Ok(())
        })
    }

    /// Notes how the sending of a notice ended; `next` is when it is tried again.
    pub(super) fn finish(
        &mut self,
        channel: &str,
        ended: &[(i64, State, Option<Timestamp>)],
        remark: Option<&str>,
        now: Timestamp,
    ) -> Result<(), NotifyError> {
        self.write(|transaction| {
            for (number, state, next) in ended {
                transaction.execute(
                    "UPDATE deliveries SET state = ?3, last_error = ?4, next_ms = ?5, changed_ms = ?6
                     WHERE channel = ?1 AND notice = ?2",
                    params![
                        channel,
                        number,
                        state.code(),
                        remark,
                        next.map_or(0, Timestamp::as_millisecond),
                        now.as_millisecond()
                    ],
                )?;
            }
            Ok(())
        })
    }

    /// How many notices wait for a channel, and from when on the first of them may be sent.
    pub(super) fn waiting(&self, channel: &str) -> Result<(u64, Option<Timestamp>), NotifyError> {
        let (count, next_ms): (i64, Option<i64>) = self.read(|connection| {
            connection
                .prepare_cached(
                    "SELECT count(*), min(next_ms) FROM deliveries WHERE channel = ?1 AND state = 'queued'",
                )?
                .query_row([channel], |row| Ok((row.get(0)?, row.get(1)?)))
        })?;
        Ok((count.unsigned_abs(), next_ms.and_then(|next| Timestamp::from_millisecond(next).ok())))
    }

    pub(super) fn read<T>(&self, work: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, NotifyError> {
        work(self.database.connection()).map_err(|error| self.database.fault(error).into())
    }

    pub(super) fn malformed(&self, detail: &dyn std::fmt::Display) -> NotifyError {
        NotifyError::Row { path: self.path().to_owned(), detail: detail.to_string() }
    }

    fn write<T>(&mut self, work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>) -> Result<T, NotifyError> {
        let written = || -> rusqlite::Result<T> {
            let transaction = Transaction::new_unchecked(self.database.connection(), TransactionBehavior::Immediate)?;
            let answer = work(&transaction)?;
            transaction.commit()?;
            Ok(answer)
        };
        let answer = written().map_err(|error| self.database.fault(error))?;
        self.database.watch_wal();
        Ok(answer)
    }
}

/// A step with its notice as JSON.
enum Written<'a> {
    EndTerm(CaseId),
    Tell(&'a Notice, String),
    ToldWith(NoticeId),
}

fn written(step: &Step) -> Result<Written<'_>, serde_json::Error> {
    Ok(match step {
        Step::EndTerm(case) => Written::EndTerm(*case),
        Step::Tell(notice) => Written::Tell(notice, serde_json::to_string(notice)?),
        Step::ToldWith(id) => Written::ToldWith(*id),
    })
}

/// Whether a notice is new.
fn take(transaction: &Transaction<'_>, step: &Written<'_>, wanted: &[Wanted]) -> rusqlite::Result<bool> {
    match step {
        Written::EndTerm(case) => end_term(transaction, *case).map(|()| false),
        Written::ToldWith(id) => enter(transaction, *id, None, "").map(|_| false),
        Written::Tell(notice, content) => {
            let Some(number) = enter(transaction, notice.id, notice.case, content)? else { return Ok(false) };
            let from = notice.not_before.and_then(fengsui_event::date::start_of);
            for Wanted { channel, kinds } in wanted {
                if kinds.as_ref().is_none_or(|kinds| kinds.contains(&notice.id.kind)) {
                    transaction
                        .prepare_cached(
                            "INSERT INTO deliveries (channel, notice, state, next_ms) VALUES (?1, ?2, 'queued', ?3)",
                        )?
                        .execute(params![channel, number, from.map_or(0, Timestamp::as_millisecond)])?;
                }
            }
            Ok(true)
        }
    }
}

/// Enters a notice for ever; `None` when it is known.
fn enter(
    transaction: &Transaction<'_>,
    id: NoticeId,
    case: Option<CaseId>,
    content: &str,
) -> rusqlite::Result<Option<i64>> {
    let entered = transaction
        .prepare_cached("INSERT OR IGNORE INTO notices (event, kind, case_id, content) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![id.event.to_bytes(), id.kind.code(), case.map(CaseId::to_bytes), content])?;
    Ok((entered > 0).then(|| transaction.last_insert_rowid()))
}

fn end_term(transaction: &Transaction<'_>, case: CaseId) -> rusqlite::Result<()> {
    transaction
        .prepare_cached(
            "UPDATE deliveries SET state = 'lapsed' WHERE state = 'queued' AND notice IN
             (SELECT number FROM notices WHERE case_id = ?1 AND kind = ?2)",
        )?
        .execute(params![case.to_bytes(), NoticeKind::RectificationDue.code()])
        .map(|_| ())
}

fn put_mark(transaction: &Transaction<'_>, mark: Mark) -> rusqlite::Result<()> {
    // Marks beyond a log that was drawn anew speak of what is gone.
    transaction.execute("DELETE FROM marks WHERE position >= ?1", [mark.position.cast_signed()])?;
    let last: Option<i64> = transaction.query_row("SELECT max(number) FROM marks", (), |row| row.get(0))?;
    let number = last.unwrap_or_default() + 1;
    let level = i64::from(number.trailing_zeros());
    transaction.execute(
        "INSERT INTO marks (number, level, position, event) VALUES (?1, ?2, ?3, ?4)",
        params![number, level, mark.position.cast_signed(), mark.event.to_bytes()],
    )?;
    transaction.execute(
        "DELETE FROM marks WHERE level = ?1 AND number NOT IN
         (SELECT number FROM marks WHERE level = ?1 ORDER BY number DESC LIMIT ?2)",
        params![level, MARKS_PER_LEVEL],
    )?;
    Ok(())
}
