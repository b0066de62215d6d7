//! What holds for every value: its text reads back, every format keeps it, its schema describes it, and no slip of the
//! pen turns one code into another.

use std::fmt::{Debug, Display};
use std::str::FromStr;

use proptest::prelude::*;
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::identifier::{
    AgencyCode, CaseId, CategoryCode, EventId, Fen, OrganisationCode, Points, ReferralId, RegionCode, TradeCode,
    UnitId, Uscc, organisation_check_character,
};

const ALPHABET: &str = "0123456789ABCDEFGHJKLMNPQRTUWXY";

fn organisation_codes() -> impl Strategy<Value = OrganisationCode> {
    "[0-9A-HJ-NPQRTUWXY]{8}".prop_map(|body| {
        let check = organisation_check_character(&body).unwrap();
        OrganisationCode::parse(&format!("{body}{check}")).unwrap()
    })
}

fn usccs() -> impl Strategy<Value = Uscc> {
    let kinds =
        prop::sample::select(vec!["11", "12", "31", "35", "51", "53", "72", "91", "92", "93", "A1", "N2", "Y1"]);
    let regions = prop::sample::select(RegionCode::all().collect::<Vec<_>>());
    (kinds, regions, organisation_codes())
        .prop_map(|(kind, region, organisation)| Uscc::from_parts(&format!("{kind}{region}{organisation}")).unwrap())
}

fn event_ids() -> impl Strategy<Value = EventId> {
    any::<[u8; 16]>().prop_map(EventId::from_bytes)
}

fn unit_ids() -> impl Strategy<Value = UnitId> {
    let parsed = |text: String| UnitId::parse(&text).unwrap();
    prop_oneof![
        usccs().prop_map(UnitId::from),
        "legacy:[0-9]{15}".prop_map(parsed),
        organisation_codes().prop_map(UnitId::Organisation),
        r"local\.[a-z][a-z0-9-]{0,31}:[A-Za-z0-9._-]{1,64}".prop_map(parsed),
    ]
}

/// JSON and bincode give the value back, and the JSON satisfies the type's schema.
fn check_formats<T>(value: &T)
where
    T: Serialize + DeserializeOwned + JsonSchema + PartialEq + Debug,
{
    let json = serde_json::to_value(value).unwrap();
    assert_eq!(serde_json::from_str::<T>(&json.to_string()).as_ref().unwrap(), value);
    assert_eq!(serde_json::from_value::<T>(json.clone()).as_ref().unwrap(), value);
    let schema = schemars::schema_for!(T).to_value();
    assert!(jsonschema::is_valid(&schema, &json), "{json} {schema}");
    let configuration = bincode::config::standard();
    let bytes = bincode::serde::encode_to_vec(value, configuration).unwrap();
    let (decoded, length) = bincode::serde::decode_from_slice::<T, _>(&bytes, configuration).unwrap();
    assert_eq!((&decoded, length), (value, bytes.len()));
}

fn check_text<T>(value: &T)
where
    T: Serialize + DeserializeOwned + JsonSchema + PartialEq + Debug + Display + FromStr<Err: Debug>,
{
    assert_eq!(value.to_string().parse::<T>().as_ref().unwrap(), value);
    assert_eq!(serde_json::to_value(value).unwrap(), serde_json::Value::String(value.to_string()));
    check_formats(value);
}

proptest! {
    #[test]
    fn usccs_round_trip(code in usccs()) {
        check_text(&code);
        prop_assert_eq!(Uscc::normalise(&code.to_string().to_lowercase()).unwrap().value, code);
    }

    #[test]
    fn units_round_trip(unit in unit_ids()) {
        check_text(&unit);
        prop_assert_eq!(UnitId::normalise(&unit.to_string()).unwrap().value, unit);
    }

    #[test]
    fn organisation_codes_round_trip(code in organisation_codes()) {
        check_text(&code);
    }

    #[test]
    fn regions_round_trip(region in prop::sample::select(RegionCode::all().collect::<Vec<_>>())) {
        check_text(&region);
    }

    #[test]
    fn trades_round_trip(trade in prop::sample::select(TradeCode::all().collect::<Vec<_>>()), class in "[0-9]{0,2}") {
        check_text(&trade);
        if trade.division().is_some() {
            check_text(&TradeCode::parse(&format!("{trade}{class}")).unwrap());
        }
    }

    #[test]
    fn agencies_round_trip(text in "[a-z][a-z0-9-]{1,31}") {
        check_text(&AgencyCode::parse(&text).unwrap());
    }

    #[test]
    fn categories_round_trip(text in r"[a-z][a-z0-9-]{0,15}(\.[a-z0-9-]{1,15}){0,3}") {
        check_text(&CategoryCode::parse(&text).unwrap());
    }

    #[test]
    fn ulids_round_trip(id in event_ids()) {
        check_text(&id);
        check_text(&CaseId::of(id));
        check_text(&ReferralId::of(id));
        let bytes = bincode::serde::encode_to_vec(CaseId::of(id), bincode::config::standard()).unwrap();
        prop_assert_eq!(bytes, id.to_bytes());
    }

    #[test]
    fn ulids_sort_as_their_texts(left in event_ids(), right in event_ids()) {
        prop_assert_eq!(left.cmp(&right), left.to_string().cmp(&right.to_string()));
    }

    #[test]
    fn inline_texts_sort_as_their_texts(left in "[a-z][a-z0-9-]{1,9}", right in "[a-z][a-z0-9-]{1,9}") {
        let order = AgencyCode::parse(&left).unwrap().cmp(&AgencyCode::parse(&right).unwrap());
        prop_assert_eq!(order, left.cmp(&right));
    }

    #[test]
    fn amounts_round_trip(points in any::<i32>(), fen in 0..=i64::MAX) {
        check_formats(&Points(points));
        let amount = Fen::new(fen).unwrap();
        check_formats(&amount);
        prop_assert_eq!(Fen::parse_yuan(&amount.yuan()), Ok(amount));
    }

    /// 31 is prime and no weight is a multiple of it, so a single wrong character always changes the sum.
    #[test]
    fn a_single_wrong_character_is_refused(code in usccs(), position in 0..18_usize, letter in 0..31_usize) {
        let mut characters: Vec<char> = code.to_string().chars().collect();
        let wrong = ALPHABET.chars().nth(letter).unwrap();
        prop_assume!(characters[position] != wrong);
        characters[position] = wrong;
        prop_assert!(Uscc::parse(&characters.iter().collect::<String>()).is_err());
    }

    /// Neighbouring weights differ, so two exchanged neighbours always change the sum.
    #[test]
    fn two_exchanged_characters_are_refused(code in usccs(), position in 0..17_usize) {
        let mut characters: Vec<char> = code.to_string().chars().collect();
        prop_assume!(characters[position] != characters[position + 1]);
        characters.swap(position, position + 1);
        prop_assert!(Uscc::parse(&characters.iter().collect::<String>()).is_err());
    }

    #[test]
    fn no_text_makes_a_parser_panic(text in any::<String>(), near in "[0-9A-Za-zＡ-Ｚ.:+-]{0,20}") {
        for text in [text, near] {
            drop((UnitId::parse(&text), UnitId::normalise(&text), Uscc::parse(&text), Uscc::from_parts(&text)));
            drop((RegionCode::parse(&text), TradeCode::parse(&text), AgencyCode::parse(&text)));
            drop((CategoryCode::parse(&text), EventId::parse(&text), OrganisationCode::parse(&text)));
            drop((Fen::parse_yuan(&text), Fen::parse_wan_yuan(&text)));
        }
    }
}
