//! Agency and category codes, and the ULIDs.

use crate::identifier::{
    AgencyCode, AgencyCodeError, CaseId, CategoryCode, CategoryCodeError, EventId, ReferralId, UlidError,
};

#[test]
fn agency_codes() {
    for text in ["fire", "housing", "a1", "sf-dph", "a-", &"a".repeat(32)] {
        assert_eq!(AgencyCode::parse(text).unwrap().to_string(), text);
    }
    for text in ["", "a", &"a".repeat(33)] {
        assert!(matches!(AgencyCode::parse(text), Err(AgencyCodeError::Length { .. })), "{text}");
    }
    for (text, character, position) in
        [("Fire", 'F', 1), ("1a", '1', 1), ("-a", '-', 1), ("fire.x", '.', 5), ("消防", '消', 1), ("fire>", '>', 5)]
    {
        let input = text.to_owned();
        assert_eq!(AgencyCode::parse(text), Err(AgencyCodeError::Character { input, character, position }));
    }
}

#[test]
fn category_codes() {
    for text in ["fire.60-3", "sanitation.refuse", "fire", "a.1.-", &"a".repeat(64)] {
        assert_eq!(CategoryCode::parse(text).unwrap().to_string(), text);
    }
    assert_eq!(CategoryCode::parse(""), Err(CategoryCodeError::Empty));
    assert!(matches!(CategoryCode::parse(&"a".repeat(65)), Err(CategoryCodeError::Length { found: 65, .. })));
    for text in ["fire.", "fire..60"] {
        assert!(matches!(CategoryCode::parse(text), Err(CategoryCodeError::EmptyPart { .. })), "{text}");
    }
    for text in [".fire", "Fire", "fire 60", "60.fire", "火"] {
        assert!(matches!(CategoryCode::parse(text), Err(CategoryCodeError::Character { .. })), "{text}");
    }
    let code = |text: &str| CategoryCode::parse(text).unwrap();
    assert!(code("fire").contains(&code("fire.60-3")) && code("fire").contains(&code("fire")));
    assert!(!code("fire.60").contains(&code("fire.60-3")) && !code("fire.60-3").contains(&code("fire")));
}

/// The example of the ULID specification: 2016-07-30T23:54:10.259Z.
#[test]
fn ulids_are_read_as_specified() {
    let id = EventId::parse("01ARZ3NDEKTSV4RRFFQ69G5FAV").unwrap();
    assert_eq!(id.timestamp_ms(), 1_469_922_850_259);
    assert_eq!(id.to_string(), "01ARZ3NDEKTSV4RRFFQ69G5FAV");
    let random = *id.to_bytes().last_chunk::<10>().unwrap();
    assert_eq!(EventId::from_parts(1_469_922_850_259, random), id);
    assert_eq!(EventId::from_bytes(id.to_bytes()), id);
    assert_eq!(EventId::from_parts(u64::MAX, [0xFF; 10]).to_string(), "7ZZZZZZZZZZZZZZZZZZZZZZZZZ");
    assert_eq!(EventId::from_parts(0, [0; 10]).to_string(), "0".repeat(26));
}

#[test]
fn cases_and_referrals_are_named_after_their_events() {
    let event = EventId::from_parts(1_700_000_000_000, [7; 10]);
    assert_eq!(CaseId::of(event).to_string(), event.to_string());
    assert_eq!(CaseId::of(event).event_id(), event);
    assert_eq!(ReferralId::parse(&event.to_string()).map(EventId::from), Ok(event));
}

#[test]
fn one_identifier_has_one_text() {
    let refusal = |text: &str| EventId::parse(text).expect_err(text);
    for (text, character, position) in [
        ("01arz3ndektsv4rrffq69g5fav", 'a', 3),
        ("O1ARZ3NDEKTSV4RRFFQ69G5FAV", 'O', 1),
        ("01ARZ3NDEKTSV4RRFFQ69G5FAU", 'U', 26),
        ("01ARZ3NDEK-SV4RRFFQ69G5FAV", '-', 11),
    ] {
        assert_eq!(refusal(text), UlidError::Character { input: text.to_owned(), character, position });
    }
    assert!(matches!(refusal(""), UlidError::Length { found: 0, .. }));
    assert!(matches!(refusal("01ARZ3NDEKTSV4RRFFQ69G5FA"), UlidError::Length { found: 25, .. }));
    assert!(matches!(refusal("81ARZ3NDEKTSV4RRFFQ69G5FAV"), UlidError::Overflow { .. }));
}
