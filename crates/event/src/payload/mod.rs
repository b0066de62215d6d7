//! What each event says: one type per entry of the catalogue.
//!
//! A type's meaning never changes. A new shape is a new version, and [`crate::upcast`] turns the old one
//! into the new one when it is read. Fields that a version does not know are refused, so that nothing an
//! agency signed is silently ignored.

mod authority;
mod case;
mod certificate;
mod credit;
mod feedback;
mod joint;
mod reconciliation;
mod referral;
mod unit;
mod violation;

pub use authority::*;
pub use case::*;
pub use certificate::*;
pub use credit::*;
pub use feedback::*;
pub use joint::*;
pub use reconciliation::*;
pub use referral::*;
pub use unit::*;
pub use violation::*;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::RegionCode;
use crate::digest::Digest;

/// Where something is: administrative region and the address as people write it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// County-level region where known, else the prefecture or province.
    pub region: RegionCode,
    /// Street address, free text.
    pub address: String,
}

/// A photo or document that supports a statement; only its hash travels.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    /// SHA-256 of the file.
    pub sha256: Digest,
    /// Media type, such as `image/jpeg`.
    pub media_type: String,
    /// Title for people; holds no personal data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
}
