//! TLS with certificates on both sides, made by the script that a city uses.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::*;

/// A city's authority with one server and one agency.
fn city(folder: &Path) -> PathBuf {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/tls/make-certificates.sh");
    for words in [&["authority"][..], &["server", "city", "127.0.0.1"], &["client", "fire"]] {
        let made = Command::new("bash").arg(&script).arg(folder).args(words).output().unwrap();
        assert!(made.status.success(), "{words:?}: {}", String::from_utf8_lossy(&made.stderr));
    }
    folder.to_owned()
}

#[test]
fn only_a_certificate_of_the_city_lets_a_node_in_and_what_does_not_fit_is_told() {
    let folder = TempDir::new().unwrap();
    let (city, other) = (city(&folder.path().join("city")), city(&folder.path().join("other")));
    let (server, client) = (city.join("servers/city"), city.join("clients/fire"));
    let ca = client.join("ca.crt");
    let config = format!(
        "tls {{ cert_file: {:?}, key_file: {:?}, ca_file: {ca:?}, verify: true }}\n",
        server.join("server.crt"),
        server.join("server.key")
    );
    let running = NatsServer::start_with_config(&config);
    let connect = |tls: TlsFiles| Broker::connect(BrokerOptions { tls, ..options(&running) });
    let own = |ca: &Path, folder: &Path| TlsFiles {
        ca: Some(ca.to_owned()),
        certificate: Some(folder.join("client.crt")),
        key: Some(folder.join("client.key")),
    };

    let broker = connect(own(&ca, &client)).unwrap();
    let stream = Stream::create(&broker, region(), 1).unwrap();
    assert_eq!(stream.publish(&records(1..=2)).unwrap(), [at(1), at(2)]);

    let foreign = other.join("clients/fire");
    let refused = [
        ("no certificate of its own", TlsFiles { ca: Some(ca.clone()), ..TlsFiles::default() }),
        ("another city's certificate", own(&ca, &foreign)),
        ("another city's authority", own(&foreign.join("ca.crt"), &client)),
    ];
    for (what, tls) in refused {
        let error = connect(tls).unwrap_err();
        assert!(matches!(error, BrokerError::Tls { .. }) && !error.is_out_of_reach(), "{what}: {error:?}");
    }
    let absent = TlsFiles { ca: Some(folder.path().join("absent.crt")), ..TlsFiles::default() };
    assert!(matches!(connect(absent), Err(BrokerError::File { path, .. }) if path.ends_with("absent.crt")));
    let half = TlsFiles { key: None, ..own(&ca, &client) };
    assert!(matches!(connect(half), Err(BrokerError::Option { what: "TLS files", .. })));
}
