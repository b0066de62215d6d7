//! Working days against two sources: the notices (by hand) and an independent package's table of every day.

use fengsui_event::Date;
use fengsui_rulebook::Rulebook;

use crate::{day, default_book};

const EVERY_DAY: &str = include_str!("../fixtures/working-days.txt");

#[test]
fn every_day_from_2020_to_2026_agrees_with_the_independent_table() {
    let book = default_book();
    let mut compared = 0;
    for line in EVERY_DAY.lines().filter(|line| !line.starts_with('#')) {
        let (year, letters) = line.split_once(' ').unwrap();
        let mut date = Date::new(year.parse().unwrap(), 1, 1).unwrap();
        for letter in letters.chars() {
            assert_eq!(book.is_working_day(date), Some(letter == 'W'), "{date}");
            date = date.tomorrow().unwrap();
            compared += 1;
        }
        assert_eq!((date.year(), date.day_of_year()), (year.parse::<i16>().unwrap() + 1, 1), "{year} is whole");
    }
    assert_eq!(compared, 5 * 365 + 2 * 366);
}

#[test]
fn the_extension_of_spring_festival_2020_overrides_the_first_notice() {
    let book = default_book();
    let check = |text: &str, worked: bool| {
        assert_eq!(book.is_working_day(day(text)), Some(worked), "{text}");
    };
    check("2020-01-19", true);
    check("2020-01-23", true);
    check("2020-01-24", false);
    check("2020-01-31", false);
    // The first notice had this Saturday worked.
    check("2020-02-01", false);
    check("2020-02-02", false);
    check("2020-02-03", true);
}

#[test]
fn deadlines_count_from_the_next_day_and_skip_holidays() {
    let book = default_book();
    let check = |from: &str, working_days: u16, due: &str, provisional: bool| {
        let found = book.working_day_after(day(from), working_days);
        assert_eq!((found.date, found.provisional), (day(due), provisional), "{working_days} after {from}");
    };
    check("2024-03-05", 0, "2024-03-05", false);
    check("2024-03-05", 1, "2024-03-06", false);
    // Friday: the weekend is not counted.
    check("2024-03-08", 1, "2024-03-11", false);
    // The Sunday before Spring Festival 2024 is worked, 10 to 17 February are free, Sunday the 18th is worked.
    check("2024-02-03", 1, "2024-02-04", false);
    check("2024-02-09", 1, "2024-02-18", false);
    check("2024-02-08", 3, "2024-02-19", false);
    // Through the extension of 2020.
    check("2020-01-23", 1, "2020-02-03", false);
    // Eight free days of October 2023, then a Saturday and a Sunday that are worked.
    check("2023-09-28", 2, "2023-10-08", false);
}

#[test]
fn a_year_without_notice_is_assumed_and_marked() {
    let book = default_book();
    assert_eq!(book.is_working_day(day("2027-01-04")), None);
    assert_eq!(book.is_working_day(day("2019-12-31")), None);
    let due = book.working_day_after(day("2026-12-31"), 1);
    // Friday 1 January 2027 will be free, but no notice of this calendar says so: hence the mark.
    assert_eq!((due.date, due.provisional), (day("2027-01-01"), true));
    assert!(!book.working_day_after(day("2026-12-30"), 1).provisional);
}

#[test]
fn a_rulebook_may_bring_its_own_calendar() {
    let own = "[calendar]\n[[calendar.notice]]\nyear = 2027\nnumber = \"local-1\"\noff = [\"2027-01-01/2027-01-03\"]\nworked = [\"2027-01-09\"]\n";
    let text = Rulebook::default_toml().replace("calendar = \"cn-2020-2026\"\n", "") + own;
    let book = Rulebook::from_toml(&text).unwrap();
    assert_eq!(book.is_working_day(day("2027-01-01")), Some(false));
    assert_eq!(book.is_working_day(day("2027-01-09")), Some(true));
    assert_eq!(book.is_working_day(day("2026-01-05")), None);
}
