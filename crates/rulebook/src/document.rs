//! The shape of a rulebook's text, entry by entry; what its values mean is checked elsewhere.

use schemars::{JsonSchema, Schema};
use serde::Deserialize;

use crate::located::Located;
use crate::points::PointsFall;

/// The version of this shape that `schema = ` names.
pub(crate) const SCHEMA_VERSION: u32 = 1;

/// JSON Schema of a rulebook's text, for editors and for other vendors' programs.
///
/// It states shape only; references, order and completeness are checked by [`crate::Rulebook::from_toml`].
pub fn json_schema() -> Schema {
    let mut schema = schemars::schema_for!(Document);
    schema.insert("title".to_owned(), "fengsui rulebook".into());
    schema
}

/// A rulebook: what the authority decides, as data.
#[derive(Debug, Default, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Document {
    /// Version of this shape: 1.
    #[schemars(required, with = "u32", range(min = 1, max = 1))]
    pub(crate) schema: Option<Located<u32>>,
    /// Version of the rulebook, by which events name it.
    #[schemars(required, with = "String", regex(pattern = r"^[a-z0-9][a-z0-9._-]{0,63}$"))]
    pub(crate) version: Option<Located<String>>,
    /// Chinese name.
    #[schemars(required, with = "String")]
    pub(crate) name_zh: Option<Located<String>>,
    /// English name.
    #[schemars(required, with = "String")]
    pub(crate) name_en: Option<Located<String>>,
    /// Code of the agency that decides what no rule decides.
    #[schemars(required, with = "String")]
    pub(crate) authority: Option<Located<String>>,
    /// Name of a built-in calendar of working days, or a calendar of its own.
    #[schemars(required, with = "Calendar")]
    pub(crate) calendar: Option<Calendar>,
    /// The agencies.
    #[schemars(required, with = "Vec<AgencyEntry>")]
    pub(crate) agency: Vec<AgencyEntry>,
    /// The kinds of violation.
    #[schemars(required, with = "Vec<CategoryEntry>")]
    pub(crate) category: Vec<CategoryEntry>,
    /// Who is responsible for what.
    #[schemars(required, with = "Vec<ResponsibilityEntry>")]
    pub(crate) responsibility: Vec<ResponsibilityEntry>,
    /// Competent departments (主管部门) by trade.
    #[schemars(default)]
    pub(crate) competent: Vec<CompetentEntry>,
    /// Deadlines in working days.
    #[schemars(required, with = "Vec<DeadlineEntry>")]
    pub(crate) deadline: Vec<DeadlineEntry>,
    /// The balance with which an account opens.
    #[schemars(required, with = "OpeningTable")]
    pub(crate) opening: Option<OpeningTable>,
    /// Points by category and severity.
    #[schemars(required, with = "Vec<DeductionEntry>")]
    pub(crate) deduction: Vec<DeductionEntry>,
    /// More points for repetition within a period.
    #[schemars(default)]
    pub(crate) repetition: Vec<RepetitionEntry>,
    /// More points for missing the time limit of rectification.
    #[schemars(default)]
    pub(crate) late: Vec<AmountEntry>,
    /// Percent of the deducted points that timely rectification restores.
    #[schemars(default)]
    pub(crate) restoration: Vec<AmountEntry>,
    /// For how long an entry counts. A severity without an entry counts for ever.
    #[schemars(default)]
    pub(crate) counting: Vec<CountingEntry>,
    /// The least balance of each grade.
    #[schemars(required, with = "GradesTable")]
    pub(crate) grades: Option<GradesTable>,
}

#[derive(Debug, JsonSchema)]
#[schemars(untagged)]
pub(crate) enum Calendar {
    /// Name of a built-in calendar, such as `cn-2020-2026`.
    BuiltIn(Located<String>),
    /// The notices themselves.
    Own(CalendarTable),
}

/// A calendar of working days.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CalendarTable {
    /// Notices of holidays, applied in order.
    pub(crate) notice: Vec<NoticeEntry>,
}

/// A notice of holidays and of weekend days that are worked.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NoticeEntry {
    /// The year that the notice settles.
    pub(crate) year: Located<i16>,
    /// Number of the document.
    pub(crate) number: Located<String>,
    /// Day of issue.
    pub(crate) issued: Option<Located<String>>,
    /// Free days: `2020-01-01`, or first and last of a run, `2020-01-24/2020-01-30`.
    #[serde(default)]
    pub(crate) off: Vec<Located<String>>,
    /// Worked days, in the same form.
    #[serde(default)]
    pub(crate) worked: Vec<Located<String>>,
}

/// An agency.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AgencyEntry {
    /// Short code.
    pub(crate) code: Located<String>,
    /// Chinese name.
    pub(crate) name_zh: String,
    /// English name.
    pub(crate) name_en: String,
    /// Successor after a reform, or other remark.
    pub(crate) note: Option<String>,
    /// Whether it runs a node; one that does not is reached through the authority. Default true.
    #[serde(default = "yes")]
    pub(crate) node: bool,
}

/// A kind of violation.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CategoryEntry {
    /// Code.
    pub(crate) code: Located<String>,
    /// Chinese name.
    pub(crate) name_zh: String,
    /// English name.
    pub(crate) name_en: String,
    /// Severity that is assumed where a report names none.
    pub(crate) severity: Located<String>,
    /// The provision that is violated.
    pub(crate) law: Located<String>,
}

/// Who leads, assists and is told.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ResponsibilityEntry {
    /// Name of the rule, unique among these rules.
    pub(crate) id: Located<String>,
    /// Categories: exact codes, or prefixes such as `fire.*` and `fire.60-*`, or `*`.
    pub(crate) category: Vec<Located<String>>,
    /// Trades, by prefix of GB/T 4754-2017; empty for all, known or not.
    #[serde(default)]
    pub(crate) trade: Vec<Located<String>>,
    /// Severities; empty for all.
    #[serde(default)]
    pub(crate) severity: Vec<Located<String>>,
    /// Regions, by prefix of GB/T 2260; empty for all.
    #[serde(default)]
    pub(crate) region: Vec<Located<String>>,
    /// 主办
    pub(crate) lead: Located<String>,
    /// 协办
    #[serde(default)]
    pub(crate) assisting: Vec<Located<String>>,
    /// 知会
    #[serde(default)]
    pub(crate) informed: Vec<Located<String>>,
    /// Legal or local source.
    pub(crate) source: Located<String>,
}

/// The competent department of a trade.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CompetentEntry {
    /// Trades, by prefix of GB/T 4754-2017.
    pub(crate) trade: Vec<Located<String>>,
    /// The department.
    pub(crate) agency: Located<String>,
    /// `informed` or `assisting`.
    pub(crate) role: Located<String>,
    /// Legal or local source.
    pub(crate) source: Located<String>,
}

/// Deadlines in working days, counted from the day after.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DeadlineEntry {
    /// Category, as in responsibility.
    pub(crate) category: Located<String>,
    /// Severities; empty for all.
    #[serde(default)]
    pub(crate) severity: Vec<Located<String>>,
    /// 签收
    pub(crate) acknowledge: Option<Located<i64>>,
    /// 反馈
    pub(crate) feedback: Option<Located<i64>>,
    /// The reporter confirms or rejects.
    pub(crate) confirm: Option<Located<i64>>,
    /// 指定管辖
    pub(crate) designate: Option<Located<i64>>,
    /// Time limit of a rectification order that names none.
    pub(crate) rectification: Option<Located<i64>>,
    /// 市级督办, counted from the reminder; 5 where no entry says.
    pub(crate) city_supervision: Option<Located<i64>>,
    /// 省级督办, counted from when the city began to supervise; 10 where no entry says.
    pub(crate) province_supervision: Option<Located<i64>>,
    /// Legal or local source.
    pub(crate) source: Located<String>,
}

/// The balance with which an account opens.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OpeningTable {
    /// Points.
    pub(crate) points: Located<i64>,
    /// Legal or local source.
    pub(crate) source: Located<String>,
}

/// Points by severity, written positive.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DeductionEntry {
    /// Category, as in responsibility.
    pub(crate) category: Located<String>,
    /// 一般
    pub(crate) general: Option<Located<i64>>,
    /// 较重
    pub(crate) considerable: Option<Located<i64>>,
    /// 严重
    pub(crate) serious: Option<Located<i64>>,
    /// 特别严重
    pub(crate) grave: Option<Located<i64>>,
    /// 重大火灾隐患
    pub(crate) major_hazard: Option<Located<i64>>,
    /// When points fall.
    pub(crate) falls: Option<PointsFall>,
    /// Legal or local source.
    pub(crate) source: Located<String>,
}

/// An amount by severity.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AmountEntry {
    /// Category, as in responsibility.
    pub(crate) category: Located<String>,
    /// 一般
    pub(crate) general: Option<Located<i64>>,
    /// 较重
    pub(crate) considerable: Option<Located<i64>>,
    /// 严重
    pub(crate) serious: Option<Located<i64>>,
    /// 特别严重
    pub(crate) grave: Option<Located<i64>>,
    /// 重大火灾隐患
    pub(crate) major_hazard: Option<Located<i64>>,
    /// Legal or local source.
    pub(crate) source: Located<String>,
}

/// More points for offences of the same category before.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RepetitionEntry {
    /// Category, as in responsibility.
    pub(crate) category: Located<String>,
    /// Length of the period in months.
    pub(crate) months: Located<i64>,
    /// From how many earlier offences on, how many percent of the base are added.
    pub(crate) steps: Vec<RepetitionStepEntry>,
    /// Legal or local source.
    pub(crate) source: Located<String>,
}

/// One step of repetition.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RepetitionStepEntry {
    /// Number of earlier offences in the period.
    pub(crate) prior: Located<i64>,
    /// Percent of the base.
    pub(crate) percent: Located<i64>,
}

/// For how long entries of some severities count.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CountingEntry {
    /// Severities.
    pub(crate) severity: Vec<Located<String>>,
    /// Calendar months.
    pub(crate) months: Located<i64>,
    /// Legal or local source.
    pub(crate) source: Located<String>,
}

/// The least balance of each grade; below `C` is D.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct GradesTable {
    /// Least balance of A.
    #[serde(rename = "A")]
    pub(crate) a: Located<i32>,
    /// Least balance of B.
    #[serde(rename = "B")]
    pub(crate) b: Located<i32>,
    /// Least balance of C.
    #[serde(rename = "C")]
    pub(crate) c: Located<i32>,
    /// Legal or local source.
    pub(crate) source: Located<String>,
}

fn yes() -> bool {
    true
}
