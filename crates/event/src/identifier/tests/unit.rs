use crate::identifier::{NormalisationNote, UnitId, UnitIdError, Uscc, UsccError};

fn refusal(text: &str) -> UnitIdError {
    UnitId::parse(text).expect_err(text)
}

#[test]
fn reads_and_shows_every_kind() {
    for (text, scheme, value) in [
        ("91350100M000100Y43", "uscc", "91350100M000100Y43"),
        ("legacy:350600100012345", "legacy", "350600100012345"),
        ("organisation:802100433", "organisation", "802100433"),
        ("local.sf-inspection:261019", "local.sf-inspection", "261019"),
        ("local.a:A_b.c-9", "local.a", "A_b.c-9"),
    ] {
        let unit = UnitId::parse(text).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!((unit.scheme(), unit.value(), unit.to_string().as_str()), (scheme, value, text));
    }
    let code = Uscc::parse("91350100M000100Y43").unwrap();
    assert_eq!(UnitId::from(code).uscc(), Some(code));
    assert_eq!(UnitId::parse("legacy:350600100012345").unwrap().uscc(), None);
    assert_eq!(format!("[{:>16}]", UnitId::local("local.a", "1").unwrap()), "[       local.a:1]");
}

#[test]
fn refuses_each_with_its_reason() {
    assert_eq!(refusal(""), UnitIdError::Uscc(UsccError::Empty));
    assert!(matches!(refusal("350600100012345"), UnitIdError::Uscc(UsccError::LegacyRegistrationNumber { .. })));
    assert!(matches!(refusal("legacy:35060010001234"), UnitIdError::Legacy { .. }));
    assert!(matches!(refusal("legacy:35060010001234X"), UnitIdError::Legacy { .. }));
    assert!(matches!(refusal("organisation:802100434"), UnitIdError::Organisation(_)));
    assert!(matches!(refusal("organisation:80210043-3"), UnitIdError::Organisation(_)));
    for text in ["uscc:91350100M000100Y43", "local:1", "local.:1", "local.A:1", "local.1a:1", ":1", "Local.a:1"] {
        assert!(matches!(refusal(text), UnitIdError::Scheme { .. }), "{text}");
    }
    for text in ["local.a:", "local.a:b c", "local.a:b:c", "local.a:号"] {
        assert!(matches!(refusal(text), UnitIdError::LocalValue { .. }), "{text}");
    }
    let (name, value) = ("n".repeat(33), "9".repeat(65));
    assert!(matches!(refusal(&format!("local.{name}:1")), UnitIdError::Scheme { .. }));
    assert!(matches!(refusal(&format!("local.a:{value}")), UnitIdError::LocalValue { .. }));
    assert!(UnitId::parse(&format!("local.{}:{}", &name[1..], &value[1..])).is_ok());
}

#[test]
fn normalising_tells_the_kinds_apart() {
    for (typed, expected) in [
        ("91350100m000100y43", "91350100M000100Y43"),
        (" ３５０６００100012345 ", "legacy:350600100012345"),
        ("80210043-3", "organisation:802100433"),
        ("d2143569-x", "organisation:D2143569X"),
        (" local.a:1 ", "local.a:1"),
    ] {
        assert_eq!(UnitId::normalise(typed).unwrap().value.to_string(), expected);
    }
    assert_eq!(UnitId::normalise("80210043-3").unwrap().notes, [NormalisationNote::Separators]);
    assert!(matches!(UnitId::normalise("9.1350E+17"), Err(UnitIdError::Uscc(UsccError::SpreadsheetNumber { .. }))));
    assert!(matches!(UnitId::normalise("9.135E+17"), Err(UnitIdError::Uscc(UsccError::SpreadsheetNumber { .. }))));
    assert!(matches!(UnitId::normalise("80210043-4"), Err(UnitIdError::Organisation(_))));
}
