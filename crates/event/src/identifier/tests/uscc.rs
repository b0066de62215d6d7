//! Codes of real units that public lists show, each verified by a calculation apart from this code, and slips made of them.

use crate::identifier::{
    NormalisationNote, OrganisationKind, RegionCode, RegistrationAuthority, Uscc, UsccError,
    organisation_check_character, organisation_code_check,
};

/// Enterprises, individual businesses, a public institution and a law firm.
const IN_USE: [&str; 24] = [
    "91350100M000100Y43",
    "91110000802100433B",
    "914403001922038216",
    "91440300708461136T",
    "9144030071526726XG",
    "91110000710926094P",
    "91110000600037341L",
    "12440600MB2C07549J",
    "121200004013590816",
    "31430000MD0217741Q",
    "91310115MA1K3BTP2B",
    "9131012056010553X5",
    "91152201078371135X",
    "91420684MA4927PJ7B",
    "91440101MA59G2H724",
    "91440101MA59H0WG12",
    "92440300MA5G9MUC9M",
    "92510107MA62M3M24U",
    "92340602MA2PBMEM24",
    "92340621MA2UK338XJ",
    "92330106MA2GKHP698",
    "9114021105885245XE",
    "92350206MA2Y3F7E8R",
    "91110108585852240Q",
];

fn refusal(text: &str) -> UsccError {
    Uscc::parse(text).expect_err(text)
}

#[test]
fn accepts_codes_in_use() {
    for text in IN_USE {
        let code = Uscc::parse(text).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(code.to_string(), text);
        assert_eq!(Uscc::from_parts(&text[..17]), Ok(code));
        assert!(organisation_code_check(code.organisation_code()));
    }
}

#[test]
fn takes_a_code_apart() {
    let code = Uscc::parse("91350100M000100Y43").unwrap();
    assert_eq!(code.registration_authority(), RegistrationAuthority::Commerce);
    assert_eq!(code.organisation_kind(), OrganisationKind::Enterprise);
    assert_eq!(code.region().to_string(), "350100");
    assert_eq!(code.organisation_code(), "M000100Y4");
    let firm = Uscc::parse("31430000MD0217741Q").unwrap();
    assert_eq!(firm.registration_authority(), RegistrationAuthority::Justice);
    assert_eq!(firm.organisation_kind(), OrganisationKind::LawFirm);
    let shop = Uscc::parse("92340602MA2PBMEM24").unwrap();
    assert_eq!(shop.organisation_kind(), OrganisationKind::IndividualBusiness);
}

/// In 31 characters the value 0 has the character '0'; "31 - remainder" without a second remainder refuses these.
#[test]
fn accepts_check_value_zero() {
    for text in ["91620105L015101280", "91340600MA2PBP2120"] {
        assert_eq!(Uscc::parse(text).unwrap().to_string(), text);
    }
}

#[test]
fn accepts_development_zones_whose_digits_the_standard_does_not_list() {
    for text in ["91320594780268314T", "91320594692569651Q", "91320594MA1NHMCA0T", "91320594688334374M"] {
        let code = Uscc::parse(text).unwrap();
        assert_eq!(code.region_digits(), "320594");
        assert_eq!(code.region().name_zh(), "苏州市");
        assert!(RegionCode::parse("320594").is_err());
    }
}

#[test]
fn keeps_the_region_that_registered_it_after_its_code_was_retired() {
    // Both belong to districts merged away: Longhai city (2021) and Xuanwu district of Beijing (2010).
    for (prefix, region) in [("91350681MA000000", "龙海市"), ("91110104MA000000", "宣武区")] {
        let check = organisation_check_character(&prefix[8..]).unwrap();
        let code = Uscc::from_parts(&format!("{prefix}{check}")).unwrap();
        assert_eq!(code.region().name_zh(), region);
        assert!(code.region().is_retired());
    }
}

#[test]
fn accepts_registration_by_central_authorities() {
    for text in ["91100000100003962T", "911000001000013428", "11100000000013338W"] {
        assert_eq!(Uscc::parse(text).unwrap().region(), RegionCode::STATE);
    }
}

#[test]
fn refuses_eighteen_ones() {
    // 8 ones weigh 3+7+9+10+5+8+4+2 = 48 = 4 modulo 11, so GB 11714 gives 11 - 4 = 7.
    let input = "1".repeat(18);
    assert_eq!(refusal(&input), UsccError::OrganisationCheck { input, expected: '7', found: '1' });
}

#[test]
fn refuses_a_wrong_check_character() {
    let input = "91350100M000100Y44".to_owned();
    assert_eq!(refusal(&input), UsccError::CheckCharacter { input, expected: '3', found: '4' });
    // Issued in the first weeks of the reform, before the check was fixed: not valid by the standard.
    let input = "91350100M0001TGQXM".to_owned();
    assert_eq!(refusal(&input), UsccError::CheckCharacter { input, expected: '1', found: 'M' });
}

#[test]
fn refuses_a_wrong_organisation_check() {
    let input = "91110000802100434B".to_owned();
    assert_eq!(refusal(&input), UsccError::OrganisationCheck { input, expected: '3', found: '4' });
}

#[test]
fn refuses_the_letters_that_look_like_others() {
    for letter in ['I', 'O', 'Z', 'S', 'V'] {
        let input = format!("91350100{letter}000100Y43");
        assert_eq!(refusal(&input), UsccError::ForbiddenLetter { input, letter, position: 9 });
    }
    let message = refusal("9135O100M000100Y43").to_string();
    assert!(message.contains("position 5") && message.contains("it may be a 0"), "{message}");
}

#[test]
fn refuses_a_letter_in_the_region_and_other_characters() {
    let input = "913501A0M000100Y43".to_owned();
    assert_eq!(refusal(&input), UsccError::ForbiddenCharacter { input, character: 'A', position: 7 });
    let input = "91350100M000100Y4中".to_owned();
    assert_eq!(refusal(&input), UsccError::ForbiddenCharacter { input, character: '中', position: 18 });
}

/// 362322198709086409 satisfies the modulo-31 check of GB 32100 as well as the check of GB 11643.
#[test]
fn knows_a_citizens_id_and_does_not_repeat_it() {
    for id in ["362322198709086409", "11010519491231002X", "440524188001010014"] {
        let UsccError::CitizenId { masked } = refusal(id) else { panic!("{id}") };
        assert_eq!(masked, format!("{}************", &id[..6]));
        assert!(!refusal(id).to_string().contains(&id[6..14]));
        assert!(!format!("{:?}", refusal(id)).contains(&id[6..14]));
    }
    assert!(matches!(Uscc::normalise(" １１０１０５19491231002x "), Err(UsccError::CitizenId { .. })));
}

#[test]
fn knows_a_legacy_registration_number() {
    let input = "350600100012345".to_owned();
    assert!(refusal(&input).to_string().contains("legacy:350600100012345"));
    assert_eq!(refusal(&input), UsccError::LegacyRegistrationNumber { input });
}

#[test]
fn never_guesses_digits_that_a_spreadsheet_lost() {
    for input in ["9.1350E+17", "9.1350e+17", "9.13501E+17", "9E+17", "9.135E17"] {
        assert_eq!(refusal(input), UsccError::SpreadsheetNumber { input: input.to_owned() });
        assert!(matches!(Uscc::normalise(input), Err(UsccError::SpreadsheetNumber { .. })), "{input}");
    }
}

#[test]
fn strict_parsing_refuses_lower_case_and_full_width_with_their_own_reasons() {
    let input = "91350100m000100Y43".to_owned();
    assert!(refusal(&input).to_string().contains("write 91350100M000100Y43"));
    assert_eq!(refusal(&input), UsccError::LowerCase { input, character: 'm', position: 9 });
    let input = "9１350100M000100Y43".to_owned();
    assert_eq!(refusal(&input), UsccError::FullWidth { input, character: '１', position: 2 });
}

#[test]
fn normalising_mends_form_and_says_so() {
    let canonical = Uscc::parse("91350100M000100Y43").unwrap();
    let check = |typed: &str, notes: &[NormalisationNote]| {
        let normalised = Uscc::normalise(typed).unwrap_or_else(|error| panic!("{typed}: {error}"));
        assert_eq!(normalised.value, canonical);
        assert_eq!(normalised.notes, notes, "{typed}");
    };
    check("91350100M000100Y43", &[]);
    check(" 91350100M000100Y43\u{3000}", &[NormalisationNote::Trimmed]);
    check("'91350100M000100Y43", &[NormalisationNote::Trimmed]);
    check("91350100m000100y43", &[NormalisationNote::LowerCase]);
    check("９１３５０１００Ｍ０００１００Ｙ４３", &[NormalisationNote::FullWidth]);
    check(
        "ｍ".replace('ｍ', "91350100ｍ000100Y43").as_str(),
        &[NormalisationNote::FullWidth, NormalisationNote::LowerCase],
    );
    check("91 350100 M000100Y4-3", &[NormalisationNote::Separators]);
}

#[test]
fn refuses_other_lengths() {
    assert_eq!(refusal(""), UsccError::Empty);
    assert!(matches!(Uscc::normalise(" \u{3000}"), Err(UsccError::Empty)));
    for (text, expected) in [("91350100M000100Y4", 17), ("91350100M000100Y433", 19), ("一二三", 3)] {
        assert_eq!(refusal(text), UsccError::Length { input: text.to_owned(), found: expected });
    }
    assert!(matches!(Uscc::from_parts("91350100M000100Y43"), Err(UsccError::PrefixLength { found: 18, .. })));
}

#[test]
fn refuses_unknown_authorities_and_categories() {
    let input = "B1350100M000100Y43".to_owned();
    assert_eq!(refusal(&input), UsccError::UnknownRegistrationAuthority { input, found: 'B' });
    let input = "94350100M000100Y43".to_owned();
    let authority = RegistrationAuthority::Commerce;
    assert_eq!(refusal(&input), UsccError::UnknownCategory { input, authority, found: '4' });
    assert!(refusal("99350100M000100Y43").to_string().contains("registration by 工商 has 1 2 3"));
}

/// The standard's authorities and those added later, with the kinds of each.
#[test]
fn knows_exactly_the_documented_kinds() {
    let kinds = [
        ('1', "1239"),
        ('2', "19"),
        ('3', "123459"),
        ('4', "19"),
        ('5', "1239"),
        ('6', "129"),
        ('7', "129"),
        ('8', "19"),
        ('9', "123"),
        ('A', "19"),
        ('N', "1239"),
        ('Y', "1"),
    ];
    for first in "0123456789ABCDEFGHJKLMNPQRTUWXY".chars() {
        let accepted: String = "0123456789ABCDEFGHJKLMNPQRTUWXY"
            .chars()
            .filter(|second| Uscc::from_parts(&format!("{first}{second}350100M000100Y4")).is_ok())
            .collect();
        let expected = kinds.iter().find(|(authority, _)| *authority == first).map_or("", |(_, kinds)| kinds);
        assert_eq!(accepted, expected, "{first}");
    }
}

#[test]
fn refuses_unknown_regions() {
    for (digits, province) in [("990000", None), ("359900", Some("福建省")), ("359912", Some("福建省"))] {
        let error = Uscc::from_parts(&format!("91{digits}M000100Y4")).unwrap_err();
        let UsccError::UnknownRegion { region, province: found, .. } = error else { panic!("{error}") };
        assert_eq!(region, digits);
        assert_eq!(found.map(RegionCode::name_zh), province);
    }
}

#[test]
fn organisation_check_follows_the_standard() {
    // D2143569X is the standard's example; the check 0 comes of a remainder 0, X of a remainder 1.
    assert!(organisation_code_check("D2143569X"));
    assert_eq!(organisation_check_character("D2143569"), Some('X'));
    assert_eq!(organisation_check_character("00000000"), Some('0'));
    assert_eq!(organisation_check_character("1234567"), None);
    assert!(!organisation_code_check("D21435690"));
    assert!(!organisation_code_check("D2143569-X"));
}
