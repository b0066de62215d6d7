//! How a run ends: the exit codes that scripts rely on, and what is said when it fails.

use std::io;
use std::path::PathBuf;

use fengsui_event::{AgencyCode, EventId, Language, UnitId};
use fengsui_log::jetstream::TailError;
use fengsui_log::{AppendError, ReadError, StorageError};
use fengsui_node::NodeError;
use fengsui_node::as_of::AsOfError;
use fengsui_node::desk::PlanError;
use fengsui_node::folder::FolderError;
use fengsui_node::keys::KeyFileError;
use fengsui_node::node::OutOfReach;
use fengsui_node::outbox::OutboxError;
use fengsui_node::reading::storage_of;
use fengsui_projector::{Cause, ModelError};
use fengsui_rulebook::RulebookError;
use fengsui_sheets::SheetError;

/// The exit codes, as published in the documentation. They never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done, nothing to report.
    Done = 0,
    /// Failed.
    Failed = 1,
    /// The command line is wrong.
    Usage = 2,
    /// Done in part: some input was refused.
    Partial = 3,
    /// A check found differences.
    Differences = 4,
    /// Integrity broken: signature, chain, tree, checkpoint, missing positions.
    Integrity = 5,
    /// The log is out of reach; the work is kept and goes on later.
    KeptForLater = 6,
    /// Not allowed.
    NotAllowed = 7,
    /// Interrupted; what was done is kept.
    Interrupted = 130,
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The command line asks for what cannot be.
    #[error("{en}")]
    Usage {
        /// 中文
        zh: String,
        /// English
        en: String,
    },
    /// It failed for a reason that has no type of its own.
    #[error("{en}")]
    Failed {
        /// A stable code for scripts.
        code: &'static str,
        /// 中文
        zh: String,
        /// English
        en: String,
    },
    /// A log is not what it must be.
    #[error("{en}")]
    Integrity {
        /// A stable code for scripts.
        code: &'static str,
        /// 中文
        zh: String,
        /// English
        en: String,
    },
    /// Somebody asked for what is not for him.
    #[error("{en}")]
    NotAllowed {
        /// A stable code for scripts.
        code: &'static str,
        /// 中文
        zh: String,
        /// English
        en: String,
    },
    /// Something that is needed cannot be reached now.
    #[error("{en}")]
    OutOfReach {
        /// A stable code for scripts.
        code: &'static str,
        /// 中文
        zh: String,
        /// English
        en: String,
    },
    /// Something that was named does not exist.
    #[error("there is no case, referral or feedback {0} in the tables; look it up with `fengsui case list`")]
    NoSuchId(EventId),
    /// A unit without an account.
    #[error("there is no account of {0}: nothing was ever reported of this unit; look it up with `fengsui unit list`")]
    NoSuchUnit(UnitId),
    /// This folder cannot act for the agency.
    #[error(
        "this folder holds no key of {agency}, so it cannot act for it; it can act for: {}",
        if have.is_empty() { "nobody".to_owned() } else { codes(have) }
    )]
    NoKey {
        /// The agency.
        agency: AgencyCode,
        /// Whose keys the folder holds.
        have: Vec<AgencyCode>,
    },
    /// A node.
    #[error(transparent)]
    Node(#[from] NodeError),
    /// The past.
    #[error(transparent)]
    AsOf(#[from] AsOfError),
    /// A table file.
    #[error(transparent)]
    Sheet(#[from] SheetError),
    /// A rulebook's text.
    #[error(transparent)]
    Rulebook(#[from] RulebookError),
    /// A rulebook in a file that the command line names.
    #[error("{path}: {source}")]
    RulebookFile {
        /// The file.
        path: PathBuf,
        /// What is to be mended.
        source: RulebookError,
    },
    /// A file that the command line names.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// Results cannot be written.
    #[error("the results cannot be written: {0}")]
    Output(#[source] io::Error),
    /// Somebody asked to stop.
    #[error("interrupted; what was done is kept")]
    Interrupted,
}

fn codes(agencies: &[AgencyCode]) -> String {
    agencies.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

macro_rules! through_node {
    ($($error:ty),+) => {
        $(impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                Self::Node(error.into())
            }
        })+
    };
}
through_node!(StorageError, ReadError, ModelError, FolderError, KeyFileError, OutboxError);

impl Failure {
    /// The command line asks for what cannot be.
    pub fn usage(zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self::Usage { zh: zh.into(), en: en.into() }
    }

    /// It failed for a reason that has no type of its own.
    pub fn failed(code: &'static str, zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self::Failed { code, zh: zh.into(), en: en.into() }
    }

    /// The file that the command line names, and why it cannot be used.
    pub fn file(path: &std::path::Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { path, source }
    }

    /// Whether the reader of our results has gone away, which is no failure of ours.
    pub fn is_broken_pipe(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }

    /// The exit code.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Usage { .. }
            | Self::Sheet(SheetError::UnknownExtension { .. } | SheetError::UnknownEncoding { .. }) => Exit::Usage,
            Self::NoKey { .. } | Self::NotAllowed { .. } => Exit::NotAllowed,
            Self::OutOfReach { .. } => Exit::KeptForLater,
            Self::Interrupted => Exit::Interrupted,
            Self::Integrity { .. } => Exit::Integrity,
            Self::Node(error) | Self::AsOf(AsOfError::Node(error)) => exit_of_node(error),
            Self::Failed { .. }
            | Self::NoSuchId(_)
            | Self::NoSuchUnit(_)
            | Self::AsOf(_)
            | Self::Sheet(_)
            | Self::Rulebook(_)
            | Self::RulebookFile { .. }
            | Self::File { .. }
            | Self::Output(_) => Exit::Failed,
        }
    }

    /// A stable code for scripts.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Usage { .. } => "usage",
            Self::Failed { code, .. }
            | Self::Integrity { code, .. }
            | Self::NotAllowed { code, .. }
            | Self::OutOfReach { code, .. } => code,
            Self::NoSuchId(_) => "no_such_id",
            Self::NoSuchUnit(_) => "no_such_unit",
            Self::NoKey { .. } => "no_key",
            Self::Node(error) | Self::AsOf(AsOfError::Node(error)) => code_of_node(error),
            Self::AsOf(AsOfError::BeyondHead { .. }) => "beyond_head",
            Self::AsOf(AsOfError::Temporary { .. }) => "no_temporary_folder",
            Self::Sheet(_) => "sheet",
            Self::Rulebook(_) | Self::RulebookFile { .. } => "rulebook",
            Self::File { .. } => "file",
            Self::Output(_) => "output",
            Self::Interrupted => "interrupted",
        }
    }

    /// What to tell people. Where only English is to be had, a Chinese line says what it is about.
    pub fn message(&self, language: Language) -> String {
        match language {
            Language::En => self.to_string(),
            Language::Zh => self.message_zh(),
        }
    }

    fn message_zh(&self) -> String {
        match self {
            Self::Usage { zh, .. }
            | Self::Failed { zh, .. }
            | Self::Integrity { zh, .. }
            | Self::NotAllowed { zh, .. }
            | Self::OutOfReach { zh, .. } => zh.clone(),
            Self::NoSuchId(id) => format!("没有编号为 {id} 的案件、抄送或反馈；请用 `fengsui case list` 查找"),
            Self::NoSuchUnit(unit) => format!("没有 {unit} 的账户：该单位从未有记录；请用 `fengsui unit list` 查找"),
            Self::NoKey { agency, have } if have.is_empty() => {
                format!("本文件夹没有 {agency} 的密钥，不能代其办理；本文件夹没有任何部门的密钥")
            }
            Self::NoKey { agency, have } => {
                format!("本文件夹没有 {agency} 的密钥，不能代其办理；可以办理的部门：{}", codes(have))
            }
            Self::Node(error) | Self::AsOf(AsOfError::Node(error)) => node_message_zh(error),
            Self::AsOf(AsOfError::BeyondHead { asked, head }) => {
                format!("日志尚无位置 {asked}：最后位置为 {head}")
            }
            Self::AsOf(error) => format!("无法建立临时文件夹：{error}"),
            Self::Sheet(error) => format!("表格文件无法处理：{error}"),
            Self::Rulebook(error) => format!("规则文本有误：{error}"),
            Self::RulebookFile { path, source } => format!("规则文本 {} 有误：{source}", path.display()),
            Self::File { path, source } => format!("文件 {} 无法使用：{source}", path.display()),
            Self::Output(error) => format!("结果无法写出：{error}"),
            Self::Interrupted => "已中断；已完成的部分均已保存".to_owned(),
        }
    }
}

fn exit_of_node(error: &NodeError) -> Exit {
    match error {
        NodeError::Model(ModelError::Interrupted { .. }) => Exit::Interrupted,
        NodeError::Key(KeyFileError::NotFound { .. })
        | NodeError::Refused(
            Cause::UnknownKey(_) | Cause::ForeignKey { .. } | Cause::EndedKey { .. } | Cause::SuspendedAgency { .. },
        ) => Exit::NotAllowed,
        // A log with holes, with edited rows or with two events under one id is no longer the log that was written.
        NodeError::Append(AppendError::Conflict(_) | AppendError::CopyDiffers { .. })
        | NodeError::OutboxBehind { .. }
        | NodeError::Outbox(
            OutboxError::OtherLog { .. }
            | OutboxError::Append(AppendError::Conflict(_) | AppendError::CopyDiffers { .. }),
        )
        | NodeError::Model(
            ModelError::PositionGap { .. } | ModelError::Log(ReadError::Gap { .. } | ReadError::Row { .. }),
        )
        | NodeError::Read(ReadError::Gap { .. } | ReadError::Row { .. }) => Exit::Integrity,
        NodeError::AcceptedNotPublished(error) => match exit_of_node(error) {
            exit @ (Exit::Integrity | Exit::NotAllowed) => exit,
            _ => Exit::KeptForLater,
        },
        other if is_not_permitted(other) => Exit::NotAllowed,
        NodeError::OutOfReach(OutOfReach::Different)
        | NodeError::Tail(TailError::HeadWentBack { .. } | TailError::Differs { .. })
        | NodeError::Read(ReadError::Stream(_))
        | NodeError::Model(ModelError::Log(ReadError::Stream(_))) => Exit::Integrity,
        NodeError::OutOfReach(_) => Exit::KeptForLater,
        NodeError::Read(error) | NodeError::Model(ModelError::Log(error)) if error.is_out_of_reach() => {
            Exit::KeptForLater
        }
        NodeError::Append(error) if error.is_out_of_reach() => Exit::KeptForLater,
        NodeError::Broker(error) if error.is_out_of_reach() => Exit::KeptForLater,
        NodeError::Publish(error) if error.is_out_of_reach() => Exit::KeptForLater,
        NodeError::Tail(error) if error.is_out_of_reach() => Exit::KeptForLater,
        other if other.rejection().is_some_and(fengsui_projector::Rejection::is_not_allowed) => Exit::NotAllowed,
        _ => Exit::Failed,
    }
}

/// Whether the broker lets this node do less than was asked.
fn is_not_permitted(error: &NodeError) -> bool {
    match error {
        NodeError::Broker(error)
        | NodeError::OutOfReach(OutOfReach::Broker(error))
        | NodeError::Tail(TailError::Broker(error)) => error.is_not_permitted(),
        NodeError::OutOfReach(OutOfReach::NotPermitted(_)) => true,
        NodeError::Publish(error) => error.is_not_permitted(),
        NodeError::Append(error) => error.is_not_permitted(),
        NodeError::Read(error) | NodeError::Model(ModelError::Log(error)) => error.is_not_permitted(),
        NodeError::AcceptedNotPublished(error) => is_not_permitted(error),
        _ => false,
    }
}

fn is_of_broker(error: &ReadError) -> bool {
    matches!(error, ReadError::Broker(_) | ReadError::Stream(_))
}

fn code_of_node(error: &NodeError) -> &'static str {
    if let Some(rejection) = error.rejection() {
        return rejection.code();
    }
    if let Some(fault) = storage_of(error) {
        return code_of_storage(fault);
    }
    match error {
        other if is_not_permitted(other) => "not_permitted",
        NodeError::Folder(FolderError::NotInitialised { .. }) => "not_initialised",
        NodeError::Folder(FolderError::AlreadyInitialised { .. }) => "already_initialised",
        NodeError::Folder(_) => "folder",
        NodeError::Key(KeyFileError::NotFound { .. }) => "no_key",
        NodeError::Key(_) => "key",
        NodeError::OutboxBehind { .. } => "outbox_behind",
        NodeError::Outbox(OutboxError::OtherLog { .. }) => "other_log",
        NodeError::Broker(_)
        | NodeError::Publish(_)
        | NodeError::Tail(_)
        | NodeError::Append(AppendError::Publish(_)) => "broker",
        NodeError::Outbox(_) | NodeError::Append(_) => "append",
        NodeError::Read(error) | NodeError::Model(ModelError::Log(error)) if is_of_broker(error) => "broker",
        NodeError::Read(_) | NodeError::Model(ModelError::Log(_) | ModelError::PositionGap { .. }) => "log",
        NodeError::Model(ModelError::Interrupted { .. }) => "interrupted",
        NodeError::Model(ModelError::Ahead { .. }) => "model_ahead",
        NodeError::Model(_) => "model",
        NodeError::Envelope(_) => "event",
        NodeError::AcceptedNotPublished(_) => "accepted_not_published",
        NodeError::OutOfReach(OutOfReach::Different) => "stream_differs",
        NodeError::OutOfReach(_) => "out_of_reach",
        NodeError::Connection(_) => "connection",
        NodeError::NoBroker { .. } => "no_broker",
        NodeError::TablesBehind { .. } => "tables_behind",
        NodeError::Plan(PlanError::Ambiguous { .. }) => "ambiguous",
        NodeError::Plan(PlanError::NameMissing { .. }) => "name_missing",
        NodeError::Plan(_) => "refused",
        NodeError::Refused(cause) => cause.code(),
        NodeError::Storage(_) => "storage",
    }
}

fn code_of_storage(fault: &StorageError) -> &'static str {
    match fault {
        StorageError::NotFound { .. } => "file_missing",
        StorageError::SecondWriter { .. } => "second_writer",
        StorageError::NotWritable { .. } => "not_writable",
        StorageError::DiskFull { .. } => "disk_full",
        StorageError::NewerVersion { .. } => "newer_version",
        StorageError::ForeignFile { .. } | StorageError::NotADatabase { .. } | StorageError::EmptyFile { .. } => {
            "foreign_file"
        }
        StorageError::Truncated { .. } | StorageError::Corrupt { .. } => "damaged_file",
        StorageError::Busy { .. } => "busy",
        _ => "storage",
    }
}

fn node_message_zh(error: &NodeError) -> String {
    if let Some(rejection) = error.rejection() {
        return rejection.message(Language::Zh);
    }
    match error {
        NodeError::Refused(cause) => return cause.message(Language::Zh),
        NodeError::AcceptedNotPublished(error) => {
            let reason = match storage_of(error) {
                Some(StorageError::DiskFull { path }) => format!("{} 所在磁盘已满", path.display()),
                _ => error.to_string(),
            };
            return format!("已受理：事件已存入发件箱，待日志可写时自动写入，请勿重复办理（{reason}）");
        }
        NodeError::Plan(PlanError::Ambiguous { candidates, .. }) => {
            return format!("有多项符合，请用编号指明其一：{}", candidates.join("、"));
        }
        NodeError::Plan(PlanError::NameMissing { unit }) => {
            return format!("单位 {unit} 尚未登记，请用 --name 写明名称");
        }
        NodeError::Model(ModelError::Interrupted { position }) => {
            return format!("已在位置 {position} 中断；已完成的部分均已保存");
        }
        _ => {}
    }
    let summary = match storage_of(error) {
        Some(fault) => summary_of_storage(fault),
        None => summary_of_node(error),
    };
    format!("{summary}\n{error}")
}

fn summary_of_storage(fault: &StorageError) -> &'static str {
    match fault {
        StorageError::NotFound { .. } => "缺少文件：",
        StorageError::SecondWriter { .. } => "另一进程正在写入，请等其结束或只作查询：",
        StorageError::NotWritable { .. } => "文件不可写：",
        StorageError::DiskFull { .. } => "磁盘已满，更改已撤销，请腾出空间后重试：",
        StorageError::NewerVersion { .. } => "文件由更新版本的程序写成，请使用新版程序：",
        StorageError::ForeignFile { .. } | StorageError::NotADatabase { .. } | StorageError::EmptyFile { .. } => {
            "这不是本程序的文件："
        }
        StorageError::Truncated { .. } | StorageError::Corrupt { .. } => "文件已损坏，请保留原样：",
        StorageError::Busy { .. } => "文件被另一进程锁定过久，请重试：",
        _ => "文件无法使用：",
    }
}

fn summary_of_node(error: &NodeError) -> &'static str {
    match error {
        NodeError::Folder(FolderError::NotInitialised { .. }) => {
            "该文件夹中没有节点；请用 --data 指明文件夹，或用 `fengsui init` 建立："
        }
        NodeError::Folder(FolderError::AlreadyInitialised { .. }) => "该文件夹中已有节点：",
        NodeError::Folder(_) => "节点的配置有误：",
        NodeError::Key(_) => "密钥无法使用：",
        NodeError::OutboxBehind { .. } => {
            "发件箱比日志旧，请放回最新的发件箱；若没有，请在新文件夹中以新编号另建节点："
        }
        NodeError::Outbox(OutboxError::OtherLog { .. }) => "日志与发件箱不符，请放回本节点的日志：",
        NodeError::OutOfReach(_) | NodeError::Broker(_) | NodeError::Tail(_) => "无法使用消息服务器：",
        NodeError::Read(error) | NodeError::Model(ModelError::Log(error)) if is_of_broker(error) => {
            "无法使用消息服务器："
        }
        NodeError::Publish(_) => "消息服务器未接受事件，已保留在发件箱：",
        NodeError::Connection(_) => "连接消息服务器的设置有误：",
        NodeError::TablesBehind { .. } => "运行中的节点尚在更新查询库，未作更改，请稍后重试：",
        NodeError::NoBroker { .. } => "该节点的日志就是本机文件，无须运行：",
        NodeError::Append(_) | NodeError::Outbox(_) => "事件未能写入日志：",
        NodeError::Read(_) | NodeError::Model(ModelError::Log(_) | ModelError::PositionGap { .. }) => {
            "日志不完整或被改动："
        }
        NodeError::Model(_) => "查询库无法使用，可用 `fengsui replay` 重建：",
        _ => "未能完成：",
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use fengsui_log::Position;
    use fengsui_log::jetstream::{BrokerError, PublishError};
    use fengsui_projector::Rejection;

    use super::*;

    fn agency(code: &str) -> AgencyCode {
        code.parse().unwrap()
    }

    fn wrong_actor() -> Rejection {
        Rejection::WrongActor { actor: agency("fire"), may: vec![agency("urban")], state: "issued".to_owned() }
    }

    #[test]
    fn every_kind_of_failure_has_the_exit_of_the_published_table() {
        let check = |failure: Failure, exit: Exit, code: &str| {
            assert_eq!((failure.exit(), failure.code()), (exit, code), "{failure}");
        };
        let position = Position::FIRST;
        check(Failure::usage("", ""), Exit::Usage, "usage");
        check(NodeError::Plan(PlanError::Rejected(wrong_actor())).into(), Exit::NotAllowed, "wrong_actor");
        check(NodeError::Refused(Cause::Rejected(wrong_actor())).into(), Exit::NotAllowed, "wrong_actor");
        check(NodeError::Refused(Cause::Rejected(Rejection::NoOrder)).into(), Exit::Failed, "no_order");
        check(NodeError::Refused(Cause::SuspendedAgency { since: 3 }).into(), Exit::NotAllowed, "suspended_agency");
        check(Failure::NoKey { agency: agency("fire"), have: vec![] }, Exit::NotAllowed, "no_key");
        check(KeyFileError::NotFound { path: "k".into() }.into(), Exit::NotAllowed, "no_key");
        check(FolderError::NotInitialised { root: "d".into() }.into(), Exit::Failed, "not_initialised");
        check(ModelError::Interrupted { position: 3 }.into(), Exit::Interrupted, "interrupted");
        let gap = |path: &str| ReadError::Gap { path: path.into(), expected: position, found: position.next() };
        check(gap("log").into(), Exit::Integrity, "log");
        check(ModelError::Log(gap("log")).into(), Exit::Integrity, "log");
        let changed = Failure::Integrity { code: "log_differs", zh: String::new(), en: String::new() };
        check(changed, Exit::Integrity, "log_differs");
        let of_broker = |error: BrokerError| ReadError::Broker(Box::new(error));
        let down = || of_broker(BrokerError::Disconnected { doing: "reading".to_owned() });
        let denied = || of_broker(BrokerError::NotPermitted { subject: "$JS.API.INFO".to_owned() });
        check(down().into(), Exit::KeptForLater, "broker");
        check(ModelError::Log(down()).into(), Exit::KeptForLater, "broker");
        check(denied().into(), Exit::NotAllowed, "not_permitted");
        let another = TailError::Differs { stream: "FENGSUI_350600".to_owned(), position };
        check(ReadError::Stream(Box::new(another)).into(), Exit::Integrity, "broker");
        let refused = PublishError::NotPermitted { subject: "fengsui.350600.fire.case.closed".to_owned() };
        check(NodeError::from(AppendError::from(Box::new(refused))).into(), Exit::NotAllowed, "not_permitted");
        let full = NodeError::Storage(StorageError::DiskFull { path: "log".into() });
        check(NodeError::AcceptedNotPublished(Box::new(full)).into(), Exit::KeptForLater, "accepted_not_published");
        let writer = StorageError::SecondWriter { noun: "event log", path: "log".into(), pid: None };
        check(writer.into(), Exit::Failed, "second_writer");
        check(ModelError::Storage(StorageError::DiskFull { path: "m".into() }).into(), Exit::Failed, "disk_full");
        check(SheetError::UnknownExtension { path: "t.txt".into() }.into(), Exit::Usage, "sheet");
        check(SheetError::Empty { path: "t.csv".into() }.into(), Exit::Failed, "sheet");
        check(AsOfError::BeyondHead { asked: 3, head: 2 }.into(), Exit::Failed, "beyond_head");
    }

    #[test]
    fn the_exit_codes_are_those_of_the_table() {
        let codes = [
            Exit::Done,
            Exit::Failed,
            Exit::Usage,
            Exit::Partial,
            Exit::Differences,
            Exit::Integrity,
            Exit::KeptForLater,
            Exit::NotAllowed,
        ];
        assert_eq!(codes.map(|exit| exit as u8), [0, 1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(Exit::Interrupted as u8, 130);
    }

    #[test]
    fn a_refusal_names_who_may_act_in_both_languages() {
        let failure = Failure::from(NodeError::Plan(PlanError::Rejected(wrong_actor())));
        for language in [Language::Zh, Language::En] {
            assert!(failure.message(language).contains("urban"), "{}", failure.message(language));
        }
        let failure = Failure::NoKey { agency: agency("fire"), have: vec![agency("urban")] };
        assert!(failure.message(Language::Zh).contains("urban"));
    }
}
