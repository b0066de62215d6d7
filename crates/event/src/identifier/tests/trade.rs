use crate::identifier::{TradeCode, TradeCodeError};

fn trade(text: &str) -> TradeCode {
    TradeCode::parse(text).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn holds_the_sections_and_divisions_of_the_standard() {
    let all: Vec<TradeCode> = TradeCode::all().collect();
    assert_eq!(all.iter().filter(|code| code.division().is_none()).count(), 20);
    let divisions: Vec<u8> = all.iter().filter_map(TradeCode::division).collect();
    assert_eq!(divisions, (1..=97).collect::<Vec<u8>>());
    assert_eq!(all.len(), include_str!("../../../data/trades.csv").lines().count() - 1);
    assert!(all.iter().all(|code| !code.section_name_zh().is_empty()));
    assert!(all.iter().all(|code| code.division_name_zh() != Some("")));
}

#[test]
fn names_are_right() {
    for (code, section, division) in [
        ("H61", "住宿和餐饮业", "住宿业"),
        ("H6110", "住宿和餐饮业", "住宿业"),
        ("P83", "教育", "教育"),
        ("Q84", "卫生和社会工作", "卫生"),
        ("R89", "文化、体育和娱乐业", "体育"),
        ("R90", "文化、体育和娱乐业", "娱乐业"),
        ("E47", "建筑业", "房屋建筑业"),
        ("F52", "批发和零售业", "零售业"),
        ("G54", "交通运输、仓储和邮政业", "道路运输业"),
        ("T97", "国际组织", "国际组织"),
    ] {
        assert_eq!(trade(code).section_name_zh(), section);
        assert_eq!(trade(code).division_name_zh(), Some(division));
    }
    assert_eq!(trade("H").section_name_zh(), "住宿和餐饮业");
    assert_eq!(trade("H").division_name_zh(), None);
}

#[test]
fn contains_by_prefix() {
    assert!(trade("H").contains(&trade("H61")) && trade("H61").contains(&trade("H6110")));
    assert!(trade("H61").contains(&trade("H61")));
    assert!(!trade("H61").contains(&trade("H")) && !trade("H61").contains(&trade("H62")));
    assert!(!trade("A").contains(&trade("B06")));
}

#[test]
fn refuses_each_with_its_reason() {
    let refusal = |text: &str| TradeCode::parse(text).expect_err(text);
    assert_eq!(refusal(""), TradeCodeError::Empty);
    for (text, found) in [("U98", 'U'), ("61", '6'), ("h61", 'h'), ("住宿", '住'), ("Ｈ61", 'Ｈ')] {
        assert_eq!(refusal(text), TradeCodeError::Section { input: text.to_owned(), found });
    }
    for (text, rest) in
        [("H6", "6"), ("H61101", "61101"), ("H6A", "6A"), ("H６１", "６１"), ("H-1", "-1"), ("H+61", "+61")]
    {
        assert_eq!(refusal(text), TradeCodeError::Digits { input: text.to_owned(), rest: rest.to_owned() });
    }
    assert_eq!(
        refusal("H63"),
        TradeCodeError::Division { input: "H63".to_owned(), section: 'H', division: 63, first: 61, last: 62 }
    );
    for text in ["A00", "A06", "B05", "B13", "C12", "C44", "T98", "S97"] {
        assert!(matches!(refusal(text), TradeCodeError::Division { .. }), "{text}");
    }
}
