//! The address of a broker's server, and the configuration of a single server for an exchange.

use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use fengsui_event::RegionCode;

use crate::broker_accounts::BrokerFiles;

/// The port of NATS servers.
const PORT_DEFAULT: u16 = 4_222;
/// From the port for clients to the port for Prometheus, as 4222 and 8222.
const MONITOR_DISTANCE: u16 = 4_000;

/// Where a server is reached: `nats://host:port`, or `tls://host:port` where it must be encrypted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ServerUrl {
    is_tls: bool,
    /// A name, or an address, without the brackets of IPv6.
    host: String,
    port: u16,
}

/// Why a text is no address of a server.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ServerUrlError {
    /// No scheme, or another one.
    #[error("`{found}` does not begin with nats:// or tls://; expected an address such as tls://broker.example:4222")]
    Scheme {
        /// The text as given.
        found: String,
    },
    /// A user or password, a path, or the like.
    #[error(
        "`{found}` holds more than a host and a port; nodes sign in by their connection key, so expected only nats://HOST:PORT or tls://HOST:PORT"
    )]
    More {
        /// The text as given, but for what might be a password.
        found: String,
    },
    /// The host is neither a name nor an address.
    #[error("`{found}` is neither a host name nor an address; expected an address such as tls://broker.example:4222")]
    Host {
        /// The text as given.
        found: String,
    },
    /// No port.
    #[error("`{found}` is no port; expected a number from 1 to 65535, or nothing for 4222")]
    Port {
        /// What stands in its place.
        found: String,
    },
}

impl FromStr for ServerUrl {
    type Err = ServerUrlError;

    fn from_str(text: &str) -> Result<Self, ServerUrlError> {
        let (is_tls, rest) = match text.split_once("://") {
            Some(("nats", rest)) => (false, rest),
            Some(("tls", rest)) => (true, rest),
            _ => return Err(ServerUrlError::Scheme { found: text.to_owned() }),
        };
        if let Some((_, behind)) = rest.rsplit_once('@') {
            return Err(ServerUrlError::More { found: format!("…@{behind}") });
        }
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        if rest.contains(['/', '?', '#']) {
            return Err(ServerUrlError::More { found: text.to_owned() });
        }
        let (host, port) = split_port(rest).ok_or_else(|| ServerUrlError::Host { found: text.to_owned() })?;
        let port = match port {
            None => PORT_DEFAULT,
            Some(port) => match port.parse() {
                Ok(port) if port > 0 => port,
                _ => return Err(ServerUrlError::Port { found: port.to_owned() }),
            },
        };
        if !is_host(host) {
            return Err(ServerUrlError::Host { found: text.to_owned() });
        }
        Ok(ServerUrl { is_tls, host: host.to_owned(), port })
    }
}

/// Host without brackets, and what stands behind the colon. None for brackets that do not close.
fn split_port(text: &str) -> Option<(&str, Option<&str>)> {
    if let Some(bracketed) = text.strip_prefix('[') {
        let (host, behind) = bracketed.split_once(']')?;
        host.parse::<std::net::Ipv6Addr>().ok()?;
        return match behind.strip_prefix(':') {
            Some(port) => Some((host, Some(port))),
            None if behind.is_empty() => Some((host, None)),
            None => None,
        };
    }
    match text.split_once(':') {
        Some((host, port)) => Some((host, Some(port))),
        None => Some((text, None)),
    }
}

/// A name by RFC 1123, or an address.
fn is_host(text: &str) -> bool {
    let is_label = |label: &str| {
        !label.is_empty()
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.parse::<IpAddr>().is_ok() || (text.len() <= 253 && text.split('.').all(is_label))
}

impl ServerUrl {
    /// Whether the connection must be encrypted.
    pub fn is_tls(&self) -> bool {
        self.is_tls
    }

    /// The port that clients connect to.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// What a server listens on to be reached here: the address, or all addresses of the machine when the host is a name.
    fn listen(&self) -> String {
        match self.host.parse() {
            Ok(IpAddr::V4(address)) => format!("{address}:{}", self.port),
            Ok(IpAddr::V6(address)) => format!("[{address}]:{}", self.port),
            Err(_) if self.host == "localhost" => format!("127.0.0.1:{}", self.port),
            Err(_) => format!("0.0.0.0:{}", self.port),
        }
    }

    /// Where the server shows its numbers, on its own machine only.
    fn monitor(&self) -> String {
        let port = self.port.checked_add(MONITOR_DISTANCE).unwrap_or_else(|| self.port - MONITOR_DISTANCE);
        format!("127.0.0.1:{port}")
    }
}

impl fmt::Display for ServerUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.is_tls { "tls" } else { "nats" };
        if self.host.contains(':') {
            return write!(formatter, "{scheme}://[{}]:{}", self.host, self.port);
        }
        write!(formatter, "{scheme}://{}:{}", self.host, self.port)
    }
}

/// The configuration of a single server that is reached at `url`. With TLS it wants certificates in `broker/tls/`, and one of every
/// client; `with_tls` asks for that where the address does not.
///
/// Errors: the path that the server could not read in a configuration.
pub fn server_configuration(
    region: RegionCode,
    url: &ServerUrl,
    with_tls: bool,
    files: &BrokerFiles,
) -> Result<String, PathNotText> {
    let store = quoted(&files.root().join("jetstream"))?;
    let pid = quoted(&files.pid())?;
    let configuration = quoted(&files.server())?;
    let tls = tls_block(files, url.is_tls || with_tls)?;
    let (listen, monitor) = (url.listen(), url.monitor());
    let listen_note = if url.host.parse::<IpAddr>().is_ok() || url.host == "localhost" {
        ""
    } else {
        "\n# A name stands in the address, so it listens on every address of this machine."
    };
    Ok(format!(
        "\
# A single server for the exchange. Written by `fengsui init`; `fengsui broker config` prints it again. Wants nats-server 2.15 or newer.
#   nats-server -c {configuration}
# For three servers, systemd and containers see deploy/ in the project.

server_name: \"fengsui-{region}\"
{listen_note}
listen: \"{listen}\"
{tls}
# Who may do what. After a change: for round in 1 2; do nats-server --signal reload={pid}; sleep 1; done
include \"accounts.conf\"

jetstream {{
  store_dir: {store}
  # An acknowledged event is on the disk. Without this line a power cut takes up to two minutes of acknowledged events.
  sync_interval: always
}}

# For Prometheus and people on this machine only: it has no authentication.
http: \"{monitor}\"

pid_file: {pid}
# 1 MiB is the default, written down because nodes refuse larger events by it.
max_payload: 1MB
"
    ))
}

fn tls_block(files: &BrokerFiles, is_on: bool) -> Result<String, PathNotText> {
    let file = |name: &str| quoted(&files.root().join("tls").join(name));
    let block = format!(
        "tls {{\n  cert_file: {}\n  key_file: {}\n  ca_file: {}\n  # Nodes show a certificate, too.\n  verify: true\n  min_version: \"1.3\"\n  timeout: 5\n}}\n",
        file("server.crt")?,
        file("server.key")?,
        file("ca.crt")?,
    );
    if is_on {
        return Ok(format!("\n# Both sides show a certificate: deploy/tls/make-certificates.sh makes them.\n{block}"));
    }
    let commented = format!("# {}\n", block.trim_end().replace('\n', "\n# "));
    Ok(format!(
        "\n# Not encrypted: for one machine only. Certificates are made by deploy/tls/make-certificates.sh.\n{commented}"
    ))
}

/// A path that cannot stand in the server's configuration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the path {} cannot stand in the server's configuration: choose a folder whose path is text without control characters", .0.display())]
pub struct PathNotText(pub PathBuf);

/// A path as a string of the server's configuration. It is made absolute, for the server may be started anywhere.
fn quoted(path: &Path) -> Result<String, PathNotText> {
    let absolute = std::path::absolute(path).map_err(|_| PathNotText(path.to_owned()))?;
    match absolute.to_str() {
        Some(text) if !text.contains(char::is_control) => {
            Ok(format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")))
        }
        _ => Err(PathNotText(absolute)),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn url(text: &str) -> ServerUrl {
        text.parse().unwrap()
    }

    #[test]
    fn addresses_are_read_and_written() {
        for (text, written) in [
            ("nats://127.0.0.1:4222", "nats://127.0.0.1:4222"),
            ("tls://broker.example", "tls://broker.example:4222"),
            ("tls://broker.example:443/", "tls://broker.example:443"),
            ("nats://[::1]:14222", "nats://[::1]:14222"),
            ("nats://[::1]", "nats://[::1]:4222"),
            ("nats://localhost", "nats://localhost:4222"),
        ] {
            assert_eq!(url(text).to_string(), written);
        }
        assert!(url("tls://a").is_tls() && !url("nats://a").is_tls());
    }

    #[test]
    fn other_texts_are_refused_and_no_password_is_repeated() {
        let refused = |text: &str| text.parse::<ServerUrl>().unwrap_err();
        for text in ["", "127.0.0.1:4222", "http://a", "ws://a", "NATS://a"] {
            assert!(matches!(refused(text), ServerUrlError::Scheme { .. }), "{text}");
        }
        for text in [
            "nats://",
            "nats://:4222",
            "nats://a b",
            "nats://a_b",
            "nats://-a",
            "nats://::1",
            "nats://[a]:1",
            "tls://a\n",
            "tls://[::1",
        ] {
            let error = refused(text);
            assert!(matches!(error, ServerUrlError::Host { .. } | ServerUrlError::Port { .. }), "{text}: {error:?}");
        }
        for text in ["nats://a:0", "nats://a:65536", "nats://a:x", "nats://a:"] {
            assert!(matches!(refused(text), ServerUrlError::Port { .. }), "{text}");
        }
        for text in ["nats://a/b", "nats://a?b", "nats://a#b"] {
            assert!(matches!(refused(text), ServerUrlError::More { .. }), "{text}");
        }
        let error = refused("nats://user:secret@a").to_string();
        assert!(error.contains("connection key") && !error.contains("secret"), "{error}");
    }

    fn configuration(text: &str, with_tls: bool) -> String {
        let files = BrokerFiles::of(Path::new("/data/a \"b\""));
        server_configuration("350600".parse().unwrap(), &url(text), with_tls, &files).unwrap()
    }

    #[test]
    fn a_server_listens_where_its_address_says() {
        for (address, listen, monitor) in [
            ("nats://127.0.0.1:14222", "127.0.0.1:14222", "127.0.0.1:18222"),
            ("nats://[::1]:4222", "[::1]:4222", "127.0.0.1:8222"),
            ("nats://localhost", "127.0.0.1:4222", "127.0.0.1:8222"),
            ("tls://broker.example:65000", "0.0.0.0:65000", "127.0.0.1:61000"),
        ] {
            let text = configuration(address, false);
            assert!(text.contains(&format!("\nlisten: \"{listen}\"\n")), "{text}");
            assert!(text.contains(&format!("\nhttp: \"{monitor}\"\n")), "{text}");
            assert!(
                text.contains("\n  sync_interval: always\n") && text.contains("\ninclude \"accounts.conf\"\n"),
                "{text}"
            );
        }
    }

    #[test]
    fn certificates_are_wanted_with_tls_only_and_paths_are_quoted() {
        let on = "\n  cert_file: \"/data/a \\\"b\\\"/broker/tls/server.crt\"\n";
        assert!(configuration("tls://127.0.0.1:4222", false).contains(on));
        assert!(configuration("nats://127.0.0.1:4222", true).contains(on));
        let off = configuration("nats://127.0.0.1:4222", false);
        assert!(!off.contains(on) && off.contains("\n# tls {\n"), "{off}");
        let files = BrokerFiles::of(Path::new("/data/a\nb"));
        let refused = server_configuration("350600".parse().unwrap(), &url("nats://a"), false, &files).unwrap_err();
        assert_eq!(refused, PathNotText(PathBuf::from("/data/a\nb/broker/jetstream")));
    }
}
