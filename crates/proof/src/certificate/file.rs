//! The certificate as a file: one JSON document whose second line is exactly what was signed, so that `sed`, `openssl` and any JSON reader do.
//!
//! ```text
//! {"certificate":
//! {"format":"fengsui-certificate/1",…}
//! ,"signature":{"keyid":"U…","algorithm":"ed25519","public_key":"-----BEGIN PUBLIC KEY-----…","value":"…"}}
//! ```

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fengsui_event::{Digest, KeyId, Signature, Signer};
use serde::{Deserialize, Serialize};

use super::statement::{FORMAT, Statement, signature_text};

/// The largest file that is read, in bytes: thousands of events.
pub const CERTIFICATE_BYTES_MAX: usize = 64 * 1024 * 1024;

const BEFORE_STATEMENT: &str = "{\"certificate\":\n";
const BEFORE_SIGNATURE: &str = "\n,\"signature\":";
const END: &str = "}\n";

/// `SubjectPublicKeyInfo` of an Ed25519 key (RFC 8410) up to the 32 bytes of the key.
const SPKI_PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// A statement with its issuer's signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    statement: Statement,
    /// The exact bytes that are signed.
    signed: String,
    signature: SignatureLine,
}

/// Why a file is no certificate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// Too large.
    #[error("the file has {found} bytes; a certificate has at most {CERTIFICATE_BYTES_MAX}")]
    TooLarge {
        /// Its size in bytes.
        found: usize,
    },
    /// Not the lines of a certificate.
    #[error(
        "the file is no certificate, or it was written again by another program: {expected}; ask for the file as it was issued"
    )]
    Layout {
        /// What was expected.
        expected: &'static str,
    },
    /// A newer version, or another format.
    #[error("the certificate's format is `{found}`; this program reads `{FORMAT}`")]
    Format {
        /// The format that was found.
        found: String,
    },
    /// The statement does not fit the format.
    #[error("the certificate's statement does not fit its format: {0}")]
    Statement(String),
    /// It could not be written as JSON.
    #[error("the certificate cannot be written as JSON: {0}")]
    Encoding(String),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SignatureLine {
    keyid: KeyId,
    algorithm: String,
    /// The same key as `keyid`, as `openssl` reads it.
    public_key: String,
    #[serde(with = "signature_text")]
    value: Signature,
}

/// The one member by which formats and versions are told apart.
#[derive(Deserialize)]
struct FormatOnly {
    format: String,
}

impl Certificate {
    /// Signs a statement. The signer's key must be the statement's `keyid`.
    pub fn sign(statement: Statement, signer: &dyn Signer) -> Result<Self, CertificateError> {
        let signed =
            serde_json::to_string(&statement).map_err(|error| CertificateError::Encoding(error.to_string()))?;
        let keyid = signer.keyid();
        if keyid != statement.keyid {
            let expected = format!("the statement names the key {}, the signer has {keyid}", statement.keyid);
            return Err(CertificateError::Statement(expected));
        }
        let value = signer.sign(signed.as_bytes());
        Ok(Self { statement, signed, signature: SignatureLine::of(keyid, value) })
    }

    /// Reads a file. Only the very layout that [`Certificate::sign`] makes is taken.
    ///
    /// Errors: what is no certificate. Whether it is a good one is for [`super::verify`].
    pub fn parse(bytes: &[u8]) -> Result<Self, CertificateError> {
        let layout = |expected: &'static str| CertificateError::Layout { expected };
        if bytes.len() > CERTIFICATE_BYTES_MAX {
            return Err(CertificateError::TooLarge { found: bytes.len() });
        }
        let text = std::str::from_utf8(bytes).map_err(|_| layout("it must be UTF-8 text"))?;
        let rest = text.strip_prefix(BEFORE_STATEMENT).ok_or(layout("its first line must be `{\"certificate\":`"))?;
        let (signed, rest) = rest.split_once('\n').ok_or(layout("it must have three lines"))?;
        let rest = rest
            .strip_prefix(&BEFORE_SIGNATURE[1..])
            .ok_or(layout("its third line must begin with `,\"signature\":`"))?;
        let line = rest.strip_suffix(END).ok_or(layout("its third line must end with `}` and a line feed"))?;
        let signature: SignatureLine = serde_json::from_str(line)
            .map_err(|_| layout("its third line must hold keyid, algorithm, public_key and value"))?;
        let format: FormatOnly =
            serde_json::from_str(signed).map_err(|error| CertificateError::Statement(error.to_string()))?;
        if format.format != FORMAT {
            return Err(CertificateError::Format { found: format.format });
        }
        let statement: Statement =
            serde_json::from_str(signed).map_err(|error| CertificateError::Statement(error.to_string()))?;
        let found = Self { statement, signed: signed.to_owned(), signature };
        // One certificate has one text: what the signature does not cover may not vary either.
        if found.signature != SignatureLine::of(found.statement.keyid, found.signature.value) {
            return Err(layout("its third line must name the key of the statement, as keyid and as public_key"));
        }
        if found.to_string() != text {
            return Err(layout("its third line must be written as it was issued"));
        }
        Ok(found)
    }

    /// What the issuer states.
    pub fn statement(&self) -> &Statement {
        &self.statement
    }

    /// The exact bytes that are signed: the file's second line without its line feed.
    pub fn signed_bytes(&self) -> &[u8] {
        self.signed.as_bytes()
    }

    /// The issuer's signature over [`Self::signed_bytes`].
    pub fn signature(&self) -> &Signature {
        &self.signature.value
    }

    /// SHA-256 of the whole file, which the log and the QR code name.
    pub fn sha256(&self) -> Digest {
        Digest::of(self.to_string().as_bytes())
    }
}

impl fmt::Display for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = serde_json::to_string(&self.signature).map_err(|_| fmt::Error)?;
        write!(f, "{BEFORE_STATEMENT}{}{BEFORE_SIGNATURE}{line}{END}", self.signed)
    }
}

impl SignatureLine {
    fn of(keyid: KeyId, value: Signature) -> Self {
        Self { keyid, algorithm: "ed25519".to_owned(), public_key: public_key_pem(keyid), value }
    }
}

/// A key as PEM (RFC 7468) of its `SubjectPublicKeyInfo` (RFC 8410).
fn public_key_pem(keyid: KeyId) -> String {
    let mut der = SPKI_PREFIX.to_vec();
    der.extend_from_slice(&keyid.raw());
    format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(der))
}
