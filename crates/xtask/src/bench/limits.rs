//! The limits that the machine sets, measured in the same run: rows into SQLite, and signatures verified.

use std::path::Path;

use fengsui_event::Event;
use fengsui_log::{Embedded, EventLog, Position};
use rusqlite::Connection;

use super::measure::{Taken, taken};
use crate::failure::Failure;

const ROW_BYTES: usize = 600;
const ROWS_PER_TRANSACTION: u64 = 1_000;
const SIGNATURES: usize = 20_000;

/// How SQLite keeps what is written.
#[derive(Clone, Copy)]
pub enum Durability {
    /// No journal and no sync, as a rebuild writes.
    None,
    /// Write-ahead log, synced at each transaction.
    Full,
}

/// Puts rows of 600 bytes into SQLite in transactions of 1,000.
pub fn rows_into_sqlite(count: u64, durability: Durability) -> Result<Taken, Failure> {
    let folder = tempfile::tempdir_in(crate::workspace::target()).map_err(Failure::file("target"))?;
    let fault = Failure::bench::<rusqlite::Error>;
    let connection = Connection::open(folder.path().join("rows.sqlite")).map_err(fault("raw rows"))?;
    let pragmas = match durability {
        Durability::None => "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -49152;",
        Durability::Full => "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -49152;",
    };
    connection.execute_batch(pragmas).map_err(fault("raw rows"))?;
    let table = "CREATE TABLE rows (number INTEGER PRIMARY KEY, bytes BLOB NOT NULL) STRICT";
    connection.execute_batch(table).map_err(fault("raw rows"))?;
    let row = [7_u8; ROW_BYTES];
    let ((), taken) = taken(|| {
        let mut insert =
            connection.prepare("INSERT INTO rows (number, bytes) VALUES (?1, ?2)").map_err(fault("raw rows"))?;
        let mut number = 0_u64;
        while number < count {
            connection.execute_batch("BEGIN IMMEDIATE").map_err(fault("raw rows"))?;
            for _ in 0..ROWS_PER_TRANSACTION.min(count - number) {
                number += 1;
                insert.execute(rusqlite::params![number.cast_signed(), row]).map_err(fault("raw rows"))?;
            }
            connection.execute_batch("COMMIT").map_err(fault("raw rows"))?;
        }
        Ok(())
    })?;
    Ok(taken)
}

/// Verifies real events of a log one by one on one core, strictly. Answers how many and what it took.
pub fn signatures(folder: &Path) -> Result<(u64, Taken), Failure> {
    let log = Embedded::open_reader(folder.join("log.sqlite")).map_err(Failure::bench("the log"))?;
    let stored = log.read(Position::FIRST, SIGNATURES).map_err(Failure::bench("the log"))?;
    let mut checks = Vec::with_capacity(stored.len());
    for stored in &stored {
        let event = Event::parse(&stored.record.bytes).map_err(Failure::bench("an event"))?;
        let verifier = event.keyid.verifier().map_err(Failure::bench("a key"))?;
        let signature = stored.record.signature.as_slice().try_into().map_err(Failure::bench("a signature"))?;
        checks.push((verifier, signature, &stored.record.bytes));
    }
    let (good, taken) =
        taken(|| Ok(checks.iter().filter(|(verifier, signature, bytes)| verifier.verify(bytes, signature)).count()))?;
    if good != checks.len() {
        let reason = format!("{} of {} are bad", checks.len() - good, checks.len());
        return Err(Failure::Bench { what: "signatures", reason });
    }
    Ok((u64::try_from(good).unwrap_or(u64::MAX), taken))
}
