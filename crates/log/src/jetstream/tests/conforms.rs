//! The suite that every log must pass, on a real broker.

use std::sync::atomic::{AtomicUsize, Ordering};

use tempfile::TempDir;

use super::*;
use crate::Embedded;
use crate::conformance::Factory;

struct Streams {
    server: NatsServer,
    folder: TempDir,
    made: AtomicUsize,
}

impl Streams {
    fn new() -> Streams {
        Streams { server: NatsServer::start(), folder: TempDir::new().unwrap(), made: AtomicUsize::new(0) }
    }

    /// Each handle has a copy of its own.
    fn log(&self, stream: Stream) -> JetStream {
        let number = self.made.fetch_add(1, Ordering::Relaxed);
        let copy = Embedded::create(self.folder.path().join(format!("copy-{number}.sqlite"))).unwrap();
        JetStream::new(stream, copy).unwrap()
    }
}

impl Factory for Streams {
    type Log = JetStream;

    fn create(&self) -> JetStream {
        // A stream of its own for each log: there are regions enough.
        let number = self.made.fetch_add(1, Ordering::Relaxed);
        let region = ["350600", "350200", "350100", "350300"][number].parse().unwrap();
        self.log(Stream::create(&broker(&self.server), region, 1).unwrap())
    }

    fn reopen(&self, log: JetStream) -> JetStream {
        let (stream, copy) = log.into_parts();
        let path = copy.path().to_owned();
        copy.close().unwrap();
        let stream = Stream::open(&broker(&self.server), stream.region()).unwrap();
        JetStream::new(stream, Embedded::open_writer(path).unwrap()).unwrap()
    }

    fn reader(&self, log: &JetStream) -> JetStream {
        self.log(Stream::open(&broker(&self.server), log.stream().region()).unwrap())
    }
}

crate::conformance_tests!(Streams::new());
