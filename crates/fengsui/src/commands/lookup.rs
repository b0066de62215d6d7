//! What an id means: people copy whichever id they see.

use fengsui_event::{CaseId, EventId, ReferralId};
use fengsui_node::Node;
use fengsui_node::desk::Addressed;
use fengsui_projector::query::View;
use fengsui_projector::state::CaseState;

use crate::exit::Failure;

/// What an id names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named {
    /// A case.
    Case(CaseId),
    /// A referral of a case.
    Referral(CaseId, ReferralId),
    /// A feedback of a case.
    Feedback(CaseId, EventId),
}

impl Named {
    /// The case.
    pub fn case(self) -> CaseId {
        match self {
            Self::Case(case) | Self::Referral(case, _) | Self::Feedback(case, _) => case,
        }
    }

    /// The referral that is meant: the one named, or the actor's own of the case.
    pub fn addressed(self) -> Addressed {
        match self {
            Self::Referral(case, referral) => Addressed { case, referral: Some(referral) },
            Self::Case(case) | Self::Feedback(case, _) => Addressed { case, referral: None },
        }
    }

    /// The feedback that is meant, when one is named.
    pub fn feedback(self) -> Option<EventId> {
        match self {
            Self::Feedback(_, feedback) => Some(feedback),
            Self::Case(_) | Self::Referral(..) => None,
        }
    }
}

/// Finds what an id names at a desk, also among what waits in the outbox.
pub fn find_at(node: &mut Node, id: EventId) -> Result<Named, Failure> {
    match find(node.view(), id) {
        Err(Failure::NoSuchId(id)) => {
            let waiting = node.waiting_cases()?;
            waiting.iter().find_map(|case| within(case, id)).ok_or(Failure::NoSuchId(id))
        }
        found => found,
    }
}

fn within(case: &CaseState, id: EventId) -> Option<Named> {
    if case.id.event_id() == id {
        return Some(Named::Case(case.id));
    }
    let referral = ReferralId::of(id);
    if case.referrals.iter().any(|held| held.id == referral) {
        return Some(Named::Referral(case.id, referral));
    }
    case.feedback.iter().any(|held| held.id == id).then_some(Named::Feedback(case.id, id))
}

/// Finds what an id names.
pub fn find(view: View<'_>, id: EventId) -> Result<Named, Failure> {
    if let Some(case) = view.case_of_referral(ReferralId::of(id))? {
        return Ok(Named::Referral(case, ReferralId::of(id)));
    }
    if let Some(case) = view.case_of_feedback(id)? {
        return Ok(Named::Feedback(case, id));
    }
    let case = CaseId::of(id);
    if view.case(case)?.is_some() { Ok(Named::Case(case)) } else { Err(Failure::NoSuchId(id)) }
}
