//! Keys and signatures: Ed25519 (RFC 8032) over the exact published bytes, keys in NKeys text form.

use std::fmt;
use std::str::FromStr;

use ed25519_dalek::{Signature as DalekSignature, VerifyingKey};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Length of an NKeys public key in characters.
const NKEY_LENGTH: usize = 56;

/// Length of an Ed25519 public key in bytes.
const RAW_LENGTH: usize = 32;

/// What a user's public key begins with in NKeys; in base 32 it is the U.
const USER_PREFIX: u8 = 20 << 3;

/// An Ed25519 signature.
pub type Signature = [u8; 64];

/// Something that signs as a known key. Implemented by the node's key store; the seed stays there.
pub trait Signer {
    /// The public key.
    fn keyid(&self) -> KeyId;
    /// Signs the exact bytes.
    fn sign(&self, bytes: &[u8]) -> Signature;
}

/// A public key in NKeys text form (56 characters, base 32 with a CRC-16), which serves as its own id.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId([u8; NKEY_LENGTH]);

/// Why a text is not a usable public key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not NKeys text.
    #[error("`{found}` is not a public key; expected 56 characters of NKeys text that begin with U ({reason})")]
    NotAnNkey {
        /// What was found.
        found: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The point is not on the curve or of small order.
    #[error("the public key {0} is not a valid Ed25519 point")]
    BadPoint(KeyId),
}

impl KeyId {
    /// The key as text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The key as the 32 bytes of RFC 8032, as other formats than NKeys carry it.
    pub fn raw(&self) -> [u8; RAW_LENGTH] {
        // A value exists only for text that was decoded before, so the zeros never show. They would verify nothing.
        nkeys::from_public_key(self.as_str()).map_or([0; RAW_LENGTH], |(_, raw)| raw)
    }

    /// The key of these 32 bytes. Whether they are a point of the curve shows only in [`verifier`](Self::verifier).
    pub fn from_raw(raw: [u8; RAW_LENGTH]) -> Self {
        let mut bytes = [USER_PREFIX; 1 + RAW_LENGTH + 2];
        bytes[1..=RAW_LENGTH].copy_from_slice(&raw);
        let checksum = crc16(&bytes[..=RAW_LENGTH]);
        bytes[1 + RAW_LENGTH..].copy_from_slice(&checksum.to_le_bytes());
        let mut text = [0; NKEY_LENGTH];
        data_encoding::BASE32_NOPAD.encode_mut(&bytes, &mut text);
        Self(text)
    }

    /// The key, ready to verify. Worth keeping: it costs a point decompression.
    pub fn verifier(&self) -> Result<Verifier, KeyError> {
        let (_, raw) = nkeys::from_public_key(self.as_str())
            .map_err(|error| KeyError::NotAnNkey { found: self.to_string(), reason: error.to_string() })?;
        let key = VerifyingKey::from_bytes(&raw).map_err(|_| KeyError::BadPoint(*self))?;
        if key.is_weak() { Err(KeyError::BadPoint(*self)) } else { Ok(Verifier(key)) }
    }
}

/// The checksum of NKeys: CRC-16/XMODEM, polynomial 0x1021, from zero.
fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |checksum, byte| {
        (0..u8::BITS).fold(checksum ^ u16::from(*byte) << 8, |checksum, _| {
            if checksum & 0x8000 == 0 { checksum << 1 } else { checksum << 1 ^ 0x1021 }
        })
    })
}

impl FromStr for KeyId {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let refuse = |reason: String| KeyError::NotAnNkey { found: text.to_owned(), reason };
        if !text.starts_with('U') {
            return Err(refuse("it does not begin with U".to_owned()));
        }
        nkeys::from_public_key(text).map_err(|error| refuse(error.to_string()))?;
        Self::from_ascii(text).ok_or_else(|| refuse("wrong length".to_owned()))
    }
}

impl KeyId {
    fn from_ascii(text: &str) -> Option<Self> {
        text.is_ascii().then_some(())?;
        Some(Self(text.as_bytes().try_into().ok()?))
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({self})")
    }
}

impl Serialize for KeyId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for KeyId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl schemars::JsonSchema for KeyId {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "KeyId".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"type": "string", "pattern": "^U[A-Z2-7]{55}$", "description": "NKeys public key"})
    }
}

/// A public key that is ready to verify.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verifier(VerifyingKey);

impl Verifier {
    /// Whether the signature is good for these exact bytes, by the strict rules (no small-order points, no
    /// malleable scalars), so that every verifier agrees.
    pub fn verify(&self, bytes: &[u8], signature: &Signature) -> bool {
        self.0.verify_strict(bytes, &DalekSignature::from_bytes(signature)).is_ok()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn raw_bytes_and_text_are_the_same_key() {
        // Made by NATS' own nkeys library, which checks prefix and checksum as well.
        let pairs = std::iter::repeat_with(nkeys::KeyPair::new_user).take(50);
        for text in pairs.map(|pair| pair.public_key()) {
            let key: KeyId = text.parse().unwrap();
            assert_eq!(key.raw(), nkeys::from_public_key(&text).unwrap().1);
            assert_eq!(KeyId::from_raw(key.raw()), key);
        }
    }

    #[test]
    fn the_checksum_is_the_published_one() {
        // The check value of CRC-16/XMODEM in the catalogue of parametrised CRC algorithms.
        assert_eq!(crc16(b"123456789"), 0x31C3);
    }
}
