//! Clocks that go wrong, and terms that have long passed: the order is that of the log, days are those that were recorded, and each step
//! of a term comes once however many nodes look.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use fengsui_event::date::day_of;
use fengsui_event::payload::{Place, RulebookPublished};
use fengsui_event::{CaseId, Date, Digest, FindingMethod, Severity, Timestamp};
use fengsui_node::deadlines;
use fengsui_node::desk::{Command, RandomIds, ReportCommand};
use fengsui_node::folder::Folder as NodeFolder;
use fengsui_node::node::Node;
use fengsui_node::station::source_of;
use fengsui_tests::{City, DATA, OFFICE, until};
use serde_json::{Value, json};

fn days_ago(days: i64) -> Timestamp {
    Timestamp::from_millisecond(Timestamp::now().as_millisecond() - days * 24 * 3_600 * 1_000).unwrap()
}

/// A node's desk, opened in the test's own process, where the time is what the test says. What is done there goes the way of any command.
fn desk(city: &City, name: &str) -> Node {
    Node::open(&city.folder(name).path().join(DATA)).unwrap()
}

/// The authority's rulebook, in force as of long ago: an exchange that was founded today has none for earlier days.
fn rules_of_long_ago(city: &City) {
    let mut node = desk(city, OFFICE);
    let published = node.registry().rulebooks.last().unwrap();
    let version = "before".to_owned();
    let text = published.text.replace(published.book.version(), &version);
    let sha256 = Digest::of(text.as_bytes());
    let rulebook = RulebookPublished { version, effective_from: day_of(days_ago(200)), sha256, text };
    let agency = node.folder().node().agency;
    node.submit(agency, Command::PublishRulebook(rulebook), &mut RandomIds, Timestamp::now()).unwrap();
    node.close().unwrap();
}

/// A node of tourism reports what goes to the fire brigade, at the time that its clock shows.
fn report(city: &City, name: &str, now: Timestamp, facts: &str) -> CaseId {
    let report = ReportCommand {
        unit: "91350602MA0000015U".parse().unwrap(),
        unit_name: Some("瑞和宾馆".to_owned()),
        place: Place { region: "350602".parse().unwrap(), address: "新华西路1号".to_owned() },
        trade: None,
        category: "fire.60-3".parse().unwrap(),
        severity: None,
        facts: facts.to_owned(),
        legal_basis: Vec::new(),
        found_on: day_of(now),
        method: FindingMethod::Inspection,
        evidence: Vec::new(),
        reference: None,
        public_report: None,
        historical: false,
    };
    let mut node = desk(city, name);
    let agency = node.folder().node().agency;
    let receipt = node.submit(agency, Command::Report(Box::new(report)), &mut RandomIds, now).unwrap();
    node.close().unwrap();
    receipt.events.iter().find_map(|event| event.correlation).unwrap()
}

/// What a node's duty would have done so many days ago. Returns how many steps it took.
fn duty(city: &City, name: &str, days: i64) -> usize {
    let mut node = desk(city, name);
    let me = source_of(&NodeFolder::open(city.folder(name).path().join(DATA)).unwrap());
    let now = days_ago(days);
    let steps = deadlines::due(&node.view(), node.registry(), &me, day_of(now), 100).unwrap();
    let count = steps.len();
    for mut step in steps {
        node.submit(me.agency, step.command, &mut step.ids, now).unwrap();
    }
    node.close().unwrap();
    count
}

/// The steps that were taken in a case: level (null for a reminder), who took it. None while the case has not arrived.
fn steps(city: &City, at: &str, case: CaseId) -> Vec<(Value, Value)> {
    let shown = city.desk(at, ["case", "show", &case.to_string(), "--json"]);
    if shown.code == Some(1) {
        shown.says(&["no_such_id"]);
        return Vec::new();
    }
    let shown = shown.ok().json();
    let referrals = shown["case"]["referrals"].as_array().unwrap_or_else(|| panic!("{shown}"));
    let steps = referrals.iter().flat_map(|referral| referral["overdue_steps"].as_array().into_iter().flatten());
    steps.map(|step| (step["level"].clone(), step["by"].clone())).collect()
}

/// A case as a node shows it.
fn case(city: &City, at: &str, case: CaseId) -> Value {
    city.desk(at, ["case", "show", &case.to_string(), "--json"]).ok().json()["case"].clone()
}

/// By when the first referral of a case is to be acknowledged when it was recorded on a day, by the rulebook and its calendar.
fn acknowledge_by(city: &City, severity: Severity, recorded_on: Date) -> Date {
    let node = desk(city, OFFICE);
    let book = node.registry().rulebook(recorded_on).unwrap();
    let days = book.deadlines(&"fire.60-3".parse().unwrap(), severity).acknowledge;
    book.working_day_after(recorded_on, days).date
}

#[test]
fn a_clock_that_is_set_back_changes_no_order_and_shows() {
    let city = City::found(&["fire", "tourism"]);
    rules_of_long_ago(&city);
    city.await_settled();
    let (now, behind) = (Timestamp::now(), days_ago(1));
    let (first, second) = (report(&city, "tourism", now, "先"), report(&city, "tourism", behind, "后"));
    let head = city.await_settled();
    for name in city.names() {
        // The order is that of the log: what came second stands second, whatever its clock said.
        let positions = |id| case(&city, name, id)["history"].clone();
        assert_eq!((positions(first), positions(second)), (json!([head - 3, head - 2]), json!([head - 1, head])));
        let shown: Vec<_> = city.anomalies(name);
        let shown: Vec<_> = shown.iter().map(|it| (&it["code"], &it["position"], &it["notice"])).collect();
        let flagged = (json!("clock_went_back"), [json!(head - 1), json!(head)], json!(true));
        let wanted: Vec<_> = flagged.1.iter().map(|position| (&flagged.0, position, &flagged.2)).collect();
        assert_eq!(shown, wanted, "flagged, and with effect");
        // Days count from what was recorded.
        for (id, recorded) in [(first, now), (second, behind)] {
            let (case, day) = (case(&city, name, id), day_of(recorded));
            let by = acknowledge_by(&city, Severity::Serious, day);
            assert_eq!(case["recorded_on"], day.to_string());
            assert_eq!(case["referrals"][0]["acknowledge_due"]["date"], by.to_string(), "{case}");
        }
    }
    // A clock that is right again goes on as if nothing had been.
    report(&city, "tourism", Timestamp::now(), "又");
    city.await_settled();
    assert_eq!(city.anomalies("fire").len(), 2);
    city.same_digest();
}

#[test]
fn terms_that_passed_long_ago_are_seen_to_once_by_all_nodes_together() {
    let mut city = City::prepared(&["fire", "tourism"]);
    let second = city.add_node("tourism", 2);
    rules_of_long_ago(&city);
    // The nodes ran 90 days ago, 60, 50, 40 and 30, and then no longer.
    let supervised = report(&city, "tourism", days_ago(90), "三");
    assert_eq!(duty(&city, "tourism", 60), 1);
    assert_eq!(duty(&city, OFFICE, 40), 1);
    let reminded = report(&city, "tourism", days_ago(50), "二");
    assert_eq!(duty(&city, "tourism", 30), 1);
    let forgotten = report(&city, "tourism", days_ago(30), "一");
    city.start_all();
    let tourism = json!("/regions/350600/agencies/tourism/nodes/1");
    let office = json!("/regions/350600/agencies/joint-office/nodes/1");
    let reminder = (Value::Null, tourism);
    let (by_city, by_province) = ((json!("city"), office.clone()), (json!("province"), office));
    await_steps(&city, supervised, &[reminder.clone(), by_city.clone(), by_province]);
    await_steps(&city, reminded, &[reminder, by_city]);
    until("the reminder", || (!steps(&city, "fire", forgotten).is_empty()).then_some(()));
    // Whoever runs alone and takes a step in another case has looked at every term.
    let names = ["tourism", &second, OFFICE];
    let cases = [supervised, reminded, forgotten];
    for present in names {
        let before = cases.map(|case| steps(&city, "fire", case));
        let away = names.into_iter().filter(|name| *name != present);
        away.clone().for_each(|name| city.kill_node(name));
        let another = report(&city, present, days_ago(30), present);
        until("the reminder by one node", || (!steps(&city, "fire", another).is_empty()).then_some(()));
        assert_eq!(cases.map(|case| steps(&city, "fire", case)), before, "{present}");
        assert_eq!(steps(&city, "fire", another).len(), 1);
        away.for_each(|name| city.start_node(name));
    }
    city.await_settled();
    assert_eq!(steps(&city, "fire", forgotten).len(), 1, "reminded once");
    // With a clock that is a day behind nothing comes a second time.
    for name in names {
        assert_eq!(duty(&city, name, 1), 0, "{name}");
    }
    city.same_digest();
    // Two nodes may have acted in the same moment: the second has no effect, and shows.
    for anomaly in city.anomalies("fire") {
        assert!(["already_reminded", "clock_went_back"].iter().any(|code| anomaly["code"] == *code), "{anomaly}");
    }
}

#[track_caller]
fn await_steps(city: &City, case: CaseId, wanted: &[(Value, Value)]) {
    until("the last step", || (steps(city, "fire", case).len() >= wanted.len()).then_some(()));
    assert_eq!(steps(city, "fire", case), wanted);
}
