//! What can go wrong between a node and its broker, told so that the reader knows what to do.

use std::fmt;
use std::path::PathBuf;

use fengsui_event::EventId;

/// Why the broker or the stream cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BrokerError {
    /// An option that no connection can be made with.
    #[error("the broker's {what} cannot be used ({detail}): mend it in the node's configuration")]
    Option {
        /// Which option.
        what: &'static str,
        /// What is wrong with it; never a secret.
        detail: String,
    },
    /// A file named in the options.
    #[error("{path} ({what}) cannot be read: {source}")]
    File {
        /// What it is for.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// No server answers.
    #[error(
        "no broker answers at {servers} ({detail}): see that nats-server runs there and that the network lets this machine through"
    )]
    Unreachable {
        /// The servers that were tried.
        servers: String,
        /// What the last attempt said.
        detail: String,
    },
    /// A server answers and does not let this node in.
    #[error(
        "the broker at {servers} does not know this node's key: have the authority add the key to the broker's accounts file \
         (`fengsui init --authority` writes it) and reload nats-server"
    )]
    NotAuthorized {
        /// The servers that were tried.
        servers: String,
    },
    /// Client and server do not trust each other.
    #[error(
        "no TLS connection to {servers} ({detail}): the CA file must be the city's, the server's certificate must name the host, \
         and this node's certificate must be of the same CA"
    )]
    Tls {
        /// The servers that were tried.
        servers: String,
        /// What the attempt said.
        detail: String,
    },
    /// The server or the account has no JetStream.
    #[error(
        "the broker has no JetStream ({detail}): add `jetstream {{ store_dir: ..., sync_interval: always }}` to nats-server's configuration"
    )]
    NoJetStream {
        /// What the server said.
        detail: String,
    },
    /// Nobody takes messages of the stream now.
    #[error(
        "no server takes messages for the stream {stream} now: its servers are electing a leader, or the stream was removed; it is tried again"
    )]
    Unserved {
        /// The stream's name.
        stream: String,
    },
    /// The region has no stream.
    #[error(
        "the broker has no stream {stream}: the authority's node makes it as soon as it reaches the broker (`fengsui node run` there)"
    )]
    NoStream {
        /// The stream's name.
        stream: String,
    },
    /// The stream or its server does not promise what the log needs. All that is missing is listed.
    #[error("the stream {stream} does not promise what the log needs:{}", listed(missing))]
    Guarantees {
        /// The stream's name.
        stream: String,
        /// Everything that is missing.
        missing: Vec<MissingGuarantee>,
    },
    /// The account of this node may not do this.
    #[error(
        "not permitted to use {subject}: have the authority see to this node's permissions in the broker's accounts file"
    )]
    NotPermitted {
        /// The subject that was denied.
        subject: String,
    },
    /// No answer in time.
    #[error("the broker did not answer in time while {doing} ({limit_ms} ms): it is asked again")]
    TimedOut {
        /// What was asked.
        doing: String,
        /// How long was waited, in milliseconds.
        limit_ms: u128,
    },
    /// The connection went away before the answer.
    #[error("the connection to the broker is down while {doing}: it is made again by itself")]
    Disconnected {
        /// What was asked.
        doing: String,
    },
    /// The broker refused for a reason of its own.
    #[error("the broker refused while {doing}: {description} (code {code})")]
    Refused {
        /// What was asked.
        doing: String,
        /// JetStream's error code.
        code: u64,
        /// JetStream's description.
        description: String,
        /// Whether the broker says that it cannot now, rather than that it will not.
        is_temporary: bool,
    },
    /// An answer that cannot be understood.
    #[error("the broker's answer while {doing} cannot be understood ({detail}): see that nats-server is 2.15 or newer")]
    Answer {
        /// What was asked.
        doing: String,
        /// What is wrong with it.
        detail: String,
    },
    /// The client's runtime.
    #[error("the threads of the broker's client cannot be started: {0}")]
    Threads(#[source] std::io::Error),
}

/// JetStream's codes for a stream, a server or an account that is full.
const CODES_FULL: [u64; 3] = [10_077, 10_023, 10_047];

impl BrokerError {
    /// Whether the broker cannot be reached now, so that trying again later is all that is to be done.
    pub fn is_out_of_reach(&self) -> bool {
        matches!(
            self,
            BrokerError::Unreachable { .. }
                | BrokerError::TimedOut { .. }
                | BrokerError::Disconnected { .. }
                | BrokerError::Unserved { .. }
                | BrokerError::Refused { is_temporary: true, .. }
        )
    }

    /// Whether the broker has no room. It is tried again like one that is away, but only people can make room.
    pub fn is_full(&self) -> bool {
        matches!(self, BrokerError::Refused { code, .. } if CODES_FULL.contains(code))
    }

    /// Whether the broker knows this node, or does not, and lets it do less than was asked.
    pub fn is_not_permitted(&self) -> bool {
        matches!(self, BrokerError::NotPermitted { .. } | BrokerError::NotAuthorized { .. })
    }
}

/// A promise that the log needs and that stream or server do not make.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MissingGuarantee {
    /// What is not promised, in the words of the configuration: `deny_delete`, `replicas`.
    pub what: &'static str,
    /// What was found.
    pub found: String,
    /// What is needed.
    pub expected: String,
    /// The configuration line or command that mends it.
    pub mend: String,
}

impl fmt::Display for MissingGuarantee {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let MissingGuarantee { what, found, expected, mend } = self;
        write!(formatter, "{what} is {found}, expected {expected}; mend it with: {mend}")
    }
}

/// Why a batch was not published, or not known to be.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The message is larger than the server takes. Nothing of the batch was sent.
    #[error(
        "event {id} (record {index} of the batch) has {bytes} bytes with its headers, and the broker takes {bytes_max}: nothing of the batch was sent; \
         raise `max_payload` in nats-server's configuration, or keep the content as an evidence file"
    )]
    TooLarge {
        /// Place in the batch, from 0.
        index: usize,
        /// The record's id.
        id: EventId,
        /// Size of the whole message in bytes.
        bytes: usize,
        /// What the server takes, in bytes.
        bytes_max: usize,
    },
    /// The placeholder of a position that another log has lost; it is no event.
    #[error("record {index} of the batch stands for an event that is missing: it cannot be published")]
    Placeholder {
        /// Place in the batch, from 0.
        index: usize,
    },
    /// The node's account may not publish under this subject. Nothing of the atomic batch is stored.
    #[error(
        "not permitted to publish under {}: this node's key has other permissions in the broker's accounts file; \
         have the authority see to it",
        prefix(subject)
    )]
    NotPermitted {
        /// The subject that was denied.
        subject: String,
    },
    /// An id of the batch is known to the broker already. Nothing of the atomic batch is stored.
    #[error("the broker knows an id of the batch already: bring the copy up to the head and look the ids up")]
    Duplicate,
    /// The broker remembers an id of the batch and does not hold its event. Nothing of the atomic batch is stored.
    #[error(
        "the broker remembers an id among {records} records from event {first} on, but has lost the event itself: they are appended again, and taken once \
         the broker has forgotten the id, after {window_s} s, or once nats-server was restarted"
    )]
    Lost {
        /// The first record of those that were published together.
        first: EventId,
        /// How many they are.
        records: usize,
        /// How long the broker remembers ids, in seconds.
        window_s: u64,
    },
    /// The acknowledgement did not come. The records may be stored or not; appending them again finds out.
    #[error(
        "whether {records} records from event {first} on are stored is unknown ({cause}): they are appended again, under the same ids"
    )]
    Unknown {
        /// The first of them.
        first: EventId,
        /// How many.
        records: usize,
        /// Why it is not known.
        cause: Box<BrokerError>,
    },
    /// The broker cannot be used; nothing of the batch was sent.
    #[error(transparent)]
    Broker(#[from] Box<BrokerError>),
}

impl PublishError {
    /// Whether the broker cannot be reached now, so that appending again later is all that is to be done.
    pub fn is_out_of_reach(&self) -> bool {
        match self {
            PublishError::Unknown { .. } | PublishError::Lost { .. } => true,
            PublishError::Broker(error) => error.is_out_of_reach(),
            _ => false,
        }
    }

    /// Whether the node's account may not do this.
    pub fn is_not_permitted(&self) -> bool {
        match self {
            PublishError::NotPermitted { .. } => true,
            PublishError::Broker(error) => error.is_not_permitted(),
            _ => false,
        }
    }
}

/// `fengsui.{region}.{agency}.>`, which is what permissions are given for.
fn prefix(subject: &str) -> String {
    let mut words = subject.splitn(4, '.');
    match (words.next(), words.next(), words.next(), words.next()) {
        (Some(first), Some(region), Some(agency), Some(_)) => format!("{first}.{region}.{agency}.>"),
        _ => subject.to_owned(),
    }
}

fn listed(missing: &[MissingGuarantee]) -> String {
    missing.iter().fold(String::new(), |text, one| format!("{text}\n  - {one}"))
}
