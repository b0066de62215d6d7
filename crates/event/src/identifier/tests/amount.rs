use crate::identifier::{AmountError, Fen, Points};

#[test]
fn points_add_and_negate_within_bounds() {
    assert_eq!(Points(100).checked_add(Points(-6)), Some(Points(94)));
    assert_eq!(Points(i32::MAX).checked_add(Points(1)), None);
    assert_eq!(Points(i32::MIN).checked_add(Points(-1)), None);
    assert_eq!(Points(6).checked_neg(), Some(Points(-6)));
    assert_eq!(Points(i32::MIN).checked_neg(), None);
}

#[test]
fn points_show_their_sign_on_demand() {
    assert_eq!(format!("{} {:+} {:+}", Points(3), Points(3), Points(-3)), "3 +3 -3");
    assert_eq!(format!("[{:>5}]", Points(-3)), "[   -3]");
}

#[test]
fn money_is_read_and_shown_in_yuan() {
    for (text, fen, shown) in [
        ("30000.00", 3_000_000, "30000.00"),
        ("30000", 3_000_000, "30000.00"),
        ("30,000.00", 3_000_000, "30000.00"),
        ("1,234,567.8元", 123_456_780, "1234567.80"),
        (" 0.05 ", 5, "0.05"),
        ("0.1", 10, "0.10"),
        ("12.3400", 1234, "12.34"),
        ("92233720368547758.07", i64::MAX, "92233720368547758.07"),
    ] {
        let amount = Fen::parse_yuan(text).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!((amount.fen(), amount.yuan().as_str()), (fen, shown));
    }
}

#[test]
fn money_is_read_in_ten_thousands_without_rounding() {
    for (text, fen) in [
        ("3.5", 3_500_000),
        ("3.5万元", 3_500_000),
        ("30万", 30_000_000),
        ("0.1", 100_000),
        ("1.15", 1_150_000),
        ("0.000001", 1),
    ] {
        assert_eq!(Fen::parse_wan_yuan(text).map(Fen::fen), Ok(fen), "{text}");
    }
}

#[test]
fn refuses_what_is_no_amount() {
    for text in ["", "元", "-1", "+1", "1e3", "1.2.3", "3.", ".5", "1,5", "1,23,456", "1234,567", "一千", "３"] {
        assert!(matches!(Fen::parse_yuan(text), Err(AmountError::NotANumber { .. })), "{text}");
    }
    assert!(matches!(Fen::parse_yuan("1.234"), Err(AmountError::TooPrecise { decimals_max: 2, .. })));
    assert!(matches!(Fen::parse_wan_yuan("0.0000001"), Err(AmountError::TooPrecise { decimals_max: 6, .. })));
    for text in ["92233720368547758.08", "99999999999999999999999"] {
        assert!(matches!(Fen::parse_yuan(text), Err(AmountError::TooLarge { .. })), "{text}");
    }
    assert_eq!(Fen::new(-1), Err(AmountError::Negative { fen: -1 }));
    assert_eq!(Fen::MAX.checked_add(Fen::new(1).unwrap()), None);
    assert!(serde_json::from_str::<Fen>("-1").is_err());
    assert!(serde_json::from_str::<Fen>("1.5").is_err());
}
