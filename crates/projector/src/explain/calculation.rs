//! How an entry's points follow from the rulebook: computed by the rulebook's own functions from the case as it stood, not taken from the
//! entry and not from the fold.

use fengsui_event::{CaseId, CategoryCode, Date, Payload, Points, Severity};
use fengsui_rulebook::{Excerpt, Passage, PointsFall, RuleId, Rulebook, excerpt};
use serde::Serialize;

use crate::fold::Touched;
use crate::state::{CaseState, EntryKind, LedgerEntry, Offence, PublishedRulebook};

/// From what an entry's points follow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Basis {
    /// The balance with which an account opens.
    Opening,
    /// Points by category and severity.
    Deduction {
        /// Kind of violation.
        category: CategoryCode,
        /// Gravity.
        severity: Severity,
        /// At which stage they fall.
        falls: PointsFall,
    },
    /// A share of the deduction for earlier offences of the category.
    Repetition {
        /// Kind of violation.
        category: CategoryCode,
        /// The deduction of which it is a share: positive.
        base: Points,
        /// Months that count.
        months: u16,
        /// Day after which earlier offences count.
        since: Date,
        /// The cases that count.
        offences: Vec<CaseId>,
    },
    /// Points for missing the time limit.
    Late {
        /// Kind of violation.
        category: CategoryCode,
        /// Gravity.
        severity: Severity,
        /// Last day of the order.
        due_on: Option<Date>,
    },
    /// A share of the deduction for timely rectification.
    Restoration {
        /// Kind of violation.
        category: CategoryCode,
        /// Gravity.
        severity: Severity,
        /// Points that were taken: positive.
        taken: Points,
        /// The entry that took them.
        entry: u32,
    },
    /// The opposite of another entry.
    Correction {
        /// That entry.
        reverses: u32,
        /// Its points.
        of: Points,
    },
    /// A decision of the authority.
    Adjustment {
        /// Why.
        reason: String,
        /// The provision.
        legal_basis: String,
    },
}

/// A rule with the rulebook's own lines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct QuotedRule {
    /// The rule, as entries and referrals name it.
    pub rule: String,
    /// The rulebook's version.
    pub rulebook: String,
    /// Legal or local source.
    pub source: Option<String>,
    /// The lines of the rulebook's text.
    pub excerpt: Option<Excerpt>,
}

/// An entry computed a second time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Calculation {
    /// From what.
    pub basis: Basis,
    /// The points that follow, signed; absent where the rulebook gives none.
    pub points: Option<Points>,
    /// First day on which they no longer count.
    pub counted_until: Option<Date>,
    /// The rules that say so.
    pub rules: Vec<QuotedRule>,
}

impl Calculation {
    /// Whether it gives the entry: points, rule and for how long they count.
    pub(super) fn gives(&self, entry: &LedgerEntry) -> bool {
        let rule = self.rules.first().is_none_or(|rule| rule.rule == entry.rule);
        self.points == Some(entry.points) && self.counted_until == entry.counted_until && rule
    }
}

/// What an entry is computed from.
pub(super) struct Circumstances<'a> {
    /// Case and account before the event.
    pub(super) before: &'a Touched,
    /// The case after it.
    pub(super) case: Option<&'a CaseState>,
    /// The rulebook in force.
    pub(super) published: &'a PublishedRulebook,
    /// What the event says.
    pub(super) payload: &'a Payload,
    /// The unit's entries before this one.
    pub(super) earlier: &'a [LedgerEntry],
}

impl Circumstances<'_> {
    fn book(&self) -> &Rulebook {
        &self.published.book
    }

    /// Computes the entry.
    pub(super) fn calculate(&self, entry: &LedgerEntry) -> Option<Calculation> {
        match entry.kind {
            EntryKind::Opening => Some(self.opening()),
            EntryKind::Deduction => self.deduction(entry.effective_on),
            EntryKind::Repetition => self.repetition(entry.effective_on),
            EntryKind::Late => self.late(entry.effective_on),
            EntryKind::Restoration => self.restoration(),
            EntryKind::Correction => self.correction(entry),
            EntryKind::Adjustment => self.adjustment(),
        }
    }

    /// The kind and gravity on which points depend. Neither can be amended once points have fallen.
    fn terms(&self) -> Option<(&CategoryCode, Severity)> {
        let case = self.before.case.as_deref().or(self.case)?;
        Some((&case.category, case.severity))
    }

    fn quoted(&self, rule: &RuleId) -> QuotedRule {
        quoted(self.published, rule)
    }

    fn counting(&self, severity: Severity) -> Option<QuotedRule> {
        let excerpt = excerpt(&self.published.text, Passage::Counting(severity))?;
        let (rule, rulebook) = (format!("counting/{}", severity.code()), self.book().version().to_owned());
        Some(QuotedRule { rule, rulebook, source: None, excerpt: Some(excerpt) })
    }

    fn opening(&self) -> Calculation {
        let rule = QuotedRule {
            rule: "opening".to_owned(),
            rulebook: self.book().version().to_owned(),
            source: None,
            excerpt: excerpt(&self.published.text, Passage::Opening),
        };
        let points = Some(self.book().opening_balance());
        Calculation { basis: Basis::Opening, points, counted_until: None, rules: vec![rule] }
    }

    fn deduction(&self, on: Date) -> Option<Calculation> {
        let (category, severity) = self.terms()?;
        let deduction = self.book().deduction(category, severity)?;
        let rules = std::iter::once(self.quoted(&deduction.rule)).chain(self.counting(severity)).collect();
        Some(Calculation {
            basis: Basis::Deduction { category: category.clone(), severity, falls: deduction.falls },
            points: deduction.points.checked_neg(),
            counted_until: self.book().counted_until(severity, on),
            rules,
        })
    }

    fn repetition(&self, on: Date) -> Option<Calculation> {
        let (category, severity) = self.terms()?;
        let base = self.book().deduction(category, severity)?.points;
        let months = self.book().repetition_months(category);
        let since = on.saturating_sub(jiff::Span::new().months(i32::from(months)));
        let earlier = self.before.account.as_deref().map_or(&[][..], |account| &account.offences);
        let counts = |offence: &&Offence| offence.category == *category && offence.on > since && offence.on <= on;
        let offences: Vec<CaseId> = earlier.iter().filter(counts).map(|offence| offence.case).collect();
        let prior = u32::try_from(offences.len()).ok()?;
        let given = self.book().repetition(category, prior, base);
        let rules = given.iter().map(|(rule, _)| self.quoted(rule)).chain(self.counting(severity)).collect();
        Some(Calculation {
            basis: Basis::Repetition { category: category.clone(), base, months, since, offences },
            points: given.and_then(|(_, points)| points.checked_neg()),
            counted_until: self.book().counted_until(severity, on),
            rules,
        })
    }

    fn late(&self, on: Date) -> Option<Calculation> {
        let (category, severity) = self.terms()?;
        let (rule, points) = self.book().late_rectification(category, severity)?;
        let order = self.before.case.as_deref().and_then(|case| case.rectification.as_ref());
        Some(Calculation {
            basis: Basis::Late { category: category.clone(), severity, due_on: order.map(|order| order.due_on) },
            points: points.checked_neg(),
            counted_until: self.book().counted_until(severity, on),
            rules: std::iter::once(self.quoted(&rule)).chain(self.counting(severity)).collect(),
        })
    }

    /// What is given back counts as long as what was taken.
    fn restoration(&self) -> Option<Calculation> {
        let (category, severity) = self.terms()?;
        // An agency that deals with its own finding takes points and gives them back in one event, so the case after it is looked at.
        let case = self.case?;
        let charge = case.charges.iter().find(|charge| charge.kind == EntryKind::Deduction && !charge.reversed)?;
        let deducted = self.earlier.iter().find(|entry| entry.number == charge.entry)?;
        let taken = deducted.points.checked_neg()?;
        let (rule, points) = self.book().timely_restoration(category, severity, taken)?;
        Some(Calculation {
            basis: Basis::Restoration { category: category.clone(), severity, taken, entry: deducted.number },
            points: Some(points),
            counted_until: deducted.counted_until,
            rules: vec![self.quoted(&rule)],
        })
    }

    fn correction(&self, entry: &LedgerEntry) -> Option<Calculation> {
        let number: u32 = entry.rule.strip_prefix("reverses/")?.parse().ok()?;
        let reversed = self.earlier.iter().find(|earlier| earlier.number == number)?;
        Some(Calculation {
            basis: Basis::Correction { reverses: number, of: reversed.points },
            points: reversed.points.checked_neg(),
            counted_until: reversed.counted_until.map(|until| until.max(entry.effective_on)),
            rules: Vec::new(),
        })
    }

    fn adjustment(&self) -> Option<Calculation> {
        let Payload::CreditAdjusted(data) = self.payload else { return None };
        let basis = Basis::Adjustment { reason: data.reason.clone(), legal_basis: data.legal_basis.clone() };
        Some(Calculation { basis, points: Some(data.points), counted_until: None, rules: Vec::new() })
    }
}

/// A rule with the lines of the rulebook in which it stands.
pub(super) fn quoted(published: &PublishedRulebook, rule: &RuleId) -> QuotedRule {
    QuotedRule {
        rule: rule.to_string(),
        rulebook: published.book.version().to_owned(),
        source: published.book.source(rule).map(str::to_owned),
        excerpt: excerpt(&published.text, Passage::Rule(rule)),
    }
}
