#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use fengsui_event::{DeadlineKind, Digest, ReferralId, Severity, SupervisionLevel};
use fengsui_projector::state::{Agency, PublishedRulebook};
use fengsui_rulebook::Rulebook;
use proptest::prelude::*;

use super::*;

const SEVEN_DAYS: u64 = 7;

fn agency(code: &str) -> AgencyCode {
    code.parse().unwrap()
}

fn day(text: &str) -> Date {
    text.parse().unwrap()
}

fn node(code: &str, node: u16) -> Source {
    Source { region: "350600".parse().unwrap(), agency: agency(code), node }
}

fn registry_with(text: &str) -> Registry {
    let mut registry = Registry::genesis("350600".parse().unwrap(), agency("joint-office"), &[]);
    for code in ["joint-office", "fire", "tourism"] {
        let registered =
            Agency { name: code.to_owned(), region: "350600".parse().unwrap(), registered_at: 1, suspended_at: None };
        registry.agencies.insert(agency(code), registered);
    }
    registry.rulebooks.push(PublishedRulebook {
        position: 2,
        effective_from: day("2020-01-01"),
        sha256: Digest::of(text.as_bytes()),
        text: text.into(),
        book: Arc::new(Rulebook::from_toml(text).unwrap()),
    });
    registry
}

fn registry() -> Registry {
    registry_with(Rulebook::default_toml())
}

fn event_id(number: u8) -> EventId {
    EventId::from_parts(1, [number; 10])
}

/// Found by tourism, owed by fire, due on Friday 13 February 2026.
fn term() -> OverdueTerm {
    OverdueTerm {
        case: fengsui_event::CaseId::of(event_id(1)),
        slot: 0,
        referral: ReferralId::of(event_id(2)),
        kind: DeadlineKind::Acknowledge,
        owed_by: agency("fire"),
        due_on: day("2026-02-13"),
        reporter: agency("tourism"),
        category: "fire.60-1".parse().unwrap(),
        severity: Severity::Considerable,
        reminded_on: None,
        city_on: None,
        province_on: None,
    }
}

fn steps(registry: &Registry, on: &str, term: &OverdueTerm, code: &str) -> Vec<Command> {
    let due = due_steps(day(on), std::slice::from_ref(term), registry, &node(code, 1));
    due.into_iter().map(|due| due.command).collect()
}

/// The first day from the term's own on that asks a step of an agency.
fn first_day(registry: &Registry, term: &OverdueTerm, code: &str) -> Option<(String, &'static str)> {
    let mut on = term.due_on;
    for _ in 0..120 {
        let step = step::next(on, term, registry, registry.rulebook(on).unwrap(), agency(code));
        if let Some(kind) = step {
            return Some((on.to_string(), kind.code()));
        }
        on = on.tomorrow().unwrap();
    }
    None
}

#[track_caller]
fn check(registry: &Registry, term: &OverdueTerm, code: &str, expected: Option<(&str, &str)>) {
    let found = first_day(registry, term, code);
    assert_eq!(found.as_ref().map(|(on, kind)| (on.as_str(), *kind)), expected);
}

/// By the notice for 2026 Saturday 14 February is worked, 15 to 23 February are free, Saturday 28 February is worked.
/// The reporter reminds once the day has passed; the authority if one working day, the Saturday, has passed as well.
#[test]
fn the_reporter_reminds_and_the_authority_after_one_working_day() {
    check(&registry(), &term(), "tourism", Some(("2026-02-14", "reminder")));
    check(&registry(), &term(), "joint-office", Some(("2026-02-15", "reminder")));
    check(&registry(), &term(), "fire", None);
}

/// Reminded on the worked Saturday: five working days are 24, 25, 26, 27 and 28 February.
#[test]
fn the_city_supervises_five_working_days_after_the_reminder() {
    let reminded = OverdueTerm { reminded_on: Some(day("2026-02-14")), ..term() };
    check(&registry(), &reminded, "joint-office", Some(("2026-03-01", "city")));
    check(&registry(), &reminded, "tourism", None);
}

/// Supervised by the city from Sunday 1 March: ten working days are 2 to 6 and 9 to 13 March.
#[test]
fn the_province_supervises_ten_working_days_after_the_city() {
    let supervised = OverdueTerm { reminded_on: Some(day("2026-02-14")), city_on: Some(day("2026-03-01")), ..term() };
    check(&registry(), &supervised, "joint-office", Some(("2026-03-14", "province")));
    check(&registry(), &supervised, "tourism", None);
    let province = OverdueTerm { province_on: Some(day("2026-03-14")), ..supervised };
    check(&registry(), &province, "joint-office", None);
}

/// The rulebook says for which kinds and severities it goes faster.
#[test]
fn the_rulebook_says_when_supervision_begins() {
    let faster = "\n[[deadline]]\ncategory = \"fire.*\"\nseverity = [\"considerable\"]\ncity_supervision = 1\n\
                  province_supervision = 2\nsource = \"pilot\"\n";
    let registry = registry_with(&format!("{}{faster}", Rulebook::default_toml()));
    let reminded = OverdueTerm { reminded_on: Some(day("2026-02-14")), ..term() };
    // One working day after 14 February is the 24th, two after the 25th are the 26th and 27th.
    check(&registry, &reminded, "joint-office", Some(("2026-02-25", "city")));
    let supervised = OverdueTerm { city_on: Some(day("2026-02-25")), ..reminded.clone() };
    check(&registry, &supervised, "joint-office", Some(("2026-02-28", "province")));
    let serious = OverdueTerm { severity: Severity::Serious, ..reminded };
    check(&registry, &serious, "joint-office", Some(("2026-03-01", "city")));
}

#[test]
fn the_authority_reminds_at_once_where_the_reporter_cannot() {
    let mut suspended = registry();
    suspended.agencies.get_mut(&agency("tourism")).unwrap().suspended_at = Some(9);
    check(&suspended, &term(), "joint-office", Some(("2026-02-14", "reminder")));
    check(&suspended, &term(), "tourism", None);
    let mut absent = registry();
    absent.agencies.remove(&agency("tourism"));
    check(&absent, &term(), "joint-office", Some(("2026-02-14", "reminder")));
    // The default rulebook has the police outside the exchange.
    let outside = OverdueTerm { reporter: agency("police"), ..term() };
    check(&registry(), &outside, "joint-office", Some(("2026-02-14", "reminder")));
    let own = OverdueTerm { owed_by: agency("tourism"), kind: DeadlineKind::Confirm, ..term() };
    check(&registry(), &own, "joint-office", Some(("2026-02-14", "reminder")));
    check(&registry(), &own, "tourism", None);
}

/// Nobody reminds itself: what the authority owes is reminded of by the reporter, and goes to the city anyhow.
#[test]
fn the_authority_does_not_remind_itself() {
    let own = OverdueTerm { owed_by: agency("joint-office"), kind: DeadlineKind::Designate, ..term() };
    check(&registry(), &own, "tourism", Some(("2026-02-14", "reminder")));
    // Five working days after Friday the 13th: 14, 24, 25, 26, 27 February.
    check(&registry(), &own, "joint-office", Some(("2026-02-28", "city")));
    let reported = OverdueTerm { reporter: agency("joint-office"), ..own };
    check(&registry(), &reported, "joint-office", Some(("2026-02-28", "city")));
}

/// A reminder recorded by a clock that is years ahead does not hold supervision up.
#[test]
fn a_day_that_lies_ahead_does_not_count() {
    let ahead = OverdueTerm { reminded_on: Some(day("2031-01-01")), ..term() };
    check(&registry(), &ahead, "joint-office", Some(("2026-02-28", "city")));
}

/// A node whose clock is set back must not supervise what was reminded of today: by its clock that is tomorrow.
#[test]
fn a_clock_that_is_behind_supervises_nothing_early() {
    let reminded = OverdueTerm { reminded_on: Some(day("2026-03-11")), ..term() };
    assert_eq!(steps(&registry(), "2026-03-10", &reminded, "joint-office"), []);
    // Five working days after Wednesday 11 March are the 12th, 13th, 16th, 17th and 18th.
    assert_eq!(steps(&registry(), "2026-03-18", &reminded, "joint-office"), []);
    assert_eq!(steps(&registry(), "2026-03-19", &reminded, "joint-office").len(), 1);
    let supervised = OverdueTerm { city_on: Some(day("2026-03-11")), ..reminded };
    assert_eq!(steps(&registry(), "2026-03-10", &supervised, "joint-office"), []);
}

#[test]
fn a_term_has_not_passed_until_its_day_ends_and_without_rules_none_has() {
    assert_eq!(steps(&registry(), "2026-02-13", &term(), "tourism"), []);
    let mut lawless = registry();
    lawless.rulebooks.clear();
    assert_eq!(steps(&lawless, "2026-03-13", &term(), "tourism"), []);
}

#[test]
fn a_step_names_the_term_that_has_passed() {
    let OverdueTerm { case, referral, kind: deadline, due_on, .. } = term();
    let reminder = ReferralReminded { referral, deadline, due_on };
    assert_eq!(steps(&registry(), "2026-02-14", &term(), "tourism"), [Command::Remind { case, reminder }]);
    let reminded = OverdueTerm { reminded_on: Some(day("2026-02-14")), ..term() };
    let escalation = ReferralEscalated { referral, deadline, due_on, level: SupervisionLevel::City };
    assert_eq!(steps(&registry(), "2026-03-01", &reminded, "joint-office"), [Command::Escalate { case, escalation }]);
}

fn id(on: &str, term: &OverdueTerm, me: &Source) -> EventId {
    due_steps(day(on), std::slice::from_ref(term), &registry(), me)[0].id()
}

/// The literal was computed with Python's hashlib: an id that changed with the program would remind a second time.
#[test]
fn an_id_follows_from_the_term_the_step_and_the_node_alone() {
    let (here, other) = (node("tourism", 1), node("tourism", 2));
    let derived = id("2026-02-14", &term(), &here);
    assert_eq!(derived.to_string(), "01KH999A009GDF8456HNN8MM9T");
    assert_eq!(derived, id("2026-02-20", &term(), &here), "whatever the day on which it is derived");
    let mut due = due_steps(day("2026-02-14"), &[term()], &registry(), &here).remove(0);
    assert_eq!(due.ids.next(Timestamp::MAX), derived, "and whatever the time that the desk gives");
    let later = OverdueTerm { due_on: day("2026-02-12"), ..term() };
    let feedback = OverdueTerm { kind: DeadlineKind::Feedback, ..term() };
    let next = OverdueTerm { referral: ReferralId::of(event_id(3)), ..term() };
    let mut ids = vec![derived, id("2026-02-16", &term(), &other), id("2026-02-16", &term(), &node("joint-office", 1))];
    ids.extend([&later, &feedback, &next].map(|term| id("2026-02-14", term, &here)));
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), count);
}

/// What became of a term after a node has acted: the read model shows the recorded day of each step.
fn taken(term: &mut OverdueTerm, command: &Command, on: Date) {
    match command {
        Command::Remind { .. } => assert_eq!(term.reminded_on.replace(on), None, "reminded twice"),
        Command::Escalate { escalation, .. } => {
            let place = match escalation.level {
                SupervisionLevel::City => &mut term.city_on,
                SupervisionLevel::Province => &mut term.province_on,
            };
            assert_eq!(place.replace(on), None, "supervised twice");
        }
        other => panic!("{other:?}"),
    }
}

proptest! {
    /// Whichever nodes look on whichever days: each step comes once, in order, and by nobody who owes it itself.
    #[test]
    fn each_step_comes_once_and_in_order(
        due in 0_u64..700,
        visits in proptest::collection::vec((0_u64..SEVEN_DAYS, 0_usize..3), 1..60),
        owed_by in 0_usize..3,
        reporter in 0_usize..3,
    ) {
        let agencies = ["fire", "joint-office", "tourism"];
        let registry = registry();
        let add = |from: Date, days: u64| from.checked_add(jiff::SignedDuration::from_hours(i64::try_from(days * 24).unwrap())).unwrap();
        let mut term = OverdueTerm {
            owed_by: agency(agencies[owed_by]),
            reporter: agency(agencies[reporter]),
            due_on: add(day("2025-01-01"), due),
            ..term()
        };
        let mut on = term.due_on;
        let mut codes = Vec::new();
        for (days, who) in visits {
            on = add(on, days);
            let me = node(agencies[who], 1);
            let due = due_steps(on, std::slice::from_ref(&term), &registry, &me);
            prop_assert!(due.len() <= 1);
            for due in due {
                prop_assert!(on > term.due_on);
                if matches!(due.command, Command::Remind { .. }) {
                    prop_assert_ne!(me.agency, term.owed_by);
                }
                codes.push(due.id());
                taken(&mut term, &due.command, on);
                // The same node that looks again finds nothing to do on that day.
                prop_assert!(due_steps(on, std::slice::from_ref(&term), &registry, &me).is_empty());
            }
        }
        prop_assert!(term.province_on.is_none() || term.city_on.is_some());
        prop_assert!(term.city_on.is_none() || term.reminded_on.is_some() || term.owed_by == registry.authority);
        prop_assert!(term.reminded_on <= term.city_on || term.city_on.is_none());
        let count = codes.len();
        codes.sort_unstable();
        codes.dedup();
        prop_assert_eq!(codes.len(), count);
    }
}
