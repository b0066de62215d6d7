//! Working days: weekdays, as changed by the State Council's notices.

use std::collections::{BTreeMap, BTreeSet};

use fengsui_event::Date;
use jiff::civil::Weekday;

use crate::catalogue::filled;
use crate::document::{self, CalendarTable};
use crate::located::Located;
use crate::problem::Problems;
use crate::reading;

/// The calendars that a rulebook may name. A name's days never change; a correction gets another name.
const BUILT_IN: [(&str, &str); 1] = [("cn-2020-2026", include_str!("../data/working-days.toml"))];

/// A run of free days longer than this is a mistake in writing, not a holiday.
const RUN_DAYS_MAX: usize = 31;

/// The day by which something is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DueDate {
    /// The day; it has not passed until it ends.
    pub date: Date,
    /// Whether the calendar of a year on the way is missing, so that its weekdays were taken for working days.
    pub provisional: bool,
}

/// Which days are worked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Calendar {
    years: BTreeSet<i16>,
    changed: BTreeMap<Date, bool>,
}

impl Calendar {
    pub(crate) fn build(choice: &document::Calendar, problems: &mut Problems<'_>) -> Self {
        match choice {
            document::Calendar::Own(table) => Self::from_notices(table, problems),
            document::Calendar::BuiltIn(name) => Self::built_in(name, problems),
        }
    }

    fn built_in(name: &Located<String>, problems: &mut Problems<'_>) -> Self {
        let Some((_, text)) = BUILT_IN.iter().find(|(known, _)| **known == **name) else {
            let known: Vec<&str> = BUILT_IN.iter().map(|(known, _)| *known).collect();
            problems.report(
                name.span(),
                format!("`{}` is not a built-in calendar", **name),
                known.join(" or "),
                "correct the name or write the notices under [[calendar.notice]]",
            );
            return Self::default();
        };
        let mut own_problems = Problems::new(text);
        let table = reading::read_calendar(text, &mut own_problems);
        let calendar = Self::from_notices(&table, &mut own_problems);
        own_problems.settle(Some(calendar)).unwrap_or_else(|error| {
            problems.report(
                name.span(),
                error.to_string(),
                "a sound built-in calendar",
                "report this as a defect of the program",
            );
            Self::default()
        })
    }

    fn from_notices(table: &CalendarTable, problems: &mut Problems<'_>) -> Self {
        let mut calendar = Self::default();
        for notice in &table.notice {
            filled(&notice.number, "number of the notice", problems);
            if let Some(issued) = &notice.issued {
                parse_date(issued, issued, problems);
            }
            calendar.years.insert(*notice.year);
            for (days, is_worked) in [(&notice.off, false), (&notice.worked, true)] {
                for run in days {
                    calendar.change(run, is_worked, problems);
                }
            }
        }
        calendar
    }

    fn change(&mut self, run: &Located<String>, is_worked: bool, problems: &mut Problems<'_>) {
        let (first, last) = run.split_once('/').unwrap_or((run, run));
        let (Some(first), Some(last)) = (parse_date(first, run, problems), parse_date(last, run, problems)) else {
            return;
        };
        let days: Vec<Date> =
            first.series(jiff::Span::new().days(1)).take_while(|day| *day <= last).take(RUN_DAYS_MAX + 1).collect();
        if days.is_empty() || days.len() > RUN_DAYS_MAX {
            problems.report(
                run.span(),
                format!("`{}` does not run from a first to a last day within {RUN_DAYS_MAX} days", **run),
                "the first day, a slash, the last day",
                "correct the days",
            );
            return;
        }
        self.changed.extend(days.into_iter().map(|day| (day, is_worked)));
    }

    /// Whether the day is worked; `None` if no notice settles its year.
    pub(crate) fn is_working_day(&self, day: Date) -> Option<bool> {
        self.years.contains(&day.year()).then(|| self.assumed_working_day(day))
    }

    /// The day that is `working_days` working days after `from`, the first of them the day after.
    pub(crate) fn working_day_after(&self, from: Date, working_days: u16) -> DueDate {
        let mut due = DueDate { date: from, provisional: false };
        let mut remaining = working_days;
        while remaining > 0 {
            // At the end of representable time there is no later day: the last one stands, marked as unsettled.
            let Ok(next) = due.date.tomorrow() else {
                return DueDate { provisional: true, ..due };
            };
            due.date = next;
            due.provisional |= !self.years.contains(&next.year());
            remaining -= u16::from(self.assumed_working_day(next));
        }
        due
    }

    fn assumed_working_day(&self, day: Date) -> bool {
        let is_weekday = !matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday);
        self.changed.get(&day).copied().unwrap_or(is_weekday)
    }
}

fn parse_date(text: &str, place: &Located<String>, problems: &mut Problems<'_>) -> Option<Date> {
    let parsed = text.parse().ok();
    if parsed.is_none() {
        problems.report(place.span(), format!("`{text}` is not a day"), "a day such as 2020-01-24", "correct the day");
    }
    parsed
}
