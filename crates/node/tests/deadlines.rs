//! Terms that pass at a real node: read from its tables, done at its desk, folded from its log.
#![allow(clippy::unwrap_used)]

use std::ops::ControlFlow;

use fengsui_event::payload::Place;
use fengsui_event::{AgencyCode, CaseId, Date, FindingMethod, Source, SupervisionLevel, Timestamp};
use fengsui_node::deadlines::{Due, due};
use fengsui_node::demo::{DemoOptions, run};
use fengsui_node::desk::{Addressed, Command, RandomIds, ReportCommand};
use fengsui_node::{Node, NodeError};
use fengsui_projector::Rejection;
use fengsui_projector::state::Referral;
use tempfile::TempDir;

const MANY: usize = 1_000;

/// The pilot's agencies without any violation.
fn pilot() -> (TempDir, Node) {
    let place = TempDir::new().unwrap();
    let options = DemoOptions { units: 1, violations: 0, seed: 1 };
    let (node, _) = run(place.path(), options, &mut |_| ControlFlow::Continue(())).unwrap();
    (place, node)
}

fn agency(code: &str) -> AgencyCode {
    code.parse().unwrap()
}

/// Nine in the morning of a day in the region's zone.
fn morning(day: &str) -> Timestamp {
    format!("{day}T01:00:00Z").parse().unwrap()
}

/// Tourism finds equipment out of order on Monday 9 February 2026: fire acknowledges by Thursday the 12th.
fn reported(node: &mut Node, number: u8) -> CaseId {
    let report = ReportCommand {
        unit: format!("local.tourism:{number}").parse().unwrap(),
        unit_name: Some("城关旅社".to_owned()),
        place: Place { region: "350602".parse().unwrap(), address: "新华东路1号".to_owned() },
        trade: None,
        category: "fire.60-1".parse().unwrap(),
        severity: None,
        facts: "灭火器失效".to_owned(),
        legal_basis: Vec::new(),
        found_on: "2026-02-09".parse().unwrap(),
        method: FindingMethod::Inspection,
        evidence: Vec::new(),
        reference: None,
        public_report: None,
        historical: false,
    };
    let command = Command::Report(Box::new(report));
    let receipt = node.submit(agency("tourism"), command, &mut RandomIds, morning("2026-02-09")).unwrap();
    receipt.events.iter().find_map(|event| event.correlation).unwrap()
}

fn due_at(node: &Node, code: &str, on: &str, limit: usize) -> Vec<Due> {
    let me = Source { region: node.folder().exchange().region, agency: agency(code), node: node.folder().node().node };
    let on: Date = on.parse().unwrap();
    due(&node.view(), node.registry(), &me, on, limit).unwrap()
}

/// What a running node does with what is due on a day; how many steps that were.
fn act(node: &mut Node, code: &str, on: &str) -> usize {
    let steps = due_at(node, code, on, MANY);
    for Due { command, mut ids } in steps.clone() {
        node.submit(agency(code), command, &mut ids, morning(on)).unwrap();
    }
    steps.len()
}

fn lead(node: &Node, case: CaseId) -> Referral {
    node.view().case(case).unwrap().unwrap().lead().unwrap().clone()
}

/// Counted by hand on the calendar of 2026: 14 February is worked, 15 to 23 February are free, 28 February is worked.
#[test]
fn a_term_that_passes_is_reminded_of_then_supervised_by_city_and_province_each_once() {
    let (_place, mut node) = pilot();
    let case = reported(&mut node, 1);
    let mut taken = Vec::new();
    let mut on: Date = "2026-02-09".parse().unwrap();
    while on < "2026-05-01".parse().unwrap() {
        for code in ["tourism", "fire", "joint-office", "housing"] {
            if act(&mut node, code, &on.to_string()) > 0 {
                taken.push(format!("{on} {code}"));
            }
            assert_eq!(act(&mut node, code, &on.to_string()), 0, "{on} {code} again");
        }
        on = on.tomorrow().unwrap();
    }
    // City: 14, 24, 25, 26, 27 February pass first. Province: 28 February is the day on which the city began, so
    // 2 to 6 and 9 to 13 March.
    assert_eq!(taken, ["2026-02-13 tourism", "2026-02-28 joint-office", "2026-03-14 joint-office"]);
    let referral = lead(&node, case);
    assert_eq!((referral.reminders, referral.supervised.map(SupervisionLevel::code)), (1, Some("province")));
    assert_eq!(node.view().anomaly_counts().unwrap(), []);
}

/// Fire acknowledges in between: nothing more is due until the next term passes.
#[test]
fn what_was_done_is_not_pressed_for() {
    let (_place, mut node) = pilot();
    let case = reported(&mut node, 1);
    assert_eq!(act(&mut node, "tourism", "2026-02-13"), 1);
    let of = Addressed { case, referral: None };
    node.submit(agency("fire"), Command::Acknowledge(of), &mut RandomIds, morning("2026-02-24")).unwrap();
    assert_eq!(act(&mut node, "joint-office", "2026-03-01"), 0);
    // Fifteen working days from 9 February: 10 to 14, 24 to 28 February, 2 to 6 March.
    assert_eq!(act(&mut node, "tourism", "2026-03-06"), 0);
    assert_eq!(act(&mut node, "tourism", "2026-03-07"), 1);
    assert_eq!(lead(&node, case).reminders, 2);
}

/// Derived again before it is seen to be done, as after a restart: the id is known, so nothing is written.
#[test]
fn a_step_that_is_derived_again_is_the_same_event() {
    let (_place, mut node) = pilot();
    let case = reported(&mut node, 1);
    let Due { command, mut ids } = due_at(&node, "tourism", "2026-02-13", MANY).remove(0);
    let again = due_at(&node, "tourism", "2026-02-17", MANY).remove(0);
    let receipt = node.submit(agency("tourism"), command, &mut ids, morning("2026-02-13")).unwrap();
    assert_eq!(receipt.events[0].id, again.id());
    let before = node.progress();
    let Due { command, mut ids } = again;
    let refused = node.submit(agency("tourism"), command, &mut ids, morning("2026-02-17")).unwrap_err();
    assert!(matches!(&refused, NodeError::Refused(cause) if cause.code() == "conflict"), "{refused:?}");
    assert_eq!(node.progress(), before);
    assert_eq!(lead(&node, case).reminders, 1);
}

/// Two nodes derive in the same moment; the one that comes second finds the term reminded of already.
#[test]
fn reporter_and_authority_that_act_together_remind_once() {
    let (_place, mut node) = pilot();
    let case = reported(&mut node, 1);
    let here = due_at(&node, "tourism", "2026-02-24", MANY).remove(0);
    let there = due_at(&node, "joint-office", "2026-02-24", MANY).remove(0);
    assert_ne!(here.id(), there.id());
    for (code, Due { command, mut ids }, expected) in
        [("tourism", here, None), ("joint-office", there, Some("already_reminded"))]
    {
        let result = node.submit(agency(code), command, &mut ids, morning("2026-02-24"));
        assert_eq!(result.err().and_then(|error| error.rejection().map(Rejection::code)), expected);
    }
    assert_eq!(lead(&node, case).reminders, 1);
}

/// Many terms are worked through in parts: what was done does not come again, so each part goes on where the last ended.
#[test]
fn many_terms_are_worked_through_in_slices() {
    let (_place, mut node) = pilot();
    for number in 0..7 {
        reported(&mut node, number);
    }
    let mut counts = Vec::new();
    loop {
        let part = due_at(&node, "tourism", "2026-02-13", 3);
        counts.push(part.len());
        if part.is_empty() {
            break;
        }
        for Due { command, mut ids } in part {
            node.submit(agency("tourism"), command, &mut ids, morning("2026-02-13")).unwrap();
        }
    }
    assert_eq!(counts, [3, 3, 1, 0]);
}

#[test]
fn a_node_of_an_agency_that_is_not_on_the_exchange_has_nothing_to_do() {
    let (_place, mut node) = pilot();
    reported(&mut node, 1);
    assert!(due_at(&node, "police", "2026-03-13", MANY).is_empty());
}
