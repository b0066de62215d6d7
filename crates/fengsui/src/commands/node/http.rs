//! What a running node answers over HTTP: health, readiness, numbers, status. Nothing can be changed here.

use std::convert::Infallible;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use fengsui_event::Timestamp;
use fengsui_node::station::status::{Status, Trouble};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::sync::{Semaphore, oneshot};

use super::metrics;

/// Connections at a time; more wait until one has ended.
const CONNECTIONS_MAX: usize = 32;
/// How long a connection may take, from its beginning to the end of the answer.
const CONNECTION_TIME: Duration = Duration::from_secs(10);
/// Between tries to take a connection when the system has no room for one.
const ACCEPT_RETRY: Duration = Duration::from_millis(200);

/// Where the latest status hangs out for whoever asks.
#[derive(Clone, Default)]
pub struct Board(Arc<Mutex<Option<Status>>>);

impl Board {
    /// Hangs out a newer status.
    pub fn put(&self, status: &Status) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(status.clone());
    }

    /// The latest status; none while the node starts.
    pub fn latest(&self) -> Option<Status> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// A thread that answers until this is dropped.
pub struct Answering {
    address: SocketAddr,
    end: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Answering {
    /// Answers on an address; port 0 takes a free one.
    pub fn begin(address: SocketAddr, board: Board) -> io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (end, ended) = oneshot::channel();
        let thread = std::thread::Builder::new().name("http".to_owned()).spawn(move || {
            let answered = runtime.block_on(async move {
                let listener = tokio::net::TcpListener::from_std(listener)?;
                tokio::select! {
                    () = accept(listener, board) => {}
                    _ = ended => {}
                }
                Ok::<(), io::Error>(())
            });
            if let Err(error) = answered {
                tracing::error!(%error, "HTTP has ended");
            }
        })?;
        Ok(Self { address, end: Some(end), thread: Some(thread) })
    }

    /// Where it answers.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        // Whoever has ended by itself listens no more.
        let _ = self.end.take().map(|end| end.send(()));
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

async fn accept(listener: tokio::net::TcpListener, board: Board) {
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let Ok(permit) = Arc::clone(&room).acquire_owned().await else { return };
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(ACCEPT_RETRY).await;
            continue;
        };
        let board = board.clone();
        tokio::spawn(async move {
            let service = service_fn(move |request: Request<Incoming>| {
                let answer = answer(request.method(), request.uri().path(), board.latest().as_ref(), Timestamp::now());
                async move { Ok::<_, Infallible>(answer) }
            });
            let connection = http1::Builder::new().keep_alive(false).serve_connection(TokioIo::new(stream), service);
            // A client that goes away or takes too long loses its answer, and nobody else does.
            let _ = tokio::time::timeout(CONNECTION_TIME, connection).await;
            drop(permit);
        });
    }
}

/// The answer to a request, by the latest status.
fn answer(method: &Method, path: &str, status: Option<&Status>, now: Timestamp) -> Response<Full<Bytes>> {
    let is_known = matches!(path, "/healthz" | "/readyz" | "/metrics" | "/status");
    if !is_known {
        return document(StatusCode::NOT_FOUND, &json!({"error": "not_found"}));
    }
    if !matches!(*method, Method::GET | Method::HEAD) {
        let mut refused = document(StatusCode::METHOD_NOT_ALLOWED, &json!({"error": "method_not_allowed"}));
        refused.headers_mut().insert(ALLOW, hyper::header::HeaderValue::from_static("GET, HEAD"));
        return refused;
    }
    let Some(status) = status else {
        // A node that brings its tables up to date for a while is well; it is only no use to ask it yet.
        let code = if path == "/healthz" { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        return document(code, &json!({"status": "starting"}));
    };
    match path {
        "/healthz" => verdict("well", status.health(now), status),
        "/readyz" => verdict("ready", status.readiness(now), status),
        "/status" => match serde_json::to_value(status) {
            Ok(value) => document(StatusCode::OK, &value),
            Err(_) => document(StatusCode::INTERNAL_SERVER_ERROR, &json!({"error": "status"})),
        },
        _ => match metrics::text(status, now) {
            Ok(text) => response(StatusCode::OK, metrics::CONTENT_TYPE, text),
            Err(_) => document(StatusCode::INTERNAL_SERVER_ERROR, &json!({"error": "metrics"})),
        },
    }
}

fn verdict(good: &str, trouble: Option<Trouble>, status: &Status) -> Response<Full<Bytes>> {
    match trouble {
        None => document(StatusCode::OK, &json!({"status": good})),
        Some(trouble) => {
            let alarms: Vec<&str> = status.alarms.iter().map(|alarm| alarm.code.as_str()).collect();
            let told = json!({"status": format!("not {good}"), "trouble": trouble.code(), "alarms": alarms});
            document(StatusCode::SERVICE_UNAVAILABLE, &told)
        }
    }
}

fn document(code: StatusCode, value: &Value) -> Response<Full<Bytes>> {
    response(code, "application/json", format!("{value}\n"))
}

fn response(code: StatusCode, content_type: &'static str, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = code;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, hyper::header::HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, hyper::header::HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::io::{Read as _, Write as _};
    use std::net::TcpStream;

    use fengsui_node::station::status::FRESH_MS;

    use super::*;
    use crate::commands::node::example;

    /// Asks a server as a client of HTTP/1.0 does; gives the whole answer.
    fn ask(server: SocketAddr, request: &str) -> String {
        let mut stream = TcpStream::connect(server).unwrap();
        stream.write_all(format!("{request} HTTP/1.0\r\n\r\n").as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    #[test]
    fn each_request_has_its_answer() {
        let board = Board::default();
        let answering = Answering::begin("127.0.0.1:0".parse().unwrap(), board.clone()).unwrap();
        let check = |request: &str, line: &str, end: &str| {
            let answer = ask(answering.address(), request);
            assert!(
                answer.starts_with(&format!("HTTP/1.0 {line}\r\n")) && answer.ends_with(end),
                "{request}: {answer}"
            );
            answer
        };
        check("GET /healthz", "200 OK", "{\"status\":\"starting\"}\n");
        check("GET /readyz", "503 Service Unavailable", "{\"status\":\"starting\"}\n");
        check("GET /metrics", "503 Service Unavailable", "{\"status\":\"starting\"}\n");

        let mut status = example().0;
        status.written = Timestamp::now();
        board.put(&status);
        check("GET /healthz", "200 OK", "\r\n\r\n{\"status\":\"well\"}\n");
        let told = "\r\n\r\n{\"alarms\":[\"missing\"],\"status\":\"not ready\",\"trouble\":\"alarm\"}\n";
        check("GET /readyz", "503 Service Unavailable", told);
        let metrics = check("GET /metrics", "200 OK", "\nfengsui_alarm{code=\"missing\"} 1\n");
        assert!(metrics.contains("\r\ncontent-type: text/plain; version=0.0.4; charset=utf-8\r\n"), "{metrics}");
        let shown = check("GET /status", "200 OK", "\n");
        let shown: Status = serde_json::from_str(shown.split_once("\r\n\r\n").unwrap().1).unwrap();
        assert_eq!(shown, status);
        check("HEAD /status", "200 OK", "\r\n\r\n");
        check("GET /", "404 Not Found", "{\"error\":\"not_found\"}\n");
        let refused = check("POST /status", "405 Method Not Allowed", "{\"error\":\"method_not_allowed\"}\n");
        assert!(refused.contains("\r\nallow: GET, HEAD\r\n"), "{refused}");

        status.alarms.clear();
        status.broker.connected = true;
        status.log.stalled_ms = 30_001;
        board.put(&status);
        let told = "{\"alarms\":[],\"status\":\"not well\",\"trouble\":\"stalled\"}\n";
        check("GET /healthz", "503 Service Unavailable", told);
        status.log.stalled_ms = 0;
        board.put(&status);
        check("GET /readyz", "200 OK", "\r\n\r\n{\"status\":\"ready\"}\n");
        // Nothing was said for too long.
        status.written = Timestamp::from_millisecond(status.written.as_millisecond() - FRESH_MS - 1).unwrap();
        board.put(&status);
        let told = "{\"alarms\":[],\"status\":\"not well\",\"trouble\":\"silent\"}\n";
        check("GET /healthz", "503 Service Unavailable", told);
    }

    #[test]
    fn an_address_that_is_taken_is_an_error() {
        let first = Answering::begin("127.0.0.1:0".parse().unwrap(), Board::default()).unwrap();
        let second = Answering::begin(first.address(), Board::default());
        assert_eq!(second.err().unwrap().kind(), io::ErrorKind::AddrInUse);
    }
}
