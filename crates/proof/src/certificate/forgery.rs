//! What is wrong with a certificate that does not hold.

use fengsui_event::{AgencyCode, KeyId, Language, RegionCode, UnitId};

use crate::policy::QuorumError;

/// Why a certificate is not believed: exactly what does not hold.
#[derive(Debug, thiserror::Error)]
pub enum Forgery {
    /// The issuer's signature.
    #[error("the signature by {0} does not fit the certificate: it was changed after it was signed")]
    IssuerSignature(KeyId),
    /// The words about what it proves.
    #[error("the certificate does not carry the words of its format about what it proves")]
    Notice,
    /// Another exchange.
    #[error("the certificate is of the exchange {found}, not of {expected}")]
    Region {
        /// Region that was found.
        found: RegionCode,
        /// Region of the exchange that is trusted.
        expected: RegionCode,
    },
    /// The checkpoint cannot be read.
    #[error("the checkpoint cannot be read: {0}")]
    Checkpoint(String),
    /// The checkpoint is of another log.
    #[error("the checkpoint is of the log {found}, not of {expected}")]
    Origin {
        /// Origin that was found.
        found: String,
        /// Origin that was expected.
        expected: String,
    },
    /// The checkpoint ends before the certificate's position.
    #[error("the checkpoint covers {size} positions, but the certificate speaks of position {position}")]
    NotCovered {
        /// Positions that the checkpoint covers.
        size: u64,
        /// The certificate's position.
        position: u64,
    },
    /// The checkpoint was signed by too few.
    #[error("the checkpoint is not sufficiently signed: {}", quorum_text(.0, Language::En))]
    Quorum(QuorumError),
    /// Events out of order.
    #[error("the event at position {position} stands out of order")]
    Order {
        /// Where.
        position: u64,
    },
    /// An event is not in the tree.
    #[error("the event at position {position} is not in the tree of the checkpoint: {reason}")]
    Inclusion {
        /// Where.
        position: u64,
        /// What does not fit.
        reason: String,
    },
    /// The bytes are no event.
    #[error("what stands at position {position} is no event: {reason}")]
    Event {
        /// Where.
        position: u64,
        /// Why not.
        reason: String,
    },
    /// An event's signature.
    #[error("the signature of the event at position {position} does not fit its bytes")]
    EventSignature {
        /// Where.
        position: u64,
    },
    /// A key that nobody registered for whom it signs.
    #[error("the key {keyid} of {agency} is not shown to be registered, or had ended, at position {position}")]
    Key {
        /// The key.
        keyid: KeyId,
        /// Whose it should be.
        agency: AgencyCode,
        /// Where it signed; 0 for the certificate itself.
        position: u64,
    },
    /// A registration that cannot be.
    #[error("the registration at position {position} has no effect: {reason}")]
    Registration {
        /// Where.
        position: u64,
        /// Why.
        reason: String,
    },
    /// An entry's cause.
    #[error("entry {number} does not follow from the event at position {position}: {reason}")]
    Entry {
        /// The entry's number.
        number: u32,
        /// Position of its cause.
        position: u64,
        /// What does not fit.
        reason: String,
    },
    /// An entry of somebody else.
    #[error("entry {number} rests on an event about {found}, not about {expected}")]
    OtherUnit {
        /// The entry's number.
        number: u32,
        /// Whom the event is about.
        found: String,
        /// The certificate's unit.
        expected: UnitId,
    },
    /// The sum.
    #[error("the entries sum to {sum}, but the balance is given as {balance}")]
    Sum {
        /// Sum of the entries.
        sum: i64,
        /// The balance as stated.
        balance: i64,
    },
    /// The rulebook.
    #[error("the rulebook {version} is not the one that the event at position {position} published: {reason}")]
    Rulebook {
        /// Its version.
        version: String,
        /// Position of the event.
        position: u64,
        /// What does not fit.
        reason: String,
    },
    /// The days.
    #[error("the certificate ends before it begins")]
    Period,
}

impl Forgery {
    /// A stable code for scripts.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::IssuerSignature(_) => "issuer_signature",
            Self::Notice => "notice",
            Self::Region { .. } => "region",
            Self::Checkpoint(_) => "checkpoint",
            Self::Origin { .. } => "origin",
            Self::NotCovered { .. } => "not_covered",
            Self::Quorum(_) => "quorum",
            Self::Order { .. } => "order",
            Self::Inclusion { .. } => "inclusion",
            Self::Event { .. } => "event",
            Self::EventSignature { .. } => "event_signature",
            Self::Key { .. } => "key",
            Self::Registration { .. } => "registration",
            Self::Entry { .. } => "entry",
            Self::OtherUnit { .. } => "other_unit",
            Self::Sum { .. } => "sum",
            Self::Rulebook { .. } => "rulebook",
            Self::Period => "period",
        }
    }

    /// What to tell people.
    pub fn message(&self, language: Language) -> String {
        match language {
            Language::En => self.to_string(),
            Language::Zh => self.message_zh(),
        }
    }

    fn message_zh(&self) -> String {
        match self {
            Self::IssuerSignature(keyid) => format!("密钥 {keyid} 的签名与证明不符：证明在签名后被改动"),
            Self::Notice => "证明缺少格式规定的证明范围说明".to_owned(),
            Self::Region { found, expected } => format!("证明属于地区 {found} 的交换，不是 {expected}"),
            Self::Checkpoint(reason) => format!("检查点无法读取：{reason}"),
            Self::Origin { found, expected } => format!("检查点属于日志 {found}，不是 {expected}"),
            Self::NotCovered { size, position } => format!("检查点只覆盖到位置 {size}，而证明所述位置为 {position}"),
            Self::Quorum(error) => format!("检查点的签名不足：{}", quorum_text(error, Language::Zh)),
            Self::Order { position } => format!("位置 {position} 的事件次序有误"),
            Self::Inclusion { position, reason } => format!("位置 {position} 的事件不在检查点的树中：{reason}"),
            Self::Event { position, reason } => format!("位置 {position} 的内容不是事件：{reason}"),
            Self::EventSignature { position } => format!("位置 {position} 的事件签名与原文不符"),
            Self::Key { keyid, agency, position } => {
                format!("密钥 {keyid} 在位置 {position} 未登记为部门 {agency} 的有效密钥")
            }
            Self::Registration { position, reason } => format!("位置 {position} 的登记无效：{reason}"),
            Self::Entry { number, position, reason } => {
                format!("第 {number} 笔账目与位置 {position} 的事件不符：{reason}")
            }
            Self::OtherUnit { number, found, expected } => {
                format!("第 {number} 笔账目所依据的事件属于 {found}，不是 {expected}")
            }
            Self::Sum { sum, balance } => format!("账目合计为 {sum}，而证明所述积分为 {balance}"),
            Self::Rulebook { version, position, reason } => {
                format!("规则 {version} 与位置 {position} 发布的规则不符：{reason}")
            }
            Self::Period => "证明的截止日早于起始日".to_owned(),
        }
    }
}

fn quorum_text(error: &QuorumError, language: Language) -> String {
    match error {
        QuorumError::TooFew { needed, cosigned, missing } => {
            let (count, nobody) = (cosigned.len(), missing.is_empty());
            let missing =
                if nobody { language.pick("无", "nobody else is known").to_owned() } else { missing.join(", ") };
            let zh = format!("须有 {needed} 个会签，只有 {count} 个；尚缺：{missing}");
            language.pick(zh, format!("it takes {needed} cosignatures and has {count}; missing: {missing}"))
        }
        QuorumError::OtherLog { expected, found } => {
            language.pick(format!("检查点属于日志 {found}，不是 {expected}"), error.to_string())
        }
        QuorumError::NotSigned { .. } => language.pick("没有联席会议办公室的签名".to_owned(), error.to_string()),
        QuorumError::BadSignature { name } => language.pick(format!("{name} 的签名与检查点不符"), error.to_string()),
    }
}
