//! What happens in the city over two years, as a queue of things that somebody will do at some time.
//!
//! Whoever acts looks at the case as it stands then, as an officer would; so nothing is ever refused, and what is
//! left undone at the end stays open.

use std::collections::BTreeMap;

use fengsui_event::date::{day_of, start_of};
use fengsui_event::payload::Penalty;
use fengsui_event::{
    AgencyCode, CaseId, Date, Fen, FindingMethod, Outcome, PenaltyKind, ReferralId, ReferralRole, Severity, Timestamp,
};
use fengsui_projector::state::{CaseState, CaseStatus, Feedback, FeedbackStatus, Referral, ReferralStatus};
use jiff::SignedDuration;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::city::{City, CityUnit};
use super::{DemoError, DemoOptions};
use crate::desk::{Addressed, Command, DerivedIds, ReportCommand};
use crate::node::{Batch, NodeError};

/// The first day of the story.
pub(super) const fn first_day() -> Date {
    jiff::civil::date(2024, 7, 1)
}

/// The last day of the story; what would come later is left undone.
pub(super) const fn last_day() -> Date {
    jiff::civil::date(2026, 6, 30)
}

/// When the exchange was founded: nine in the morning of the first day.
pub(super) fn founding() -> Result<Timestamp, DemoError> {
    Ok(midnight(first_day())? + SignedDuration::from_hours(9))
}

fn midnight(day: Date) -> Result<Timestamp, DemoError> {
    start_of(day).ok_or_else(|| DemoError::Defect { what: day.to_string(), reason: "no such day".to_owned() })
}

/// Something that somebody will do.
#[derive(Clone, Debug)]
pub(super) enum Action {
    Register { unit: usize },
    Report { unit: usize },
    Acknowledge { case: CaseId, referral: ReferralId },
    Assign { case: CaseId },
    Handle { case: CaseId, referral: ReferralId },
    Answer { case: CaseId },
    Reinspect { case: CaseId },
    Close { case: CaseId },
    Object { case: CaseId },
    Decide { case: CaseId },
    Reopen { case: CaseId },
    Correct { case: CaseId },
    Retract { case: CaseId },
}

/// The story while it is told.
pub(super) struct Story<'a> {
    pub(super) city: &'a City,
    pub(super) random: ChaCha8Rng,
    ids: DerivedIds,
    queue: BTreeMap<(Timestamp, u64), Action>,
    queued: u64,
    reported: u64,
}

impl<'a> Story<'a> {
    pub(super) fn new(city: &'a City, options: DemoOptions) -> Result<Self, DemoError> {
        let mut story = Self {
            city,
            random: ChaCha8Rng::seed_from_u64(options.seed),
            ids: DerivedIds::new(&["demonstration", "story", &options.seed.to_string()]),
            queue: BTreeMap::new(),
            queued: 0,
            reported: 0,
        };
        for unit in 0..city.units.len() {
            let time = founding()?
                + SignedDuration::from_mins(5)
                + SignedDuration::from_millis(i64::try_from(unit).unwrap_or(0));
            story.push(time, Action::Register { unit });
        }
        let days = (last_day() - first_day()).get_days();
        for _ in 0..options.violations {
            // Some units offend again and again: more than a third of all violations fall on a tenth of the units.
            let frequent = city.units.len().div_ceil(10);
            let unit = if story.random.gen_bool(0.3) {
                story.random.gen_range(0..frequent)
            } else {
                story.random.gen_range(0..city.units.len())
            };
            let day = first_day().saturating_add(jiff::Span::new().days(story.random.gen_range(1..days)));
            let time = story.office_hour(story.working_day(day))?;
            story.push(time, Action::Report { unit });
        }
        Ok(story)
    }

    /// Violations reported so far.
    pub(super) fn reported(&self) -> u64 {
        self.reported
    }

    /// Whether nothing is left to do.
    pub(super) fn is_over(&self) -> bool {
        self.queue.is_empty()
    }

    fn push(&mut self, time: Timestamp, action: Action) {
        if day_of(time) <= last_day() {
            self.queued += 1;
            self.queue.insert((time, self.queued), action);
        }
    }

    fn working_day(&self, mut day: Date) -> Date {
        while self.city.book.is_working_day(day) == Some(false) {
            day = day.saturating_add(jiff::Span::new().days(1));
        }
        day
    }

    fn office_hour(&mut self, day: Date) -> Result<Timestamp, DemoError> {
        let seconds = self.random.gen_range(30_600..61_200);
        Ok(midnight(day)? + SignedDuration::from_millis(seconds * 1000 + self.random.gen_range(0..1000)))
    }

    /// Some working days later, in office hours.
    fn later(&mut self, from: Timestamp, working_days: std::ops::RangeInclusive<u16>) -> Result<Timestamp, DemoError> {
        let days = self.random.gen_range(working_days);
        if days == 0 {
            return Ok(from + SignedDuration::from_mins(self.random.gen_range(5..90)));
        }
        let day = self.city.book.working_day_after(day_of(from), days).date;
        self.office_hour(day)
    }

    pub(super) fn schedule(
        &mut self,
        from: Timestamp,
        working_days: std::ops::RangeInclusive<u16>,
        action: Action,
    ) -> Result<(), DemoError> {
        let time = self.later(from, working_days)?;
        self.push(time, action);
        Ok(())
    }

    pub(super) fn submit(
        &mut self,
        batch: &mut Batch<'_>,
        agency: AgencyCode,
        command: Command,
        now: Timestamp,
    ) -> Result<(), DemoError> {
        batch.submit(agency, command, &mut self.ids, now)?;
        Ok(())
    }

    /// The next thing that somebody does.
    pub(super) fn act(&mut self, batch: &mut Batch<'_>) -> Result<(), DemoError> {
        let Some(((now, _), action)) = self.queue.pop_first() else { return Ok(()) };
        match action {
            Action::Register { unit } => {
                let (agency, command) = self.city.register(unit);
                self.submit(batch, agency, command, now)
            }
            Action::Report { unit } => self.report(batch, unit, now),
            Action::Acknowledge { case, referral } => self.acknowledge(batch, case, referral, now),
            Action::Assign { case } => self.assign(batch, case, now),
            Action::Handle { case, referral } => self.handle(batch, case, referral, now),
            Action::Answer { case } => self.answer(batch, case, now),
            Action::Reinspect { case } => self.reinspect(batch, case, now),
            Action::Close { case } => self.close(batch, case, now),
            Action::Object { case } => self.object(batch, case, now),
            Action::Decide { case } => self.decide(batch, case, now),
            Action::Reopen { case } => self.reopen(batch, case, now),
            Action::Correct { case } => self.correct(batch, case, now),
            Action::Retract { case } => self.retract(batch, case, now),
        }
    }

    /// A case that is open, as it stands.
    pub(super) fn open_case(batch: &Batch<'_>, id: CaseId) -> Result<Option<Box<CaseState>>, DemoError> {
        let case = batch.overlay().case(id).map_err(NodeError::from)?;
        Ok(case.filter(|case| case.status == CaseStatus::Open))
    }

    fn report(&mut self, batch: &mut Batch<'_>, unit: usize, now: Timestamp) -> Result<(), DemoError> {
        let unit: &CityUnit = &self.city.units[unit];
        let (reporter, category) = City::finding(unit, &mut self.random)?;
        let name = self.city.book.category(&category).map_or(String::new(), |category| category.name_zh.clone());
        let law = self.city.book.category(&category).map(|category| category.law.clone());
        let methods = [
            FindingMethod::Inspection,
            FindingMethod::Inspection,
            FindingMethod::Inspection,
            FindingMethod::DoubleRandom,
            FindingMethod::DoubleRandom,
            FindingMethod::PublicReport,
            FindingMethod::JointEnforcement,
        ];
        let severities = [
            Severity::General,
            Severity::General,
            Severity::General,
            Severity::Considerable,
            Severity::Considerable,
            Severity::Serious,
            Severity::Serious,
            Severity::Grave,
        ];
        self.reported += 1;
        let report = ReportCommand {
            unit: unit.unit.clone(),
            unit_name: None,
            place: unit.place.clone(),
            trade: None,
            category,
            severity: severities.choose(&mut self.random).copied(),
            facts: format!("{}：{name}。", unit.name),
            legal_basis: law.into_iter().collect(),
            found_on: day_of(now),
            method: methods.choose(&mut self.random).copied().unwrap_or(FindingMethod::Inspection),
            evidence: Vec::new(),
            reference: Some(format!("{reporter}-{}-{:06}", day_of(now).year(), self.reported)),
            public_report: None,
            historical: false,
        };
        let receipt = batch.submit(reporter, Command::Report(Box::new(report)), &mut self.ids, now)?;
        let Some(id) = receipt.events.iter().find_map(|event| event.correlation) else { return Ok(()) };
        let Some(case) = Self::open_case(batch, id)? else { return Ok(()) };
        for referral in &case.referrals {
            self.expect(&case, referral, now)?;
        }
        if self.random.gen_bool(0.02) {
            self.schedule(now, 0..=1, Action::Correct { case: id })?;
        }
        if self.random.gen_bool(0.01) {
            self.schedule(now, 1..=6, Action::Retract { case: id })?;
        }
        Ok(())
    }

    /// What follows from a referral that was just issued.
    fn expect(&mut self, case: &CaseState, referral: &Referral, now: Timestamp) -> Result<(), DemoError> {
        let (case, id) = (case.id, referral.id);
        match (referral.role, referral.status) {
            (ReferralRole::Deciding, _) => self.schedule(now, 1..=4, Action::Assign { case }),
            (_, ReferralStatus::Acknowledged) => self.schedule(now, 1..=8, Action::Handle { case, referral: id }),
            (_, ReferralStatus::Issued) => {
                // One in fourteen lies on a desk for weeks, and one in fifty is forgotten.
                let days = match self.random.gen_range(0..100) {
                    0..2 => return Ok(()),
                    2..9 => 6..=25,
                    _ => 0..=2,
                };
                self.schedule(now, days, Action::Acknowledge { case, referral: id })
            }
            _ => Ok(()),
        }
    }

    fn acknowledge(
        &mut self,
        batch: &mut Batch<'_>,
        id: CaseId,
        referral: ReferralId,
        now: Timestamp,
    ) -> Result<(), DemoError> {
        let Some((case, index)) = Self::referral(batch, id, referral, ReferralStatus::Issued)? else { return Ok(()) };
        let of = Addressed { case: id, referral: Some(referral) };
        let (addressee, role) = (case.referrals[index].addressee, case.referrals[index].role);
        let chance = self.random.gen_range(0..100);
        if role == ReferralRole::Lead && chance < 5 {
            let suggested = self.another(addressee);
            let reason = "该事项不属于本部门职责范围。".to_owned();
            self.submit(batch, addressee, Command::Return { of, reason, suggested }, now)?;
            return self.schedule(now, 1..=4, Action::Assign { case: id });
        }
        if role == ReferralRole::Lead && chance < 8 {
            let to = self.another(addressee);
            let reason = "按属地和行业分工转办。".to_owned();
            self.submit(batch, addressee, Command::Transfer { of, to, reason }, now)?;
            return self.expect_newest(batch, id, now);
        }
        self.submit(batch, addressee, Command::Acknowledge(of), now)?;
        let days = if self.random.gen_bool(0.06) { 16..=40 } else { 1..=9 };
        self.schedule(now, days, Action::Handle { case: id, referral })
    }

    fn another(&mut self, agency: AgencyCode) -> AgencyCode {
        let others: Vec<AgencyCode> = self.city.agencies.iter().copied().filter(|other| *other != agency).collect();
        others.choose(&mut self.random).copied().unwrap_or(self.city.authority)
    }

    fn expect_newest(&mut self, batch: &Batch<'_>, id: CaseId, now: Timestamp) -> Result<(), DemoError> {
        let Some(case) = Self::open_case(batch, id)? else { return Ok(()) };
        let Some(newest) = case.referrals.last() else { return Ok(()) };
        self.expect(&case, newest, now)
    }

    /// A referral of an open case, when it is still in that state.
    fn referral(
        batch: &Batch<'_>,
        id: CaseId,
        referral: ReferralId,
        status: ReferralStatus,
    ) -> Result<Option<(Box<CaseState>, usize)>, DemoError> {
        let Some(case) = Self::open_case(batch, id)? else { return Ok(None) };
        let index = case.referral_index(referral).filter(|index| case.referrals[*index].status == status);
        Ok(index.map(|index| (case, index)))
    }

    fn assign(&mut self, batch: &mut Batch<'_>, id: CaseId, now: Timestamp) -> Result<(), DemoError> {
        let Some(case) = Self::open_case(batch, id)?.filter(|case| case.awaits_designation()) else { return Ok(()) };
        let returned = case.referrals.iter().rev().find_map(|referral| referral.returned.as_ref());
        let to = match returned {
            Some(returned) if self.random.gen_bool(0.7) => returned.suggested,
            Some(returned) => returned.by,
            None => self.another(case.reporter),
        };
        let reason = "经联席会议办公室研究，指定该部门主办。".to_owned();
        self.submit(
            batch,
            self.city.authority,
            Command::Assign { case: id, to, role: ReferralRole::Lead, reason },
            now,
        )?;
        self.expect_newest(batch, id, now)
    }

    fn handle(
        &mut self,
        batch: &mut Batch<'_>,
        id: CaseId,
        referral: ReferralId,
        now: Timestamp,
    ) -> Result<(), DemoError> {
        let found = Self::referral(batch, id, referral, ReferralStatus::Acknowledged)?;
        let Some((case, index)) = found else { return Ok(()) };
        let (agency, role) = (case.referrals[index].addressee, case.referrals[index].role);
        let today = day_of(now);
        let of = Addressed { case: id, referral: Some(referral) };
        let outcome = match (role, self.random.gen_range(0..100)) {
            (ReferralRole::Lead, 0..32) => Outcome::RectifiedOnSite,
            (ReferralRole::Lead, 32..72) => Outcome::RectificationOrdered,
            (ReferralRole::Lead, 72..88) => Outcome::Penalised,
            (ReferralRole::Lead, 88..94) => Outcome::NoViolation,
            (ReferralRole::Lead, 94..97) => Outcome::CaseFiled,
            (ReferralRole::Lead, _) => Outcome::MovedToJudiciary,
            (_, 0..80) => Outcome::RectifiedOnSite,
            (..) => Outcome::NoViolation,
        };
        let orders = role == ReferralRole::Lead
            && matches!(outcome, Outcome::RectificationOrdered | Outcome::Penalised)
            && case.rectification.is_none();
        if orders {
            let order = Command::OrderRectification {
                of,
                ordered_on: today,
                plan: "拆除占用物，恢复疏散通道和设施完好有效。".to_owned(),
                person: "单位消防安全责任人".to_owned(),
                funds: fen(i64::from(self.random.gen_range(1..40_u16)) * 100_000)?,
                due_on: None,
                emergency_plan: "整改期间加强值守，落实疏散引导。".to_owned(),
                order_number: Some(format!("责改〔{}〕{}", today.year(), self.queued)),
            };
            self.submit(batch, agency, order, now)?;
            let due_on = Self::open_case(batch, id)?.and_then(|case| case.rectification.map(|order| order.due_on));
            self.expect_rectification(id, due_on.unwrap_or(today))?;
        }
        let feedback = Command::SubmitFeedback {
            of,
            outcome,
            handled_on: today,
            summary: format!("已现场核查，处理结果：{}。", outcome.name_zh()),
            penalty: self.penalty(outcome, today)?,
            evidence: Vec::new(),
        };
        self.submit(batch, agency, feedback, now)?;
        if self.random.gen_bool(0.03) && outcome.is_determined() && role == ReferralRole::Lead {
            self.schedule(now, 3..=20, Action::Object { case: id })?;
        }
        self.schedule(now, 0..=3, Action::Answer { case: id })
    }

    fn penalty(&mut self, outcome: Outcome, today: Date) -> Result<Option<Penalty>, DemoError> {
        if outcome != Outcome::Penalised {
            return Ok(None);
        }
        Ok(Some(Penalty {
            kinds: vec![PenaltyKind::Fine],
            fine: fen(i64::from(self.random.gen_range(5..=50_u16)) * 100_000)?,
            confiscated: Fen::ZERO,
            decision_number: Some(format!("罚决〔{}〕{}", today.year(), self.queued)),
            decided_on: today,
        }))
    }

    /// Three in four are done in time; the rest late, some only at the second look.
    fn expect_rectification(&mut self, case: CaseId, due_on: Date) -> Result<(), DemoError> {
        let shift = match self.random.gen_range(0..100) {
            0..75 => -self.random.gen_range(0..4_i32),
            75..97 => self.random.gen_range(1..30_i32),
            _ => return Ok(()),
        };
        let day = self.working_day(due_on.saturating_add(jiff::Span::new().days(shift)));
        let time = self.office_hour(day)?;
        self.push(time, Action::Reinspect { case });
        Ok(())
    }

    fn answer(&mut self, batch: &mut Batch<'_>, id: CaseId, now: Timestamp) -> Result<(), DemoError> {
        let Some(case) = Self::open_case(batch, id)? else { return Ok(()) };
        let waits = |feedback: &&Feedback| {
            let referral = case.referral_index(feedback.referral).map(|index| case.referrals[index].status);
            feedback.status == FeedbackStatus::Submitted && referral == Some(ReferralStatus::FedBack)
        };
        let waiting: Vec<&Feedback> = case.feedback.iter().filter(waits).collect();
        for feedback in waiting {
            if self.random.gen_bool(0.06) {
                let reason = "反馈未说明整改情况，请补充现场照片和文书。".to_owned();
                let command = Command::RejectFeedback { case: id, feedback: Some(feedback.id), reason };
                self.submit(batch, case.reporter, command, now)?;
                self.schedule(now, 1..=6, Action::Handle { case: id, referral: feedback.referral })?;
            } else {
                let command = Command::ConfirmFeedback { case: id, feedback: Some(feedback.id) };
                self.submit(batch, case.reporter, command, now)?;
            }
        }
        self.schedule(now, 0..=2, Action::Close { case: id })
    }
}

fn fen(amount: i64) -> Result<Fen, DemoError> {
    Fen::new(amount).map_err(|error| DemoError::Defect { what: amount.to_string(), reason: error.to_string() })
}
