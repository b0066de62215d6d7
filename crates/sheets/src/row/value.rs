//! From a word to a value: each field's own rules, and what is said when they fail.

use std::collections::HashMap;
use std::sync::LazyLock;

use fengsui_event::{
    CategoryCode, FindingMethod, Language, Normalised, OrganisationCodeError, Outcome, RegionCode, Severity, TradeCode,
    UnitId, UnitIdError, UsccError,
};

use crate::date::{DateFault, DateFormat, parse_date};
use crate::map::{Field, Source};
use crate::money::parse_fen;
use crate::problem::Reason;
use crate::text::to_half_width;

/// Scheme under which the kind of identifier is told by its form.
const AUTO: &str = "auto";
const USCC: &str = "uscc";
const LEGACY: &str = "legacy";
const ORGANISATION: &str = "organisation";

/// Places in force by their names from the province down; a name alone, such as 朝阳区, is not unique.
static REGION_NAMES: LazyLock<HashMap<String, RegionCode>> =
    LazyLock::new(|| RegionCode::in_force().map(|region| (region.full_name_zh(), region)).collect());

/// Why a word is no value of its field.
#[derive(Debug)]
pub(crate) struct ValueFault {
    pub reason: Reason,
    pub zh: String,
    pub en: String,
    /// Text to show instead of the cell, where the cell must not be repeated.
    pub masked: Option<String>,
}

impl ValueFault {
    pub(crate) fn new(reason: Reason, zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self { reason, zh: zh.into(), en: en.into(), masked: None }
    }
}

/// Whether a scheme of `[unit]` exists.
pub(crate) fn check_scheme(scheme: &str) -> Result<(), String> {
    if [AUTO, USCC, LEGACY, ORGANISATION].contains(&scheme) {
        return Ok(());
    }
    UnitId::local(scheme, "1").map(|_| ()).map_err(|error| error.to_string())
}

/// Whether a word that a map gives is a value of its field.
pub(crate) fn check_word(field: Field, scheme: &str, source: &Source, word: &str) -> Result<(), String> {
    let result = match field {
        Field::Unit => unit(word, scheme).map(|_| ()),
        Field::Region => region(word).map(|_| ()),
        Field::Trade => trade(word).map(|_| ()),
        Field::Category => category(word).map(|_| ()),
        Field::Severity => severity(word).map(|_| ()),
        Field::Method => method(word).map(|_| ()),
        Field::Outcome => outcome(word).map(|_| ()),
        Field::Status => status(word).map(|_| ()),
        Field::FoundOn | Field::ClosedOn | Field::HandledOn | Field::UpdatedOn => {
            parse_date(word, DateFormat::Standard).map(|_| ()).map_err(date_fault)
        }
        Field::Penalty => penalty(word, source).map(|_| ()),
        _ => Ok(()),
    };
    result.map_err(|fault| format!("`{word}`: {}", fault.en))
}

pub(crate) fn unit(word: &str, scheme: &str) -> Result<Normalised<UnitId>, ValueFault> {
    let word = word.trim();
    let result = match scheme {
        AUTO | USCC => UnitId::normalise(word),
        LEGACY => prefixed(LEGACY, word),
        ORGANISATION => prefixed(ORGANISATION, word),
        local => UnitId::local(local, word).map(|value| Normalised { value, notes: Vec::new() }),
    };
    let unit = result.map_err(|error| unit_fault(&error))?;
    let input = || word.to_owned();
    match (&unit.value, scheme) {
        (UnitId::Uscc(_), _) => Ok(unit),
        (UnitId::Legacy(_), USCC) => Err(uscc_fault(&UsccError::LegacyRegistrationNumber { input: input() })),
        (_, USCC) => Err(uscc_fault(&UsccError::Length { input: input(), found: word.chars().count() })),
        _ => Ok(unit),
    }
}

/// Half-width and upper-case, as the other kinds of code are normalised.
fn prefixed(scheme: &str, word: &str) -> Result<Normalised<UnitId>, UnitIdError> {
    let value = to_half_width(word).to_ascii_uppercase();
    let value = if scheme == ORGANISATION { value.replace('-', "") } else { value };
    UnitId::parse(&format!("{scheme}:{value}")).map(|value| Normalised { value, notes: Vec::new() })
}

/// Why a text names no unit, in a language: the same words for a cell of a table and for a value typed elsewhere.
pub fn unit_error_text(error: &UnitIdError, language: Language) -> String {
    let ValueFault { zh, en, .. } = unit_fault(error);
    language.pick(zh, en)
}

fn unit_fault(error: &UnitIdError) -> ValueFault {
    let en = error.to_string();
    match error {
        UnitIdError::Uscc(error) => uscc_fault(error),
        UnitIdError::Organisation(OrganisationCodeError::CheckCharacter { .. }) => {
            ValueFault::new(Reason::OrganisationCode, "组织机构代码校验位不符（GB 11714），请核对", en)
        }
        UnitIdError::Organisation(_) => {
            ValueFault::new(Reason::OrganisationCode, "不是组织机构代码（GB 11714，9 位），请核对", en)
        }
        UnitIdError::Legacy { .. } => ValueFault::new(Reason::LegacyNumber, "不是 15 位工商注册号，请核对", en),
        UnitIdError::Scheme { .. } | UnitIdError::LocalValue { .. } => {
            ValueFault::new(Reason::LocalNumber, "不是可用的单位编号：限 1 至 64 个字母、数字、点、下划线、连字符", en)
        }
    }
}

fn uscc_fault(error: &UsccError) -> ValueFault {
    let (reason, zh) = match error {
        UsccError::Empty => (Reason::Missing, "统一社会信用代码为空".to_owned()),
        UsccError::Length { found, .. } | UsccError::PrefixLength { found, .. } => {
            (Reason::UsccLength, format!("统一社会信用代码应为 18 位，现为 {found} 位，请与营业执照核对"))
        }
        UsccError::LegacyRegistrationNumber { .. } => {
            (Reason::UsccLegacyNumber, "这是 15 位工商注册号，请查新代码，或在映射中改用 scheme = \"auto\"".to_owned())
        }
        UsccError::CitizenId { .. } => (
            Reason::UsccCitizenId,
            "这是公民身份号码，不是单位代码；请从表中删除，填写单位的统一社会信用代码".to_owned(),
        ),
        UsccError::SpreadsheetNumber { .. } => (
            Reason::UsccSpreadsheetNumber,
            "表格软件已把代码变成数字，末尾数字已丢失；请将该列设为文本，从原件重新录入".to_owned(),
        ),
        UsccError::ForbiddenLetter { letter, position, .. } => (
            Reason::UsccForbiddenLetter,
            format!("第 {position} 位是字母 {letter}，代码不使用 I、O、Z、S、V，请与营业执照核对"),
        ),
        UsccError::LowerCase { character, position, .. }
        | UsccError::FullWidth { character, position, .. }
        | UsccError::ForbiddenCharacter { character, position, .. } => {
            (Reason::UsccForbiddenCharacter, format!("第 {position} 位的“{character}”不能出现在代码中"))
        }
        UsccError::UnknownRegistrationAuthority { found, .. } => {
            (Reason::UsccAuthority, format!("第 1 位“{found}”不是登记管理部门代码"))
        }
        UsccError::UnknownCategory { found, .. } => {
            (Reason::UsccCategory, format!("第 2 位“{found}”不是该登记管理部门的机构类别代码"))
        }
        UsccError::UnknownRegion { region, .. } => {
            (Reason::UsccRegion, format!("第 3 至 8 位“{region}”不是行政区划代码（GB/T 2260）"))
        }
        UsccError::OrganisationCheck { expected, found, .. } => (
            Reason::UsccOrganisationCheck,
            format!("第 17 位应为 {expected}，现为 {found}（GB 11714 校验），请核对第 9 至 17 位"),
        ),
        UsccError::CheckCharacter { expected, found, .. } => {
            (Reason::UsccCheckCharacter, format!("末位校验码应为 {expected}，现为 {found}（GB 32100），请核对全部字符"))
        }
    };
    let masked = if let UsccError::CitizenId { masked } = error { Some(masked.clone()) } else { None };
    ValueFault { masked, ..ValueFault::new(reason, zh, error.to_string()) }
}

pub(crate) fn region(word: &str) -> Result<RegionCode, ValueFault> {
    let word = to_half_width(word).trim().to_owned();
    RegionCode::parse(&word).or_else(|error| {
        let by_name = || REGION_NAMES.get(&word).copied();
        let is_name = !word.is_ascii();
        is_name.then(by_name).flatten().ok_or_else(|| {
            ValueFault::new(
                Reason::RegionUnknown,
                "不是 GB/T 2260 的六位行政区划代码，也不是省市县全称（如 福建省漳州市芗城区）",
                error.to_string(),
            )
        })
    })
}

pub(crate) fn trade(word: &str) -> Result<TradeCode, ValueFault> {
    let word = to_half_width(word).trim().to_ascii_uppercase();
    TradeCode::parse(&word).or_else(|error| {
        trade_by_digits(&word).ok_or_else(|| {
            ValueFault::new(Reason::TradeUnknown, "不是 GB/T 4754-2017 的行业代码（如 H61、H6110）", error.to_string())
        })
    })
}

/// The digits alone name the section, because divisions are numbered through.
fn trade_by_digits(word: &str) -> Option<TradeCode> {
    let digits = word.bytes().all(|byte| byte.is_ascii_digit());
    let division: u8 = word.get(..2).filter(|_| digits)?.parse().ok()?;
    let section = TradeCode::all().find(|trade| trade.division() == Some(division))?.section();
    TradeCode::parse(&format!("{section}{word}")).ok()
}

pub(crate) fn category(word: &str) -> Result<CategoryCode, ValueFault> {
    CategoryCode::parse(word.trim()).map_err(|error| {
        ValueFault::new(
            Reason::CategoryInvalid,
            "不是违法行为类别代码（如 fire.60-3），也不是规则库中的类别名称",
            error.to_string(),
        )
    })
}

pub(crate) fn severity(word: &str) -> Result<Severity, ValueFault> {
    term(word, "严重程度")
}

pub(crate) fn method(word: &str) -> Result<FindingMethod, ValueFault> {
    term(word, "发现方式")
}

pub(crate) fn outcome(word: &str) -> Result<Outcome, ValueFault> {
    term(word, "处理结果")
}

fn term<T: std::str::FromStr<Err = fengsui_event::UnknownTerm>>(word: &str, list_zh: &str) -> Result<T, ValueFault> {
    word.trim().parse().map_err(|error: fengsui_event::UnknownTerm| {
        let expected = error.expected.join("、");
        ValueFault::new(
            Reason::UnknownValue,
            format!("不是{list_zh}的取值；可用：{expected}，或在映射的 values 中写明"),
            error.to_string(),
        )
    })
}

/// Whether the row is closed.
pub(crate) fn status(word: &str) -> Result<bool, ValueFault> {
    match word.trim() {
        "closed" => Ok(true),
        "open" => Ok(false),
        _ => Err(ValueFault::new(
            Reason::UnknownValue,
            "状态只能是 open 或 closed，其他写法请在映射的 values 中写明",
            "a status is open or closed; list other words under `values` in the map",
        )),
    }
}

pub(crate) fn penalty(word: &str, source: &Source) -> Result<fengsui_event::Fen, ValueFault> {
    parse_fen(word, source.money).ok_or_else(|| {
        ValueFault::new(
            Reason::MoneyUnreadable,
            "不是金额；请写成 5000、5000.00 或 0.5万元",
            "not a sum of money; write 5000, 5000.00 or 0.5万元",
        )
    })
}

pub(crate) fn date_fault(fault: DateFault) -> ValueFault {
    let (reason, zh) = match fault {
        DateFault::Unreadable => (Reason::DateUnreadable, "不是日期，请写成 2023-10-12"),
        DateFault::Impossible => (Reason::DateImpossible, "日历上没有这一天"),
        DateFault::Ambiguous => (Reason::DateAmbiguous, "日与月分不清，请写成 2023-10-12，或在映射中写明先后"),
        DateFault::TwoDigitYear => (Reason::DateTwoDigitYear, "年份只有两位，请写成 2023-10-12"),
        DateFault::SerialNumber => {
            (Reason::DateSerialNumber, "是没有日期格式的数字；请将单元格设为日期，或在映射中写 date = \"serial\"")
        }
        DateFault::PhantomLeapDay => (Reason::DatePhantom, "1900 年没有 2 月 29 日"),
        DateFault::OutOfRange => (Reason::DateOutOfRange, "超出 1900 至 2199 年"),
        DateFault::NotADay => (Reason::DateIsTime, "是时间，不是日期"),
    };
    ValueFault::new(reason, zh, fault.to_string())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn units_are_told_apart_by_their_form_or_by_the_maps_scheme() {
        let check = |word: &str, scheme: &str, expected: Result<&str, Reason>| {
            let found = unit(word, scheme).map(|unit| unit.value.to_string()).map_err(|fault| fault.reason);
            assert_eq!(found, expected.map(str::to_owned), "{word} under {scheme}");
        };
        // The example of GB 32100-2015, and the organisation code inside it.
        check("91350100M000100Y43", "auto", Ok("91350100M000100Y43"));
        check("９１３５０１００m000100y43", "uscc", Ok("91350100M000100Y43"));
        check("M000100Y4", "auto", Ok("organisation:M000100Y4"));
        check("M000100Y-4", "organisation", Ok("organisation:M000100Y4"));
        check("M000100Y5", "organisation", Err(Reason::OrganisationCode));
        check("M000100Y4", "uscc", Err(Reason::UsccLength));
        check("350600100012345", "auto", Ok("legacy:350600100012345"));
        check("350600100012345", "uscc", Err(Reason::UsccLegacyNumber));
        check("35060010001234", "legacy", Err(Reason::LegacyNumber));
        check("261019", "local.sf-inspection", Ok("local.sf-inspection:261019"));
        check("26 1019", "local.sf-inspection", Err(Reason::LocalNumber));
        check("local.sf-inspection:261019", "auto", Ok("local.sf-inspection:261019"));
    }

    #[test]
    fn a_trade_may_lack_its_letter() {
        let check = |word: &str, expected: Option<&str>| {
            assert_eq!(trade(word).ok().map(|trade| trade.to_string()).as_deref(), expected, "{word}");
        };
        check("H6110", Some("H6110"));
        check("６１１０", Some("H6110"));
        check("83", Some("P83"));
        check("1", None);
        check("99", None);
        check("旅馆", None);
    }

    #[test]
    fn a_region_may_be_written_in_full() {
        assert_eq!(region("福建省漳州市芗城区").unwrap().to_string(), "350602");
        assert_eq!(region("３５０６００").unwrap().to_string(), "350600");
        assert_eq!(region("芗城区").unwrap_err().reason, Reason::RegionUnknown);
        assert_eq!(region("350602001000").unwrap_err().reason, Reason::RegionUnknown);
    }
}
