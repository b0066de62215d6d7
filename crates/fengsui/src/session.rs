//! One run of the program: what was asked for every command, and how folders are opened for it.

use std::time::{Duration, Instant};

use fengsui_event::date::day_of;
use fengsui_event::{AgencyCode, Date, Language, Timestamp};
use fengsui_log::{Embedded, StorageError};
use fengsui_node::as_of::{Moment, Past, resolve};
use fengsui_node::folder::Folder;
use fengsui_node::outbox::LostEnd;
use fengsui_node::reading::{Reading, storage_of};
use fengsui_node::{Node, NodeError};
use fengsui_projector::Registry;
use fengsui_projector::query::View;
use fengsui_rulebook::Rulebook;

use crate::arguments::Global;
use crate::exit::Failure;
use crate::interrupt;
use crate::output::{Bar, Output};

/// How long a command waits for another one that is just writing.
const WRITER_PATIENCE: Duration = Duration::from_secs(2);
/// Between tries.
const WRITER_RETRY: Duration = Duration::from_millis(50);

/// One run of the program.
pub struct Session {
    /// What holds for every command.
    pub global: Global,
    /// Where results go.
    pub output: Output,
    /// When the run began: the time at which its events are recorded.
    pub now: Timestamp,
}

impl Session {
    /// The day on which the run began.
    pub fn today(&self) -> Date {
        day_of(self.now)
    }

    /// The language of texts.
    pub fn language(&self) -> Language {
        self.output.language()
    }

    /// Opens the folder to write. The past cannot be written.
    pub fn node(&self) -> Result<Node, Failure> {
        self.refuse_as_of()?;
        let started = Instant::now();
        loop {
            let mut bar = Bar::new(self.output.look(), "更新查询库", "Bringing the tables up to date");
            match Node::open_watched(&self.global.data, &mut bar) {
                Err(error) if is_second_writer(&error) && started.elapsed() < WRITER_PATIENCE => {
                    std::thread::sleep(WRITER_RETRY);
                }
                opened => {
                    let node = opened?;
                    self.tell_of_mending(node.mended());
                    return Ok(node);
                }
            }
        }
    }

    /// Refuses `--as-of` where it means nothing.
    pub fn refuse_as_of(&self) -> Result<(), Failure> {
        if self.global.as_of.is_none() {
            return Ok(());
        }
        Err(Failure::usage(
            "--as-of 只用于查询：过去的记录不能更改",
            "--as-of is for looking: the past cannot be written",
        ))
    }

    /// The agency for which a command acts.
    pub fn agency(&self, folder: &Folder) -> AgencyCode {
        self.global.agency.unwrap_or(folder.node().agency)
    }

    /// The agency for which a command acts, whose key the folder must hold.
    pub fn actor(&self, folder: &Folder) -> Result<AgencyCode, Failure> {
        let agency = self.agency(folder);
        if folder.key(agency).exists() {
            return Ok(agency);
        }
        Err(Failure::NoKey { agency, have: agencies_with_keys(folder) })
    }

    /// Opens the folder to read, as of the moment that was asked for.
    pub fn tables(&self) -> Result<Tables, Failure> {
        let present = self.present()?;
        let Some(as_of) = self.global.as_of else {
            let moment = Moment { position: present.progress().position, date: self.today() };
            return Ok(Tables { present, past: None, moment });
        };
        let position = present.progress().position;
        let moment = resolve(as_of, present.log(), present.view(), position)?;
        self.output.note(
            format!("截至位置 {}（{}）", moment.position, moment.date),
            format!("as of position {} ({})", moment.position, moment.date),
        );
        let past = if moment.position == position {
            None
        } else {
            interrupt::watch();
            let mut bar = Bar::new(self.output.look(), "重放日志", "Replaying the log");
            Some(Past::draw(present.folder().exchange(), present.log(), moment.position, &mut bar)?)
        };
        Ok(Tables { present, past, moment })
    }

    /// A log that was put back from a backup is nothing to be silent about, even when nothing is lost.
    fn tell_of_mending(&self, mended: Option<LostEnd>) {
        if let Some(LostEnd { head, position, .. }) = mended {
            self.output.warn(
                format!("日志只到位置 {head}，而发件箱已写到 {position}；缺少的事件已由发件箱重新写入日志"),
                format!(
                    "the log ended at position {head}, but the outbox has published up to {position}: \
                     what was missing of it is on the log again"
                ),
            );
        }
    }

    /// Opens the folder to read, as it is now, and says so when the tables are behind.
    pub fn present(&self) -> Result<Reading, Failure> {
        let mut bar = Bar::new(self.output.look(), "更新查询库", "Bringing the tables up to date");
        let reading = Reading::open(&self.global.data, &mut bar)?;
        self.tell_of_mending(reading.mended());
        if let Some(reason) = reading.cut() {
            let position = reading.progress().position;
            self.output.note(
                format!("消息流无法连接，显示至位置 {position}：{reason}"),
                format!("the stream is out of reach; shown up to position {position}: {reason}"),
            );
        }
        if reading.waiting() > 0 {
            let waiting = reading.waiting();
            self.output.note(
                format!("发件箱中有 {waiting} 个事件待发布，尚未计入下列内容"),
                format!("{waiting} events wait in the outbox and are not in what is shown"),
            );
        }
        if let (Some(error), position, head) = (reading.kept_back(), reading.progress().position, reading.head())
            && reading.lag() > 0
        {
            self.output.note(
                format!("显示至位置 {position}，日志已到 {head}：{error}"),
                format!("shown up to position {position}; the log is at {head}: {error}"),
            );
        }
        Ok(reading)
    }
}

fn is_second_writer(error: &NodeError) -> bool {
    matches!(storage_of(error), Some(StorageError::SecondWriter { .. }))
}

/// The agencies for which a folder can act.
pub fn agencies_with_keys(folder: &Folder) -> Vec<AgencyCode> {
    let entries = std::fs::read_dir(folder.keys()).into_iter().flatten().flatten();
    let code = |name: std::ffi::OsString| name.to_str()?.strip_suffix(".seed")?.parse().ok();
    let mut agencies: Vec<AgencyCode> = entries.filter_map(|entry| code(entry.file_name())).collect();
    agencies.sort_unstable();
    agencies
}

/// The tables as of a moment.
pub struct Tables {
    present: Reading,
    past: Option<Past>,
    /// The moment.
    pub moment: Moment,
}

impl Tables {
    /// The folder.
    pub fn folder(&self) -> &Folder {
        self.present.folder()
    }

    /// The log, which goes on after the moment.
    pub fn log(&self) -> &Embedded {
        self.present.log()
    }

    /// Whether the tables are those of now.
    pub fn is_present(&self) -> bool {
        self.moment.position == self.present.progress().position
    }

    /// The tables.
    pub fn view(&self) -> View<'_> {
        self.past.as_ref().map_or_else(|| self.present.view(), Past::view)
    }

    /// Agencies, keys, rulebooks.
    pub fn registry(&self) -> &Registry {
        self.past.as_ref().map_or_else(|| self.present.registry(), Past::registry)
    }

    /// The rulebook in force on the moment's day.
    pub fn book(&self) -> Option<&Rulebook> {
        self.registry().rulebook(self.moment.date).ok().map(AsRef::as_ref)
    }
}

/// Names of agencies and categories, as far as a rulebook or the registry knows them.
pub struct Names<'a> {
    registry: &'a Registry,
    book: Option<&'a Rulebook>,
    language: Language,
}

impl<'a> Names<'a> {
    /// Names by a registry and its rulebook of a day.
    pub fn new(registry: &'a Registry, on: Date, language: Language) -> Self {
        let book = registry.rulebook(on).ok().map(AsRef::as_ref);
        Self { registry, book, language }
    }

    /// An agency: code and name.
    pub fn agency(&self, code: AgencyCode) -> String {
        let by_book = self.book.and_then(|book| book.agency(&code)).map(|agency| agency.name(self.language));
        let by_registry = || self.registry.agencies.get(&code).map(|agency| agency.name.as_str());
        by_book.or_else(by_registry).map_or_else(|| code.to_string(), |name| format!("{code} {name}"))
    }

    /// A kind of violation: code and name.
    pub fn category(&self, code: &fengsui_event::CategoryCode) -> String {
        let name = self.book.and_then(|book| book.category(code)).map(|category| category.name(self.language));
        name.map_or_else(|| code.to_string(), |name| format!("{code} {name}"))
    }
}
