//! Terms in working days, counted by hand on the State Council's calendar.

use fengsui_event::{DeadlineKind, Outcome, ReferralId, ReferralRole, Severity, SupervisionLevel};
use fengsui_projector::Rejection;
use fengsui_projector::query::{DeskBox, Inbox, Overdue};
use fengsui_projector::state::{Due, Slot};

use crate::harness::payloads::{
    Report, acknowledged, closed, escalated, feedback, ordered, passed_on, reinspected, rejected, reminded, reopened,
    returned, transferred,
};
use crate::harness::{Model, Scene, World, agency, date, payloads};

#[expect(clippy::unnecessary_wraps, reason = "it is compared with what may be absent")]
fn due(day: &str) -> Option<Due> {
    Some(Due { date: date(day), provisional: false })
}

/// Monday 27 January 2025 is the last day before Spring Festival (28 January to 4 February off, Saturday 8 February
/// worked): the third working day after it is 7 February, the fifteenth 24 February.
#[test]
fn spring_festival_is_not_counted() {
    let mut scene = Scene::new();
    scene.on("2025-01-27");
    scene.reports("tourism", Report::equipment("2025-01-26"));
    let referral = scene.refers("tourism", "fire", ReferralRole::Lead);
    assert_eq!(scene.referral(referral).acknowledge_due, due("2025-02-07"));
    assert_eq!(scene.referral(referral).feedback_due, due("2025-02-24"));
}

/// Blocked exits (article 60(3)) are acknowledged within one working day; serious ones are fed back within ten:
/// 5, 6, 7, 8, 10, 11, 12, 13, 14, 17 February.
#[test]
fn a_blocked_exit_has_shorter_terms() {
    let mut scene = Scene::new();
    scene.on("2025-01-27");
    scene.reports("tourism", Report::equipment("2025-01-26").of("fire.60-3", Severity::Serious));
    let referral = scene.refers("tourism", "fire", ReferralRole::Lead);
    assert_eq!(scene.referral(referral).acknowledge_due, due("2025-02-05"));
    assert_eq!(scene.referral(referral).feedback_due, due("2025-02-17"));
}

/// Grave: one day to acknowledge, seven to feed back. From Friday 26 September 2025: Sunday 28 September is worked,
/// then 29 and 30; 1 to 8 October off; 9, 10, 11 (a worked Saturday), 13.
#[test]
fn a_worked_sunday_counts_and_the_national_day_does_not() {
    let mut scene = Scene::new();
    scene.on("2025-09-26");
    scene.reports("tourism", Report::equipment("2025-09-26").of("fire.61-1", Severity::Grave));
    let referral = scene.refers("tourism", "fire", ReferralRole::Lead);
    assert_eq!(scene.referral(referral).acknowledge_due, due("2025-09-28"));
    assert_eq!(scene.referral(referral).feedback_due, due("2025-10-13"));
}

/// No notice for 2027 is known: the term is marked as provisional.
#[test]
fn beyond_the_known_calendar_a_term_is_provisional() {
    let mut scene = Scene::new();
    scene.on("2026-12-30");
    scene.reports("tourism", Report::equipment("2026-12-30"));
    let referral = scene.refers("tourism", "fire", ReferralRole::Lead);
    // Thursday 31 December, then Friday 1 and Monday 4 January as mere weekdays.
    assert_eq!(scene.referral(referral).acknowledge_due, Some(Due { date: date("2027-01-04"), provisional: true }));
}

/// Fed back on Thursday 6 February 2025, the reporter has five working days: 7, 8, 10, 11, 12.
#[test]
fn the_reporter_has_five_working_days_to_confirm_and_the_handler_a_new_term_after_a_rejection() {
    let mut scene = Scene::new();
    scene.on("2025-01-27");
    scene.reports("tourism", Report::equipment("2025-01-26"));
    let referral = scene.refers("tourism", "fire", ReferralRole::Lead);
    scene.on("2025-02-06").does("fire", acknowledged(referral));
    let answer = scene.does("fire", feedback(referral, Outcome::CaseFiled, "2025-02-06"));
    assert_eq!(scene.state().feedback[0].confirm_due, due("2025-02-12"));
    let running = scene.state().pending_deadline(Slot::Referral(0), &agency("joint-office")).unwrap();
    assert_eq!((running.kind, &running.agency), (DeadlineKind::Confirm, &agency("tourism")));
    // Rejected on Monday 10 February: fifteen working days are 11-14, 17-21, 24-28 February and 3 March.
    scene.on("2025-02-10").does("tourism", rejected(answer));
    assert_eq!(scene.referral(referral).feedback_due, due("2025-03-03"));
}

/// The term has not passed until its day ends.
#[test]
fn feedback_on_the_last_day_is_in_time_and_on_the_next_late() {
    for (day, late) in [("2025-02-24", false), ("2025-02-25", true)] {
        let mut scene = Scene::new();
        scene.on("2025-01-27");
        scene.reports("tourism", Report::equipment("2025-01-26"));
        let referral = scene.refers("tourism", "fire", ReferralRole::Lead);
        scene.does("fire", acknowledged(referral));
        scene.on(day).does("fire", feedback(referral, Outcome::CaseFiled, "2025-01-27"));
        assert_eq!(scene.state().feedback[0].late, late, "{day}");
    }
}

/// Passing a case around wins no time: the term for feedback stays.
#[test]
fn a_transfer_keeps_the_term_for_feedback() {
    let mut scene = Scene::new();
    scene.on("2025-01-27");
    scene.reports("tourism", Report::equipment("2025-01-26"));
    let first = scene.refers("tourism", "fire", ReferralRole::Lead);
    scene.on("2025-02-10").does("fire", acknowledged(first));
    scene.does("fire", transferred(first, "housing"));
    let second = ReferralId::of(scene.does("fire", passed_on("housing", ReferralRole::Lead, first)));
    assert_eq!(scene.referral(second).feedback_due, due("2025-02-24"), "not three weeks from the transfer");
    // Three working days after 10 February.
    assert_eq!(scene.referral(second).acknowledge_due, due("2025-02-13"));
}

/// Only where the old term ends before the new addressee could even acknowledge, it ends then.
#[test]
fn a_late_transfer_leaves_time_to_acknowledge() {
    let mut scene = Scene::new();
    scene.on("2025-01-27");
    scene.reports("tourism", Report::equipment("2025-01-26"));
    let first = scene.refers("tourism", "fire", ReferralRole::Lead);
    scene.on("2025-02-28").does("fire", transferred(first, "housing"));
    let second = ReferralId::of(scene.does("fire", passed_on("housing", ReferralRole::Lead, first)));
    // 3, 4, 5 March.
    assert_eq!(scene.referral(second).acknowledge_due, due("2025-03-05"));
    assert_eq!(scene.referral(second).feedback_due, due("2025-03-05"));
}

/// Returned on Thursday 6 February 2025: the authority has five working days, 7, 8, 10, 11, 12.
#[test]
fn a_return_puts_a_term_on_the_authority() {
    let mut scene = Scene::new();
    scene.on("2025-01-27");
    scene.reports("tourism", Report::equipment("2025-01-26"));
    let referral = scene.refers("tourism", "fire", ReferralRole::Lead);
    scene.on("2025-02-06").does("fire", returned(referral, "housing"));
    assert_eq!(scene.referral(referral).designate_due, due("2025-02-12"));
    let running = scene.state().pending_deadline(Slot::Referral(0), &agency("joint-office")).unwrap();
    assert_eq!((running.kind, &running.agency), (DeadlineKind::Designate, &agency("joint-office")));
    let second = ReferralId::of(scene.does("joint-office", payloads::designated("fire", Some(referral))));
    assert_eq!(scene.referral(second).feedback_due, due("2025-02-24"), "the designated one keeps the term as well");
}

#[test]
fn a_reminder_needs_a_term_that_runs_and_has_passed() {
    let mut scene = Scene::new();
    scene.on("2025-01-27");
    scene.reports("tourism", Report::equipment("2025-01-26"));
    let referral = scene.refers("tourism", "fire", ReferralRole::Lead);
    let reminder = reminded(referral, DeadlineKind::Acknowledge, "2025-02-07");
    assert!(matches!(scene.on("2025-02-07").refused("tourism", reminder.clone()), Rejection::Incoherent { .. }));
    assert!(matches!(scene.on("2025-02-08").refused("fire", reminder.clone()), Rejection::WrongActor { .. }));
    scene.does("tourism", reminder.clone());
    assert_eq!(scene.referral(referral).reminders, 1);
    let wrong_day = reminded(referral, DeadlineKind::Acknowledge, "2025-02-06");
    assert!(matches!(scene.refused("tourism", wrong_day), Rejection::Incoherent { .. }));
    let wrong_term = reminded(referral, DeadlineKind::Feedback, "2025-02-24");
    assert!(matches!(scene.on("2025-03-03").refused("tourism", wrong_term), Rejection::Incoherent { .. }));
    scene.does("fire", acknowledged(referral));
    assert!(matches!(scene.refused("tourism", reminder), Rejection::Incoherent { .. }), "it was acknowledged");
    scene.does("tourism", reminded(referral, DeadlineKind::Feedback, "2025-02-24"));
    let supervise = |level| escalated(referral, DeadlineKind::Feedback, "2025-02-24", level);
    assert!(matches!(scene.refused("fire", supervise(SupervisionLevel::City)), Rejection::WrongActor { .. }));
    scene.does("joint-office", supervise(SupervisionLevel::Province));
    scene.does("joint-office", supervise(SupervisionLevel::City));
    assert_eq!(scene.referral(referral).supervised, Some(SupervisionLevel::Province), "never lowered by a late event");
}

fn late_referral() -> (Scene, ReferralId) {
    let mut scene = Scene::new();
    scene.on("2025-01-27");
    scene.reports("tourism", Report::equipment("2025-01-26"));
    let referral = scene.refers("tourism", "fire", ReferralRole::Lead);
    scene.on("2025-02-10");
    (scene, referral)
}

/// Two nodes that act in the same moment: the one that is second on the log has no effect, and that is shown.
#[test]
fn a_term_is_reminded_of_once_whoever_sends_it() {
    let (mut scene, referral) = late_referral();
    let reminder = reminded(referral, DeadlineKind::Acknowledge, "2025-02-07");
    scene.does("tourism", reminder.clone());
    let by = World::source("tourism", 1);
    let (deadline, due_on) = (DeadlineKind::Acknowledge, date("2025-02-07"));
    let again = Rejection::AlreadyReminded { referral, deadline, due_on, by };
    assert_eq!(scene.refused("joint-office", reminder.clone()), again);
    assert_eq!(again.code(), "already_reminded");
    assert_eq!(scene.referral(referral).reminders, 1);
    assert_eq!(scene.anomalies(), [(scene.position(), "already_reminded")]);
    // An officer of the same node who presses again by hand is heard.
    scene.does("tourism", reminder);
    assert_eq!((scene.referral(referral).reminders, scene.referral(referral).overdue_steps.len()), (2, 1));
    // Another term of the same referral is another matter.
    scene.does("fire", acknowledged(referral));
    let feedback = reminded(referral, DeadlineKind::Feedback, "2025-02-24");
    scene.on("2025-02-25").does("joint-office", feedback);
    assert_eq!(scene.referral(referral).reminders, 3);
}

#[test]
fn a_term_comes_under_supervision_once_at_each_level() {
    let (mut scene, referral) = late_referral();
    let supervise = |level| escalated(referral, DeadlineKind::Acknowledge, "2025-02-07", level);
    scene.does("joint-office", supervise(SupervisionLevel::City));
    let again = scene.refused("tourism", supervise(SupervisionLevel::City));
    let level = SupervisionLevel::City;
    let (deadline, due_on) = (DeadlineKind::Acknowledge, date("2025-02-07"));
    let by = World::source("joint-office", 1);
    assert_eq!(again, Rejection::AlreadySupervised { referral, deadline, due_on, level, by });
    assert_eq!(again.code(), "already_supervised");
    scene.does("tourism", supervise(SupervisionLevel::Province));
    let steps: Vec<_> = scene.referral(referral).overdue_steps.iter().map(|step| (step.level, step.on)).collect();
    let on = date("2025-02-10");
    assert_eq!(steps, [(Some(SupervisionLevel::City), on), (Some(SupervisionLevel::Province), on)]);
}

/// Days are those on which events were recorded: a clock that is set back by three days makes the term run again.
#[test]
fn a_reminder_recorded_by_a_clock_set_back_has_no_effect() {
    let (mut scene, referral) = late_referral();
    let reminder = reminded(referral, DeadlineKind::Acknowledge, "2025-02-07");
    assert!(matches!(scene.on("2025-02-07").refused("tourism", reminder.clone()), Rejection::Incoherent { .. }));
    assert_eq!(scene.referral(referral).reminders, 0);
    scene.on("2025-02-08").does("tourism", reminder);
    assert_eq!(scene.referral(referral).overdue_steps[0].on, date("2025-02-08"));
}

/// What nodes read to see which steps are due: the rows of the table, slice by slice.
#[test]
fn overdue_terms_are_read_in_slices_with_what_was_done() {
    let (mut scene, referral) = late_referral();
    scene.does("tourism", reminded(referral, DeadlineKind::Acknowledge, "2025-02-07"));
    let first = scene.case.unwrap();
    scene.on("2025-02-10");
    let second = scene.reports("culture", Report::equipment("2025-02-10"));
    let other = scene.refers("culture", "fire", ReferralRole::Lead);
    let (_model, projector) = Model::of(&scene.genesis, &scene.log);
    let all = Overdue { owed_by: agency("fire"), on: date("2025-02-14"), unreminded_of: None, after: None, limit: 1 };
    let view = projector.store().view();
    let read = |overdue| view.overdue_terms(overdue).unwrap();
    let terms = read(all);
    assert_eq!((terms[0].case, terms[0].referral, terms[0].kind), (first, referral, DeadlineKind::Acknowledge));
    assert_eq!((terms[0].due_on, terms[0].reporter), (date("2025-02-07"), agency("tourism")));
    assert_eq!((terms[0].reminded_on, terms[0].city_on), (Some(date("2025-02-10")), None));
    // 11, 12, 13 February.
    let next = read(Overdue { after: Some(terms[0].place()), ..all });
    assert_eq!((next[0].case, next[0].referral, next[0].due_on), (second, other, date("2025-02-13")));
    assert_eq!(read(Overdue { after: Some(next[0].place()), ..all }), []);
    assert_eq!(read(Overdue { limit: 9, ..all }).len(), 2);
    assert_eq!(read(Overdue { on: date("2025-02-13"), limit: 9, ..all }).len(), 1, "not before the day has ended");
    assert_eq!(read(Overdue { unreminded_of: Some(agency("tourism")), limit: 9, ..all }), [], "it has reminded");
    assert_eq!(read(Overdue { unreminded_of: Some(agency("culture")), limit: 9, ..all }).len(), 1);
    assert_eq!(read(Overdue { owed_by: agency("culture"), ..all }), []);
    let rows =
        view.referrals(Inbox { agency: None, kind: DeskBox::Overdue, today: date("2025-02-14"), limit: None }).unwrap();
    let rows: Vec<_> = rows.iter().map(|row| (row.referral, row.reminders, row.supervised.clone())).collect();
    assert_eq!(rows, [(referral, 1, None), (other, 0, None)]);
}

/// The unit's own term runs from the order until a re-inspection is passed or the case ends.
#[test]
fn the_term_for_rectification_runs_until_it_is_passed() {
    let mut scene = Scene::new();
    scene.on("2025-03-03");
    scene.reports("fire", Report::equipment("2025-03-03"));
    let own = scene.refers("fire", "fire", ReferralRole::Lead);
    let running = |scene: &Scene| scene.state().pending_deadline(Slot::Rectification, &agency("joint-office"));
    assert_eq!(running(&scene), None);
    scene.does("fire", ordered(own, "2025-03-03", "2025-04-03"));
    let term = running(&scene).unwrap();
    assert_eq!((term.kind, term.agency, term.due.date), (DeadlineKind::Rectify, agency("fire"), date("2025-04-03")));
    scene.on("2025-04-01").does("fire", reinspected("2025-04-01", false));
    assert_eq!(running(&scene), Some(term));
    scene.does("fire", reinspected("2025-04-01", true));
    assert_eq!(running(&scene), None);
}

/// Closing ends every term; reopening starts a new one.
#[test]
fn closing_ends_every_term_and_reopening_starts_one() {
    let mut scene = Scene::new();
    scene.on("2025-03-03");
    let routing = payloads::assigned("fire", &["urban"], &[]);
    scene.reports("tourism", Report::equipment("2025-03-03").routed(routing));
    let lead = scene.refers("tourism", "fire", ReferralRole::Lead);
    scene.refers("tourism", "urban", ReferralRole::Assisting);
    scene.does("tourism", closed(fengsui_event::ClosingGround::UnitCeased, "2025-03-03"));
    let terms = |scene: &Scene| {
        (0..2)
            .filter(|&index| scene.state().pending_deadline(Slot::Referral(index), &agency("joint-office")).is_some())
            .count()
    };
    assert_eq!(terms(&scene), 0);
    // Reopened on Friday 28 March 2025: fifteen working days; 4 to 6 April (Qingming) are off, so
    // 31 March, 1, 2, 3, 7, 8, 9, 10, 11, 14, 15, 16, 17, 18, 21 April.
    scene.on("2025-03-28").does("joint-office", reopened());
    assert_eq!(terms(&scene), 1);
    assert_eq!(scene.referral(lead).feedback_due, due("2025-04-21"));
}
