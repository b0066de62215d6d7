//! Where the tables, the log and the calculation do not say the same.

use fengsui_event::{CaseId, Points};
use serde::Serialize;
use serde_json::Value;

use super::refold::{Refolded, Worked};
use super::selection::Tables;
use crate::fold::Cause;
use crate::query::LedgerLine;
use crate::state::CaseState;

/// One difference. Values are as in JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Difference {
    /// An event's bytes, signature, key, id or subject are not good, and the tables say that it had an effect, or its bytes were changed.
    NotGenuine {
        /// Its position.
        position: u64,
        /// What is wrong.
        cause: Cause,
    },
    /// The tables say that an event had an effect; folded again it has none.
    Refused {
        /// Its position.
        position: u64,
        /// Why.
        cause: Cause,
    },
    /// The tables have an entry that the log does not give.
    NotFromLog {
        /// Its number.
        number: u32,
    },
    /// The log gives an entry that the tables do not have.
    NotInTables {
        /// Its number.
        number: u32,
    },
    /// An entry differs.
    Entry {
        /// Its number.
        number: u32,
        /// In what.
        field: &'static str,
        /// What the tables say.
        tables: String,
        /// What the log gives.
        log: String,
    },
    /// The rulebook gives something else than the entry says.
    Calculation {
        /// The entry's number.
        number: u32,
        /// What the log gives.
        entry: Points,
        /// What the rulebook gives; absent where it gives nothing.
        rulebook: Option<Points>,
    },
    /// A case differs.
    Case {
        /// The case.
        case: CaseId,
        /// In what.
        field: String,
    },
    /// The account's sum differs.
    Account {
        /// What the tables say.
        tables: Points,
        /// What the log gives.
        log: Points,
    },
}

impl Difference {
    /// Whether something is not genuine, rather than only not the same.
    #[must_use]
    pub const fn is_integrity(&self) -> bool {
        matches!(self, Self::NotGenuine { .. })
    }
}

/// Everything that differs: events first, then entries, cases and the account.
pub(super) fn between(tables: &Tables, refolded: &Refolded) -> Vec<Difference> {
    let mut found = Vec::new();
    let register = refolded.register.values().map(|traced| (traced, true));
    let events = refolded.events.values().map(|traced| {
        let known = tables.events.get(&traced.position);
        (traced, known.is_some_and(|known| known.without_effect.is_none()))
    });
    for (traced, has_effect) in register.chain(events) {
        let position = traced.position;
        match (&traced.fault, &traced.without_effect) {
            (Some(cause), _) if has_effect || is_forged(cause) => {
                found.push(Difference::NotGenuine { position, cause: cause.clone() });
            }
            (_, Some(cause)) if has_effect => found.push(Difference::Refused { position, cause: cause.clone() }),
            _ => {}
        }
    }
    entries(tables, refolded, &mut found);
    cases(tables, refolded, &mut found);
    let log = refolded.account.as_ref().map_or(Points::ZERO, |account| account.total);
    if tables.account.total != log {
        found.push(Difference::Account { tables: tables.account.total, log });
    }
    found
}

/// Whether no honest log holds such a record, whoever refused it.
const fn is_forged(cause: &Cause) -> bool {
    matches!(cause, Cause::BadSignature | Cause::IdMismatch { .. } | Cause::Lost)
}

fn entries(tables: &Tables, refolded: &Refolded, found: &mut Vec<Difference>) {
    for line in &tables.entries {
        match refolded.entries.iter().find(|worked| worked.entry.number == line.number) {
            Some(worked) => compare(line, worked, found),
            None => found.push(Difference::NotFromLog { number: line.number }),
        }
    }
    for Worked { entry, calculation, .. } in &refolded.entries {
        let number = entry.number;
        if !tables.entries.iter().any(|line| line.number == number) {
            found.push(Difference::NotInTables { number });
        }
        if !calculation.as_ref().is_some_and(|calculation| calculation.gives(entry)) {
            let rulebook = calculation.as_ref().and_then(|calculation| calculation.points);
            found.push(Difference::Calculation { number, entry: entry.points, rulebook });
        }
    }
}

fn compare(line: &LedgerLine, worked: &Worked, found: &mut Vec<Difference>) {
    let entry = &worked.entry;
    let text = |value: Option<String>| value.unwrap_or_default();
    let fields = [
        ("kind", line.kind.clone(), entry.kind.code().to_owned()),
        ("points", line.points.to_string(), entry.points.to_string()),
        ("position", line.position.to_string(), entry.position.to_string()),
        ("cause", line.cause.to_string(), entry.cause.to_string()),
        ("case", text(line.case.map(|case| case.to_string())), text(entry.case.map(|case| case.to_string()))),
        ("rule", line.rule.clone(), entry.rule.clone()),
        ("rulebook", line.rulebook.clone(), entry.rulebook.clone()),
        ("effective_on", line.effective_on.to_string(), entry.effective_on.to_string()),
        (
            "counted_until",
            text(line.counted_until.map(|date| date.to_string())),
            text(entry.counted_until.map(|date| date.to_string())),
        ),
    ];
    for (field, tables, log) in fields {
        if tables != log {
            found.push(Difference::Entry { number: line.number, field, tables, log });
        }
    }
}

/// Cases are compared field by field. That one is incomplete is known from events that could not be read, which are not folded here.
fn cases(tables: &Tables, refolded: &Refolded, found: &mut Vec<Difference>) {
    for (id, case) in &tables.cases {
        let log = refolded.cases.get(id).map(|log| CaseState { incomplete: case.incomplete, ..log.clone() });
        match log {
            Some(log) if log == *case => {}
            Some(log) => {
                let (tables, log) = (to_fields(case), to_fields(&log));
                let names = tables.keys().filter(|name| tables.get(*name) != log.get(*name));
                found.extend(names.map(|field| Difference::Case { case: *id, field: field.clone() }));
            }
            None => found.push(Difference::Case { case: *id, field: "id".to_owned() }),
        }
    }
}

fn to_fields(case: &CaseState) -> serde_json::Map<String, Value> {
    match serde_json::to_value(case) {
        Ok(Value::Object(fields)) => fields,
        _ => serde_json::Map::new(),
    }
}
