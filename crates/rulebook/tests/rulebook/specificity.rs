//! Which rule wins: region, then trade, then category, then severity; equals with different leads overlap.

use fengsui_rulebook::Rulebook;

use crate::{line, route_in};

/// The default rulebook without its own responsibilities, and with these: id, lead and further keys.
fn book(rules: &[(&str, &str, &str)]) -> Rulebook {
    let text = Rulebook::default_toml();
    let start = text.find("[[responsibility]]").unwrap();
    let end = text.find("[[competent]]").unwrap();
    let entry = |(id, lead, keys): &(&str, &str, &str)| {
        format!("[[responsibility]]\nid = \"{id}\"\nlead = \"{lead}\"\n{keys}\nsource = \"test\"\n")
    };
    let rules = rules.iter().map(entry).collect::<Vec<_>>().join("\n") + "\n";
    Rulebook::from_toml(&format!("{}{rules}{}", &text[..start], &text[end..])).unwrap()
}

/// Asks about `fire.60-3` in a primary school in Xiangcheng, reported by urban.
fn check(rules: &[(&str, &str, &str)], expected: &str) {
    let routing = route_in(&book(rules), "fire.60-3", "P8321", "350602", "urban");
    assert_eq!(line(&routing), expected, "{rules:?}");
}

#[test]
fn a_longer_region_beats_everything_else() {
    check(
        &[
            ("all", "fire", "category = [\"fire.60-3\"]\ntrade = [\"P8321\"]\nseverity = [\"serious\"]"),
            ("city", "urban", "category = [\"*\"]\nregion = [\"350600\"]"),
        ],
        "urban |  | education | responsibility/city",
    );
    check(
        &[
            ("city", "urban", "category = [\"*\"]\nregion = [\"350600\"]"),
            ("district", "culture", "category = [\"*\"]\nregion = [\"350602\"]"),
        ],
        "culture |  | education | responsibility/district",
    );
    check(
        &[("other", "urban", "category = [\"*\"]\nregion = [\"350603\"]")],
        "unresolved no-rule: no rule for category fire.60-3, trade P8321, region 350602",
    );
}

#[test]
fn a_longer_trade_beats_a_narrower_category() {
    check(
        &[
            ("exact", "fire", "category = [\"fire.60-3\"]"),
            ("schools", "education", "category = [\"fire.*\"]\ntrade = [\"P\"]"),
        ],
        "education |  |  | responsibility/schools",
    );
}

#[test]
fn exact_beats_wildcard_and_long_beats_short() {
    let rules = [
        ("all", "urban", "category = [\"*\"]"),
        ("law", "housing", "category = [\"fire.*\"]"),
        ("article", "culture", "category = [\"fire.60-*\"]"),
        ("item", "fire", "category = [\"fire.60-3\"]"),
    ];
    check(&rules, "fire |  | education | responsibility/item");
    check(&rules[..3], "culture |  | education | responsibility/article");
    check(&rules[..2], "housing |  | education | responsibility/law");
}

#[test]
fn a_named_severity_beats_none() {
    check(
        &[
            ("any", "fire", "category = [\"fire.60-3\"]"),
            ("serious", "housing", "category = [\"fire.60-3\"]\nseverity = [\"serious\", \"grave\"]"),
            ("general", "urban", "category = [\"fire.60-3\"]\nseverity = [\"general\"]"),
        ],
        "housing |  | education | responsibility/serious",
    );
}

#[test]
fn equals_overlap_or_agree() {
    check(
        &[("b", "fire", "category = [\"fire.60-3\"]"), ("a", "housing", "category = [\"fire.60-3\"]")],
        "overlap fire housing of 2",
    );
    check(
        &[
            ("b", "fire", "category = [\"fire.60-3\"]\nassisting = [\"culture\"]\ninformed = [\"housing\"]"),
            ("a", "fire", "category = [\"fire.60-3\"]\nassisting = [\"housing\", \"fire\"]\ninformed = [\"urban\"]"),
        ],
        "fire | culture housing | education | responsibility/a",
    );
}

#[test]
fn an_unknown_trade_matches_no_rule_that_names_one() {
    let book =
        book(&[("schools", "education", "category = [\"*\"]\ntrade = [\"P\"]"), ("all", "fire", "category = [\"*\"]")]);
    assert_eq!(line(&route_in(&book, "fire.60-3", "", "350602", "urban")), "fire |  |  | responsibility/all");
}
