//! What the fold remembers: the registry, each case, each account. Plain values; everything that people see is
//! drawn from them.

mod account;
mod case;
mod certificate;
mod chain;
mod cosignature;
mod due;
mod registry;
mod stored_date;
mod terms;

pub use account::{AccountState, EntryKind, LedgerEntry, Offence};
pub use case::{
    CaseState, CaseStatus, Charge, Closing, Feedback, FeedbackStatus, Objection, OverdueStep, PendingDeadline,
    Rectification, Referral, ReferralStatus, Returned, Slot,
};
pub use certificate::{CertificateState, Revocation};
pub use chain::{Chain, ChainBreak, Gap};
pub use cosignature::{Cosignature, LargestCosigned};
pub use due::Due;
pub use registry::{Agency, Key, PublishedRulebook, Registry, RegistryError, SimulatedRulebook};
pub use terms::term_zh;
