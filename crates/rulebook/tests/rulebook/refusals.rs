//! Bad rulebooks: every problem is listed, with its place, what was expected and what to do.

use expect_test::{Expect, expect};
use fengsui_rulebook::Rulebook;

use crate::default_book;

/// The error of the default rulebook after these replacements of its text.
fn check(replacements: &[(&str, &str)], expected: &Expect) {
    let mut text = Rulebook::default_toml().to_owned();
    for (from, to) in replacements {
        assert!(text.contains(from), "the default has {from}");
        text = text.replacen(from, to, 1);
    }
    let error = Rulebook::from_toml(&text).expect_err("the text is bad");
    expected.assert_eq(&error.to_string());
}

#[test]
fn not_toml() {
    check(
        &[("schema = 1", "schema = = 1")],
        &expect![[r#"
        the rulebook is refused; to mend: 2
        line 5, column 10: extra `=`, expected nothing; expected TOML 1.1; correct the entry
        line 5, column 12: unexpected key or value, expected newline, `#`; expected TOML 1.1; correct the entry"#]],
    );
}

#[test]
fn unknown_agency_names_the_known_ones() {
    check(
        &[("lead = \"quality\"", "lead = \"qualty\"")],
        &expect![[r#"
        the rulebook is refused; to mend: 1
        line 618, column 8: `qualty` is not an agency of this rulebook; expected one of commerce, culture, education, environment, fire, government, health, housing, joint-office, police, quality, tourism, urban; correct the code or add an [[agency]]"#]],
    );
}

#[test]
fn all_problems_are_listed_at_once() {
    check(
        &[
            ("schema = 1", "schema = 2"),
            ("severity = \"serious\"", "severity = \"seroius\""),
            ("lead = \"housing\"\ninformed", "lead = \"housing\"\nregion = [\"359999\"]\ninformed"),
            ("trade = [\"C\"]", "trade = [\"Z9\"]"),
            ("acknowledge = 3", "acknowledge = 0"),
            ("B = 75", "B = 95"),
            ("months = 36", "months = -1"),
        ],
        &expect![[r#"
            the rulebook is refused; to mend: 7
            line 5, column 10: schema 2 is not known to this program; expected schema 1; update the program, or write the rulebook in the shape that docs/rulebook.md describes
            line 99, column 12: `seroius` is not a Severity; expected one of general, considerable, serious, grave, major_hazard; expected a severity; correct the value
            line 572, column 11: region code 359999 is neither in force nor retired in GB/T 2260; the nearest code above it is 350000 福建省; expected a code of GB/T 2260 such as 350600; correct the value
            line 749, column 10: trade code "Z9" begins with 'Z' where a section's letter A to T is expected; put the section before the digits, such as H61; expected a code of GB/T 4754-2017 such as H61; correct the value
            line 867, column 15: 0 working days is no deadline; expected 1 to 250 working days; correct the number
            line 1008, column 10: -1 is out of bounds; expected a whole number from 1 to 1200; correct the number; amounts are written positive
            line 1016, column 5: the threshold 95 is not below 90; expected descending thresholds, B below A; lower this threshold or raise the one before it"#]],
    );
}

#[test]
fn duplicates() {
    check(
        &[
            ("code = \"fire.58-2\"", "code = \"fire.58-1\""),
            ("id = \"fire-59\"", "id = \"fire-60\""),
            ("category = \"fire.60-6\"\nacknowledge", "category = \"fire.60-3\"\nacknowledge"),
            ("category = \"fire.60-3\"\nserious", "category = \"fire.60-2\"\nserious"),
        ],
        &expect![[r#"
            the rulebook is refused; to mend: 4
            line 103, column 8: the code `fire.58-1` is given twice; expected each code once; rename or remove one of the two
            line 589, column 6: the id `fire-60` is given twice; expected each id once; rename or remove one of the two
            line 902, column 15: `acknowledge` is given twice for `fire.60-3` and the same severity; expected each deadline once for a category and severity; remove one of the two
            line 936, column 12: the category `fire.60-2` is given twice; expected each category once; rename or remove one of the two"#]],
    );
}

#[test]
fn category_without_points() {
    let text =
        Rulebook::default_toml().replacen("[[deduction]]\ncategory = \"*\"", "[[deduction]]\ncategory = \"fire.*\"", 1);
    let error = Rulebook::from_toml(&text).expect_err("trades and hazards have no points");
    // All but the categories of fire and of sanitation, which have a prefix of their own.
    let expected = default_book()
        .categories()
        .filter(|category| {
            !category.code.as_str().starts_with("fire.") && !category.code.as_str().starts_with("sanitation.")
        })
        .count();
    assert_eq!(error.problems().len(), expected);
    expect!["line 404, column 8: category `licence.business` has no points for severity general, considerable, serious, grave, major_hazard; expected points for every category and severity, 0 where nothing is to come off; add them to a [[deduction]] of the category, of a prefix or of `*`"].assert_eq(&error.problems()[0].to_string());
}

#[test]
fn wrong_shape_is_reported_entry_by_entry() {
    check(
        &[
            ("code = \"fire\"", "code = 7"),
            ("lead = \"tourism\"", "laed = \"tourism\""),
            ("[opening]", "[openning]"),
            ("general = 2", "general = 2.5"),
        ],
        &expect![[r#"
            the rulebook is refused; to mend: 5
            line 1, column 1: `opening` is missing; expected a rulebook with `opening`; add it; docs/rulebook.md describes each key
            line 21, column 8: invalid type: integer `7`, expected a string; expected the shape that docs/rulebook.md describes; correct the entry
            line 686, column 1: unknown field `laed`, expected one of `id`, `category`, `trade`, `severity`, `region`, `lead`, `assisting`, `informed`, `source`; expected the shape that docs/rulebook.md describes; correct the entry
            line 914, column 2: `openning` is no key of a rulebook; expected schema, version, name_zh, name_en, authority, calendar, agency, category, responsibility, competent, deadline, opening, deduction, repetition, late, restoration, counting or grades; correct the key or remove it; docs/rulebook.md describes each
            line 920, column 11: invalid type: floating point `2.5`, expected i64; expected the shape that docs/rulebook.md describes; correct the entry"#]],
    );
}

#[test]
fn missing_keys() {
    let error = Rulebook::from_toml("").expect_err("nothing is there");
    let keys = error.problems().iter().map(|problem| problem.found.clone()).collect::<Vec<_>>().join("; ");
    expect!["`agency` is missing; `authority` is missing; `calendar` is missing; `category` is missing; `deadline` is missing; `deduction` is missing; `grades` is missing; `name_en` is missing; `name_zh` is missing; `opening` is missing; `responsibility` is missing; `schema` is missing; `version` is missing"].assert_eq(&keys);
}

#[test]
fn calendars() {
    check(
        &[("calendar = \"cn-2020-2026\"", "calendar = \"cn-2030\"")],
        &expect![[r#"
            the rulebook is refused; to mend: 1
            line 10, column 12: `cn-2030` is not a built-in calendar; expected cn-2020-2026; correct the name or write the notices under [[calendar.notice]]"#]],
    );
    let own =
        "calendar = { notice = [{ year = 2027, number = \"\", off = [\"2027-02-30\", \"2027-05-05/2027-05-01\"] }] }";
    check(
        &[("calendar = \"cn-2020-2026\"", own)],
        &expect![[r#"
        the rulebook is refused; to mend: 3
        line 10, column 48: the number of the notice is empty; expected a text; name the provision or the local decision
        line 10, column 59: `2027-02-30` is not a day; expected a day such as 2020-01-24; correct the day
        line 10, column 73: `2027-05-05/2027-05-01` does not run from a first to a last day within 31 days; expected the first day, a slash, the last day; correct the days"#]],
    );
}

#[test]
fn the_authority_runs_a_node_and_competent_departments_do_not_lead() {
    check(
        &[("authority = \"joint-office\"", "authority = \"police\""), ("role = \"informed\"", "role = \"lead\"")],
        &expect![[r#"
            the rulebook is refused; to mend: 2
            line 9, column 13: the authority `police` runs no node; expected an agency that runs a node, since it decides what no rule decides; remove `node = false` or name another agency
            line 815, column 8: a competent department cannot be `lead`; expected informed or assisting; name leads under [[responsibility]]"#]],
    );
}

#[test]
fn repetition_steps_ascend_and_percentages_are_bounded() {
    check(
        &[
            ("{ prior = 2, percent = 100 }]", "{ prior = 1, percent = 100 }]"),
            ("category = \"*\"\ngeneral = 50", "category = \"*\"\ngeneral = 101"),
        ],
        &expect![[r#"
            the rulebook is refused; to mend: 2
            line 970, column 49: `prior = 1` does not come after the step before it; expected steps in ascending order of `prior`; put the steps in order
            line 992, column 11: 101 is out of bounds; expected a whole number from 0 to 100; correct the number; amounts are written positive"#]],
    );
}

#[test]
fn patterns_match_something() {
    check(
        &[
            ("category = \"fire.67-*\"", "category = \"fire.6*\""),
            ("category = [\"air.*\"]", "category = [\"noise.*\"]"),
        ],
        &expect![[r#"
            the rulebook is refused; to mend: 2
            line 804, column 13: `noise.*` matches no category of this rulebook; expected the code or prefix of a [[category]]; correct it or add the category
            line 942, column 12: category code "fire.6*" has '*' at position 7; write a lower-case letter first, then lower-case letters, digits, hyphens and single dots; expected an exact code such as fire.60-3, a prefix such as fire.60-* or fire.*, or *; correct the category"#]],
    );
}
