//! Why no certificate is drawn up, or none is compared with a log.

use fengsui_event::{AgencyCode, Date, KeyId, Language, UnitId};
use fengsui_log::ReadError;
use fengsui_projector::ModelError;
use fengsui_proof::certificate::{self, Forgery};

use crate::checkpoints::CheckpointError;

/// Why no certificate is drawn up, or none is compared with a log.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// The unit has no account.
    #[error("there is no account of {0}: nothing was ever reported of this unit; look it up with `fengsui unit list`")]
    NoAccount(UnitId),
    /// Some events of the account could not be read.
    #[error(
        "the account of {0} is incomplete: events of it could not be read by this program (`fengsui anomaly list`), so its balance cannot be \
         certified"
    )]
    Incomplete(UnitId),
    /// No rulebook is in force.
    #[error("no rulebook is in force on {0}, so there is no grade to certify; the authority must publish one")]
    NoRulebook(Date),
    /// Nobody has signed a checkpoint.
    #[error(
        "there is no checkpoint on the log, and a certificate rests on one: run `fengsui checkpoint sign` as the authority, then \
         `fengsui checkpoint cosign` as the other agencies"
    )]
    NoCheckpoint,
    /// No checkpoint has enough cosignatures.
    #[error(
        "the newest checkpoint, of {size} positions, has {cosigned} of the {needed} cosignatures that it takes; missing: {}. Have them run \
         `fengsui checkpoint cosign`",
        codes(missing)
    )]
    NoQuorum {
        /// Positions that it covers.
        size: u64,
        /// How many have cosigned.
        cosigned: usize,
        /// How many must.
        needed: usize,
        /// Agencies whose cosignature would count.
        missing: Vec<AgencyCode>,
    },
    /// Something that the certificate needs is younger than the checkpoint.
    #[error(
        "{} is at position {position}, and the newest checkpoint with enough cosignatures covers {size}: run `fengsui checkpoint sign` as the \
         authority and `fengsui checkpoint cosign` as the other agencies, then issue the certificate",
        what.name(Language::En)
    )]
    NotCovered {
        /// What is not covered.
        what: Uncovered,
        /// Its position.
        position: u64,
        /// Positions that the checkpoint covers.
        size: u64,
    },
    /// The key that would sign is not registered.
    #[error(
        "the key {keyid} of {agency} in this folder is not its registered key now; look with `fengsui agency list`"
    )]
    KeyNotGood {
        /// The agency.
        agency: AgencyCode,
        /// The key.
        keyid: KeyId,
    },
    /// A record of the log is not what the tables say.
    #[error("position {0} of the log holds no event, but the tables rest on it; run `fengsui doctor`")]
    NoEvent(u64),
    /// More days than the calendar has.
    #[error("{0} days from now is no day of the calendar")]
    Days(u32),
    /// What was drawn up does not hold.
    #[error("the certificate that was drawn up does not hold ({0}); nothing was issued. Run `fengsui audit verify`")]
    Own(#[source] Forgery),
    /// What was drawn up does not agree with the log.
    #[error("the certificate that was drawn up does not agree with the rulebook ({0}); nothing was issued")]
    OwnGrade(String),
    /// The log ends before what the certificate speaks of.
    #[error(
        "the log ends at position {head}, and the certificate's checkpoint covers {size}: fetch a newer copy to compare with"
    )]
    LogTooShort {
        /// The log's last position.
        head: u64,
        /// Positions that the checkpoint covers.
        size: u64,
    },
    /// The certificate's file.
    #[error(transparent)]
    File(#[from] certificate::CertificateError),
    /// Tree or checkpoints.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The tables.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The log.
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// What is younger than the checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Uncovered {
    /// An entry of the account.
    Entry,
    /// The rulebook in force.
    Rulebook,
    /// The registration of the issuer's key.
    Key,
}

impl Uncovered {
    fn name(self, language: Language) -> &'static str {
        match self {
            Self::Entry => language.pick("该单位的最近一笔账目", "the latest entry of the account"),
            Self::Rulebook => language.pick("现行规则的发布", "the rulebook in force"),
            Self::Key => language.pick("签发部门密钥的登记", "the registration of the issuer's key"),
        }
    }
}

fn codes(agencies: &[AgencyCode]) -> String {
    agencies.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

impl CertificateError {
    /// A stable code for scripts.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoAccount(_) => "no_such_unit",
            Self::Incomplete(_) => "incomplete_account",
            Self::NoRulebook(_) => "no_rulebook",
            Self::NoCheckpoint => "no_checkpoint",
            Self::NoQuorum { .. } => "no_quorum",
            Self::NotCovered { .. } => "not_covered",
            Self::KeyNotGood { .. } => "ended_key",
            Self::NoEvent(_) => "no_event",
            Self::Days(_) => "days",
            Self::Own(_) | Self::OwnGrade(_) => "own_certificate",
            Self::LogTooShort { .. } => "log_too_short",
            Self::File(_) => "not_a_certificate",
            Self::Checkpoint(error) => error.code(),
            Self::Model(_) => "model",
            Self::Read(_) => "log",
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
        const MAKE_ONE: &str =
            "请由联席会议办公室运行 `fengsui checkpoint sign`，再由其他部门运行 `fengsui checkpoint cosign`";
        match self {
            Self::NoAccount(unit) => format!("没有 {unit} 的账户：该单位从未有记录；请用 `fengsui unit list` 查找"),
            Self::Incomplete(unit) => {
                format!("{unit} 的账户不完整：有事件无法读取（见 `fengsui anomaly list`），不能开具证明")
            }
            Self::NoRulebook(on) => format!("{on} 没有生效的规则，无法评定等级，不能开具证明"),
            Self::NoCheckpoint => format!("日志上还没有检查点，证明须以检查点为依据：{MAKE_ONE}"),
            Self::NoQuorum { size, cosigned, needed, missing } => format!(
                "最新的检查点（覆盖到位置 {size}）只有 {cosigned} 个会签，须有 {needed} 个；尚缺：{}。请这些部门运行 `fengsui checkpoint cosign`",
                codes(missing)
            ),
            Self::NotCovered { what, position, size } => format!(
                "{}在位置 {position}，而会签足够的最新检查点只覆盖到位置 {size}：{MAKE_ONE}，然后再开具证明",
                what.name(Language::Zh)
            ),
            Self::KeyNotGood { agency, keyid } => {
                format!("本文件夹中 {agency} 的密钥 {keyid} 不是其现行登记的密钥；请用 `fengsui agency list` 查看")
            }
            Self::NoEvent(position) => {
                format!("日志位置 {position} 没有事件，而查询库以它为据；请运行 `fengsui doctor`")
            }
            Self::Days(days) => format!("{days} 天之后的日期不在日历之内"),
            Self::Own(forgery) => {
                format!("拟出的证明不成立（{}），未开具。请运行 `fengsui audit verify`", forgery.message(Language::Zh))
            }
            Self::OwnGrade(reason) => format!("拟出的证明与规则不符（{reason}），未开具"),
            Self::LogTooShort { head, size } => {
                format!("日志只到位置 {head}，而证明的检查点覆盖到位置 {size}：请取较新的副本再核对")
            }
            Self::File(error) => format!("不是可用的证明文件：{error}"),
            Self::Checkpoint(error) => error.message(Language::Zh),
            Self::Model(error) => format!("查询库无法使用：{error}"),
            Self::Read(error) => format!("日志无法读取：{error}"),
        }
    }
}
