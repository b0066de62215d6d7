//! Which server of a cluster is connected to next.
//!
//! async-nats 0.51 takes, of the servers that it knows, one that has refused it least often. When a server is cut off from the others of its
//! cluster and keeps its clients, that may be this very one again and again, because another one was once restarted.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use async_nats::{ReconnectToServer, Server};

/// Chooses the next server once somebody has asked for another one; else async-nats chooses by itself.
#[derive(Debug, Default)]
pub(super) struct Elsewhere {
    is_wanted: AtomicBool,
    next: AtomicUsize,
}

impl Elsewhere {
    /// The next connection goes to the next server, in the order in which they are known.
    pub(super) fn want(&self) {
        self.is_wanted.store(true, Ordering::Release);
    }

    /// Where to go of these servers; nothing when it does not matter.
    pub(super) fn choose(&self, servers: &[Server]) -> Option<ReconnectToServer> {
        if !self.is_wanted.swap(false, Ordering::AcqRel) {
            return None;
        }
        // The one that was left may come up once in a round; the others come up as well.
        let turn = self.next.fetch_add(1, Ordering::AcqRel).checked_rem(servers.len())?;
        servers.get(turn).map(|server| ReconnectToServer { addr: server.addr.clone(), delay: None })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn whoever_wants_to_go_elsewhere_meets_every_server_in_turn() {
        let server = |port: u16, failed_attempts| Server {
            addr: format!("nats://127.0.0.1:{port}").parse().unwrap(),
            failed_attempts,
            did_connect: true,
            is_discovered: false,
            last_error: None,
        };
        let servers = [server(1, 0), server(2, 7), server(3, 2)];
        let elsewhere = Elsewhere::default();
        assert!(elsewhere.choose(&servers).is_none(), "nobody has asked");
        let ports = || {
            elsewhere.want();
            elsewhere.choose(&servers).map(|chosen| chosen.addr.port()).unwrap()
        };
        assert_eq!([ports(), ports(), ports(), ports()], [1, 2, 3, 1]);
        assert!(elsewhere.choose(&servers).is_none(), "once for each time it was asked");
        elsewhere.want();
        assert!(elsewhere.choose(&[]).is_none());
    }
}
