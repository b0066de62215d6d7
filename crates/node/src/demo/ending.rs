//! How cases end in the story: re-inspected, closed, objected to, taken up again, corrected, taken back.

use fengsui_event::date::day_of;
use fengsui_event::payload::{CaseClosed, ObjectionFiled, ViolationAmended};
use fengsui_event::{CaseId, ClosingGround, ObjectionDecision, Outcome, Timestamp};
use fengsui_projector::state::{CaseStatus, ReferralStatus};
use rand::Rng;

use super::DemoError;
use super::story::{Action, Story};
use crate::desk::Command;
use crate::node::{Batch, NodeError};

impl Story<'_> {
    pub(super) fn reinspect(&mut self, batch: &mut Batch<'_>, id: CaseId, now: Timestamp) -> Result<(), DemoError> {
        let Some(case) = Self::open_case(batch, id)? else { return Ok(()) };
        let Some(order) = case.rectification.as_ref().filter(|order| order.passed_on.is_none()) else { return Ok(()) };
        let inspected_on = day_of(now);
        if inspected_on < order.ordered_on {
            return self.schedule(now, 3..=6, Action::Reinspect { case: id });
        }
        let passed = self.random.gen_bool(0.85);
        let findings = if passed { "隐患已消除。" } else { "隐患尚未消除，责令继续整改。" }.to_owned();
        let command = Command::Reinspect { case: id, inspected_on, passed, findings };
        self.submit(batch, order.by, command, now)?;
        if passed {
            self.schedule(now, 0..=2, Action::Close { case: id })
        } else {
            self.schedule(now, 5..=15, Action::Reinspect { case: id })
        }
    }

    pub(super) fn close(&mut self, batch: &mut Batch<'_>, id: CaseId, now: Timestamp) -> Result<(), DemoError> {
        let Some(case) = Self::open_case(batch, id)? else { return Ok(()) };
        let pending = case.objections.iter().any(|objection| objection.decision.is_none());
        let confirmed = case.lead().is_some_and(|lead| lead.status == ReferralStatus::Confirmed);
        if pending || !confirmed || self.random.gen_bool(0.02) {
            return Ok(());
        }
        let lead = case.lead().map(|lead| lead.id);
        let outcome = case.feedback.iter().rev().find(|feedback| Some(feedback.referral) == lead).map(|it| it.outcome);
        let ground = match outcome {
            Some(Outcome::NoViolation) => ClosingGround::NoViolation,
            Some(Outcome::MovedToJudiciary) => ClosingGround::MovedToJudiciary,
            _ if case.rectified_on.is_some() => ClosingGround::Rectified,
            _ => return Ok(()),
        };
        let closing = CaseClosed { ground, closed_on: day_of(now), duplicate_of: None, note: None };
        self.submit(batch, case.reporter, Command::Close { case: id, closing }, now)?;
        if ground == ClosingGround::Rectified && self.random.gen_bool(0.01) {
            self.schedule(now, 5..=30, Action::Reopen { case: id })?;
        }
        Ok(())
    }

    pub(super) fn object(&mut self, batch: &mut Batch<'_>, id: CaseId, now: Timestamp) -> Result<(), DemoError> {
        let case = batch.overlay().case(id).map_err(NodeError::from)?;
        let Some(case) = case.filter(|case| case.status != CaseStatus::Retracted && case.objections.is_empty()) else {
            return Ok(());
        };
        let grounds = "单位对违法事实认定有异议，申请复核。".to_owned();
        let objection = ObjectionFiled { grounds, filed_on: day_of(now) };
        self.submit(batch, case.reporter, Command::FileObjection { case: id, objection }, now)?;
        self.schedule(now, 5..=15, Action::Decide { case: id })
    }

    pub(super) fn decide(&mut self, batch: &mut Batch<'_>, id: CaseId, now: Timestamp) -> Result<(), DemoError> {
        let case = batch.overlay().case(id).map_err(NodeError::from)?;
        let Some(case) = case else { return Ok(()) };
        let upheld = self.random.gen_bool(0.3);
        let (decision, reasons) = if upheld {
            (ObjectionDecision::Upheld, "经复核，认定违法事实的证据不足。")
        } else {
            (ObjectionDecision::Rejected, "经复核，违法事实清楚，证据充分。")
        };
        let decided_on = day_of(now);
        let reasons = reasons.to_owned();
        let command = Command::DecideObjection { case: id, objection: None, decision, reasons, decided_on };
        self.submit(batch, self.city.authority, command, now)?;
        if case.status != CaseStatus::Open {
            return Ok(());
        }
        if !upheld {
            return self.schedule(now, 0..=3, Action::Close { case: id });
        }
        let note = Some("异议成立".to_owned());
        let closing =
            CaseClosed { ground: ClosingGround::NoViolation, closed_on: decided_on, duplicate_of: None, note };
        self.submit(batch, self.city.authority, Command::Close { case: id, closing }, now)
    }

    pub(super) fn reopen(&mut self, batch: &mut Batch<'_>, id: CaseId, now: Timestamp) -> Result<(), DemoError> {
        let case = batch.overlay().case(id).map_err(NodeError::from)?;
        let Some(case) = case.filter(|case| case.status == CaseStatus::Closed) else { return Ok(()) };
        let reason = "回访发现隐患反弹。".to_owned();
        self.submit(batch, case.reporter, Command::Reopen { case: id, reason }, now)?;
        let case = Self::open_case(batch, id)?;
        let lead =
            case.as_ref().and_then(|case| case.lead()).filter(|lead| lead.status == ReferralStatus::Acknowledged);
        lead.map_or(Ok(()), |lead| self.schedule(now, 2..=8, Action::Handle { case: id, referral: lead.id }))
    }

    pub(super) fn correct(&mut self, batch: &mut Batch<'_>, id: CaseId, now: Timestamp) -> Result<(), DemoError> {
        let Some(case) = Self::open_case(batch, id)? else { return Ok(()) };
        let amendment = Box::new(ViolationAmended {
            facts: Some(format!("{}（补充现场照片说明）", case.facts)),
            reason: "补充事实。".to_owned(),
            ..ViolationAmended::default()
        });
        self.submit(batch, case.reporter, Command::Amend { case: id, amendment }, now)
    }

    pub(super) fn retract(&mut self, batch: &mut Batch<'_>, id: CaseId, now: Timestamp) -> Result<(), DemoError> {
        let Some(case) = Self::open_case(batch, id)? else { return Ok(()) };
        let reason = "录入有误，与另一检查记录混淆。".to_owned();
        self.submit(batch, case.reporter, Command::Retract { case: id, reason }, now)
    }
}
