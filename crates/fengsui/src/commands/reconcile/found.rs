//! What a reconciliation has found, for people and for scripts.

use fengsui_event::payload::ClassCount;
use fengsui_event::{CaseId, Language, ReconciliationClass, UnitId};
use fengsui_node::reconcile::Recorded;
use fengsui_projector::reconcile::{Difference, Doubt, Finding, Item, MatchedBy, Newer, Since};
use fengsui_sheets::{ColumnKind, Value as Cell};
use serde::Serialize;
use serde_json::{Value, json};

use super::Compared;
use crate::arguments::reconcile::ReconcileArguments;
use crate::exit::Failure;
use crate::output::{Column, Facts, Listing, Output, show_rows};
use crate::session::Session;
use crate::text::term;

/// A row, a case, or both, as a line of the list.
#[derive(Debug, Serialize)]
struct Line {
    #[serde(rename = "type")]
    kind: &'static str,
    class: ReconciliationClass,
    /// Where the row stands.
    row: Option<RowPlace>,
    case: Option<CaseId>,
    unit: Option<UnitId>,
    name: Option<String>,
    matched_by: Option<MatchedBy>,
    findings: Vec<Value>,
    #[serde(skip)]
    told: [String; 2],
}

#[derive(Clone, Debug, Serialize)]
struct RowPlace {
    sheet: Option<String>,
    row: u32,
}

impl RowPlace {
    fn of(compared: &Compared, row: u32) -> Self {
        let row = &compared.book.rows[row as usize];
        Self { sheet: compared.book.sheets.get(&row.sheet).cloned(), row: row.number }
    }
}

impl std::fmt::Display for RowPlace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.sheet {
            Some(sheet) => write!(f, "{sheet}!{}", self.row),
            None => write!(f, "{}", self.row),
        }
    }
}

const COLUMNS: &[Column<Line>] = &[
    Column::new("结果", "class", ColumnKind::Text, |line, language| Cell::Text(line.class.name(language).to_owned())),
    Column::new("台账行", "row", ColumnKind::Text, |line, _| some(line.row.as_ref())),
    Column::new("案件", "case", ColumnKind::Text, |line, _| some(line.case)),
    Column::new("单位", "unit", ColumnKind::Text, |line, _| some(line.name.as_ref())),
    Column::new("说明", "what was found", ColumnKind::Text, |line, language| {
        let [zh, en] = &line.told;
        Cell::Text(language.pick(zh, en).clone())
    }),
];

const BALANCE: &[Column<(Option<ReconciliationClass>, u64, u64)>] = &[
    Column::new("结果", "class", ColumnKind::Text, |(class, ..), language| {
        let total = language.pick("合计", "total");
        Cell::Text(class.map_or(total, |class| class.name(language)).to_owned())
    }),
    Column::new("台账行", "rows", ColumnKind::Integer, |(_, rows, _), _| integer(*rows)),
    Column::new("案件", "cases", ColumnKind::Integer, |(_, _, cases), _| integer(*cases)),
];

fn some(value: Option<impl std::fmt::Display>) -> Cell {
    value.map_or(Cell::Empty, |value| Cell::Text(value.to_string()))
}

fn integer(value: u64) -> Cell {
    Cell::Integer(i64::try_from(value).unwrap_or(i64::MAX))
}

/// Shows what was found, the balance, and what changed since the reconciliation before.
pub(super) fn show(
    session: &Session,
    arguments: &ReconcileArguments,
    compared: &Compared,
    recorded: Option<&Recorded>,
) -> Result<(), Failure> {
    let output = &session.output;
    let items = &compared.outcome.items;
    let shown = items.iter().filter(|item| item.class != ReconciliationClass::Released);
    let shown = shown.take(arguments.limit.unwrap_or(usize::MAX)).map(|item| line(compared, item));
    if output.json() {
        for line in shown {
            output.json_line(&line)?;
        }
        return output.json_line(&summary(compared, recorded));
    }
    let mut shown = shown.peekable();
    if shown.peek().is_none() {
        output.line(output.say("台账与平台相符", "the book and the log agree"))?;
    } else {
        let mut listing = Listing::begin(output, "items", None, COLUMNS)?;
        for line in shown {
            listing.row(&line)?;
        }
        listing.end(Ok(()))?;
    }
    output.line("")?;
    balance(output, compared)?;
    if let Some(since) = recorded.and_then(|recorded| recorded.since.as_ref()) {
        changes(output, since)?;
    }
    remarks(session, arguments, compared, recorded);
    Ok(())
}

fn balance(output: &Output, compared: &Compared) -> Result<(), Failure> {
    let balance = &compared.outcome.balance;
    let rows = balance.classes.iter().map(|ClassCount { class, rows, cases }| (Some(*class), *rows, *cases));
    let rows: Vec<_> = rows.chain([(None, balance.rows, balance.cases)]).collect();
    show_rows(output, BALANCE, &rows)
}

fn changes(output: &Output, since: &Since) -> Result<(), Failure> {
    output.heading(output.say("自上次对账以来", "Since the reconciliation before"))?;
    let language = output.language();
    let mut facts = Facts::new();
    for (class, count) in &since.settled {
        facts.add(output.say("已了结", "settled"), format!("{} {count}", class.name(language)));
    }
    for (class, count) in &since.new {
        facts.add(output.say("新出现", "new"), format!("{} {count}", class.name(language)));
    }
    for (from, to, count) in &since.moved {
        let words = format!("{} → {} {count}", from.name(language), to.name(language));
        facts.add(output.say("有变化", "moved"), words);
    }
    facts.add(output.say("未变", "as before"), since.same);
    facts.show(output)
}

fn remarks(session: &Session, arguments: &ReconcileArguments, compared: &Compared, recorded: Option<&Recorded>) {
    let output = &session.output;
    if let Some(path) = &compared.book.refused_file {
        let path = path.display();
        output.note(format!("未能读取的行：{path}"), format!("refused rows: {path}"));
    }
    match recorded {
        None => output.note("仅作比较，未记录", "compared only; nothing was recorded"),
        Some(Recorded { event, is_new: true, .. }) => {
            output.note(format!("对账已记录：{event}"), format!("recorded on the log: {event}"));
        }
        Some(Recorded { event, .. }) => output.note(
            format!("与上次对账相同，未再记录：{event}"),
            format!("the same as the reconciliation before, so not recorded again: {event}"),
        ),
    }
    if recorded.is_some() && arguments.propose.is_none() && !compared.outcome.balance.is_clean() {
        output.note(
            "加 --propose 文件 可写出了结差异的命令",
            "with --propose FILE the commands that settle this are written",
        );
    }
}

fn summary(compared: &Compared, recorded: Option<&Recorded>) -> Value {
    let Compared { agency, book, outcome, .. } = compared;
    json!({
        "type": "summary",
        "agency": agency,
        "sha256": book.sha256,
        "map": book.map,
        "encoding": book.encoding,
        "balance": outcome.balance,
        "refused_by_reason": book.refused_by_reason,
        "refused_file": book.refused_file,
        "reconciliation": recorded.map(|recorded| recorded.event),
        "recorded": recorded.is_some_and(|recorded| recorded.is_new),
        "since": recorded.and_then(|recorded| recorded.since.as_ref()),
    })
}

fn line(compared: &Compared, item: &Item) -> Line {
    let row = item.row.map(|row| &compared.book.rows[row as usize]);
    let case = item.case.map(|case| &compared.cases[case as usize]);
    let told = [Language::Zh, Language::En].map(|language| {
        let told = item.findings.iter().map(|finding| words(compared, finding, item.class, language));
        told.filter(|words| !words.is_empty()).collect::<Vec<_>>().join(language.pick("；", "; "))
    });
    Line {
        kind: "row",
        class: item.class,
        row: item.row.map(|row| RowPlace::of(compared, row)),
        case: case.map(|case| case.id),
        unit: case.map(|case| case.unit.clone()).or_else(|| row.and_then(|row| row.unit.clone())),
        name: case
            .map(|case| case.name.to_string())
            .or_else(|| row.and_then(|row| row.name.as_deref().map(Into::into))),
        matched_by: item.by,
        findings: item.findings.iter().map(|finding| as_json(compared, finding)).collect(),
        told,
    }
}

/// A finding for scripts. A row is named by where it stands.
fn as_json(compared: &Compared, finding: &Finding) -> Value {
    if let Finding::DuplicateRow { of } = finding {
        return json!({"finding": "duplicate_row", "of": RowPlace::of(compared, *of)});
    }
    json!(finding)
}

/// What a finding says beyond its class; the other findings are named.
fn words(compared: &Compared, finding: &Finding, class: ReconciliationClass, language: Language) -> String {
    match finding {
        Finding::Different { differences } => {
            differences.iter().map(|it| difference(it, language)).collect::<Vec<_>>().join(language.pick("；", "; "))
        }
        Finding::Ambiguous { doubt, candidates } => {
            let list: Vec<String> = candidates.iter().map(|it| format!("{} ({})", it.case, it.score)).collect();
            format!("{} {}", reason(*doubt, language), list.join(", ")).trim_end().to_owned()
        }
        Finding::DuplicateRow { of } => {
            let of = RowPlace::of(compared, *of);
            language.pick(format!("同第 {of} 行"), format!("says what row {of} says"))
        }
        Finding::DuplicateCase { of } => language.pick(format!("同案件 {of}"), format!("says what case {of} says")),
        Finding::Late { owed, due_on } => format!("{} {due_on}", owed.name(language)),
        other if other.class() == class => String::new(),
        other => other.class().name(language).to_owned(),
    }
}

fn difference(difference: &Difference, language: Language) -> String {
    let Difference { field, here, there, newer } = difference;
    let shown = |value: &str| if *field == "status" { term(value, language) } else { value.to_owned() };
    let newer = match newer {
        Newer::Here => language.pick("，平台较新", ", the log is newer"),
        Newer::There => language.pick("，台账较新", ", the book is newer"),
        Newer::Unknown => "",
    };
    let (here, there) = (shown(here), shown(there));
    let field = fengsui_sheets::Field::ALL
        .iter()
        .find(|it| it.code() == *field)
        .map_or(*field, |it| language.pick(it.name_zh(), it.code()));
    language
        .pick(format!("{field}：平台 {here}，台账 {there}{newer}"), format!("{field}: log {here}, book {there}{newer}"))
}

fn reason(doubt: Doubt, language: Language) -> &'static str {
    match doubt {
        Doubt::NumberAgainstId => {
            language.pick("文号与案件编号指向不同案件：", "its number and its id name different cases:")
        }
        Doubt::SameNumber => language.pick("文号相同，无法区分：", "the same number, and nothing to tell them apart:"),
        Doubt::SameCaseId => {
            language.pick("案件编号相同，无法区分：", "the same case id, and nothing to tell them apart:")
        }
        Doubt::SameScore => language.pick("同样相近：", "these fit about as well:"),
    }
}
