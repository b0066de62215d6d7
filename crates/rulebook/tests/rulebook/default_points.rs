//! Points, deadlines, counting and grades of the default rulebook, worked out by hand from its table.

use fengsui_event::{Language, Points, Severity};
use fengsui_rulebook::{Grade, PointsFall, Rulebook};

use crate::{category, day, default_book};

#[test]
fn deductions_follow_severity_and_the_narrowest_entry() {
    let book = default_book();
    let check = |code: &str, severity: Severity, rule: &str, points: i32| {
        let deduction = book.deduction(&category(code), severity).unwrap();
        assert_eq!((deduction.rule.as_str(), deduction.points), (rule, Points(points)), "{code} {severity}");
        assert_eq!(deduction.falls, PointsFall::Determined);
    };
    check("fire.60-1", Severity::General, "points/*/general", 2);
    check("fire.60-1", Severity::Considerable, "points/*/considerable", 5);
    check("fire.60-1", Severity::Serious, "points/*/serious", 10);
    check("fire.60-1", Severity::Grave, "points/*/grave", 20);
    check("fire.60-1", Severity::MajorHazard, "points/*/major_hazard", 30);
    check("fire.60-3", Severity::Serious, "points/fire.60-3/serious", 12);
    // The exact entry is silent on this severity, so the general one holds.
    check("fire.60-3", Severity::General, "points/*/general", 2);
    check("fire.67-17", Severity::General, "points/fire.67-*/general", 1);
    check("sanitation.pests", Severity::General, "points/sanitation.*/general", 1);
    assert_eq!(book.deduction(&category("fire.70"), Severity::MajorHazard), None);
    assert_eq!(book.deduction(&category("fire.99"), Severity::General), None);
    assert_eq!(book.opening_balance(), Points(100));
}

#[test]
fn repetition_adds_a_share_of_the_base_rounded_down() {
    let book = default_book();
    let check = |code: &str, prior: u32, base: i32, expected: Option<(&str, i32)>| {
        let found = book.repetition(&category(code), prior, Points(base));
        let found = found.as_ref().map(|(rule, points)| (rule.as_str(), points.0));
        assert_eq!(found, expected, "{code} {prior} {base}");
    };
    check("fire.60-1", 0, 5, None);
    check("fire.60-1", 1, 5, Some(("repetition/*/1", 2)));
    check("fire.60-1", 2, 5, Some(("repetition/*/2", 5)));
    check("fire.60-1", 9, 5, Some(("repetition/*/2", 5)));
    // Half of one point is none.
    check("fire.67-16", 1, 1, None);
    check("sanitation.refuse", 1, 4, None);
    check("sanitation.refuse", 2, 4, Some(("repetition/sanitation.*/2", 4)));
    check("fire.99", 2, 5, None);
    assert_eq!(book.repetition_months(&category("fire.60-1")), 12);
    assert_eq!(book.repetition_months(&category("sanitation.refuse")), 6);
    assert_eq!(book.repetition_months(&category("fire.99")), 0);
}

#[test]
fn late_costs_and_timely_restores() {
    let book = default_book();
    let late = |severity| {
        book.late_rectification(&category("fire.60-3"), severity).map(|(rule, points)| (rule.to_string(), points.0))
    };
    assert_eq!(late(Severity::General), Some(("late/*/general".to_owned(), 1)));
    assert_eq!(late(Severity::MajorHazard), Some(("late/*/major_hazard".to_owned(), 15)));
    let restored = |severity, deducted| {
        let restored = book.timely_restoration(&category("fire.60-3"), severity, Points(deducted));
        restored.map(|(rule, points)| (rule.to_string(), points.0))
    };
    // 30 percent of 12 is 3.6.
    assert_eq!(restored(Severity::Serious, 12), Some(("restoration/*/serious".to_owned(), 3)));
    assert_eq!(restored(Severity::General, 2), Some(("restoration/*/general".to_owned(), 1)));
    assert_eq!(restored(Severity::General, 1), None);
    assert_eq!(restored(Severity::General, 0), None);
    assert_eq!(restored(Severity::General, -10), None);
}

#[test]
fn deadlines_follow_severity_and_the_order_of_the_ministry() {
    let book = default_book();
    let check = |code: &str, severity, expected: [u16; 5]| {
        let found = book.deadlines(&category(code), severity);
        let found = [found.acknowledge, found.feedback, found.confirm, found.designate, found.rectification];
        assert_eq!(found, expected, "{code} {severity}");
    };
    check("fire.60-1", Severity::General, [3, 15, 5, 5, 30]);
    check("fire.60-1", Severity::Serious, [2, 10, 5, 3, 30]);
    check("fire.60-1", Severity::MajorHazard, [1, 7, 5, 2, 30]);
    // Order 120: blocked exits and equipment shut off are checked within 24 hours.
    check("fire.60-3", Severity::General, [1, 15, 5, 5, 30]);
    check("fire.60-2", Severity::Serious, [1, 10, 5, 3, 30]);
    // The government has seven days.
    check("fire.70", Severity::MajorHazard, [1, 7, 5, 5, 30]);
    // An unknown category still has deadlines: the authority must decide on it.
    check("fire.99", Severity::General, [3, 15, 5, 5, 30]);
}

/// Rulebooks that were published before there were such keys say nothing of supervision.
#[test]
fn supervision_has_terms_of_its_own_and_defaults() {
    let check = |entry: &str, code: &str, severity, expected: [u16; 2]| {
        let text = format!("{}{entry}", Rulebook::default_toml());
        let found = Rulebook::from_toml(&text).unwrap().deadlines(&category(code), severity);
        assert_eq!([found.city_supervision, found.province_supervision], expected, "{entry} {code} {severity}");
    };
    check("", "fire.60-1", Severity::General, [5, 10]);
    check("", "fire.99", Severity::Grave, [5, 10]);
    let wide = "\n[[deadline]]\ncategory = \"fire.*\"\ncity_supervision = 4\nsource = \"pilot\"\n";
    let narrow = "\n[[deadline]]\ncategory = \"fire.60-3\"\nseverity = [\"grave\"]\nprovince_supervision = 3\nsource = \"pilot\"\n";
    let both = format!("{wide}{narrow}");
    check(&both, "fire.60-1", Severity::Grave, [4, 10]);
    check(&both, "fire.60-3", Severity::Grave, [4, 3]);
    check(&both, "fire.60-3", Severity::Serious, [4, 10]);
    check(&both, "product.substandard", Severity::Grave, [5, 10]);
    let zero = both.replace("city_supervision = 4", "city_supervision = 0");
    let error = Rulebook::from_toml(&format!("{}{zero}", Rulebook::default_toml())).unwrap_err().to_string();
    assert!(error.contains("0 working days is no deadline; expected 1 to 250 working days"), "{error}");
}

#[test]
fn entries_count_for_calendar_months() {
    let book = default_book();
    let check = |severity, effective: &str, until: &str| {
        assert_eq!(book.counted_until(severity, day(effective)), Some(day(until)), "{severity} {effective}");
    };
    check(Severity::General, "2024-03-05", "2025-03-05");
    check(Severity::Considerable, "2024-02-29", "2025-02-28");
    check(Severity::Serious, "2024-03-05", "2027-03-05");
    check(Severity::Grave, "2024-02-29", "2027-02-28");
    check(Severity::MajorHazard, "2025-12-31", "2028-12-31");
}

#[test]
fn grades_begin_at_their_thresholds() {
    let book = default_book();
    let check = |balance: i32, grade: Grade| assert_eq!(book.grade(Points(balance)), grade, "{balance}");
    check(i32::MAX, Grade::A);
    check(100, Grade::A);
    check(90, Grade::A);
    check(89, Grade::B);
    check(75, Grade::B);
    check(74, Grade::C);
    check(60, Grade::C);
    check(59, Grade::D);
    check(0, Grade::D);
    check(i32::MIN, Grade::D);
}

#[test]
fn names_sources_and_when_points_fall() {
    let book = default_book();
    assert_eq!(book.version(), "pilot-2026.1");
    assert_eq!(book.authority().as_str(), "joint-office");
    let fire = "fire".parse().unwrap();
    assert_eq!(book.agency_name(&fire, Language::Zh), "消防支队");
    assert_eq!(book.agency_name(&fire, Language::En), "Fire Brigade");
    let with_nodes: Vec<&str> =
        book.agencies().filter(|agency| agency.has_node).map(|agency| agency.code.as_str()).collect();
    assert_eq!(
        with_nodes,
        ["commerce", "culture", "education", "fire", "housing", "joint-office", "quality", "tourism", "urban"]
    );
    for category in book.categories() {
        for &severity in Severity::ALL {
            let Some(deduction) = book.deduction(&category.code, severity) else {
                continue;
            };
            assert_eq!(deduction.rule.as_str().parse(), Ok(deduction.rule.clone()));
            assert!(book.source(&deduction.rule).is_some_and(|source| !source.is_empty()), "{}", deduction.rule);
        }
    }
    let text = Rulebook::default_toml().replace("falls = \"determined\"", "falls = \"closed\"");
    let closed = Rulebook::from_toml(&text).unwrap();
    let falls = closed.deduction(&category("fire.60-3"), Severity::Serious).unwrap().falls;
    assert_eq!(falls, PointsFall::Closed, "an entry that is silent on it takes it from the wider one");
}
