//! Logs that a command names instead of the node's own.

use fengsui_log::EventLog;
use fengsui_log::jetstream::TlsFiles;
use fengsui_node::folder::{Folder, FolderError};
use fengsui_node::source::{LogSource, SourceError, StreamAccess};

use crate::arguments::source::AccessArguments;
use crate::exit::Failure;
use crate::session::Session;

/// Opens a log that the command line names, to read it.
pub fn open(session: &Session, source: &LogSource, access: &AccessArguments) -> Result<Box<dyn EventLog>, Failure> {
    source.open(&self::access(session, &[source], access)?).map_err(failure)
}

/// How brokers let this program in: as the command line says, and else as they let in the node of the folder.
pub fn access(session: &Session, sources: &[&LogSource], arguments: &AccessArguments) -> Result<StreamAccess, Failure> {
    let AccessArguments { region, connection_key, ca, certificate, client_key } = arguments;
    let tls = TlsFiles { ca: ca.clone(), certificate: certificate.clone(), key: client_key.clone() };
    let agency = session.global.agency;
    let said = StreamAccess { region: *region, agency, connection_key: connection_key.clone(), tls };
    if !sources.iter().any(|source| matches!(source, LogSource::Stream(_))) {
        return Ok(said);
    }
    match Folder::open(&session.global.data) {
        Ok(folder) => Ok(said.completed_by(&folder)),
        // Whoever names everything needs no node.
        Err(FolderError::NotInitialised { .. }) => Ok(said),
        Err(error) => Err(error.into()),
    }
}

/// Why a log cannot be opened.
pub fn failure(error: SourceError) -> Failure {
    match error {
        SourceError::NoRegion => Failure::usage(
            "未指明地区：消息服务器上每个地区各有一条消息流；请用 --region 指明，或用 --data 指明节点文件夹",
            error.to_string(),
        ),
        SourceError::Node(error) => error.into(),
    }
}
