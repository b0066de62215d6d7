//! Why a genuine event has no effect. The same guards answer a clerk's command before it is published.

use fengsui_event::{
    AgencyCode, CaseId, CategoryCode, CertificateId, Date, DeadlineKind, EventId, KeyId, Language, ReferralId,
    RegionCode, Source, SupervisionLevel, UnitId,
};
use serde::{Deserialize, Serialize};

use super::CheckpointFault;
use crate::state::{CaseStatus, ReferralStatus, term_zh};

/// What was named but does not exist.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Missing {
    /// A case.
    Case(CaseId),
    /// A referral of the case.
    Referral(ReferralId),
    /// A feedback of the case.
    Feedback(EventId),
    /// An objection of the case.
    Objection(EventId),
    /// An account.
    Unit(UnitId),
    /// A registered agency.
    Agency(AgencyCode),
    /// A registered key.
    Key(KeyId),
    /// A certificate that was issued.
    Certificate(CertificateId),
}

/// What stands in the way of closing a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Obstacle {
    /// Nobody handles it.
    NoLead,
    /// The lead's feedback is not confirmed.
    FeedbackNotConfirmed,
    /// The hazard is not gone.
    NotRectified,
    /// The confirmed feedback does not say so.
    OutcomeDiffers,
    /// An objection is not decided.
    ObjectionPending,
    /// `duplicate` must name the other case.
    DuplicateOfMissing,
}

/// What a date must not precede or exceed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    /// Not before the day on which the violation was found.
    NotBeforeFound,
    /// Not after the day on which the event was recorded.
    NotAfterRecorded,
    /// Not before the order.
    NotBeforeOrdered,
    /// Not before the objection was filed.
    NotBeforeFiled,
    /// Not before the certificate was issued.
    NotBeforeIssued,
}

/// Why a genuine event has no effect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rejection {
    /// Somebody acts who may not.
    WrongActor {
        /// Who acts.
        actor: AgencyCode,
        /// Who may.
        may: Vec<AgencyCode>,
        /// State of what it acts on.
        state: String,
    },
    /// Something is named that does not exist.
    Missing(Missing),
    /// Something is there already.
    Exists {
        /// What.
        what: String,
    },
    /// The case's state does not allow it.
    CaseState {
        /// The case.
        case: CaseId,
        /// Its state.
        status: CaseStatus,
        /// In which state it is allowed.
        allowed: CaseStatus,
    },
    /// The referral's state does not allow it.
    ReferralState {
        /// The referral.
        referral: ReferralId,
        /// Its state.
        status: ReferralStatus,
        /// In which states it is allowed.
        allowed: Vec<ReferralStatus>,
        /// Who holds it.
        holder: AgencyCode,
    },
    /// The feedback was answered already, or its referral has moved on.
    FeedbackAnswered {
        /// The feedback.
        feedback: EventId,
        /// Its state.
        status: String,
    },
    /// The objection was decided already.
    ObjectionDecided {
        /// The objection.
        objection: EventId,
    },
    /// The case is already referred to that agency.
    AlreadyReferred {
        /// The agency.
        addressee: AgencyCode,
        /// The referral that stands.
        referral: ReferralId,
    },
    /// A lead was named while another one handles the case.
    LeadStands {
        /// The lead.
        lead: AgencyCode,
    },
    /// Another node has reminded of this term (催办).
    AlreadyReminded {
        /// The referral.
        referral: ReferralId,
        /// Which of its terms.
        deadline: DeadlineKind,
        /// When it was due.
        due_on: Date,
        /// Which node.
        by: Source,
    },
    /// Another node has put this term under supervision at this level (督办).
    AlreadySupervised {
        /// The referral.
        referral: ReferralId,
        /// Which of its terms.
        deadline: DeadlineKind,
        /// When it was due.
        due_on: Date,
        /// At which level.
        level: SupervisionLevel,
        /// Which node.
        by: Source,
    },
    /// Category and severity are fixed once the violation is determined; an objection is the way.
    AlreadyDetermined {
        /// When it was determined.
        on: Date,
    },
    /// The case cannot be closed.
    NotClosable {
        /// Why.
        obstacle: Obstacle,
    },
    /// There is no rectification order.
    NoOrder,
    /// A date is out of order.
    DateOrder {
        /// The date given.
        date: Date,
        /// The date that bounds it.
        limit: Date,
        /// How.
        bound: Bound,
    },
    /// A text that must be there is empty.
    Empty {
        /// Name of the field.
        field: String,
    },
    /// Subject, correlation and payload do not speak of the same thing.
    Incoherent {
        /// What was found.
        found: String,
        /// What was expected.
        expected: String,
    },
    /// No rulebook is in force.
    NoRulebook {
        /// On that day.
        on: Date,
    },
    /// The rulebook knows no such category, or gives it no points.
    UnknownCategory {
        /// The category.
        category: CategoryCode,
        /// Version of the rulebook.
        rulebook: String,
    },
    /// The rulebook's text cannot be used.
    BadRulebook {
        /// Why.
        reason: String,
    },
    /// The place is outside the exchange's region.
    OutsideRegion {
        /// The place.
        found: RegionCode,
        /// The exchange's region.
        expected: RegionCode,
    },
    /// It speaks of a position that is not before its own.
    PositionRange {
        /// The position.
        found: u64,
        /// The last one that it could speak of.
        last: u64,
    },
    /// The checkpoint does not count.
    Checkpoint(CheckpointFault),
    /// The certificate was revoked before.
    CertificateRevoked {
        /// The certificate.
        certificate: CertificateId,
        /// Position of the revocation.
        position: u64,
    },
    /// The account's points would leave the range of integers.
    PointsOverflow,
    /// The type is in the catalogue, but this version of the program draws nothing from it yet.
    NotInterpreted,
}

impl Rejection {
    /// A stable code for scripts and tables.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::WrongActor { .. } => "wrong_actor",
            Self::Missing(_) => "missing",
            Self::Exists { .. } => "exists",
            Self::CaseState { .. } => "case_state",
            Self::ReferralState { .. } => "referral_state",
            Self::FeedbackAnswered { .. } => "feedback_answered",
            Self::ObjectionDecided { .. } => "objection_decided",
            Self::AlreadyReferred { .. } => "already_referred",
            Self::LeadStands { .. } => "lead_stands",
            Self::AlreadyReminded { .. } => "already_reminded",
            Self::AlreadySupervised { .. } => "already_supervised",
            Self::AlreadyDetermined { .. } => "already_determined",
            Self::NotClosable { .. } => "not_closable",
            Self::NoOrder => "no_order",
            Self::DateOrder { .. } => "date_order",
            Self::Empty { .. } => "empty",
            Self::Incoherent { .. } => "incoherent",
            Self::NoRulebook { .. } => "no_rulebook",
            Self::UnknownCategory { .. } => "unknown_category",
            Self::BadRulebook { .. } => "bad_rulebook",
            Self::OutsideRegion { .. } => "outside_region",
            Self::PositionRange { .. } => "position_range",
            Self::Checkpoint(fault) => fault.code(),
            Self::CertificateRevoked { .. } => "certificate_revoked",
            Self::PointsOverflow => "points_overflow",
            Self::NotInterpreted => "not_interpreted",
        }
    }

    /// Whether the actor lacks the right, rather than the state being wrong.
    #[must_use]
    pub const fn is_not_allowed(&self) -> bool {
        matches!(self, Self::WrongActor { .. })
    }

    /// What to tell people.
    #[must_use]
    pub fn message(&self, language: Language) -> String {
        match language {
            Language::Zh => self.message_zh(),
            Language::En => self.message_en(),
        }
    }

    fn message_en(&self) -> String {
        match self {
            Self::WrongActor { actor, may, state } => {
                format!("{actor} may not do this; the state is `{state}`, and only {} may act", list(may))
            }
            Self::Missing(missing) => format!("there is no {}", missing.name_en()),
            Self::Exists { what } => format!("{what} is there already"),
            Self::CaseState { case, status, allowed } => {
                format!("case {case} is {}; this needs a case that is {}", status.code(), allowed.code())
            }
            Self::ReferralState { referral, status, allowed, holder } => format!(
                "referral {referral} is `{}`; this needs {}; {holder} holds it",
                status.code(),
                allowed.iter().map(|status| format!("`{}`", status.code())).collect::<Vec<_>>().join(" or ")
            ),
            Self::FeedbackAnswered { feedback, status } => format!("feedback {feedback} is already {status}"),
            Self::ObjectionDecided { objection } => format!("objection {objection} is already decided"),
            Self::AlreadyReferred { addressee, referral } => {
                format!("the case is already referred to {addressee} by referral {referral}")
            }
            Self::LeadStands { lead } => {
                format!("{lead} handles the case as lead; withdraw or return that referral first")
            }
            Self::AlreadyReminded { referral, deadline, due_on, by } => {
                format!("referral {referral} was already reminded by {by}: {} on {due_on}", deadline.name_en())
            }
            Self::AlreadySupervised { referral, deadline, due_on, level, by } => format!(
                "{by} has already put referral {referral} under supervision of the {}: {} on {due_on}",
                level.name_en(),
                deadline.name_en()
            ),
            Self::AlreadyDetermined { on } => {
                format!("the violation was determined on {on}; category and severity now change only by an objection")
            }
            Self::NotClosable { obstacle } => format!("the case cannot be closed: {}", obstacle.name_en()),
            Self::NoOrder => "no rectification was ordered in this case".to_owned(),
            Self::DateOrder { date, limit, bound } => format!("the date {date} is {} {limit}", bound.name_en()),
            Self::Empty { field } => format!("`{field}` must not be empty"),
            Self::Incoherent { found, expected } => format!("it speaks of {found}, but belongs to {expected}"),
            Self::NoRulebook { on } => format!("no rulebook is in force on {on}; the authority must publish one"),
            Self::UnknownCategory { category, rulebook } => {
                format!("rulebook {rulebook} has no points for category {category}; see `fengsui rulebook categories`")
            }
            Self::BadRulebook { reason } => format!("the rulebook cannot be used: {reason}"),
            Self::OutsideRegion { found, expected } => {
                format!("the place {found} is outside the exchange's region {expected}")
            }
            Self::PositionRange { found, last } => {
                format!("it speaks of position {found}; expected one from 1 to {last}, before its own")
            }
            Self::Checkpoint(fault) => fault.message_en(),
            Self::CertificateRevoked { certificate, position } => {
                format!("certificate {certificate} was revoked at position {position}")
            }
            Self::PointsOverflow => "the account's points would leave the range of integers".to_owned(),
            Self::NotInterpreted => "this version keeps the event but draws nothing from it yet".to_owned(),
        }
    }

    fn message_zh(&self) -> String {
        match self {
            Self::WrongActor { actor, may, state } => {
                format!("{actor} 无权办理；当前状态为“{}”，只有 {} 可以办理", state_zh(state), list(may))
            }
            Self::Missing(missing) => format!("不存在{}", missing.name_zh()),
            Self::Exists { what } => format!("已经存在：{}", thing_zh(what)),
            Self::CaseState { case, status, allowed } => {
                format!(
                    "案件 {case} 的状态为“{}”；此操作要求状态为“{}”",
                    state_zh(status.code()),
                    state_zh(allowed.code())
                )
            }
            Self::ReferralState { referral, status, allowed, holder } => format!(
                "抄送 {referral} 的状态为“{}”；此操作要求{}；现由 {holder} 承办",
                state_zh(status.code()),
                allowed.iter().map(|status| format!("“{}”", state_zh(status.code()))).collect::<Vec<_>>().join("或")
            ),
            Self::FeedbackAnswered { feedback, status } => format!("反馈 {feedback} 已处理（{}）", state_zh(status)),
            Self::ObjectionDecided { objection } => format!("异议 {objection} 已作出处理决定"),
            Self::AlreadyReferred { addressee, referral } => format!("该案已由抄送 {referral} 送 {addressee}"),
            Self::LeadStands { lead } => format!("{lead} 正在主办该案；请先收回或退回该抄送"),
            Self::AlreadyReminded { referral, deadline, due_on, by } => {
                format!("{by} 已催办抄送 {referral}（{} {due_on}）", deadline.name_zh())
            }
            Self::AlreadySupervised { referral, deadline, due_on, level, by } => {
                format!("{by} 已将抄送 {referral} 列为{}督办（{} {due_on}）", level.name_zh(), deadline.name_zh())
            }
            Self::AlreadyDetermined { on } => format!("违法行为已于 {on} 认定；类别和严重程度只能通过异议更正"),
            Self::NotClosable { obstacle } => format!("不能销案：{}", obstacle.name_zh()),
            Self::NoOrder => "该案没有责令整改".to_owned(),
            Self::DateOrder { date, limit, bound } => format!("日期 {date} {} {limit}", bound.name_zh()),
            Self::Empty { field } => format!("“{field}”不能为空"),
            Self::Incoherent { found, expected } => format!("内容涉及 {found}，但属于 {expected}"),
            Self::NoRulebook { on } => format!("{on} 没有生效的规则；须由联席会议办公室发布"),
            Self::UnknownCategory { category, rulebook } => {
                format!("规则 {rulebook} 没有类别 {category} 的分值；见 `fengsui rulebook categories`")
            }
            Self::BadRulebook { reason } => format!("规则不可用：{reason}"),
            Self::OutsideRegion { found, expected } => format!("地点 {found} 不在交换区域 {expected} 内"),
            Self::PositionRange { found, last } => format!("所指位置 {found} 应在 1 至 {last} 之间，先于事件自身"),
            Self::Checkpoint(fault) => fault.message_zh(),
            Self::CertificateRevoked { certificate, position } => {
                format!("信用证明 {certificate} 已在位置 {position} 撤销")
            }
            Self::PointsOverflow => "账户积分超出整数范围".to_owned(),
            Self::NotInterpreted => "本版本保存该事件，但尚不据此计算".to_owned(),
        }
    }
}

fn state_zh(code: &str) -> &str {
    term_zh(code).unwrap_or(code)
}

/// What is there already, as [`Rejection::Exists`] names it.
fn thing_zh(what: &str) -> String {
    const KINDS: &[(&str, &str)] = &[
        ("agency", "部门"),
        ("key", "密钥"),
        ("rulebook", "规则"),
        ("unit", "单位"),
        ("case", "案件"),
        ("certificate", "信用证明"),
    ];
    let whole = match what {
        "an objection that is not decided" => Some("尚未处理的异议"),
        "an order that was not yet re-inspected" => Some("尚未复查的责令整改"),
        "a re-inspection that was passed" => Some("已合格的复查"),
        _ => None,
    };
    let named = || {
        let (kind, name) = what.split_once(' ')?;
        let zh = KINDS.iter().find(|(known, _)| *known == kind)?.1;
        Some(format!("{zh} {name}"))
    };
    whole.map(str::to_owned).or_else(named).unwrap_or_else(|| what.to_owned())
}

fn list(agencies: &[AgencyCode]) -> String {
    agencies.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

impl Missing {
    fn name_en(&self) -> String {
        match self {
            Self::Case(id) => format!("case {id}"),
            Self::Referral(id) => format!("referral {id} in this case"),
            Self::Feedback(id) => format!("feedback {id} in this case"),
            Self::Objection(id) => format!("objection {id} in this case"),
            Self::Unit(id) => format!("unit {id}"),
            Self::Agency(code) => format!("registered agency {code}"),
            Self::Key(keyid) => format!("registered key {keyid}"),
            Self::Certificate(id) => format!("certificate {id}"),
        }
    }

    fn name_zh(&self) -> String {
        match self {
            Self::Case(id) => format!("案件 {id}"),
            Self::Referral(id) => format!("抄送 {id}"),
            Self::Feedback(id) => format!("反馈 {id}"),
            Self::Objection(id) => format!("异议 {id}"),
            Self::Unit(id) => format!("单位 {id}"),
            Self::Agency(code) => format!("已登记的部门 {code}"),
            Self::Key(keyid) => format!("已登记的密钥 {keyid}"),
            Self::Certificate(id) => format!("信用证明 {id}"),
        }
    }
}

impl Obstacle {
    const fn name_en(self) -> &'static str {
        match self {
            Self::NoLead => "no agency handles it as lead",
            Self::FeedbackNotConfirmed => "the lead's feedback is not confirmed by the reporter",
            Self::NotRectified => "the hazard is not gone: no re-inspection was passed",
            Self::OutcomeDiffers => "the confirmed feedback does not give this ground",
            Self::ObjectionPending => "an objection is not decided",
            Self::DuplicateOfMissing => "the ground `duplicate` must name the other case",
        }
    }

    const fn name_zh(self) -> &'static str {
        match self {
            Self::NoLead => "没有主办部门",
            Self::FeedbackNotConfirmed => "主办部门的反馈尚未经发现部门确认",
            Self::NotRectified => "隐患尚未消除：没有复查合格的记录",
            Self::OutcomeDiffers => "已确认的反馈与销案理由不符",
            Self::ObjectionPending => "有异议尚未处理",
            Self::DuplicateOfMissing => "以重复为由销案须指明另一案件",
        }
    }
}

impl Bound {
    const fn name_en(self) -> &'static str {
        match self {
            Self::NotBeforeFound => "before the violation was found on",
            Self::NotAfterRecorded => "after the day on which it is recorded,",
            Self::NotBeforeOrdered => "before the order of",
            Self::NotBeforeFiled => "before the objection was filed on",
            Self::NotBeforeIssued => "before the certificate was issued on",
        }
    }

    const fn name_zh(self) -> &'static str {
        match self {
            Self::NotBeforeFound => "早于发现日期",
            Self::NotAfterRecorded => "晚于记录日期",
            Self::NotBeforeOrdered => "早于责令日期",
            Self::NotBeforeFiled => "早于提出异议的日期",
            Self::NotBeforeIssued => "早于信用证明的开具日期",
        }
    }
}
