//! Sums of money as people write them, read exactly into fen.

use fengsui_event::Fen;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::text::to_half_width;

/// In which unit a column holds money when the cell does not say it itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum MoneyUnit {
    /// 元
    #[default]
    Yuan,
    /// 分
    Fen,
    /// 万元
    TenThousandYuan,
}

/// Reads a sum. Thousands commas, `¥` and a unit behind the number (`元`, `万元`, `分`) are understood; a unit in the cell
/// is stronger than the column's. `None` when it is no sum, is negative, or has a fraction of a fen.
pub(crate) fn parse_fen(text: &str, unit: MoneyUnit) -> Option<Fen> {
    let text = to_half_width(text);
    let text = text.trim().trim_start_matches(['¥', '￥']).trim();
    if text.ends_with(['万']) || text.ends_with("万元") {
        return Fen::parse_wan_yuan(text).ok();
    }
    if text.ends_with('元') {
        return Fen::parse_yuan(text).ok();
    }
    if let Some(number) = text.strip_suffix('分') {
        return whole_fen(number);
    }
    match unit {
        MoneyUnit::Yuan => Fen::parse_yuan(text).ok(),
        MoneyUnit::TenThousandYuan => Fen::parse_wan_yuan(text).ok(),
        MoneyUnit::Fen => whole_fen(text),
    }
}

fn whole_fen(text: &str) -> Option<Fen> {
    let digits = text.trim();
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| digits.parse().ok()).flatten().and_then(|fen| Fen::new(fen).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_exact_or_refused() {
        let check = |text, unit, fen| assert_eq!(parse_fen(text, unit).map(Fen::fen), fen, "{text}");
        check("5000", MoneyUnit::Yuan, Some(500_000));
        check("5,000.00元", MoneyUnit::Yuan, Some(500_000));
        check("5000.5", MoneyUnit::Yuan, Some(500_050));
        check("￥1,234,567.89", MoneyUnit::Yuan, Some(123_456_789));
        check("0.5万元", MoneyUnit::Yuan, Some(500_000));
        check("3", MoneyUnit::TenThousandYuan, Some(3_000_000));
        check("12345", MoneyUnit::Fen, Some(12_345));
        check("12345分", MoneyUnit::Yuan, Some(12_345));
        check("０", MoneyUnit::Yuan, Some(0));
        for text in ["", "-5", "5.001", "五千", "1,23", "5000元整", "1e4", ".5", "99999999999999999999"] {
            check(text, MoneyUnit::Yuan, None);
        }
    }
}
