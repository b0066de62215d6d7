//! Does every row and every case have its one class?

use fengsui_event::ReconciliationClass;
use fengsui_event::payload::ClassCount;
use serde::Serialize;

use super::classify::Item;

/// Rows and cases by class.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Balance {
    /// Rows of the book.
    pub rows: u64,
    /// Cases of the log that concern the agency.
    pub cases: u64,
    /// How many of each class; classes without any are left out.
    pub classes: Vec<ClassCount>,
}

/// The sums of the classes are not the counts of the two sides: the program is at fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the classes hold {found} {side}, but there are {expected}: this is a fault of the program, and nothing was recorded"
)]
pub struct BalanceError {
    /// Rows or cases.
    pub side: &'static str,
    /// In the classes.
    pub found: u64,
    /// As counted when reading.
    pub expected: u64,
}

impl Balance {
    /// The balance of what is not matched, with those that are.
    pub(super) fn of(rows: usize, cases: usize, matched: u64, items: &[Item]) -> Self {
        let count = |&class: &ReconciliationClass| {
            let own = || items.iter().filter(move |item| item.class == class);
            let plain = if class == ReconciliationClass::Matched { matched } else { 0 };
            let rows = plain + own().filter(|item| item.row.is_some()).count() as u64;
            let cases = plain + own().filter(|item| item.case.is_some()).count() as u64;
            ClassCount { class, rows, cases }
        };
        let classes = ReconciliationClass::ALL.iter().map(count).filter(|it| it.rows + it.cases > 0).collect();
        Self { rows: rows as u64, cases: cases as u64, classes }
    }

    /// How many rows and cases are of a class.
    #[must_use]
    pub fn of_class(&self, class: ReconciliationClass) -> (u64, u64) {
        self.classes.iter().find(|count| count.class == class).map_or((0, 0), |count| (count.rows, count.cases))
    }

    /// Whether the book and the log agree: all that there is, is matched, or no longer the agency's.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        let agrees = |class| matches!(class, ReconciliationClass::Matched | ReconciliationClass::Released);
        self.classes.iter().all(|count| agrees(count.class))
    }

    /// Whether the classes add up to both sides.
    ///
    /// # Errors
    /// [`BalanceError`] when they do not.
    pub fn check(&self) -> Result<(), BalanceError> {
        let found = |of: fn(&ClassCount) -> u64| self.classes.iter().map(of).sum::<u64>();
        let sides = [("rows", found(|count| count.rows), self.rows), ("cases", found(|count| count.cases), self.cases)];
        let wrong = sides.into_iter().find(|(_, found, expected)| found != expected);
        wrong.map_or(Ok(()), |(side, found, expected)| Err(BalanceError { side, found, expected }))
    }
}
