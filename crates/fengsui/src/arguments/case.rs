//! Case files: rectification, closing, objections.

use clap::{ArgGroup, Args, Subcommand};
use fengsui_event::{AgencyCode, CategoryCode, ClosingGround, Date, EventId, Fen, ObjectionDecision};
use fengsui_projector::state::CaseStatus;

use super::many::ManyArguments;
use super::value::{TypedUnit, term};

/// Which cases to list.
#[derive(Debug, Args)]
pub struct CaseFilterArguments {
    /// Of this unit
    #[arg(long)]
    pub unit: Option<TypedUnit>,
    /// In this state
    #[arg(long, value_parser = term::<CaseStatus>())]
    pub status: Option<CaseStatus>,
    /// Found by this agency
    #[arg(long, value_name = "CODE")]
    pub reporter: Option<AgencyCode>,
    /// Handled by this agency
    #[arg(long, value_name = "CODE")]
    pub lead: Option<AgencyCode>,
    /// Of this kind of violation
    #[arg(long)]
    pub category: Option<CategoryCode>,
    /// Whose lead the authority must still name
    #[arg(long)]
    pub undecided: bool,
    /// At most so many
    #[arg(long, value_name = "N")]
    pub limit: Option<u64>,
}

/// Case files.
#[derive(Debug, Subcommand)]
pub enum CaseCommand {
    /// List cases and where they stand
    #[command(after_help = "Example:\n  fengsui case list --status open --lead fire")]
    List(CaseFilterArguments),
    /// Show a case file with its whole history
    #[command(after_help = "Example:\n  fengsui case show 01KDZ5T0000000000000000000 --as-of 2026-06-30")]
    Show {
        /// Id of the case, or of one of its referrals or feedbacks
        id: EventId,
    },
    /// Strike a case off the ledger of open items
    #[command(
        after_help = "Example:\n  fengsui case close 01KDZ5T0000000000000000000 --ground rectified\n  fengsui --agency fire case close --all --ground rectified --found-before 2026-07-01 --yes"
    )]
    Close(Box<CloseArguments>),
    /// Close a case that is the same violation as another one; its points are given back by counter-entries
    #[command(
        after_help = "Example:\n  fengsui case link 01KDZ5T0000000000000000001 --duplicate-of 01KDZ5T0000000000000000000 \\\n    --reason 同一隐患重复录入"
    )]
    Link {
        /// Id of the case that is closed
        id: EventId,
        /// The case that goes on
        #[arg(long, value_name = "CASE")]
        duplicate_of: EventId,
        /// Why they are the same
        #[arg(long)]
        reason: String,
    },
    /// Take a closed case up again
    #[command(after_help = "Example:\n  fengsui case reopen 01KDZ5T0000000000000000000 --reason 隐患复发")]
    Reopen {
        /// Id of the case
        id: EventId,
        /// Why
        #[arg(long)]
        reason: String,
    },
}

/// On what ground to close, and which ones.
#[derive(Debug, Args)]
pub struct CloseArguments {
    /// Id of the case
    #[arg(required_unless_present_any = ["all", "from"])]
    pub id: Option<EventId>,
    /// Why it is closed
    #[arg(long, value_parser = term::<ClosingGround>())]
    pub ground: ClosingGround,
    /// Day on which the ground arose; today when absent
    #[arg(long, value_name = "DATE")]
    pub closed_on: Option<Date>,
    /// The case that holds the same violation, when the ground is duplicate
    #[arg(long, value_name = "CASE")]
    pub duplicate_of: Option<EventId>,
    /// A word on it
    #[arg(long)]
    pub note: Option<String>,
    /// Many at once.
    #[command(flatten)]
    pub many: ManyArguments,
}

/// Rectification.
#[derive(Debug, Subcommand)]
pub enum RectificationCommand {
    /// Order rectification with its plan, person, funds, term and emergency plan
    #[command(
        after_help = "Example:\n  fengsui --agency fire rectification order 01KDZ5T0000000000000000000 --plan 清理疏散通道 \\\n    --person 安全经理 --funds 2000 --emergency-plan 安排专人值守"
    )]
    Order(Box<OrderArguments>),
    /// Inspect the site again
    #[command(
        after_help = "Example:\n  fengsui --agency fire rectification reinspect 01KDZ5T0000000000000000000 --passed --findings 通道已畅通",
        group = ArgGroup::new("result").required(true).args(["passed", "failed"])
    )]
    Reinspect {
        /// Id of the case
        id: EventId,
        /// The hazard is gone
        #[arg(long)]
        passed: bool,
        /// The hazard is still there
        #[arg(long)]
        failed: bool,
        /// What was seen
        #[arg(long)]
        findings: String,
        /// Day of the inspection; today when absent
        #[arg(long, value_name = "DATE")]
        inspected_on: Option<Date>,
    },
}

/// An order with the five musts.
#[derive(Debug, Args)]
pub struct OrderArguments {
    /// Id of the referral, or of its case
    pub id: EventId,
    /// What is to be done
    #[arg(long)]
    pub plan: String,
    /// Who answers for it, by post
    #[arg(long)]
    pub person: String,
    /// What it costs, in yuan
    #[arg(long, value_name = "YUAN")]
    pub funds: Fen,
    /// Day by which it must be done; by the rulebook's term when absent
    #[arg(long, value_name = "DATE")]
    pub due_on: Option<Date>,
    /// What keeps people safe until then
    #[arg(long)]
    pub emergency_plan: String,
    /// Day of the order; today when absent
    #[arg(long, value_name = "DATE")]
    pub ordered_on: Option<Date>,
    /// Number of the order
    #[arg(long)]
    pub order_number: Option<String>,
}

/// Objections.
#[derive(Debug, Subcommand)]
pub enum ObjectionCommand {
    /// Enter an objection of the unit
    #[command(
        after_help = "Example:\n  fengsui --agency fire objection file 01KDZ5T0000000000000000000 --grounds 处罚对象有误"
    )]
    File {
        /// Id of the case
        id: EventId,
        /// What the unit says
        #[arg(long)]
        grounds: String,
        /// Day on which it was received; today when absent
        #[arg(long, value_name = "DATE")]
        filed_on: Option<Date>,
    },
    /// Decide an objection, as the authority
    #[command(
        after_help = "Example:\n  fengsui --agency joint-office objection decide 01KDZ5T0000000000000000000 \\\n    --decision upheld --reasons 经核属实"
    )]
    Decide {
        /// Id of the case
        id: EventId,
        /// The decision
        #[arg(long, value_parser = term::<ObjectionDecision>())]
        decision: ObjectionDecision,
        /// Its reasons
        #[arg(long)]
        reasons: String,
        /// Day of the decision; today when absent
        #[arg(long, value_name = "DATE")]
        decided_on: Option<Date>,
        /// Id of the objection; the open one when absent
        #[arg(long, value_name = "ID")]
        objection: Option<EventId>,
    },
}
