//! The certificate in one line, for a QR code: what it says in short, its file's SHA-256, and a signature of its own.
//!
//! `fengsui-certificate/1;ID;REGION;UNIT;BALANCE;GRADE;POSITION;DATE;VALID_UNTIL;ISSUER;SHA256;KEYID;SIGNATURE`. The signature is Ed25519 over
//! everything before the last semicolon, in base64url without padding (RFC 4648, section 5). No field can hold a semicolon.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use fengsui_event::{AgencyCode, CertificateId, Date, Digest, KeyId, Points, RegionCode, Signature, Signer, UnitId};
use serde::Serialize;

use super::{Certificate, FORMAT, Validity};

/// Fields with the signature.
const FIELDS: usize = 13;
/// More than any such line has.
const BYTES_MAX: usize = 1_024;

/// The statement of a QR code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Compact {
    /// The certificate's id.
    pub id: CertificateId,
    /// Region of the exchange.
    pub region: RegionCode,
    /// The unit.
    pub unit: UnitId,
    /// The balance.
    pub balance: Points,
    /// The grade.
    pub grade: String,
    /// Last position that is taken into account.
    pub position: u64,
    /// The day of the balance, and the first on which it is valid.
    pub date: Date,
    /// The last day on which it is valid.
    pub valid_until: Date,
    /// Who states this.
    pub issuer: AgencyCode,
    /// SHA-256 of the certificate's file.
    pub sha256: Digest,
    /// The key that signed.
    pub keyid: KeyId,
    /// The signature.
    #[serde(skip)]
    pub signature: Signature,
}

/// Why a text is not that of a certificate's QR code.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CompactError {
    /// Another text.
    #[error(
        "this is not the text of a certificate's QR code; expected `{FORMAT};` and twelve fields with semicolons between, up to {BYTES_MAX} bytes"
    )]
    Layout,
    /// One field.
    #[error("field {field} of the QR code's text is `{found}`: {reason}")]
    Field {
        /// Its name.
        field: &'static str,
        /// What was found.
        found: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The signature.
    #[error("the signature by {0} does not fit the QR code's text: it was changed, or read wrongly")]
    Signature(KeyId),
}

impl Compact {
    /// The line of a certificate, signed with the key that signed the certificate.
    pub fn sign(certificate: &Certificate, signer: &dyn Signer) -> Self {
        let statement = certificate.statement();
        let mut compact = Self {
            id: statement.id,
            region: statement.region,
            unit: statement.unit.clone(),
            balance: statement.balance,
            grade: statement.grade.clone(),
            position: statement.position,
            date: statement.date,
            valid_until: statement.valid_until,
            issuer: statement.issuer,
            sha256: certificate.sha256(),
            keyid: signer.keyid(),
            signature: [0; 64],
        };
        compact.signature = signer.sign(compact.signed_text().as_bytes());
        compact
    }

    /// Whether the key that it names signed it. Whether that key is the issuer's is for whoever knows the exchange's keys.
    pub fn verify(&self) -> Result<(), CompactError> {
        let verifier = self.keyid.verifier().map_err(|_| CompactError::Signature(self.keyid))?;
        if verifier.verify(self.signed_text().as_bytes(), &self.signature) {
            return Ok(());
        }
        Err(CompactError::Signature(self.keyid))
    }

    /// Whether it is in force on a day.
    pub fn validity(&self, on: Date) -> Validity {
        if on < self.date {
            Validity::NotYetValid
        } else if on > self.valid_until {
            Validity::Expired
        } else {
            Validity::Valid
        }
    }

    /// Names the first field that differs from a certificate's.
    pub fn differs_from(&self, certificate: &Certificate) -> Option<&'static str> {
        let Self { id, region, unit, balance, grade, position, date, valid_until, issuer, sha256, keyid, signature: _ } =
            self;
        let statement = certificate.statement();
        let same = [
            ("id", *id == statement.id),
            ("region", *region == statement.region),
            ("unit", *unit == statement.unit),
            ("balance", *balance == statement.balance),
            ("grade", *grade == statement.grade),
            ("position", *position == statement.position),
            ("date", *date == statement.date),
            ("valid_until", *valid_until == statement.valid_until),
            ("issuer", *issuer == statement.issuer),
            ("keyid", *keyid == statement.keyid),
            ("sha256", *sha256 == certificate.sha256()),
        ];
        same.into_iter().find(|(_, is_same)| !is_same).map(|(name, _)| name)
    }

    fn signed_text(&self) -> String {
        let Self { id, region, unit, balance, grade, position, date, valid_until, issuer, sha256, keyid, signature: _ } =
            self;
        let Points(balance) = balance;
        format!(
            "{FORMAT};{id};{region};{unit};{balance};{grade};{position};{date};{valid_until};{issuer};{sha256};{keyid}"
        )
    }
}

impl fmt::Display for Compact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{};{}", self.signed_text(), URL_SAFE_NO_PAD.encode(self.signature))
    }
}

impl FromStr for Compact {
    type Err = CompactError;

    /// Reads the text. White space around it, as scanners add it, is taken off.
    fn from_str(text: &str) -> Result<Self, CompactError> {
        let text = text.trim();
        // What is wrong with a field is shown to people, and some characters would be orders to their terminals.
        if text.chars().any(char::is_control) {
            return Err(CompactError::Layout);
        }
        let fields: Vec<&str> = text.split(';').collect();
        if text.len() > BYTES_MAX || fields.len() != FIELDS || fields[0] != FORMAT {
            return Err(CompactError::Layout);
        }
        let signature = URL_SAFE_NO_PAD.decode(fields[12]).ok().and_then(|bytes| bytes.try_into().ok());
        let refuse = |field, found: &str, reason: &str| CompactError::Field {
            field,
            found: found.to_owned(),
            reason: reason.to_owned(),
        };
        let compact = Self {
            id: field("id", fields[1])?,
            region: field("region", fields[2])?,
            unit: field("unit", fields[3])?,
            balance: Points(field("balance", fields[4])?),
            grade: grade(fields[5])?,
            position: field("position", fields[6])?,
            date: field("date", fields[7])?,
            valid_until: field("valid_until", fields[8])?,
            issuer: field("issuer", fields[9])?,
            sha256: field("sha256", fields[10])?,
            keyid: field("keyid", fields[11])?,
            signature: signature
                .ok_or_else(|| refuse("signature", fields[12], "expected 86 characters of base64url"))?,
        };
        // One statement has one text.
        if compact.to_string() == text { Ok(compact) } else { Err(CompactError::Layout) }
    }
}

fn grade(text: &str) -> Result<String, CompactError> {
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(text.to_owned());
    }
    let reason = "expected a letter such as A".to_owned();
    Err(CompactError::Field { field: "grade", found: text.to_owned(), reason })
}

fn field<T: FromStr>(name: &'static str, text: &str) -> Result<T, CompactError>
where
    T::Err: fmt::Display,
{
    text.parse().map_err(|error: T::Err| CompactError::Field {
        field: name,
        found: text.to_owned(),
        reason: error.to_string(),
    })
}
