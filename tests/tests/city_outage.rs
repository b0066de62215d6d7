//! A city whose broker goes away for a while.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use fengsui_tests::City;

#[test]
fn a_city_comes_to_the_same_tables_everywhere() {
    let city = City::found(&["fire", "tourism"]);
    city.same_digest();
    assert_eq!(city.log_of("fire"), city.log_of("tourism"));
    assert!(city.anomalies("fire").is_empty());
}
