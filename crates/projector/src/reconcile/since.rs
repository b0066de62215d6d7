//! What changed since the reconciliation before this one.

use std::collections::{BTreeMap, HashMap};

use fengsui_event::{Digest, ReconciliationClass};
use serde::{Deserialize, Serialize};

use super::case::LogCase;
use super::classify::Item;
use super::row::BookRow;

/// A difference as it is remembered until the next reconciliation.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Known {
    /// The case's id; of a row without a case what it says, as a digest, so that it is known again at another place.
    pub key: String,
    /// What it was.
    pub class: ReconciliationClass,
}

impl Known {
    /// The differences of an outcome, sorted, each key once.
    #[must_use]
    pub fn of(items: &[Item], rows: &[BookRow], cases: &[LogCase]) -> Vec<Self> {
        let mut seen: HashMap<String, u32> = HashMap::new();
        let mut known: Vec<Self> = items
            .iter()
            .map(|item| {
                let case = item.case.map(|case| cases[case as usize].id.to_string());
                let row = || item.row.map(|row| Digest::of(format!("{:?}", rows[row as usize].contents()).as_bytes()));
                let key = case.or_else(|| row().map(|digest| digest.to_string())).unwrap_or_default();
                let count = seen.entry(key.clone()).or_default();
                *count += 1;
                let key = if *count > 1 { format!("{key}#{count}") } else { key };
                Self { key, class: item.class }
            })
            .collect();
        known.sort_unstable();
        known
    }

    /// The digest of a list, as the event records it.
    #[must_use]
    pub fn digest(list: &[Self]) -> Digest {
        let lines: Vec<String> = list.iter().map(|known| format!("{} {}\n", known.key, known.class)).collect();
        Digest::of(lines.concat().as_bytes())
    }
}

/// What became of the differences.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Since {
    /// Gone, by the class that they were of.
    pub settled: BTreeMap<ReconciliationClass, u64>,
    /// New, by their class.
    pub new: BTreeMap<ReconciliationClass, u64>,
    /// Still there as another class: from, to, how many.
    pub moved: Vec<(ReconciliationClass, ReconciliationClass, u64)>,
    /// Still there as the same.
    pub same: u64,
}

/// Compares two lists of differences.
#[must_use]
pub fn since(before: &[Known], now: &[Known]) -> Since {
    let mut old: BTreeMap<&str, ReconciliationClass> =
        before.iter().map(|known| (known.key.as_str(), known.class)).collect();
    let mut since = Since::default();
    let mut moved: BTreeMap<(ReconciliationClass, ReconciliationClass), u64> = BTreeMap::new();
    for known in now {
        match old.remove(known.key.as_str()) {
            None => *since.new.entry(known.class).or_default() += 1,
            Some(class) if class == known.class => since.same += 1,
            Some(class) => *moved.entry((class, known.class)).or_default() += 1,
        }
    }
    for class in old.into_values() {
        *since.settled.entry(class).or_default() += 1;
    }
    since.moved = moved.into_iter().map(|((from, to), count)| (from, to, count)).collect();
    since
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_gone_new_and_moved_is_told_apart() {
        use ReconciliationClass::{HandledNotFedBack, Late, MissingThere};
        let known = |key: &str, class| Known { key: key.to_owned(), class };
        let before = [known("a", MissingThere), known("b", HandledNotFedBack), known("c", Late)];
        let now = [known("b", Late), known("c", Late), known("d", MissingThere)];
        let found = since(&before, &now);
        assert_eq!(found.settled, BTreeMap::from([(MissingThere, 1)]));
        assert_eq!(found.new, BTreeMap::from([(MissingThere, 1)]));
        assert_eq!(found.moved, [(HandledNotFedBack, Late, 1)]);
        assert_eq!(found.same, 1);
    }
}
