//! One connection to the broker, kept for the life of the process.

use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::{Arc, PoisonError, RwLock, Weak};
use std::time::Duration;

use async_nats::connection::State;
use async_nats::jetstream::Context;
use async_nats::{Client, ConnectErrorKind, ConnectOptions, RequestErrorKind, ServerAddr};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::runtime::{Handle, Runtime};
use tokio::sync::broadcast::error::RecvError;
use zeroize::Zeroizing;

use super::BrokerError;
use super::elsewhere::Elsewhere;
use super::signals::{LifeLine, Signal, Signals};

/// How often the connection is tried for life when nothing is sent. Two answers missed are a lost connection.
const PING_INTERVAL: Duration = Duration::from_secs(5);

/// Between two tries to make a client anew.
const REVIVAL_INTERVAL: Duration = Duration::from_secs(1);

/// JetStream's codes for "not switched on", for the server and for the account.
const CODES_NO_JETSTREAM: [u64; 2] = [10_076, 10_039];

/// JetStream's codes for an atomic batch that was given up half-way, as when the stream's leader changes, for too many of them at once, and for
/// an id that the leader has proposed to its followers and that they have not confirmed.
const CODES_TEMPORARY: [u64; 3] = [10_176, 10_210, 10_158];

/// How to reach the broker and who to be there.
#[derive(Clone, Debug)]
pub struct BrokerOptions {
    /// `nats://host:port` or `tls://host:port`, any number of one cluster.
    pub servers: Vec<String>,
    /// Shown in the server's logs and reports: `fire node 1`.
    pub name: String,
    /// NKEY seed of the user (`SU...`), or none where the server lets anybody in.
    pub seed: Option<Zeroizing<String>>,
    /// Where answers come in: `_INBOX_fire`, so that no other user can listen to them. None: `_INBOX`.
    pub inbox_prefix: Option<String>,
    /// Files for TLS.
    pub tls: TlsFiles,
    /// How long one attempt at a server may take.
    pub connect_timeout: Duration,
    /// How long an answer is waited for. While a cluster elects a leader nothing is answered at all, and what was asked then
    /// is asked again only after this time.
    pub ack_timeout: Duration,
}

impl Default for BrokerOptions {
    fn default() -> BrokerOptions {
        BrokerOptions {
            servers: vec!["nats://127.0.0.1:4222".to_owned()],
            name: "fengsui".to_owned(),
            seed: None,
            inbox_prefix: None,
            tls: TlsFiles::default(),
            connect_timeout: Duration::from_secs(5),
            ack_timeout: Duration::from_secs(5),
        }
    }
}

/// PEM files for TLS with a certificate for either side.
#[derive(Clone, Default, Debug)]
pub struct TlsFiles {
    /// Certificates that the server's is checked against; none: the system's.
    pub ca: Option<PathBuf>,
    /// This node's certificate.
    pub certificate: Option<PathBuf>,
    /// Its private key.
    pub key: Option<PathBuf>,
}

/// A connection to the broker. Clones share it; it is made again by itself, for ever, whenever it is lost.
#[derive(Clone, Debug)]
pub struct Broker {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    options: BrokerOptions,
    /// Replaced when the client's tasks have ended.
    link: RwLock<Link>,
    signals: Arc<Signals>,
    elsewhere: Arc<Elsewhere>,
    servers: String,
    handle: Handle,
    runtime: Option<Runtime>,
}

#[derive(Clone, Debug)]
struct Link {
    client: Client,
    context: Context,
}

impl Drop for Shared {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Nothing that was acknowledged depends on the tasks; waiting for them could block for ever.
            runtime.shutdown_background();
        }
    }
}

impl Broker {
    /// Connects, or says why not: for commands that a person waits for.
    pub fn connect(options: BrokerOptions) -> Result<Broker, BrokerError> {
        Broker::start(options, false)
    }

    /// Returns at once and connects when the broker can be reached: for a node, which works on without it.
    ///
    /// Errors: options that no connection can ever be made with.
    pub fn connect_in_background(options: BrokerOptions) -> Result<Broker, BrokerError> {
        Broker::start(options, true)
    }

    fn start(options: BrokerOptions, in_background: bool) -> Result<Broker, BrokerError> {
        let servers = shown(&options.servers);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("broker")
            .enable_all()
            .build()
            .map_err(BrokerError::Threads)?;
        let (signals, elsewhere) = (Arc::new(Signals::new()), Arc::new(Elsewhere::default()));
        let link = RwLock::new(runtime.block_on(link(&options, &signals, &elsewhere, in_background))?);
        let handle = runtime.handle().clone();
        let runtime = Some(runtime);
        let shared = Arc::new(Shared { options, link, signals, elsewhere, servers, handle, runtime });
        shared.handle.spawn(revive(Arc::downgrade(&shared), Arc::clone(&shared.signals)));
        Ok(Broker { shared })
    }

    /// Whether the connection stands now.
    pub fn is_connected(&self) -> bool {
        !self.shared.signals.has_ended() && self.link().client.connection_state() == State::Connected
    }

    /// What went wrong last since the connection was made; none while nothing has.
    pub fn last_error(&self) -> Option<String> {
        self.shared.signals.last_error()
    }

    /// How often the connection was made again after it was lost.
    pub fn reconnects(&self) -> u64 {
        self.shared.signals.connections().saturating_sub(1)
    }

    /// How often the connection was made.
    pub(super) fn connections(&self) -> u64 {
        self.shared.signals.connections()
    }

    /// Version of the server that this connection leads to; none before the first connection.
    pub fn server_version(&self) -> Option<String> {
        self.link().client.try_server_info().map(|info| info.version)
    }

    /// The servers, as they were given.
    pub fn servers(&self) -> &str {
        &self.shared.servers
    }

    /// How long an answer is waited for.
    pub fn ack_timeout(&self) -> Duration {
        self.shared.options.ack_timeout
    }

    /// The asynchronous client, for what this crate does not do. Its futures run on [`runtime`](Broker::runtime). To be asked for each
    /// time: a client can be replaced by a new one.
    pub fn client(&self) -> Client {
        self.link().client
    }

    /// The client's JetStream side, for what this crate does not do.
    pub fn context(&self) -> Context {
        self.link().context
    }

    /// Where the client's tasks run. Blocking on it from within one of its own tasks panics.
    pub fn runtime(&self) -> &Handle {
        &self.shared.handle
    }

    /// Goes to the next server of the cluster; within a round the one that was left comes up as well. For when the connection stands and the stream is
    /// out of reach: a server that is cut off from the others serves nobody, and keeps its clients.
    pub fn change_server(&self) {
        let client = self.client();
        let is_alone = self.shared.options.servers.len() < 2
            && client.try_server_info().is_none_or(|server| server.connect_urls.is_empty());
        if is_alone {
            return;
        }
        tracing::warn!("the server is connected and does not reach the stream; the connection is made anew");
        self.shared.elsewhere.want();
        self.shared.handle.spawn(async move {
            // Only a client whose tasks have ended refuses, and that is made anew by itself.
            let _ = client.force_reconnect().await;
        });
    }

    /// Runs `work` and listens to the connection meanwhile: a denial of a subject that `concerns` it, the end of the connection and the
    /// end of patience each end it early.
    pub(super) async fn listening<T>(
        &self,
        doing: &str,
        limit: Duration,
        concerns: impl Fn(&str) -> bool,
        work: impl Future<Output = T>,
    ) -> Result<T, BrokerError> {
        if !self.is_connected() {
            return Err(self.disconnected(doing));
        }
        let mut listener = self.shared.signals.listen();
        let mut work = pin!(work);
        let mut deadline = pin!(tokio::time::sleep(limit));
        loop {
            tokio::select! {
                biased;
                signal = listener.recv() => match signal {
                    Ok(Signal::Denied { subject }) if concerns(&subject) => return Err(BrokerError::NotPermitted { subject }),
                    Ok(Signal::Disconnected) | Err(RecvError::Closed) => return Err(self.disconnected(doing)),
                    Ok(Signal::Denied { .. }) | Err(RecvError::Lagged(_)) => {}
                },
                done = &mut work => return Ok(done),
                () = &mut deadline => {
                    return Err(BrokerError::TimedOut { doing: doing.to_owned(), limit_ms: limit.as_millis() });
                }
            }
        }
    }

    /// One request of JetStream's API: `STREAM.INFO.X`.
    pub(crate) async fn ask<Answer: DeserializeOwned>(
        &self,
        doing: &str,
        operation: &str,
        question: &impl Serialize,
    ) -> Result<Answer, BrokerError> {
        let subject = format!("$JS.API.{operation}");
        let bad = |detail: String| BrokerError::Answer { doing: doing.to_owned(), detail };
        let payload = serde_json::to_vec(question).map_err(|error| bad(error.to_string()))?;
        let client = self.client();
        let request = client.request(subject.clone(), payload.into());
        let answer =
            self.listening(doing, self.shared.options.ack_timeout, |denied| denied == subject, request).await?;
        let answer = answer.map_err(|error| match error.kind() {
            RequestErrorKind::NoResponders => {
                BrokerError::NoJetStream { detail: "nobody answers JetStream's API".to_owned() }
            }
            RequestErrorKind::TimedOut => {
                BrokerError::TimedOut { doing: doing.to_owned(), limit_ms: self.shared.options.ack_timeout.as_millis() }
            }
            // The client's own tasks have ended.
            RequestErrorKind::Other => BrokerError::Disconnected { doing: doing.to_owned() },
            _ => bad(error.to_string()),
        })?;
        let value: Value = serde_json::from_slice(&answer.payload).map_err(|error| bad(error.to_string()))?;
        if let Some(refusal) = value.get("error") {
            return Err(refused(doing, refusal));
        }
        serde_json::from_value(value).map_err(|error| bad(error.to_string()))
    }

    fn link(&self) -> Link {
        // It is only ever replaced whole.
        self.shared.link.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Why there is no connection, as far as the last attempt tells.
    pub(super) fn disconnected(&self, doing: &str) -> BrokerError {
        let servers = self.shared.servers.clone();
        match self.last_error().filter(|_| !self.is_connected()) {
            Some(detail) if detail.to_lowercase().contains("authorization violation") => {
                BrokerError::NotAuthorized { servers }
            }
            Some(detail) if detail.contains("TLS") => BrokerError::Tls { servers, detail },
            Some(detail) if self.connections() == 0 => BrokerError::Unreachable { servers, detail },
            _ => BrokerError::Disconnected { doing: doing.to_owned() },
        }
    }
}

async fn link(
    options: &BrokerOptions,
    signals: &Arc<Signals>,
    elsewhere: &Arc<Elsewhere>,
    in_background: bool,
) -> Result<Link, BrokerError> {
    let addresses = addresses(&options.servers)?;
    let elsewhere = Arc::clone(elsewhere);
    let mut client_options = client_options(options.clone(), LifeLine::new(signals))?
        .reconnect_to_server_callback(move |servers, _| std::future::ready(elsewhere.choose(&servers)));
    if in_background {
        client_options = client_options.retry_on_initial_connect();
    }
    let client = client_options.connect(addresses).await;
    let client = client.map_err(|error| connect_error(&shown(&options.servers), &error))?;
    let context = async_nats::jetstream::context::ContextBuilder::new()
        .timeout(options.ack_timeout)
        .ack_timeout(options.ack_timeout)
        .build(client.clone());
    Ok(Link { client, context })
}

/// Makes a new client when the tasks of the old one have ended. They should not, but async-nats 0.51 panics when a message has a carriage return within a
/// header's value, which any publisher can send.
async fn revive(shared: Weak<Shared>, signals: Arc<Signals>) {
    loop {
        signals.end().await;
        loop {
            let Some(shared) = shared.upgrade() else { return };
            tracing::error!("the client of the broker has ended and is made anew");
            match link(&shared.options, &signals, &shared.elsewhere, true).await {
                Ok(link) => {
                    *shared.link.write().unwrap_or_else(PoisonError::into_inner) = link;
                    signals.begin_again();
                    break;
                }
                Err(error) => tracing::error!(%error, "the client of the broker cannot be made anew"),
            }
            drop(shared);
            tokio::time::sleep(REVIVAL_INTERVAL).await;
        }
    }
}

/// The error that a refusal of the broker is.
pub(super) fn refused(doing: &str, refusal: &Value) -> BrokerError {
    let code = refusal["err_code"].as_u64().or(refusal["code"].as_u64()).unwrap_or_default();
    let description = refusal["description"].as_str().unwrap_or("without a reason").to_owned();
    if CODES_NO_JETSTREAM.contains(&code) {
        return BrokerError::NoJetStream { detail: description };
    }
    // As in HTTP: too much at once, and not able to now.
    let is_temporary = CODES_TEMPORARY.contains(&code) || refusal["code"] == 429 || refusal["code"] == 503;
    BrokerError::Refused { doing: doing.to_owned(), code, description, is_temporary }
}

/// The servers as they may be shown: a URL can hold a password.
fn shown(servers: &[String]) -> String {
    let without_user = |server: &String| match server.split_once("://").zip(server.rsplit_once('@')) {
        Some(((scheme, _), (_, host))) => format!("{scheme}://{host}"),
        None => server.clone(),
    };
    servers.iter().map(without_user).collect::<Vec<_>>().join(", ")
}

fn addresses(servers: &[String]) -> Result<Vec<ServerAddr>, BrokerError> {
    if servers.is_empty() {
        return Err(BrokerError::Option { what: "servers", detail: "none is given".to_owned() });
    }
    let parse = |server: &String| {
        server.parse().map_err(|error| BrokerError::Option {
            what: "servers",
            detail: format!("{:?}: {error}", shown(std::slice::from_ref(server))),
        })
    };
    servers.iter().map(parse).collect()
}

fn client_options(options: BrokerOptions, life_line: LifeLine) -> Result<ConnectOptions, BrokerError> {
    let mut client = ConnectOptions::new()
        .name(options.name)
        .ping_interval(PING_INTERVAL)
        .connection_timeout(options.connect_timeout)
        .request_timeout(Some(options.ack_timeout))
        .max_reconnects(None)
        .event_callback(move |event| {
            life_line.note(&event);
            std::future::ready(())
        });
    if let Some(seed) = &options.seed {
        client = client.nkey(seed.trim().to_owned());
    }
    if let Some(prefix) = &options.inbox_prefix {
        let is_word = |word: &str| !word.is_empty() && !word.contains(|c: char| c.is_whitespace() || "*>".contains(c));
        if !prefix.split('.').all(is_word) {
            return Err(BrokerError::Option { what: "inbox prefix", detail: format!("{prefix:?}") });
        }
        client = client.custom_inbox_prefix(prefix);
    }
    let TlsFiles { ca, certificate, key } = options.tls;
    if let Some(ca) = ca {
        readable("certificates of the city's CA", &ca)?;
        client = client.add_root_certificates(ca).require_tls(true);
    }
    match (certificate, key) {
        (Some(certificate), Some(key)) => {
            readable("this node's certificate", &certificate)?;
            readable("the key of this node's certificate", &key)?;
            client = client.add_client_certificate(certificate, key).require_tls(true);
        }
        (None, None) => {}
        _ => {
            let detail = "certificate and key belong together: give both or none".to_owned();
            return Err(BrokerError::Option { what: "TLS files", detail });
        }
    }
    Ok(client)
}

fn readable(what: &'static str, path: &Path) -> Result<(), BrokerError> {
    std::fs::File::open(path).map(drop).map_err(|source| BrokerError::File { what, path: path.to_owned(), source })
}

fn connect_error(servers: &str, error: &async_nats::ConnectError) -> BrokerError {
    let servers = servers.to_owned();
    let mut detail = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        let text = inner.to_string();
        if !detail.contains(&text) {
            detail = format!("{detail}: {text}");
        }
        cause = inner.source();
    }
    match error.kind() {
        ConnectErrorKind::AuthorizationViolation => BrokerError::NotAuthorized { servers },
        ConnectErrorKind::Authentication => BrokerError::Option {
            what: "NKEY seed",
            detail: "it is no seed of a user: SU and 56 more characters".to_owned(),
        },
        ConnectErrorKind::ServerParse => BrokerError::Option { what: "servers", detail },
        ConnectErrorKind::Tls => BrokerError::Tls { servers, detail },
        // A server that wants a certificate ends the connection only after the handshake.
        _ if ["certificate", "alert", "handshake"].iter().any(|word| detail.to_lowercase().contains(word)) => {
            BrokerError::Tls { servers, detail }
        }
        _ => BrokerError::Unreachable { servers, detail },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_password_is_shown() {
        let servers = ["nats://fire:s3cr@t@a.example:4222", "tls://b.example", "c.example:4222"].map(str::to_owned);
        assert_eq!(shown(&servers), "nats://a.example:4222, tls://b.example, c.example:4222");
    }
}
