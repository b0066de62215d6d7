//! Credit certificates: drawn up from the tables, the log and its tree; held against a log (docs/certificates.md).
//!
//! The format and whether a certificate holds by itself are `fengsui_proof::certificate`. Here is what needs tables: who may be told what is on
//! the account, which checkpoint has enough witnesses, and whether an account has changed since.

mod archived;
mod drawing;
mod error;
mod standing;

pub use archived::{ArchivedLog, ArchivedLogError};
pub use drawing::{Order, draw, grade_of, verify_own, witnessed};
pub use error::CertificateError;
pub use standing::{Contradiction, LaterEntry, Standing, balance_at, own_root, root_of, standing};

use fengsui_proof::certificate::Trust;

use crate::folder::Exchange;

/// The trust that an exchange file gives.
pub fn trust_of(exchange: &Exchange) -> Trust {
    Trust {
        region: exchange.region,
        authority: exchange.authority,
        authority_keys: exchange.authority_keys.clone(),
        cosigners: Vec::new(),
        needed: None,
    }
}
