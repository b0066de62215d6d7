//! What a violation costs and what comes back, in whole points.

use std::collections::{BTreeMap, BTreeSet};

use fengsui_event::{CategoryCode, Points, Severity};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::catalogue::{Catalogue, duplicate, filled};
use crate::document::{AmountEntry, DeductionEntry, Document, RepetitionEntry};
use crate::located::Located;
use crate::pattern::CategoryPattern;
use crate::problem::Problems;
use crate::rule_id::RuleId;

const POINTS_MAX: i64 = 10_000;
const REPETITION_PERCENT_MAX: i64 = 1_000;
pub(crate) const MONTHS_MAX: i64 = 1_200;

/// When the points of a violation fall.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PointsFall {
    /// When it is reported.
    Alleged,
    /// When the lead's feedback states it.
    #[default]
    Determined,
    /// When its case closes.
    Closed,
}

/// What a violation costs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deduction {
    /// The rule that says so.
    pub rule: RuleId,
    /// How many points come off: positive.
    pub points: Points,
    /// When they come off.
    pub falls: PointsFall,
}

/// Where each rule's number comes from.
pub(crate) type Sources = BTreeMap<RuleId, String>;

/// What holds for one category, after the more specific entries have overridden the less specific ones.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PointTerms {
    pub(crate) deductions: BTreeMap<Severity, Deduction>,
    pub(crate) repetition: Option<Repetition>,
    pub(crate) late: BTreeMap<Severity, (RuleId, Points)>,
    /// Percent of the deducted points.
    pub(crate) restoration: BTreeMap<Severity, (RuleId, i32)>,
}

/// More points for earlier offences.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Repetition {
    pattern: CategoryPattern,
    pub(crate) months: u16,
    /// Ascending by `prior`.
    steps: Vec<RepetitionStep>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct RepetitionStep {
    rule: RuleId,
    prior: u32,
    percent: i32,
}

impl Repetition {
    /// The points that come off besides `base`.
    pub(crate) fn surcharge(&self, prior_in_period: u32, base: Points) -> Option<(RuleId, Points)> {
        let step = self.steps.iter().rev().find(|step| step.prior <= prior_in_period)?;
        Some((step.rule.clone(), share(base, step.percent)?))
    }
}

/// A percentage of positive points, rounded down; `None` if nothing is left.
pub(crate) fn share(of: Points, percent: i32) -> Option<Points> {
    let points = i64::from(of.0) * i64::from(percent) / 100;
    i32::try_from(points).ok().filter(|points| *points > 0).map(Points)
}

/// The entries about points as rules.
pub(crate) struct PointRules {
    deduction: Vec<AmountRule>,
    late: Vec<AmountRule>,
    restoration: Vec<AmountRule>,
    repetition: Vec<Repetition>,
}

struct AmountRule {
    kind: &'static str,
    pattern: CategoryPattern,
    amounts: BTreeMap<Severity, i32>,
    falls: Option<PointsFall>,
}

/// What distinguishes the three tables of amounts by severity.
struct AmountTable {
    /// First part of the names of its rules.
    kind: &'static str,
    amount_max: i64,
}

/// One entry of any table of amounts by severity.
struct AmountView<'entry> {
    category: &'entry Located<String>,
    amounts: [&'entry Option<Located<i64>>; 5],
    falls: Option<PointsFall>,
    source: &'entry Located<String>,
}

impl PointRules {
    pub(crate) fn build(
        document: &Document,
        catalogue: &Catalogue,
        sources: &mut Sources,
        problems: &mut Problems<'_>,
    ) -> Self {
        let deductions: Vec<AmountView<'_>> = document.deduction.iter().map(AmountView::of_deduction).collect();
        let late: Vec<AmountView<'_>> = document.late.iter().map(AmountView::of_amount).collect();
        let restoration: Vec<AmountView<'_>> = document.restoration.iter().map(AmountView::of_amount).collect();
        let points = |kind| AmountTable { kind, amount_max: POINTS_MAX };
        Self {
            deduction: points("points").build(&deductions, catalogue, sources, problems),
            late: points("late").build(&late, catalogue, sources, problems),
            restoration: AmountTable { kind: "restoration", amount_max: 100 }.build(
                &restoration,
                catalogue,
                sources,
                problems,
            ),
            repetition: build_repetition(&document.repetition, catalogue, sources, problems),
        }
    }

    /// The severities for which nothing says what the category costs.
    pub(crate) fn severities_without_points(&self, category: &CategoryCode) -> Vec<Severity> {
        let costs = amounts(&self.deduction, category);
        Severity::ALL.iter().copied().filter(|severity| !costs.contains_key(severity)).collect()
    }

    /// What holds for a category.
    pub(crate) fn resolve(&self, category: &CategoryCode) -> PointTerms {
        let falls = by_narrowness(&self.deduction, category).find_map(|rule| rule.falls).unwrap_or_default();
        let positive =
            |amounts: BTreeMap<Severity, (RuleId, i32)>| amounts.into_iter().filter(|(_, (_, amount))| *amount > 0);
        PointTerms {
            deductions: positive(amounts(&self.deduction, category))
                .map(|(severity, (rule, points))| (severity, Deduction { rule, points: Points(points), falls }))
                .collect(),
            repetition: self
                .repetition
                .iter()
                .filter(|repetition| repetition.pattern.matches(category))
                .max_by_key(|repetition| repetition.pattern.narrowness())
                .cloned(),
            late: positive(amounts(&self.late, category))
                .map(|(severity, (rule, points))| (severity, (rule, Points(points))))
                .collect(),
            restoration: positive(amounts(&self.restoration, category)).collect(),
        }
    }
}

/// The matching rules, the narrowest first.
fn by_narrowness<'rules>(
    rules: &'rules [AmountRule],
    category: &CategoryCode,
) -> impl Iterator<Item = &'rules AmountRule> {
    let mut matching: Vec<&AmountRule> = rules.iter().filter(|rule| rule.pattern.matches(category)).collect();
    matching.sort_by_key(|rule| std::cmp::Reverse(rule.pattern.narrowness()));
    matching.into_iter()
}

fn amounts(rules: &[AmountRule], category: &CategoryCode) -> BTreeMap<Severity, (RuleId, i32)> {
    let mut found = BTreeMap::new();
    for rule in by_narrowness(rules, category) {
        for (&severity, &amount) in &rule.amounts {
            found.entry(severity).or_insert_with(|| (rule.id(severity), amount));
        }
    }
    found
}

impl AmountRule {
    fn id(&self, severity: Severity) -> RuleId {
        RuleId::of(&[self.kind, self.pattern.as_str(), severity.code()])
    }
}

impl<'entry> AmountView<'entry> {
    fn of_deduction(entry: &'entry DeductionEntry) -> Self {
        let DeductionEntry { category, general, considerable, serious, grave, major_hazard, falls, source } = entry;
        Self { category, amounts: [general, considerable, serious, grave, major_hazard], falls: *falls, source }
    }

    fn of_amount(entry: &'entry AmountEntry) -> Self {
        let AmountEntry { category, general, considerable, serious, grave, major_hazard, source } = entry;
        Self { category, amounts: [general, considerable, serious, grave, major_hazard], falls: None, source }
    }
}

impl AmountTable {
    fn build(
        &self,
        entries: &[AmountView<'_>],
        catalogue: &Catalogue,
        sources: &mut Sources,
        problems: &mut Problems<'_>,
    ) -> Vec<AmountRule> {
        let mut seen = BTreeSet::new();
        let mut rules = Vec::new();
        for entry in entries {
            let source = filled(entry.source, "source", problems);
            let Some(pattern) = catalogue.pattern(entry.category, problems) else {
                continue;
            };
            if !seen.insert(pattern.as_str().to_owned()) {
                duplicate(entry.category, "category", problems);
            }
            let amounts = self.amounts(entry, problems);
            let rule = AmountRule { kind: self.kind, pattern, amounts, falls: entry.falls };
            sources.extend(rule.amounts.keys().map(|&severity| (rule.id(severity), source.clone())));
            rules.push(rule);
        }
        rules
    }

    fn amounts(&self, entry: &AmountView<'_>, problems: &mut Problems<'_>) -> BTreeMap<Severity, i32> {
        let severities =
            [Severity::General, Severity::Considerable, Severity::Serious, Severity::Grave, Severity::MajorHazard];
        let given =
            severities.into_iter().zip(entry.amounts).filter_map(|(severity, value)| Some((severity, value.as_ref()?)));
        given.filter_map(|(severity, value)| Some((severity, whole(value, 0..=self.amount_max, problems)?))).collect()
    }
}

fn build_repetition(
    entries: &[RepetitionEntry],
    catalogue: &Catalogue,
    sources: &mut Sources,
    problems: &mut Problems<'_>,
) -> Vec<Repetition> {
    let mut seen = BTreeSet::new();
    let mut rules = Vec::new();
    for entry in entries {
        let source = filled(&entry.source, "source", problems);
        let months = whole(&entry.months, 1..=MONTHS_MAX, problems);
        let Some(pattern) = catalogue.pattern(&entry.category, problems) else {
            continue;
        };
        if !seen.insert(pattern.as_str().to_owned()) {
            duplicate(&entry.category, "category", problems);
        }
        let steps = repetition_steps(entry, &pattern, problems);
        sources.extend(steps.iter().map(|step| (step.rule.clone(), source.clone())));
        let Some(months) = months.and_then(|months| u16::try_from(months).ok()) else {
            continue;
        };
        rules.push(Repetition { pattern, months, steps });
    }
    rules
}

fn repetition_steps(
    entry: &RepetitionEntry,
    pattern: &CategoryPattern,
    problems: &mut Problems<'_>,
) -> Vec<RepetitionStep> {
    let mut steps: Vec<RepetitionStep> = Vec::new();
    for step in &entry.steps {
        let prior = whole(&step.prior, 1..=POINTS_MAX, problems);
        let percent = whole(&step.percent, 1..=REPETITION_PERCENT_MAX, problems);
        let (Some(prior), Some(percent)) = (prior.map(i32::unsigned_abs), percent) else {
            continue;
        };
        if steps.last().is_some_and(|last| last.prior >= prior) {
            problems.report(
                step.prior.span(),
                format!("`prior = {prior}` does not come after the step before it"),
                "steps in ascending order of `prior`",
                "put the steps in order",
            );
        }
        let rule = RuleId::of(&["repetition", pattern.as_str(), &prior.to_string()]);
        steps.push(RepetitionStep { rule, prior, percent });
    }
    steps
}

/// A number within bounds, or a problem at its place.
pub(crate) fn whole(
    value: &Located<i64>,
    range: std::ops::RangeInclusive<i64>,
    problems: &mut Problems<'_>,
) -> Option<i32> {
    let number = i32::try_from(**value).ok().filter(|_| range.contains(&**value));
    if number.is_none() {
        problems.report(
            value.span(),
            format!("{} is out of bounds", **value),
            format!("a whole number from {} to {}", range.start(), range.end()),
            "correct the number; amounts are written positive",
        );
    }
    number
}
