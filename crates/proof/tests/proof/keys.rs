//! Keys that sign in tests.

use ed25519_dalek::{Signer as _, SigningKey};
use fengsui_event::{KeyId, Signature, Signer};

/// The key whose 32 secret bytes are all this number.
pub struct TestKey(SigningKey);

impl TestKey {
    pub fn new(number: u8) -> Self {
        Self(SigningKey::from_bytes(&[number; 32]))
    }
}

impl Signer for TestKey {
    fn keyid(&self) -> KeyId {
        KeyId::from_raw(self.0.verifying_key().to_bytes())
    }

    fn sign(&self, bytes: &[u8]) -> Signature {
        self.0.sign(bytes).to_bytes()
    }
}
