//! The envelope: CloudEvents 1.0 in structured JSON, with the extensions that chain and relate events.
//!
//! What is signed, stored and hashed is the exact byte string that was published. It is never serialised again.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::catalogue::{EventType, Payload};
use crate::date::{Date, Timestamp, day_of};
use crate::digest::Digest;
use crate::key::{KeyId, Signature, Signer};
use crate::upcast::{Decoded, decode};
use crate::{AgencyCode, CaseId, EventId, RegionCode, UnitId};

/// Upper bound of an event's size in bytes, as published. NATS refuses messages over 1 MiB by default.
pub const EVENT_BYTES_MAX: usize = 1024 * 1024 - 4096;

const SPECVERSION: &str = "1.0";
const CONTENT_TYPE: &str = "application/json";
/// Digits of `sequence`: enough for every u64, fixed, so that text order is number order.
const SEQUENCE_DIGITS: usize = 20;

/// Who published: an agency's node. CloudEvents `source`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Source {
    /// Region of the exchange.
    pub region: RegionCode,
    /// The agency.
    pub agency: AgencyCode,
    /// Number of the node within the agency, from 1.
    pub node: u16,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/regions/{}/agencies/{}/nodes/{}", self.region, self.agency, self.node)
    }
}

impl FromStr for Source {
    type Err = EnvelopeError;

    fn from_str(text: &str) -> Result<Self, EnvelopeError> {
        let refuse = || EnvelopeError::Attribute {
            name: "source",
            found: text.to_owned(),
            expected: "/regions/{region}/agencies/{agency}/nodes/{number}",
        };
        let mut parts = text.strip_prefix("/regions/").ok_or_else(refuse)?.split('/');
        let mut next = || parts.next().ok_or_else(refuse);
        let region = next()?.parse().map_err(|_| refuse())?;
        if next()? != "agencies" {
            return Err(refuse());
        }
        let agency = next()?.parse().map_err(|_| refuse())?;
        if next()? != "nodes" {
            return Err(refuse());
        }
        let node = next()?.parse::<u16>().ok().filter(|number| *number > 0).ok_or_else(refuse)?;
        let source = Self { region, agency, node };
        if parts.next().is_some() || source.to_string() != text { Err(refuse()) } else { Ok(source) }
    }
}

impl TryFrom<String> for Source {
    type Error = EnvelopeError;

    fn try_from(text: String) -> Result<Self, EnvelopeError> {
        text.parse()
    }
}

impl From<Source> for String {
    fn from(source: Source) -> Self {
        source.to_string()
    }
}

/// What an event is about. CloudEvents `subject`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// A unit: every event of a case or an account.
    Unit(UnitId),
    /// An agency.
    Agency(AgencyCode),
    /// A rulebook, by version.
    Rulebook(String),
    /// The whole region: meetings, operations, draws, checkpoints.
    Region(RegionCode),
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unit(unit) => write!(f, "units/{unit}"),
            Self::Agency(agency) => write!(f, "agencies/{agency}"),
            Self::Rulebook(version) => write!(f, "rulebooks/{version}"),
            Self::Region(region) => write!(f, "regions/{region}"),
        }
    }
}

impl FromStr for Subject {
    type Err = EnvelopeError;

    fn from_str(text: &str) -> Result<Self, EnvelopeError> {
        let parsed = text.split_once('/').and_then(|(kind, value)| match kind {
            "units" => value.parse().ok().map(Self::Unit),
            "agencies" => value.parse().ok().map(Self::Agency),
            "rulebooks" => (!value.is_empty()).then(|| Self::Rulebook(value.to_owned())),
            "regions" => value.parse().ok().map(Self::Region),
            _ => None,
        });
        parsed.ok_or_else(|| EnvelopeError::Attribute {
            name: "subject",
            found: text.to_owned(),
            expected: "units/{id}, agencies/{code}, rulebooks/{version} or regions/{code}",
        })
    }
}

/// Why some bytes are not an event.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// Too large to be published.
    #[error("the event has {found} bytes; at most {EVENT_BYTES_MAX} can be published")]
    TooLarge {
        /// Its size in bytes.
        found: usize,
    },
    /// Not JSON, or a required attribute is missing or of another kind.
    #[error("not a CloudEvents document: {0}")]
    NotCloudEvents(String),
    /// An attribute is there but does not say what it must.
    #[error("attribute `{name}` is `{found}`; expected {expected}")]
    Attribute {
        /// Name of the attribute.
        name: &'static str,
        /// What was found.
        found: String,
        /// What was expected.
        expected: &'static str,
    },
}

/// The document as it stands in JSON. Attribute order is the order of writing.
#[derive(Serialize, Deserialize)]
struct Wire<'a> {
    #[serde(borrow)]
    specversion: Cow<'a, str>,
    id: EventId,
    #[serde(borrow)]
    source: Cow<'a, str>,
    #[serde(rename = "type", borrow)]
    type_text: Cow<'a, str>,
    #[serde(borrow)]
    subject: Cow<'a, str>,
    time: Timestamp,
    #[serde(borrow)]
    datacontenttype: Cow<'a, str>,
    #[serde(borrow)]
    sequence: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    previous: Option<Digest>,
    keyid: KeyId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    correlation: Option<CaseId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    causation: Option<EventId>,
    #[serde(borrow)]
    data: &'a RawValue,
}

/// An event as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its id, unique for ever.
    pub id: EventId,
    /// Who published it.
    pub source: Source,
    /// The CloudEvents `type` text, also of types that this program does not know.
    pub type_text: String,
    /// What it is about.
    pub subject: Subject,
    /// When it was recorded.
    pub time: Timestamp,
    /// Its number in its source's chain, from 1 without gaps.
    pub sequence: u64,
    /// SHA-256 of the source's previous event as published; none for the first.
    pub previous: Option<Digest>,
    /// The key that signed it.
    pub keyid: KeyId,
    /// The case it belongs to.
    pub correlation: Option<CaseId>,
    /// The event that led to it.
    pub causation: Option<EventId>,
    /// What it says.
    pub data: Decoded,
}

impl Event {
    /// Reads published bytes. An unknown type or a payload that does not fit is a value in `data`, not an error.
    pub fn parse(bytes: &[u8]) -> Result<Self, EnvelopeError> {
        if bytes.len() > EVENT_BYTES_MAX {
            return Err(EnvelopeError::TooLarge { found: bytes.len() });
        }
        let wire: Wire<'_> = serde_json::from_slice(bytes).map_err(|error| unreadable(bytes, &error))?;
        exactly("specversion", &wire.specversion, SPECVERSION)?;
        exactly("datacontenttype", &wire.datacontenttype, CONTENT_TYPE)?;
        let sequence = sequence(&wire.sequence)?;
        if wire.previous.is_some() != (sequence > 1) {
            return Err(EnvelopeError::Attribute {
                name: "previous",
                found: wire.previous.map_or_else(|| "absent".to_owned(), |digest| digest.to_string()),
                expected: "the previous event's SHA-256 from sequence 2 on, and nothing at sequence 1",
            });
        }
        Ok(Self {
            id: wire.id,
            source: wire.source.parse()?,
            subject: wire.subject.parse()?,
            time: wire.time,
            sequence,
            previous: wire.previous,
            keyid: wire.keyid,
            correlation: wire.correlation,
            causation: wire.causation,
            data: decode(&wire.type_text, wire.data),
            type_text: wire.type_text.into_owned(),
        })
    }

    /// The day on which it was recorded, in the region's zone.
    pub fn recorded_on(&self) -> Date {
        day_of(self.time)
    }

    /// The payload, when this program can read it.
    pub fn payload(&self) -> Option<&Payload> {
        match &self.data {
            Decoded::Known(payload) => Some(payload),
            Decoded::Unknown | Decoded::Malformed(_) => None,
        }
    }
}

/// An attribute as it must stand in JSON.
struct Form {
    name: &'static str,
    is_required: bool,
    is_good: fn(&str) -> bool,
    expected: &'static str,
}

const FORMS: &[Form] = &[
    Form { name: "specversion", is_required: true, is_good: reads::<String>, expected: "text" },
    Form { name: "id", is_required: true, is_good: reads::<EventId>, expected: "a ULID" },
    Form { name: "source", is_required: true, is_good: reads::<String>, expected: "text" },
    Form { name: "type", is_required: true, is_good: reads::<String>, expected: "text" },
    Form { name: "subject", is_required: true, is_good: reads::<String>, expected: "text" },
    Form { name: "time", is_required: true, is_good: reads::<Timestamp>, expected: "an instant as in RFC 3339" },
    Form { name: "datacontenttype", is_required: true, is_good: reads::<String>, expected: "text" },
    Form { name: "sequence", is_required: true, is_good: reads::<String>, expected: "20 decimal digits in quotes" },
    Form { name: "previous", is_required: false, is_good: reads::<Option<Digest>>, expected: "64 hexadecimal digits" },
    Form { name: "keyid", is_required: true, is_good: reads::<KeyId>, expected: "an NKeys public key" },
    Form { name: "correlation", is_required: false, is_good: reads::<Option<CaseId>>, expected: "a ULID" },
    Form { name: "causation", is_required: false, is_good: reads::<Option<EventId>>, expected: "a ULID" },
    Form { name: "data", is_required: true, is_good: |_| true, expected: "the payload" },
];

fn reads<T: serde::de::DeserializeOwned>(json: &str) -> bool {
    serde_json::from_str::<T>(json).is_ok()
}

/// Names the first attribute that spoils a document which is otherwise JSON. Costs nothing where all is well.
fn unreadable(bytes: &[u8], error: &serde_json::Error) -> EnvelopeError {
    const SHOWN_CHARS_MAX: usize = 80;
    let Ok(attributes) = serde_json::from_slice::<BTreeMap<String, &RawValue>>(bytes) else {
        return EnvelopeError::NotCloudEvents(error.to_string());
    };
    let spoilt = FORMS.iter().find_map(|form| match attributes.get(form.name) {
        None => form.is_required.then(|| (form, "absent".to_owned())),
        Some(value) if (form.is_good)(value.get()) => None,
        Some(value) => Some((form, value.get().chars().take(SHOWN_CHARS_MAX).collect())),
    });
    spoilt.map_or_else(
        || EnvelopeError::NotCloudEvents(error.to_string()),
        |(form, found)| EnvelopeError::Attribute { name: form.name, found, expected: form.expected },
    )
}

fn exactly(name: &'static str, found: &str, expected: &'static str) -> Result<(), EnvelopeError> {
    if found == expected { Ok(()) } else { Err(EnvelopeError::Attribute { name, found: found.to_owned(), expected }) }
}

fn sequence(text: &str) -> Result<u64, EnvelopeError> {
    let well_formed = text.len() == SEQUENCE_DIGITS && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse::<u64>().ok().filter(|number| well_formed && *number > 0).ok_or_else(|| EnvelopeError::Attribute {
        name: "sequence",
        found: text.to_owned(),
        expected: "20 decimal digits, from 00000000000000000001",
    })
}

/// The place of an event in its source's chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChainLink {
    /// Its number, from 1.
    pub sequence: u64,
    /// SHA-256 of the previous event; none for the first.
    pub previous: Option<Digest>,
}

impl ChainLink {
    /// The first link of a chain.
    pub const FIRST: Self = Self { sequence: 1, previous: None };

    /// The link that follows an event with this sequence and these bytes.
    pub fn after(sequence: u64, bytes: &[u8]) -> Self {
        Self { sequence: sequence + 1, previous: Some(Digest::of(bytes)) }
    }
}

/// An event that is about to be published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// Its id.
    pub id: EventId,
    /// Who publishes it.
    pub source: Source,
    /// What it is about.
    pub subject: Subject,
    /// When it is recorded.
    pub time: Timestamp,
    /// The case it belongs to.
    pub correlation: Option<CaseId>,
    /// The event that led to it.
    pub causation: Option<EventId>,
    /// What it says.
    pub payload: Payload,
}

/// The published bytes with their signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedEvent {
    /// The exact bytes.
    pub bytes: Vec<u8>,
    /// Signature over them.
    pub signature: Signature,
}

impl Draft {
    /// Writes and signs the event at its place in the chain.
    pub fn sign(&self, link: ChainLink, signer: &dyn Signer) -> Result<SignedEvent, EnvelopeError> {
        let not_json = |error: serde_json::Error| EnvelopeError::NotCloudEvents(error.to_string());
        let data = serde_json::value::to_raw_value(&self.payload).map_err(not_json)?;
        let wire = Wire {
            specversion: SPECVERSION.into(),
            id: self.id,
            source: self.source.to_string().into(),
            type_text: self.payload.event_type().as_str().into(),
            subject: self.subject.to_string().into(),
            time: self.time,
            datacontenttype: CONTENT_TYPE.into(),
            sequence: format!("{:0width$}", link.sequence, width = SEQUENCE_DIGITS).into(),
            previous: link.previous,
            keyid: signer.keyid(),
            correlation: self.correlation,
            causation: self.causation,
            data: &data,
        };
        let bytes = serde_json::to_vec(&wire).map_err(not_json)?;
        if bytes.len() > EVENT_BYTES_MAX {
            return Err(EnvelopeError::TooLarge { found: bytes.len() });
        }
        let signature = signer.sign(&bytes);
        Ok(SignedEvent { bytes, signature })
    }

    /// The NATS subject under which it is published: `fengsui.{region}.{agency}.{entity}.{verb}`.
    pub fn stream_subject(&self) -> String {
        stream_subject(&self.source, self.payload.event_type())
    }
}

/// The NATS subject of an event type of a source.
pub fn stream_subject(source: &Source, event_type: EventType) -> String {
    format!("fengsui.{}.{}.{}.{}", source.region, source.agency, event_type.entity(), event_type.verb())
}
