//! A line between two processes that a test can cut, silence and mend, without root: a proxy on a loopback port.

use std::collections::HashMap;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::{self, JoinHandle};

/// A TCP line: whoever connects to [`Cable::address`] reaches the process at the other end while the line is whole.
#[derive(Debug)]
pub struct Cable {
    address: SocketAddr,
    line: Arc<Line>,
    accepting: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Line {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    target: Option<SocketAddr>,
    condition: Condition,
    removed: bool,
    /// Both ends of every connection that stands.
    connections: HashMap<u64, [TcpStream; 2]>,
    last_connection: u64,
}

/// What a line does with what is sent over it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Condition {
    /// Carries everything, in both directions.
    #[default]
    Whole,
    /// Ends what stood, and ends what comes: as when the machine at the other end is gone.
    Cut,
    /// Takes connections and carries nothing: as when a wire is broken, and nobody is told.
    Silent,
}

impl Default for Cable {
    fn default() -> Self {
        Self::new()
    }
}

impl Cable {
    /// A line with its near end on a free port. It leads nowhere yet: connections are ended at once.
    pub fn new() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let line = Arc::new(Line::default());
        let accepted = Arc::clone(&line);
        let accepting = thread::spawn(move || {
            for near in listener.incoming() {
                if accepted.lock().removed {
                    break;
                }
                let Ok(near) = near else { continue };
                let line = Arc::clone(&accepted);
                thread::spawn(move || line.carry(near));
            }
        });
        Self { address, line, accepting: Some(accepting) }
    }

    /// A line to an address.
    pub fn to(target: SocketAddr) -> Self {
        let cable = Self::new();
        cable.lead_to(target);
        cable
    }

    /// Where to connect.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where the line leads from now on. Connections that stand keep their end.
    pub fn lead_to(&self, target: SocketAddr) {
        self.line.lock().target = Some(target);
    }

    /// Ends every connection; new ones are ended at once.
    pub fn cut(&self) {
        self.line.turn(Condition::Cut);
    }

    /// Carries nothing more, and ends nothing. What is sent meanwhile arrives after [`Cable::mend`], if the sender still waits.
    pub fn silence(&self) {
        self.line.turn(Condition::Silent);
    }

    /// Makes the line whole again.
    pub fn mend(&self) {
        self.line.turn(Condition::Whole);
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        self.line.lock().removed = true;
        self.cut();
        // Wakes the thread that accepts, which then sees that it is over.
        let woken = TcpStream::connect(self.address).is_ok();
        if let Some(accepting) = self.accepting.take()
            && woken
        {
            let _ = accepting.join();
        }
    }
}

impl Line {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn turn(&self, condition: Condition) {
        let mut state = self.lock();
        state.condition = condition;
        if condition == Condition::Cut {
            for connection in state.connections.values() {
                end(connection);
            }
        }
        self.changed.notify_all();
    }

    /// Waits for as long as the line is silent, and says whether it is whole then.
    fn is_whole(&self) -> bool {
        let silent = |state: &mut State| state.condition == Condition::Silent && !state.removed;
        let state = self.changed.wait_while(self.lock(), silent).unwrap();
        state.condition == Condition::Whole
    }

    /// Carries one connection, until either end or a cut ends it.
    fn carry(self: Arc<Self>, near: TcpStream) {
        if !self.is_whole() {
            return;
        }
        let Some(target) = self.lock().target else { return };
        let Ok(far) = TcpStream::connect(target) else { return };
        let both = [near, far];
        let Some(number) = self.register(&both) else { return end(&both) };
        let [near, far] = &both;
        thread::scope(|scope| {
            scope.spawn(|| self.pump(near, far));
            self.pump(far, near);
        });
        self.lock().connections.remove(&number);
    }

    /// Nothing when the line was cut while the connection was made.
    fn register(&self, both: &[TcpStream; 2]) -> Option<u64> {
        let mut state = self.lock();
        if state.condition == Condition::Cut {
            return None;
        }
        let [near, far] = both;
        for end in both {
            let _ = end.set_nodelay(true);
        }
        state.last_connection += 1;
        let number = state.last_connection;
        state.connections.insert(number, [near.try_clone().ok()?, far.try_clone().ok()?]);
        Some(number)
    }

    fn pump(&self, mut from: &TcpStream, mut to: &TcpStream) {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(length) = from.read(&mut buffer)
            && length > 0
            && self.is_whole()
            && to.write_all(&buffer[..length]).is_ok()
        {}
        let _ = from.shutdown(Shutdown::Both);
        let _ = to.shutdown(Shutdown::Both);
    }
}

fn end(connection: &[TcpStream; 2]) {
    for end in connection {
        let _ = end.shutdown(Shutdown::Both);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A process that sends back what it gets.
    fn echo() -> SocketAddr {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let stream = stream.unwrap();
                thread::spawn(move || {
                    let mut buffer = [0; 16];
                    while let Ok(length) = (&stream).read(&mut buffer)
                        && length > 0
                    {
                        (&stream).write_all(&buffer[..length]).unwrap();
                    }
                });
            }
        });
        address
    }

    fn answer(mut stream: &TcpStream, text: &str) -> std::io::Result<String> {
        stream.write_all(text.as_bytes())?;
        let mut buffer = [0; 16];
        let length = stream.read(&mut buffer)?;
        Ok(String::from_utf8(buffer[..length].to_vec()).unwrap())
    }

    #[test]
    fn a_cut_ends_what_stood_and_what_comes_until_it_is_mended() {
        let cable = Cable::to(echo());
        let stream = TcpStream::connect(cable.address()).unwrap();
        assert_eq!(answer(&stream, "before").unwrap(), "before");
        cable.cut();
        assert!(answer(&stream, "cut").unwrap_or_default().is_empty());
        let refused = TcpStream::connect(cable.address()).unwrap();
        assert!(answer(&refused, "cut").unwrap_or_default().is_empty());
        cable.mend();
        let stream = TcpStream::connect(cable.address()).unwrap();
        assert_eq!(answer(&stream, "after").unwrap(), "after");
    }

    #[test]
    fn a_silent_line_holds_back_what_is_sent() {
        let cable = Cable::to(echo());
        let mut stream = TcpStream::connect(cable.address()).unwrap();
        assert_eq!(answer(&stream, "before").unwrap(), "before");
        cable.silence();
        stream.write_all(b"held").unwrap();
        stream.set_read_timeout(Some(std::time::Duration::from_millis(100))).unwrap();
        let mut buffer = [0; 16];
        assert!(stream.read(&mut buffer).is_err(), "a silent line answers nothing");
        cable.mend();
        stream.set_read_timeout(None).unwrap();
        assert_eq!(stream.read(&mut buffer).unwrap(), 4);
        assert_eq!(&buffer[..4], b"held");
    }
}
