//! A receiver over HTTP: a real server on a free port that answers as a test tells it to.

use std::collections::{BTreeMap, VecDeque};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

/// What the receiver does with a request.
#[derive(Clone, Debug)]
pub enum Reply {
    /// Answers with this status and these header lines.
    Status(u16, &'static str),
    /// Breaks the connection without an answer.
    Vanish,
    /// Answers nothing and keeps the connection until the sender gives up.
    Silence,
}

/// A request as it arrived.
#[derive(Clone, Debug)]
pub struct Request {
    pub line: String,
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
}

pub struct Receiver {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<Request>>>,
    replies: Arc<Mutex<VecDeque<Reply>>>,
    serving: Option<JoinHandle<()>>,
}

impl Receiver {
    /// Answers the first requests as told and every later one with 204.
    pub fn start(replies: impl IntoIterator<Item = Reply>) -> Receiver {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let replies = Arc::new(Mutex::new(replies.into_iter().collect::<VecDeque<_>>()));
        let (seen, told) = (Arc::clone(&requests), Arc::clone(&replies));
        let serving = std::thread::spawn(move || {
            for stream in listener.incoming() {
                let stream = stream.unwrap();
                // An empty connection is the end that `drop` asks for.
                let Some(request) = read(&stream) else { return };
                seen.lock().unwrap().push(request);
                let reply = told.lock().unwrap().pop_front().unwrap_or(Reply::Status(204, ""));
                answer(stream, &reply);
            }
        });
        Receiver { address, requests, replies, serving: Some(serving) }
    }

    pub fn url(&self) -> String {
        format!("http://{}/hooks?token=geheim", self.address)
    }

    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }

    /// How many of the replies that were told are left.
    pub fn left(&self) -> usize {
        self.replies.lock().unwrap().len()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        let _ = TcpStream::connect(self.address);
        if let Some(serving) = self.serving.take() {
            let _ = serving.join();
        }
    }
}

fn read(stream: &TcpStream) -> Option<Request> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    if reader.read_line(&mut line).ok()? == 0 {
        return None;
    }
    let mut headers = BTreeMap::new();
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        let Some((name, value)) = header.trim_end().split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Request { line: line.trim_end().to_owned(), headers, body })
}

fn answer(mut stream: TcpStream, reply: &Reply) {
    match reply {
        Reply::Status(status, headers) => {
            let head = format!("HTTP/1.1 {status} Told\r\ncontent-length: 0\r\nconnection: close\r\n{headers}\r\n");
            let _ = stream.write_all(head.as_bytes());
        }
        Reply::Vanish => {}
        // Reading ends when the sender hangs up.
        Reply::Silence => {
            let _ = stream.read_to_end(&mut Vec::new());
        }
    }
}
