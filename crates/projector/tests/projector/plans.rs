//! Hot reads find their rows by key or index: no table is scanned and nothing is sorted apart.

use rusqlite::Connection;

use fengsui_projector::query::SEARCHED_SQL;

use crate::harness::{Model, Scene};

const HOT: &[(&str, &str)] = &[
    ("a case", "SELECT state FROM cases WHERE id = ?1"),
    ("an account", "SELECT state FROM accounts WHERE unit = ?1"),
    ("an id", "SELECT position, digest FROM event_ids WHERE id = ?1"),
    ("a ledger", "SELECT * FROM entries WHERE unit = ?1 ORDER BY number"),
    ("a unit's cases", "SELECT id, status FROM cases WHERE unit = ?1"),
    ("open cases", "SELECT id FROM cases WHERE status = 'open'"),
    ("a reporter's cases", "SELECT id FROM cases WHERE reporter = ?1 AND status = ?2"),
    ("a case's referrals", "SELECT * FROM referrals WHERE case_id = ?1 ORDER BY slot"),
    ("a referral", "SELECT case_id, slot FROM referrals WHERE id = ?1"),
    ("an inbox", "SELECT case_id, slot FROM referrals WHERE addressee = ?1 AND status = ?2"),
    ("what was sent", "SELECT case_id, slot FROM referrals WHERE issuer = ?1 AND status = ?2"),
    ("deadlines of an agency", "SELECT * FROM deadlines WHERE agency = ?1 AND due_on < ?2 ORDER BY due_on"),
    ("deadlines of a case", "SELECT * FROM deadlines WHERE case_id = ?1"),
    ("a feedback", "SELECT case_id, slot FROM feedback WHERE id = ?1"),
    ("expiring entries", "SELECT unit, number FROM entries WHERE counted_until IS NOT NULL AND counted_until <= ?1"),
    ("anomalies of a kind", "SELECT number FROM anomalies WHERE code = ?1"),
    ("anomalies of a case", "SELECT number FROM anomalies WHERE case_id IS NOT NULL AND case_id = ?1"),
    ("anomalies from a number on", "SELECT * FROM anomalies WHERE number > ?1 ORDER BY number"),
    ("the position of a day", "SELECT position FROM days WHERE day <= ?1 ORDER BY day DESC LIMIT 1"),
];

fn plan(connection: &Connection, sql: &str) -> Vec<String> {
    let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
    let parameters = statement.parameter_count();
    let values = vec![rusqlite::types::Value::Null; parameters];
    let rows = statement.query_map(rusqlite::params_from_iter(values), |row| row.get(3)).unwrap();
    rows.map(Result::unwrap).collect()
}

fn assert_hot(connection: &Connection) {
    let own = SEARCHED_SQL.iter().map(|sql| (*sql, *sql));
    for (name, sql) in HOT.iter().copied().chain(own) {
        let steps = plan(connection, sql);
        assert!(!steps.is_empty(), "{name}");
        for step in &steps {
            let by_key = step.starts_with("SEARCH") && (step.contains("PRIMARY KEY") || step.contains("INDEX"));
            assert!(by_key && !step.contains("AUTOMATIC"), "{name}: {steps:?}");
        }
    }
}

#[test]
fn a_followed_model_is_searched() {
    let scene = Scene::new();
    let (_model, projector) = Model::of(&scene.genesis, &scene.log);
    assert_hot(projector.store().connection());
}

/// A rebuild makes its indexes last and gathers statistics: the plans must be the same.
#[test]
fn a_rebuilt_model_is_searched() {
    let scene = Scene::new();
    let model = Model::new(&scene.genesis);
    model.rebuild(&scene.log);
    assert_hot(model.open().store().connection());
}
