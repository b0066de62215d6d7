//! What was not as it should be: nothing is dropped in silence, and nothing stops the fold.

use fengsui_event::{AgencyCode, CaseId, EventId, KeyId, Language, UnitId};
use serde::{Deserialize, Serialize};

use super::Rejection;

/// Why a record is an anomaly.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// The bytes are not an event.
    Envelope(String),
    /// The log filed it under another id than its own.
    IdMismatch {
        /// The event's own id.
        own: EventId,
    },
    /// It was published under a subject that is not its source's and type's.
    WrongSubject {
        /// Where it was published.
        found: String,
        /// Where it belongs.
        expected: String,
    },
    /// The signature is not good for these bytes and this key.
    BadSignature,
    /// Nobody registered this key.
    UnknownKey(KeyId),
    /// The key belongs to another agency than the source names.
    ForeignKey {
        /// Whose it is.
        owner: AgencyCode,
    },
    /// The key's time was over.
    EndedKey {
        /// Position after which it is good no longer.
        until: u64,
    },
    /// The agency is suspended.
    SuspendedAgency {
        /// Position of the suspension.
        since: u64,
    },
    /// The source names another exchange.
    ForeignRegion,
    /// The same bytes came again.
    Duplicate {
        /// Position of the first.
        first: u64,
    },
    /// Other bytes came under an id that is taken. Both are on the log.
    Conflict {
        /// Position of the first.
        first: u64,
    },
    /// Numbers before it are missing in its source's chain.
    ChainGap {
        /// First missing number.
        first: u64,
        /// Last missing number.
        last: u64,
    },
    /// It does not follow from what its source published before.
    ChainFork {
        /// Its number.
        sequence: u64,
    },
    /// Its number in the chain was used by another event.
    SequenceReused {
        /// Its number.
        sequence: u64,
    },
    /// Its source has more open gaps than can be kept.
    TooManyGaps,
    /// It was recorded well before its source's previous event.
    ClockWentBack {
        /// By how many seconds.
        seconds: u64,
    },
    /// The authority has signed two histories of one size: this checkpoint and an earlier one cannot both be true.
    SplitView {
        /// The size of both.
        size: u64,
        /// Position at which the other one was cosigned first.
        first: u64,
    },
    /// An agency cosigned a smaller checkpoint than one before.
    Rollback {
        /// The size that it cosigned now.
        size: u64,
        /// The size that it had cosigned.
        before: u64,
        /// Position of that one.
        first: u64,
    },
    /// This program does not know its type.
    UnknownType,
    /// Its payload does not fit its type's schema.
    MalformedPayload(String),
    /// It is genuine, but authority or state do not allow it.
    Rejected(Rejection),
    /// The log does not hold this position any more: the broker has lost what was there.
    Lost,
}

impl Cause {
    /// A stable code for scripts and tables.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Envelope(_) => "malformed_envelope",
            Self::IdMismatch { .. } => "id_mismatch",
            Self::WrongSubject { .. } => "wrong_subject",
            Self::BadSignature => "bad_signature",
            Self::UnknownKey(_) => "unknown_key",
            Self::ForeignKey { .. } => "foreign_key",
            Self::EndedKey { .. } => "ended_key",
            Self::SuspendedAgency { .. } => "suspended_agency",
            Self::ForeignRegion => "foreign_region",
            Self::Duplicate { .. } => "duplicate",
            Self::Conflict { .. } => "conflict",
            Self::ChainGap { .. } => "chain_gap",
            Self::ChainFork { .. } => "chain_fork",
            Self::SequenceReused { .. } => "sequence_reused",
            Self::TooManyGaps => "too_many_gaps",
            Self::ClockWentBack { .. } => "clock_went_back",
            Self::SplitView { .. } => "split_view",
            Self::Rollback { .. } => "rollback",
            Self::UnknownType => "unknown_type",
            Self::MalformedPayload(_) => "malformed_payload",
            Self::Rejected(rejection) => rejection.code(),
            Self::Lost => "lost",
        }
    }

    /// Whether the event had its effect all the same.
    #[must_use]
    pub const fn is_notice(&self) -> bool {
        matches!(
            self,
            Self::ChainGap { .. } | Self::ClockWentBack { .. } | Self::SplitView { .. } | Self::Rollback { .. }
        )
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
            Self::Envelope(reason) => reason.clone(),
            Self::IdMismatch { own } => format!("the log filed it under another id than its own, {own}"),
            Self::WrongSubject { found, expected } => {
                format!("published under `{found}`; it belongs under `{expected}`")
            }
            Self::BadSignature => "the signature is not good for these bytes and this key".to_owned(),
            Self::UnknownKey(keyid) => format!("nobody registered the key {keyid}"),
            Self::ForeignKey { owner } => format!("the key belongs to {owner}, not to the source's agency"),
            Self::EndedKey { until } => format!("the key was good only up to position {until}"),
            Self::SuspendedAgency { since } => format!("the agency is suspended since position {since}"),
            Self::ForeignRegion => "the source names another exchange's region".to_owned(),
            Self::Duplicate { first } => format!("the same event stands at position {first}; it counts once"),
            Self::Conflict { first } => {
                format!("another event with this id stands at position {first}; both are kept as evidence")
            }
            Self::ChainGap { first, last } => format!("events {first} to {last} of this source are missing"),
            Self::ChainFork { sequence } => {
                format!("event {sequence} of this source names another predecessor than the one on the log")
            }
            Self::SequenceReused { sequence } => format!("number {sequence} of this source is taken by another event"),
            Self::TooManyGaps => "this source's chain has too many gaps".to_owned(),
            Self::ClockWentBack { seconds } => {
                format!("recorded {seconds} s before this source's previous event; its clock went back")
            }
            Self::SplitView { size, first } => format!(
                "the authority has signed two different histories of size {size}; the other one was cosigned at position {first}"
            ),
            Self::Rollback { size, before, first } => {
                format!("cosigned a checkpoint of size {size} after one of size {before}, at position {first}")
            }
            Self::UnknownType => "this program does not know the type; a newer version may".to_owned(),
            Self::MalformedPayload(reason) => format!("the payload does not fit its schema: {reason}"),
            Self::Rejected(rejection) => rejection.message(Language::En),
            Self::Lost => "the log has lost what stood here; whoever published it publishes it again".to_owned(),
        }
    }

    fn message_zh(&self) -> String {
        match self {
            Self::Envelope(reason) => format!("不是有效的事件：{reason}"),
            Self::IdMismatch { own } => format!("日志登记的编号与事件自身编号 {own} 不符"),
            Self::WrongSubject { found, expected } => format!("发布主题为“{found}”，应为“{expected}”"),
            Self::BadSignature => "签名与内容或密钥不符".to_owned(),
            Self::UnknownKey(keyid) => format!("密钥 {keyid} 未登记"),
            Self::ForeignKey { owner } => format!("密钥属于 {owner}，不属于来源部门"),
            Self::EndedKey { until } => format!("密钥仅在位置 {until} 之前有效"),
            Self::SuspendedAgency { since } => format!("该部门自位置 {since} 起停用"),
            Self::ForeignRegion => "来源属于另一交换区域".to_owned(),
            Self::Duplicate { first } => format!("同一事件已在位置 {first}，只计一次"),
            Self::Conflict { first } => format!("位置 {first} 已有同编号的另一事件，两者均作为证据保存"),
            Self::ChainGap { first, last } => format!("缺少该来源的第 {first} 至 {last} 号事件"),
            Self::ChainFork { sequence } => format!("该来源第 {sequence} 号事件所指的前一事件与日志不符"),
            Self::SequenceReused { sequence } => format!("该来源的第 {sequence} 号已被另一事件使用"),
            Self::TooManyGaps => "该来源的事件链缺口过多".to_owned(),
            Self::ClockWentBack { seconds } => format!("记录时间早于该来源的前一事件 {seconds} 秒，时钟倒退"),
            Self::SplitView { size, first } => {
                format!("联席会议办公室签署了规模为 {size} 的两份不同历史，另一份在位置 {first} 会签")
            }
            Self::Rollback { size, before, first } => {
                format!("会签了规模为 {size} 的检查点，而此前在位置 {first} 已会签规模为 {before} 的检查点")
            }
            Self::UnknownType => "本程序不识别该类型，较新版本或可识别".to_owned(),
            Self::MalformedPayload(reason) => format!("内容不符合该类型的格式：{reason}"),
            Self::Rejected(rejection) => rejection.message(Language::Zh),
            Self::Lost => "日志丢失了此位置的内容，由原发布者重新发布".to_owned(),
        }
    }
}

/// A record that was not as it should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Anomaly {
    /// Its position on the log.
    pub position: u64,
    /// The record's id.
    pub id: EventId,
    /// Who published it, as far as its envelope could be read.
    pub agency: Option<AgencyCode>,
    /// Its `CloudEvents` `type`, as far as its envelope could be read.
    pub type_text: Option<String>,
    /// The case it names.
    pub case: Option<CaseId>,
    /// The unit it names.
    pub unit: Option<UnitId>,
    /// Why.
    pub cause: Cause,
}
