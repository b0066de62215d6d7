//! From entries to a rulebook, with every check that needs more than one entry.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use fengsui_event::{AgencyCode, CategoryCode, Points, Severity};

use super::{Rulebook, Terms};
use crate::calendar::Calendar;
use crate::catalogue::{Catalogue, filled, parse};
use crate::deadlines::{DeadlineRules, DeadlinesBySeverity};
use crate::document::{Document, OpeningTable, SCHEMA_VERSION};
use crate::grade::Thresholds;
use crate::points::{MONTHS_MAX, PointRules, Sources, whole};
use crate::problem::Problems;
use crate::reading::{self, Reading};
use crate::responsibility::{ResponsibilityRule, build_competent, build_rules};

const VERSION_LENGTH_MAX: usize = 64;
const OPENING_POINTS_MAX: i64 = 1_000_000;

/// Checks everything that can be checked before it gives up, so that one reading lists all there is to mend.
pub(super) fn assemble(text: &str, problems: &mut Problems<'_>) -> Option<Rulebook> {
    let reading = reading::read(text, problems)?;
    let catalogue = Catalogue::build(&reading, problems);
    let document = &reading.document;
    report_missing_keys(&reading, problems);
    check_schema(document, problems);
    let mut sources = Sources::new();
    let rules = build_rules(document, &catalogue, &mut sources, problems);
    let competent = build_competent(document, &catalogue, problems);
    let known_problems = problems.count();
    let point_rules = PointRules::build(document, &catalogue, &mut sources, problems);
    let points_are_sound = problems.count() == known_problems && reading.is_complete("deduction");
    let deadline_rules = DeadlineRules::build(&document.deadline, &catalogue, problems);
    let calendar = document.calendar.as_ref().map(|choice| Calendar::build(choice, problems));
    let opening_balance = document.opening.as_ref().and_then(|table| opening(table, problems));
    let counting_months = counting(document, problems);
    let thresholds = document.grades.as_ref().map(|table| Thresholds::build(table, problems));
    let authority = authority(document, &catalogue, problems);
    let version = version(document, problems);
    let deadlines_otherwise = deadlines_otherwise(&deadline_rules, &reading, problems);
    if points_are_sound {
        report_without_points(document, &catalogue, &point_rules, problems);
    }
    let terms = terms(&catalogue, &rules, &point_rules, &deadline_rules);
    Some(Rulebook {
        version: version?,
        name_zh: document.name_zh.as_deref()?.clone(),
        name_en: document.name_en.as_deref()?.clone(),
        authority: authority?,
        outside: catalogue.agencies.values().filter(|agency| !agency.has_node).map(|agency| agency.code).collect(),
        agencies: catalogue.agencies,
        terms,
        rules,
        competent,
        deadlines_otherwise: deadlines_otherwise?,
        calendar: calendar?,
        opening_balance: opening_balance?,
        counting_months,
        thresholds: thresholds?,
        sources,
    })
}

fn report_missing_keys(reading: &Reading, problems: &mut Problems<'_>) {
    let document = &reading.document;
    let present = [
        ("schema", document.schema.is_some()),
        ("version", document.version.is_some()),
        ("name_zh", document.name_zh.is_some()),
        ("name_en", document.name_en.is_some()),
        ("authority", document.authority.is_some()),
        ("calendar", document.calendar.is_some()),
        ("opening", document.opening.is_some()),
        ("grades", document.grades.is_some()),
        ("agency", !document.agency.is_empty()),
        ("category", !document.category.is_empty()),
        ("responsibility", !document.responsibility.is_empty()),
        ("deadline", !document.deadline.is_empty()),
        ("deduction", !document.deduction.is_empty()),
    ];
    for (key, _) in present.into_iter().filter(|(key, is_present)| !is_present && reading.is_complete(key)) {
        let advice = "add it; docs/rulebook.md describes each key";
        problems.report(0..0, format!("`{key}` is missing"), format!("a rulebook with `{key}`"), advice);
    }
}

fn check_schema(document: &Document, problems: &mut Problems<'_>) {
    let Some(schema) = document.schema.as_ref().filter(|schema| ***schema != SCHEMA_VERSION) else {
        return;
    };
    problems.report(
        schema.span(),
        format!("schema {} is not known to this program", **schema),
        format!("schema {SCHEMA_VERSION}"),
        "update the program, or write the rulebook in the shape that docs/rulebook.md describes",
    );
}

fn version(document: &Document, problems: &mut Problems<'_>) -> Option<String> {
    let version = document.version.as_ref()?;
    let permitted = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte);
    let starts_well = version.starts_with(|first: char| first.is_ascii_alphanumeric());
    if !starts_well || version.len() > VERSION_LENGTH_MAX || !version.bytes().all(permitted) {
        problems.report(
            version.span(),
            format!("`{}` is no version", **version),
            format!("lower-case letters, digits, dots, hyphens and underscores, at most {VERSION_LENGTH_MAX}"),
            "rename the version, for example to pilot-2026.1",
        );
    }
    Some((**version).clone())
}

fn authority(document: &Document, catalogue: &Catalogue, problems: &mut Problems<'_>) -> Option<AgencyCode> {
    let code = document.authority.as_ref()?;
    let authority = catalogue.agency(code, problems)?;
    if catalogue.agencies.get(&authority).is_some_and(|agency| !agency.has_node) {
        problems.report(
            code.span(),
            format!("the authority `{authority}` runs no node"),
            "an agency that runs a node, since it decides what no rule decides",
            "remove `node = false` or name another agency",
        );
    }
    Some(authority)
}

fn opening(table: &OpeningTable, problems: &mut Problems<'_>) -> Option<Points> {
    filled(&table.source, "source", problems);
    whole(&table.points, 0..=OPENING_POINTS_MAX, problems).map(Points)
}

fn counting(document: &Document, problems: &mut Problems<'_>) -> BTreeMap<Severity, i32> {
    let mut counting = BTreeMap::new();
    for entry in &document.counting {
        filled(&entry.source, "source", problems);
        let Some(months) = whole(&entry.months, 1..=MONTHS_MAX, problems) else {
            continue;
        };
        for text in &entry.severity {
            let Some(severity) = parse(text, "a severity", problems) else {
                continue;
            };
            match counting.entry(severity) {
                Entry::Vacant(vacant) => {
                    vacant.insert(months);
                }
                Entry::Occupied(_) => problems.report(
                    text.span(),
                    format!("the counting period of `{severity}` is given twice"),
                    "one period for each severity",
                    "remove one of the two",
                ),
            }
        }
    }
    counting
}

fn deadlines_otherwise(
    rules: &DeadlineRules,
    reading: &Reading,
    problems: &mut Problems<'_>,
) -> Option<DeadlinesBySeverity> {
    let resolved = rules.resolve(None);
    let entries = &reading.document.deadline;
    // A deadline that is there but bad was reported where it stands, and a missing list as a missing key.
    if let (Err((severity, step)), Some(first), true) = (&resolved, entries.first(), rules.is_sound(reading)) {
        problems.report(
            first.category.span(),
            format!("category `*` has no `{step}` for severity `{severity}`"),
            "every deadline for `*`, which holds where nothing narrower does",
            "add it to a [[deadline]] with `category = \"*\"`",
        );
    }
    resolved.ok()
}

fn report_without_points(
    document: &Document,
    catalogue: &Catalogue,
    point_rules: &PointRules,
    problems: &mut Problems<'_>,
) {
    if document.deduction.is_empty() {
        return;
    }
    for code in catalogue.categories.keys() {
        let severities = point_rules.severities_without_points(code);
        if severities.is_empty() {
            continue;
        }
        let entry = document.category.iter().find(|entry| entry.code.as_str() == code.as_str());
        let severities: Vec<&str> = severities.iter().map(|severity| severity.code()).collect();
        problems.report(
            entry.map_or(0..0, |entry| entry.code.span()),
            format!("category `{code}` has no points for severity {}", severities.join(", ")),
            "points for every category and severity, 0 where nothing is to come off",
            "add them to a [[deduction]] of the category, of a prefix or of `*`",
        );
    }
}

fn terms(
    catalogue: &Catalogue,
    rules: &[ResponsibilityRule],
    point_rules: &PointRules,
    deadline_rules: &DeadlineRules,
) -> BTreeMap<CategoryCode, Terms> {
    let mut terms = BTreeMap::new();
    for (code, category) in &catalogue.categories {
        // What `*` lacks was reported once, and then there is no rulebook.
        let Ok(deadlines) = deadline_rules.resolve(Some(code)) else {
            continue;
        };
        let concerning = rules.iter().enumerate().filter(|(_, rule)| rule.concerns(code)).map(|(index, _)| index);
        let rules = concerning.collect();
        let points = point_rules.resolve(code);
        terms.insert(code.clone(), Terms { category: category.clone(), points, deadlines, rules });
    }
    terms
}
