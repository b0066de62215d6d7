//! Why a checkpoint is not signed, not cosigned or not believed.

use std::io;
use std::path::PathBuf;

use fengsui_event::{Digest, Language};
use fengsui_log::{ReadError, StorageError};
use fengsui_projector::ModelError;
use fengsui_proof::checkpoint::CheckpointError as NoteError;
use fengsui_proof::tiles::TileError;
use fengsui_proof::tree::{Hash, ProofError};

use super::LedgerError;
use crate::as_of::AsOfError;
use crate::keys::KeyFileError;
use crate::node::NodeError;

/// Why a checkpoint is not signed, not cosigned or not believed.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// The log is not the one that was signed before.
    #[error(
        "{name} has signed the root {signed} for the first {size} positions before, and they have the root {found} now: the log was changed. \
         Nothing was signed. Compare with others by `fengsui checkpoint check`; when it is known why (the stream was restored from an older \
         state), `fengsui checkpoint forget --reason TEXT` lets signing begin again"
    )]
    NotConsistent {
        /// Who signed.
        name: String,
        /// How many positions.
        size: u64,
        /// The root that was signed.
        signed: Hash,
        /// The root of the same positions now.
        found: Hash,
    },
    /// The log ends before what was signed.
    #[error(
        "{name} has signed a checkpoint of {size} positions, and the log has {head} now: it was restored from an older state, or this is \
         another log. Nothing was signed. When it is known why, `fengsui checkpoint forget --reason TEXT` lets signing begin again"
    )]
    Shorter {
        /// Who signed.
        name: String,
        /// How many positions.
        size: u64,
        /// How many there are.
        head: u64,
    },
    /// The checkpoint contradicts this copy of the log.
    #[error(
        "the checkpoint of {size} positions has the root {stated}, and this log's first {size} positions have {own}: two histories of one log, or a \
         damaged copy{}. Nothing was cosigned. Keep the evidence, run `fengsui doctor`, and ask other agencies what they have",
        kept_at(.evidence.as_ref())
    )]
    SplitView {
        /// How many positions.
        size: u64,
        /// The root that the checkpoint states.
        stated: Hash,
        /// The root of this log.
        own: Hash,
        /// Where the evidence lies.
        evidence: Option<PathBuf>,
    },
    /// The tables that the checkpoint speaks of are others.
    #[error(
        "the checkpoint of {size} positions states the tables' digest sha256:{stated}, and this program draws sha256:{found} from the same \
         events: nothing was cosigned. Compare the versions of the program, and run `fengsui replay`"
    )]
    DigestDiffers {
        /// How many positions.
        size: u64,
        /// As stated.
        stated: Digest,
        /// As found.
        found: Digest,
    },
    /// The checkpoint covers more than this log has.
    #[error(
        "the checkpoint covers {size} positions, and this log has {head}: nothing can be said of it before the log has come so far"
    )]
    Ahead {
        /// How many positions it covers.
        size: u64,
        /// How many there are.
        head: u64,
    },
    /// A later one was signed already.
    #[error("{name} has signed a checkpoint of {last} positions already, so none of {size} any more")]
    Older {
        /// Who.
        name: String,
        /// Size of the checkpoint.
        size: u64,
        /// Size of the last one.
        last: u64,
    },
    /// The authority has not signed it.
    #[error(
        "the checkpoint of {size} positions bears no good signature of the authority {authority}: it is nobody's word"
    )]
    NotSigned {
        /// How many positions it covers.
        size: u64,
        /// Whose signature is missing.
        authority: String,
    },
    /// The key that has signed it has ended since.
    #[error(
        "the authority's key that has signed the checkpoint of {size} positions has ended since: wait for the next one, or the authority signs \
         one by `fengsui checkpoint sign`"
    )]
    KeyEnded {
        /// How many positions it covers.
        size: u64,
    },
    /// It is of another log.
    #[error("the checkpoint is of {found}, and this log is {expected}")]
    OtherLog {
        /// As the checkpoint says.
        found: String,
        /// As this exchange is called.
        expected: String,
    },
    /// There is none.
    #[error("there is no checkpoint on this log yet: the authority makes one by `fengsui checkpoint sign`")]
    NoCheckpoint,
    /// There is none of that size.
    #[error("there is no checkpoint of {size} positions on this log: see `fengsui checkpoint list`")]
    NoSuchCheckpoint {
        /// How many positions.
        size: u64,
    },
    /// No checkpoint covers a position.
    #[error(
        "no checkpoint covers position {position}: the newest covers {size} positions; the authority makes one by `fengsui checkpoint sign`"
    )]
    NotCovered {
        /// The position.
        position: u64,
        /// What the newest covers.
        size: u64,
    },
    /// A position that is not there.
    #[error("there is no position {position} on this log: it has {head}")]
    NoSuchPosition {
        /// The position.
        position: u64,
        /// How many there are.
        head: u64,
    },
    /// What should be a checkpoint is none.
    #[error("{what} is no checkpoint: {source}")]
    Note {
        /// What was read.
        what: String,
        /// What is wrong with it.
        source: NoteError,
    },
    /// A proof that proves nothing.
    #[error(transparent)]
    Proof(#[from] ProofError),
    /// The tree's tiles.
    #[error(transparent)]
    Tiles(#[from] TileError),
    /// The memory of what was signed.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// A file or folder.
    #[error("{path}: {source}")]
    Io {
        /// Which.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The past.
    #[error(transparent)]
    AsOf(#[from] AsOfError),
    /// The node.
    #[error(transparent)]
    Node(#[from] NodeError),
}

impl CheckpointError {
    /// A stable code for scripts.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotConsistent { .. } | Self::Shorter { .. } => "not_consistent",
            Self::SplitView { .. } => "split_view",
            Self::DigestDiffers { .. } => "digest_differs",
            Self::Ahead { .. } => "checkpoint_ahead",
            Self::Older { .. } | Self::Ledger(LedgerError::WouldGoBack { .. }) => "older_checkpoint",
            Self::NotSigned { .. } => "not_signed",
            Self::KeyEnded { .. } => "key_ended",
            Self::OtherLog { .. } => "other_log",
            Self::NoCheckpoint | Self::NoSuchCheckpoint { .. } => "no_checkpoint",
            Self::NotCovered { .. } => "not_covered",
            Self::NoSuchPosition { .. } => "no_such_event",
            Self::Note { .. } => "not_a_checkpoint",
            Self::Proof(_) => "bad_proof",
            Self::Tiles(_) => "tree",
            Self::Ledger(_) => "storage",
            Self::Io { .. } => "file",
            Self::AsOf(_) | Self::Node(_) => "node",
        }
    }

    /// Whether somebody's word does not hold.
    pub fn is_integrity(&self) -> bool {
        matches!(
            self,
            Self::NotConsistent { .. }
                | Self::Shorter { .. }
                | Self::SplitView { .. }
                | Self::DigestDiffers { .. }
                | Self::NotSigned { .. }
                | Self::OtherLog { .. }
                | Self::Note { .. }
                | Self::Proof(_)
        )
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
            Self::NotConsistent { name, size, signed, found } => format!(
                "{name} 曾就前 {size} 个位置签署根哈希 {signed}，而现在这些位置的根哈希是 {found}：日志已被改动，未作签署。\
                 请用 `fengsui checkpoint check` 与其他部门核对；查明原因（如消息流恢复为较早的状态）后，可用 \
                 `fengsui checkpoint forget --reason 原因` 重新开始签署"
            ),
            Self::Shorter { name, size, head } => format!(
                "{name} 曾签署覆盖 {size} 个位置的检查点，而日志现在只有 {head} 个位置：日志恢复为较早的状态，或不是同一日志。未作签署。\
                 查明原因后，可用 `fengsui checkpoint forget --reason 原因` 重新开始签署"
            ),
            Self::SplitView { size, stated, own, evidence } => {
                let kept = evidence.as_ref().map_or_else(String::new, |path| format!("（证据：{}）", path.display()));
                format!(
                    "该检查点称前 {size} 个位置的根哈希为 {stated}，而本日志的是 {own}：同一日志有两份历史，或本复制件已损坏{kept}。\
                     未作会签。请保留证据，运行 `fengsui doctor`，并向其他部门核实"
                )
            }
            Self::DigestDiffers { size, stated, found } => format!(
                "该检查点（{size} 个位置）称状态摘要为 sha256:{stated}，而本程序由同样的事件得出 sha256:{found}：未作会签。\
                 请核对程序版本，并运行 `fengsui replay`"
            ),
            Self::Ahead { size, head } => {
                format!("该检查点覆盖 {size} 个位置，而本日志只有 {head} 个：日志跟上之前无法判断")
            }
            Self::Older { name, size, last } => {
                format!("{name} 已签署覆盖 {last} 个位置的检查点，不再签署覆盖 {size} 个位置的")
            }
            Self::NotSigned { size, authority } => {
                format!("该检查点（{size} 个位置）没有联席会议办公室（{authority}）的有效签名")
            }
            Self::KeyEnded { size } => format!(
                "签署该检查点（{size} 个位置）的联席会议办公室密钥已失效：请等待下一个检查点，或由联席会议办公室执行 `fengsui checkpoint sign`"
            ),
            Self::OtherLog { found, expected } => format!("该检查点属于 {found}，而本日志是 {expected}"),
            Self::NoCheckpoint => "日志上尚无检查点；联席会议办公室可用 `fengsui checkpoint sign` 签署".to_owned(),
            Self::NoSuchCheckpoint { size } => {
                format!("日志上没有覆盖 {size} 个位置的检查点，见 `fengsui checkpoint list`")
            }
            Self::NotCovered { position, size } => format!(
                "没有检查点覆盖位置 {position}：最新的覆盖 {size} 个位置；联席会议办公室可用 `fengsui checkpoint sign` 签署"
            ),
            Self::NoSuchPosition { position, head } => format!("日志中没有位置 {position}：共有 {head} 个位置"),
            Self::Note { what, source } => format!("{what} 不是检查点：{source}"),
            Self::Proof(error) => format!("证明不成立：{error}"),
            Self::Tiles(error) => format!("哈希树文件有误（可删除 tree 文件夹，会自动重建）：{error}"),
            Self::Ledger(LedgerError::WouldGoBack { name, last }) => {
                format!("{name} 已签署覆盖 {last} 个位置的检查点，不再签署同样大小的其他检查点，也不签署更小的")
            }
            Self::Ledger(error) => format!("签署记录无法使用：{error}"),
            Self::Io { path, source } => format!("{} 无法使用：{source}", path.display()),
            Self::AsOf(error) => format!("无法重放日志：{error}"),
            Self::Node(error) => format!("节点无法办理：{error}"),
        }
    }
}

fn kept_at(path: Option<&PathBuf>) -> String {
    path.map_or_else(String::new, |path| format!(" (the evidence is kept in {})", path.display()))
}

impl From<ReadError> for CheckpointError {
    fn from(error: ReadError) -> Self {
        Self::Node(error.into())
    }
}

impl From<ModelError> for CheckpointError {
    fn from(error: ModelError) -> Self {
        Self::Node(error.into())
    }
}

impl From<StorageError> for CheckpointError {
    fn from(error: StorageError) -> Self {
        Self::Node(error.into())
    }
}

impl From<KeyFileError> for CheckpointError {
    fn from(error: KeyFileError) -> Self {
        Self::Node(error.into())
    }
}
