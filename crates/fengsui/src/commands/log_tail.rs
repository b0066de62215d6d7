//! The end of a log, and what comes after it.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use fengsui_event::Timestamp;
use fengsui_log::jetstream::{Broker, Stream, TailError};
use fengsui_log::{Embedded, EventLog, Position, Stored};
use fengsui_node::NodeError;
use fengsui_node::folder::Folder;
use fengsui_node::station::status::{Status, Trouble};
use serde_json::json;

use super::history::{HISTORY, line_of};
use super::{log, source};
use crate::arguments::read::TailArguments;
use crate::exit::{Exit, Failure};
use crate::interrupt;
use crate::output::{Listing, cell_text, one_line};
use crate::session::Session;

/// How many events are shown at a time.
const EVENTS_AT_ONCE: usize = 256;
/// How long the next events are waited for before anything else is looked at.
const WAIT: Duration = Duration::from_millis(200);
/// Between tries to reach a broker that was out of reach.
const RETRY: Duration = Duration::from_secs(2);

/// Shows the last events, and those that come if that is asked for.
pub fn run(session: &Session, arguments: &TailArguments) -> Result<Exit, Failure> {
    if arguments.follow && session.global.as_of.is_some() {
        return Err(Failure::usage(
            "--follow 与 --as-of 不能同时使用：过去不再增加",
            "--follow and --as-of exclude each other: the past does not go on",
        ));
    }
    let (log, head) = log::open(session, &arguments.log)?;
    let end = head.map_or(0, Position::get);
    let count = u64::try_from(arguments.lines).unwrap_or(u64::MAX).min(end);
    let first = Position::new(end - count + 1).unwrap_or(Position::FIRST);
    if arguments.follow {
        return follow(session, arguments, log.as_ref(), first);
    }
    let mut listing = Listing::begin(&session.output, "events", None, HISTORY)?;
    let mut failure = None;
    if count > 0 {
        log.scan(first, head, &mut |position, record| {
            let line = line_of(&Stored { position, record: record.to_record() }, session.language());
            match listing.row(&line) {
                Ok(()) => ControlFlow::Continue(()),
                Err(error) => {
                    failure = Some(error);
                    ControlFlow::Break(())
                }
            }
        })?;
    }
    if let Some(failure) = failure {
        return Err(failure);
    }
    listing.end(Ok(()))?;
    Ok(Exit::Done)
}

/// Shows events as they come, each at once, until somebody asks to stop.
fn follow(session: &Session, arguments: &TailArguments, log: &dyn EventLog, first: Position) -> Result<Exit, Failure> {
    interrupt::watch();
    let output = &session.output;
    if !output.json() {
        let titles: Vec<&str> = HISTORY.iter().map(|column| column.title(session.language())).collect();
        output.line(&titles.join("\t"))?;
        output.flush()?;
    }
    let mut shown = Shown { session, next: first };
    match &arguments.log.from {
        Some(from) => {
            let access = source::access(session, &[from], &arguments.log.access)?;
            match from.stream(&access).map_err(source::failure)? {
                Some(stream) => follow_stream(&mut shown, &stream)?,
                None => while shown.next_of(log)? {},
            }
        }
        None => match Folder::open(&session.global.data)? {
            folder if folder.node().broker.is_some() => follow_node(&mut shown, log, &folder)?,
            _ => while shown.next_of(log)? {},
        },
    }
    Err(Failure::Interrupted)
}

/// What was shown so far.
struct Shown<'a> {
    session: &'a Session,
    /// The position that is shown next.
    next: Position,
}

impl Shown<'_> {
    /// Shows what a log holds beyond that, or waits a moment. Whether to go on.
    fn next_of(&mut self, log: &dyn EventLog) -> Result<bool, Failure> {
        let records = log.read(self.next, EVENTS_AT_ONCE)?;
        if records.is_empty() {
            log.wait(Position::new(self.next.get() - 1), WAIT)?;
        }
        self.show(&records)?;
        Ok(!interrupt::wanted())
    }

    fn show(&mut self, records: &[Stored]) -> Result<(), Failure> {
        let output = &self.session.output;
        let language = self.session.language();
        for stored in records {
            let line = line_of(stored, language);
            if output.json() {
                output.json_line(&json!({"type": "row", "event": line}))?;
            } else {
                let cells = HISTORY.iter().map(|column| cell_text(&(column.value)(&line, language)));
                output.line(&cells.map(|cell| one_line(&cell)).collect::<Vec<_>>().join("\t"))?;
                output.flush()?;
            }
            self.next = stored.position.next();
        }
        Ok(())
    }
}

/// The node's copy while the node runs and keeps it, and from then on the stream itself.
fn follow_node(shown: &mut Shown<'_>, log: &dyn EventLog, folder: &Folder) -> Result<(), Failure> {
    // What the copy holds is shown also when the stream is out of reach.
    while Some(shown.next) <= log.head()? && shown.next_of(log)? {}
    while is_running(folder) && !interrupt::wanted() {
        // A copy that was drawn again is another file.
        let copy = Embedded::open_reader(folder.log())?;
        let opened = Instant::now();
        while opened.elapsed() < RETRY && shown.next_of(&copy)? {}
    }
    let mut away = Away::default();
    while !interrupt::wanted() {
        match reach(folder) {
            Ok(stream) => return follow_stream(shown, &stream),
            Err(error) if error.exit() == Exit::KeptForLater => {
                away.tell(shown.session, &error.message(shown.session.language()));
                wait(RETRY);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Whether a node runs on the folder, by what it says of itself.
fn is_running(folder: &Folder) -> bool {
    Status::read(folder.root()).is_some_and(|status| status.health(Timestamp::now()) != Some(Trouble::Silent))
}

fn reach(folder: &Folder) -> Result<Stream, Failure> {
    let broker = Broker::connect(fengsui_node::broker::options(folder).map_err(NodeError::from)?);
    let stream = broker.and_then(|broker| Stream::open(&broker, folder.exchange().region));
    Ok(stream.map_err(NodeError::from)?)
}

/// Follows the stream through every interruption of the connection.
fn follow_stream(shown: &mut Shown<'_>, stream: &Stream) -> Result<(), Failure> {
    let mut tail = stream.tail(shown.next);
    let mut away = Away::default();
    while !interrupt::wanted() {
        match tail.next(EVENTS_AT_ONCE, WAIT) {
            Ok(records) => {
                away = Away::default();
                shown.show(&records)?;
            }
            Err(TailError::Broker(error)) if error.is_out_of_reach() => {
                away.tell(shown.session, &error.to_string());
                wait(WAIT);
            }
            Err(error) => return Err(NodeError::from(error).into()),
        }
    }
    Ok(())
}

fn wait(time: Duration) {
    let started = Instant::now();
    while started.elapsed() < time && !interrupt::wanted() {
        std::thread::sleep(WAIT.min(time));
    }
}

/// Whether it was told that the stream is out of reach.
#[derive(Default)]
struct Away(bool);

impl Away {
    fn tell(&mut self, session: &Session, reason: &str) {
        if !std::mem::replace(&mut self.0, true) {
            session.output.note(
                format!("消息流无法连接，恢复后继续显示：{reason}"),
                format!("the stream is out of reach; it goes on when that is over: {reason}"),
            );
        }
    }
}
