//! What a certificate proves and what it does not, in words that stand on every one.

use serde::{Deserialize, Serialize};

/// The words, in both languages. They belong to the format: a certificate with other words is refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Notice {
    /// 证明什么
    pub proves_zh: String,
    /// 不证明什么
    pub does_not_prove_zh: String,
    /// What it proves.
    pub proves_en: String,
    /// What it does not prove.
    pub does_not_prove_en: String,
}

const PROVES_ZH: &str = "本证明可以证明：所附事件位于日志的所列位置，由所列部门签名，载有这些事件的日志已由所列会签部门核对并会签；\
    积分、等级和账目是签发部门依据这些事件和所列规则作出的签名陈述。";
const DOES_NOT_PROVE_ZH: &str = "本证明本身不能证明该单位没有其他账目：这是签发部门的陈述，可以用日志或归档核对。\
    本证明不说明该位置之后发生的任何事情。";
const PROVES_EN: &str = "It proves: the attached events were on the log at these positions, signed by these agencies, \
    and the log with them was checked and cosigned by these cosigners. Balance, grade and entries are the issuer's signed statement of what \
    follows from these events by the rulebook named.";
const DOES_NOT_PROVE_EN: &str = "It does not prove by itself that the unit has no other entry: that is the issuer's statement, which can be \
    checked with the log or an archive. It says nothing of what came after this position.";

impl Notice {
    /// The words of this version of the format.
    pub fn standard() -> Self {
        Self {
            proves_zh: PROVES_ZH.to_owned(),
            does_not_prove_zh: DOES_NOT_PROVE_ZH.to_owned(),
            proves_en: PROVES_EN.to_owned(),
            does_not_prove_en: DOES_NOT_PROVE_EN.to_owned(),
        }
    }
}
