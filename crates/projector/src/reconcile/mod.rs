//! An agency's own book against the log (对账): what each has, what differs, what is owed, and what would settle it.
//!
//! Pure: rows and cases in, classes out. The same rows and cases give the same classes, whatever the order of the rows.

mod assign;
mod balance;
mod case;
mod classify;
mod matching;
mod propose;
mod row;
mod score;
mod since;
mod text;

pub use balance::{Balance, BalanceError};
pub use case::{Handled, LogCase, Standing};
pub use classify::{Candidate, Difference, Finding, Item, Newer, Outcome, Side, reconcile};
pub use matching::{Doubt, MatchedBy};
pub use propose::{Proposal, Reported, propose};
pub use row::BookRow;
pub use score::{
    FAR_DAY, FAR_DAYS, MARGIN, NEAR_DAY, NEAR_DAYS, NEEDED, SAME_ADDRESS, SAME_CATEGORY, SAME_DAY, SAME_HANDLING,
    SAME_REGION, SAME_UNIT,
};
pub use since::{Known, Since, since};
