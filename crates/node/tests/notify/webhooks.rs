//! Notices over HTTP, to a real receiver.

use std::process::Command;

use fengsui_event::{ReferralBasis, ReferralId, ReferralRole};
use fengsui_node::notify::{ATTEMPTS_MAX, DeliveryReport, Notifier, NotifyError};
use rusqlite::Connection;

use crate::exchange::*;
use crate::post::Certificates;
use crate::receiver::{Receiver, Reply};
use crate::{ON, channel, collect, config, deliver, open, write_secret};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n";
const LATER: &str = "2026-11-25T03:00:00Z";

fn webhook(name: &str, url: &str) -> String {
    format!("[[webhooks]]\nname = \"{name}\"\nurl = \"{url}\"\nsecret_file = \"hook.secret\"\ntimeout_seconds = 1\n")
}

/// An exchange and a notifier of fire with this configuration, and `count` notices that wait.
fn waiting(text: &str, count: usize) -> (Exchange, Notifier, Vec<ReferralId>) {
    let mut exchange = Exchange::found();
    write_secret(exchange.root(), "hook.secret", SECRET, 0o600);
    let (mut notifier, _) = open(&exchange, "fire", text);
    collect(&mut notifier, &exchange);
    let mut refer = || {
        let case = exchange.report("tourism", "fire", &[], &[]);
        exchange.refer("tourism", case, "fire", ReferralRole::Lead, ReferralBasis::Rule, None)
    };
    let referrals = (0..count).map(|_| refer()).collect();
    assert_eq!(collect(&mut notifier, &exchange), count);
    (exchange, notifier, referrals)
}

/// The signature by another program's arithmetic.
fn signature_by_python(id: &str, seconds: &str, body: &[u8]) -> String {
    use std::io::Write as _;
    let program = "import base64, hashlib, hmac, sys\n\
        key = base64.b64decode(sys.argv[1].removeprefix('whsec_'))\n\
        signed = f'{sys.argv[2]}.{sys.argv[3]}.'.encode() + sys.stdin.buffer.read()\n\
        print('v1,' + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode())";
    let mut python = Command::new("python3");
    python.args(["-c", program, SECRET.trim(), id, seconds]);
    let mut python = python.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped()).spawn().unwrap();
    python.stdin.take().unwrap().write_all(body).unwrap();
    let output = python.wait_with_output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn a_notice_is_posted_signed_and_with_a_key_that_never_changes() {
    let receiver = Receiver::start([]);
    let (exchange, mut notifier, referrals) = waiting(&webhook("office", &receiver.url()), 1);
    assert_eq!(deliver(&mut notifier, LATER), DeliveryReport { sent: 1, ..DeliveryReport::default() });
    let [request] = &receiver.requests()[..] else { panic!("one request") };
    assert_eq!(request.line, "POST /hooks?token=geheim HTTP/1.1");
    let id = format!("{}/referral_issued", referrals[0]);
    assert_eq!(request.headers["webhook-id"], id);
    assert_eq!(request.headers["idempotency-key"], id);
    assert_eq!(request.headers["content-type"], "application/json");
    let seconds = &request.headers["webhook-timestamp"];
    let sent_at: i64 = seconds.parse().unwrap();
    assert!((at(LATER).as_second()..at(LATER).as_second() + 60).contains(&sent_at), "{sent_at}");
    assert_eq!(request.headers["webhook-signature"], signature_by_python(&id, seconds, &request.body));
    let body: serde_json::Value = serde_json::from_slice(&request.body).unwrap();
    assert_eq!(body["type"], "referral_issued");
    let recorded = exchange.head();
    assert_eq!(body["data"]["position"], recorded.get());
    assert_eq!(body["timestamp"], body["data"]["recorded_at"]);
    assert_eq!(body["data"]["event"], referrals[0].to_string());
}

#[test]
fn a_receiver_that_fails_first_gets_the_same_notice_again() {
    let receiver = Receiver::start([Reply::Status(500, "")]);
    let (_exchange, mut notifier, _) = waiting(&webhook("office", &receiver.url()), 1);
    let report = deliver(&mut notifier, LATER);
    assert_eq!((report.sent, report.failed, report.waiting), (0, 0, 1));
    let wait = report.next_attempt.unwrap().as_second() - at(LATER).as_second();
    assert!((5..60).contains(&wait), "{wait}");
    // Nothing before its time.
    assert_eq!(deliver(&mut notifier, LATER).sent, 0);
    assert_eq!(receiver.requests().len(), 1);
    assert_eq!(deliver(&mut notifier, report.next_attempt).sent, 1);
    let requests = receiver.requests();
    assert_eq!(requests.len(), 2);
    assert_eq!(requests[0].body, requests[1].body);
    for name in ["webhook-id", "idempotency-key"] {
        assert_eq!(requests[0].headers[name], requests[1].headers[name]);
    }
    assert_ne!(requests[0].headers["webhook-timestamp"], requests[1].headers["webhook-timestamp"]);
}

#[test]
fn what_a_receiver_refuses_is_given_up_and_shown_without_its_address() {
    let (gone, moved) = ([Reply::Status(410, "")], [Reply::Status(302, "location: http://127.0.0.1:1/elsewhere\r\n")]);
    let (gone, moved) = (Receiver::start(gone), Receiver::start(moved));
    let text = webhook("gone", &gone.url()) + &webhook("moved", &moved.url());
    let (_exchange, mut notifier, _) = waiting(&text, 1);
    let report = deliver(&mut notifier, LATER);
    assert_eq!(report, DeliveryReport { failed: 2, ..DeliveryReport::default() });
    assert_eq!(deliver(&mut notifier, "2026-12-25T00:00:00Z"), DeliveryReport::default());
    assert_eq!((gone.requests().len(), moved.requests().len()), (1, 1));
    let status = notifier.status().unwrap();
    assert_eq!(status.troubles.len(), 2);
    let shown = serde_json::to_string(&status).unwrap();
    assert!(shown.contains("status 410") && shown.contains("redirects (status 302)"), "{shown}");
    assert!(!shown.contains("geheim") && !shown.contains("hooks"), "{shown}");
}

/// RFC 6585: a receiver that is asked too much says how long to wait, and the others wait with it.
#[test]
fn a_receiver_that_asks_to_wait_is_left_alone_so_long() {
    let receiver = Receiver::start([Reply::Status(429, "retry-after: 3600\r\n")]);
    let (_exchange, mut notifier, _) = waiting(&webhook("office", &receiver.url()), 3);
    let report = deliver(&mut notifier, LATER);
    assert_eq!((report.sent, report.waiting, receiver.requests().len()), (0, 3, 1));
    let wait = report.next_attempt.unwrap().as_second() - at(LATER).as_second();
    assert!((3_600..3_660).contains(&wait), "{wait}");
    assert_eq!(deliver(&mut notifier, "2026-11-25T03:59:00Z").sent, 0);
    assert_eq!(deliver(&mut notifier, "2026-11-25T05:00:00Z").sent, 3);
    assert_eq!(receiver.requests().len(), 4);
}

#[test]
fn silence_and_broken_connections_are_tried_again() {
    let receiver = Receiver::start([Reply::Silence, Reply::Vanish]);
    let (_exchange, mut notifier, _) = waiting(&webhook("office", &receiver.url()), 1);
    let first = deliver(&mut notifier, LATER);
    assert_eq!((first.sent, first.waiting), (0, 1));
    let reason = notifier.status().unwrap().troubles[0].reason.clone();
    assert_eq!(reason, "no answer in time");
    let second = deliver(&mut notifier, first.next_attempt);
    assert_eq!((second.sent, second.waiting), (0, 1));
    assert_eq!(deliver(&mut notifier, second.next_attempt).sent, 1);
    assert_eq!((receiver.requests().len(), receiver.left()), (3, 0));
}

#[test]
fn a_receiver_that_is_away_for_days_is_given_up_and_keeps_no_other_waiting() {
    let (here, away) = (Receiver::start([]), "http://127.0.0.1:1/");
    let text = webhook("away", away) + &webhook("here", &here.url());
    let (_exchange, mut notifier, _) = waiting(&text, 2);
    let mut report = deliver(&mut notifier, LATER);
    assert_eq!((report.sent, report.waiting), (2, 2));
    let mut failed = 0;
    let mut calls = 0;
    while let Some(next) = report.next_attempt {
        report = deliver(&mut notifier, Some(next));
        failed += report.failed;
        calls += 1;
        assert!(calls <= 10 * ATTEMPTS_MAX, "it is never given up");
    }
    assert_eq!(failed, 2);
    let (away, here) = (channel(&notifier, "webhook:away"), channel(&notifier, "webhook:here"));
    assert_eq!((away.failed, away.waiting, here.sent), (2, 0, 2));
    assert!(notifier.status().unwrap().troubles.iter().all(|trouble| trouble.attempts == ATTEMPTS_MAX));
}

/// A receiver knows a repetition by the key, so what may have been cut off is sent again.
#[test]
fn what_was_being_sent_when_the_process_ended_is_posted_again() {
    let receiver = Receiver::start([]);
    let text = webhook("office", &receiver.url());
    let (exchange, notifier, _) = waiting(&text, 1);
    drop(notifier);
    // As it stands on the disk between the note that it is sent and the note that it was.
    let file = Connection::open(exchange.root().join("notices.sqlite")).unwrap();
    assert_eq!(file.execute("UPDATE deliveries SET state = 'sending', attempts = 1", ()).unwrap(), 1);
    drop(file);
    let (mut notifier, _) = open(&exchange, "fire", &text);
    assert_eq!(deliver(&mut notifier, LATER).sent, 1);
    assert_eq!(receiver.requests().len(), 1);
}

#[test]
fn a_channel_gets_the_kinds_that_it_wants() {
    let (keys, all) = (Receiver::start([]), Receiver::start([]));
    let text =
        webhook("keys", &keys.url()) + "kinds = [\"key_revoked\", \"key_rotated\"]\n" + &webhook("all", &all.url());
    let (_exchange, mut notifier, _) = waiting(&text, 1);
    assert_eq!(deliver(&mut notifier, LATER).sent, 1);
    assert_eq!((keys.requests().len(), all.requests().len()), (0, 1));
}

#[test]
fn a_city_certificate_is_trusted_when_it_is_named() {
    let certificates = Certificates::make();
    let program = "import http.server, ssl, sys\n\
        class Taken(http.server.BaseHTTPRequestHandler):\n\
        \tdef do_POST(self):\n\
        \t\tself.rfile.read(int(self.headers['content-length'])); self.send_response(204); self.end_headers()\n\
        server = http.server.HTTPServer(('127.0.0.1', 0), Taken)\n\
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)\n\
        context.load_cert_chain(sys.argv[1], sys.argv[2])\n\
        server.socket = context.wrap_socket(server.socket, server_side=True)\n\
        print(server.server_port, flush=True)\n\
        server.serve_forever()";
    let mut server = Command::new("python3");
    server.args(["-c", program]).arg(certificates.path("server.pem")).arg(certificates.path("server.key"));
    let mut server =
        Ended(server.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::null()).spawn().unwrap());
    let mut port = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(server.0.stdout.take().unwrap()), &mut port).unwrap();
    let hook = webhook("office", &format!("https://127.0.0.1:{}/", port.trim()));

    let (exchange, mut notifier, _) = waiting(&hook, 1);
    let report = deliver(&mut notifier, LATER);
    assert_eq!((report.sent, report.waiting), (0, 1));
    let reason = notifier.status().unwrap().troubles[0].reason.clone();
    assert!(reason.contains("certificate"), "{reason}");
    drop(notifier);
    let trusting = format!("ca_file = {:?}\n{hook}", certificates.path("ca.pem"));
    let (mut notifier, _) = open(&exchange, "fire", &trusting);
    assert_eq!(deliver(&mut notifier, report.next_attempt).sent, 1);
}

/// A process that ends with the test.
struct Ended(std::process::Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn what_cannot_work_is_refused_at_the_start() {
    let exchange = Exchange::found();
    let refused = |text: &str| {
        let opened = Notifier::open(exchange.root(), &config(text), code("fire"), at(ON));
        opened.map(drop).unwrap_err()
    };
    let hook = webhook("office", "http://127.0.0.1:1/");
    assert!(refused(&hook).to_string().contains("there is no secret at"));
    write_secret(exchange.root(), "hook.secret", SECRET, 0o640);
    let error = refused(&hook).to_string();
    assert!(error.contains("mode 0640") && error.contains("chmod 600"), "{error}");
    write_secret(exchange.root(), "hook.secret", "geheim\n", 0o600);
    let error = refused(&hook).to_string();
    assert!(error.contains("whsec_") && !error.contains("geheim"), "{error}");
    write_secret(exchange.root(), "hook.secret", SECRET, 0o600);
    for (url, told) in [
        ("ftp://receiver/geheim", "expected https://"),
        ("http://user:geheim@receiver/", "user or password"),
        ("receiver", "relative URL"),
    ] {
        let error = refused(&webhook("office", url));
        assert!(matches!(error, NotifyError::Configuration { .. }), "{error:?}");
        let error = error.to_string();
        assert!(error.contains(told) && !error.contains("geheim"), "{error}");
    }
    assert!(refused("stdout = true\nca_file = \"none.pem\"").to_string().contains("none.pem"));
    write_secret(exchange.root(), "empty.pem", "no certificate", 0o644);
    assert!(refused("stdout = true\nca_file = \"empty.pem\"").to_string().contains("no certificate in PEM form"));
    assert!(!exchange.root().join("notices.sqlite").exists(), "nothing is made before all is right");
}
