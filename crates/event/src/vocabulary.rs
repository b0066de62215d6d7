//! The closed lists of the domain: how grave, how found, in which role, with which outcome.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Declares a closed list whose JSON text, Chinese and English names stand side by side.
macro_rules! closed_list {
    ($(#[$meta:meta])* $name:ident { $($(#[$vmeta:meta])* $variant:ident = $text:literal, $zh:literal, $en:literal;)+ }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        pub enum $name {
            $($(#[$vmeta])* #[serde(rename = $text)] $variant,)+
        }

        impl $name {
            /// Every value, in the order of the list.
            pub const ALL: &'static [$name] = &[$($name::$variant,)+];

            /// The text used in JSON, on the command line and in tables.
            pub const fn code(self) -> &'static str {
                match self { $($name::$variant => $text,)+ }
            }

            /// The Chinese term of the field.
            pub const fn name_zh(self) -> &'static str {
                match self { $($name::$variant => $zh,)+ }
            }

            /// The English term of the field.
            pub const fn name_en(self) -> &'static str {
                match self { $($name::$variant => $en,)+ }
            }

            /// The term in one of the two languages.
            pub fn name(self, language: $crate::Language) -> &'static str {
                language.pick(self.name_zh(), self.name_en())
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.code())
            }
        }

        impl std::str::FromStr for $name {
            type Err = UnknownTerm;

            fn from_str(text: &str) -> Result<Self, UnknownTerm> {
                match text {
                    $($text | $zh => Ok($name::$variant),)+
                    _ => Err(UnknownTerm {
                        list: stringify!($name),
                        found: text.to_owned(),
                        expected: &[$($text,)+],
                    }),
                }
            }
        }
    };
}

/// A text that is not in one of the closed lists.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{found}` is not a {list}; expected one of {}", expected.join(", "))]
pub struct UnknownTerm {
    /// Name of the list.
    pub list: &'static str,
    /// What was found.
    pub found: String,
    /// What would have been accepted.
    pub expected: &'static [&'static str],
}

closed_list! {
    /// Gravity of a violation (违法程度); a major hazard is its own severity.
    Severity {
        /// 一般
        General = "general", "一般", "general";
        /// 较重
        Considerable = "considerable", "较重", "considerable";
        /// 严重
        Serious = "serious", "严重", "serious";
        /// 特别严重
        Grave = "grave", "特别严重", "grave";
        /// 重大火灾隐患
        MajorHazard = "major_hazard", "重大火灾隐患", "major hazard";
    }
}

closed_list! {
    /// How a violation was found (发现方式).
    FindingMethod {
        /// 监督检查
        Inspection = "inspection", "监督检查", "inspection";
        /// 双随机
        DoubleRandom = "double_random", "双随机", "double-random inspection";
        /// 举报
        PublicReport = "public_report", "举报", "public report";
        /// 联合执法
        JointEnforcement = "joint_enforcement", "联合执法", "joint enforcement";
        /// 移送
        Transfer = "transfer", "移送", "transfer";
    }
}

closed_list! {
    /// What an agency is to a case (主办, 协办, 知会, 指定管辖).
    ReferralRole {
        /// 主办: handles the violation.
        Lead = "lead", "主办", "lead";
        /// 协办: helps the lead and feeds back.
        Assisting = "assisting", "协办", "assisting";
        /// 知会: is told, owes nothing.
        Informed = "informed", "知会", "informed";
        /// 指定管辖: the authority, which must name the lead.
        Deciding = "deciding", "指定管辖", "deciding";
    }
}

closed_list! {
    /// Why a referral went where it went.
    ReferralBasis {
        /// A rule of the rulebook names the addressee.
        Rule = "rule", "规则", "rule";
        /// The authority named the addressee.
        Designation = "designation", "指定", "designation";
        /// The former addressee passed it on (转办).
        Transfer = "transfer", "转办", "transfer";
        /// The record shows that the reporter dealt with it itself before it came to the exchange.
        Historical = "historical", "历史记录", "historical record";
        /// No rule or several rules answered: the authority must decide.
        Undecided = "undecided", "未定", "undecided";
    }
}

closed_list! {
    /// What the handling agency did (查处结果).
    Outcome {
        /// 当场改正
        RectifiedOnSite = "rectified_on_site", "当场改正", "rectified on site";
        /// 责令限期改正
        RectificationOrdered = "rectification_ordered", "责令限期改正", "rectification ordered";
        /// 行政处罚
        Penalised = "penalised", "行政处罚", "penalised";
        /// 立案
        CaseFiled = "case_filed", "立案", "case filed";
        /// 查无实据
        NoViolation = "no_violation", "查无实据", "no violation found";
        /// 移送司法
        MovedToJudiciary = "moved_to_judiciary", "移送司法", "moved to police or prosecutor";
    }
}

impl Outcome {
    /// Whether the handler has determined that the violation took place. A filed case and one moved to the
    /// judiciary are still open questions.
    pub const fn is_determined(self) -> bool {
        matches!(self, Self::RectifiedOnSite | Self::RectificationOrdered | Self::Penalised)
    }
}

closed_list! {
    /// Kinds of administrative penalty (处罚种类; Law on Administrative Penalties, 2021, article 9).
    PenaltyKind {
        /// 警告
        Warning = "warning", "警告", "warning";
        /// 通报批评
        Criticism = "criticism", "通报批评", "criticism";
        /// 罚款
        Fine = "fine", "罚款", "fine";
        /// 没收违法所得、没收非法财物
        Confiscation = "confiscation", "没收", "confiscation";
        /// 责令停产停业
        Shutdown = "shutdown", "责令停产停业", "shutdown";
        /// 暂扣许可证件
        Suspension = "suspension", "暂扣许可证件", "licence suspended";
        /// 吊销许可证件
        Revocation = "revocation", "吊销许可证件", "licence revoked";
        /// 行政拘留
        Detention = "detention", "行政拘留", "detention";
    }
}

closed_list! {
    /// Why a case is closed (销案理由). Closed and rectified are different facts.
    ClosingGround {
        /// The hazard is gone.
        Rectified = "rectified", "隐患已消除", "rectified";
        /// The handler found no violation.
        NoViolation = "no_violation", "查无实据", "no violation found";
        /// The case is with police or prosecutor.
        MovedToJudiciary = "moved_to_judiciary", "移送司法", "moved to police or prosecutor";
        /// The unit no longer exists or works there.
        UnitCeased = "unit_ceased", "单位已停业或注销", "unit ceased";
        /// Another case holds the same violation.
        Duplicate = "duplicate", "重复", "duplicate";
    }
}

closed_list! {
    /// What was decided on an objection (异议处理).
    ObjectionDecision {
        /// 成立
        Upheld = "upheld", "成立", "upheld";
        /// 不成立
        Rejected = "rejected", "不成立", "rejected";
    }
}

closed_list! {
    /// Which term of a referral or rectification is meant.
    DeadlineKind {
        /// 签收期限
        Acknowledge = "acknowledge", "签收期限", "acknowledgement due";
        /// 反馈期限
        Feedback = "feedback", "反馈期限", "feedback due";
        /// 指定管辖期限
        Designate = "designate", "指定管辖期限", "designation due";
        /// 反馈确认期限
        Confirm = "confirm", "确认期限", "confirmation due";
        /// 整改期限
        Rectify = "rectify", "整改期限", "rectification due";
    }
}

closed_list! {
    /// What holding an agency's own book against the log says of a row, a case, or a pair of both (对账结果).
    /// "Here" is the log, "there" the book. Of several that fit, the first of this list is the class.
    ReconciliationClass {
        /// The row cannot be read; it is in the file of refused rows.
        Refused = "refused", "未能读取", "refused";
        /// Several could belong together, and nothing decides which.
        Ambiguous = "ambiguous", "无法确定", "ambiguous";
        /// Both have it, with different values.
        Different = "different", "内容不一致", "different";
        /// The book says that it was dealt with, the log has no feedback.
        HandledNotFedBack = "handled_not_fed_back", "已办未反馈", "handled, not fed back";
        /// Returned as not ours, and the authority has not yet named who handles it.
        ReturnedUnassigned = "returned_unassigned", "退回后未指定", "returned, not assigned";
        /// Feedback waits for whoever found the violation.
        FedBackNotConfirmed = "fed_back_not_confirmed", "已反馈未确认", "fed back, not confirmed";
        /// The feedback was confirmed, the case is open.
        ConfirmedStillOpen = "confirmed_still_open", "已确认未销案", "confirmed, still open";
        /// A term of this agency has passed.
        Late = "late", "逾期", "late";
        /// The row says what another row says.
        DuplicateRow = "duplicate_row", "台账重复", "row twice";
        /// The case says what another case says.
        DuplicateCase = "duplicate_case", "案件重复", "case twice";
        /// In the book alone.
        MissingHere = "missing_here", "平台缺少", "missing here";
        /// On the log alone.
        MissingThere = "missing_there", "台账缺少", "missing there";
        /// On the log alone, and no longer this agency's: retracted, passed on, withdrawn, or struck off as a duplicate.
        Released = "released", "已非本部门", "no longer theirs";
        /// Both have it, and nothing is owed.
        Matched = "matched", "相符", "matched";
    }
}

closed_list! {
    /// Level at which an overdue referral or a major hazard is supervised (督办级别).
    SupervisionLevel {
        /// 市级
        City = "city", "市级", "city";
        /// 省级
        Province = "province", "省级", "province";
    }
}

closed_list! {
    /// Signature algorithm of a key.
    KeyAlgorithm {
        /// Ed25519, RFC 8032.
        Ed25519 = "ed25519", "Ed25519", "Ed25519 (RFC 8032)";
    }
}
