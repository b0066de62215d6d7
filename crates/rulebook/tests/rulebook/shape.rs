//! The published JSON Schema accepts the default rulebook and refuses what the reader refuses.

use fengsui_rulebook::{Rulebook, json_schema};
use serde_json::Value;

fn as_json(text: &str) -> Value {
    let parsed: toml::Table = toml::from_str(text).unwrap();
    serde_json::to_value(parsed).unwrap()
}

fn is_valid(text: &str) -> bool {
    let validator = jsonschema::validator_for(&serde_json::to_value(json_schema()).unwrap()).unwrap();
    validator.is_valid(&as_json(text))
}

#[test]
fn the_default_rulebook_fits_the_schema() {
    assert!(is_valid(Rulebook::default_toml()));
}

#[test]
fn the_schema_refuses_what_the_reader_refuses() {
    let check = |from: &str, to: &str| {
        let text = Rulebook::default_toml().replacen(from, to, 1);
        assert!(!is_valid(&text) && Rulebook::from_toml(&text).is_err(), "{from} -> {to}");
    };
    check("schema = 1", "schema = 2");
    check("version = \"pilot-2026.1\"", "");
    check("lead = \"tourism\"", "laed = \"tourism\"");
    check("[opening]", "[openning]");
    check("falls = \"determined\"", "falls = \"sometime\"");
    check("general = 2", "general = 2.5");
    check("calendar = \"cn-2020-2026\"", "calendar = 2026");
}

#[test]
fn the_examples_of_the_documentation_are_rulebooks() {
    let documentation = include_str!("../../../../docs/rulebook.md");
    let mut examples = documentation.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let (whole, calendar) = (examples.next().unwrap(), examples.next().unwrap());
    assert_eq!(examples.next(), None);
    for text in [whole.to_owned(), whole.replace("calendar = \"cn-2020-2026\"\n", "") + calendar] {
        assert!(is_valid(&text));
        Rulebook::from_toml(&text).unwrap();
    }
}
