//! One region's stream.

use std::time::{Duration, Instant};

use async_nats::jetstream::stream::Config;
use fengsui_event::RegionCode;
use serde::Deserialize;
use serde_json::json;

use super::guarantees::{self, Server};
use super::{Broker, BrokerError};
use crate::Position;

pub use super::guarantees::{DUPLICATE_WINDOW, DUPLICATE_WINDOW_MIN, stream_name, subjects};

/// Between two looks at the stream's head: first and longest.
const WAIT_MIN: Duration = Duration::from_millis(5);
const WAIT_MAX: Duration = Duration::from_millis(200);

/// JetStream's code for a stream that does not exist.
const CODE_NO_STREAM: u64 = 10_059;
/// JetStream's code for a stream that exists with another configuration.
const CODE_STREAM_EXISTS: u64 = 10_058;
/// Where a stream's metadata name the version of the server that keeps it, which may not be the one that this node talks to.
const METADATA_VERSION: &str = "_nats.ver";

/// One region's stream on a broker. Clones share the connection.
#[derive(Clone, Debug)]
pub struct Stream {
    pub(crate) broker: Broker,
    pub(crate) region: RegionCode,
    pub(crate) name: String,
    pub(crate) duplicate_window: Duration,
}

/// How a stream stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StreamState {
    /// The first position that it holds; none while it holds nothing.
    pub first: Option<Position>,
    /// The last position that it ever gave; none while it gave none.
    pub last: Option<Position>,
    /// How many messages it holds.
    pub messages: u64,
    /// How many positions up to the last one it does not hold. A log has none.
    pub missing: u64,
    /// When it was made, in the server's words (RFC 3339). A stream that was made anew has another time.
    pub created: String,
    /// The server that orders it; none while an election goes on.
    pub leader: Option<String>,
    /// The other servers that hold it.
    pub replicas: Vec<Replica>,
}

/// A server that follows the stream's leader.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub struct Replica {
    /// The server's name.
    pub name: String,
    /// Whether it holds everything that the leader holds.
    #[serde(default)]
    pub current: bool,
    /// Whether the leader has lost it.
    #[serde(default)]
    pub offline: bool,
    /// How many operations it lies behind.
    #[serde(default)]
    pub lag: u64,
}

#[derive(Deserialize)]
struct Info {
    config: Config,
    #[serde(default)]
    created: String,
    state: Counts,
    #[serde(default)]
    cluster: Cluster,
}

#[derive(Deserialize)]
struct Counts {
    messages: u64,
    first_seq: u64,
    last_seq: u64,
}

#[derive(Default, Deserialize)]
struct Cluster {
    name: Option<String>,
    leader: Option<String>,
    #[serde(default)]
    replicas: Vec<Replica>,
}

impl Stream {
    /// Opens the region's stream and makes it first when it is missing. One that is there is checked and never changed.
    ///
    /// `replicas`: on how many servers of a cluster each message is kept, 1 on a single server.
    ///
    /// Errors: those of [`open`](Stream::open); on a cluster fewer than three replicas are refused.
    pub fn create(broker: &Broker, region: RegionCode, replicas: usize) -> Result<Stream, BrokerError> {
        match Stream::open(broker, region) {
            Err(BrokerError::NoStream { .. }) => {}
            opened => return opened,
        }
        let name = stream_name(region);
        let wanted = guarantees::wanted(region, replicas);
        // What would be refused once it is there is not made.
        let server = broker.client().try_server_info();
        let is_clustered = server.as_ref().is_some_and(|server| server.cluster.is_some());
        let version = server.map_or_else(String::new, |server| server.version);
        let missing = guarantees::missing(
            region,
            Server { version: &version, is_clustered, max_payload: broker.client().max_payload() },
            &wanted,
        );
        if !missing.is_empty() {
            return Err(BrokerError::Guarantees { stream: name, missing });
        }
        let (doing, operation) = (format!("making the stream {name}"), format!("STREAM.CREATE.{name}"));
        let made = broker.ask::<serde_json::Value>(&doing, &operation, &wanted);
        match broker.runtime().block_on(made) {
            // Somebody else was faster; whether what they made will do, the check says.
            Ok(_) | Err(BrokerError::Refused { code: CODE_STREAM_EXISTS, .. }) => Stream::open(broker, region),
            Err(error) => Err(error),
        }
    }

    /// Opens the region's stream.
    ///
    /// Errors: [`BrokerError::NoStream`] when there is none; [`BrokerError::Guarantees`] with everything that the stream or
    /// its server does not promise.
    pub fn open(broker: &Broker, region: RegionCode) -> Result<Stream, BrokerError> {
        let name = stream_name(region);
        let info = info(broker, &name)?;
        let connected = broker.server_version().unwrap_or_default();
        let version = info.config.metadata.get(METADATA_VERSION).unwrap_or(&connected);
        let max_payload = broker.client().max_payload();
        let server = Server { version, is_clustered: info.cluster.name.is_some(), max_payload };
        let missing = guarantees::missing(region, server, &info.config);
        if !missing.is_empty() {
            return Err(BrokerError::Guarantees { stream: name, missing });
        }
        let duplicate_window = info.config.duplicate_window;
        Ok(Stream { broker: broker.clone(), region, name, duplicate_window })
    }

    /// The stream's name, `FENGSUI_350600`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The region whose log it is.
    pub fn region(&self) -> RegionCode {
        self.region
    }

    /// The connection.
    pub fn broker(&self) -> &Broker {
        &self.broker
    }

    /// For how long the broker remembers an id.
    pub fn duplicate_window(&self) -> Duration {
        self.duplicate_window
    }

    /// How the stream stands, as its leader says.
    pub fn state(&self) -> Result<StreamState, BrokerError> {
        let Info { created, state, cluster, .. } = info(&self.broker, &self.name)?;
        let last = Position::new(state.last_seq);
        Ok(StreamState {
            first: last.and(Position::new(state.first_seq)).filter(|_| state.messages > 0),
            last,
            messages: state.messages,
            missing: state.last_seq.saturating_sub(state.messages),
            created,
            leader: cluster.leader,
            replicas: cluster.replicas,
        })
    }

    /// The last position, or none while nothing was published.
    pub fn head(&self) -> Result<Option<Position>, BrokerError> {
        self.broker.runtime().block_on(self.head_now())
    }

    /// Waits until the head lies after `after` and returns it, or nothing when `timeout` has passed first.
    pub fn wait(&self, after: Option<Position>, timeout: Duration) -> Result<Option<Position>, BrokerError> {
        let started = Instant::now();
        let mut step = WAIT_MIN;
        loop {
            let head = self.head()?;
            if head > after {
                return Ok(head);
            }
            let left = timeout.saturating_sub(started.elapsed());
            if left.is_zero() {
                return Ok(None);
            }
            std::thread::sleep(left.min(step));
            step = (step * 2).min(WAIT_MAX);
        }
    }

    pub(super) async fn head_now(&self) -> Result<Option<Position>, BrokerError> {
        Ok(Position::new(info_now(&self.broker, &self.name).await?.state.last_seq))
    }
}

fn info(broker: &Broker, name: &str) -> Result<Info, BrokerError> {
    broker.runtime().block_on(info_now(broker, name))
}

async fn info_now(broker: &Broker, name: &str) -> Result<Info, BrokerError> {
    let doing = format!("asking for the stream {name}");
    broker.ask(&doing, &format!("STREAM.INFO.{name}"), &json!({})).await.map_err(|error| match error {
        BrokerError::Refused { code: CODE_NO_STREAM, .. } => BrokerError::NoStream { stream: name.to_owned() },
        error => error,
    })
}
