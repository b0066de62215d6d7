//! Whom a checkpoint must be signed by to be believed, and the texts of keys that others are told of.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fengsui_event::KeyId;

use crate::checkpoint::{Origin, SignatureKind, SignedCheckpoint};
use crate::note::{Found, is_key_name, key_hash};

/// Someone whose cosignatures count.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cosigner {
    /// The name on its signature lines.
    pub name: String,
    /// Its key.
    pub key: KeyId,
}

/// Who must have signed a checkpoint: the authority, and so many of these.
///
/// A name counts once, whatever the number of its keys, and so does a key: the signed message does not tell the cosigner's name, so
/// a key under two names would count twice. The authority's keys do not count as cosigners.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quorum {
    /// The log whose checkpoints are meant.
    pub origin: Origin,
    /// The keys of the authority, any of which signs as the log.
    pub authority: Vec<KeyId>,
    /// Those whose cosignatures count.
    pub cosigners: Vec<Cosigner>,
    /// How many of them it takes.
    pub needed: usize,
}

/// A cosignature that was checked.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cosigned {
    /// The cosigner's name.
    pub name: String,
    /// The key.
    pub key: KeyId,
    /// When it says to have cosigned, in POSIX seconds.
    pub time_seconds: u64,
}

/// Why a checkpoint is not believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuorumError {
    /// Another log's.
    #[error("the checkpoint is of the log {found}, not of {expected}")]
    OtherLog {
        /// The log that was asked for.
        expected: Origin,
        /// The log that it names.
        found: Origin,
    },
    /// No key of the authority signed it.
    #[error(
        "the authority of {origin} did not sign the checkpoint: no good signature of the {} in the exchange file",
        keys_text(*.keys)
    )]
    NotSigned {
        /// The log.
        origin: Origin,
        /// As many keys as were tried.
        keys: usize,
    },
    /// A line under the name and key of someone known does not verify, and none beside it does.
    #[error("the signature of {name} on the checkpoint is bad: the checkpoint or the signature was altered")]
    BadSignature {
        /// The name on the line.
        name: String,
    },
    /// Too few cosigned.
    #[error("{} of the {needed} cosignatures that it takes are on the checkpoint; missing: {}", cosigned.len(), missing.join(", "))]
    TooFew {
        /// As many as it takes.
        needed: usize,
        /// Those that are there.
        cosigned: Vec<Cosigned>,
        /// Names of those whose cosignature would count and is not there.
        missing: Vec<String>,
    },
}

/// Why a text is not the key of a cosigner.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} is not the key of a cosigner ({reason}); expected <name>+<8 hexadecimal digits>+<base 64> as `fengsui checkpoint` prints it"
)]
pub struct VerifierKeyError {
    /// The text.
    pub text: String,
    /// What is wrong with it.
    pub reason: &'static str,
}

/// How many cosignatures are enough where nobody says otherwise: more than half of so many agencies beside the authority.
pub const fn default_quorum(agencies: usize) -> usize {
    agencies / 2 + 1
}

impl Quorum {
    /// Checks the signatures of a checkpoint and returns the cosignatures that count, one for each name, sorted by name.
    ///
    /// Signatures of others are passed over; a bad one under the name and key of someone known, without a good one beside it, is an error,
    /// as the standard asks.
    pub fn check(&self, signed: &SignedCheckpoint) -> Result<Vec<Cosigned>, QuorumError> {
        let found = signed.checkpoint().origin;
        if found != self.origin {
            return Err(QuorumError::OtherLog { expected: self.origin, found });
        }
        self.check_authority(signed)?;
        let mut cosigned: Vec<Cosigned> = Vec::new();
        for cosigner in self.cosigners.iter().filter(|cosigner| !self.authority.contains(&cosigner.key)) {
            let Cosigner { name, key } = cosigner;
            match signed.note().cosignature(name, *key) {
                Found::None => {}
                Found::Bad => return Err(QuorumError::BadSignature { name: name.clone() }),
                Found::Good(_) if cosigned.iter().any(|other| other.name == *name || other.key == *key) => {}
                Found::Good(time_seconds) => {
                    cosigned.push(Cosigned { name: name.clone(), key: *key, time_seconds });
                }
            }
        }
        cosigned.sort();
        if cosigned.len() >= self.needed {
            return Ok(cosigned);
        }
        let missing: BTreeSet<&String> = self.cosigners.iter().map(|cosigner| &cosigner.name).collect();
        let missing = missing.into_iter().filter(|name| !cosigned.iter().any(|other| other.name == **name));
        let missing = missing.cloned().collect();
        Err(QuorumError::TooFew { needed: self.needed, cosigned, missing })
    }

    fn check_authority(&self, signed: &SignedCheckpoint) -> Result<(), QuorumError> {
        let signatures: Vec<Found<()>> = self.authority.iter().map(|key| signed.log_signature(*key)).collect();
        if signatures.contains(&Found::Bad) {
            Err(QuorumError::BadSignature { name: self.origin.to_string() })
        } else if signatures.contains(&Found::Good(())) {
            Ok(())
        } else {
            Err(QuorumError::NotSigned { origin: self.origin, keys: self.authority.len() })
        }
    }
}

fn keys_text(count: usize) -> String {
    if count == 1 { "one key".to_owned() } else { format!("{count} keys") }
}

/// A key as C2SP signed-note writes it: `<name>+<id in hexadecimal>+<base 64 of type and key>`.
pub fn verifier_key(name: &str, key: KeyId, kind: SignatureKind) -> String {
    let bytes = [[kind.byte()].as_slice(), &key.raw()].concat();
    format!("{name}+{}+{}", hex::encode(key_hash(name, kind, key)), STANDARD.encode(bytes))
}

/// Reads the key of a cosigner (type 0x04) as [`verifier_key`] writes it.
pub fn parse_verifier_key(text: &str) -> Result<Cosigner, VerifierKeyError> {
    let refuse = |reason| VerifierKeyError { text: text.chars().take(200).collect(), reason };
    let mut parts = text.splitn(3, '+');
    let (Some(name), Some(_), Some(bytes)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(refuse("it has no three parts between plus signs"));
    };
    if !is_key_name(name) {
        return Err(refuse("the name is empty or has spaces"));
    }
    let bytes = STANDARD.decode(bytes).map_err(|_| refuse("the last part is not base 64"))?;
    let Some((kind, raw)) = bytes.split_first() else { return Err(refuse("the last part is empty")) };
    if *kind == SignatureKind::Log.byte() {
        return Err(refuse("it is the key of a log, type 1; a cosigner's has type 4"));
    }
    if *kind != SignatureKind::Cosignature.byte() {
        return Err(refuse("its type is not 4, Ed25519 cosignatures"));
    }
    let raw = raw.try_into().map_err(|_| refuse("the key has not 32 bytes"))?;
    let key = KeyId::from_raw(raw);
    key.verifier().map_err(|_| refuse("the key is not a valid Ed25519 point"))?;
    // Whatever does not come out as it went in has another id than its name and key have.
    if verifier_key(name, key, SignatureKind::Cosignature) != text {
        return Err(refuse("its id does not belong to its name and key"));
    }
    Ok(Cosigner { name: name.to_owned(), key })
}
