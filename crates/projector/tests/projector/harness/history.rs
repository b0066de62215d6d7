//! Random histories: mostly what agencies would do next, and in between what they must not, doubled, lost, forged.

use fengsui_event::payload::{RoutingAnswer, ViolationAmended};
use fengsui_event::{
    CaseId, ClosingGround, Date, DeadlineKind, EventId, ObjectionDecision, Outcome, Payload, ReferralBasis, ReferralId,
    ReferralRole, Severity, SupervisionLevel, UnitId,
};
use fengsui_log::Record;
use fengsui_projector::state::{CaseState, CaseStatus, FeedbackStatus, Referral, ReferralStatus, Slot};
use proptest::prelude::*;

use super::payloads::{self, Report};
use super::proofs;
use super::{AGENCIES, AUTHORITY, Scene, agency, unit};

const CATEGORIES: [&str; 6] = ["fire.60-1", "fire.60-3", "fire.61-1", "fire.70", "sanitation.refuse", "fire.67-17"];

/// One step of a history, as numbers that choose among what is there.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    pub kind: u8,
    pub pick: u16,
    pub other: u16,
    pub days: u8,
}

pub fn steps(length: impl Into<proptest::collection::SizeRange>) -> impl Strategy<Value = Vec<Step>> {
    let step = (any::<u8>(), any::<u16>(), any::<u16>(), any::<u8>());
    proptest::collection::vec(step.prop_map(|(kind, pick, other, days)| Step { kind, pick, other, days }), length)
}

/// Plays a history in the small exchange.
pub fn play(steps: &[Step]) -> Scene {
    run(Scene::new(), steps, true)
}

/// Plays it on from what has happened already.
///
/// Without checkpoints and certificates: the first golden log is from before there were any.
pub fn play_on(scene: Scene, steps: &[Step]) -> Scene {
    run(scene, steps, false)
}

fn run(mut scene: Scene, steps: &[Step], with_proofs: bool) -> Scene {
    scene.case = None;
    let mut player = Player { scene, lost: Vec::new(), ids: Vec::new() };
    for step in steps {
        player.step(*step);
        if with_proofs && step.days % 4 == 1 {
            proofs::any(&mut player.scene, *step);
        }
    }
    player.scene
}

struct Player {
    scene: Scene,
    lost: Vec<Record>,
    ids: Vec<EventId>,
}

fn choose<T: Copy>(from: &[T], number: u16) -> Option<T> {
    (!from.is_empty()).then(|| from[usize::from(number) % from.len()])
}

pub(super) fn any_agency(number: u16) -> &'static str {
    choose(&AGENCIES, number).unwrap()
}

pub(super) fn unit_of(number: u16) -> UnitId {
    unit(&format!("local.history:{}", number % 2))
}

impl Player {
    fn step(&mut self, step: Step) {
        self.move_clock(step.days);
        match step.kind {
            0..=39 => self.report(step),
            40..=190 => self.plausible(step),
            191..=215 => self.implausible(step),
            216..=225 => self.repeat(step),
            226..=230 => self.forge(step),
            231..=235 => self.conflict(step),
            236..=240 => self.lose(step),
            241..=245 => self.find(),
            _ => self.keep_account(step),
        }
    }

    fn today(&self) -> Date {
        fengsui_event::date::day_of(self.scene.world.now())
    }

    /// The cases of this history's own units.
    fn cases(&self) -> Vec<CaseId> {
        let own = self.scene.memory.cases.values().filter(|case| case.unit.scheme() == "local.history");
        own.map(|case| case.id).collect()
    }

    fn move_clock(&mut self, days: u8) {
        let days = match days {
            0..=4 => -7,
            5..=150 => 0,
            151..=230 => i64::from(days - 150) / 8,
            _ => i64::from(days) / 4,
        };
        let now = self.scene.world.now() + jiff::SignedDuration::from_hours(24 * days);
        self.scene.world.set_now(now);
    }

    fn publish(&mut self, code: &str, payload: Payload) {
        let publication = self.scene.about_case(payload);
        let record = self.scene.world.sign(code, publication);
        self.ids.push(record.id);
        self.scene.record(record);
    }

    fn report(&mut self, step: Step) {
        let reporter = any_agency(step.pick);
        let report = Report {
            unit: unit_of(step.other),
            category: choose(&CATEGORIES, step.other >> 2).unwrap(),
            severity: choose(Severity::ALL, step.other >> 5).unwrap(),
            found_on: self.days_ago(step.days % 3).to_string(),
            region: "350602",
            routing: routing(step.pick >> 4),
        };
        let record = self.scene.report_record(reporter, report);
        self.ids.push(record.id);
        self.scene.record(record);
    }

    fn days_ago(&self, days: u8) -> Date {
        self.today().saturating_sub(jiff::Span::new().days(i64::from(days)))
    }

    /// What somebody of the case would do next.
    fn plausible(&mut self, step: Step) {
        let cases = self.cases();
        // Recent cases are livelier.
        let recent = &cases[cases.len().saturating_sub(4)..];
        let Some(id) = choose(recent, step.pick) else { return self.report(step) };
        let case = self.scene.memory.cases[&id].clone();
        self.scene.case = Some(id);
        self.scene.unit = case.unit.clone();
        let moves = self.moves(&case, step);
        if !moves.is_empty() {
            let (code, payload) = moves[usize::from(step.other) % moves.len()].clone();
            self.publish(&code, payload);
        }
    }

    fn moves(&self, case: &CaseState, step: Step) -> Vec<(String, Payload)> {
        let mut moves: Vec<(String, Payload)> = Vec::new();
        let reporter = case.reporter.to_string();
        let today = self.days_ago(step.days % 2).to_string();
        if case.status == CaseStatus::Closed {
            moves.push((reporter, payloads::reopened().into()));
            return moves;
        }
        for (addressee, role, basis) in routed(&case.routing.answer, &reporter) {
            if !case.referrals.iter().any(|referral| referral.addressee == agency(&addressee) && referral.role == role)
            {
                moves.push((reporter.clone(), payloads::issued(&addressee, role, basis).into()));
            }
        }
        for (index, referral) in case.referrals.iter().enumerate() {
            moves.extend(self.referral_moves(case, index, referral, step));
        }
        let handler = case.lead().map(|lead| (lead.addressee.to_string(), lead.id));
        if let Some(order) = case.rectification.as_ref().filter(|order| order.passed_on.is_none()) {
            moves.push((order.by.to_string(), payloads::reinspected(&today, step.pick % 2 == 0).into()));
        } else if let Some((handler, lead)) = handler {
            let due_on = self.today().saturating_add(jiff::Span::new().days(i64::from(step.days))).to_string();
            moves.push((handler, payloads::ordered(lead, &today, &due_on).into()));
        }
        match case.objections.last().filter(|objection| objection.decision.is_none()) {
            Some(objection) => {
                let decision = choose(ObjectionDecision::ALL, step.pick).unwrap();
                moves.push((AUTHORITY.to_owned(), payloads::decided(objection.id, decision, &today).into()));
            }
            None => moves.push((reporter.clone(), payloads::objected(&today).into())),
        }
        let close = payloads::closed(choose(ClosingGround::ALL, step.pick >> 3).unwrap(), &today);
        moves.push((reporter.clone(), close.into()));
        match step.pick % 16 {
            0 => moves.push((reporter.clone(), payloads::retracted().into())),
            // A second lead, and a second referral to one agency: both must be refused.
            2 => moves.push((AUTHORITY.to_owned(), payloads::designated(any_agency(step.other), None).into())),
            3 => {
                let again = |(addressee, role, basis): (String, ReferralRole, ReferralBasis)| {
                    (reporter.clone(), payloads::issued(&addressee, role, basis).into())
                };
                moves.extend(routed(&case.routing.answer, &reporter).into_iter().map(again));
            }
            _ => {}
        }
        if step.pick % 8 == 1 {
            let severity = choose(Severity::ALL, step.other);
            let change = ViolationAmended { severity, reason: "更正".to_owned(), ..ViolationAmended::default() };
            moves.push((reporter, change.into()));
        }
        moves
    }

    fn referral_moves(
        &self,
        case: &CaseState,
        index: usize,
        referral: &Referral,
        step: Step,
    ) -> Vec<(String, Payload)> {
        let holder = referral.addressee.to_string();
        let today = self.days_ago(step.days % 2).to_string();
        let elsewhere = any_agency(step.pick >> 5);
        let mut moves: Vec<(String, Payload)> = match referral.status {
            ReferralStatus::Issued if referral.role == ReferralRole::Deciding => {
                vec![(AUTHORITY.to_owned(), payloads::designated(elsewhere, None).into())]
            }
            ReferralStatus::Issued => vec![
                (holder.clone(), payloads::acknowledged(referral.id).into()),
                (holder.clone(), payloads::acknowledged(referral.id).into()),
                (holder.clone(), payloads::returned(referral.id, elsewhere).into()),
                (holder, payloads::transferred(referral.id, elsewhere).into()),
            ],
            ReferralStatus::Acknowledged => {
                let outcome = choose(Outcome::ALL, step.pick >> 2).unwrap();
                let answer: Payload = payloads::feedback(referral.id, outcome, &today).into();
                vec![(holder.clone(), answer.clone()), (holder, answer)]
            }
            ReferralStatus::Returned => {
                let role = referral.role;
                let basis = ReferralBasis::Designation;
                let mut successor = payloads::issued(elsewhere, role, basis);
                successor.replaces = (step.pick % 3 > 0).then_some(referral.id);
                vec![(AUTHORITY.to_owned(), successor.into())]
            }
            ReferralStatus::Replaced => referral
                .passed_to
                .iter()
                .map(|to| (holder.clone(), payloads::passed_on(to.as_str(), referral.role, referral.id).into()))
                .collect(),
            ReferralStatus::FedBack => {
                let waiting = case.feedback.iter().rev().find(|feedback| feedback.status == FeedbackStatus::Submitted);
                let reporter = case.reporter.to_string();
                waiting
                    .iter()
                    .flat_map(|feedback| {
                        [
                            (reporter.clone(), payloads::confirmed(feedback.id).into()),
                            (reporter.clone(), payloads::confirmed(feedback.id).into()),
                            (reporter.clone(), payloads::rejected(feedback.id).into()),
                        ]
                    })
                    .collect()
            }
            _ => Vec::new(),
        };
        if let Some(term) = case.pending_deadline(Slot::Referral(index), &agency(AUTHORITY)) {
            let due_on = term.due.date.to_string();
            moves.push((AUTHORITY.to_owned(), payloads::reminded(referral.id, term.kind, &due_on).into()));
            let level = choose(SupervisionLevel::ALL, step.pick).unwrap();
            moves.push((case.reporter.to_string(), payloads::escalated(referral.id, term.kind, &due_on, level).into()));
        }
        moves
    }

    /// Anybody does anything to anything on any day.
    fn implausible(&mut self, step: Step) {
        let Some(id) = choose(&self.ids, step.pick) else { return };
        let cases = self.cases();
        self.scene.case = if step.pick % 7 == 0 { Some(CaseId::of(id)) } else { choose(&cases, step.other) };
        let known = self.scene.case.and_then(|case| self.scene.memory.cases.get(&case));
        self.scene.unit = match known {
            Some(case) if step.other % 9 > 0 => case.unit.clone(),
            _ => unit_of(step.other),
        };
        let referrals: Vec<ReferralId> = known.iter().flat_map(|case| &case.referrals).map(|it| it.id).collect();
        let referral = choose(&referrals, step.other >> 3).unwrap_or(ReferralId::of(id));
        let answers: Vec<EventId> = known.iter().flat_map(|case| &case.feedback).map(|it| it.id).collect();
        let answer = choose(&answers, step.other >> 2).unwrap_or(id);
        let day = self.today().saturating_add(jiff::Span::new().days(i64::from(step.days % 9) - 7)).to_string();
        let elsewhere = any_agency(step.pick >> 3);
        let role = choose(ReferralRole::ALL, step.pick).unwrap();
        let payload: Payload = match step.other % 17 {
            0 => payloads::issued(elsewhere, role, choose(ReferralBasis::ALL, step.pick >> 2).unwrap()).into(),
            1 => payloads::acknowledged(referral).into(),
            2 => payloads::returned(referral, elsewhere).into(),
            3 => payloads::transferred(referral, elsewhere).into(),
            4 => payloads::withdrawn(referral).into(),
            5 => payloads::reminded(referral, choose(DeadlineKind::ALL, step.pick).unwrap(), &day).into(),
            6 => payloads::feedback(referral, choose(Outcome::ALL, step.pick >> 1).unwrap(), &day).into(),
            7 => payloads::confirmed(answer).into(),
            8 => payloads::rejected(answer).into(),
            9 => payloads::ordered(referral, &day, &day).into(),
            10 => payloads::reinspected(&day, step.pick % 2 == 0).into(),
            11 => payloads::closed(choose(ClosingGround::ALL, step.pick).unwrap(), &day).into(),
            12 => payloads::reopened().into(),
            13 => payloads::objected(&day).into(),
            14 => payloads::decided(id, ObjectionDecision::Upheld, &day).into(),
            15 => payloads::retracted().into(),
            _ => payloads::passed_on(elsewhere, role, referral).into(),
        };
        let code = if step.pick % 5 == 0 { AUTHORITY } else { any_agency(step.other >> 5) };
        self.publish(code, payload);
    }

    /// A broker that has lost its duplicate window.
    fn repeat(&mut self, step: Step) {
        let index = usize::from(step.pick) % self.scene.log.records.len();
        let record = self.scene.log.records[index].clone();
        self.scene.record(record);
    }

    fn forge(&mut self, step: Step) {
        let index = usize::from(step.pick) % self.scene.log.records.len();
        let mut record = self.scene.log.records[index].clone();
        let place = usize::from(step.other) % record.bytes.len();
        record.bytes[place] ^= 1 << (step.days % 8);
        self.scene.record(record);
    }

    fn conflict(&mut self, step: Step) {
        let Some(id) = choose(&self.ids, step.pick) else { return };
        let publication = self.scene.about_case(payloads::retracted().into());
        let record = self.scene.world.sign_as(any_agency(step.other), id, publication);
        self.scene.record(record);
    }

    /// Signed and sent, but lost on the way.
    fn lose(&mut self, step: Step) {
        let publication = self.scene.about_case(payloads::reopened().into());
        let record = self.scene.world.sign(any_agency(step.other), publication);
        self.lost.push(record);
    }

    fn find(&mut self) {
        if let Some(record) = self.lost.pop() {
            self.scene.record(record);
        }
    }

    fn keep_account(&mut self, step: Step) {
        let unit = unit_of(step.other);
        self.scene.unit = unit.clone();
        self.scene.case = None;
        let (code, payload): (&str, Payload) = match step.pick % 4 {
            0 | 1 => (any_agency(step.pick), payloads::unit_registered(&unit).into()),
            2 => (AUTHORITY, payloads::adjusted(i32::from(step.days) - 100, &self.today().to_string()).into()),
            _ => {
                let name = format!("旅社{}", step.pick);
                let effective_on = self.today();
                (any_agency(step.pick), fengsui_event::payload::UnitRenamed { name, effective_on }.into())
            }
        };
        self.publish(code, payload);
    }
}

fn routing(number: u16) -> RoutingAnswer {
    let (one, two, three) = (any_agency(number), any_agency(number / 8), any_agency(number / 64));
    match number % 8 {
        0 => payloads::unresolved(),
        1 => payloads::overlap(&[one, two]),
        2 => RoutingAnswer::Historical,
        _ => payloads::assigned(one, &[two], &[three]),
    }
}

fn routed(answer: &RoutingAnswer, reporter: &str) -> Vec<(String, ReferralRole, ReferralBasis)> {
    let by_rule = |code: &fengsui_event::AgencyCode, role| (code.to_string(), role, ReferralBasis::Rule);
    match answer {
        RoutingAnswer::Assigned { lead, assisting, informed, .. } => {
            let assisting = assisting.iter().map(|code| by_rule(code, ReferralRole::Assisting));
            let informed = informed.iter().map(|code| by_rule(code, ReferralRole::Informed));
            [by_rule(lead, ReferralRole::Lead)].into_iter().chain(assisting).chain(informed).collect()
        }
        RoutingAnswer::Unresolved { .. } | RoutingAnswer::Overlap { .. } => {
            vec![(AUTHORITY.to_owned(), ReferralRole::Deciding, ReferralBasis::Undecided)]
        }
        RoutingAnswer::Historical => vec![(reporter.to_owned(), ReferralRole::Lead, ReferralBasis::Historical)],
    }
}
