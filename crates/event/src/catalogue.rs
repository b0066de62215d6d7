//! The event catalogue: which types exist, in which version, with which payload.

use schemars::Schema;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::payload;

/// Reverse-DNS prefix of every type of the exchange.
pub const TYPE_PREFIX: &str = "cn.fengsui.";

macro_rules! catalogue {
    ($($(#[$meta:meta])* $variant:ident = $entity:literal . $verb:literal . $version:literal;)+) => {
        /// The current version of each type of the catalogue.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum EventType { $($(#[$meta])* $variant,)+ }

        /// What an event says.
        #[derive(Clone, Debug, PartialEq, Eq, Serialize)]
        #[serde(untagged)]
        pub enum Payload { $($(#[$meta])* $variant(payload::$variant),)+ }

        impl EventType {
            /// Every type, in the order of the catalogue.
            pub const ALL: &'static [EventType] = &[$(EventType::$variant,)+];

            /// The CloudEvents `type`.
            pub const fn as_str(self) -> &'static str {
                match self { $(EventType::$variant => concat!("cn.fengsui.", $entity, ".", $verb, ".", $version),)+ }
            }

            /// What it is about: the noun.
            pub const fn entity(self) -> &'static str {
                match self { $(EventType::$variant => $entity,)+ }
            }

            /// What happened: the verb.
            pub const fn verb(self) -> &'static str {
                match self { $(EventType::$variant => $verb,)+ }
            }

            /// The type of a CloudEvents `type` text, when it is one of the current ones.
            pub fn from_type(text: &str) -> Option<Self> {
                match text.strip_prefix(TYPE_PREFIX)? {
                    $(concat!($entity, ".", $verb, ".", $version) => Some(EventType::$variant),)+
                    _ => None,
                }
            }

            /// JSON Schema of the payload.
            pub fn payload_schema(self) -> Schema {
                match self { $(EventType::$variant => schemars::schema_for!(payload::$variant),)+ }
            }

            /// Reads a payload of this type.
            pub fn parse(self, data: &RawValue) -> Result<Payload, serde_json::Error> {
                match self {
                    $(EventType::$variant => serde_json::from_str(data.get()).map(Payload::$variant),)+
                }
            }
        }

        impl Payload {
            /// The type of this payload.
            pub const fn event_type(&self) -> EventType {
                match self { $(Payload::$variant(_) => EventType::$variant,)+ }
            }
        }

        $(impl From<payload::$variant> for Payload {
            fn from(value: payload::$variant) -> Self {
                Self::$variant(value)
            }
        })+
    };
}

catalogue! {
    /// 录入
    ViolationReported = "violation"."reported"."v1";
    /// 更正
    ViolationAmended = "violation"."amended"."v1";
    /// 撤回
    ViolationRetracted = "violation"."retracted"."v1";
    /// 抄送、移送
    ReferralIssued = "referral"."issued"."v1";
    /// 签收
    ReferralAcknowledged = "referral"."acknowledged"."v1";
    /// 退回
    ReferralReturned = "referral"."returned"."v1";
    /// 转办
    ReferralTransferred = "referral"."transferred"."v1";
    /// 收回
    ReferralWithdrawn = "referral"."withdrawn"."v1";
    /// 催办
    ReferralReminded = "referral"."reminded"."v1";
    /// 督办
    ReferralEscalated = "referral"."escalated"."v1";
    /// 反馈
    FeedbackSubmitted = "feedback"."submitted"."v1";
    /// 反馈确认
    FeedbackConfirmed = "feedback"."confirmed"."v1";
    /// 反馈退回
    FeedbackRejected = "feedback"."rejected"."v1";
    /// 责令整改
    RectificationOrdered = "rectification"."ordered"."v1";
    /// 复查
    RectificationReinspected = "rectification"."reinspected"."v1";
    /// 销案
    CaseClosed = "case"."closed"."v1";
    /// 重新办理
    CaseReopened = "case"."reopened"."v1";
    /// 挂牌督办
    HazardListed = "hazard"."listed"."v1";
    /// 摘牌
    HazardDelisted = "hazard"."delisted"."v1";
    /// 提出异议
    ObjectionFiled = "objection"."filed"."v1";
    /// 异议处理
    ObjectionDecided = "objection"."decided"."v1";
    /// 积分调整
    CreditAdjusted = "credit"."adjusted"."v1";
    /// 信用修复
    CreditRepaired = "credit"."repaired"."v1";
    /// 采取措施
    MeasureImposed = "measure"."imposed"."v1";
    /// 解除措施
    MeasureLifted = "measure"."lifted"."v1";
    /// 单位登记
    UnitRegistered = "unit"."registered"."v2";
    /// 单位更名
    UnitRenamed = "unit"."renamed"."v1";
    /// 单位合并
    UnitMerged = "unit"."merged"."v1";
    /// 部门登记
    AgencyRegistered = "agency"."registered"."v1";
    /// 密钥轮换
    AgencyKeyRotated = "agency"."key-rotated"."v1";
    /// 密钥吊销
    AgencyKeyRevoked = "agency"."key-revoked"."v1";
    /// 部门停用
    AgencySuspended = "agency"."suspended"."v1";
    /// 规则发布
    RulebookPublished = "rulebook"."published"."v1";
    /// 公示
    PublicationIssued = "publication"."issued"."v1";
    /// 撤下公示
    PublicationWithdrawn = "publication"."withdrawn"."v1";
    /// 召开会商
    MeetingConvened = "meeting"."convened"."v1";
    /// 会商决定
    MeetingResolved = "meeting"."resolved"."v1";
    /// 联合执法开始
    OperationOpened = "operation"."opened"."v1";
    /// 参加联合执法
    OperationJoined = "operation"."joined"."v1";
    /// 联合执法结束
    OperationConcluded = "operation"."concluded"."v1";
    /// 双随机抽取
    InspectionDrawn = "inspection"."drawn"."v1";
    /// 检查点会签
    CheckpointCosigned = "checkpoint"."cosigned"."v1";
    /// 开具信用证明
    CertificateIssued = "certificate"."issued"."v1";
    /// 撤销信用证明
    CertificateRevoked = "certificate"."revoked"."v1";
    /// 对账
    ReconciliationRecorded = "reconciliation"."recorded"."v1";
}

impl EventType {
    /// The type without the prefix: `violation.reported.v1`.
    pub fn short(self) -> &'static str {
        self.as_str().strip_prefix(TYPE_PREFIX).unwrap_or(self.as_str())
    }
}

impl std::fmt::Display for EventType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.short())
    }
}
