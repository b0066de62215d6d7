//! What `deploy/` holds besides the broker's configurations: certificates, units, container files. No service manager and no container
//! engine runs here, so their files are checked for what they name.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod deployed;

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use deployed::{City, environment, read};
use fengsui_tests::project;

/// What openssl says of a certificate.
fn described(certificate: &Path) -> String {
    let output = Command::new("openssl").args(["x509", "-noout", "-text", "-in"]).arg(certificate).output().unwrap();
    assert!(output.status.success(), "{}", certificate.display());
    String::from_utf8(output.stdout).unwrap()
}

fn verifies(authority: &Path, certificate: &Path) -> bool {
    let mut openssl = Command::new("openssl");
    openssl.arg("verify").arg("-CAfile").arg(authority).arg(certificate).output().unwrap().status.success()
}

#[test]
fn certificates_say_for_whom_and_for_what_they_are() {
    let city = City::new();
    city.make(&["server", "nats-a", "nats-a.example", "10.0.0.1"]).ok();
    city.make(&["leaf", "fire", "nats.fire.example"]).ok();
    let (authority, cluster) = (city.path("pki/ca.crt"), city.path("pki/cluster-ca.crt"));
    let server = city.path("pki/servers/nats-a");

    let text = described(&server.join("server.crt"));
    assert!(text.contains("DNS:nats-a.example, IP Address:10.0.0.1") && text.contains("CA:FALSE"), "{text}");
    assert!(
        text.contains("TLS Web Server Authentication") && !text.contains("TLS Web Client Authentication"),
        "{text}"
    );
    let text = described(&city.path("pki/clients/fire/client.crt"));
    assert!(
        text.contains("TLS Web Client Authentication") && !text.contains("TLS Web Server Authentication"),
        "{text}"
    );
    assert!(described(&authority).contains("CA:TRUE, pathlen:0"));

    for (of, certificate, to_city, to_cluster) in [
        ("servers/nats-a", "server.crt", true, false),
        ("servers/nats-a", "cluster.crt", false, true),
        ("leaves/fire", "client.crt", true, false),
        ("clients/fire", "client.crt", true, false),
    ] {
        let path = city.path("pki").join(of).join(certificate);
        assert_eq!(
            (verifies(&authority, &path), verifies(&cluster, &path)),
            (to_city, to_cluster),
            "{of}/{certificate}"
        );
    }
}

#[test]
fn keys_are_for_their_owner_and_are_never_replaced() {
    let city = City::new();
    let key = city.path("pki/clients/fire/client.key");
    for path in [city.path("pki/ca.key"), city.path("pki/cluster-ca.key"), key.clone()] {
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600, "{}", path.display());
    }
    let (before, authority) = (fs::read(&key).unwrap(), fs::read(city.path("pki/ca.key")).unwrap());
    city.make(&["client", "fire"]).ok().says(&["left as it is"]);
    city.make(&["authority"]).ok().says(&["left as they are"]);
    city.make(&["server", "nats-a", "a.example"]).ok();
    city.make(&["server", "nats-a", "b.example"]).exits(1).says(&["for other names", "move it away first"]);
    assert_eq!(fs::read(&key).unwrap(), before);
    assert_eq!(fs::read(city.path("pki/ca.key")).unwrap(), authority);
}

#[test]
fn what_cannot_be_made_is_refused_and_leaves_nothing_behind() {
    let city = City::new();
    city.make(&["server", "nats-b", "not a name"]).exits(1).says(&["neither a host name nor an address"]);
    city.make(&["client", "../fire"]).exits(2);
    city.make(&["banquet", "fire"]).exits(2);
    fs::write(city.path("pki/ca.key"), "spoilt").unwrap();
    city.make(&["client", "tourism"]).exits(1);
    let left: Vec<_> =
        fs::read_dir(city.path("pki/clients")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().contains("tourism")), "{left:?}");
    fs::remove_file(city.path("pki/ca.key")).unwrap();
    city.make(&["authority"]).exits(1).says(&["only a part of the authorities' files"]);
}

/// The variables that a configuration and what it includes name.
fn variables(configuration: &str) -> BTreeSet<String> {
    let text = read(&format!("deploy/nats/{configuration}")) + &read("deploy/nats/server.conf");
    let lines = text.lines().filter(|line| !line.trim_start().starts_with('#'));
    let words = lines.flat_map(str::split_whitespace).filter_map(|word| word.strip_prefix("$NATS_"));
    words.map(|name| format!("NATS_{name}")).collect()
}

#[test]
fn every_variable_of_a_configuration_is_set_by_what_starts_it() {
    let example: BTreeSet<String> = environment().into_keys().collect();
    for configuration in ["single.conf", "cluster.conf", "leaf.conf"] {
        let missing: Vec<_> = variables(configuration).difference(&example).cloned().collect();
        assert!(missing.is_empty(), "nats.env.example lacks {missing:?} of {configuration}");
    }
    let compose = read("deploy/container/compose.yaml");
    for name in variables("single.conf") {
        assert!(compose.contains(&format!("      {name}: ")), "compose.yaml lacks {name}");
    }
}

/// The sections of a unit, with each setting's last value.
fn unit(name: &str) -> toml::Table {
    let mut sections = toml::Table::new();
    let mut section = String::new();
    for line in
        read(&format!("deploy/systemd/{name}")).lines().filter(|line| !line.is_empty() && !line.starts_with('#'))
    {
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            name.clone_into(&mut section);
            sections.insert(section.clone(), toml::Table::new().into());
        } else {
            let (setting, value) = line.split_once('=').unwrap_or_else(|| panic!("{name}: `{line}` is no setting"));
            sections[&section].as_table_mut().unwrap().insert(setting.to_owned(), value.into());
        }
    }
    sections
}

#[test]
fn units_run_as_nobody_else_with_nothing_they_do_not_need() {
    for name in ["fengsui-nats.service", "fengsui-node@.service", "fengsui-doctor@.service"] {
        let service = unit(name)["Service"].as_table().unwrap().clone();
        for (setting, value) in [
            ("NoNewPrivileges", "yes"),
            ("ProtectSystem", "strict"),
            ("ProtectHome", "yes"),
            ("PrivateDevices", "yes"),
            ("CapabilityBoundingSet", ""),
            ("UMask", "0077"),
        ] {
            assert_eq!(service[setting].as_str(), Some(value), "{name}: {setting}");
        }
        let user = service["User"].as_str().unwrap();
        assert!(read("deploy/systemd/fengsui.sysusers.conf").contains(&format!("\nu {user} ")), "{name}: {user}");
    }
}

#[test]
fn units_start_again_what_ends_and_what_is_stuck() {
    let node = unit("fengsui-node@.service")["Service"].as_table().unwrap().clone();
    assert_eq!(node["Type"].as_str(), Some("notify"));
    assert_eq!(node["WatchdogSec"].as_str(), Some("60s"));
    assert_eq!(node["Restart"].as_str(), Some("always"));
    assert!(node["ExecStart"].as_str().unwrap().starts_with("/usr/bin/fengsui --data /var/lib/fengsui/%i "));
    // The watchdog's and the notices' socket is a Unix socket.
    assert!(node["RestrictAddressFamilies"].as_str().unwrap().contains("AF_UNIX"));
    let nats = unit("fengsui-nats.service")["Service"].as_table().unwrap().clone();
    assert_eq!(nats["Restart"].as_str(), Some("always"));
    assert_eq!(nats["ExecReload"].as_str(), Some("/bin/kill -HUP $MAINPID"));
}

#[test]
fn container_files_take_what_is_there_and_run_as_nobody() {
    for file in ["Containerfile", "nats.Containerfile"] {
        let text = read(&format!("deploy/container/{file}"));
        let copies =
            text.lines().filter_map(|line| line.strip_prefix("COPY ")).filter(|line| !line.starts_with("--from"));
        for copy in copies {
            let words: Vec<&str> = copy.split_whitespace().collect();
            let (_, sources) = words.split_last().unwrap();
            for source in sources {
                assert!(project().join(source).exists(), "{file} copies {source}, which is not there");
            }
        }
        let user =
            text.lines().rfind(|line| line.starts_with("USER ")).unwrap_or_else(|| panic!("{file} runs as root"));
        assert!(!user.contains("root") && !user.contains(" 0"), "{file}: {user}");
        assert!(text.contains("HEALTHCHECK"), "{file}");
    }
    let compose = read("deploy/container/compose.yaml");
    for line in compose.lines().filter_map(|line| line.trim().strip_prefix("dockerfile: ")) {
        assert!(project().join(line).is_file(), "compose.yaml builds from {line}");
    }
    assert!(!compose.contains('\t') && compose.contains("\nservices:\n  nats:\n") && compose.contains("\n  node:\n"));
}
