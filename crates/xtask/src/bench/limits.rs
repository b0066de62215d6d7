//! The limits that the machine sets, measured in the same run: rows into SQLite, and signatures verified.

use std::path::Path;

use fengsui_event::{Event, Signature, Verifier};
use fengsui_log::{Embedded, EventLog, Position, Stored};
use rusqlite::Connection;

use super::measure::{Taken, taken};
use crate::failure::Failure;

const ROW_BYTES: usize = 600;
const ROWS_PER_TRANSACTION: u64 = 1_000;
const SIGNATURES: usize = 20_000;
/// Signatures that are verified on all cores: some seconds' worth.
const SIGNATURES_ON_ALL: usize = 200_000;

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

/// A signature of a log, ready to be verified.
struct Signed {
    verifier: Verifier,
    signature: Signature,
    bytes: Vec<u8>,
}

impl Signed {
    fn is_good(&self) -> bool {
        self.verifier.verify(&self.bytes, &self.signature)
    }
}

fn signed(folder: &Path, count: usize) -> Result<Vec<Signed>, Failure> {
    let log = Embedded::open_reader(folder.join("log.sqlite")).map_err(Failure::bench("the log"))?;
    let stored = log.read(Position::FIRST, count).map_err(Failure::bench("the log"))?;
    let mut all = Vec::with_capacity(stored.len());
    for Stored { record, .. } in stored {
        let event = Event::parse(&record.bytes).map_err(Failure::bench("an event"))?;
        let verifier = event.keyid.verifier().map_err(Failure::bench("a key"))?;
        let signature = record.signature.as_slice().try_into().map_err(Failure::bench("a signature"))?;
        all.push(Signed { verifier, signature, bytes: record.bytes });
    }
    Ok(all)
}

fn all_good(good: usize, all: &[Signed]) -> Result<u64, Failure> {
    if good != all.len() {
        let reason = format!("{} of {} are bad", all.len() - good, all.len());
        return Err(Failure::Bench { what: "signatures", reason });
    }
    Ok(u64::try_from(good).unwrap_or(u64::MAX))
}

/// Verifies real events of a log one by one on one core, strictly. Answers how many and what it took.
pub fn signatures(folder: &Path) -> Result<(u64, Taken), Failure> {
    let all = signed(folder, SIGNATURES)?;
    let (good, taken) = taken(|| Ok(all.iter().filter(|signed| signed.is_good()).count()))?;
    Ok((all_good(good, &all)?, taken))
}

/// The same on all cores at once.
pub fn signatures_on_all_cores(folder: &Path) -> Result<(u64, Taken), Failure> {
    let all = signed(folder, SIGNATURES_ON_ALL)?;
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let verify = |part: &[Signed]| part.iter().filter(|signed| signed.is_good()).count();
    let (good, taken) = taken(|| {
        Ok(std::thread::scope(|scope| {
            let parts = all.chunks(all.len().div_ceil(cores).max(1));
            let threads: Vec<_> = parts.map(|part| scope.spawn(move || verify(part))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap_or_default()).sum::<usize>()
        }))
    })?;
    Ok((all_good(good, &all)?, taken))
}
