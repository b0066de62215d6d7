//! By when each step is due, in working days.

use std::collections::BTreeSet;

use fengsui_event::{CategoryCode, Severity};

use crate::catalogue::{Catalogue, filled, parse};
use crate::document::DeadlineEntry;
use crate::located::Located;
use crate::pattern::{CategoryPattern, Narrowness};
use crate::problem::Problems;
use crate::reading::Reading;

const WORKING_DAYS_MAX: i64 = 250;

/// Deadlines of one case, in working days; counting starts on the day after the event that starts them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadlines {
    /// The addressee acknowledges or returns a referral (签收, 退回).
    pub acknowledge: u16,
    /// The lead feeds back to the reporter (反馈).
    pub feedback: u16,
    /// The reporter confirms or rejects the feedback.
    pub confirm: u16,
    /// The authority names a lead for what was returned, unresolved or overlapping (指定管辖).
    pub designate: u16,
    /// A rectification order that names no date of its own.
    pub rectification: u16,
    /// The city supervises (市级督办) what is still overdue so long after the reminder.
    pub city_supervision: u16,
    /// The province supervises (省级督办) what is still overdue so long after the city began to.
    pub province_supervision: u16,
}

/// What holds where a rulebook says nothing of supervision; those published before there was such a key do not.
const CITY_SUPERVISION_OTHERWISE: u16 = 5;
const PROVINCE_SUPERVISION_OTHERWISE: u16 = 10;

/// The deadlines of every severity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DeadlinesBySeverity {
    general: Deadlines,
    considerable: Deadlines,
    serious: Deadlines,
    grave: Deadlines,
    major_hazard: Deadlines,
}

impl DeadlinesBySeverity {
    pub(crate) fn of(&self, severity: Severity) -> Deadlines {
        match severity {
            Severity::General => self.general,
            Severity::Considerable => self.considerable,
            Severity::Serious => self.serious,
            Severity::Grave => self.grave,
            Severity::MajorHazard => self.major_hazard,
        }
    }
}

const STEPS: [&str; 7] =
    ["acknowledge", "feedback", "confirm", "designate", "rectification", "city_supervision", "province_supervision"];

struct Rule {
    pattern: CategoryPattern,
    severities: BTreeSet<Severity>,
    /// In the order of [`STEPS`].
    working_days: [Option<u16>; 7],
}

/// Reads the entries and resolves them for each category, and for categories that the rulebook does not have.
pub(crate) struct DeadlineRules {
    rules: Vec<Rule>,
    is_sound: bool,
}

impl DeadlineRules {
    pub(crate) fn build(entries: &[DeadlineEntry], catalogue: &Catalogue, problems: &mut Problems<'_>) -> Self {
        let known_problems = problems.count();
        let mut seen = BTreeSet::new();
        let mut rules = Vec::new();
        for entry in entries {
            filled(&entry.source, "source", problems);
            let Some(pattern) = catalogue.pattern(&entry.category, problems) else {
                continue;
            };
            let severities: BTreeSet<Severity> =
                entry.severity.iter().filter_map(|text| parse(text, "a severity", problems)).collect();
            let mut working_days = [None; 7];
            for (index, (step, value)) in STEPS.iter().zip(values(entry)).enumerate() {
                let Some(value) = value else { continue };
                working_days[index] = in_range(value, problems);
                let scope: Vec<Option<Severity>> = scopes(&severities);
                if !scope.into_iter().all(|severity| seen.insert((pattern.as_str().to_owned(), severity, *step))) {
                    problems.report(
                        value.span(),
                        format!("`{step}` is given twice for `{}` and the same severity", pattern.as_str()),
                        "each deadline once for a category and severity",
                        "remove one of the two",
                    );
                }
            }
            rules.push(Rule { pattern, severities, working_days });
        }
        Self { rules, is_sound: problems.count() == known_problems }
    }

    /// Whether every entry of the text was read and accepted.
    pub(crate) fn is_sound(&self, reading: &Reading) -> bool {
        self.is_sound && reading.is_complete("deadline")
    }

    /// The deadlines of a category; `None` asks for those of a category that the rulebook does not have.
    pub(crate) fn resolve(
        &self,
        category: Option<&CategoryCode>,
    ) -> Result<DeadlinesBySeverity, (Severity, &'static str)> {
        let of = |severity: Severity| {
            let step = |index: usize| self.step(category, severity, index).ok_or((severity, STEPS[index]));
            Ok(Deadlines {
                acknowledge: step(0)?,
                feedback: step(1)?,
                confirm: step(2)?,
                designate: step(3)?,
                rectification: step(4)?,
                city_supervision: step(5).unwrap_or(CITY_SUPERVISION_OTHERWISE),
                province_supervision: step(6).unwrap_or(PROVINCE_SUPERVISION_OTHERWISE),
            })
        };
        Ok(DeadlinesBySeverity {
            general: of(Severity::General)?,
            considerable: of(Severity::Considerable)?,
            serious: of(Severity::Serious)?,
            grave: of(Severity::Grave)?,
            major_hazard: of(Severity::MajorHazard)?,
        })
    }

    fn step(&self, category: Option<&CategoryCode>, severity: Severity, index: usize) -> Option<u16> {
        let concerns = |rule: &&Rule| {
            let of_category = category.map_or(rule.pattern.as_str() == "*", |category| rule.pattern.matches(category));
            of_category && (rule.severities.is_empty() || rule.severities.contains(&severity))
        };
        let ranked =
            self.rules.iter().filter(concerns).filter_map(|rule| Some((rank(rule), rule.working_days[index]?)));
        ranked.max_by_key(|(rank, _)| *rank).map(|(_, days)| days)
    }
}

fn rank(rule: &Rule) -> (Narrowness, bool) {
    (rule.pattern.narrowness(), !rule.severities.is_empty())
}

fn scopes(severities: &BTreeSet<Severity>) -> Vec<Option<Severity>> {
    if severities.is_empty() { vec![None] } else { severities.iter().copied().map(Some).collect() }
}

fn values(entry: &DeadlineEntry) -> [&Option<Located<i64>>; 7] {
    [
        &entry.acknowledge,
        &entry.feedback,
        &entry.confirm,
        &entry.designate,
        &entry.rectification,
        &entry.city_supervision,
        &entry.province_supervision,
    ]
}

fn in_range(value: &Located<i64>, problems: &mut Problems<'_>) -> Option<u16> {
    let days = u16::try_from(**value).ok().filter(|_| (1..=WORKING_DAYS_MAX).contains(&**value));
    if days.is_none() {
        problems.report(
            value.span(),
            format!("{} working days is no deadline", **value),
            format!("1 to {WORKING_DAYS_MAX} working days"),
            "correct the number",
        );
    }
    days
}
