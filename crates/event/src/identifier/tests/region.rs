use std::collections::BTreeSet;

use crate::identifier::{RegionCode, RegionCodeError, RegionLevel};

const TABLE: &str = include_str!("../../../data/regions.csv");

fn region(text: &str) -> RegionCode {
    RegionCode::parse(text).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn every_line_of_the_table_is_a_row_in_order() {
    let codes: Vec<&str> = TABLE.lines().skip(1).map(|line| &line[..6]).collect();
    let displayed: Vec<String> = RegionCode::all().map(|region| region.to_string()).collect();
    assert_eq!(displayed, codes);
    assert!(codes.windows(2).all(|pair| pair[0] < pair[1]), "sorted and unique");
    assert!(RegionCode::all().all(|region| !region.name_zh().is_empty()));
}

/// The counts of the divisions in force as the civil affairs authority published them for 2026.
#[test]
fn counts_are_those_of_the_published_table() {
    let count = |level| RegionCode::in_force().filter(|region| region.level() == level).count();
    assert_eq!(count(RegionLevel::Province), 34);
    assert_eq!(count(RegionLevel::Prefecture), 333);
    assert_eq!(count(RegionLevel::County), 2847);
    let retired = RegionCode::all().filter(|region| region.is_retired() && !region.is_grouping());
    assert_eq!(retired.count(), 3429);
    assert_eq!(RegionCode::all().filter(|region| region.is_grouping()).count(), 296);
    assert_eq!(RegionCode::all().count(), 1 + 34 + 333 + 2847 + 3429 + 296);
}

#[test]
fn names_are_right() {
    for (code, name) in [
        ("350000", "福建省"),
        ("350600", "漳州市"),
        ("350602", "芗城区"),
        ("350603", "龙文区"),
        ("350604", "龙海区"),
        ("110101", "东城区"),
        ("429004", "仙桃市"),
        ("441900", "东莞市"),
        ("469021", "定安县"),
        ("710000", "台湾省"),
        ("810000", "香港特别行政区"),
        ("820000", "澳门特别行政区"),
    ] {
        assert_eq!(region(code).name_zh(), name);
    }
    assert_eq!(region("350602").full_name_zh(), "福建省漳州市芗城区");
    assert_eq!(region("110101").full_name_zh(), "北京市东城区");
}

#[test]
fn every_place_has_its_province_and_lies_in_what_stands_above_it() {
    let all: BTreeSet<RegionCode> = RegionCode::all().collect();
    for place in RegionCode::all() {
        assert!(all.contains(&place.province()), "{place}");
        assert!(place.contains(place));
        for above in [place.prefecture(), place.parent(), Some(place.province())].into_iter().flatten() {
            assert!(above.contains(place), "{above} {place}");
            assert!(!above.is_grouping() || above == place, "{above} {place}");
        }
        if !place.is_retired() && !place.is_grouping() {
            let above = [place.prefecture(), place.parent(), Some(place.province())];
            assert!(above.into_iter().flatten().all(|above| !above.is_retired()), "{place}");
        }
    }
}

#[test]
fn levels_and_prefixes() {
    let (province, prefecture, county) = (region("350000"), region("350600"), region("350602"));
    assert_eq!(province.level(), RegionLevel::Province);
    assert_eq!(prefecture.level(), RegionLevel::Prefecture);
    assert_eq!(county.level(), RegionLevel::County);
    assert_eq!(county.province(), province);
    assert_eq!(county.prefecture(), Some(prefecture));
    assert_eq!(prefecture.prefecture(), Some(prefecture));
    assert_eq!(province.prefecture(), None);
    assert_eq!(county.parent(), Some(prefecture));
    assert_eq!(prefecture.parent(), Some(province));
    assert_eq!(province.parent(), Some(RegionCode::STATE));
    assert_eq!(RegionCode::STATE.parent(), None);
    assert!(province.contains(county) && prefecture.contains(county));
    assert!(!county.contains(prefecture) && !prefecture.contains(province));
    assert!(!region("350700").contains(county) && !region("440000").contains(county));
    assert!(RegionCode::STATE.contains(county) && !county.contains(RegionCode::STATE));
    assert!(!region("110000").contains(RegionCode::STATE));
}

#[test]
fn what_a_province_governs_directly_has_no_prefecture() {
    for (code, province) in [
        ("110101", "北京市"),
        ("500101", "重庆市"),
        ("429004", "湖北省"),
        ("469021", "海南省"),
        ("659001", "新疆维吾尔自治区"),
    ] {
        assert_eq!(region(code).prefecture(), None, "{code}");
        assert_eq!(region(code).parent().map(RegionCode::name_zh), Some(province), "{code}");
    }
    // A prefecture without counties is one all the same.
    assert_eq!(region("441900").prefecture(), Some(region("441900")));
}

#[test]
fn retired_codes_are_kept_with_their_year() {
    for (code, name, year) in [
        ("350681", "龙海市", 2021),
        ("350625", "长泰县", 2021),
        ("110103", "崇文区", 2010),
        ("371200", "莱芜市", 2019),
        ("330103", "下城区", 2021),
        ("500112", "渝北区", 2025),
    ] {
        assert_eq!((region(code).name_zh(), region(code).retired_year()), (name, Some(year)));
        assert!(region(code).is_retired());
    }
    assert!(!region("350604").is_retired());
    assert!(RegionCode::in_force().all(|place| !place.is_retired()));
}

#[test]
fn groupings_are_codes_but_no_places() {
    for (code, level) in [
        ("110100", RegionLevel::Prefecture),
        ("429000", RegionLevel::Prefecture),
        ("440101", RegionLevel::County),
        ("350601", RegionLevel::County),
    ] {
        assert!(region(code).is_grouping(), "{code}");
        assert_eq!(region(code).level(), level);
    }
    assert!(!region("110101").is_grouping());
}

#[test]
fn refuses_what_the_table_does_not_hold() {
    for text in ["", "35060", "3506020", "35060a", "３５０６０２", "-35060", "+35060", " 350602"] {
        assert_eq!(RegionCode::parse(text), Err(RegionCodeError::NotSixDigits { input: text.to_owned() }));
    }
    let unknown = |text: &str| RegionCode::parse(text).unwrap_err();
    assert_eq!(
        unknown("350699"),
        RegionCodeError::Unknown { input: "350699".to_owned(), nearest: Some(region("350600")) }
    );
    assert_eq!(unknown("990000"), RegionCodeError::Unknown { input: "990000".to_owned(), nearest: None });
    assert!(unknown("350699").to_string().contains("350600 漳州市"));
    assert!(unknown("000000").to_string().contains("no province"));
}
