//! The next step for one term.

use fengsui_event::{AgencyCode, Date, SupervisionLevel};
use fengsui_projector::Registry;
use fengsui_projector::query::OverdueTerm;
use fengsui_rulebook::Rulebook;

/// How long the reporter has to remind before the authority does.
const REPORTER_WORKING_DAYS: u16 = 1;

/// By how many days clocks of nodes may differ: a day that lies further ahead is not counted from. One that lies ahead by less comes
/// from a node whose clock is right, seen by one whose clock is behind.
const CLOCK_DAYS_MAX: i64 = 7;

/// What is done about a term that has passed, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum OverdueKind {
    /// 催办
    Reminder,
    /// 市级督办
    City,
    /// 省级督办
    Province,
}

impl OverdueKind {
    /// The text from which ids are derived. It never changes.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Reminder => "reminder",
            Self::City => "city",
            Self::Province => "province",
        }
    }

    /// Who supervises; nobody yet after a reminder.
    #[must_use]
    pub const fn level(self) -> Option<SupervisionLevel> {
        match self {
            Self::Reminder => None,
            Self::City => Some(SupervisionLevel::City),
            Self::Province => Some(SupervisionLevel::Province),
        }
    }
}

/// Who reminds of a term.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reminding {
    /// The agency that found the violation; the authority if it does not.
    Reporter,
    /// The authority, since the reporter cannot, or would have to remind itself.
    Authority,
}

/// The step that a day asks of an agency. The reporter reminds; the authority supervises, and reminds in its stead.
pub(super) fn next(
    day: Date,
    term: &OverdueTerm,
    registry: &Registry,
    book: &Rulebook,
    actor: AgencyCode,
) -> Option<OverdueKind> {
    let is_authority = actor == registry.authority;
    if day <= term.due_on || term.province_on.is_some() {
        return None;
    }
    let terms = book.deadlines(&term.category, term.severity);
    // A day that lies far ahead comes from a clock that goes wrong: it must not hold supervision up.
    let furthest = day.saturating_add(jiff::Span::new().days(CLOCK_DAYS_MAX));
    let counted = |from: Option<Date>| from.filter(|from| *from <= furthest).unwrap_or(term.due_on);
    let is_over = |from: Date, working_days: u16| day > book.working_day_after(from, working_days).date;
    if term.city_on.is_some() {
        return (is_authority && is_over(counted(term.city_on), terms.province_supervision))
            .then_some(OverdueKind::Province);
    }
    if term.reminded_on.is_none() {
        let reminding = reminding(term, registry, book);
        if reminding == Reminding::Reporter && actor == term.reporter {
            return Some(OverdueKind::Reminder);
        }
        let in_its_stead = reminding == Reminding::Authority || is_over(term.due_on, REPORTER_WORKING_DAYS);
        // What the authority owes itself it does not remind itself of: it goes to the city.
        if term.owed_by != registry.authority {
            return (is_authority && in_its_stead).then_some(OverdueKind::Reminder);
        }
    }
    (is_authority && is_over(counted(term.reminded_on), terms.city_supervision)).then_some(OverdueKind::City)
}

fn reminding(term: &OverdueTerm, registry: &Registry, book: &Rulebook) -> Reminding {
    let has_node = book.agency(&term.reporter).is_none_or(|agency| agency.has_node);
    if term.owed_by != term.reporter && registry.is_active(&term.reporter) && has_node {
        Reminding::Reporter
    } else {
        Reminding::Authority
    }
}
