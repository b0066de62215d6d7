//! How well a row and a case fit together, in whole points.

use fengsui_event::Date;

use super::case::LogCase;
use super::row::BookRow;
use super::text::text_form;

/// Found on the same day.
pub const SAME_DAY: u32 = 40;
/// Found within [`NEAR_DAYS`] of each other.
pub const NEAR_DAY: u32 = 25;
/// Found within [`FAR_DAYS`] of each other.
pub const FAR_DAY: u32 = 10;
/// The same kind of violation.
pub const SAME_CATEGORY: u32 = 30;
/// The same address.
pub const SAME_ADDRESS: u32 = 12;
/// The same region.
pub const SAME_REGION: u32 = 8;
/// Dealt with on the same day.
pub const SAME_HANDLING: u32 = 10;
/// The same unit; without a number or an id in common nothing is compared but within a unit.
pub const SAME_UNIT: u32 = 30;
/// A day of finding that was mistyped or entered later.
pub const NEAR_DAYS: i32 = 3;
/// Beyond this two findings are never the same.
pub const FAR_DAYS: i32 = 31;
/// What a row and a case without a number or an id in common need, the unit included.
pub const NEEDED: u32 = 90;
/// By how much the best must exceed the next, where only the score decides.
pub const MARGIN: u32 = 10;

/// The score of a pair. What the row does not say counts nothing.
pub(super) fn score(row: &BookRow, case: &LogCase) -> u32 {
    let when = |same: bool, points: u32| if same { points } else { 0 };
    let days = row.found_on.map(|on| distance(on, case.found_on));
    let found = match days {
        Some(0) => SAME_DAY,
        Some(days) if days <= NEAR_DAYS => NEAR_DAY,
        Some(days) if days <= FAR_DAYS => FAR_DAY,
        _ => 0,
    };
    let address = row.address.as_deref().is_some_and(|address| text_form(address) == text_form(&case.address));
    let handled = case.handled.as_ref().map(|handled| handled.on).or(case.closed_on);
    found
        + when(row.unit.as_ref() == Some(&case.unit), SAME_UNIT)
        + when(row.category.as_ref() == Some(&case.category), SAME_CATEGORY)
        + when(address, SAME_ADDRESS)
        + when(row.region == Some(case.region), SAME_REGION)
        + when(row.handled_on.is_some() && row.handled_on == handled, SAME_HANDLING)
}

/// Days between two dates, whichever is first.
pub(super) fn distance(a: Date, b: Date) -> i32 {
    a.until(b).map_or(i32::MAX, |span| span.get_days().abs())
}
