//! Which row speaks of which case: by number, then by the case's id, then by what both say.

use fengsui_event::CaseId;
use serde::Serialize;

use super::assign::{Alike, Edge, assign};
use super::case::LogCase;
use super::row::BookRow;
use super::score::{FAR_DAYS, MARGIN, NEEDED, distance, score};
use super::text::text_form;

/// By what a row and a case were found to belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MatchedBy {
    /// A number of a decision or of the case.
    Number,
    /// The case's id.
    CaseId,
    /// Unit, days, category and place.
    Score,
}

/// Why a row has no case though some could be its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Doubt {
    /// Its number names one case and its id another.
    NumberAgainstId,
    /// Several rows or cases have the same number, and what else they say does not tell them apart.
    SameNumber,
    /// Several rows have the same case's id.
    SameCaseId,
    /// Several fit about as well.
    SameScore,
}

/// What was found for each row and each case.
pub(super) struct Matched {
    /// For each row its case.
    pub of_row: Vec<Option<(u32, MatchedBy)>>,
    /// For each case its row.
    pub of_case: Vec<Option<u32>>,
    /// Rows without a case, though some could be their own.
    pub doubts: Vec<(u32, Doubt, Vec<u32>)>,
}

/// Places in a list, sorted by a key of eight bytes. Who finds one compares what it stands for: two may share it.
struct Index(Vec<(u64, u32)>);

impl Index {
    fn of(keys: impl Iterator<Item = (u64, u32)>) -> Self {
        let mut places: Vec<(u64, u32)> = keys.collect();
        places.sort_unstable();
        Self(places)
    }

    fn get(&self, key: u64) -> impl Iterator<Item = u32> + '_ {
        let start = self.0.partition_point(|(other, _)| *other < key);
        self.0[start..].iter().take_while(move |(other, _)| *other == key).map(|(_, place)| *place)
    }
}

/// FNV-1a, 64 bits: the same on every machine, which the standard library's hashes do not promise.
fn key_of(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

fn place(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}

/// How rows and cases are told to be alike.
struct Sides<'a> {
    rows: &'a [BookRow],
    cases: &'a [LogCase],
}

impl Alike for Sides<'_> {
    fn rows(&self, a: u32, b: u32) -> bool {
        self.rows[a as usize].contents() == self.rows[b as usize].contents()
    }

    fn cases(&self, a: u32, b: u32) -> bool {
        same_violation(&self.cases[a as usize], &self.cases[b as usize])
    }
}

/// Whether two cases speak of one violation: unit, day, kind and place are the same, and no agency numbered them apart.
pub(super) fn same_violation(a: &LogCase, b: &LogCase) -> bool {
    let apart = |a: &Option<Box<str>>, b: &Option<Box<str>>| matches!((a, b), (Some(a), Some(b)) if a != b);
    a.unit == b.unit
        && a.found_on == b.found_on
        && a.category == b.category
        && a.region == b.region
        && text_form(&a.address) == text_form(&b.address)
        && !(a.reporter == b.reporter && apart(&a.reference, &b.reference))
}

/// Finds what belongs together. Rows and cases keep their places; the order of rows decides nothing but which of two that
/// say the same is taken.
pub(super) fn find(rows: &[BookRow], cases: &[LogCase]) -> Matched {
    let mut matched = Matched { of_row: vec![None; rows.len()], of_case: vec![None; cases.len()], doubts: Vec::new() };
    let sides = Sides { rows, cases };
    // Rows about which no later step has anything to say.
    let mut is_decided = vec![false; rows.len()];
    let numbers = by_number(rows, cases, &mut matched, &mut is_decided);
    take(&numbers, 1, MatchedBy::Number, Doubt::SameNumber, &sides, &mut matched, &mut is_decided);
    drop(numbers);
    let ids = by_id(rows, cases, &matched, &is_decided);
    take(&ids, 1, MatchedBy::CaseId, Doubt::SameCaseId, &sides, &mut matched, &mut is_decided);
    drop(ids);
    // What could be read of a refused row finds a case only among those that no other row has.
    for refused in [false, true] {
        let scored = by_score(rows, cases, &matched, &is_decided, refused);
        take(&scored, MARGIN, MatchedBy::Score, Doubt::SameScore, &sides, &mut matched, &mut is_decided);
    }
    matched.doubts.sort_unstable();
    matched
}

fn take(
    edges: &[Edge],
    margin: u32,
    by: MatchedBy,
    doubt: Doubt,
    sides: &Sides<'_>,
    matched: &mut Matched,
    is_decided: &mut [bool],
) {
    let assigned = assign(edges, margin, sides);
    for (row, case) in assigned.pairs {
        matched.of_row[row as usize] = Some((case, by));
        matched.of_case[case as usize] = Some(row);
    }
    matched.doubts.extend(assigned.undecided.into_iter().map(|(row, cases)| (row, doubt, cases)));
    // Whose number or id another row has taken is that row again; nothing weaker may find it a case of another row.
    for edge in edges {
        is_decided[edge.row as usize] = true;
    }
}

/// Pairs that share a number. A number that another agency gave counts only within the same unit.
fn by_number(rows: &[BookRow], cases: &[LogCase], matched: &mut Matched, is_decided: &mut [bool]) -> Vec<Edge> {
    let own =
        cases.iter().enumerate().flat_map(|(at, case)| case.own_numbers().map(move |it| (key_of(&it), place(at))));
    let own = Index::of(own);
    let foreign =
        cases.iter().enumerate().flat_map(|(at, case)| case.foreign_numbers().map(move |it| (key_of(&it), place(at))));
    let foreign = Index::of(foreign);
    let ids = id_index(cases);
    let mut edges = Vec::new();
    for (at, row) in rows.iter().enumerate() {
        let mut found: Vec<u32> = Vec::new();
        for number in row.numbers() {
            let key = key_of(&number);
            found.extend(own.get(key).filter(|case| cases[*case as usize].own_numbers().any(|it| it == number)));
            let same_unit = |case: &u32| {
                let case = &cases[*case as usize];
                row.unit.as_ref() == Some(&case.unit) && case.foreign_numbers().any(|it| it == number)
            };
            found.extend(foreign.get(key).filter(same_unit));
        }
        found.sort_unstable();
        found.dedup();
        let named = row.case.and_then(|id| find_id(&ids, cases, id));
        if let Some(named) = named.filter(|named| !found.is_empty() && !found.contains(named)) {
            found.push(named);
            found.sort_unstable();
            is_decided[at] = true;
            matched.doubts.push((place(at), Doubt::NumberAgainstId, found));
            continue;
        }
        // The id decides between cases of one number.
        let found = named.filter(|named| found.contains(named)).map_or(found, |named| vec![named]);
        edges.extend(found.into_iter().map(|case| edge(rows, cases, at, case)));
    }
    edges
}

fn edge(rows: &[BookRow], cases: &[LogCase], row: usize, case: u32) -> Edge {
    Edge { row: place(row), case, score: score(&rows[row], &cases[case as usize]) }
}

/// Cases in the order of their ids.
fn id_index(cases: &[LogCase]) -> Vec<u32> {
    let mut ids: Vec<u32> = (0..cases.len()).map(place).collect();
    ids.sort_unstable_by_key(|case| cases[*case as usize].id);
    ids
}

fn find_id(ids: &[u32], cases: &[LogCase], id: CaseId) -> Option<u32> {
    ids.binary_search_by_key(&id, |case| cases[*case as usize].id).ok().map(|at| ids[at])
}

fn by_id(rows: &[BookRow], cases: &[LogCase], matched: &Matched, is_decided: &[bool]) -> Vec<Edge> {
    let ids = id_index(cases);
    let is_open = |at: usize| matched.of_row[at].is_none() && !is_decided[at];
    let named = |(at, row): (usize, &BookRow)| {
        let case = row.case.filter(|_| is_open(at)).and_then(|id| find_id(&ids, cases, id))?;
        matched.of_case[case as usize].is_none().then(|| edge(rows, cases, at, case))
    };
    rows.iter().enumerate().filter_map(named).collect()
}

/// Pairs of one unit whose days lie near each other and whose score is enough.
fn by_score(rows: &[BookRow], cases: &[LogCase], matched: &Matched, is_decided: &[bool], refused: bool) -> Vec<Edge> {
    let free = |case: usize| matched.of_case[case].is_none();
    let units = Index::of(
        cases
            .iter()
            .enumerate()
            .filter(|(at, _)| free(*at))
            .map(|(at, case)| (key_of(&case.unit.to_string()), place(at))),
    );
    let mut edges = Vec::new();
    for (at, row) in rows.iter().enumerate() {
        let is_open = matched.of_row[at].is_none() && !is_decided[at] && row.refused == refused;
        let (Some(unit), Some(found_on), true) = (&row.unit, row.found_on, is_open) else { continue };
        let near = units.get(key_of(&unit.to_string())).filter(|case| {
            let case = &cases[*case as usize];
            case.unit == *unit && distance(case.found_on, found_on) <= FAR_DAYS
        });
        edges.extend(near.map(|case| edge(rows, cases, at, case)).filter(|edge| edge.score >= NEEDED));
    }
    edges
}
