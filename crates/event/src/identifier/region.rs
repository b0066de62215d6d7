//! Places: the administrative division codes of GB/T 2260.

use std::fmt;
use std::sync::LazyLock;

/// The code that registration by the central authorities carries in place of a province's.
const STATE_NUMBER: u32 = 100_000;

/// The table: one row a code, sorted by code. See `data/README.md` for what it was checked against.
static TABLE: LazyLock<Vec<Row>> = LazyLock::new(|| {
    let mut rows: Vec<Row> = include_str!("../../data/regions.csv").lines().skip(1).filter_map(read_row).collect();
    rows.sort_unstable_by_key(|row| row.number);
    rows
});

/// A province, prefecture or county (行政区划) by its six-digit code in GB/T 2260.
///
/// A value exists only for a code of the table, which also keeps the codes that are no longer in force
/// ([`is_retired`](Self::is_retired)): a unit keeps its identifier for life, and with it the code of the county that
/// registered it. Two kinds of codes are not places: [`STATE`](Self::STATE), and the groupings such as 110100 and
/// 350601 ([`is_grouping`](Self::is_grouping)). Hong Kong, Macao and Taiwan have their province-level code only, as in
/// the standard.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RegionCode(u32);

/// How wide a place is, from wide to narrow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RegionLevel {
    /// The whole country: only [`RegionCode::STATE`].
    State,
    /// A province, autonomous region, municipality or special administrative region (省级).
    Province,
    /// A prefecture or prefecture-level city (地级), or a grouping in its place.
    Prefecture,
    /// A county, district or county-level city (县级), or a grouping in its place.
    County,
}

/// Why a text is not a region code.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegionCodeError {
    /// Not six digits.
    #[error(
        "region code {input:?} is not six digits; write the GB/T 2260 code in half-width digits, such as 350602, or with trailing zeros for a province or prefecture"
    )]
    NotSixDigits {
        /// The text as given.
        input: String,
    },
    /// Six digits that the table does not hold.
    #[error(
        "region code {input} is neither in force nor retired in GB/T 2260; {}",
        nearest.map_or_else(
            || "its first two digits name no province".to_owned(),
            |region| format!("the nearest code above it is {region} {}", region.name_zh()),
        )
    )]
    Unknown {
        /// The text as given.
        input: String,
        /// The prefecture or province that its digits begin with, if there is one.
        nearest: Option<RegionCode>,
    },
}

impl RegionCode {
    /// The whole country (100000): no place of GB/T 2260, but what units registered by central authorities carry.
    pub const STATE: Self = Self(STATE_NUMBER);

    /// Reads six digits that the table holds, retired ones included.
    pub fn parse(text: &str) -> Result<Self, RegionCodeError> {
        let number = six_digits(text).ok_or_else(|| RegionCodeError::NotSixDigits { input: text.to_owned() })?;
        Self::of_number(number)
            .ok_or_else(|| RegionCodeError::Unknown { input: text.to_owned(), nearest: Self::nearest(number) })
    }

    /// Every code of the table in ascending order, retired ones and groupings included.
    pub fn all() -> impl ExactSizeIterator<Item = Self> {
        TABLE.iter().map(|row| Self(row.number))
    }

    /// Every place in force today in ascending order: without retired codes, groupings and [`STATE`](Self::STATE).
    pub fn in_force() -> impl Iterator<Item = Self> {
        TABLE
            .iter()
            .filter(|row| row.number != STATE_NUMBER && row.retired.is_none() && !row.grouping)
            .map(|row| Self(row.number))
    }

    /// How wide the place is.
    pub const fn level(self) -> RegionLevel {
        match self.0 {
            STATE_NUMBER => RegionLevel::State,
            number if number.is_multiple_of(10_000) => RegionLevel::Province,
            number if number.is_multiple_of(100) => RegionLevel::Prefecture,
            _ => RegionLevel::County,
        }
    }

    /// The province-level place that it lies in or is; the state for the state.
    #[must_use]
    pub const fn province(self) -> Self {
        Self(self.0 / 10_000 * 10_000)
    }

    /// The prefecture that it lies in or is, if a prefecture stands between it and its province.
    ///
    /// None for provinces and the state, and for what a province governs directly: the districts of the four
    /// municipalities (110101), county-level cities such as 429004 Xiantao, the counties of Hainan (469021). Their codes
    /// do have a prefix such as 1101 or 4290, but no authority stands behind it.
    pub fn prefecture(self) -> Option<Self> {
        if matches!(self.level(), RegionLevel::State | RegionLevel::Province) {
            return None;
        }
        find(self.0 / 100 * 100).filter(|row| !row.grouping && !row.is_province()).map(|row| Self(row.number))
    }

    /// The next authority up: county to prefecture or, if the province governs it directly, to province; to state.
    pub fn parent(self) -> Option<Self> {
        match self.level() {
            RegionLevel::State => None,
            RegionLevel::Province => Some(Self::STATE),
            RegionLevel::Prefecture => Some(self.province()),
            RegionLevel::County => Some(self.prefecture().unwrap_or_else(|| self.province())),
        }
    }

    /// Whether `other` is this place or lies in it, by prefix: 350000 contains 350600, which contains 350602.
    ///
    /// A place contains its retired codes. The state contains every place.
    pub const fn contains(self, other: Self) -> bool {
        match self.level() {
            RegionLevel::State => true,
            RegionLevel::Province => self.0 / 10_000 == other.0 / 10_000,
            RegionLevel::Prefecture => self.0 / 100 == other.0 / 100,
            RegionLevel::County => self.0 == other.0,
        }
    }

    /// The Chinese name as the table has it, such as `芗城区`; for a retired code its last name.
    pub fn name_zh(self) -> &'static str {
        find(self.0).map_or("", |row| row.name)
    }

    /// The Chinese names from the province down, such as `福建省漳州市芗城区`.
    pub fn full_name_zh(self) -> String {
        let above = self.parent().filter(|&parent| parent != Self::STATE);
        above.map_or_else(String::new, Self::full_name_zh) + self.name_zh()
    }

    /// Whether the code is no longer in force.
    pub fn is_retired(self) -> bool {
        self.retired_year().is_some()
    }

    /// The year in which the code went out of force, if it did.
    ///
    /// It is the year of the first official list without the code, so the decision may be a year older.
    pub fn retired_year(self) -> Option<u16> {
        find(self.0).and_then(|row| row.retired)
    }

    /// Whether the code groups places without being one: 市辖区, 县, 省直辖县级行政区划, 自治区直辖县级行政区划.
    ///
    /// Registration authorities of cities do use them: 440101 stands in many codes of units in Guangzhou.
    pub fn is_grouping(self) -> bool {
        find(self.0).is_some_and(|row| row.grouping)
    }

    /// The code as a number of six digits.
    pub const fn number(self) -> u32 {
        self.0
    }

    /// The region of this number, if the table holds it.
    pub(super) fn of_number(number: u32) -> Option<Self> {
        find(number).map(|row| Self(row.number))
    }

    /// The narrowest place that the number's digits begin with; used for codes that the table does not hold.
    pub(super) fn nearest(number: u32) -> Option<Self> {
        [number, number / 100 * 100, number / 10_000 * 10_000].into_iter().find_map(Self::of_number)
    }
}

struct Row {
    number: u32,
    name: &'static str,
    retired: Option<u16>,
    grouping: bool,
}

impl Row {
    const fn is_province(&self) -> bool {
        self.number.is_multiple_of(10_000)
    }
}

fn find(number: u32) -> Option<&'static Row> {
    let table: &'static Vec<Row> = &TABLE;
    table.binary_search_by_key(&number, |row| row.number).ok().and_then(|index| table.get(index))
}

/// A line that is not a row yields nothing; a test counts the rows, so none is lost unseen.
fn read_row(line: &'static str) -> Option<Row> {
    let mut fields = line.split(',');
    let number = six_digits(fields.next()?)?;
    let name = fields.next()?;
    let retired = fields.next()?.parse().ok();
    let grouping = fields.next()? == "grouping";
    Some(Row { number, name, retired, grouping })
}

fn six_digits(text: &str) -> Option<u32> {
    let is_six_digits = text.len() == 6 && text.bytes().all(|byte| byte.is_ascii_digit());
    is_six_digits.then(|| text.parse().ok()).flatten()
}

impl fmt::Display for RegionCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:06}", self.0)
    }
}

impl fmt::Debug for RegionCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "RegionCode({self})")
    }
}

text_identifier!(
    composed RegionCode, RegionCodeError,
    pattern: "^[1-8][0-9]{5}$",
    length_max: 6,
    description: "a region: a six-digit code of GB/T 2260, such as 350602"
);
