//! What violations cost: by category and severity, by repetition, by when points fall.

use fengsui_event::{ClosingGround, Outcome, ReferralRole, Severity};
use fengsui_rulebook::Rulebook;

use crate::harness::payloads::{Report, closed, confirmed, feedback, retracted};
use crate::harness::{Scene, date, school};

/// An own finding of the fire brigade, determined on the day on which it was found.
fn offence(scene: &mut Scene, report: Report, determined_on: &str) {
    scene.reports("fire", report);
    let own = scene.refers("fire", "fire", ReferralRole::Lead);
    scene.does("fire", feedback(own, Outcome::Penalised, determined_on));
}

fn points(scene: &Scene) -> Vec<(&'static str, i32)> {
    scene.ledger().iter().map(|(kind, points, _)| (*kind, *points)).collect()
}

#[test]
fn the_default_rulebooks_tariff() {
    for (category, severity, points, months) in [
        ("fire.60-1", Severity::General, 2, 12),
        ("fire.60-1", Severity::Considerable, 5, 12),
        ("fire.60-1", Severity::Serious, 10, 36),
        ("fire.60-1", Severity::Grave, 20, 36),
        ("fire.60-1", Severity::MajorHazard, 30, 36),
        ("fire.60-2", Severity::Serious, 12, 36),
        ("fire.60-3", Severity::Grave, 24, 36),
        // Not named for fire.60-3, so taken from `*`.
        ("fire.60-3", Severity::Considerable, 5, 12),
        ("fire.67-17", Severity::General, 1, 12),
        ("sanitation.pests", Severity::MajorHazard, 15, 36),
    ] {
        let mut scene = Scene::new();
        scene.on("2025-03-03");
        offence(&mut scene, Report::equipment("2025-03-03").of(category, severity), "2025-03-03");
        assert_eq!(scene.balance(), 100 - points, "{category} {severity}");
        let until = date("2025-03-03").checked_add(jiff::Span::new().months(months)).unwrap();
        assert_eq!(scene.last_entry().counted_until, Some(until), "{category} {severity}");
    }
}

/// Within twelve months: the second costs half as much more (2 of 5, rounded down), the third and all later twice.
#[test]
fn repetition_within_the_period_costs_more() {
    let mut scene = Scene::new();
    scene.on("2025-12-01");
    for day in ["2025-02-06", "2025-05-06", "2025-08-06", "2025-11-06"] {
        offence(&mut scene, Report::equipment(day), day);
    }
    assert_eq!(
        points(&scene),
        [
            ("opening", 100),
            ("deduction", -5),
            ("deduction", -5),
            ("repetition", -2),
            ("deduction", -5),
            ("repetition", -5),
            ("deduction", -5),
            ("repetition", -5),
        ]
    );
    let rules: Vec<String> = scene.ledger().into_iter().map(|(_, _, rule)| rule).collect();
    assert_eq!((rules[3].as_str(), rules[5].as_str()), ("repetition/*/1", "repetition/*/2"));
}

/// The day twelve months later is outside the period, the day before it inside.
#[test]
fn the_period_ends_on_its_day() {
    for (second, repeated) in [("2026-02-05", true), ("2026-02-06", false)] {
        let mut scene = Scene::new();
        scene.on("2026-03-02");
        offence(&mut scene, Report::equipment("2025-02-06"), "2025-02-06");
        offence(&mut scene, Report::equipment(second), second);
        assert_eq!(points(&scene).contains(&("repetition", -2)), repeated, "{second}");
    }
}

#[test]
fn repetition_is_of_the_same_category_and_unit() {
    let mut scene = Scene::new();
    scene.on("2025-03-03");
    offence(&mut scene, Report::equipment("2025-03-03"), "2025-03-03");
    offence(&mut scene, Report::equipment("2025-03-03").of("fire.60-4", Severity::Considerable), "2025-03-03");
    assert_eq!(scene.balance(), 90);
    offence(&mut scene, Report::equipment("2025-03-03").by(school()), "2025-03-03");
    assert_eq!(scene.balance(), 95);
}

/// Sanitation repeats only from the third within six months on.
#[test]
fn a_category_may_have_a_period_of_its_own() {
    let mut scene = Scene::new();
    scene.on("2025-12-01");
    let report = |day: &str| Report::equipment(day).of("sanitation.refuse", Severity::General);
    for day in ["2025-03-03", "2025-06-03", "2025-09-03", "2025-09-04"] {
        offence(&mut scene, report(day), day);
    }
    // On 3 September the one of 3 March is just outside, so there is one prior; on 4 September there are two.
    assert_eq!(
        points(&scene)[1..],
        [("deduction", -1), ("deduction", -1), ("deduction", -1), ("deduction", -1), ("repetition", -1)]
    );
}

/// A later position may be about an earlier day: only what lies before that day counts as prior.
#[test]
fn prior_is_by_day_not_by_position() {
    let mut scene = Scene::new();
    scene.on("2025-12-01");
    offence(&mut scene, Report::equipment("2025-11-06"), "2025-11-06");
    offence(&mut scene, Report::equipment("2025-02-06"), "2025-02-06");
    assert_eq!(points(&scene), [("opening", 100), ("deduction", -5), ("deduction", -5)]);
}

/// A rulebook may look back longer than the default's year: ten years here.
#[test]
fn a_long_period_of_a_rulebook_is_honoured() {
    let text = Rulebook::default_toml()
        .replace("category = \"*\"\nmonths = 12\nsteps", "category = \"*\"\nmonths = 120\nsteps");
    assert_ne!(text, Rulebook::default_toml());
    let mut scene = Scene::with_rulebook(&text);
    scene.on("2025-12-01");
    for day in ["2016-02-06", "2017-02-06", "2024-02-06", "2025-02-06"] {
        offence(&mut scene, Report::equipment(day), day);
    }
    // The second has one prior, the third two, the fourth three.
    let extra: Vec<i32> = points(&scene).into_iter().filter(|it| it.0 == "repetition").map(|it| it.1).collect();
    assert_eq!(extra, [-2, -5, -5]);
}

fn falling(when: &str) -> Scene {
    let text = Rulebook::default_toml().replace("falls = \"determined\"", &format!("falls = \"{when}\""));
    let mut scene = Scene::with_rulebook(&text);
    scene.on("2025-03-05");
    scene
}

#[test]
fn points_that_fall_when_alleged_fall_with_the_report() {
    let mut scene = falling("alleged");
    scene.reports("fire", Report::equipment("2025-03-03"));
    assert_eq!((scene.balance(), scene.last_entry().effective_on), (95, date("2025-03-03")));
    let own = scene.refers("fire", "fire", ReferralRole::Lead);
    scene.does("fire", feedback(own, Outcome::Penalised, "2025-03-04"));
    assert_eq!(scene.balance(), 95, "determined later, counted once");
    scene.does("fire", retracted());
    assert_eq!(scene.balance(), 100);

    scene.reports("fire", Report::equipment("2025-03-03"));
    let own = scene.refers("fire", "fire", ReferralRole::Lead);
    scene.does("fire", feedback(own, Outcome::NoViolation, "2025-03-04"));
    assert_eq!(scene.balance(), 100, "what was alleged and refuted comes back");
}

#[test]
fn points_that_fall_when_closed_fall_with_the_closing_as_rectified_alone() {
    let mut scene = falling("closed");
    scene.reports("fire", Report::equipment("2025-03-03"));
    let own = scene.refers("fire", "fire", ReferralRole::Lead);
    scene.does("fire", feedback(own, Outcome::RectifiedOnSite, "2025-03-03"));
    assert_eq!(scene.balance(), 100);
    scene.does("fire", closed(ClosingGround::Rectified, "2025-03-04"));
    assert_eq!((scene.balance(), scene.last_entry().effective_on), (95, date("2025-03-04")));

    scene.reports("tourism", Report::equipment("2025-03-03"));
    let lead = scene.refers("tourism", "fire", ReferralRole::Lead);
    scene.does("fire", crate::harness::payloads::acknowledged(lead));
    let answer = scene.does("fire", feedback(lead, Outcome::NoViolation, "2025-03-03"));
    scene.does("tourism", confirmed(answer));
    scene.does("tourism", closed(ClosingGround::NoViolation, "2025-03-04"));
    assert_eq!(scene.balance(), 95);
}

/// Each entry names the rulebook that decided it: the one in force when the event was recorded.
#[test]
fn a_new_rulebook_decides_what_is_recorded_after_it() {
    let mut scene = Scene::new();
    scene.on("2025-03-03");
    offence(&mut scene, Report::equipment("2025-03-03"), "2025-03-03");
    let dearer = Rulebook::default_toml().replace("version = \"pilot-2026.1\"", "version = \"pilot-2026.2\"").replacen(
        "considerable = 5",
        "considerable = 6",
        1,
    );
    scene.publish_rulebook(&dearer);
    offence(&mut scene, Report::equipment("2025-03-03").by(school()), "2025-03-03");
    assert_eq!(scene.balance(), 94);
    let books: Vec<&str> = scene.memory.entries.iter().map(|entry| entry.rulebook.as_str()).collect();
    assert_eq!(books, ["pilot-2026.1", "pilot-2026.1", "pilot-2026.2", "pilot-2026.2"]);
}
