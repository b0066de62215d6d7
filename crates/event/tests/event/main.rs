//! The shared language as other programs meet it: bytes, attributes, schemas.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::too_many_lines)]

mod attributes;
mod payloads;
mod round_trip;
mod schemas;

use fengsui_event::{KeyId, Signature, Signer};
use nkeys::{KeyPair, KeyPairType};

/// A key whose seed is a number.
struct Key(KeyPair);

impl Key {
    fn numbered(number: u8) -> Self {
        Self(KeyPair::new_from_raw(KeyPairType::User, [number; 32]).unwrap())
    }
}

impl Signer for Key {
    fn keyid(&self) -> KeyId {
        self.0.public_key().parse().unwrap()
    }

    fn sign(&self, bytes: &[u8]) -> Signature {
        self.0.sign(bytes).unwrap().try_into().unwrap()
    }
}
