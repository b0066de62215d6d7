//! Explanations of the golden log: its stories hold every kind of entry, and records that no honest node publishes.

use std::collections::BTreeMap;

use fengsui_event::{CaseId, UnitId};
use fengsui_projector::Cause;
use fengsui_projector::explain::{Basis, Difference, ExplainError, Explanation, Target, What, explain};
use fengsui_projector::query::{AnomalyFilter, CaseFilter};
use fengsui_rulebook::Grade;

use crate::golden::golden;
use crate::harness::{MemoryLog, Model, Scene, date};

const DAY: &str = "2026-01-01";

fn explained(model: &Model, log: &MemoryLog, target: Target) -> Explanation {
    let genesis = Scene::empty().genesis.clone();
    let projector = model.open();
    explain(projector.store().view(), log, genesis, target, date(DAY)).unwrap()
}

fn units(model: &Model) -> Vec<(UnitId, i32)> {
    let projector = model.open();
    let mut units = Vec::new();
    projector
        .store()
        .view()
        .each_unit(date(DAY), None, |row| {
            units.push((row.unit, row.balance.0));
            Ok(())
        })
        .unwrap();
    units
}

#[test]
fn every_entry_of_the_golden_log_follows_from_signed_bytes_and_the_rulebook() {
    let log = golden();
    let (model, projector) = Model::of(&Scene::empty().genesis, &log);
    drop(projector);
    let anomalies = model.open().store().view().anomalies(&AnomalyFilter::default()).unwrap();
    let mut refused = 0;
    let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
    for (unit, balance) in units(&model) {
        let explanation = explained(&model, &log, Target::Unit { unit: unit.clone() });
        // Forged records are refused by the fold as well; they are named all the same, and nothing else is.
        let forged = |difference: &Difference| match difference {
            Difference::NotGenuine { position, cause: Cause::BadSignature | Cause::IdMismatch { .. } } => {
                explanation.event(*position).unwrap().without_effect.is_some()
            }
            _ => false,
        };
        assert!(explanation.differences.iter().all(forged), "{unit}: {:?}", explanation.differences);
        assert_eq!(explanation.balance.0, balance, "{unit}");
        for entry in &explanation.entries {
            let calculation = entry.calculation.as_ref().unwrap();
            assert_eq!(calculation.points, Some(entry.line.points), "{unit} {}", entry.line.number);
            assert_eq!(entry.chain.last(), Some(&entry.line.position));
            *kinds.entry(entry.line.kind.clone()).or_default() += 1;
        }
        for traced in &explanation.events {
            let noted = anomalies.iter().find(|row| row.position == traced.position && !row.notice);
            assert_eq!(traced.without_effect.as_ref(), noted.map(|row| &row.cause), "{unit} {}", traced.position);
            if noted.is_some() {
                assert!(traced.effect.is_empty(), "{unit} {}", traced.position);
                refused += 1;
            } else {
                assert!(traced.genuine, "{unit} {}", traced.position);
            }
        }
    }
    assert!(refused >= 10, "{refused}");
    for kind in ["opening", "deduction", "repetition", "late", "restoration", "correction", "adjustment"] {
        assert!(kinds.contains_key(kind), "{kind}: {kinds:?}");
    }
}

#[test]
fn an_entry_is_explained_by_the_events_up_to_the_one_that_caused_it() {
    let log = golden();
    let (model, projector) = Model::of(&Scene::empty().genesis, &log);
    drop(projector);
    // The hotel: 100, 5 off (considerable), 2 back (40 %, in time), 5 off, and half of 5 more for the second within a year.
    let unit: UnitId = "91350100M000100Y43".parse().unwrap();
    let whole = explained(&model, &log, Target::Unit { unit: unit.clone() });
    let points: Vec<i32> = whole.entries.iter().map(|entry| entry.line.points.0).collect();
    assert_eq!(points, [100, -5, 2, -5, -2, -2]);
    assert_eq!((whole.balance.0, whole.grade), (88, Some(Grade::B)));
    let grading = whole.grading.unwrap().excerpt.unwrap();
    assert!(grading.text.contains("A = 90\nB = 75\nC = 60"), "{}", grading.text);

    let one = explained(&model, &log, Target::Entry { unit: unit.clone(), number: 5 });
    assert_eq!(one.entries.len(), 1);
    let entry = &one.entries[0];
    let first = whole.entries[1].line.case.unwrap();
    let Basis::Repetition { base, months, offences, .. } = &entry.calculation.as_ref().unwrap().basis else {
        panic!("{entry:?}")
    };
    assert_eq!((base.0, *months, offences.as_slice()), (5, 12, &[first][..]));
    let rule = &entry.calculation.as_ref().unwrap().rules[0];
    assert_eq!(rule.rule, "repetition/*/1");
    assert!(rule.excerpt.as_ref().unwrap().text.contains("{ prior = 1, percent = 50 }"));
    assert_eq!(one.events.last().unwrap().position, entry.line.position);
    assert!(one.events.iter().all(|traced| traced.case == entry.line.case && traced.genuine));
    let effect = &one.events.last().unwrap().effect;
    let entries: Vec<&str> =
        effect.iter().filter(|change| change.what == What::Entry).map(|change| change.of.as_deref().unwrap()).collect();
    assert_eq!(entries, ["4", "5"]);
    // The rulebook and the keys of those who acted are traced back to the exchange file's key.
    assert!(one.register.iter().all(|traced| traced.genuine));
    let roots = one.register.iter().filter(|traced| traced.key.as_ref().unwrap().since == Some(0)).count();
    assert!(
        roots > 0
            && one
                .register
                .iter()
                .any(|traced| traced.type_text.as_deref() == Some("cn.fengsui.rulebook.published.v1"))
    );
}

#[test]
fn an_altered_event_is_named_and_what_followed_from_it_does_not_follow_any_more() {
    let log = golden();
    let (model, projector) = Model::of(&Scene::empty().genesis, &log);
    let unit: UnitId = "91350100M000100Y43".parse().unwrap();
    let ledger = projector.store().view().ledger(&unit, date(DAY)).unwrap();
    drop(projector);
    let position = ledger.iter().find(|line| line.number == 2).unwrap().position;
    let mut altered = log.clone();
    let bytes = &mut altered.records[usize::try_from(position).unwrap() - 1].bytes;
    let at = bytes.len() - 4;
    bytes[at] ^= 1;
    let explanation = explained(&model, &altered, Target::Entry { unit: unit.clone(), number: 2 });
    assert!(explanation.is_broken());
    let first = &explanation.differences[0];
    assert!(matches!(first, Difference::NotGenuine { position: found, .. } if *found == position), "{first:?}");
    assert!(explanation.differences.contains(&Difference::NotFromLog { number: 2 }) || !explanation.entries[0].agrees);
    assert!(!explanation.entries[0].agrees);

    // The rulebook's publication is what every entry rests on.
    let mut altered = log.clone();
    let rulebook = altered.records.iter().position(|record| record.subject.ends_with("rulebook.published")).unwrap();
    altered.records[rulebook].signature[0] ^= 1;
    let explanation = explained(&model, &altered, Target::Entry { unit, number: 1 });
    assert!(explanation.is_broken() && !explanation.entries[0].agrees);
    assert_eq!(explanation.register.iter().filter(|traced| !traced.genuine).count(), 1);
}

#[test]
fn tables_that_say_something_else_are_told_apart_from_a_log_that_does() {
    let log = golden();
    let (model, projector) = Model::of(&Scene::empty().genesis, &log);
    let unit: UnitId = "91350100M000100Y43".parse().unwrap();
    let sql = "UPDATE entries SET points = -4 WHERE unit = ?1 AND number = 2";
    assert_eq!(projector.store().connection().execute(sql, [unit.to_string()]).unwrap(), 1);
    let filter = CaseFilter { unit: Some(unit.clone()), ..CaseFilter::default() };
    let case: CaseId = projector.store().view().cases(&filter).unwrap()[0].case;
    drop(projector);
    let explanation = explained(&model, &log, Target::Case { case });
    let expected = Difference::Entry { number: 2, field: "points", tables: "-4".to_owned(), log: "-5".to_owned() };
    let tables: Vec<&Difference> = explanation.differences.iter().filter(|found| !found.is_integrity()).collect();
    assert_eq!(tables, [&expected]);
    assert_eq!(explanation.entries.iter().filter(|entry| !entry.agrees).count(), 1);
}

#[test]
fn what_is_not_there_is_said_to_be_so() {
    let log = golden();
    let (model, projector) = Model::of(&Scene::empty().genesis, &log);
    drop(projector);
    let projector = model.open();
    let refused = |target: Target| {
        let genesis = Scene::empty().genesis.clone();
        explain(projector.store().view(), &log, genesis, target, date(DAY)).unwrap_err()
    };
    let unit: UnitId = "91350100M000100Y43".parse().unwrap();
    let number = refused(Target::Entry { unit: unit.clone(), number: 7 });
    assert!(matches!(number, ExplainError::NoSuchEntry { number: 7, entries: 6, .. }), "{number}");
    assert!(matches!(refused(Target::Unit { unit: "local.none:1".parse().unwrap() }), ExplainError::NoSuchUnit(_)));
    let case = CaseId::of("01KDZ5T0000000000000000000".parse().unwrap());
    assert!(matches!(refused(Target::Case { case }), ExplainError::NoSuchCase(_)));
}
