//! From "these could belong together" to "these do": each row to at most one case, and each case to at most one row.

use std::collections::BTreeMap;

/// That a row and a case could belong together, and how well they fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Edge {
    pub row: u32,
    pub case: u32,
    pub score: u32,
}

/// What decides between edges.
pub(super) trait Alike {
    /// Whether two rows say the same, so that it does not matter which of them is taken.
    fn rows(&self, a: u32, b: u32) -> bool;
    /// The same of two cases.
    fn cases(&self, a: u32, b: u32) -> bool;
}

/// What became of the edges.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Assigned {
    /// Row and case that belong together.
    pub pairs: Vec<(u32, u32)>,
    /// Rows for which nothing decides, with the cases that are left to them.
    pub undecided: Vec<(u32, Vec<u32>)>,
}

/// Assigns, group by group: what is joined by no edge has no bearing on each other, so a group is small.
pub(super) fn assign(edges: &[Edge], margin: u32, alike: &impl Alike) -> Assigned {
    let mut assigned = Assigned::default();
    let of_row = degrees(edges.iter().map(|edge| edge.row));
    let of_case = degrees(edges.iter().map(|edge| edge.case));
    let is_alone = |edge: &Edge| of_row[edge.row as usize] == 1 && of_case[edge.case as usize] == 1;
    let (alone, joined): (Vec<Edge>, Vec<Edge>) = edges.iter().copied().partition(is_alone);
    assigned.pairs.extend(alone.iter().map(|edge| (edge.row, edge.case)));
    for group in groups(&joined) {
        settle(group, margin, alike, &mut assigned);
    }
    assigned.pairs.sort_unstable();
    assigned.undecided.sort_unstable();
    assigned
}

/// How many edges end at each place.
fn degrees(ends: impl Iterator<Item = u32>) -> Vec<u32> {
    let mut degrees = Vec::new();
    for end in ends.map(|end| end as usize) {
        if degrees.len() <= end {
            degrees.resize(end + 1, 0);
        }
        degrees[end] += 1;
    }
    degrees
}

/// Places of edges by the row or the case at which they end.
type Ends = BTreeMap<u32, Vec<usize>>;

fn ends(edges: &[Edge]) -> (Ends, Ends) {
    let (mut of_row, mut of_case) = (Ends::new(), Ends::new());
    for (index, edge) in edges.iter().enumerate() {
        of_row.entry(edge.row).or_default().push(index);
        of_case.entry(edge.case).or_default().push(index);
    }
    (of_row, of_case)
}

/// Takes the pair that is best for its row and for its case, as long as there is one; what then is left is undecided.
fn settle(mut group: Vec<Edge>, margin: u32, alike: &impl Alike, assigned: &mut Assigned) {
    group.sort_unstable_by_key(|edge| (std::cmp::Reverse(edge.score), edge.row, edge.case));
    let (of_row, of_case) = ends(&group);
    let mut is_left = vec![true; group.len()];
    loop {
        let is_best = |index: &usize| {
            let edge = group[*index];
            let rivals = of_row[&edge.row].iter().chain(&of_case[&edge.case]).filter(|other| is_left[**other]);
            is_left[*index] && rivals.map(|other| group[*other]).all(|other| yields(other, edge, margin, alike))
        };
        let Some(best) = (0..group.len()).find(is_best).map(|index| group[index]) else { break };
        assigned.pairs.push((best.row, best.case));
        for index in of_row[&best.row].iter().chain(&of_case[&best.case]) {
            is_left[*index] = false;
        }
    }
    let mut left: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for (edge, _) in group.iter().zip(&is_left).filter(|(_, is_left)| **is_left) {
        left.entry(edge.row).or_default().push(edge.case);
    }
    for (row, mut cases) in left {
        cases.sort_unstable();
        assigned.undecided.push((row, cases));
    }
}

/// Whether a rival stands back behind an edge.
fn yields(other: Edge, edge: Edge, margin: u32, alike: &impl Alike) -> bool {
    if other == edge || other.score + margin <= edge.score {
        return true;
    }
    // Of equals the first is taken; one that is worse by less than the margin is no equal.
    other.score <= edge.score
        && if other.row == edge.row { alike.cases(other.case, edge.case) } else { alike.rows(other.row, edge.row) }
}

/// Edges by what they join.
fn groups(edges: &[Edge]) -> Vec<Vec<Edge>> {
    let (of_row, of_case) = ends(edges);
    let mut taken = vec![false; edges.len()];
    let mut groups = Vec::new();
    for start in 0..edges.len() {
        let mut group = Vec::new();
        let mut next = vec![start];
        while let Some(index) = next.pop() {
            if !std::mem::replace(&mut taken[index], true) {
                let edge = edges[index];
                group.push(edge);
                next.extend(of_row[&edge.row].iter().chain(&of_case[&edge.case]).filter(|other| !taken[**other]));
            }
        }
        if !group.is_empty() {
            groups.push(group);
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Unlike;

    impl Alike for Unlike {
        fn rows(&self, _: u32, _: u32) -> bool {
            false
        }
        fn cases(&self, _: u32, _: u32) -> bool {
            false
        }
    }

    struct Same;

    impl Alike for Same {
        fn rows(&self, _: u32, _: u32) -> bool {
            true
        }
        fn cases(&self, _: u32, _: u32) -> bool {
            true
        }
    }

    fn edges(list: &[(u32, u32, u32)]) -> Vec<Edge> {
        list.iter().map(|&(row, case, score)| Edge { row, case, score }).collect()
    }

    #[test]
    fn the_best_for_both_is_taken_first_and_frees_the_rest() {
        let found = assign(&edges(&[(0, 0, 90), (0, 1, 70), (1, 0, 80), (1, 1, 60)]), 10, &Unlike);
        assert_eq!(found.pairs, [(0, 0), (1, 1)]);
        assert!(found.undecided.is_empty());
    }

    #[test]
    fn what_nothing_decides_is_left_undecided_with_its_candidates() {
        let found = assign(&edges(&[(0, 0, 90), (0, 1, 85)]), 10, &Unlike);
        assert_eq!((found.pairs.len(), found.undecided), (0, vec![(0, vec![0, 1])]));
        let found = assign(&edges(&[(0, 0, 90), (1, 0, 90)]), 1, &Unlike);
        assert_eq!(found.undecided, vec![(0, vec![0]), (1, vec![0])]);
    }

    #[test]
    fn of_equals_the_first_is_taken() {
        let found =
            assign(&edges(&[(0, 0, 90), (1, 0, 90), (0, 1, 90), (1, 1, 90), (2, 0, 90), (2, 1, 90)]), 10, &Same);
        assert_eq!(found.pairs, [(0, 0), (1, 1)]);
        assert!(found.undecided.is_empty());
    }
}
