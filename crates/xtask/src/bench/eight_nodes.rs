//! Eight agencies with a node each, and the authority's: violations with their whole handling, as fast as the desks can.
//!
//! Commands come in beside the running nodes, as the program's own do, many in one transaction; one thread sits at each agency's desk.

use std::collections::{BTreeSet, VecDeque};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use fengsui_event::payload::CaseClosed;
use fengsui_event::{AgencyCode, CaseId, ClosingGround, Outcome, Payload, Timestamp};
use fengsui_node::desk::{Addressed, Command, PlanError, RandomIds};
use fengsui_node::folder::Folder;
use fengsui_node::node::genesis;
use fengsui_node::{Node, NodeError};
use fengsui_projector::Projector;
use fengsui_projector::digest::state_digest;

use super::exchange::{Exchange, Running, literal, report, today, until};
use super::measure::{peak_memory_of, rate};
use super::nodes::pending;
use super::report::Line;
use crate::failure::Failure;

/// The agencies of the pilot, each with a kind of violation that it leads in.
const AGENCIES: [(&str, &str); 8] = [
    ("fire", "fire.60-3"),
    ("housing", "fire.58-1"),
    ("tourism", "licence.travel-agency"),
    ("commerce", "fire.65-sold"),
    ("education", "licence.school"),
    ("culture", "licence.entertainment"),
    ("quality", "fire.65-made"),
    ("urban", "sanitation.refuse"),
];
/// Commands of one transaction.
const AT_ONCE: usize = 200;
/// How long a desk rests that can do nothing.
const REST: Duration = Duration::from_millis(20);
/// Most memory of a node, in MiB.
const MEMORY_GOAL_MIB: u64 = 150;

/// What somebody has to do next in a case.
#[derive(Clone, Copy)]
enum Step {
    Report,
    Acknowledge(CaseId),
    Answer(CaseId),
    Confirm(CaseId),
    Close(CaseId),
}

/// A violation, by its number, and what comes next.
#[derive(Clone, Copy)]
struct Task {
    number: u64,
    step: Step,
}

impl Task {
    /// Place in [`AGENCIES`] of the agency that leads.
    fn lead(self) -> usize {
        usize::try_from(self.number).unwrap_or(0) % AGENCIES.len()
    }

    /// Place of the one that reports: always another one.
    fn reporter(self) -> usize {
        let distance = usize::try_from(self.number).unwrap_or(0) / AGENCIES.len() % (AGENCIES.len() - 1);
        (self.lead() + 1 + distance) % AGENCIES.len()
    }

    /// Whose turn it is.
    fn desk(self) -> usize {
        match self.step {
            Step::Acknowledge(_) | Step::Answer(_) => self.lead(),
            Step::Report | Step::Confirm(_) | Step::Close(_) => self.reporter(),
        }
    }

    fn command(self) -> Result<Command, Failure> {
        let own = |case| Addressed { case, referral: None };
        Ok(match self.step {
            Step::Report => report(AGENCIES[self.reporter()].0, AGENCIES[self.lead()].1, self.number)?,
            Step::Acknowledge(case) => Command::Acknowledge(own(case)),
            Step::Answer(case) => Command::SubmitFeedback {
                of: own(case),
                outcome: Outcome::NoViolation,
                handled_on: today(),
                summary: "查无实据。".to_owned(),
                penalty: None,
                evidence: Vec::new(),
            },
            Step::Confirm(case) => Command::ConfirmFeedback { case, feedback: None },
            Step::Close(case) => {
                let ground = ClosingGround::NoViolation;
                let closing = CaseClosed { ground, closed_on: today(), duplicate_of: None, note: None };
                Command::Close { case, closing }
            }
        })
    }

    /// What comes after the step, in the case that it made or belongs to; nothing after the last one.
    fn after(self, reported: Option<CaseId>) -> Option<Self> {
        let step = match self.step {
            Step::Report => Step::Acknowledge(reported?),
            Step::Acknowledge(case) => Step::Answer(case),
            Step::Answer(case) => Step::Confirm(case),
            Step::Confirm(case) => Step::Close(case),
            Step::Close(_) => return None,
        };
        Some(Self { step, ..self })
    }
}

/// What lies on the desks.
struct Desks {
    waiting: [Mutex<VecDeque<Task>>; 8],
    /// Violations whose case is not closed.
    open: AtomicU64,
}

impl Desks {
    fn new(violations: u64) -> Self {
        let desks = Self { waiting: Default::default(), open: AtomicU64::new(violations) };
        for number in 0..violations {
            desks.put(Task { number, step: Step::Report });
        }
        desks
    }

    fn put(&self, task: Task) {
        self.desk(task.desk()).push_back(task);
    }

    fn desk(&self, desk: usize) -> std::sync::MutexGuard<'_, VecDeque<Task>> {
        self.waiting[desk].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Works at a desk until every case is closed, or somebody else has failed.
    fn work(&self, exchange: &Exchange, desk: usize) -> Result<(), Failure> {
        let (name, _) = AGENCIES[desk];
        let actor: AgencyCode = literal(name)?;
        let mut node = Node::open(&exchange.root(name)).map_err(Failure::bench("a node"))?;
        while self.open.load(Ordering::Acquire) > 0 {
            let tasks: Vec<Task> = {
                let mut waiting = self.desk(desk);
                let count = waiting.len().min(AT_ONCE);
                waiting.drain(..count).collect()
            };
            let done = self.round(&mut node, actor, &tasks)?;
            if done == 0 {
                std::thread::sleep(REST);
            }
        }
        node.close().map_err(Failure::bench("a node"))
    }

    /// Does what can be done; what has not arrived yet is put back. Answers how much was done.
    fn round(&self, node: &mut Node, actor: AgencyCode, tasks: &[Task]) -> Result<usize, Failure> {
        let mut commands = tasks.iter().map(|task| task.command()).collect::<Result<VecDeque<_>, _>>()?;
        let accepted = node.accept(|batch| {
            let mut done = Vec::with_capacity(tasks.len());
            for task in tasks {
                let Some(command) = commands.pop_front() else { break };
                match batch.submit(actor, command, &mut RandomIds, Timestamp::now()) {
                    Ok(receipt) => {
                        let mut events = receipt.events.iter();
                        let reported = events.find(|event| matches!(event.payload, Payload::ViolationReported(_)));
                        done.push((*task, Some(reported.and_then(|event| event.correlation))));
                    }
                    Err(NodeError::Refused(_) | NodeError::Plan(PlanError::Rejected(_))) => done.push((*task, None)),
                    Err(error) => return Err(error),
                }
            }
            Ok(done)
        });
        let mut count = 0;
        for (task, outcome) in accepted.map_err(Failure::bench::<NodeError>("a command"))?.result {
            let Some(reported) = outcome else {
                self.put(task);
                continue;
            };
            count += 1;
            match task.after(reported) {
                Some(next) => self.put(next),
                None => drop(self.open.fetch_sub(1, Ordering::AcqRel)),
            }
        }
        Ok(count)
    }
}

/// Everything from the first report until the last node has the last event.
pub fn measure(program: &Path, violations: u64) -> Result<Vec<Line>, Failure> {
    let names: Vec<&str> = AGENCIES.iter().map(|(name, _)| *name).collect();
    let exchange = Exchange::found(program, &names)?;
    let mut nodes = vec![exchange.start_office()?];
    for name in &names {
        nodes.push(exchange.start_node(name)?);
    }
    let stream = exchange.stream("fire")?;
    let head = || stream.head().ok().flatten().map_or(0, fengsui_log::Position::get);
    let before = head();
    let all = Exchange::with_office(&names);
    until("all nodes", || all.iter().all(|name| exchange.applied(name) >= before).then_some(()))?;
    let desks = Desks::new(violations);
    let begun = Instant::now();
    std::thread::scope(|scope| {
        let desks = &desks;
        let exchange = &exchange;
        let working: Vec<_> = (0..AGENCIES.len())
            .map(|desk| {
                scope.spawn(move || {
                    let ended = desks.work(exchange, desk);
                    if ended.is_err() {
                        // The others would wait for this desk for ever.
                        desks.open.store(0, Ordering::Release);
                    }
                    ended
                })
            })
            .collect();
        working.into_iter().try_for_each(|desk| desk.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    })?;
    // A desk that has waited long enough goes on while its last events still wait in the outbox.
    until("empty outboxes", || {
        std::thread::sleep(Duration::from_millis(5));
        names.iter().all(|name| pending(&exchange.root(name)).is_ok_and(|waiting| waiting == 0)).then_some(())
    })?;
    let last = head();
    until("all nodes", || {
        std::thread::sleep(Duration::from_millis(5));
        all.iter().all(|name| exchange.applied(name) >= last).then_some(())
    })?;
    let taken = begun.elapsed();
    let memory = nodes.iter().map(|node| peak_memory_of(node.process())).collect::<Result<Vec<u64>, _>>()?;
    drop::<Vec<Running>>(nodes);
    let digests = all.iter().map(|name| digest(&exchange.root(name))).collect::<Result<BTreeSet<String>, _>>()?;
    Ok(lines(violations, last - before, taken, &memory, digests.len()))
}

/// The digest of a node's own tables, as it left them.
fn digest(root: &Path) -> Result<String, Failure> {
    let folder = Folder::open(root).map_err(Failure::bench("a folder"))?;
    let projector = Projector::open(&folder.model(), genesis(folder.exchange()));
    let projector = projector.map_err(Failure::bench("the tables"))?;
    let digest = state_digest(projector.store(), projector.registry()).map_err(Failure::bench("the tables"))?;
    // Nodes that stopped at different positions would differ, and be told apart by this.
    let position = projector.progress().position;
    eprintln!("    {} at {position}: {digest}", root.display());
    Ok(digest.to_string())
}

fn lines(violations: u64, events: u64, taken: Duration, memory: &[u64], digests: usize) -> Vec<Line> {
    let (most, least) = (memory.iter().max().copied().unwrap_or(0), memory.iter().min().copied().unwrap_or(0));
    vec![
        Line {
            what: "nine nodes, violations reported, acknowledged, answered, confirmed and closed",
            figure: format!("{:.0} violations/s", rate(violations, taken)),
            against: format!(
                "{violations} violations, {events} events in {:.0} s, each folded by every node",
                taken.as_secs_f64()
            ),
            ratio: format!("{:.0} events/s", rate(events, taken)),
            goal: "none",
            reached: true,
        },
        Line {
            what: "most memory of a node meanwhile",
            figure: format!("{most} MiB"),
            against: format!("{least} MiB of the one with the least"),
            ratio: format!("{most} MiB"),
            goal: "under 150 MiB",
            reached: most < MEMORY_GOAL_MIB,
        },
        Line {
            what: "different state digests of the nine nodes",
            figure: digests.to_string(),
            against: "-".to_owned(),
            ratio: digests.to_string(),
            goal: "1",
            reached: digests == 1,
        },
    ]
}
