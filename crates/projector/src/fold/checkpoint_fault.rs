//! Why a checkpoint that an agency has put on the log does not count.

use serde::{Deserialize, Serialize};

/// Why a checkpoint does not count. Its texts are not part of it, so that the state digest does not depend on them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckpointFault {
    /// What is given as a signed note cannot be read as one.
    BadNote,
    /// It is of another log.
    ForeignOrigin {
        /// The origin that it names.
        found: String,
        /// That of this log.
        expected: String,
    },
    /// No key of the authority that is good here has signed it.
    NotSignedByAuthority {
        /// How many positions it covers.
        size: u64,
    },
    /// The agency whose event it is has not cosigned it with the key of the event.
    NotCosigned {
        /// The name under which it should have.
        name: String,
    },
    /// It was cosigned well after the event that holds it was recorded.
    CosignedLater {
        /// By how many seconds.
        seconds: u64,
    },
    /// The agency has cosigned it before.
    AlreadyCosigned {
        /// How many positions it covers.
        size: u64,
        /// Position of the first time.
        position: u64,
    },
    /// So many contradicting checkpoints of its size are known that one more says nothing new.
    TooManyOfSize {
        /// How many positions they cover.
        size: u64,
        /// How many are kept.
        kept: u64,
    },
}

impl CheckpointFault {
    pub(super) const fn code(&self) -> &'static str {
        match self {
            Self::BadNote => "bad_note",
            Self::ForeignOrigin { .. } => "foreign_origin",
            Self::NotSignedByAuthority { .. } => "not_signed_by_authority",
            Self::NotCosigned { .. } => "not_cosigned",
            Self::CosignedLater { .. } => "cosigned_later",
            Self::AlreadyCosigned { .. } => "already_cosigned",
            Self::TooManyOfSize { .. } => "too_many_of_size",
        }
    }

    pub(super) fn message_en(&self) -> String {
        match self {
            Self::BadNote => "the note cannot be read as a signed checkpoint".to_owned(),
            Self::ForeignOrigin { found, expected } => {
                format!("the checkpoint is of the log `{found}`; this one is `{expected}`")
            }
            Self::NotSignedByAuthority { size } => {
                format!("no key of the authority that is good here has signed the checkpoint of size {size}")
            }
            Self::NotCosigned { name } => {
                format!("the checkpoint has no good cosignature of `{name}` by the key that signed the event")
            }
            Self::CosignedLater { seconds } => {
                format!("cosigned {seconds} s after the event was recorded; one of the two clocks is wrong")
            }
            Self::AlreadyCosigned { size, position } => {
                format!("this checkpoint of size {size} was cosigned at position {position} already")
            }
            Self::TooManyOfSize { size, kept } => {
                format!("{kept} different checkpoints of size {size} are known, and no more of that size are kept")
            }
        }
    }

    pub(super) fn message_zh(&self) -> String {
        match self {
            Self::BadNote => "无法将签名文本读作检查点".to_owned(),
            Self::ForeignOrigin { found, expected } => format!("检查点属于日志“{found}”，本日志为“{expected}”"),
            Self::NotSignedByAuthority { size } => {
                format!("规模为 {size} 的检查点没有联席会议办公室在此有效的密钥的签名")
            }
            Self::NotCosigned { name } => format!("检查点没有“{name}”以事件签名密钥作出的有效会签"),
            Self::CosignedLater { seconds } => format!("会签时间晚于事件记录时间 {seconds} 秒，其中一方时钟有误"),
            Self::AlreadyCosigned { size, position } => format!("规模为 {size} 的该检查点已在位置 {position} 会签"),
            Self::TooManyOfSize { size, kept } => {
                format!("已知 {kept} 个规模为 {size} 而内容不同的检查点，同一规模不再保留更多")
            }
        }
    }
}
