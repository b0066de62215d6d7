//! The identity of a row: what must stay the same when the same row is read again, from the same file or mended.

use crate::map::Field;
use crate::problem::Reason;
use crate::record::ViolationRecord;
use crate::text::value_form;

use super::lookup::RowView;
use super::value::ValueFault;

/// How the rows of a sheet are identified.
pub(crate) enum KeyPlan<'a> {
    /// By these columns.
    Columns(&'a [usize]),
    /// By what the row says.
    Contents,
}

/// A row's identity before it is compared with other rows.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum RowKey {
    /// From key columns: no two rows may share it.
    Columns(String),
    /// From the contents: identical rows are numbered.
    Contents(String),
    /// The row is refused before its identity is known.
    Unknown,
}

impl RowView<'_> {
    /// The key columns' values; a blank one is a problem.
    pub(crate) fn column_key(&mut self, columns: &[usize]) -> RowKey {
        let blank: Vec<usize> = columns.iter().copied().filter(|column| self.cell(*column).is_blank()).collect();
        for column in &blank {
            self.problem(
                Some(*column),
                ValueFault::new(
                    Reason::Missing,
                    "缺少编号，无法识别这一行",
                    "the row's key is missing, so the row cannot be told from others",
                ),
            );
        }
        if !blank.is_empty() {
            return RowKey::Unknown;
        }
        RowKey::Columns(join(columns.iter().map(|column| value_form(&self.cell(*column).text()))))
    }

    /// What the row says, apart from how it was closed: a row keeps its identity when it is closed later.
    /// Unit and day enter in their canonical form, so that mending how they are written changes nothing.
    pub(crate) fn contents_key(&mut self, record: &ViolationRecord) -> RowKey {
        let mut parts = vec![record.unit.to_string(), record.found_on.to_string()];
        let plan = self.plan;
        for field in Field::ALL {
            if field.is_of_closing() || field.is_of_book() || matches!(field, Field::Unit | Field::FoundOn) {
                continue;
            }
            // A constant says nothing about the row, and may change with the map.
            let columns = plan.bound().of(*field).iter().flat_map(|source| source.columns.iter().copied());
            let texts: Vec<String> =
                columns.map(|column| value_form(&self.cell(column).text())).filter(|text| !text.is_empty()).collect();
            parts.push(join(texts.into_iter()));
        }
        RowKey::Contents(join(parts.into_iter()))
    }
}

/// Joined so that different parts never give the same text.
fn join(parts: impl Iterator<Item = String>) -> String {
    parts.map(|part| part.replace('\\', "\\\\").replace('|', "\\|")).collect::<Vec<_>>().join("|")
}

#[cfg(test)]
mod tests {
    use super::join;

    #[test]
    fn parts_never_run_into_each_other() {
        let key = |parts: &[&str]| join(parts.iter().map(|part| (*part).to_owned()));
        assert_eq!(key(&["214351"]), "214351");
        assert_ne!(key(&["a|b", "c"]), key(&["a", "b|c"]));
        assert_ne!(key(&["a\\", "b"]), key(&["a\\|b"]));
        assert_ne!(key(&["a", ""]), key(&["a"]));
    }
}
