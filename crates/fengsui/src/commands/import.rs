//! Importing an agency's own table.

use std::ops::ControlFlow;

use fengsui_node::Accepted;
use fengsui_node::import::{ImportError, ImportOptions, ImportSummary, ImportWatcher, RowOutcome, RowResult, import};
use fengsui_sheets::ReadOptions;
use serde_json::{Value, json};

use crate::arguments::work::ImportArguments;
use crate::exit::{Exit, Failure};
use crate::interrupt;
use crate::output::{Bar, Facts, Output};
use crate::session::Session;

impl From<ImportError> for Failure {
    fn from(error: ImportError) -> Self {
        match error {
            ImportError::Sheet(error) => Self::Sheet(error),
            ImportError::Node(error) => Self::Node(error),
        }
    }
}

/// Imports a table.
pub fn run(session: &Session, arguments: &ImportArguments) -> Result<Exit, Failure> {
    let mut node = session.node()?;
    let agency = session.actor(node.folder())?;
    let ImportArguments { file, map, encoding, sheet, dry_run } = arguments;
    let options = ImportOptions {
        map: map.clone(),
        reading: ReadOptions { encoding: encoding.clone(), sheet: sheet.clone(), ..ReadOptions::default() },
        dry_run: *dry_run,
        language: session.language(),
    };
    interrupt::watch();
    let bar = Bar::with_lines(session.output.look(), "导入", "Importing");
    let mut watcher = Watching { output: &session.output, bar, failure: None };
    let Accepted { result: summary, waits } = import(&mut node, agency, file, &options, session.now, &mut watcher)
        .inspect_err(|error| {
            if matches!(error, ImportError::Node(_)) {
                say_how_to_go_on(&session.output);
            }
        })?;
    let failure = watcher.failure.take();
    drop(watcher);
    if let Some(failure) = failure {
        return Err(failure);
    }
    tell(session, &summary);
    show(session, &summary)?;
    if let Some(reason) = &summary.broken_off {
        return Err(Failure::failed(
            "broken_off",
            format!("文件未能读完，此前的行已处理：{reason}"),
            format!("the file could be read no further; the rows before are done: {reason}"),
        ));
    }
    if summary.interrupted {
        return Err(Failure::Interrupted);
    }
    if summary.stopped_waiting {
        say_how_to_go_on(&session.output);
    }
    if let Some(error) = waits {
        return Err(error.into());
    }
    Ok(if summary.refused > 0 { Exit::Partial } else { Exit::Done })
}

/// An import that the node broke off is simply run again, also where a single command is not to be repeated.
fn say_how_to_go_on(output: &Output) {
    output.note(
        "导入中断；排除故障后再次运行同一导入，即从中断处继续",
        "the import was broken off; run the same import again once this is mended: it goes on where it stopped",
    );
}

struct Watching<'a> {
    output: &'a Output,
    bar: Bar,
    failure: Option<Failure>,
}

impl ImportWatcher for Watching<'_> {
    fn row(&mut self, outcome: &RowOutcome) {
        if self.output.json() && self.failure.is_none() {
            self.failure = self.output.line(&row(outcome).to_string()).err();
        }
    }

    fn progress(&mut self, rows: u64, bytes: Option<(u64, u64)>) -> ControlFlow<()> {
        if self.failure.is_none() {
            self.failure = self.output.flush().err();
        }
        // Nobody reads the results any more; what was done is kept.
        if self.failure.is_some() {
            return ControlFlow::Break(());
        }
        let (done, total) = bytes.unwrap_or((rows, rows));
        self.bar.at(done, total)
    }
}

fn row(outcome: &RowOutcome) -> Value {
    let at = json!({"sheet": outcome.at.sheet, "row": outcome.at.row});
    match &outcome.result {
        RowResult::New { case, lead, closed } => {
            json!({"type": "row", "at": at, "result": "new", "case": case, "lead": lead, "closed": closed})
        }
        RowResult::Already { case, closed_now, closing_left } => json!({
            "type": "row", "at": at, "result": "already", "case": case, "closed_now": closed_now,
            "closing_left": closing_left,
        }),
        RowResult::Refused { reasons } => json!({"type": "row", "at": at, "result": "refused", "reasons": reasons}),
    }
}

fn tell(session: &Session, summary: &ImportSummary) {
    let output = &session.output;
    if let Some(encoding) = &summary.encoding {
        output.note(format!("编码：{encoding}"), format!("encoding: {encoding}"));
    }
    output.note(format!("列对应：{}", summary.map), format!("column map: {}", summary.map));
    for (sheet, missing) in &summary.skipped_sheets {
        let missing = missing.join("; ");
        output.note(
            format!("跳过工作表“{sheet}”，缺少列：{missing}"),
            format!("sheet {sheet:?} was passed over; it lacks: {missing}"),
        );
    }
    for (kind, count) in &summary.notes {
        output.note(format!("{kind}：{count} 处"), format!("{kind}: {count}"));
    }
}

fn show(session: &Session, summary: &ImportSummary) -> Result<(), Failure> {
    let output = &session.output;
    if output.json() {
        return output.json_line(&json!({"type": "summary", "import": summary}));
    }
    let mut facts = Facts::new();
    facts
        .add(output.say("读取行数", "rows read"), summary.rows)
        .add(output.say("新案件", "new cases"), summary.new_cases)
        .add(output.say("此前已有", "already there"), summary.already)
        .add(output.say("其中已销案", "closed"), summary.closed)
        .add(output.say("未录入", "refused"), summary.refused);
    if summary.closing_left > 0 {
        facts.add(output.say("待主办部门销案", "closing left to the handler"), summary.closing_left);
    }
    for (lead, count) in &summary.leads {
        facts.add(output.say("抄送", "forwarded to"), format!("{lead} {count}"));
    }
    if summary.undecided > 0 {
        facts.add(output.say("待指定管辖", "left to the authority"), summary.undecided);
    }
    for (reason, count) in &summary.refused_by_reason {
        facts.add(output.say("未录入原因", "refused because"), format!("{reason} {count}"));
    }
    if let Some(path) = &summary.refused_file {
        facts.add(output.say("未录入的行", "refused rows"), path.display());
    }
    facts.show(output)?;
    if summary.dry_run {
        output.note("仅为试运行，未作任何更改", "this was a trial: nothing was changed");
    }
    Ok(())
}
