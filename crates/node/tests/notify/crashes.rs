//! A process that is killed while a notice is on its way.

use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use fengsui_event::{ReferralBasis, ReferralRole};
use fengsui_log::StopFlag;
use fengsui_node::notify::{DeliveryReport, Notifier};

use crate::exchange::*;
use crate::post::PostOffice;
use crate::receiver::{Receiver, Reply};
use crate::{ON, channel, collect, config, deliver, open, write_secret};

const LATER: &str = "2026-11-25T03:00:00Z";

/// Tell the other process what to do; without them its test has nothing to do.
const ROOT: &str = "FENGSUI_TEST_NOTIFY_ROOT";
const CONFIG: &str = "FENGSUI_TEST_NOTIFY_CONFIG";

/// What the other process does: it delivers until it is killed.
#[test]
fn deliver_in_a_process_of_its_own() {
    let (Ok(root), Ok(text)) = (std::env::var(ROOT), std::env::var(CONFIG)) else { return };
    let mut notifier = Notifier::open(Path::new(&root), &config(&text), code("fire"), at(ON)).unwrap();
    notifier.deliver(at(LATER), &StopFlag::new()).unwrap();
}

fn start_delivering(exchange: &Exchange, text: &str) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["crashes::deliver_in_a_process_of_its_own", "--exact"]);
    command.env(ROOT, exchange.root()).env(CONFIG, text).spawn().unwrap()
}

fn kill(mut child: Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

/// An exchange with one notice for fire that waits, and nobody who has the file open.
fn waiting(text: &str) -> Exchange {
    let mut exchange = Exchange::found();
    write_secret(exchange.root(), "hook.secret", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n", 0o600);
    let (mut notifier, _) = open(&exchange, "fire", text);
    collect(&mut notifier, &exchange);
    let case = exchange.report("tourism", "fire", &[], &[]);
    exchange.refer("tourism", case, "fire", ReferralRole::Lead, ReferralBasis::Rule, None);
    assert_eq!(collect(&mut notifier, &exchange), 1);
    exchange
}

#[test]
fn a_mail_that_was_given_away_before_the_kill_is_not_sent_again() {
    let office = PostOffice::open();
    let (server, to) = (format!("smtp://127.0.0.1:{}", office.port()), "stall@example.org");
    let text = format!("[mail]\nserver = \"{server}\"\nfrom = \"beacon@example.org\"\nto = [\"{to}\"]\n");
    let exchange = waiting(&text);
    let child = start_delivering(&exchange, &text);
    assert_eq!(office.messages(1).len(), 1);
    kill(child);
    let (mut notifier, _) = open(&exchange, "fire", &text);
    assert_eq!(deliver(&mut notifier, LATER), DeliveryReport::default());
    assert_eq!(channel(&notifier, "mail").unknown, 1);
    assert_eq!(office.messages(0).len(), 0);
}

#[test]
fn a_post_that_was_under_way_at_the_kill_is_made_again_with_the_same_key() {
    let receiver = Receiver::start([Reply::Silence]);
    let url = receiver.url();
    let text = format!(
        "[[webhooks]]\nname = \"office\"\nurl = \"{url}\"\nsecret_file = \"hook.secret\"\ntimeout_seconds = 60\n"
    );
    let exchange = waiting(&text);
    let child = start_delivering(&exchange, &text);
    let began = Instant::now();
    while receiver.requests().is_empty() {
        assert!(began.elapsed() < Duration::from_mins(1), "nothing was posted");
        std::thread::sleep(Duration::from_millis(10));
    }
    kill(child);
    let (mut notifier, _) = open(&exchange, "fire", &text);
    assert_eq!(deliver(&mut notifier, LATER).sent, 1);
    let requests = receiver.requests();
    assert_eq!(requests.len(), 2);
    assert_eq!(requests[0].headers["idempotency-key"], requests[1].headers["idempotency-key"]);
    assert_eq!(requests[0].body, requests[1].body);
}
