//! Violations, referrals, feedback.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use fengsui_event::{
    AgencyCode, CategoryCode, Date, EventId, Fen, FindingMethod, Outcome, PenaltyKind, ReferralRole, RegionCode,
    Severity, TradeCode,
};

use super::case::CaseFilterArguments;
use super::many::ManyArguments;
use super::value::{TypedUnit, term};

/// Violations.
#[derive(Debug, Subcommand)]
pub enum ViolationCommand {
    /// Report a violation; it is forwarded at once to the agency that the rulebook names
    #[command(
        after_help = "Example:\n  fengsui --agency tourism violation report --unit 91110000600037341L --name 瑞和宾馆 \\\n    --region 350602 --address 新华西路1号 --trade H61 --category fire.60-3 --facts 疏散通道堆放杂物\n  fengsui violation report --stdin < violations.jsonl"
    )]
    Report(Box<ReportArguments>),
    /// List violations as they were found
    #[command(after_help = "Example:\n  fengsui violation list --reporter fire --limit 20")]
    List(CaseFilterArguments),
    /// Show one violation as it was found
    #[command(after_help = "Example:\n  fengsui violation show 01KDZ5T0000000000000000000")]
    Show {
        /// Id of the case, or of one of its referrals or feedbacks
        id: EventId,
    },
    /// Correct a report
    #[command(
        after_help = "Example:\n  fengsui violation amend 01KDZ5T0000000000000000000 --severity grave --reason 复核后更正"
    )]
    Amend(Box<AmendArguments>),
    /// Take a report back; points that fell are given back
    #[command(after_help = "Example:\n  fengsui violation retract 01KDZ5T0000000000000000000 --reason 重复录入")]
    Retract {
        /// Id of the case
        id: EventId,
        /// Why
        #[arg(long)]
        reason: String,
    },
}

/// One violation, or many from stdin.
#[derive(Debug, Args)]
pub struct ReportArguments {
    /// The unit: a unified social credit code, or legacy:, organisation: or local.<book>: and a number
    #[arg(long, required_unless_present = "stdin")]
    pub unit: Option<TypedUnit>,
    /// Its name; may be left out when the unit is known
    #[arg(long)]
    pub name: Option<String>,
    /// Region where it was found (GB/T 2260); the unit's seat when it is known
    #[arg(long)]
    pub region: Option<RegionCode>,
    /// Address where it was found; the unit's seat when it is known
    #[arg(long)]
    pub address: Option<String>,
    /// The unit's trade (GB/T 4754)
    #[arg(long)]
    pub trade: Option<TradeCode>,
    /// Kind of violation; see `fengsui rulebook categories`
    #[arg(long, required_unless_present = "stdin")]
    pub category: Option<CategoryCode>,
    /// Gravity; the category's own when absent
    #[arg(long, value_parser = term::<Severity>())]
    pub severity: Option<Severity>,
    /// What was seen
    #[arg(long, required_unless_present = "stdin")]
    pub facts: Option<String>,
    /// Day on which it was found; today when absent
    #[arg(long, value_name = "DATE")]
    pub found_on: Option<Date>,
    /// How it was found
    #[arg(long, value_parser = term::<FindingMethod>(), default_value = "inspection")]
    pub method: FindingMethod,
    /// The agency's own number for it
    #[arg(long)]
    pub reference: Option<String>,
    /// A provision that was violated; may be repeated
    #[arg(long)]
    pub legal_basis: Vec<String>,
    /// A photo or document: its hash is recorded, the file goes to those who may see the case; may be repeated
    #[arg(long, value_name = "FILE")]
    pub evidence: Vec<PathBuf>,
    /// The public reported it; a random reference stands for whoever did
    #[arg(long, conflicts_with = "method")]
    pub from_public: bool,
    /// With --from-public: who reported, as JSON in a file or on stdin; kept here, sealed
    #[arg(long, value_name = "FILE|-", requires = "from_public")]
    pub reporter: Option<PathBuf>,
    /// Read JSON from stdin instead: one object, or one object a line
    #[arg(
        long,
        conflicts_with_all = ["unit", "name", "region", "address", "trade", "category", "severity", "facts",
            "found_on", "method", "reference", "legal_basis", "evidence", "from_public", "reporter"]
    )]
    pub stdin: bool,
    /// With --stdin: write refused objects here, to be mended and fed in again
    #[arg(long, value_name = "FILE", requires = "stdin")]
    pub refused: Option<PathBuf>,
}

/// Corrections of a report. What is left out stays.
#[derive(Debug, Args)]
pub struct AmendArguments {
    /// Id of the case
    pub id: EventId,
    /// Why
    #[arg(long)]
    pub reason: String,
    /// Corrected region
    #[arg(long)]
    pub region: Option<RegionCode>,
    /// Corrected address
    #[arg(long)]
    pub address: Option<String>,
    /// Corrected trade
    #[arg(long)]
    pub trade: Option<TradeCode>,
    /// Corrected category
    #[arg(long)]
    pub category: Option<CategoryCode>,
    /// Corrected gravity
    #[arg(long, value_parser = term::<Severity>())]
    pub severity: Option<Severity>,
    /// Corrected facts
    #[arg(long)]
    pub facts: Option<String>,
    /// Corrected provisions; may be repeated
    #[arg(long)]
    pub legal_basis: Vec<String>,
    /// Corrected day of finding
    #[arg(long, value_name = "DATE")]
    pub found_on: Option<Date>,
}

/// Referrals.
#[derive(Debug, Subcommand)]
pub enum ReferralCommand {
    /// List the referrals of the agency's desk, the most urgent first
    #[command(
        after_help = "Example:\n  fengsui --agency fire referral list --inbox\n  fengsui referral list --overdue --everyone"
    )]
    List(ReferralListArguments),
    /// Acknowledge a referral
    #[command(
        after_help = "Example:\n  fengsui --agency fire referral acknowledge 01KDZ5T0000000000000000000\n  fengsui --agency fire referral acknowledge --all --category fire.60-3 --yes --refused refused.txt"
    )]
    Acknowledge {
        /// Id of the referral, or of its case
        #[arg(required_unless_present_any = ["all", "from"])]
        id: Option<EventId>,
        /// With --all: only what is past its term
        #[arg(long, requires = "all")]
        overdue: bool,
        /// Many at once.
        #[command(flatten)]
        many: ManyArguments,
    },
    /// Return a referral: not ours, and who is responsible
    #[command(
        after_help = "Example:\n  fengsui --agency urban referral return 01KDZ5T0000000000000000000 --suggested fire --reason 不属本部门职责"
    )]
    Return {
        /// Id of the referral, or of its case
        id: EventId,
        /// Who is responsible
        #[arg(long, value_name = "CODE")]
        suggested: AgencyCode,
        /// Why
        #[arg(long)]
        reason: String,
    },
    /// Pass a referral on to another agency
    #[command(
        after_help = "Example:\n  fengsui --agency urban referral transfer 01KDZ5T0000000000000000000 --to fire --reason 消防通道属消防职责"
    )]
    Transfer {
        /// Id of the referral, or of its case
        id: EventId,
        /// To whom
        #[arg(long, value_name = "CODE")]
        to: AgencyCode,
        /// Why
        #[arg(long)]
        reason: String,
    },
    /// Take a referral back, as its issuer or as the authority
    #[command(after_help = "Example:\n  fengsui referral withdraw 01KDZ5T0000000000000000000 --reason 改由他部门办理")]
    Withdraw {
        /// Id of the referral
        id: EventId,
        /// Why
        #[arg(long)]
        reason: String,
    },
    /// As the authority, name who handles a case
    #[command(
        after_help = "Example:\n  fengsui --agency joint-office referral assign 01KDZ5T0000000000000000000 --to fire --reason 指定消防主办"
    )]
    Assign {
        /// Id of the case, or of one of its referrals
        id: EventId,
        /// To whom
        #[arg(long, value_name = "CODE")]
        to: AgencyCode,
        /// In which role
        #[arg(long, value_parser = term::<ReferralRole>(), default_value = "lead")]
        role: ReferralRole,
        /// Why
        #[arg(long)]
        reason: String,
    },
}

/// Which referrals to list.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own on the command line")]
pub struct ReferralListArguments {
    /// Where the agency owes something
    #[arg(long, group = "kind")]
    pub inbox: bool,
    /// What the agency sent to others
    #[arg(long, group = "kind")]
    pub sent: bool,
    /// What the agency owes past its term
    #[arg(long, group = "kind")]
    pub overdue: bool,
    /// Of every agency, not of one desk
    #[arg(long)]
    pub everyone: bool,
    /// At most so many
    #[arg(long, value_name = "N")]
    pub limit: Option<u64>,
}

/// Feedback.
#[derive(Debug, Subcommand)]
pub enum FeedbackCommand {
    /// Tell the reporter what was done
    #[command(
        after_help = "Example:\n  fengsui --agency fire feedback submit 01KDZ5T0000000000000000000 --outcome penalised \\\n    --penalty fine --fine 5000 --decision-number 漳消行罚决字〔2026〕1号 --summary 责令改正并处罚款"
    )]
    Submit(Box<FeedbackArguments>),
    /// Take the feedback, as the reporter
    #[command(
        after_help = "Example:\n  fengsui --agency tourism feedback confirm 01KDZ5T0000000000000000000\n  fengsui --agency tourism feedback confirm --all --overdue --limit 20 --yes"
    )]
    Confirm {
        /// Id of the feedback, or of its case
        #[arg(required_unless_present_any = ["all", "from"])]
        id: Option<EventId>,
        /// With --all: only what is past its term
        #[arg(long, requires = "all")]
        overdue: bool,
        /// Many at once.
        #[command(flatten)]
        many: ManyArguments,
    },
    /// Do not take the feedback, as the reporter
    #[command(
        after_help = "Example:\n  fengsui --agency tourism feedback reject 01KDZ5T0000000000000000000 --reason 现场仍未整改"
    )]
    Reject {
        /// Id of the feedback, or of its case
        id: EventId,
        /// Why
        #[arg(long)]
        reason: String,
    },
}

/// What was done.
#[derive(Debug, Args)]
pub struct FeedbackArguments {
    /// Id of the referral, or of its case
    pub id: EventId,
    /// The result
    #[arg(long, value_parser = term::<Outcome>())]
    pub outcome: Outcome,
    /// What was done, in words
    #[arg(long)]
    pub summary: String,
    /// Day on which it was done; today when absent
    #[arg(long, value_name = "DATE")]
    pub handled_on: Option<Date>,
    /// Kind of penalty; may be repeated
    #[arg(long, value_name = "KIND", value_parser = term::<PenaltyKind>())]
    pub penalty: Vec<PenaltyKind>,
    /// The fine, in yuan
    #[arg(long, value_name = "YUAN")]
    pub fine: Option<Fen>,
    /// What was confiscated, in yuan
    #[arg(long, value_name = "YUAN")]
    pub confiscated: Option<Fen>,
    /// Number of the decision
    #[arg(long)]
    pub decision_number: Option<String>,
    /// Day of the decision; the day of handling when absent
    #[arg(long, value_name = "DATE")]
    pub decided_on: Option<Date>,
    /// A photo or document: its hash is recorded, the file goes to those who may see the case; may be repeated
    #[arg(long, value_name = "FILE")]
    pub evidence: Vec<PathBuf>,
}
