//! A book that holds what the log holds, but for what is planted.

use fengsui_event::ReconciliationClass::{self, *};
use fengsui_projector::reconcile::LogCase;
use fengsui_projector::state::CaseStatus;
use rand::seq::SliceRandom as _;
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use crate::Found;
use crate::city::City;

/// A row as its writer has it, by the headers of [`HEADERS`]. The unit's name tells the rows apart in the outcome.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Row {
    pub unit: String,
    pub name: String,
    pub category: String,
    pub found_on: String,
    pub region: String,
    pub address: String,
    pub reference: String,
    pub decision: String,
    pub case: String,
    pub handled_on: String,
    pub outcome: String,
    pub fine: String,
    pub status: String,
}

/// The headers of a book.
pub const HEADERS: [&str; 13] = [
    "统一社会信用代码",
    "单位名称",
    "违法行为类型",
    "发现日期",
    "行政区划代码",
    "地址",
    "文号",
    "处罚决定书文号",
    "平台编号",
    "办理日期",
    "处理结果",
    "罚款金额",
    "状态",
];

impl Row {
    pub fn cells(&self) -> [&str; 13] {
        [
            &self.unit,
            &self.name,
            &self.category,
            &self.found_on,
            &self.region,
            &self.address,
            &self.reference,
            &self.decision,
            &self.case,
            &self.handled_on,
            &self.outcome,
            &self.fine,
            &self.status,
        ]
    }

    /// A row that says what the log says. One whose case waits for feedback was dealt with all the same.
    fn of(case: &LogCase) -> Self {
        let handled = case.handled.as_ref();
        let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
        let day = case.standing.owes_feedback.then_some(case.found_on);
        Self {
            unit: case.unit.to_string(),
            name: case.name.to_string(),
            category: case.category.to_string(),
            found_on: case.found_on.to_string(),
            region: case.region.to_string(),
            address: case.address.to_string(),
            reference: text(case.reference.as_deref()),
            decision: text(handled.and_then(|it| it.decision.as_deref())),
            case: case.id.to_string(),
            handled_on: handled.map(|it| it.on).or(day).map(|on| on.to_string()).unwrap_or_default(),
            outcome: handled.map(|it| it.outcome.code().to_owned()).unwrap_or_default(),
            fine: handled.and_then(|it| it.fine).map(|fine| fine.to_string()).unwrap_or_default(),
            status: if case.status == CaseStatus::Open { String::new() } else { "closed".to_owned() },
        }
    }
}

/// Every case, as the log has it.
pub fn undamaged(city: &City) -> Vec<Row> {
    city.cases.iter().map(Row::of).collect()
}

/// The class of a case whose row says what the log says.
fn own_class(case: &LogCase) -> ReconciliationClass {
    let standing = &case.standing;
    [
        (standing.owes_feedback, HandledNotFedBack),
        (standing.returned_unassigned, ReturnedUnassigned),
        (standing.waits_for_confirmation, FedBackNotConfirmed),
        (standing.confirmed_open, ConfirmedStillOpen),
        (standing.late.is_some(), Late),
    ]
    .into_iter()
    .find(|(holds, _)| *holds)
    .map_or(Matched, |(_, class)| class)
}

/// A book with damage, and what must be found.
pub fn book(city: &City, seed: u64) -> (Vec<Row>, Found) {
    let mut random = ChaCha8Rng::seed_from_u64(seed ^ 0x5eed);
    let mut rows = Vec::new();
    let mut expected = Vec::new();
    for (at, case) in city.cases.iter().enumerate() {
        let mut row = Row::of(case);
        // Some books have no numbers, some no ids, some neither.
        match random.gen_range(0..4) {
            0 => row.case.clear(),
            1 => (row.reference, row.decision) = Default::default(),
            2 => (row.reference, row.decision, row.case) = Default::default(),
            _ => {}
        }
        let class = damage(&mut row, case, &mut random);
        let name = Some(row.name.clone());
        match class {
            Damage::None => expected.push((own_class(case), Some(at), name)),
            Damage::Pair(class) => expected.push((class, Some(at), name)),
            Damage::Dropped if case.standing.released => expected.push((Released, Some(at), None)),
            Damage::Dropped if case.standing.returned_unassigned => expected.push((ReturnedUnassigned, Some(at), None)),
            Damage::Dropped => expected.push((MissingThere, Some(at), None)),
            Damage::Doubled => {
                expected.push((own_class(case), Some(at), name.clone()));
                expected.push((DuplicateRow, None, name));
                rows.push(row.clone());
            }
        }
        if !matches!(class, Damage::Dropped) {
            rows.push(row);
        }
        if random.gen_bool(0.1) {
            let foreign = foreign(at);
            expected.push((MissingHere, None, Some(foreign.name.clone())));
            rows.push(foreign);
        }
    }
    expected.retain(|(class, ..)| *class != Matched);
    expected.sort();
    rows.shuffle(&mut random);
    (rows, expected)
}

#[derive(Clone, Copy)]
enum Damage {
    None,
    Pair(ReconciliationClass),
    Dropped,
    Doubled,
}

/// Damages a row, or not.
fn damage(row: &mut Row, case: &LogCase, random: &mut ChaCha8Rng) -> Damage {
    let days = random.gen_range(1..=3);
    let shifted = case.found_on.checked_sub(jiff::Span::new().days(days)).unwrap();
    let has_key = !(row.reference.is_empty() && row.decision.is_empty() && row.case.is_empty());
    match random.gen_range(0..14) {
        0 => return Damage::Dropped,
        1 => return Damage::Doubled,
        2 => row.found_on = shifted.to_string(),
        3 if !row.fine.is_empty() => "1.00".clone_into(&mut row.fine),
        4 => "别处1号".clone_into(&mut row.address),
        5 if has_key => "fire.66".clone_into(&mut row.category),
        6 if has_key => "local.book:9999".clone_into(&mut row.unit),
        7 if has_key => return refused(&mut row.unit, "9.1350E+17"),
        8 => return refused(&mut row.decision, "3.50602E+17"),
        9 if !row.handled_on.is_empty() && row.handled_on != row.found_on => {
            std::mem::swap(&mut row.found_on, &mut row.handled_on);
            // Without a number or an id, the day is what finds the case, and the other day is nine days off.
            return Damage::Pair(Refused);
        }
        10 => return refused(&mut row.region, "999999"),
        11 if case.handled.is_some() => "no_violation".clone_into(&mut row.outcome),
        12 if case.status == CaseStatus::Closed => "open".clone_into(&mut row.status),
        _ => return Damage::None,
    }
    Damage::Pair(Different)
}

fn refused(cell: &mut String, text: &str) -> Damage {
    text.clone_into(cell);
    Damage::Pair(Refused)
}

/// A row of which the log knows nothing.
fn foreign(at: usize) -> Row {
    Row {
        unit: format!("local.other:{at}"),
        name: format!("外单位{at}"),
        category: "fire.60-3".to_owned(),
        found_on: "2024-03-01".to_owned(),
        region: "350602".to_owned(),
        address: "城南1号".to_owned(),
        reference: format!("NEW-{at}"),
        ..Row::default()
    }
}
