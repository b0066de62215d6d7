//! The commands that would settle what was found, as words of the command line, each with its reason.

use fengsui_event::{
    CategoryCode, Date, DeadlineKind, FindingMethod, Language, Outcome as Result, RegionCode, Severity, TradeCode,
    UnitId,
};

use super::case::LogCase;
use super::classify::{Difference, Finding, Item, Newer};
use super::row::BookRow;
use crate::state::CaseStatus;

/// What a row says beyond [`BookRow`]; read again for the few rows that need it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reported {
    /// The unit's trade.
    pub trade: Option<TradeCode>,
    /// How grave.
    pub severity: Option<Severity>,
    /// How it was found.
    pub method: Option<FindingMethod>,
    /// What was seen.
    pub facts: Option<String>,
    /// What was done, in words.
    pub closing_text: Option<String>,
}

/// What is proposed about an item: commands, or only why there is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// Words of one command each, in the order in which they must run.
    pub commands: Vec<Vec<String>>,
    /// Why, in Chinese.
    pub reason_zh: String,
    /// Why, in English.
    pub reason_en: String,
}

impl Proposal {
    /// Why, in a language.
    #[must_use]
    pub fn reason(&self, language: Language) -> &str {
        language.pick(&self.reason_zh, &self.reason_en)
    }

    fn new(commands: Vec<Vec<String>>, zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self { commands, reason_zh: zh.into(), reason_en: en.into() }
    }
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// What would settle an item, finding by finding.
#[must_use]
pub fn propose(item: &Item, rows: &[BookRow], cases: &[LogCase], reported: &Reported) -> Vec<Proposal> {
    let row = item.row.map(|row| &rows[row as usize]);
    let case = item.case.map(|case| &cases[case as usize]);
    item.findings.iter().filter_map(|finding| of_finding(finding, row, case, reported)).collect()
}

fn of_finding(
    finding: &Finding,
    row: Option<&BookRow>,
    case: Option<&LogCase>,
    reported: &Reported,
) -> Option<Proposal> {
    Some(match (finding, row, case) {
        (Finding::MissingHere, Some(row), _) => report(row, reported),
        (Finding::Different { differences }, _, Some(case)) => amend(differences, case),
        (Finding::HandledNotFedBack, Some(row), Some(case)) => feed_back(row, case, reported),
        (Finding::FedBackNotConfirmed, _, Some(case)) if case.is_reporter => Proposal::new(
            vec![words(&["feedback", "confirm", &case.id.to_string()])],
            "已反馈，待本部门确认",
            "fed back; this agency must confirm",
        ),
        (Finding::FedBackNotConfirmed, ..) => {
            Proposal::new(Vec::new(), "已反馈，待发现部门确认", "fed back; whoever found it must confirm")
        }
        (Finding::ConfirmedStillOpen, _, Some(case)) => close(case),
        (Finding::Late { owed: DeadlineKind::Acknowledge, due_on }, _, Some(case)) => acknowledge(case, *due_on),
        (Finding::Late { owed, due_on }, ..) => Proposal::new(
            Vec::new(),
            format!("{}为 {due_on}，已逾期", owed.name_zh()),
            format!("{} on {due_on}, which has passed", owed.name_en()),
        ),
        (Finding::DuplicateCase { of }, _, Some(case)) => duplicate(case, &of.to_string()),
        (Finding::MissingThere, ..) => {
            Proposal::new(Vec::new(), "台账中没有，请补登", "not in the book: enter it there")
        }
        (Finding::ReturnedUnassigned, ..) => Proposal::new(
            Vec::new(),
            "已退回，待联席会议办公室指定",
            "returned; the authority must name who handles it",
        ),
        (Finding::DuplicateRow { .. }, ..) => {
            Proposal::new(Vec::new(), "台账中重复，请删去一行", "twice in the book: strike one row")
        }
        (Finding::Ambiguous { .. }, ..) => Proposal::new(
            Vec::new(),
            "无法确定是哪一案，请在台账中填写案件编号",
            "cannot be told: write the case's id into the book",
        ),
        _ => return None,
    })
}

fn report(row: &BookRow, reported: &Reported) -> Proposal {
    let given = [
        (row.unit.is_none(), "unit"),
        (row.found_on.is_none(), "found_on"),
        (row.category.is_none(), "category"),
        (reported.facts.is_none(), "facts"),
    ];
    let lacking: Vec<&str> = given.into_iter().filter(|(lacks, _)| *lacks).map(|(_, field)| field).collect();
    if !lacking.is_empty() {
        let list = lacking.join(", ");
        return Proposal::new(
            Vec::new(),
            format!("平台上没有；台账缺少 {list}，无法代为录入"),
            format!("not on the log; the book lacks {list}, so it cannot be reported from it"),
        );
    }
    let mut command = words(&["violation", "report"]);
    let mut option = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            command.extend([format!("--{name}"), value]);
        }
    };
    option("unit", row.unit.as_ref().map(UnitId::to_string));
    option("name", row.name.as_deref().map(str::to_owned));
    option("region", row.region.as_ref().map(RegionCode::to_string));
    option("address", row.address.as_deref().map(str::to_owned));
    option("trade", reported.trade.as_ref().map(TradeCode::to_string));
    option("category", row.category.as_ref().map(CategoryCode::to_string));
    option("severity", reported.severity.map(|severity| severity.code().to_owned()));
    option("found-on", row.found_on.map(|on| on.to_string()));
    option("method", reported.method.map(|method| method.code().to_owned()));
    option("facts", reported.facts.clone());
    option("reference", row.reference.as_deref().or(row.decision.as_deref()).map(str::to_owned));
    Proposal::new(vec![command], "台账中有，平台上没有", "in the book, not on the log")
}

/// Corrects what the agency itself reported, where the book is not known to be the older one.
fn amend(differences: &[Difference], case: &LogCase) -> Proposal {
    let amendable = |difference: &&Difference| {
        let option = matches!(difference.field, "category" | "region" | "address" | "found_on");
        option && difference.newer != Newer::Here
    };
    let (to_amend, rest): (Vec<&Difference>, Vec<&Difference>) = differences.iter().partition(amendable);
    let told = |of: &[&Difference], here: &str, there: &str| {
        let one = |it: &&Difference| format!("{}: {here} {} / {there} {}", it.field, it.here, it.there);
        of.iter().map(one).collect::<Vec<_>>().join("; ")
    };
    let all: Vec<&Difference> = differences.iter().collect();
    let (zh, en) = (told(&all, "平台", "台账"), told(&all, "log", "book"));
    if to_amend.is_empty() || !case.is_reporter || case.status != CaseStatus::Open {
        return Proposal::new(
            Vec::new(),
            format!("{zh}；请核对，必要时改台账"),
            format!("{en}; look which is right, and mend the book where it is not"),
        );
    }
    let mut command = words(&["violation", "amend", &case.id.to_string(), "--reason", "与本部门台账核对后更正"]);
    for difference in to_amend {
        command.extend([format!("--{}", difference.field.replace('_', "-")), difference.there.clone()]);
    }
    let left = if rest.is_empty() { ("", "") } else { ("；其余请核对", "; look at the others yourself") };
    Proposal::new(vec![command], format!("{zh}{}", left.0), format!("{en}{}", left.1))
}

fn feed_back(row: &BookRow, case: &LogCase, reported: &Reported) -> Proposal {
    let none = |zh: &str, en: &str| {
        Proposal::new(Vec::new(), format!("台账已办，未反馈；{zh}"), format!("handled, not fed back; {en}"))
    };
    let (Some(outcome), Some(handled_on)) = (row.outcome, row.handled_on) else {
        return none("台账缺少处理结果或日期", "the book lacks the result or the day");
    };
    let fine = row.fine.filter(|fine| fine.fen() > 0);
    if outcome == Result::Penalised && fine.is_none() {
        return none("台账未写明处罚种类，请自行反馈", "the book does not say which penalty: feed back by hand");
    }
    let id = case.id.to_string();
    let mut commands = Vec::new();
    if case.standing.owes_acknowledgement {
        commands.push(words(&["referral", "acknowledge", &id]));
    }
    let mut command = words(&["feedback", "submit", &id, "--outcome", outcome.code()]);
    command.extend(["--handled-on".to_owned(), handled_on.to_string()]);
    let summary = reported.closing_text.clone().unwrap_or_else(|| outcome.name_zh().to_owned());
    command.extend(["--summary".to_owned(), summary]);
    if let Some(fine) = fine.filter(|_| outcome == Result::Penalised) {
        command.extend(["--fine".to_owned(), fine.to_string()]);
        command
            .extend(row.decision.as_deref().into_iter().flat_map(|it| ["--decision-number".to_owned(), it.to_owned()]));
    }
    commands.push(command);
    Proposal::new(commands, format!("台账 {handled_on} 已办，未反馈"), format!("handled on {handled_on}, not fed back"))
}

fn close(case: &LogCase) -> Proposal {
    let outcome = case.handled.as_ref().map(|handled| handled.outcome);
    let ground = match outcome {
        Some(Result::NoViolation) => Some("no_violation"),
        Some(Result::MovedToJudiciary) => Some("moved_to_judiciary"),
        _ if case.standing.rectified => Some("rectified"),
        _ => None,
    };
    match ground.filter(|_| case.standing.leads) {
        Some(ground) => Proposal::new(
            vec![words(&["case", "close", &case.id.to_string(), "--ground", ground])],
            "反馈已确认，可以销案",
            "the feedback is confirmed: the case can be closed",
        ),
        None if case.standing.leads => Proposal::new(
            Vec::new(),
            "反馈已确认，隐患尚未复查消除",
            "the feedback is confirmed; the hazard is not known to be gone: inspect again",
        ),
        None => Proposal::new(
            Vec::new(),
            "反馈已确认，待主办部门销案",
            "the feedback is confirmed; the lead must close the case",
        ),
    }
}

fn acknowledge(case: &LogCase, due_on: Date) -> Proposal {
    let (zh, en) = (format!("应于 {due_on} 前签收"), format!("was to be acknowledged by {due_on}"));
    Proposal::new(vec![words(&["referral", "acknowledge", &case.id.to_string()])], zh, en)
}

fn duplicate(case: &LogCase, of: &str) -> Proposal {
    let (zh, en) = (format!("与 {of} 为同一违法行为"), format!("the same violation as {of}"));
    if !case.standing.leads || case.status != CaseStatus::Open {
        return Proposal::new(Vec::new(), format!("{zh}；待主办部门销案"), format!("{en}; the lead must close it"));
    }
    let command = words(&["case", "close", &case.id.to_string(), "--ground", "duplicate", "--duplicate-of", of]);
    Proposal::new(vec![command], zh, en)
}
