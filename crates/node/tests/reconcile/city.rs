//! Cases of the log as they concern one agency, from a seed.

use fengsui_event::{CaseId, Date, DeadlineKind, Fen, Outcome};
use fengsui_projector::reconcile::{Handled, LogCase, Standing};
use fengsui_projector::state::CaseStatus;
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

pub struct City {
    pub cases: Vec<LogCase>,
}

const CATEGORIES: [&str; 3] = ["fire.60-1", "fire.60-3", "fire.60-5"];
const REGIONS: [&str; 3] = ["350602", "350603", "350622"];

pub fn date(text: &str) -> Date {
    text.parse().unwrap()
}

/// Days after the city's first one.
pub fn day(days: usize) -> Date {
    let days = i64::try_from(days).unwrap();
    date("2024-01-10").checked_add(jiff::Span::new().days(days)).unwrap()
}

impl City {
    /// Each unit has up to three cases, of different kinds and months apart, so that no two could be taken for each other.
    pub fn of(seed: u64) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let count = random.gen_range(12..60);
        let cases = (0..count).map(|number| case(number, &mut random)).collect();
        Self { cases }
    }

    /// Whether nothing is owed in a case.
    pub fn is_settled(case: &LogCase) -> bool {
        case.standing
            == Standing { leads: case.standing.leads, rectified: case.standing.rectified, ..Standing::default() }
    }
}

fn case(number: usize, random: &mut ChaCha8Rng) -> LogCase {
    let (unit, kind) = (number / 3, number % 3);
    let found_on = day(unit + kind * 120);
    let is_reporter = random.gen_bool(0.5);
    let mut standing = Standing::default();
    let mut handled = Some(Box::new(Handled {
        own: true,
        on: day(unit + kind * 120 + 9),
        outcome: Outcome::Penalised,
        fine: Some(Fen::new(500_000 + i64::try_from(number).unwrap() * 100).unwrap()),
        decision: Some(format!("漳消罚〔2024〕第{number:04}号").into()),
        submitted_on: day(unit + kind * 120 + 10),
    }));
    let (mut status, mut closed_on) = (CaseStatus::Closed, Some(day(unit + kind * 120 + 9)));
    match random.gen_range(0..12) {
        0 => standing.owes_feedback = true,
        1 => standing.waits_for_confirmation = true,
        2 => standing.confirmed_open = true,
        3 => standing.returned_unassigned = true,
        4 => standing.late = Some((DeadlineKind::Feedback, day(200))),
        5 => standing.released = true,
        _ => {}
    }
    if standing != Standing::default() && !standing.released {
        (status, closed_on) = (CaseStatus::Open, None);
    }
    if standing.owes_feedback || standing.returned_unassigned {
        handled = None;
    }
    LogCase {
        id: CaseId::from_parts(1_000 + number as u64, [u8::try_from(number).unwrap(); 10]),
        unit: format!("local.book:{unit}").parse().unwrap(),
        name: format!("单位{number}").into(),
        found_on,
        recorded_on: found_on,
        category: CATEGORIES[kind].parse().unwrap(),
        region: REGIONS[unit % 3].parse().unwrap(),
        address: format!("新华西路{unit}号").into(),
        reference: is_reporter.then(|| format!("XF-2024-{number:04}").into()),
        reporter: if is_reporter { "fire" } else { "tourism" }.parse().unwrap(),
        is_reporter,
        status,
        closed_on,
        handled,
        standing,
    }
}
