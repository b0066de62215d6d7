//! Notices by mail, to a real mail server.

use fengsui_event::{ReferralBasis, ReferralId, ReferralRole};
use fengsui_node::notify::{DeliveryReport, Notifier};
use rusqlite::Connection;

use crate::exchange::*;
use crate::post::{Certificates, PostOffice};
use crate::{ON, channel, collect, config, deliver, open, write_secret};

const LATER: &str = "2026-11-25T03:00:00Z";

fn mail(server: &str, to: &str) -> String {
    format!("[mail]\nserver = \"{server}\"\nfrom = \"烽燧 <beacon@example.org>\"\nto = [{to}]\n")
}

fn plain(office: &PostOffice, to: &str) -> String {
    mail(&format!("smtp://127.0.0.1:{}", office.port()), to)
}

/// An exchange and a notifier of fire with this configuration, and `count` notices that wait.
fn waiting(text: &str, count: usize) -> (Exchange, Notifier, Vec<ReferralId>) {
    let mut exchange = Exchange::found();
    write_secret(exchange.root(), "mail.password", "correct horse\n", 0o600);
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

#[test]
fn a_notice_arrives_with_a_chinese_subject_and_an_id_of_its_own() {
    let office = PostOffice::open();
    let to = "\"duty@example.org\", \"值班 <night@example.org>\"";
    let (_exchange, mut notifier, referrals) = waiting(&plain(&office, to), 1);
    assert_eq!(deliver(&mut notifier, LATER), DeliveryReport { sent: 1, ..DeliveryReport::default() });
    let [message] = &office.messages(1)[..] else { panic!("one message") };
    assert_eq!(message["subject"], "【烽燧】收到案件：瑞和宾馆（期限 2026-11-27）");
    let raw = message["raw_subject"].as_str().unwrap();
    assert!(raw.starts_with("=?utf-8?") && raw.is_ascii(), "RFC 2047: {raw}");
    assert_eq!(message["from"], "beacon@example.org");
    assert_eq!(message["header_from"], "烽燧 <beacon@example.org>");
    assert_eq!(message["to"], serde_json::json!(["duty@example.org", "night@example.org"]));
    assert_eq!(message["message_id"], format!("<{}.referral_issued@example.org>", referrals[0]));
    assert_eq!(message["auto_submitted"], "auto-generated");
    assert!(message["date"].as_str().unwrap().starts_with("Wed, 25 Nov 2026 03:00:"), "{}", message["date"]);
    assert_eq!((&message["content_type"], &message["ascii"]), (&"text/plain".into(), &true.into()));
    let text = message["text"].as_str().unwrap();
    assert!(text.contains("抄送本部门主办案件，请签收并办理。") && text.contains("期限：2026-11-27"), "{text}");
}

/// An import of another agency makes many notices at once; they come in few messages, and each notice in one.
#[test]
fn many_notices_come_in_few_messages() {
    let office = PostOffice::open();
    let (_exchange, mut notifier, referrals) = waiting(&plain(&office, "\"duty@example.org\""), 120);
    assert_eq!(deliver(&mut notifier, LATER).sent, 120);
    let messages = office.messages(3);
    assert_eq!(messages.len(), 3);
    assert_eq!(messages[0]["subject"], "【烽燧】50 条通知");
    let text: String = messages.iter().map(|message| message["text"].as_str().unwrap()).collect();
    assert_eq!(text.matches("主办案件").count(), referrals.len());
    assert_ne!(messages[0]["message_id"], messages[1]["message_id"]);
}

#[test]
fn a_recipient_that_is_refused_keeps_the_others_from_nothing() {
    let office = PostOffice::open();
    let text = plain(&office, "\"refused@example.org\", \"duty@example.org\"");
    let (_exchange, mut notifier, _) = waiting(&text, 1);
    assert_eq!(deliver(&mut notifier, LATER).sent, 1);
    assert_eq!(office.messages(1)[0]["to"], serde_json::json!(["duty@example.org"]));
    let trouble = notifier.status().unwrap().troubles.remove(0);
    assert!(trouble.reason.starts_with("1 of 2 recipients were not taken:"), "{trouble:?}");
    assert!(trouble.reason.contains("550") && !trouble.reason.contains('@'), "{trouble:?}");
}

#[test]
fn a_message_that_nobody_takes_is_given_up() {
    let office = PostOffice::open();
    let (_exchange, mut notifier, _) = waiting(&plain(&office, "\"refused@example.org\""), 1);
    assert_eq!(deliver(&mut notifier, LATER), DeliveryReport { failed: 1, ..DeliveryReport::default() });
    assert_eq!(channel(&notifier, "mail").failed, 1);
}

/// RFC 5321, section 4.2.1: 4yz asks to come again later. Nobody gets it meanwhile, so that nobody gets it twice.
#[test]
fn a_message_that_is_put_off_is_sent_later_to_all() {
    let office = PostOffice::open();
    let text = plain(&office, "\"duty@example.org\", \"later@example.org\"");
    let (_exchange, mut notifier, _) = waiting(&text, 1);
    let report = deliver(&mut notifier, LATER);
    assert_eq!((report.sent, report.waiting), (0, 1));
    assert_eq!(deliver(&mut notifier, report.next_attempt).sent, 1);
    let messages = office.messages(1);
    assert_eq!(messages.len(), 1);
    assert_eq!(messages[0]["to"], serde_json::json!(["duty@example.org", "later@example.org"]));
}

#[test]
fn a_server_that_is_away_gets_the_notice_when_it_is_back() {
    let office = PostOffice::open();
    let (text, port) = (plain(&office, "\"duty@example.org\""), office.port());
    drop(office);
    let (_exchange, mut notifier, _) = waiting(&text, 2);
    let report = deliver(&mut notifier, LATER);
    assert_eq!((report.sent, report.waiting), (0, 2));
    let office = PostOffice::open_at(port);
    assert_eq!(deliver(&mut notifier, report.next_attempt).sent, 2);
    assert_eq!(office.messages(1).len(), 1);
}

/// The server has the message, and its answer is lost. A repetition would be a second message to people, so there is none.
#[test]
fn a_message_whose_fate_is_unknown_is_shown_and_not_repeated() {
    let office = PostOffice::open();
    let text = plain(&office, "\"vanish@example.org\"");
    let (exchange, mut notifier, _) = waiting(&text, 1);
    let report = deliver(&mut notifier, LATER);
    assert_eq!(report, DeliveryReport { unknown: 1, ..DeliveryReport::default() });
    assert_eq!(office.messages(1).len(), 1);
    drop(notifier);
    let (mut notifier, _) = open(&exchange, "fire", &text);
    assert_eq!(deliver(&mut notifier, "2026-12-25T00:00:00Z"), DeliveryReport::default());
    assert_eq!(channel(&notifier, "mail").unknown, 1);
    let trouble = notifier.status().unwrap().troubles.remove(0);
    assert!(trouble.state == "unknown" && trouble.reason.contains("did not answer"), "{trouble:?}");
    assert_eq!(office.messages(0).len(), 0);
}

#[test]
fn what_was_being_mailed_when_the_process_ended_is_unknown() {
    let office = PostOffice::open();
    let text = plain(&office, "\"duty@example.org\"");
    let (exchange, notifier, _) = waiting(&text, 2);
    drop(notifier);
    let file = Connection::open(exchange.root().join("notices.sqlite")).unwrap();
    file.execute("UPDATE deliveries SET state = 'sending' WHERE notice = 1", ()).unwrap();
    drop(file);
    let (mut notifier, _) = open(&exchange, "fire", &text);
    assert_eq!(deliver(&mut notifier, LATER), DeliveryReport { sent: 1, ..DeliveryReport::default() });
    let status = channel(&notifier, "mail");
    assert_eq!((status.sent, status.unknown), (1, 1));
    assert_eq!(office.messages(1).len(), 1);
}

#[test]
fn tls_and_a_password_are_used_as_the_server_wants() {
    let certificates = Certificates::make();
    for (mode, scheme) in [("starttls", "smtp+starttls"), ("implicit", "smtps")] {
        let office = PostOffice::open_guarded(mode, &certificates);
        let server = format!("{scheme}://127.0.0.1:{}", office.port());
        let text = |password: &str| {
            let account = format!("username = \"beacon\"\npassword_file = \"{password}\"\n");
            format!("ca_file = {:?}\n{}{account}", certificates.path("ca.pem"), mail(&server, "\"duty@example.org\""))
        };
        let (exchange, notifier, _) = waiting(&text("mail.password"), 1);
        drop(notifier);
        write_secret(exchange.root(), "wrong.password", "battery staple\n", 0o600);
        let (mut notifier, _) = open(&exchange, "fire", &text("wrong.password"));
        let report = deliver(&mut notifier, LATER);
        assert_eq!((report.sent, report.waiting), (0, 1), "{mode}");
        let reason = notifier.status().unwrap().troubles.remove(0).reason;
        assert!(reason.contains("535") && !reason.contains("battery"), "{mode}: {reason}");
        drop(notifier);

        let (mut notifier, _) = open(&exchange, "fire", &text("mail.password"));
        assert_eq!(deliver(&mut notifier, report.next_attempt).sent, 1, "{mode}");
        let message = office.messages(1).remove(0);
        assert_eq!((&message["tls"], &message["user"]), (&true.into(), &"beacon".into()), "{mode}");
    }
}

#[test]
fn a_server_with_an_unknown_certificate_gets_nothing() {
    let certificates = Certificates::make();
    let office = PostOffice::open_guarded("implicit", &certificates);
    let server = format!("smtps://127.0.0.1:{}", office.port());
    let (_exchange, mut notifier, _) = waiting(&mail(&server, "\"duty@example.org\""), 1);
    let report = deliver(&mut notifier, LATER);
    assert_eq!((report.sent, report.waiting), (0, 1));
    let reason = notifier.status().unwrap().troubles.remove(0).reason;
    assert!(reason.contains("certificate"), "{reason}");
}

#[test]
fn what_cannot_work_is_refused_at_the_start() {
    let exchange = Exchange::found();
    write_secret(exchange.root(), "mail.password", "correct horse", 0o600);
    write_secret(exchange.root(), "open.password", "correct horse", 0o644);
    let account = "username = \"beacon\"\npassword_file = \"mail.password\"\n";
    for (text, told) in [
        (mail("smtp://127.0.0.1", "\"duty@example.org\"") + account, "in the clear"),
        (
            mail("smtps://127.0.0.1", "\"duty@example.org\"") + "username = \"beacon\"\n",
            "one is there without the other",
        ),
        (mail("smtps://127.0.0.1", "\"duty@example.org\"") + &account.replace("mail.", "open."), "mode 0644"),
        (mail("http://127.0.0.1", "\"duty@example.org\""), "expected smtps://"),
        (mail("smtps://user@127.0.0.1", "\"duty@example.org\""), "use `username`"),
        (mail("127.0.0.1", "\"duty@example.org\""), "`server` of mail"),
        (mail("smtp://127.0.0.1", ""), "name at least one recipient"),
        (mail("smtp://127.0.0.1", "\"duty\""), "is no mail address"),
    ] {
        let error = Notifier::open(exchange.root(), &config(&text), code("fire"), at(ON)).map(drop).unwrap_err();
        let error = error.to_string();
        assert!(error.contains(told) && !error.contains("horse"), "{error}");
    }
}
