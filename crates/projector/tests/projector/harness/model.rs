//! The real read model in a folder of its own.

use std::path::PathBuf;

use fengsui_event::Digest;
use fengsui_log::{EventLog, Position};
use fengsui_projector::replay::rebuild;
use fengsui_projector::{FollowOptions, Projector, Registry, Unwatched};
use rusqlite::Connection;
use tempfile::TempDir;

pub struct Model {
    pub folder: TempDir,
    pub genesis: Registry,
}

impl Model {
    pub fn new(genesis: &Registry) -> Self {
        Self { folder: tempfile::tempdir().unwrap(), genesis: genesis.clone() }
    }

    /// A model that has followed a log to its head.
    pub fn of(genesis: &Registry, log: &impl EventLog) -> (Self, Projector) {
        let model = Self::new(genesis);
        let mut projector = model.open();
        projector.follow(log, FollowOptions::default(), &mut Unwatched).unwrap();
        (model, projector)
    }

    pub fn path(&self) -> PathBuf {
        self.folder.path().join("model.db")
    }

    pub fn open(&self) -> Projector {
        Projector::open(&self.path(), self.genesis.clone()).unwrap()
    }

    /// Opens, follows to a position, closes.
    pub fn follow_to(&self, log: &impl EventLog, until: u64, options: FollowOptions) {
        let options = FollowOptions { until: Position::new(until), ..options };
        self.open().follow(log, options, &mut Unwatched).unwrap();
    }

    pub fn rebuild(&self, log: &impl EventLog) {
        rebuild(&self.path(), self.genesis.clone(), log, FollowOptions::default(), &mut Unwatched).unwrap();
    }

    pub fn digest(&self) -> Digest {
        self.open().digest().unwrap()
    }
}

/// The first column of a query's rows as numbers or text, for comparing with literals.
pub fn columns<T: rusqlite::types::FromSql>(connection: &Connection, sql: &str) -> Vec<T> {
    let mut statement = connection.prepare(sql).unwrap();
    statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

pub fn number(connection: &Connection, sql: &str) -> i64 {
    connection.query_row(sql, [], |row| row.get(0)).unwrap()
}

pub fn text(connection: &Connection, sql: &str) -> String {
    connection.query_row(sql, [], |row| row.get(0)).unwrap()
}
