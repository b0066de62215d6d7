//! Terms that have passed: the reminder (催办), then supervision (督办) by the city, later by the province.
//!
//! [`due_steps`] is pure: a day, terms, the registry and who asks give the steps that are this node's to take today.
//! [`due`] reads the terms from the read model in slices. Each step carries an id that follows from what it is
//! about and from the node that takes it (`docs/adr/0027-derived-ids-of-reminders.md`).

mod step;

use std::collections::BTreeSet;

use fengsui_event::payload::{ReferralEscalated, ReferralReminded};
use fengsui_event::{AgencyCode, Date, EventId, Source, Timestamp, date};
use fengsui_projector::query::{Overdue, OverdueTerm, View};
use fengsui_projector::{ModelError, Registry};

use crate::desk::{Command, DerivedIds, IdSource as _};

pub use step::OverdueKind;

/// Terms that are read from the read model together.
const SLICE_TERMS: u64 = 256;

/// A step that is this node's to take, with the id that its event must have.
#[derive(Clone, Debug)]
pub struct Due {
    /// What to do at the desk.
    pub command: Command,
    /// Gives the event its id: the same for the same step of the same term by the same node, whenever it is derived.
    pub ids: DerivedIds,
}

impl Due {
    /// The event's id.
    #[must_use]
    pub fn id(&self) -> EventId {
        // The time part is fixed, so the time given does not matter.
        self.ids.clone().next(Timestamp::UNIX_EPOCH)
    }
}

/// The steps that are due on a day and are this node's to take, at most `limit`.
///
/// The caller gives each to the desk with its own ids. One that is refused because its id is known was taken before;
/// one that is refused by the fold is settled by what came in between. What is left over comes with the next call,
/// for a term whose step was taken is not among them again.
pub fn due(view: &View<'_>, registry: &Registry, me: &Source, day: Date, limit: usize) -> Result<Vec<Due>, ModelError> {
    let mut found = Vec::new();
    if !may_write(registry, me) {
        return Ok(found);
    }
    let unreminded_of = (me.agency != registry.authority).then_some(me.agency);
    let debtors: BTreeSet<AgencyCode> = registry.agencies.keys().copied().chain([registry.authority]).collect();
    for owed_by in debtors {
        let mut after = None;
        loop {
            let slice = Overdue { owed_by, on: day, unreminded_of, after, limit: SLICE_TERMS };
            let terms = view.overdue_terms(slice)?;
            found.extend(due_steps(day, &terms, registry, me));
            if found.len() >= limit {
                found.truncate(limit);
                return Ok(found);
            }
            after = terms.last().map(OverdueTerm::place);
            if (terms.len() as u64) < SLICE_TERMS {
                break;
            }
        }
    }
    Ok(found)
}

/// What a node of a suspended agency says has no effect.
fn may_write(registry: &Registry, me: &Source) -> bool {
    me.agency == registry.authority || registry.is_active(&me.agency)
}

/// Which steps a day asks of a node, for terms in any order; at most one for each term. Without a rulebook in force
/// there is no calendar to count by, and no step.
#[must_use]
pub fn due_steps(day: Date, terms: &[OverdueTerm], registry: &Registry, me: &Source) -> Vec<Due> {
    let Ok(book) = registry.rulebook(day) else { return Vec::new() };
    let step = |term: &OverdueTerm| step::next(day, term, registry, book, me.agency).map(|kind| due_of(term, kind, me));
    terms.iter().filter_map(step).collect()
}

fn due_of(term: &OverdueTerm, kind: OverdueKind, me: &Source) -> Due {
    let OverdueTerm { case, referral, kind: deadline, due_on, .. } = *term;
    let command = match kind.level() {
        None => Command::Remind { case, reminder: ReferralReminded { referral, deadline, due_on } },
        Some(level) => Command::Escalate { case, escalation: ReferralEscalated { referral, deadline, due_on, level } },
    };
    let parts = [
        "overdue".to_owned(),
        me.region.to_string(),
        me.agency.to_string(),
        me.node.to_string(),
        referral.to_string(),
        deadline.code().to_owned(),
        due_on.to_string(),
        kind.code().to_owned(),
    ];
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    let time = date::start_of(due_on).unwrap_or(Timestamp::UNIX_EPOCH);
    Due { command, ids: DerivedIds::at(&parts, time) }
}

#[cfg(test)]
mod tests;
