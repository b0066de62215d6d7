//! Amounts: credit points and money, both whole numbers.

use std::fmt;

use serde::{Deserialize, Serialize};

const FEN_PER_YUAN: i64 = 100;
const YUAN_PER_WAN: i64 = 10_000;

/// Credit points (信用积分): a balance, or a change of one (negative for a deduction).
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(transparent)]
pub struct Points(pub i32);

/// Money in fen (分, a hundredth of a yuan), never negative.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(try_from = "i64", into = "i64")]
pub struct Fen(#[schemars(range(min = 0))] i64);

/// Why an amount cannot be read or made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AmountError {
    /// Money below zero.
    #[error("{fen} fen is below zero; a fine or cost is zero or more")]
    Negative {
        /// The amount in fen as given.
        fen: i64,
    },
    /// Not a decimal number without sign.
    #[error("{input:?} is no amount in {unit}; write digits with at most one decimal point, such as 30000.00")]
    NotANumber {
        /// The text as given.
        input: String,
        /// The unit it was read in.
        unit: &'static str,
    },
    /// More decimals than a whole number of fen allows.
    #[error(
        "{input:?} {unit} is no whole number of fen: at most {decimals_max} decimals are expected; round it by the document it comes from"
    )]
    TooPrecise {
        /// The text as given.
        input: String,
        /// The unit it was read in.
        unit: &'static str,
        /// The number of decimals that the unit allows.
        decimals_max: usize,
    },
    /// Too large for a 64-bit count of fen.
    #[error("{input:?} {unit} is more than {} yuan, the largest amount kept; check the unit", Fen::MAX.yuan())]
    TooLarge {
        /// The text as given.
        input: String,
        /// The unit it was read in.
        unit: &'static str,
    },
}

impl Points {
    /// No points.
    pub const ZERO: Self = Self(0);

    /// The sum, or nothing if it leaves 32 bits.
    pub const fn checked_add(self, other: Self) -> Option<Self> {
        match self.0.checked_add(other.0) {
            Some(sum) => Some(Self(sum)),
            None => None,
        }
    }

    /// The opposite change, or nothing for the one number that has none.
    pub const fn checked_neg(self) -> Option<Self> {
        match self.0.checked_neg() {
            Some(negated) => Some(Self(negated)),
            None => None,
        }
    }
}

/// With `{:+}` a gain shows its sign: `+3`.
impl fmt::Display for Points {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, formatter)
    }
}

impl std::str::FromStr for Points {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

impl Fen {
    /// No money.
    pub const ZERO: Self = Self(0);

    /// The largest amount.
    pub const MAX: Self = Self(i64::MAX);

    /// An amount in fen.
    pub const fn new(fen: i64) -> Result<Self, AmountError> {
        if fen < 0 {
            return Err(AmountError::Negative { fen });
        }
        Ok(Self(fen))
    }

    /// Reads an amount in yuan: `30000`, `30000.00`, `30,000.00`; a trailing `元` is allowed.
    pub fn parse_yuan(text: &str) -> Result<Self, AmountError> {
        parse_decimal(text, text.trim().trim_end_matches('元'), "yuan", FEN_PER_YUAN, 2)
    }

    /// Reads an amount in units of ten thousand yuan: `3.5` is 35,000 yuan; a trailing `万元` or `万` is allowed.
    pub fn parse_wan_yuan(text: &str) -> Result<Self, AmountError> {
        let number = text.trim().trim_end_matches('元').trim_end_matches('万');
        parse_decimal(text, number, "ten thousand yuan", FEN_PER_YUAN * YUAN_PER_WAN, 6)
    }

    /// The amount in fen.
    pub const fn fen(self) -> i64 {
        self.0
    }

    /// The amount in yuan with two decimals: `30000.00`.
    pub fn yuan(self) -> String {
        format!("{}.{:02}", self.0 / FEN_PER_YUAN, self.0 % FEN_PER_YUAN)
    }

    /// The sum, or nothing if it leaves 64 bits.
    pub const fn checked_add(self, other: Self) -> Option<Self> {
        match self.0.checked_add(other.0) {
            Some(sum) => Some(Self(sum)),
            None => None,
        }
    }
}

/// Reads `number` with at most `decimals_max` decimals, `10^decimals_max` fen making one unit.
fn parse_decimal(
    input: &str,
    number: &str,
    unit: &'static str,
    fen_per_unit: i64,
    decimals_max: usize,
) -> Result<Fen, AmountError> {
    let not_a_number = || AmountError::NotANumber { input: input.to_owned(), unit };
    let (whole, decimals) =
        number.trim().split_once('.').map_or((number.trim(), None), |(whole, rest)| (whole, Some(rest)));
    let whole = without_thousands(whole).ok_or_else(not_a_number)?;
    let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !is_digits(&whole) || decimals.is_some_and(|decimals| !is_digits(decimals)) {
        return Err(not_a_number());
    }
    let significant = decimals.unwrap_or_default().trim_end_matches('0');
    if significant.len() > decimals_max {
        return Err(AmountError::TooPrecise { input: input.to_owned(), unit, decimals_max });
    }
    let too_large = || AmountError::TooLarge { input: input.to_owned(), unit };
    let fraction: i64 = format!("{significant:0<decimals_max$}").parse().map_err(|_| too_large())?;
    let units: i64 = whole.parse().map_err(|_| too_large())?;
    let fen = units.checked_mul(fen_per_unit).and_then(|fen| fen.checked_add(fraction));
    fen.map(Fen).ok_or_else(too_large)
}

/// Removes commas that part groups of three digits; nothing if they stand elsewhere, as `1,5` may mean a decimal.
fn without_thousands(whole: &str) -> Option<String> {
    let mut groups = whole.split(',');
    let first = groups.next()?;
    let rest: Vec<&str> = groups.collect();
    if !rest.is_empty() && (first.is_empty() || first.len() > 3 || rest.iter().any(|group| group.len() != 3)) {
        return None;
    }
    Some(rest.iter().fold(first.to_owned(), |text, group| text + group))
}

impl TryFrom<i64> for Fen {
    type Error = AmountError;

    fn try_from(fen: i64) -> Result<Self, Self::Error> {
        Self::new(fen)
    }
}

impl From<Fen> for i64 {
    fn from(amount: Fen) -> Self {
        amount.0
    }
}

/// The amount in yuan, as [`Fen::yuan`] gives it.
impl fmt::Display for Fen {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&self.yuan())
    }
}

/// Reads yuan, as [`Fen::parse_yuan`] does.
impl std::str::FromStr for Fen {
    type Err = AmountError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse_yuan(text)
    }
}
