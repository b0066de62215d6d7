//! The rulebook as its users see it: the default one by the law, any one by its invariants, bad ones by their errors.
// expect-test writes its own raw strings.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::needless_raw_string_hashes)]

mod calendar;
mod default_points;
mod default_routing;
mod properties;
mod refusals;
mod shape;
mod specificity;

use std::sync::LazyLock;

use fengsui_event::{AgencyCode, CategoryCode, Date, RegionCode, Severity, TradeCode};
use fengsui_rulebook::{RouteQuery, Routing, Rulebook};

fn default_book() -> &'static Rulebook {
    static BOOK: LazyLock<Rulebook> = LazyLock::new(|| Rulebook::from_toml(Rulebook::default_toml()).unwrap());
    &BOOK
}

fn category(code: &str) -> CategoryCode {
    code.parse().unwrap()
}

fn day(text: &str) -> Date {
    text.parse().unwrap()
}

/// Asks about a violation in Xiangcheng district, of the category's own severity.
fn route(book: &Rulebook, code: &str, trade: &str, reporter: &str) -> Routing {
    route_in(book, code, trade, "350602", reporter)
}

fn route_in(book: &Rulebook, code: &str, trade: &str, region: &str, reporter: &str) -> Routing {
    let category = category(code);
    let severity = book.category(&category).map_or(Severity::General, |category| category.severity);
    book.route(&RouteQuery {
        category,
        severity,
        trade: (!trade.is_empty()).then(|| trade.parse::<TradeCode>().unwrap()),
        region: region.parse::<RegionCode>().unwrap(),
        reporter: reporter.parse::<AgencyCode>().unwrap(),
    })
}

/// One line for a routing, so that a table shows all of it.
fn line(routing: &Routing) -> String {
    let codes = |agencies: &[AgencyCode]| agencies.iter().map(AgencyCode::as_str).collect::<Vec<_>>().join(" ");
    match routing {
        Routing::Assigned { rule, lead, assisting, informed } => {
            format!("{lead} | {} | {} | {rule}", codes(assisting), codes(informed))
        }
        Routing::Unresolved { reason } => format!("unresolved {reason}"),
        Routing::Overlap { rules, candidates } => {
            format!("overlap {} of {}", codes(candidates), rules.len())
        }
    }
}
