//! The driver: reads what is new on the log, queues what the agency must be told, and tells it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::{Duration, Instant};

use fengsui_event::{AgencyCode, Event, EventId, Language, Timestamp};
use fengsui_log::{Embedded, EventLog as _, Position, StopFlag, Stored};
use fengsui_projector::query::{AnomalyRow, View};
use fengsui_projector::{ModelError, Registry};
use jiff::SignedDuration;

use super::channel::{Answer, Channel, Lines, STDOUT, may_repeat};
use super::concern::{
    Facts, anomalous_event, anomaly_notice, ends_rectification_term, is_told_anomaly, may_concern, notices,
};
use super::config::NotifyConfig;
use super::mail::{MAIL, Mail};
use super::schedule::{ATTEMPTS_MAX, wait_after};
use super::status::{self, NotifyStatus};
use super::store::{Cursor, Due, Mark, State, Step, Store, Wanted};
use super::trust::Trust;
use super::webhook::{PREFIX, Webhook};
use super::{NoticeId, NoticeKind, NotifyError};

/// How many records are read and noted in one transaction.
const COLLECT_RECORDS: usize = 512;

/// After how many bytes of records a transaction ends earlier.
const COLLECT_BYTES: usize = 4 << 20;

/// For how long one channel is served in one call before the next one has its turn.
const CHANNEL_TURN: Duration = Duration::from_mins(1);

/// What was recorded earlier than this before notifications were switched on is not told, also where it comes late.
const OLD_AFTER: SignedDuration = SignedDuration::from_hours(24);

/// Tells an agency what it must look at. The only writer of the node's file of notices.
pub struct Notifier {
    agency: AgencyCode,
    language: Language,
    since: Timestamp,
    store: Store,
    channels: Vec<Served>,
}

/// A channel that is switched on.
struct Served {
    channel: Box<dyn Channel>,
    kinds: Option<BTreeSet<NoticeKind>>,
    /// Since when the receiver is down it is not tried before this instant.
    paused_until: Option<Timestamp>,
    /// Attempts in a row that found it down.
    failures: u32,
}

/// What a call of [`Notifier::deliver`] did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DeliveryReport {
    /// Deliveries that were taken.
    pub sent: u64,
    /// Deliveries that were given up.
    pub failed: u64,
    /// Deliveries of which nobody knows whether they were taken.
    pub unknown: u64,
    /// Deliveries that still wait.
    pub waiting: u64,
    /// When the first of them may be tried; `None` when nothing waits.
    pub next_attempt: Option<Timestamp>,
}

impl Notifier {
    /// Switches notifications on in the node's folder `root`. When it is the first time, they begin with what comes after the head
    /// that the first [`collect`](Notifier::collect) is given. Looks at secret files, but at no host.
    ///
    /// Errors: [`NotifyError::Configuration`], [`NotifyError::Secret`], and those of the file of notices.
    pub fn open(root: &Path, config: &NotifyConfig, agency: AgencyCode, now: Timestamp) -> Result<Self, NotifyError> {
        Self::open_with_output(root, config, agency, now, Box::new(std::io::stdout()))
    }

    /// The same with another place for what is meant for standard output.
    pub fn open_with_output(
        root: &Path,
        config: &NotifyConfig,
        agency: AgencyCode,
        now: Timestamp,
        output: Box<dyn Write + Send>,
    ) -> Result<Self, NotifyError> {
        config.check()?;
        let channels = open_channels(root, config, output)?;
        let store = Store::open(root, &may_repeat)?;
        let since = store.cursor()?.map_or(now, |cursor| cursor.since);
        Ok(Self { agency, language: config.language, since, store, channels })
    }

    /// Reads the node's copy of the log from where it was left to `upto` (as far as the tables reach), and queues what concerns the
    /// agency. Returns how many notices are new. The first call only takes note of where the log ends: so it should be made when
    /// the copy is in step with the stream, lest what is copied late be taken for new.
    pub fn collect(&mut self, log: &Embedded, model: View<'_>, upto: Position) -> Result<usize, NotifyError> {
        let Some(cursor) = self.store.cursor()? else {
            let mark = log.read(upto, 1)?.first().map(|stored| mark_of(stored.position, stored.record.id));
            let cursor = Cursor { position: upto.get(), since: self.since };
            return self.store.advance(&[], &[], cursor, mark);
        };
        let mut position = self.common_position(log, cursor)?;
        // To read the registry costs the parsing of every rulebook; until something is new it is not needed.
        if position >= upto.get() {
            return Ok(0);
        }
        let (progress, registry) = model.progress()?;
        let Some(registry) = registry else { return Ok(0) };
        let mut new = 0;
        let upto = upto.get().min(progress.position);
        while position < upto {
            let records = read_slice(log, position, upto)?;
            let Some(last) = records.last() else { break };
            let mark = mark_of(last.position, last.record.id);
            let steps = self.steps(&records, model, &registry)?;
            position = mark.position;
            let cursor = Cursor { position, since: cursor.since };
            new += self.store.advance(&steps, &self.wanted(), cursor, Some(mark))?;
        }
        Ok(new)
    }

    /// Sends what is due. Blocks while receivers answer, at most about a minute for each channel, and ends early when `stop` is raised.
    pub fn deliver(&mut self, now: Timestamp, stop: &StopFlag) -> Result<DeliveryReport, NotifyError> {
        let mut report = DeliveryReport::default();
        let clock = Clock { now, started: Instant::now() };
        for served in &mut self.channels {
            serve(&mut self.store, served, &clock, stop, &mut report)?;
            served.channel.rest();
        }
        for served in &self.channels {
            let (waiting, next) = self.store.waiting(served.channel.name())?;
            report.waiting += waiting;
            let next = next.map(|next| served.paused_until.map_or(next, |until| next.max(until)));
            report.next_attempt = match (report.next_attempt, next) {
                (Some(first), Some(next)) => Some(first.min(next)),
                (first, next) => first.or(next),
            };
        }
        Ok(report)
    }

    /// What was told and what waits.
    pub fn status(&self) -> Result<NotifyStatus, NotifyError> {
        let names: Vec<&str> = self.channels.iter().map(|served| served.channel.name()).collect();
        status::read(&self.store, &names)
    }

    fn wanted(&self) -> Vec<Wanted> {
        let wanted =
            |served: &Served| Wanted { channel: served.channel.name().to_owned(), kinds: served.kinds.clone() };
        self.channels.iter().map(wanted).collect()
    }

    /// The last position that was read and holds the same event still. It lies before the cursor when the copy was drawn anew:
    /// then everything behind it is looked at again, and what was told stays told.
    fn common_position(&self, log: &Embedded, cursor: Cursor) -> Result<u64, NotifyError> {
        for mark in self.store.marks()? {
            let Some(position) = Position::new(mark.position) else { continue };
            let there = log.read(position, 1)?;
            if there.first().is_some_and(|stored| stored.position == position && stored.record.id == mark.event) {
                if mark.position < cursor.position {
                    tracing::warn!(
                        from = mark.position,
                        until = cursor.position,
                        "the copy of the log was drawn anew; it is looked at again for what was not told"
                    );
                }
                return Ok(mark.position);
            }
        }
        Ok(0)
    }

    fn steps(&self, records: &[Stored], model: View<'_>, registry: &Registry) -> Result<Vec<Step>, NotifyError> {
        let (Some(first), Some(last)) = (records.first(), records.last()) else { return Ok(Vec::new()) };
        let anomalies = model.anomalies_between(first.position.get(), last.position.get())?;
        let without_effect: BTreeSet<u64> =
            anomalies.iter().filter(|row| !row.notice).map(|row| row.position).collect();
        let mut events = BTreeMap::new();
        let mut steps = Vec::new();
        for Stored { position, record } in records {
            let Ok(event) = Event::parse(&record.bytes) else { continue };
            if event.time < self.since.saturating_sub(OLD_AFTER).unwrap_or(self.since) {
                continue;
            }
            events.insert(position.get(), event.time);
            if !without_effect.contains(&position.get()) {
                self.steps_of(&event, position.get(), model, registry, &mut steps)?;
            }
        }
        let told = anomalies.iter().filter(|row| is_told_anomaly(row, self.agency));
        self.steps_of_anomalies(told.filter(|row| events.contains_key(&row.position)), &events, registry, &mut steps);
        Ok(steps)
    }

    fn steps_of(
        &self,
        event: &Event,
        position: u64,
        model: View<'_>,
        registry: &Registry,
        steps: &mut Vec<Step>,
    ) -> Result<(), ModelError> {
        let Some(payload) = event.payload().filter(|payload| may_concern(payload, self.agency)) else { return Ok(()) };
        let case = event.correlation.map(|case| model.case(case)).transpose()?.flatten();
        if let Some(case) = event.correlation.filter(|_| ends_rectification_term(payload)) {
            steps.push(Step::EndTerm(case));
        }
        let facts = Facts { agency: self.agency, language: self.language, registry, case: case.as_ref() };
        steps.extend(notices(event, position, &facts).into_iter().map(|notice| Step::Tell(Box::new(notice))));
        Ok(())
    }

    /// One notice for all anomalies of a code that are found together: whoever floods the log with forgeries must not flood
    /// the agency's mailbox.
    fn steps_of_anomalies<'a>(
        &self,
        rows: impl Iterator<Item = &'a AnomalyRow>,
        times: &BTreeMap<u64, Timestamp>,
        registry: &Registry,
        steps: &mut Vec<Step>,
    ) {
        let mut by_code: BTreeMap<&str, Vec<&AnomalyRow>> = BTreeMap::new();
        for row in rows {
            by_code.entry(&row.code).or_default().push(row);
        }
        let facts = Facts { agency: self.agency, language: self.language, registry, case: None };
        for rows in by_code.values() {
            let Some((first, others)) = rows.split_first() else { continue };
            let recorded_at = times.get(&first.position).copied();
            steps.push(Step::Tell(Box::new(anomaly_notice(first, others.len(), recorded_at, &facts))));
            let together = |row: &&AnomalyRow| NoticeId { event: anomalous_event(row), kind: NoticeKind::Anomaly };
            steps.extend(others.iter().map(together).map(Step::ToldWith));
        }
    }
}

fn open_channels(
    root: &Path,
    config: &NotifyConfig,
    output: Box<dyn Write + Send>,
) -> Result<Vec<Served>, NotifyError> {
    let trust = Trust::load(config.ca_file.as_ref().map(|path| root.join(path)).as_deref())?;
    let served = |channel: Box<dyn Channel>, kinds: Option<&BTreeSet<NoticeKind>>| Served {
        channel,
        kinds: kinds.cloned(),
        paused_until: None,
        failures: 0,
    };
    let mut channels = Vec::new();
    if config.stdout {
        let lines = Lines { output, json: config.stdout_json, language: config.language };
        channels.push(served(Box::new(lines), None));
    }
    for webhook in &config.webhooks {
        channels.push(served(Box::new(Webhook::open(webhook, root, &trust)?), webhook.kinds.as_ref()));
    }
    if let Some(mail) = &config.mail {
        let channel = Mail::open(mail, root, &trust, config.language)?;
        channels.push(served(Box::new(channel), mail.kinds.as_ref()));
    }
    Ok(channels)
}

/// The names that the channels of a configuration have in the status.
pub(super) fn channel_names(config: &NotifyConfig) -> Vec<String> {
    let webhooks = config.webhooks.iter().map(|webhook| format!("{PREFIX}{}", webhook.name));
    let stdout = config.stdout.then(|| STDOUT.to_owned());
    stdout.into_iter().chain(webhooks).chain(config.mail.iter().map(|_| MAIL.to_owned())).collect()
}

const fn mark_of(position: Position, event: EventId) -> Mark {
    Mark { position: position.get(), event }
}

fn read_slice(log: &Embedded, after: u64, upto: u64) -> Result<Vec<Stored>, NotifyError> {
    let (mut records, mut bytes) = (Vec::new(), 0);
    let Some(from) = Position::new(after + 1) else { return Ok(records) };
    log.scan(from, Position::new(upto), &mut |position, record| {
        bytes += record.bytes.len();
        records.push(Stored { position, record: record.to_record() });
        if records.len() < COLLECT_RECORDS && bytes < COLLECT_BYTES {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    })?;
    Ok(records)
}

/// The time of the caller, going on while receivers take theirs: a signature's time must not be old when it is made.
struct Clock {
    now: Timestamp,
    started: Instant,
}

impl Clock {
    fn now(&self) -> Timestamp {
        let passed = SignedDuration::try_from(self.started.elapsed()).unwrap_or_default();
        self.now.saturating_add(passed).unwrap_or(self.now)
    }
}

fn serve(
    store: &mut Store,
    served: &mut Served,
    clock: &Clock,
    stop: &StopFlag,
    report: &mut DeliveryReport,
) -> Result<(), NotifyError> {
    let began = Instant::now();
    while !stop.is_stopped() && began.elapsed() < CHANNEL_TURN {
        let now = clock.now();
        if served.paused_until.is_some_and(|until| until > now) {
            return Ok(());
        }
        let due = store.due(served.channel.name(), now, served.channel.batch_max())?;
        if due.is_empty() {
            return Ok(());
        }
        let numbers: Vec<i64> = due.iter().map(|due| due.number).collect();
        store.begin(served.channel.name(), &numbers, now)?;
        let notices: Vec<_> = due.iter().map(|due| due.notice.clone()).collect();
        let answer = served.channel.send(&notices, now);
        settle(store, served, &due, answer, clock.now(), report)?;
    }
    Ok(())
}

/// Notes what became of notices that were sent together.
fn settle(
    store: &mut Store,
    served: &mut Served,
    due: &[Due],
    answer: Answer,
    now: Timestamp,
    report: &mut DeliveryReport,
) -> Result<(), NotifyError> {
    let channel = served.channel.name().to_owned();
    let count = due.len() as u64;
    let all = |state: State| due.iter().map(|due| (due.number, state, None)).collect::<Vec<_>>();
    let is_down = matches!(answer, Answer::Retry { channel_is_down: true, .. });
    served.failures = if is_down { served.failures.saturating_add(1) } else { 0 };
    served.paused_until = None;
    let (ended, remark) = match answer {
        Answer::Sent { remark } => {
            report.sent += count;
            (all(State::Sent), remark)
        }
        Answer::Failed { reason } => {
            report.failed += count;
            (all(State::Failed), Some(reason))
        }
        Answer::Unknown { reason } => {
            report.unknown += count;
            (all(State::Unknown), Some(reason))
        }
        Answer::Retry { reason, asked, channel_is_down } => {
            let asked = asked.unwrap_or_default();
            if channel_is_down {
                served.paused_until = after(now, wait_after(served.failures, &channel).max(asked));
            }
            let again = |due: &Due| {
                let salt = format!("{channel} {}", due.notice.id);
                let attempt = due.attempts + 1;
                if attempt >= ATTEMPTS_MAX {
                    report.failed += 1;
                    return (due.number, State::Failed, None);
                }
                (due.number, State::Queued, after(now, wait_after(attempt, &salt).max(asked)))
            };
            (due.iter().map(again).collect(), Some(reason))
        }
    };
    if let Some(reason) = &remark {
        tracing::warn!(channel, notices = count, reason, "notices were not delivered as they should be");
    }
    store.finish(&channel, &ended, remark.as_deref(), now)
}

fn after(now: Timestamp, wait: SignedDuration) -> Option<Timestamp> {
    now.saturating_add(wait).ok()
}
