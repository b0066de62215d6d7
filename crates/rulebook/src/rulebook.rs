//! The rulebook as the fold and the nodes ask it.

mod assembly;

use std::collections::{BTreeMap, BTreeSet};

use fengsui_event::{AgencyCode, CategoryCode, Date, Language, Points, Severity};

use crate::calendar::{Calendar, DueDate};
use crate::catalogue::{Agency, Category};
use crate::deadlines::{Deadlines, DeadlinesBySeverity};
use crate::grade::{Grade, Thresholds};
use crate::points::{Deduction, PointTerms, Sources, share};
use crate::problem::{Problems, RulebookError};
use crate::responsibility::{Competent, ResponsibilityRule};
use crate::routing::{RouteQuery, Router, Routing, UnresolvedReason};
use crate::rule_id::RuleId;

/// What the authority decides, parsed and validated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rulebook {
    version: String,
    name_zh: String,
    name_en: String,
    authority: AgencyCode,
    agencies: BTreeMap<AgencyCode, Agency>,
    /// Agencies that run no node.
    outside: BTreeSet<AgencyCode>,
    terms: BTreeMap<CategoryCode, Terms>,
    rules: Vec<ResponsibilityRule>,
    competent: Vec<Competent>,
    /// For categories that this rulebook does not have.
    deadlines_otherwise: DeadlinesBySeverity,
    calendar: Calendar,
    opening_balance: Points,
    counting_months: BTreeMap<Severity, i32>,
    thresholds: Thresholds,
    sources: Sources,
}

/// All that holds for one category, so that each question is one look-up.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Terms {
    category: Category,
    points: PointTerms,
    deadlines: DeadlinesBySeverity,
    /// Indices of the rules that concern it, in the order of their names.
    rules: Vec<usize>,
}

impl Rulebook {
    /// Reads and checks a rulebook's text. The error lists everything that is to be mended.
    pub fn from_toml(text: &str) -> Result<Self, RulebookError> {
        let mut problems = Problems::new(text);
        let book = assembly::assemble(text, &mut problems);
        problems.settle(book)
    }

    /// The text of the default rulebook, which follows the Fire Law's table.
    pub fn default_toml() -> &'static str {
        include_str!("../data/default.toml")
    }

    /// The version by which events name this rulebook.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The rulebook's name.
    pub fn name(&self, language: Language) -> &str {
        language.pick(&self.name_zh, &self.name_en)
    }

    /// The agency that decides what no rule decides (联席会议办公室).
    pub fn authority(&self) -> &AgencyCode {
        &self.authority
    }

    /// The agencies in the order of their codes, those outside the exchange among them.
    pub fn agencies(&self) -> impl Iterator<Item = &Agency> {
        self.agencies.values()
    }

    /// The agency of that code.
    pub fn agency(&self, code: &AgencyCode) -> Option<&Agency> {
        self.agencies.get(code)
    }

    /// The agency's name; its code if this rulebook does not have it.
    pub fn agency_name<'a>(&'a self, code: &'a AgencyCode, language: Language) -> &'a str {
        self.agencies.get(code).map_or(code.as_str(), |agency| agency.name(language))
    }

    /// The categories in the order of their codes.
    pub fn categories(&self) -> impl Iterator<Item = &Category> {
        self.terms.values().map(|terms| &terms.category)
    }

    /// The category of that code.
    pub fn category(&self, code: &CategoryCode) -> Option<&Category> {
        self.terms.get(code).map(|terms| &terms.category)
    }

    /// Where a rule comes from: the law or the local decision.
    pub fn source(&self, rule: &RuleId) -> Option<&str> {
        self.sources.get(rule).map(String::as_str)
    }

    /// Who is responsible. The most specific rule wins: longer region, then longer trade, then exact category before
    /// wildcard and longer wildcard before shorter, then a rule that names severities before one that does not.
    pub fn route(&self, query: &RouteQuery) -> Routing {
        let Some(terms) = self.terms.get(&query.category) else {
            let reason = UnresolvedReason::UnknownCategory { category: query.category.clone() };
            return Routing::Unresolved { reason };
        };
        let rules = terms.rules.iter().filter_map(|&index| self.rules.get(index)).collect();
        let router = Router { rules, competent: &self.competent, authority: self.authority, outside: &self.outside };
        router.route(query)
    }

    /// The deadlines of a case; for an unknown category those of `*`.
    pub fn deadlines(&self, category: &CategoryCode, severity: Severity) -> Deadlines {
        let of_category = self.terms.get(category).map_or(&self.deadlines_otherwise, |terms| &terms.deadlines);
        of_category.of(severity)
    }

    /// The day by which something is due that starts on `from`: the `working_days`-th working day after it. Zero is
    /// `from` itself.
    pub fn working_day_after(&self, from: Date, working_days: u16) -> DueDate {
        self.calendar.working_day_after(from, working_days)
    }

    /// Whether the day is worked; `None` if the calendar does not have its year.
    pub fn is_working_day(&self, day: Date) -> Option<bool> {
        self.calendar.is_working_day(day)
    }

    /// The balance with which an account opens.
    pub fn opening_balance(&self) -> Points {
        self.opening_balance
    }

    /// What a violation costs; `None` for an unknown category and where the rulebook says zero.
    pub fn deduction(&self, category: &CategoryCode, severity: Severity) -> Option<Deduction> {
        self.points(category)?.deductions.get(&severity).cloned()
    }

    /// What comes off besides `base` (positive) when the unit had that many offences of the category within the
    /// [period](Self::repetition_months) before: positive, a percentage of `base` rounded down.
    pub fn repetition(&self, category: &CategoryCode, prior_in_period: u32, base: Points) -> Option<(RuleId, Points)> {
        self.points(category)?.repetition.as_ref()?.surcharge(prior_in_period, base)
    }

    /// For how many calendar months back earlier offences count; zero if repetition costs nothing.
    pub fn repetition_months(&self, category: &CategoryCode) -> u16 {
        self.points(category).and_then(|points| points.repetition.as_ref()).map_or(0, |repetition| repetition.months)
    }

    /// What comes off when the time limit for rectification passes: positive.
    pub fn late_rectification(&self, category: &CategoryCode, severity: Severity) -> Option<(RuleId, Points)> {
        self.points(category)?.late.get(&severity).cloned()
    }

    /// What comes back of the `deducted` points (positive) for rectification in time: positive, a percentage rounded
    /// down, never more than was deducted.
    pub fn timely_restoration(
        &self,
        category: &CategoryCode,
        severity: Severity,
        deducted: Points,
    ) -> Option<(RuleId, Points)> {
        let (rule, percent) = self.points(category)?.restoration.get(&severity)?;
        Some((rule.clone(), share(deducted, *percent)?))
    }

    /// The first day on which an entry no longer counts: `effective` plus calendar months, at a shorter month's end its
    /// last day. `None` if entries of the severity count for ever.
    pub fn counted_until(&self, severity: Severity, effective: Date) -> Option<Date> {
        let months = self.counting_months.get(&severity)?;
        effective.checked_add(jiff::Span::new().months(*months)).ok()
    }

    /// The grade that follows from a balance.
    pub fn grade(&self, balance: Points) -> Grade {
        self.thresholds.grade(balance)
    }

    fn points(&self, category: &CategoryCode) -> Option<&PointTerms> {
        self.terms.get(category).map(|terms| &terms.points)
    }
}
