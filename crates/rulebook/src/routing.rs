//! Who is responsible: one lead, or no one clearly, which is for the authority to decide.

use std::collections::BTreeSet;
use std::fmt;

use fengsui_event::{AgencyCode, CategoryCode, ReferralRole, RegionCode, Severity, TradeCode};

use crate::responsibility::{Competent, ResponsibilityRule};
use crate::rule_id::RuleId;

/// Of which violation the responsible agency is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteQuery {
    /// Kind of violation.
    pub category: CategoryCode,
    /// How grave it is.
    pub severity: Severity,
    /// The unit's trade, where known. Rules that name a trade do not apply to an unknown one.
    pub trade: Option<TradeCode>,
    /// Where it was found.
    pub region: RegionCode,
    /// Who found it.
    pub reporter: AgencyCode,
}

/// Who is responsible. Lists are sorted and without repetition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Routing {
    /// One agency leads.
    Assigned {
        /// The rule that says so; of several that agree, the first by name.
        rule: RuleId,
        /// 主办. May be the reporter itself.
        lead: AgencyCode,
        /// 协办, without the lead.
        assisting: Vec<AgencyCode>,
        /// 知会, without the lead, the assisting and the reporter.
        informed: Vec<AgencyCode>,
    },
    /// No agency of the exchange can be named: the authority decides.
    Unresolved {
        /// Why.
        reason: UnresolvedReason,
    },
    /// Equally specific rules name different leads: the authority decides.
    Overlap {
        /// The rules.
        rules: Vec<RuleId>,
        /// The leads they name.
        candidates: Vec<AgencyCode>,
    },
}

/// Why no agency of the exchange can be named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UnresolvedReason {
    /// The rulebook does not have the category.
    UnknownCategory {
        /// The category.
        category: CategoryCode,
    },
    /// No rule applies.
    NoRule {
        /// The category.
        category: CategoryCode,
        /// The unit's trade.
        trade: Option<TradeCode>,
        /// The place.
        region: RegionCode,
    },
    /// The law names an agency that runs no node: the authority carries the matter there and the answer back.
    OutsideExchange {
        /// The rule that names it.
        rule: RuleId,
        /// The agency.
        agency: AgencyCode,
    },
}

impl UnresolvedReason {
    /// A short code for tables.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::UnknownCategory { .. } => "unknown-category",
            Self::NoRule { .. } => "no-rule",
            Self::OutsideExchange { .. } => "outside-exchange",
        }
    }
}

impl fmt::Display for UnresolvedReason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: ", self.code())?;
        match self {
            Self::UnknownCategory { category } => {
                write!(formatter, "the rulebook does not have category {category}")
            }
            Self::NoRule { category, trade: Some(trade), region } => {
                write!(formatter, "no rule for category {category}, trade {trade}, region {region}")
            }
            Self::NoRule { category, trade: None, region } => {
                write!(formatter, "no rule for category {category}, trade unknown, region {region}")
            }
            Self::OutsideExchange { rule, agency } => {
                write!(formatter, "{rule} names {agency}, which is not on the exchange")
            }
        }
    }
}

/// What routing needs to know besides the question.
pub(crate) struct Router<'book> {
    /// The rules that concern the category, in the order of their names.
    pub(crate) rules: Vec<&'book ResponsibilityRule>,
    pub(crate) competent: &'book [Competent],
    pub(crate) authority: AgencyCode,
    /// Agencies that run no node.
    pub(crate) outside: &'book BTreeSet<AgencyCode>,
}

impl Router<'_> {
    pub(crate) fn route(&self, query: &RouteQuery) -> Routing {
        let winners = self.most_specific(query);
        let leads: BTreeSet<AgencyCode> = winners.iter().map(|rule| rule.lead).collect();
        let Some(first) = winners.first() else {
            let RouteQuery { category, trade, region, .. } = query.clone();
            return Routing::Unresolved { reason: UnresolvedReason::NoRule { category, trade, region } };
        };
        if leads.len() > 1 {
            return Routing::Overlap {
                rules: winners.iter().map(|rule| rule.id.clone()).collect(),
                candidates: leads.into_iter().collect(),
            };
        }
        if self.outside.contains(&first.lead) {
            let reason = UnresolvedReason::OutsideExchange { rule: first.id.clone(), agency: first.lead };
            return Routing::Unresolved { reason };
        }
        self.assign(first, &winners, query)
    }

    fn most_specific(&self, query: &RouteQuery) -> Vec<&ResponsibilityRule> {
        let best = self.rules.iter().filter_map(|rule| rule.specificity(query)).max();
        let is_best = |rule: &&&ResponsibilityRule| best.is_some() && rule.specificity(query) == best;
        self.rules.iter().filter(is_best).copied().collect()
    }

    fn assign(&self, first: &ResponsibilityRule, winners: &[&ResponsibilityRule], query: &RouteQuery) -> Routing {
        let mut assisting: BTreeSet<AgencyCode> = winners.iter().flat_map(|rule| &rule.assisting).copied().collect();
        let mut informed: BTreeSet<AgencyCode> = winners.iter().flat_map(|rule| &rule.informed).copied().collect();
        for competent in query.trade.map(|trade| Competent::of_trade(self.competent, trade)).unwrap_or_default() {
            let role = if competent.role == ReferralRole::Assisting { &mut assisting } else { &mut informed };
            role.insert(competent.agency);
        }
        // An inbox that nobody opens is no addressee: the authority is told in its place and passes it on.
        if assisting.union(&informed).any(|agency| self.outside.contains(agency)) {
            informed.insert(self.authority);
        }
        let is_inside = |agency: &AgencyCode| !self.outside.contains(agency) && *agency != first.lead;
        assisting.retain(is_inside);
        informed.retain(|agency| is_inside(agency) && *agency != query.reporter && !assisting.contains(agency));
        Routing::Assigned {
            rule: first.id.clone(),
            lead: first.lead,
            assisting: assisting.into_iter().collect(),
            informed: informed.into_iter().collect(),
        }
    }
}
