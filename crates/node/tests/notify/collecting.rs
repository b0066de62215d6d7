//! What is told once is never told again, whatever happens to the log's copy or the tables.

use fengsui_event::payload::{ReferralReminded, ReferralWithdrawn};
use fengsui_event::{CaseId, DeadlineKind, Payload, ReferralBasis, ReferralId, ReferralRole};
use fengsui_log::{EventLog as _, Position, StopFlag, Stored};
use fengsui_node::notify::{DeliveryReport, NoticeKind, NotifyConfig, status_of};

use crate::exchange::*;
use crate::{channel, collect, config, deliver, open};

const STDOUT: &str = "stdout = true\nlanguage = \"en\"";
const LATER: &str = "2026-11-25T03:00:00Z";

/// A case of tourism's with fire as its lead: one notice for fire.
fn case_for_fire(exchange: &mut Exchange) -> (CaseId, ReferralId) {
    let case = exchange.report("tourism", "fire", &[], &[]);
    (case, exchange.refer("tourism", case, "fire", ReferralRole::Lead, ReferralBasis::Rule, None))
}

#[test]
fn what_was_on_the_log_before_is_not_told_and_what_comes_is_told_once() {
    let mut exchange = Exchange::found();
    case_for_fire(&mut exchange);
    let (mut notifier, output) = open(&exchange, "fire", STDOUT);
    assert_eq!(collect(&mut notifier, &exchange), 0);
    assert_eq!(deliver(&mut notifier, LATER), DeliveryReport::default());

    let (_, referral) = case_for_fire(&mut exchange);
    assert_eq!(collect(&mut notifier, &exchange), 1);
    assert_eq!(collect(&mut notifier, &exchange), 0);
    assert_eq!(deliver(&mut notifier, LATER), DeliveryReport { sent: 1, ..DeliveryReport::default() });
    assert_eq!(deliver(&mut notifier, LATER), DeliveryReport::default());
    let expected = format!("[fengsui] a case for you: 瑞和宾馆 (due 2026-11-27) ({referral}/referral_issued)");
    assert_eq!(output.lines(), [expected]);
}

#[test]
fn standard_output_can_be_json() {
    let mut exchange = Exchange::found();
    let (mut notifier, output) = open(&exchange, "fire", "stdout = true\nstdout_json = true");
    collect(&mut notifier, &exchange);
    let (case, referral) = case_for_fire(&mut exchange);
    collect(&mut notifier, &exchange);
    deliver(&mut notifier, LATER);
    let line: serde_json::Value = serde_json::from_str(&output.lines()[0]).unwrap();
    assert_eq!(line["type"], "notice");
    let notice = &line["notice"];
    assert_eq!(notice["event"], referral.to_string());
    assert_eq!(notice["kind"], "referral_issued");
    assert_eq!((&notice["case"], &notice["referral"]), (&case.to_string().into(), &referral.to_string().into()));
    assert_eq!(
        (&notice["agency"], &notice["by"], &notice["due_on"]),
        (&"fire".into(), &"tourism".into(), &"2026-11-27".into())
    );
}

#[test]
fn rebuilt_tables_and_a_new_process_tell_nothing() {
    let mut exchange = Exchange::found();
    let (mut notifier, output) = open(&exchange, "fire", STDOUT);
    collect(&mut notifier, &exchange);
    case_for_fire(&mut exchange);
    collect(&mut notifier, &exchange);
    deliver(&mut notifier, LATER);
    drop(notifier);
    exchange.rebuild();
    let (mut notifier, again) = open(&exchange, "fire", STDOUT);
    assert_eq!(collect(&mut notifier, &exchange), 0);
    assert_eq!(deliver(&mut notifier, LATER), DeliveryReport::default());
    assert_eq!((output.lines().len(), again.lines().len()), (1, 0));
}

#[test]
fn an_event_that_the_log_holds_twice_is_told_once() {
    let mut exchange = Exchange::found();
    let (mut notifier, output) = open(&exchange, "fire", STDOUT);
    collect(&mut notifier, &exchange);
    case_for_fire(&mut exchange);
    let again = exchange.records().pop().unwrap();
    exchange.append(&[Stored { position: exchange.head_or_first(), record: again.clone() }]);
    assert_eq!(collect(&mut notifier, &exchange), 1);
    exchange.append(&[Stored { position: exchange.head_or_first(), record: again }]);
    assert_eq!(collect(&mut notifier, &exchange), 0);
    deliver(&mut notifier, LATER);
    assert_eq!(output.lines().len(), 1);
}

/// The stream lost a report and its referral in the middle and their publisher puts them at its end again: every position behind
/// moves. What was told stays told, also what moved, and what is new is told.
#[test]
fn a_copy_that_is_drawn_anew_repeats_nothing_and_hides_nothing() {
    let mut exchange = Exchange::found();
    let (mut notifier, output) = open(&exchange, "fire", STDOUT);
    collect(&mut notifier, &exchange);
    for _ in 0..3 {
        case_for_fire(&mut exchange);
        collect(&mut notifier, &exchange);
    }
    deliver(&mut notifier, LATER);
    assert_eq!(output.lines().len(), 3);

    case_for_fire(&mut exchange);
    let mut records = exchange.records();
    let lost = records.len() - 6..records.len() - 4;
    let lost: Vec<_> = records.drain(lost).collect();
    records.extend(lost);
    exchange.redraw(records);
    assert_eq!(collect(&mut notifier, &exchange), 1);
    assert_eq!(collect(&mut notifier, &exchange), 0);
    deliver(&mut notifier, LATER);
    assert_eq!(output.lines().len(), 4);
}

/// A stream that was put back from a backup is shorter than what was read.
#[test]
fn a_copy_that_became_shorter_is_followed_from_where_it_ends() {
    let mut exchange = Exchange::found();
    let (mut notifier, output) = open(&exchange, "fire", STDOUT);
    collect(&mut notifier, &exchange);
    case_for_fire(&mut exchange);
    collect(&mut notifier, &exchange);
    let kept = exchange.records();
    case_for_fire(&mut exchange);
    case_for_fire(&mut exchange);
    collect(&mut notifier, &exchange);
    let all = exchange.records();
    exchange.redraw(kept);
    assert_eq!(collect(&mut notifier, &exchange), 0);
    let (lost, position) = (all[all.len() - 4..].to_vec(), exchange.head_or_first().get());
    let stored = |(record, at)| Stored { position: Position::new(at).unwrap(), record };
    exchange.append(&lost.into_iter().zip(position..).map(stored).collect::<Vec<_>>());
    assert_eq!(collect(&mut notifier, &exchange), 0);
    case_for_fire(&mut exchange);
    assert_eq!(collect(&mut notifier, &exchange), 1);
    deliver(&mut notifier, LATER);
    assert_eq!(output.lines().len(), 4);
}

/// Positions say what is new, but what was recorded long before notifications were switched on is old also when it comes now.
#[test]
fn old_events_that_come_late_are_not_told() {
    let mut exchange = Exchange::found();
    let (mut notifier, _) = {
        let output = crate::Output::default();
        let on = at("2026-11-26T02:00:00Z");
        let notifier = fengsui_node::notify::Notifier::open_with_output(
            exchange.root(),
            &config(STDOUT),
            code("fire"),
            on,
            Box::new(output.clone()),
        );
        (notifier.unwrap(), output)
    };
    collect(&mut notifier, &exchange);
    case_for_fire(&mut exchange);
    assert_eq!(collect(&mut notifier, &exchange), 0);
    exchange.pass_days(1);
    case_for_fire(&mut exchange);
    assert_eq!(collect(&mut notifier, &exchange), 1);
}

#[test]
fn events_without_effect_are_told_to_nobody_but_the_one_in_whose_name_they_are() {
    let mut exchange = Exchange::found();
    let (mut notifier, output) = open(&exchange, "fire", STDOUT);
    collect(&mut notifier, &exchange);
    let (case, referral) = case_for_fire(&mut exchange);
    collect(&mut notifier, &exchange);
    // Only the reporter and the authority remind, and no term has passed; only the authority takes a lead back.
    let due_on = "2026-11-26".parse().unwrap();
    let reminded = ReferralReminded { referral, deadline: DeadlineKind::Acknowledge, due_on };
    exchange.do_in("urban", case, reminded.clone());
    exchange.do_in("tourism", case, reminded);
    exchange.do_in("urban", case, ReferralWithdrawn { referral, reason: FREE_TEXT.to_owned() });
    assert_eq!(collect(&mut notifier, &exchange), 0);

    // Forgeries in the name of fire: many of one kind make one notice.
    for _ in 0..40 {
        let payload = Payload::from(acknowledged(referral));
        let record = exchange.sign("fire", "urban", unit(), Some(case), payload);
        exchange.append(&[Stored { position: exchange.head_or_first(), record }]);
    }
    let first_forged = exchange.head().get() - 39;
    assert_eq!(collect(&mut notifier, &exchange), 1);
    deliver(&mut notifier, LATER);
    let lines = output.lines();
    assert!(lines[1].starts_with("[fengsui] an anomaly in your agency's records: foreign_key ("), "{lines:?}");
    let (_, last) = (first_forged, &exchange.records()[usize::try_from(first_forged).unwrap() - 1]);
    assert!(lines[1].contains(&format!("({}/anomaly)", last.id)), "{lines:?}");
    assert_eq!(lines.len(), 2);

    // Found again in other company, they stay told.
    let records = exchange.records();
    exchange.redraw([records[..records.len() - 39].to_vec(), records[records.len() - 38..].to_vec()].concat());
    assert_eq!(collect(&mut notifier, &exchange), 0);
}

#[test]
fn a_rectification_is_told_on_its_day_and_not_when_it_is_done() {
    let mut exchange = Exchange::found();
    let (mut notifier, output) = open(&exchange, "fire", STDOUT);
    collect(&mut notifier, &exchange);
    let mut ordered = Vec::new();
    for _ in 0..2 {
        let (case, lead) = case_for_fire(&mut exchange);
        exchange.do_in("fire", case, acknowledged(lead));
        exchange.do_in("fire", case, order(lead, "2026-12-20"));
        ordered.push(case);
    }
    assert_eq!(collect(&mut notifier, &exchange), 4);
    assert_eq!(deliver(&mut notifier, LATER).sent, 2);
    exchange.do_in("fire", ordered[0], reinspection(true));
    assert_eq!(collect(&mut notifier, &exchange), 0);
    // The 20th begins at 16:00 UTC of the 19th.
    let report = deliver(&mut notifier, "2026-12-19T15:59:59Z");
    assert_eq!((report.sent, report.waiting, report.next_attempt), (0, 1, Some(at("2026-12-19T16:00:00Z"))));
    assert_eq!(deliver(&mut notifier, report.next_attempt).sent, 1);
    assert!(output.lines()[2].starts_with("[fengsui] a rectification is due: "), "{:?}", output.lines());
    let status = channel(&notifier, "stdout");
    assert_eq!((status.sent, status.lapsed, status.waiting), (3, 1, 0));
}

#[test]
fn a_stopped_node_sends_nothing_more_and_the_status_can_be_read_beside_it() {
    let mut exchange = Exchange::found();
    assert!(status_of(exchange.root(), &config(STDOUT)).unwrap().is_none());
    let (mut notifier, output) = open(&exchange, "fire", STDOUT);
    collect(&mut notifier, &exchange);
    case_for_fire(&mut exchange);
    collect(&mut notifier, &exchange);
    let stop = StopFlag::new();
    stop.stop();
    let report = notifier.deliver(at(LATER), &stop).unwrap();
    assert_eq!((report.sent, report.waiting), (0, 1));
    let status = status_of(exchange.root(), &config(STDOUT)).unwrap().unwrap();
    assert_eq!(status, notifier.status().unwrap());
    assert_eq!(status.position, Some(exchange.log().head().unwrap().unwrap().get()));
    assert_eq!(status.channels[0].waiting, 1);
    assert_eq!(output.lines().len(), 0);
    assert_eq!(deliver(&mut notifier, LATER).sent, 1);
}

#[test]
fn long_logs_are_read_in_parts() {
    let mut exchange = Exchange::found();
    let (mut notifier, _) = open(&exchange, "fire", STDOUT);
    collect(&mut notifier, &exchange);
    for _ in 0..600 {
        case_for_fire(&mut exchange);
    }
    assert_eq!(collect(&mut notifier, &exchange), 600);
    assert_eq!(collect(&mut notifier, &exchange), 0);
    assert_eq!(deliver(&mut notifier, LATER).sent, 600);
}

/// What the page tells people to write is read, and it lists every kind.
#[test]
fn the_documented_configuration_is_read() {
    let page = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/notifications.md");
    let page = std::fs::read_to_string(page).unwrap();
    let block = page.split("```toml\n").nth(1).unwrap().split("```").next().unwrap();
    let table: toml::Table = toml::from_str(block).unwrap();
    let documented: NotifyConfig = table["notify"].clone().try_into().unwrap();
    assert!(documented.stdout && documented.mail.is_some());
    assert_eq!((documented.webhooks.len(), documented.webhooks[0].timeout_seconds), (1, Some(15)));
    for kind in NoticeKind::ALL {
        assert!(page.contains(&format!("`{kind}`")), "{kind} is missing on the page");
    }
}
