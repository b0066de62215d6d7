//! Who the default rulebook names, against the Fire Law's articles 58 to 70 and the statutes of the trades.

use fengsui_event::AgencyCode;
use fengsui_rulebook::{Routing, UnresolvedReason};

use crate::{default_book, line, route};

#[test]
fn the_fire_law_names_who_acts() {
    let book = default_book();
    let check = |code: &str, lead: &str| match route(book, code, "", "fire") {
        Routing::Assigned { lead: found, .. } => assert_eq!(found.as_str(), lead, "{code}"),
        Routing::Unresolved { reason: UnresolvedReason::OutsideExchange { agency, .. } } => {
            assert_eq!(format!("outside {agency}"), lead, "{code}");
        }
        other => panic!("{code}: {other:?}"),
    };
    for code in
        ["fire.58-1", "fire.58-2", "fire.58-3", "fire.58-filing", "fire.59-1", "fire.59-2", "fire.59-3", "fire.59-4"]
    {
        check(code, "housing");
    }
    check("fire.58-4", "fire");
    for item in 1..=7 {
        check(&format!("fire.60-{item}"), "fire");
    }
    for code in ["fire.61-1", "fire.61-2", "fire.66-electrical", "fire.66-gas", "fire.67-16", "fire.69-1", "fire.69-2"]
    {
        check(code, "fire");
    }
    for code in ["fire.62-5", "fire.63-1", "fire.63-2", "fire.64-1", "fire.64-2", "fire.68"] {
        check(code, "outside police");
    }
    check("fire.65-made", "quality");
    check("fire.65-sold", "commerce");
    check("fire.65-used", "fire");
    check("fire.70", "outside government");
}

#[test]
fn referrals_go_in_both_directions() {
    let book = default_book();
    let check = |code: &str, trade: &str, reporter: &str, expected: &str| {
        assert_eq!(line(&route(book, code, trade, reporter)), expected, "{code} {trade} {reporter}");
    };
    // The brigade finds a blocked exit in a hotel: it acts itself, tourism is told.
    check("fire.60-3", "H6110", "fire", "fire |  | tourism | responsibility/fire-60");
    // Tourism finds it: the brigade acts, and tourism needs no notice of its own report.
    check("fire.60-3", "H6110", "tourism", "fire |  |  | responsibility/fire-60");
    check("fire.60-2", "P8321", "education", "fire |  |  | responsibility/fire-60");
    check("fire.60-2", "P8321", "fire", "fire |  | education | responsibility/fire-60");
    // The brigade finds matters of the trades.
    check("licence.lodging", "H6110", "fire", "commerce | tourism | joint-office | responsibility/licence-lodging");
    check("licence.school", "P8321", "fire", "education |  |  | responsibility/licence-school");
    check("fire.58-1", "E4710", "fire", "housing |  |  | responsibility/fire-58-review");
    check("fire.65-used", "R9011", "fire", "fire |  | commerce culture quality | responsibility/fire-65-used");
    // The fire lane is cleared together; the police have no node, so the authority passes it on.
    check("fire.60-5", "", "fire", "fire | urban | joint-office | responsibility/fire-60-lane");
    check("fire.61-1", "", "urban", "fire | commerce |  | responsibility/fire-61");
}

#[test]
fn the_longest_trade_prefix_names_the_competent_department() {
    let book = default_book();
    let informed = |trade: &str| match route(book, "fire.60-1", trade, "fire") {
        Routing::Assigned { informed, .. } => informed.iter().map(AgencyCode::to_string).collect::<Vec<_>>().join(" "),
        other => panic!("{other:?}"),
    };
    let check = |trade: &str, expected: &str| assert_eq!(informed(trade), expected, "{trade}");
    check("H61", "tourism");
    check("H62", "commerce");
    check("P83", "education");
    check("E47", "housing");
    check("R90", "culture");
    check("R89", "culture");
    check("N78", "urban");
    check("N786", "tourism");
    check("C13", "quality");
    // Health has no node: the authority is told in its place.
    check("Q84", "joint-office");
    check("A01", "");
}

#[test]
fn products_are_divided_by_stage_and_the_rest_is_an_overlap() {
    let book = default_book();
    let check = |trade: &str, expected: &str| {
        assert_eq!(line(&route(book, "product.substandard", trade, "fire")), expected, "{trade}");
    };
    check("C26", "quality |  | commerce | responsibility/product-made");
    check("F52", "commerce |  | quality | responsibility/product-sold");
    check("", "overlap commerce quality of 2");
    check("H61", "overlap commerce quality of 2");
}

#[test]
fn what_no_agency_of_the_exchange_leads_is_for_the_authority() {
    let book = default_book();
    let check = |code: &str, expected: &str| {
        assert_eq!(line(&route(book, code, "", "urban")), expected, "{code}");
    };
    check(
        "hazard.chemical",
        "unresolved outside-exchange: responsibility/hazard-chemical names environment, which is not on the exchange",
    );
    check("fire.99-1", "unresolved unknown-category: the rulebook does not have category fire.99-1");
}

#[test]
fn the_sanitation_categories_have_a_lead() {
    let book = default_book();
    let check = |code: &str, lead: &str| {
        assert_eq!(line(&route(book, code, "", "urban")).split(" | ").next(), Some(lead), "{code}");
    };
    for code in ["sanitation.refuse", "sanitation.pests", "sanitation.vegetation", "sanitation.premises"] {
        check(code, "urban");
    }
    check("hazard.biological", "urban");
    check("air.odour", "urban");
    check("building.condition", "housing");
    check("food.handling", "commerce");
}

#[test]
fn every_category_reaches_a_desk() {
    let book = default_book();
    for category in book.categories() {
        let routing = route(book, category.code.as_str(), "", "fire");
        let is_orphan = matches!(&routing, Routing::Unresolved { reason } if reason.code() == "no-rule");
        assert!(!is_orphan, "{} has no rule", category.code);
    }
}
