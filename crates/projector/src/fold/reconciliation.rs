//! A recorded reconciliation. It moves no state: what settles a difference are events of their own, which name it as
//! their cause. Here it is only made sure that what it says of itself holds together.

use fengsui_event::Subject;
use fengsui_event::payload::ReconciliationRecorded;

use super::{Rejection, Step, require_earlier, require_subject};

/// An agency records its own book, and the authority anybody's.
pub(super) fn recorded(step: &Step<'_>, data: &ReconciliationRecorded) -> Result<(), Rejection> {
    require_subject(step.event, &Subject::Region(step.registry.region))?;
    step.only(&[&data.agency, &step.registry.authority], "reconciled")?;
    require_earlier(step.position, data.position)?;
    let sum = |of: fn(&fengsui_event::payload::ClassCount) -> u64| {
        data.classes.iter().fold(0_u64, |sum, count| sum.saturating_add(of(count)))
    };
    for (side, found, expected) in
        [("rows", sum(|count| count.rows), data.rows), ("cases", sum(|count| count.cases), data.cases)]
    {
        if found != expected {
            let (found, expected) = (format!("{found} {side} in classes"), format!("{expected} {side}"));
            return Err(Rejection::Incoherent { found, expected });
        }
    }
    Ok(())
}
