//! Telling a running node that something waits in its outbox, so that it need not look all the time.
//!
//! A datagram on a Unix socket in the node's folder. It is a hint: whoever does not get it looks again after a while.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a socket's path may be (`sun_path` has 108 bytes on Linux, 104 elsewhere, one of them for the end).
const SOCKET_PATH_BYTES_MAX: usize = 103;

/// Between looks where no socket can be had.
const LOOK_INTERVAL: Duration = Duration::from_millis(20);

/// The socket of a node's folder.
fn socket(root: &Path) -> Option<PathBuf> {
    let path = root.join("wake.sock");
    (path.as_os_str().len() <= SOCKET_PATH_BYTES_MAX).then_some(path)
}

/// Wakes the node that runs on a folder, if one does.
pub fn wake(root: &Path) {
    #[cfg(unix)]
    if let Some(path) = socket(root) {
        // Nobody listens when no node runs, and a full queue wakes as well.
        let _ = std::os::unix::net::UnixDatagram::unbound().and_then(|sender| {
            sender.set_nonblocking(true)?;
            sender.send_to(b"!", path)
        });
    }
}

/// The ear of a running node.
#[derive(Debug)]
pub struct Waking {
    #[cfg(unix)]
    socket: Option<std::os::unix::net::UnixDatagram>,
}

impl Waking {
    /// Listens in a folder. A socket that a killed process left behind is replaced: only one node runs on a folder.
    pub fn listen(root: &Path) -> io::Result<Waking> {
        #[cfg(unix)]
        {
            let Some(path) = socket(root) else { return Ok(Waking { socket: None }) };
            match std::fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            Ok(Waking { socket: Some(std::os::unix::net::UnixDatagram::bind(&path)?) })
        }
        #[cfg(not(unix))]
        Ok(Waking {})
    }

    /// Waits until somebody wakes the node, but not longer than `timeout`. May return early for no reason.
    pub fn wait(&self, timeout: Duration) {
        #[cfg(unix)]
        if let Some(socket) = &self.socket {
            // Zero would mean to wait for ever.
            let _ = socket.set_read_timeout(Some(timeout.max(Duration::from_millis(1))));
            let mut hint = [0; 8];
            let _ = socket.recv(&mut hint);
            return;
        }
        std::thread::sleep(timeout.min(LOOK_INTERVAL));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use tempfile::TempDir;

    use super::*;

    #[test]
    fn a_node_is_woken_also_after_one_that_was_killed() {
        let place = TempDir::new().unwrap();
        // Nobody listens: nothing happens.
        wake(place.path());
        let killed = Waking::listen(place.path()).unwrap();
        std::mem::forget(killed);
        let waking = Waking::listen(place.path()).unwrap();
        wake(place.path());
        // Ends at once, or the test runner's own time limit ends it.
        waking.wait(Duration::from_hours(1));
    }

    #[test]
    fn a_path_too_long_for_a_socket_still_wakes_by_looking() {
        let place = TempDir::new().unwrap();
        let deep = place.path().join("x".repeat(120));
        std::fs::create_dir(&deep).unwrap();
        let waking = Waking::listen(&deep).unwrap();
        wake(&deep);
        waking.wait(Duration::from_hours(1));
    }
}
