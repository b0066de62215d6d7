//! The entries about responsibility, checked and ready to be asked.

use std::collections::{BTreeMap, BTreeSet};

use fengsui_event::{AgencyCode, CategoryCode, ReferralRole, RegionCode, RegionLevel, Severity, TradeCode};

use crate::catalogue::{Catalogue, duplicate, filled, parse};
use crate::document::{CompetentEntry, Document, ResponsibilityEntry};
use crate::located::Located;
use crate::pattern::{CategoryPattern, Narrowness};
use crate::points::Sources;
use crate::problem::Problems;
use crate::routing::RouteQuery;
use crate::rule_id::{RuleId, RuleIdError};

/// Who leads, assists and is told, and for what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ResponsibilityRule {
    pub(crate) id: RuleId,
    categories: Vec<CategoryPattern>,
    trades: Vec<TradeCode>,
    severities: BTreeSet<Severity>,
    regions: Vec<RegionCode>,
    pub(crate) lead: AgencyCode,
    pub(crate) assisting: BTreeSet<AgencyCode>,
    pub(crate) informed: BTreeSet<AgencyCode>,
}

/// How specific a rule is for a question. Compared field by field in this order; the greatest wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Specificity {
    /// Digits of the region that count: 0, 2, 4 or 6.
    region_digits: u8,
    /// Characters of the trade's code, 0 if the rule names none.
    trade_length: usize,
    category: Narrowness,
    names_severity: bool,
}

impl ResponsibilityRule {
    /// Whether the rule speaks of the category at all, whatever trade, place and severity.
    pub(crate) fn concerns(&self, category: &CategoryCode) -> bool {
        self.categories.iter().any(|pattern| pattern.matches(category))
    }

    /// How specific the rule is for the question; `None` if it does not apply.
    pub(crate) fn specificity(&self, query: &RouteQuery) -> Option<Specificity> {
        let category = self.categories.iter().filter(|pattern| pattern.matches(&query.category));
        let category = category.map(CategoryPattern::narrowness).max()?;
        let region_digits = longest(&self.regions, |region| region.contains(query.region), |region| digits(*region))?;
        let trade_length = longest(
            &self.trades,
            |trade| query.trade.is_some_and(|of_unit| trade.contains(&of_unit)),
            |trade| trade.as_str().len(),
        )?;
        let names_severity = !self.severities.is_empty();
        (!names_severity || self.severities.contains(&query.severity)).then_some(Specificity {
            region_digits,
            trade_length,
            category,
            names_severity,
        })
    }

    fn build(entry: &ResponsibilityEntry, catalogue: &Catalogue, problems: &mut Problems<'_>) -> Option<Self> {
        let id = rule_id(&entry.id, problems);
        let categories = entry.category.iter().filter_map(|text| catalogue.pattern(text, problems)).collect();
        let trades = parse_all(&entry.trade, "a code of GB/T 4754-2017 such as H61", problems);
        let severities = parse_all(&entry.severity, "a severity", problems);
        let regions = parse_all(&entry.region, "a code of GB/T 2260 such as 350600", problems);
        let mut agencies = |texts: &[Located<String>]| -> BTreeSet<AgencyCode> {
            texts.iter().filter_map(|text| catalogue.agency(text, problems)).collect()
        };
        let (assisting, informed) = (agencies(&entry.assisting), agencies(&entry.informed));
        let lead = catalogue.agency(&entry.lead, problems);
        if entry.category.is_empty() {
            problems.report(
                entry.id.span(),
                "the rule names no category",
                "at least one category or `*`",
                "add `category`",
            );
        }
        Some(Self {
            id: id?,
            categories,
            trades,
            severities: severities.into_iter().collect(),
            regions,
            lead: lead?,
            assisting,
            informed,
        })
    }
}

/// The competent department (主管部门) of a trade.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Competent {
    trades: Vec<TradeCode>,
    pub(crate) agency: AgencyCode,
    pub(crate) role: ReferralRole,
}

impl Competent {
    /// The departments whose prefix matches longest; a shorter prefix that matches as well is overridden.
    pub(crate) fn of_trade(all: &[Self], trade: TradeCode) -> Vec<&Self> {
        let length = |competent: &Self| {
            let matching = competent.trades.iter().filter(|prefix| prefix.contains(&trade));
            matching.map(|prefix| prefix.as_str().len()).max()
        };
        let longest = all.iter().filter_map(length).max();
        all.iter().filter(|competent| longest.is_some() && length(competent) == longest).collect()
    }

    fn build(entry: &CompetentEntry, catalogue: &Catalogue, problems: &mut Problems<'_>) -> Option<Self> {
        filled(&entry.source, "source", problems);
        let trades = parse_all(&entry.trade, "a code of GB/T 4754-2017 such as H61", problems);
        let agency = catalogue.agency(&entry.agency, problems);
        let role: Option<ReferralRole> = parse(&entry.role, "informed or assisting", problems);
        if matches!(role, Some(ReferralRole::Lead | ReferralRole::Deciding)) {
            problems.report(
                entry.role.span(),
                format!("a competent department cannot be `{}`", *entry.role),
                "informed or assisting",
                "name leads under [[responsibility]]",
            );
        }
        Some(Self { trades, agency: agency?, role: role? })
    }
}

pub(crate) fn build_rules(
    document: &Document,
    catalogue: &Catalogue,
    sources: &mut Sources,
    problems: &mut Problems<'_>,
) -> Vec<ResponsibilityRule> {
    let mut rules = BTreeMap::new();
    for entry in &document.responsibility {
        let source = filled(&entry.source, "source", problems);
        let Some(rule) = ResponsibilityRule::build(entry, catalogue, problems) else {
            continue;
        };
        sources.insert(rule.id.clone(), source);
        if rules.insert(rule.id.clone(), rule).is_some() {
            duplicate(&entry.id, "id", problems);
        }
    }
    rules.into_values().collect()
}

pub(crate) fn build_competent(
    document: &Document,
    catalogue: &Catalogue,
    problems: &mut Problems<'_>,
) -> Vec<Competent> {
    document.competent.iter().filter_map(|entry| Competent::build(entry, catalogue, problems)).collect()
}

/// The greatest length among the matching prefixes; zero if there are no prefixes, `None` if none of them matches.
fn longest<P, L: Ord + Default>(prefixes: &[P], matches: impl Fn(&P) -> bool, length: impl Fn(&P) -> L) -> Option<L> {
    if prefixes.is_empty() {
        return Some(L::default());
    }
    prefixes.iter().filter(|prefix| matches(prefix)).map(length).max()
}

fn digits(region: RegionCode) -> u8 {
    match region.level() {
        RegionLevel::State => 0,
        RegionLevel::Province => 2,
        RegionLevel::Prefecture => 4,
        RegionLevel::County => 6,
    }
}

fn rule_id(text: &Located<String>, problems: &mut Problems<'_>) -> Option<RuleId> {
    let named: Result<RuleId, RuleIdError> = format!("responsibility/{}", **text).parse();
    if named.is_err() || text.contains(['/', '*']) {
        let expected = "lower-case letters, digits, dots and hyphens";
        problems.report(text.span(), format!("`{}` does not name a rule", **text), expected, "rename the rule");
    }
    named.ok()
}

fn parse_all<T>(texts: &[Located<String>], expected: &str, problems: &mut Problems<'_>) -> Vec<T>
where
    T: std::str::FromStr<Err: std::fmt::Display>,
{
    texts.iter().filter_map(|text| parse(text, expected, problems)).collect()
}
