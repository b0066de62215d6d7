//! Tables for people: the same columns as on the terminal, in CSV or XLSX.

use std::path::Path;

use fengsui_event::Language;
use fengsui_projector::ModelError;
use fengsui_projector::query::{AnomalyFilter, CaseFilter};
use fengsui_sheets::{Column as SheetColumn, SheetError, TableOptions, TableWriter, Value};
use serde_json::json;

use crate::arguments::work::{ExportArguments, ExportKind};
use crate::columns::{ALL_LEDGERS, ANOMALIES, CASES, UnitLine};
use crate::exit::{Exit, Failure};
use crate::output::{Column, Facts};
use crate::session::{Session, Tables};

/// Writes a table.
pub fn run(session: &Session, arguments: &ExportArguments) -> Result<Exit, Failure> {
    let tables = session.tables()?;
    let language = session.language();
    let out = &arguments.out;
    let rows = match arguments.what {
        ExportKind::Cases => {
            let mut sheet = Sheet::create(out, language.pick("案件", "Cases"), CASES, language)?;
            let read = tables.view().each_case(&CaseFilter::default(), |row| sheet.visit(&row));
            sheet.end(read)?
        }
        ExportKind::Ledger => ledger(&tables, out, language)?,
        ExportKind::Anomalies => {
            let mut sheet = Sheet::create(out, language.pick("异常", "Anomalies"), ANOMALIES, language)?;
            let read = tables.view().each_anomaly(&AnomalyFilter::default(), |row| sheet.visit(&row));
            sheet.end(read)?
        }
    };
    let output = &session.output;
    if output.json() {
        output.document(&json!({"as_of": tables.moment, "file": out.display().to_string(), "rows": rows}))?;
        return Ok(Exit::Done);
    }
    let mut facts = Facts::new();
    facts
        .add(output.say("文件", "file"), out.display())
        .add(output.say("行数", "rows"), rows)
        .add(output.say("截至位置", "as of position"), tables.moment.position)
        .add(output.say("截至日期", "as of date"), tables.moment.date)
        .show(output)?;
    Ok(Exit::Done)
}

fn ledger(tables: &Tables, out: &Path, language: Language) -> Result<u64, Failure> {
    let view = tables.view();
    let on = tables.moment.date;
    let mut sheet = Sheet::create(out, language.pick("积分账目", "Ledger"), ALL_LEDGERS, language)?;
    let read = view.each_unit(on, None, |unit| {
        view.ledger(&unit.unit, on)?
            .into_iter()
            .try_for_each(|line| sheet.visit(&UnitLine { unit: unit.unit.clone(), name: unit.name.clone(), line }))
    });
    sheet.end(read)
}

/// A table that is being written.
struct Sheet<'a, T> {
    columns: &'a [Column<T>],
    writer: TableWriter,
    language: Language,
    failure: Option<SheetError>,
}

impl<'a, T> Sheet<'a, T> {
    fn create(out: &Path, name: &str, columns: &'a [Column<T>], language: Language) -> Result<Self, Failure> {
        let titles: Vec<SheetColumn> =
            columns.iter().map(|column| SheetColumn::new(column.title(language), column.kind)).collect();
        let options = TableOptions { sheet_name: name.to_owned(), ..TableOptions::default() };
        Ok(Self { columns, writer: TableWriter::create(out, &titles, &options)?, language, failure: None })
    }

    /// Writes a row; ends the query when it cannot.
    fn visit(&mut self, row: &T) -> Result<(), ModelError> {
        let cells: Vec<Value> = self.columns.iter().map(|column| (column.value)(row, self.language)).collect();
        self.writer.write(&cells).map_err(|error| {
            self.failure = Some(error);
            ModelError::Interrupted { position: 0 }
        })
    }

    fn end(self, read: Result<(), ModelError>) -> Result<u64, Failure> {
        if let Some(error) = self.failure {
            return Err(error.into());
        }
        read?;
        Ok(self.writer.finish()?)
    }
}
