//! Credit certificates (信用证明): what a unit's account was at a position, with everything that is needed to check it without a network.
//!
//! A certificate is a statement that its issuer signs. It carries the events that caused the entries and those that registered the keys, each
//! with its inclusion proof under one cosigned checkpoint. Whoever trusts the exchange's first keys (`exchange.toml`) needs nothing else.
//! `docs/certificates.md` has the format, and what a certificate proves and what it does not.

mod compact;
mod file;
mod forgery;
mod keys;
mod notice;
mod statement;
mod verify;

pub use compact::{Compact, CompactError};
pub use file::{CERTIFICATE_BYTES_MAX, Certificate, CertificateError};
pub use forgery::Forgery;
pub use notice::Notice;
pub use statement::{CertifiedEntry, FORMAT, ProvenEvent, RulebookReference, Statement};
pub use verify::{Trust, Validity, Verified, verify};
