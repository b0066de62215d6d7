//! What holds for every question.

use std::sync::LazyLock;

use fengsui_event::{Date, Points, RegionCode, Severity, TradeCode};
use fengsui_rulebook::{RouteQuery, Routing, Rulebook};
use proptest::prelude::*;

use crate::default_book;

/// The default rulebook, read once more.
fn second_reading() -> &'static Rulebook {
    static BOOK: LazyLock<Rulebook> = LazyLock::new(|| Rulebook::from_toml(Rulebook::default_toml()).unwrap());
    &BOOK
}

fn severities() -> impl Strategy<Value = Severity> {
    prop::sample::select(Severity::ALL.to_vec())
}

fn categories() -> impl Strategy<Value = String> {
    let mut codes: Vec<String> = default_book().categories().map(|category| category.code.to_string()).collect();
    codes.push("unheard.of".to_owned());
    prop::sample::select(codes)
}

fn queries() -> impl Strategy<Value = RouteQuery> {
    let trades = prop::option::of(prop::sample::select(TradeCode::all().collect::<Vec<_>>()));
    let regions = prop::sample::select(RegionCode::all().collect::<Vec<_>>());
    let reporters: Vec<_> = default_book().agencies().map(|agency| agency.code).collect();
    let reporters = prop::sample::select(reporters);
    (categories(), severities(), trades, regions, reporters).prop_map(
        |(category, severity, trade, region, reporter)| RouteQuery {
            category: category.parse().unwrap(),
            severity,
            trade,
            region,
            reporter,
        },
    )
}

fn days() -> impl Strategy<Value = Date> {
    (2019_i16..=2028, 1_i16..=365)
        .prop_map(|(year, day)| Date::new(year, 1, 1).unwrap().saturating_add(jiff::Span::new().days(day - 1)))
}

proptest! {
    #[test]
    fn routing_is_deterministic_and_its_roles_are_disjoint(query in queries()) {
        let book = default_book();
        let routing = book.route(&query);
        prop_assert_eq!(&routing, &second_reading().route(&query));
        if let Routing::Assigned { lead, assisting, informed, .. } = routing {
            prop_assert!(book.agency(&lead).unwrap().has_node);
            prop_assert!(assisting.is_sorted_by(|a, b| a < b) && informed.is_sorted_by(|a, b| a < b));
            prop_assert!(!assisting.contains(&lead) && !informed.contains(&lead) && !informed.contains(&query.reporter));
            prop_assert!(informed.iter().all(|agency| !assisting.contains(agency)));
            prop_assert!(assisting.iter().chain(&informed).all(|agency| book.agency(agency).unwrap().has_node));
        }
    }

    #[test]
    fn a_due_date_lies_exactly_that_many_working_days_ahead(from in days(), working_days in 0_u16..60) {
        let book = default_book();
        let due = book.working_day_after(from, working_days);
        let is_weekday = |day: &Date| !matches!(day.weekday(), jiff::civil::Weekday::Saturday | jiff::civil::Weekday::Sunday);
        let is_worked = |day: &Date| book.is_working_day(*day).unwrap_or_else(|| is_weekday(day));
        let between: Vec<Date> = from.series(jiff::Span::new().days(1)).skip(1).take_while(|day| *day <= due.date).collect();
        prop_assert_eq!(between.iter().filter(|day| is_worked(day)).count(), usize::from(working_days));
        prop_assert!(working_days == 0 || is_worked(&due.date));
        prop_assert_eq!(due.provisional, between.iter().any(|day| book.is_working_day(*day).is_none()));
    }

    #[test]
    fn later_deadlines_are_never_earlier(from in days(), working_days in 0_u16..60) {
        let book = default_book();
        prop_assert!(book.working_day_after(from, working_days).date < book.working_day_after(from, working_days + 1).date);
    }

    #[test]
    fn restoration_never_exceeds_the_deduction(code in categories(), severity in severities(), deducted in any::<i32>()) {
        let restored = default_book().timely_restoration(&code.parse().unwrap(), severity, Points(deducted));
        prop_assert!(restored.is_none_or(|(_, points)| points > Points::ZERO && points <= Points(deducted)));
    }

    #[test]
    fn amounts_are_positive(code in categories(), severity in severities(), prior in any::<u32>(), base in any::<i32>()) {
        let book = default_book();
        let code = code.parse().unwrap();
        prop_assert!(book.deduction(&code, severity).is_none_or(|deduction| deduction.points > Points::ZERO));
        prop_assert!(book.late_rectification(&code, severity).is_none_or(|(_, points)| points > Points::ZERO));
        prop_assert!(book.repetition(&code, prior, Points(base)).is_none_or(|(_, points)| points > Points::ZERO));
    }

    #[test]
    fn a_higher_balance_never_has_a_worse_grade(one in any::<i32>(), other in any::<i32>()) {
        let book = default_book();
        let (low, high) = (one.min(other), one.max(other));
        prop_assert!(book.grade(Points(high)) <= book.grade(Points(low)), "grades are ordered best first");
    }

    #[test]
    fn an_entry_counts_at_least_one_day(severity in severities(), effective in days()) {
        prop_assert!(default_book().counted_until(severity, effective).unwrap() > effective);
    }

    #[test]
    fn damaged_text_is_refused_or_read_but_never_panics(at in 0_usize..30_000, length in 0_usize..200, filler in ".{0,8}") {
        let text = Rulebook::default_toml();
        let boundary = |mut index: usize| {
            index = index.min(text.len());
            while !text.is_char_boundary(index) { index -= 1; }
            index
        };
        let (start, end) = (boundary(at), boundary(at + length));
        let damaged = format!("{}{filler}{}", &text[..start], &text[end..]);
        if let Err(error) = Rulebook::from_toml(&damaged) {
            prop_assert!(!error.problems().is_empty());
            prop_assert!(error.problems().iter().all(|problem| problem.line >= 1 && problem.column >= 1));
        }
    }
}
