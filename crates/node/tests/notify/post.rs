//! A real mail server (aiosmtpd), got once from PyPI by version and hash, and certificates to speak TLS with it.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::Value;

/// The packages with the SHA-256 of their wheels; they run wherever Python does.
const PINNED: &str = "\
aiosmtpd==1.4.6 --hash=sha256:72c99179ba5aa9ae0abbda6994668239b64a5ce054471955fe75f581d2592475
atpublic==9.0.0 --hash=sha256:449c3c4f0c74df79749d6fe225ba55e2a2fce34b303f0329211e4d6989ed6f6e
attrs==26.1.0 --hash=sha256:c647aa4a12dfbad9333ca4e71fe62ddc36f4e63b2d260a37a8b83d2f043ac309
";

/// Longer than a start or a message takes on any machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// A running mail server. Dropping it ends the process.
pub struct PostOffice {
    child: Child,
    port: u16,
    lines: Receiver<Value>,
}

impl PostOffice {
    /// One that takes everything without TLS.
    pub fn open() -> PostOffice {
        PostOffice::open_with(&[])
    }

    pub fn open_at(port: u16) -> PostOffice {
        PostOffice::open_with(&["--port", &port.to_string()])
    }

    /// One that wants TLS (`starttls` or `implicit`) and the user `beacon` with the password `correct horse`.
    pub fn open_guarded(tls: &str, certificates: &Certificates) -> PostOffice {
        let (certificate, key) = (certificates.path("server.pem"), certificates.path("server.key"));
        let arguments = ["--tls", tls, "--certificate", certificate.to_str().unwrap(), "--key", key.to_str().unwrap()];
        PostOffice::open_with(&arguments)
    }

    fn open_with(arguments: &[&str]) -> PostOffice {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/notify/mail_server.py");
        let mut child = Command::new("python3")
            .arg("-u")
            .arg(script)
            .args(arguments)
            .env("PYTHONPATH", installed())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3 starts the mail server");
        let (sender, lines) = channel();
        let output = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            for line in output.lines() {
                let Ok(line) = line else { return };
                if sender.send(serde_json::from_str(&line).unwrap()).is_err() {
                    return;
                }
            }
        });
        let first: Value = lines.recv_timeout(PATIENCE).expect("the mail server says its port");
        PostOffice { child, port: u16::try_from(first.as_u64().unwrap()).unwrap(), lines }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// The messages that were taken since the last call; `count` are waited for.
    pub fn messages(&self, count: usize) -> Vec<Value> {
        let mut messages: Vec<Value> =
            (0..count).map(|_| self.lines.recv_timeout(PATIENCE).expect("a message arrives")).collect();
        messages.extend(self.lines.try_iter());
        messages
    }
}

impl Drop for PostOffice {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Where the packages are. Tests run at the same time in processes of their own: whoever is first to have them whole puts them in place.
fn installed() -> PathBuf {
    let tools = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("tools");
    let place = tools.join("aiosmtpd-1.4.6");
    if place.exists() {
        return place;
    }
    fs::create_dir_all(&tools).unwrap();
    let unfinished = tempfile::tempdir_in(&tools).unwrap();
    let requirements = unfinished.path().join("requirements.txt");
    fs::write(&requirements, PINNED).unwrap();
    let status = Command::new("python3")
        .args(["-m", "pip", "install", "--quiet", "--no-input", "--no-deps", "--only-binary", ":all:"])
        .args(["--require-hashes", "--root-user-action", "ignore", "--target"])
        .arg(unfinished.path())
        .arg("--requirement")
        .arg(&requirements)
        .status()
        .expect("python3 with pip is installed");
    assert!(status.success(), "aiosmtpd could not be got from PyPI");
    let unfinished = unfinished.keep();
    if fs::rename(&unfinished, &place).is_err() {
        // Somebody else was first.
        fs::remove_dir_all(&unfinished).unwrap();
    }
    place
}

/// An authority of a city's own and a certificate of it for 127.0.0.1.
pub struct Certificates(tempfile::TempDir);

impl Certificates {
    pub fn make() -> Certificates {
        let certificates = Certificates(tempfile::TempDir::new().unwrap());
        let openssl = |arguments: &str| {
            let mut command = Command::new("openssl");
            command.args(arguments.split_whitespace()).current_dir(certificates.0.path());
            let output = command.output().expect("openssl is installed");
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        };
        let curve = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2";
        openssl(&format!("req -x509 {curve} -keyout ca.key -out ca.pem -subj /CN=city"));
        openssl(&format!(
            "req -x509 {curve} -keyout server.key -out server.pem -subj /CN=127.0.0.1 -CA ca.pem -CAkey ca.key \
             -addext subjectAltName=IP:127.0.0.1 -addext basicConstraints=critical,CA:FALSE"
        ));
        certificates
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
}
