//! From a map and a header row to column positions.

use std::collections::HashMap;

use super::{ColumnMap, Field, KeyPart, Purpose, Source};
use crate::cell::Cell;
use crate::read::RawRow;
use crate::text::{header_form, value_form};

/// A map whose columns are found in one sheet.
pub(crate) struct BoundMap {
    /// Columns of the row key; empty when rows are identified by their contents.
    pub key: Vec<usize>,
    /// Each field's sources that the sheet has.
    pub fields: Vec<(Field, Vec<BoundSource>)>,
}

impl BoundMap {
    pub(crate) fn of(&self, field: Field) -> &[BoundSource] {
        self.fields.iter().find(|(found, _)| *found == field).map_or(&[], |(_, sources)| sources)
    }
}

/// A source whose columns are found.
pub(crate) struct BoundSource {
    /// Positions of the columns; none for a constant.
    pub columns: Vec<usize>,
    /// The source.
    pub source: Source,
    /// The source's value map with its words in the form in which they are compared.
    pub words: HashMap<String, String>,
}

/// Where the header is and what it says.
pub(crate) struct Header {
    /// Row of the header.
    pub row: u64,
    /// The headers' texts.
    pub texts: Vec<String>,
    /// The map, bound to them.
    pub bound: BoundMap,
}

/// Why no row is a header.
pub(crate) struct NoHeader {
    /// The row that came nearest.
    pub found: Vec<String>,
    /// What it lacks.
    pub missing: Vec<String>,
    /// How many of the map's columns it has.
    pub score: usize,
}

/// Why a row is no header under a map.
pub(crate) enum HeaderFault {
    /// Columns are missing.
    Missing(NoHeader),
    /// A header stands twice.
    Twice { header: String, first: usize, second: usize },
}

/// Finds the row that holds the most of the map's columns and all that are required; the first one when several do.
///
/// An empty cell of a header row takes the text of the row above, which is how a header merged over two rows reads.
pub(crate) fn find_header(map: &ColumnMap, rows: &[RawRow], purpose: Purpose) -> Result<Header, HeaderFault> {
    let mut best: Option<(usize, Header)> = None;
    let mut nearest: Option<NoHeader> = None;
    let mut twice = None;
    let mut above: Option<&RawRow> = None;
    for row in rows {
        let texts = header_texts(row, above.filter(|above| above.number + 1 == row.number));
        above = Some(row);
        match bind(map, &texts, purpose) {
            Ok((score, bound)) if best.as_ref().is_none_or(|(most, _)| score > *most) => {
                best = Some((score, Header { row: row.number, texts, bound }));
            }
            Err(HeaderFault::Missing(fault)) if nearest.as_ref().is_none_or(|nearest| fault.score > nearest.score) => {
                nearest = Some(fault);
            }
            Ok(_) | Err(HeaderFault::Missing(_)) => {}
            Err(fault @ HeaderFault::Twice { .. }) => twice = twice.or(Some(fault)),
        }
    }
    if let Some((_, header)) = best {
        return Ok(header);
    }
    let nothing = NoHeader { found: Vec::new(), missing: Vec::new(), score: 0 };
    Err(twice.unwrap_or_else(|| HeaderFault::Missing(nearest.unwrap_or(nothing))))
}

fn header_texts(row: &RawRow, above: Option<&RawRow>) -> Vec<String> {
    let width = row.cells.len().max(above.map_or(0, |above| above.cells.len()));
    let text = |row: &RawRow, index: usize| {
        row.cells.get(index).filter(|cell| !cell.is_blank()).map(Cell::text).map(Into::into)
    };
    let mut texts: Vec<String> = (0..width)
        .map(|index| text(row, index).or_else(|| above.and_then(|above| text(above, index))).unwrap_or_default())
        .collect();
    texts.truncate(texts.iter().rposition(|text| !text.is_empty()).map_or(0, |last| last + 1).max(row.cells.len()));
    texts
}

/// Binds a map to headers; the number is how many columns it found.
fn bind(map: &ColumnMap, headers: &[String], purpose: Purpose) -> Result<(usize, BoundMap), HeaderFault> {
    let index = HeaderIndex::new(headers);
    let mut missing = Vec::new();
    let mut score = 0;
    let mut fields = Vec::with_capacity(Field::ALL.len());
    for field in Field::ALL {
        let mut sources = Vec::new();
        let mut absent = Vec::new();
        for source in map.field.of(*field) {
            match index.columns_of(source)? {
                Some(columns) => {
                    score += columns.len();
                    sources.push(BoundSource::new(columns, source));
                }
                None => absent.push(source),
            }
        }
        let is_lacking = |source: &&Source| !source.optional || (sources.is_empty() && purpose.needs(*field));
        missing.extend(absent.into_iter().filter(is_lacking).map(|source| describe(*field, source)));
        fields.push((*field, sources));
    }
    let key = bind_key(&map.key, &index, &mut missing)?;
    if purpose == Purpose::Book && missing.is_empty() && !finds_cases(&fields) {
        missing.push("case_id | decision_number | reference | unit + found_on".to_owned());
    }
    if missing.is_empty() {
        return Ok((score, BoundMap { key, fields }));
    }
    let found = headers.iter().filter(|header| !header.is_empty()).cloned().collect();
    Err(HeaderFault::Missing(NoHeader { found, missing, score }))
}

/// Whether the columns are enough to find a row's case by.
fn finds_cases(fields: &[(Field, Vec<BoundSource>)]) -> bool {
    let has = |field: Field| fields.iter().any(|(found, sources)| *found == field && !sources.is_empty());
    has(Field::CaseId)
        || has(Field::DecisionNumber)
        || has(Field::Reference)
        || (has(Field::Unit) && has(Field::FoundOn))
}

/// A key counts only when all its parts are there.
fn bind_key(parts: &[KeyPart], index: &HeaderIndex, missing: &mut Vec<String>) -> Result<Vec<usize>, HeaderFault> {
    let mut columns = Vec::with_capacity(parts.len());
    let mut is_whole = true;
    for part in parts {
        match index.first_of(&part.headers)? {
            Some(column) => columns.push(column),
            None if part.optional => is_whole = false,
            None => missing.push(format!("key ({})", part.headers.join(" | "))),
        }
    }
    Ok(if is_whole { columns } else { Vec::new() })
}

fn describe(field: Field, source: &Source) -> String {
    let columns = if source.join.is_empty() { source.headers.join(" | ") } else { source.join.join(" + ") };
    format!("{} {} ({columns})", field.code(), field.name_zh())
}

impl BoundSource {
    fn new(columns: Vec<usize>, source: &Source) -> Self {
        let words = source.values.iter().map(|(word, meaning)| (value_form(word), meaning.clone())).collect();
        Self { columns, source: source.clone(), words }
    }
}

/// Positions of headers in the form in which they are compared.
struct HeaderIndex(HashMap<String, Vec<usize>>);

impl HeaderIndex {
    fn new(headers: &[String]) -> Self {
        let mut index: HashMap<String, Vec<usize>> = HashMap::new();
        for (column, header) in headers.iter().enumerate() {
            index.entry(header_form(header)).or_default().push(column);
        }
        Self(index)
    }

    fn column(&self, header: &str) -> Result<Option<usize>, HeaderFault> {
        match self.0.get(&header_form(header)).map(Vec::as_slice) {
            None | Some([]) => Ok(None),
            Some([column]) => Ok(Some(*column)),
            Some([first, second, ..]) => {
                Err(HeaderFault::Twice { header: header.to_owned(), first: *first, second: *second })
            }
        }
    }

    fn first_of(&self, headers: &[String]) -> Result<Option<usize>, HeaderFault> {
        for header in headers {
            if let Some(column) = self.column(header)? {
                return Ok(Some(column));
            }
        }
        Ok(None)
    }

    /// The columns of a source: none for a constant, `None` when one is missing.
    fn columns_of(&self, source: &Source) -> Result<Option<Vec<usize>>, HeaderFault> {
        if source.constant.is_some() {
            return Ok(Some(Vec::new()));
        }
        if source.join.is_empty() {
            return Ok(self.first_of(&source.headers)?.map(|column| vec![column]));
        }
        let mut columns = Vec::with_capacity(source.join.len());
        for header in &source.join {
            match self.column(header)? {
                Some(column) => columns.push(column),
                None => return Ok(None),
            }
        }
        Ok(Some(columns))
    }
}
