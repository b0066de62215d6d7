//! Identifiers of the exchange: whatever names a unit, a place, a trade, an agency, an event, or an amount.
//!
//! Every type here is a validated newtype: a value exists only if its text passed the checks of its standard, and
//! displaying it gives that same text back. All of them serialise as that text (amounts as integers), in JSON and in
//! bincode alike; the event identifiers alone shrink to 16 bytes in formats that are not for people.

#[macro_use]
mod text;

mod agency;
mod amount;
mod category;
mod citizen;
mod organisation;
mod region;
mod trade;
mod ulid_id;
mod unit;
mod unit_parts;
mod uscc;
mod uscc_error;
mod uscc_registration;

#[cfg(test)]
mod tests;

pub use agency::{AgencyCode, AgencyCodeError};
pub use amount::{AmountError, Fen, Points};
pub use category::{CategoryCode, CategoryCodeError};
pub use organisation::{
    OrganisationCode, OrganisationCodeError, organisation_check_character, organisation_code_check,
};
pub use region::{RegionCode, RegionCodeError, RegionLevel};
pub use text::{NormalisationNote, Normalised};
pub use trade::{TradeCode, TradeCodeError};
pub use ulid_id::{CaseId, CertificateId, EventId, ReferralId, UlidError};
pub use unit::{UnitId, UnitIdError};
pub use unit_parts::{LegacyNumber, LocalScheme, LocalValue};
pub use uscc::Uscc;
pub use uscc_error::UsccError;
pub use uscc_registration::{OrganisationKind, RegistrationAuthority};
