//! What an audit finds, by stable codes, with what it means and what is to be done.

use fengsui_event::{Digest, Language};
use fengsui_proof::hash::Hash;
use serde::{Deserialize, Serialize};

use crate::fold::Cause;

/// What is looked at, in the order in which it is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Check {
    /// Whether the log goes on from what an earlier audit has verified.
    Continuity,
    /// Every position holds a record.
    Positions,
    /// Every record is an event, filed as what it is.
    Bytes,
    /// Every payload fits its type's schema.
    Schema,
    /// Every signature is good, by the strict rules of RFC 8032.
    Signatures,
    /// Every key was registered, and good at that position.
    Keys,
    /// Every source's chain is whole and has not forked.
    Chains,
    /// No id stands for two events.
    Ids,
    /// The tree over all records is the one that good checkpoints were signed for.
    Tree,
    /// Every checkpoint is the authority's, and none contradicts another.
    Checkpoints,
    /// Enough agencies have cosigned.
    Quorum,
    /// Stored tiles are those of the tree.
    Tiles,
    /// The state digests that checkpoints state.
    Digest,
    /// The tables are those of the log.
    Model,
}

impl Check {
    /// All of them, in order.
    pub const ALL: [Self; 14] = [
        Self::Continuity,
        Self::Positions,
        Self::Bytes,
        Self::Schema,
        Self::Signatures,
        Self::Keys,
        Self::Chains,
        Self::Ids,
        Self::Tree,
        Self::Checkpoints,
        Self::Quorum,
        Self::Tiles,
        Self::Digest,
        Self::Model,
    ];

    /// A stable code for scripts.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Continuity => "continuity",
            Self::Positions => "positions",
            Self::Bytes => "bytes",
            Self::Schema => "schema",
            Self::Signatures => "signatures",
            Self::Keys => "keys",
            Self::Chains => "chains",
            Self::Ids => "ids",
            Self::Tree => "tree",
            Self::Checkpoints => "checkpoints",
            Self::Quorum => "quorum",
            Self::Tiles => "tiles",
            Self::Digest => "digest",
            Self::Model => "model",
        }
    }

    /// Its name for people.
    #[must_use]
    pub fn name(self, language: Language) -> &'static str {
        match self {
            Self::Continuity => language.pick("延续", "continues what was verified"),
            Self::Positions => language.pick("位置", "positions"),
            Self::Bytes => language.pick("原文", "bytes"),
            Self::Schema => language.pick("格式", "schema"),
            Self::Signatures => language.pick("签名", "signatures"),
            Self::Keys => language.pick("密钥", "keys"),
            Self::Chains => language.pick("事件链", "chains"),
            Self::Ids => language.pick("编号", "ids"),
            Self::Tree => language.pick("哈希树", "tree"),
            Self::Checkpoints => language.pick("检查点", "checkpoints"),
            Self::Quorum => language.pick("会签", "quorum"),
            Self::Tiles => language.pick("树片", "tiles"),
            Self::Digest => language.pick("状态摘要", "state digest"),
            Self::Model => language.pick("查询表", "tables"),
        }
    }
}

/// How grave a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Worth knowing; nothing is broken.
    Remark,
    /// Something that is drawn from the log is not what the log gives.
    Difference,
    /// The log itself is not whole, forged or forked.
    Integrity,
}

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// A record, by the guards of the fold.
    Record(Cause),
    /// A position that cannot be read.
    Unreadable(String),
    /// Events of a source are missing.
    OpenGap {
        /// The source.
        source: String,
        /// First missing number.
        first: u64,
        /// Last missing number.
        last: u64,
    },
    /// The log is not what a good checkpoint was signed for.
    RootDiffers {
        /// Where the checkpoint is from.
        place: String,
        /// Its size.
        size: u64,
        /// Its root.
        signed: Hash,
        /// The root of this log at that size.
        computed: Hash,
    },
    /// An event that brings something else than a genuine checkpoint.
    ForgedOnLog(Cause),
    /// A checkpoint that the authority has not signed, or with a signature that is not good.
    ForgedCheckpoint {
        /// Where it is from.
        place: String,
        /// Why it is not good.
        reason: String,
    },
    /// The authority has signed two roots for one size.
    SplitView {
        /// The size.
        size: u64,
        /// Where one is from.
        place: String,
        /// Its root.
        root: Hash,
        /// The other root.
        other: Hash,
    },
    /// A good checkpoint covers more than the log holds.
    DroppedTail {
        /// Where the checkpoint is from.
        place: String,
        /// Its size.
        size: u64,
        /// The last position of the log.
        head: u64,
    },
    /// The log is shorter than what was verified before.
    Rollback {
        /// Up to where it was verified.
        verified: u64,
        /// The last position of the log.
        head: u64,
    },
    /// The log is another one than was verified before.
    LogDiffers {
        /// Up to where it was verified.
        verified: u64,
    },
    /// No checkpoint covers anything.
    NoCheckpoint,
    /// No checkpoint is cosigned by enough agencies.
    NoQuorum {
        /// The checkpoint that most have cosigned.
        size: u64,
        /// How many.
        found: usize,
        /// How many are needed.
        needed: usize,
    },
    /// A stored tile is not that of the tree.
    TileDiffers {
        /// The tile.
        tile: String,
    },
    /// A stored tile cannot be read.
    TileUnreadable {
        /// The tile.
        tile: String,
        /// Why.
        reason: String,
    },
    /// A checkpoint states another digest than the log gives.
    DigestDiffers {
        /// Where the checkpoint is from.
        place: String,
        /// Its size.
        size: u64,
        /// What it states.
        stated: Digest,
        /// What the log gives.
        computed: Digest,
    },
    /// The tables are not those of the log.
    ModelDiffers {
        /// Position of the tables.
        position: u64,
        /// Their digest.
        found: Digest,
        /// What the log gives.
        computed: Digest,
    },
    /// A table shows something else than the state that it is drawn from.
    TableDiffers {
        /// Position of the tables.
        position: u64,
        /// Name of the table.
        table: String,
    },
    /// The tables were drawn from a longer log.
    ModelAhead {
        /// Position of the tables.
        position: u64,
        /// The last position of the log.
        head: u64,
    },
    /// The tables cannot be read.
    ModelUnreadable(String),
    /// Whose keys signed the records of an archive that begins later is stated by nobody but the archive.
    StatedKeys {
        /// Its first position.
        first: u64,
    },
    /// A part of an archive states something else than its events give.
    StatedDiffers {
        /// The part and what is wrong with it.
        what: String,
    },
}

impl Fault {
    /// A stable code for scripts: that of the fold's anomaly where there is one.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Record(cause) => cause.code(),
            Self::Unreadable(_) => "unreadable",
            Self::OpenGap { .. } => "chain_gap",
            Self::RootDiffers { .. } => "root_differs",
            Self::ForgedCheckpoint { .. } | Self::ForgedOnLog(_) => "forged_checkpoint",
            Self::SplitView { .. } => "split_view",
            Self::DroppedTail { .. } => "dropped_tail",
            Self::Rollback { .. } => "rollback",
            Self::LogDiffers { .. } => "log_differs",
            Self::NoCheckpoint => "no_checkpoint",
            Self::NoQuorum { .. } => "no_quorum",
            Self::TileDiffers { .. } => "tile_differs",
            Self::TileUnreadable { .. } => "tile_unreadable",
            Self::DigestDiffers { .. } => "digest_differs",
            Self::ModelDiffers { .. } => "model_differs",
            Self::TableDiffers { .. } => "table_differs",
            Self::ModelAhead { .. } => "model_ahead",
            Self::ModelUnreadable(_) => "model_unreadable",
            Self::StatedDiffers { .. } => "stated_differs",
            Self::StatedKeys { .. } => "stated_keys",
        }
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
            Self::Record(cause) | Self::ForgedOnLog(cause) => cause.message(Language::En),
            Self::Unreadable(reason) | Self::ModelUnreadable(reason) => reason.clone(),
            Self::StatedDiffers { what } => format!("the archive states something else than its events give: {what}"),
            Self::StatedKeys { first } => format!(
                "the archive begins at position {first}, and no checkpoint that a key of the exchange file has signed covers a record of it: \
                 only the archive itself says whose keys signed its records, and anybody can write that"
            ),
            Self::OpenGap { source, first, last } => format!("events {first} to {last} of {source} never came"),
            Self::RootDiffers { place, size, signed, computed } => format!(
                "{place} states the root {signed} for {size} events; this log gives {computed}: events were changed, \
                 moved, put in or taken out"
            ),
            Self::ForgedCheckpoint { place, reason } => format!("{place} is no checkpoint to be trusted: {reason}"),
            Self::SplitView { size, place, root, other } => {
                format!("the authority has signed two histories of {size} events: {root} ({place}) and {other}")
            }
            Self::DroppedTail { place, size, head } => {
                format!("{place} covers {size} events, but the log ends at position {head}")
            }
            Self::Rollback { verified, head } => {
                format!("the log was verified up to position {verified}, but now ends at {head}")
            }
            Self::LogDiffers { verified } => {
                format!("position {verified} does not hold what was verified there before: this is another log")
            }
            Self::NoCheckpoint => "no checkpoint covers any event, so nothing shows that all are there".to_owned(),
            Self::NoQuorum { size, found, needed } => format!(
                "no checkpoint is cosigned by enough agencies: the best, of {size} events, by {found}; {needed} are needed"
            ),
            Self::TileDiffers { tile } => format!("{tile} holds another hash than the event has"),
            Self::TileUnreadable { tile, reason } => format!("{tile}: {reason}"),
            Self::DigestDiffers { place, size, stated, computed } => {
                format!(
                    "{place} states the state digest sha256:{stated} at position {size}; the log gives sha256:{computed}"
                )
            }
            Self::ModelDiffers { position, found, computed } => {
                format!(
                    "the tables at position {position} have the digest sha256:{found}; the log gives sha256:{computed}"
                )
            }
            Self::TableDiffers { position, table } => {
                format!("the table `{table}` does not show what the log gives at position {position}")
            }
            Self::ModelAhead { position, head } => {
                format!("the tables were drawn up to position {position}, but the log ends at {head}")
            }
        }
    }

    fn message_zh(&self) -> String {
        match self {
            Self::Record(cause) | Self::ForgedOnLog(cause) => cause.message(Language::Zh),
            Self::Unreadable(reason) => format!("无法读取：{reason}"),
            Self::ModelUnreadable(reason) => format!("查询表无法读取：{reason}"),
            Self::StatedDiffers { what } => format!("档案所述与其事件不符：{what}"),
            Self::StatedKeys { first } => format!(
                "档案从位置 {first} 开始，而没有由交换文件中的密钥签署、涵盖其中记录的检查点：记录由谁的密钥签名只有档案自己的说法，任何人都可伪造"
            ),
            Self::OpenGap { source, first, last } => format!("{source} 的第 {first} 至 {last} 号事件始终缺失"),
            Self::RootDiffers { place, size, signed, computed } => format!(
                "{place} 对前 {size} 个事件给出的根为 {signed}，本日志为 {computed}：事件被改动、调换、插入或删除"
            ),
            Self::ForgedCheckpoint { place, reason } => format!("{place} 不是可信的检查点：{reason}"),
            Self::SplitView { size, place, root, other } => {
                format!("联席会议办公室对 {size} 个事件签署了两种历史：{root}（{place}）与 {other}")
            }
            Self::DroppedTail { place, size, head } => format!("{place} 涵盖 {size} 个事件，而日志止于位置 {head}"),
            Self::Rollback { verified, head } => format!("日志曾验证至位置 {verified}，现止于 {head}"),
            Self::LogDiffers { verified } => format!("位置 {verified} 的内容与此前验证的不同：这是另一份日志"),
            Self::NoCheckpoint => "没有检查点涵盖任何事件，无法证明日志完整".to_owned(),
            Self::NoQuorum { size, found, needed } => {
                format!("没有检查点获得足够部门会签：最多的一个（{size} 个事件）有 {found} 个，需要 {needed} 个")
            }
            Self::TileDiffers { tile } => format!("{tile} 中的哈希与事件不符"),
            Self::TileUnreadable { tile, reason } => format!("{tile}：{reason}"),
            Self::DigestDiffers { place, size, stated, computed } => {
                format!("{place} 在位置 {size} 的状态摘要为 sha256:{stated}，由日志得出 sha256:{computed}")
            }
            Self::ModelDiffers { position, found, computed } => {
                format!("查询表（位置 {position}）的摘要为 sha256:{found}，由日志得出 sha256:{computed}")
            }
            Self::TableDiffers { position, table } => {
                format!("查询表“{table}”所显示的内容与由日志（位置 {position}）得出的不同")
            }
            Self::ModelAhead { position, head } => format!("查询表已到位置 {position}，而日志止于 {head}"),
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn advice(&self, language: Language) -> &'static str {
        match self {
            Self::Record(cause) => advice_of_record(cause, language),
            Self::Unreadable(_) | Self::RootDiffers { .. } | Self::DroppedTail { .. } => language.pick(
                "保留此日志作为证据，并用另一节点的副本以同一检查点核对",
                "keep this log as evidence, and check another node's copy against the same checkpoint",
            ),
            Self::OpenGap { .. } => language.pick(
                "请来源部门用其发件箱核对；节点会重新发布丢失的事件",
                "ask the source's agency to look into its outbox: a node publishes lost events again",
            ),
            Self::StatedDiffers { .. } => language.pick(
                "不要使用该档案的密钥和规则文件；请另索取档案，并查明其来历",
                "do not use the archive's files of keys and rules; get another archive, and find out where this one came from",
            ),
            Self::StatedKeys { .. } => language.pick(
                "请索取从位置 1 开始的档案，或其中含有由交换文件中的密钥签署的检查点的档案",
                "get an archive that begins at position 1, or one with a checkpoint that a key of the exchange file has signed",
            ),
            Self::ForgedCheckpoint { .. } | Self::ForgedOnLog(_) => language.pick(
                "查明检查点的来源；不得据此信任日志",
                "find out where the checkpoint came from; do not trust a log because of it",
            ),
            Self::SplitView { .. } => language.pick(
                "保留两个检查点作为证据，停止采信联席会议办公室的检查点，并上报监督机关",
                "keep both checkpoints as evidence, trust no checkpoint of this authority, and tell the supervisor",
            ),
            Self::Rollback { .. } | Self::LogDiffers { .. } => language.pick(
                "索取完整的日志；若确为另一交换的日志，请换一个 --work 文件夹",
                "ask for the whole log; if it is meant to be another one, use another --work folder",
            ),
            Self::NoCheckpoint => {
                language.pick("联席会议办公室应签署检查点：`fengsui checkpoint sign`", "the authority signs one with `fengsui checkpoint sign`")
            }
            Self::NoQuorum { .. } => language.pick(
                "各部门应核对并会签：`fengsui checkpoint cosign`",
                "agencies check and cosign with `fengsui checkpoint cosign`",
            ),
            Self::TileDiffers { .. } | Self::TileUnreadable { .. } => language.pick(
                "若检查点与日志相符，树片只是损坏，可删除后重建；若不符，此位置即为改动之处",
                "if the checkpoints fit the log, the tile is damaged: delete the tree, it is drawn again; if not, this is where the log was changed",
            ),
            Self::DigestDiffers { .. } => language.pick(
                "签署者的程序或查询表与日志不符：请其运行 `fengsui replay` 后比较",
                "whoever signed had other tables: have them run `fengsui replay` and compare",
            ),
            Self::ModelDiffers { .. }
            | Self::TableDiffers { .. }
            | Self::ModelAhead { .. }
            | Self::ModelUnreadable(_) => {
                language.pick("运行 `fengsui replay` 从日志重建查询表", "run `fengsui replay`, which draws the tables from the log again")
            }
        }
    }
}

fn advice_of_record(cause: &Cause, language: Language) -> &'static str {
    match cause {
        Cause::UnknownKey(_) | Cause::ForeignKey { .. } | Cause::EndedKey { .. } | Cause::SuspendedAgency { .. } => {
            language.pick(
                "该事件无效；请密钥所属部门说明是否为其所发，必要时吊销密钥",
                "the event has no effect; ask the key's agency whether it was theirs, and revoke the key if not",
            )
        }
        Cause::ChainFork { .. } | Cause::SequenceReused { .. } | Cause::Conflict { .. } | Cause::TooManyGaps => {
            language.pick(
                "同一来源有两种说法：保留两者作为证据，并请该部门说明",
                "one source has told two stories: keep both as evidence and ask its agency",
            )
        }
        _ => language.pick(
            "该记录无效；保留日志作为证据，并与另一节点的副本比较",
            "the record has no effect; keep the log as evidence and compare it with another node's copy",
        ),
    }
}

/// Findings of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// What was looked at.
    pub check: Check,
    /// How grave it is.
    pub severity: Severity,
    /// The first position that it concerns, where there is one.
    pub position: Option<u64>,
    /// The last position that it may concern, where the first is only where it can begin.
    pub until: Option<u64>,
    /// What is wrong there.
    pub fault: Fault,
    /// How many of this kind there are.
    pub count: u64,
}

impl Finding {
    /// A finding at one position.
    pub(super) fn new(check: Check, severity: Severity, position: Option<u64>, fault: Fault) -> Self {
        Self { check, severity, position, until: None, fault, count: 1 }
    }
}

impl Finding {
    /// Whether both are of one kind. A remark is never told in the place of something grave.
    pub(super) fn is_of_the_kind_of(&self, other: &Self) -> bool {
        (self.check, self.severity, self.fault.code()) == (other.check, other.severity, other.fault.code())
    }
}

/// Findings, one for each kind: the first by position, and how many.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Findings(pub Vec<Finding>);

impl Findings {
    /// Adds a finding to those of its kind.
    pub fn add(&mut self, finding: Finding) {
        let same = |known: &&mut Finding| known.is_of_the_kind_of(&finding);
        match self.0.iter_mut().find(same) {
            None => self.0.push(finding),
            Some(known) => {
                let count = known.count + finding.count;
                if finding.position < known.position {
                    *known = finding;
                }
                known.count = count;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_remark_never_stands_for_something_grave_of_the_same_code() {
        let forged = |severity, place: &str| {
            let fault = Fault::ForgedCheckpoint { place: place.to_owned(), reason: String::new() };
            Finding::new(Check::Checkpoints, severity, None, fault)
        };
        let mut findings = Findings::default();
        findings.add(forged(Severity::Remark, "a bad line beside good ones"));
        findings.add(forged(Severity::Integrity, "forged"));
        findings.add(forged(Severity::Remark, "another bad line"));
        findings.add(forged(Severity::Integrity, "forged, too"));
        let found: Vec<(Severity, u64)> = findings.0.iter().map(|one| (one.severity, one.count)).collect();
        assert_eq!(found, [(Severity::Remark, 2), (Severity::Integrity, 2)]);
    }
}
