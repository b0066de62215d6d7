//! What goes into an archive, and where the archive goes.

use std::path::PathBuf;

use clap::Args;
use fengsui_log::Position;
use fengsui_node::source::LogSource;

use super::source::AccessArguments;

/// An archive of a log or of a part of it.
#[derive(Debug, Args)]
pub struct AuditExportArguments {
    /// Where to: a ZIP file if the name ends with .zip, else a folder
    #[arg(long, value_name = "FILE.zip|DIR")]
    pub out: PathBuf,
    /// Another log than the node's own: a log file, a node's folder, nats://HOST:PORT or tls://HOST:PORT
    #[arg(long, value_name = "LOG")]
    pub from_log: Option<LogSource>,
    /// First position; an archive that begins later than 1 says what it cannot show
    #[arg(long, value_name = "POSITION", default_value = "1")]
    pub from: Position,
    /// Last position; the end of the log when absent
    #[arg(long, value_name = "POSITION")]
    pub to: Option<Position>,
    /// Deflate the ZIP file; its bytes are then no longer the same everywhere, its contents are
    #[arg(long)]
    pub compress: bool,
    /// The exchange file with which that log begins; that of the node when absent
    #[arg(long, value_name = "FILE", requires = "from_log")]
    pub exchange: Option<PathBuf>,
    /// Replace what is there
    #[arg(long)]
    pub force: bool,
    /// How a broker lets this program in.
    #[command(flatten)]
    pub access: AccessArguments,
}
