//! Doing the same to many cases at once.

use std::path::PathBuf;

use clap::Args;
use fengsui_event::{AgencyCode, CategoryCode, Date};

/// Which ones, how many, and whether to do it.
#[derive(Debug, Args)]
pub struct ManyArguments {
    /// Instead of an id: every one on this desk that fits; shown, and done only with --yes
    #[arg(long, conflicts_with_all = ["id", "from"])]
    pub all: bool,
    /// Instead of an id: those whose ids stand in this file, one on each line, as --refused writes it
    #[arg(long, value_name = "FILE", conflicts_with = "id")]
    pub from: Option<PathBuf>,
    /// With --all: of this kind of violation
    #[arg(long, requires = "all")]
    pub category: Option<CategoryCode>,
    /// With --all: found by this agency
    #[arg(long, value_name = "CODE", requires = "all")]
    pub reporter: Option<AgencyCode>,
    /// With --all: found before this day
    #[arg(long, value_name = "DATE", requires = "all")]
    pub found_before: Option<Date>,
    /// With --all or --from: at most so many
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub limit: u64,
    /// With --all or --from: do it
    #[arg(long, conflicts_with = "id")]
    pub yes: bool,
    /// With --yes: write the refused ones here, each with its reason, to be mended and fed in again with --from
    #[arg(long, value_name = "FILE", requires = "yes")]
    pub refused: Option<PathBuf>,
}
