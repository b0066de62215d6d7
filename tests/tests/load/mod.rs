//! A city at work: cases that go from desk to desk through the program, as fast as it can, and what of it was acknowledged.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use fengsui_event::EventId;
use fengsui_tests::{City, PILOT, Ran, signal};
use serde_json::Value;

use crate::faults::Dice;

/// A kind of violation for each agency of the pilot that leads in it.
const CATEGORIES: [&str; 8] = [
    "fire.60-3",
    "fire.58-1",
    "licence.travel-agency",
    "fire.65-sold",
    "licence.school",
    "licence.entertainment",
    "fire.65-made",
    "sanitation.refuse",
];

/// Units that each agency knows.
const UNITS: u64 = 4;
/// Cases that are worked on at a time.
const OPEN_CASES: usize = 24;
/// After which refusals a case is left as it is: a killed command may have done its step.
const REFUSALS: u32 = 20;

/// What the program may say when it has done nothing: that what another desk did has not arrived yet, or that the folder is in use.
const NOTHING_DONE: &[&str] = &["no_such_id", "missing", "not_closable", "second_writer", "tables_behind"];
/// What it says when a step was done before: by a command that was killed.
const DONE_BEFORE: &[&str] = &["referral_state", "feedback_answered", "case_state"];

/// What came of a report, by its facts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fate {
    /// The program said that it is done, or accepted.
    Acknowledged,
    /// The program was killed before it said anything.
    Unknown,
    /// The program said that nothing was done.
    Nothing,
}

/// A case on its way.
#[derive(Debug)]
struct Case {
    id: String,
    reporter: &'static str,
    lead: String,
    step: usize,
    refusals: u32,
    /// Whether a command that was to do the step was killed.
    is_killed: bool,
}

/// What has been done so far.
#[derive(Debug, Default)]
pub struct Work {
    book: Mutex<Book>,
    over: AtomicBool,
}

#[derive(Debug, Default)]
struct Book {
    cases: Vec<Case>,
    reports: u64,
    fates: BTreeMap<String, Fate>,
    acknowledged: BTreeSet<EventId>,
    /// How often the program ended in which way.
    ends: BTreeMap<String, u64>,
    /// The processes that run, by number of the worker.
    running: BTreeMap<u64, u32>,
    killed: u64,
    closed: u64,
}

/// See [`Work::ending`].
pub struct Ending<'a>(&'a Work);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.over.store(true, Ordering::Release);
    }
}

/// How a command ended.
enum End {
    /// It is done, or kept for later; the events, and the whole document.
    Acknowledged(Value),
    /// Nothing was done.
    Nothing,
    /// Nothing was done, because it had been done.
    DoneBefore(Ran),
    /// It was killed.
    Killed,
}

impl Work {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the work is to end, or somebody has failed.
    pub fn is_over(&self) -> bool {
        self.over.load(Ordering::Acquire)
    }

    /// Ends all workers after their present command as soon as the value is dropped: also when whoever holds it fails.
    pub fn ending(&self) -> Ending<'_> {
        Ending(self)
    }

    /// Works until the end: takes a case a step further, or reports another one.
    pub fn worker(&self, city: &City, number: u64, seed: u64) {
        let mut dice = Dice(seed.wrapping_add(number << 32));
        let failing = self.ending();
        while !self.is_over() {
            let taken = {
                let mut book = self.book();
                let count = book.cases.len();
                let is_report = count == 0 || (count < OPEN_CASES && dice.below(3) == 0);
                if is_report { None } else { Some(book.cases.swap_remove(pick(&mut dice, count))) }
            };
            match taken {
                None => self.report(city, number, &mut dice),
                Some(case) => self.step(city, number, case),
            }
        }
        drop(failing);
    }

    fn report(&self, city: &City, number: u64, dice: &mut Dice) {
        let reporter = PILOT[pick(dice, PILOT.len())];
        let category = CATEGORIES[pick(dice, CATEGORIES.len())];
        let unit = format!("local.{reporter}:{}", dice.below(UNITS));
        let facts = {
            let mut book = self.book();
            book.reports += 1;
            format!("第{}号", book.reports)
        };
        let words = ["violation", "report", "--unit", &unit, "--name", "店", "--region", "350602", "--category"];
        let words = words.iter().copied().chain([category, "--facts", &facts, "--json"]);
        let end = self.run(city, number, reporter, &words.collect::<Vec<_>>());
        let mut book = self.book();
        let fate = match &end {
            End::Acknowledged(document) => {
                let id = text(&document["case"]);
                let (lead, step) = next_step(document);
                book.cases.push(Case { id, reporter, lead, step, refusals: 0, is_killed: false });
                Fate::Acknowledged
            }
            End::Nothing => Fate::Nothing,
            End::DoneBefore(ran) => panic!("a report is a new one\n{ran}"),
            End::Killed => Fate::Unknown,
        };
        book.fates.insert(facts, fate);
    }

    /// Acknowledged, answered, confirmed, closed.
    fn step(&self, city: &City, number: u64, mut case: Case) {
        let id = case.id.as_str();
        let (desk, words) = match case.step {
            0 => (case.lead.as_str(), vec!["referral", "acknowledge", id]),
            1 => (
                case.lead.as_str(),
                vec!["feedback", "submit", id, "--outcome", "no_violation", "--summary", "查无实据"],
            ),
            2 => (case.reporter, vec!["feedback", "confirm", id]),
            _ => (case.lead.as_str(), vec!["case", "close", id, "--ground", "no_violation"]),
        };
        let words: Vec<&str> = words.into_iter().chain(["--json"]).collect();
        let end = self.run(city, number, desk, &words);
        let mut book = self.book();
        match end {
            End::Acknowledged(document) if document["state"]["status"] == "closed" => {
                book.closed += 1;
                return;
            }
            End::Acknowledged(document) => {
                case = Case { step: next_step(&document).1, refusals: 0, is_killed: false, ..case };
            }
            End::DoneBefore(ran) => {
                assert!(case.is_killed, "done before, and nobody did it\n{ran}");
                // What an agency answers itself needs no confirmation, so that the next step may be done as well.
                let is_killed = case.lead == case.reporter;
                case = Case { step: case.step + 1, refusals: 0, is_killed, ..case };
            }
            End::Nothing => case.refusals += 1,
            End::Killed => case.is_killed = true,
        }
        if case.step <= 3 && case.refusals < REFUSALS {
            book.cases.push(case);
        }
    }

    /// Runs a command at a desk. It may be killed meanwhile.
    fn run(&self, city: &City, number: u64, desk: &str, words: &[&str]) -> End {
        let folder = city.folder(desk);
        let mut child = folder.spawn(words);
        self.book().running.insert(number, child.id());
        // A process that has ended keeps its number until it is waited for, and nobody kills another one in its place.
        let (mut stdout, mut stderr) = (String::new(), String::new());
        child.stdout.take().unwrap().read_to_string(&mut stdout).unwrap();
        child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
        let mut book = self.book();
        book.running.remove(&number);
        let code = child.wait().unwrap().code();
        let ran = Ran { what: format!("{desk}: {}", words.join(" ")), code, stdout, stderr };
        book.ended(ran)
    }

    /// Kills a command that runs, if one does.
    pub fn kill_command(&self, dice: &mut Dice) -> bool {
        let mut book = self.book();
        let running: Vec<u32> = book.running.values().copied().collect();
        let Some(process) = running.get(pick(dice, running.len())) else { return false };
        signal(*process, "KILL");
        book.killed += 1;
        true
    }

    /// Every event whose command said that it is done or accepted.
    pub fn acknowledged(&self) -> BTreeSet<EventId> {
        self.book().acknowledged.clone()
    }

    /// What came of each report, by its facts.
    pub fn fates(&self) -> BTreeMap<String, Fate> {
        self.book().fates.clone()
    }

    /// What was done, for people.
    pub fn summary(&self) -> String {
        let book = self.book();
        let Book { reports, closed, killed, acknowledged, ends, .. } = &*book;
        format!(
            "{reports} reports, {closed} cases closed, {killed} commands killed, {} events acknowledged, {ends:?}",
            acknowledged.len()
        )
    }

    /// Whether work was done to an end.
    pub fn closed(&self) -> u64 {
        self.book().closed
    }
}

impl Book {
    /// Notes how a command ended. Whatever is none of the known ends fails the test.
    #[track_caller]
    fn ended(&mut self, ran: Ran) -> End {
        assert!(!ran.stderr.contains("panicked at"), "{ran}");
        // A command that was killed after it had told all is as good as one that ended.
        let told = serde_json::from_str::<Value>(&ran.stdout).ok().filter(|document| document["events"].is_array());
        let mut is_before = false;
        let how = match ran.code {
            Some(0 | 6) => ran.code.unwrap().to_string(),
            None => "killed".to_owned(),
            Some(code) => {
                let error = ran.json_error();
                let said = text(&error["code"]);
                is_before = DONE_BEFORE.contains(&said.as_str());
                assert!(is_before || NOTHING_DONE.contains(&said.as_str()), "{ran}");
                format!("{code} {said}")
            }
        };
        *self.ends.entry(how).or_default() += 1;
        match (told, ran.code) {
            (Some(document), Some(0 | 6) | None) => {
                let events = document["events"].as_array().unwrap();
                self.acknowledged.extend(events.iter().map(|event| text(&event["id"]).parse::<EventId>().unwrap()));
                End::Acknowledged(document)
            }
            (None, Some(0 | 6)) => panic!("nothing told\n{ran}"),
            (None, None) => End::Killed,
            (None, Some(_)) if is_before => End::DoneBefore(ran),
            (None, Some(_)) => End::Nothing,
            (Some(_), Some(_)) => panic!("told, and failed\n{ran}"),
        }
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}

/// Who leads in a case, and what comes next in it.
fn next_step(document: &Value) -> (String, usize) {
    let referrals = document["state"]["referrals"].as_array().unwrap();
    let lead = referrals.iter().find(|referral| referral["role"] == "lead").unwrap();
    let step = ["issued", "acknowledged", "fed_back", "confirmed"].iter().position(|status| lead["status"] == *status);
    (text(&lead["addressee"]), step.unwrap_or_else(|| panic!("no step comes after {lead}")))
}

/// One of so many.
pub fn pick(dice: &mut Dice, count: usize) -> usize {
    usize::try_from(dice.below(count as u64)).unwrap()
}
