//! Which evidence an event names, and who may see it.

use std::collections::BTreeSet;

use fengsui_event::payload::Evidence;
use fengsui_event::{AgencyCode, Event, EventType, Payload};
use fengsui_projector::state::{CaseState, ReferralStatus};

/// Who may see the evidence of a case: who reported it, every agency to which it was referred in whatever role, and the authority.
/// An agency whose every referral was withdrawn may not: the case was never its own.
#[must_use]
pub fn may_see(case: &CaseState, authority: AgencyCode) -> BTreeSet<AgencyCode> {
    let referred = case.referrals.iter().filter(|referral| referral.status != ReferralStatus::Withdrawn);
    referred.map(|referral| referral.addressee).chain([case.reporter, authority]).collect()
}

/// The evidence that an event names.
#[must_use]
pub fn named_in(event: &Event) -> &[Evidence] {
    match event.payload() {
        Some(Payload::ViolationReported(data)) => &data.evidence,
        Some(Payload::FeedbackSubmitted(data)) => &data.evidence,
        Some(Payload::HazardDelisted(data)) => &data.evidence,
        _ => &[],
    }
}

/// Whether an event of this subject can name evidence, or change who may see it. What it really says is looked at only then.
pub(super) fn is_of_interest(subject: &str) -> bool {
    [
        EventType::ViolationReported,
        EventType::FeedbackSubmitted,
        EventType::HazardDelisted,
        EventType::ReferralIssued,
        EventType::ReferralWithdrawn,
    ]
    .iter()
    .any(|kind| {
        let verb = subject.strip_suffix(kind.verb()).and_then(|rest| rest.strip_suffix('.'));
        verb.is_some_and(|rest| rest.ends_with(kind.entity()))
    })
}

#[cfg(test)]
mod tests {
    use super::is_of_interest;

    #[test]
    fn events_that_name_evidence_or_change_who_sees_it_are_known_by_their_subject() {
        for subject in [
            "fengsui.350600.tourism.violation.reported",
            "fengsui.350600.fire.feedback.submitted",
            "fengsui.350600.joint-office.hazard.delisted",
            "fengsui.350600.urban.referral.issued",
            "fengsui.350600.urban.referral.withdrawn",
        ] {
            assert!(is_of_interest(subject), "{subject}");
        }
        for subject in ["fengsui.350600.fire.feedback.confirmed", "fengsui.350600.fire.unit.registered", "", "reported"]
        {
            assert!(!is_of_interest(subject), "{subject}");
        }
    }
}
