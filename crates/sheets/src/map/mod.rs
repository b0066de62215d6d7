//! The column map: which column of somebody's table is which field of a violation.

mod bind;
mod builtin;
mod check;

use std::collections::BTreeMap;
use std::path::Path;

use schemars::{JsonSchema, Schema};
use serde::{Deserialize, Serialize};

pub(crate) use bind::{BoundMap, BoundSource, Header, HeaderFault, NoHeader, find_header};

use crate::SheetError;
use crate::date::DateFormat;
use crate::money::MoneyUnit;

/// A column map, as its TOML file holds it. See `docs/import.md`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ColumnMap {
    /// Short name, shown in messages.
    pub name: String,
    /// What the map is for and what it assumes, for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// The columns that together identify a row for ever. Without any, a row is identified by its contents.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub key: Vec<KeyPart>,
    /// How the unit is identified.
    #[serde(default)]
    pub unit: UnitRule,
    /// The sources of each field, tried in order until one gives a value.
    pub field: FieldSources,
}

/// One column of the row key.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KeyPart {
    /// Headers under which the column may stand; the first one found counts.
    pub headers: Vec<String>,
    /// Whether the file may lack the column; rows are then identified by their contents.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub optional: bool,
}

/// How the text in the unit's column is to be understood.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UnitRule {
    /// `auto`: unified social credit code, 15-digit registration number or 9-character organisation code, told apart by their form.
    /// `uscc`: the unified social credit code only. `legacy`, `organisation`: that kind only.
    /// `local.NAME`: the book's own numbering.
    pub scheme: String,
}

impl Default for UnitRule {
    fn default() -> Self {
        Self { scheme: "auto".to_owned() }
    }
}

/// One way to get a field's value. Exactly one of `headers`, `join` and `constant` is given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Source {
    /// Headers under which the column may stand; the first one found counts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<String>,
    /// Headers of several columns whose texts are joined; empty cells are left out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub join: Vec<String>,
    /// Text between joined cells; ` - ` when not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub separator: Option<String>,
    /// The same value for every row, whatever the file holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub constant: Option<String>,
    /// Whether the file may lack the column.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub optional: bool,
    /// The file's words and what they mean. A word that is not listed leads to the next source; after the last one the row is
    /// refused.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub values: BTreeMap<String, String>,
    /// Whether a cell that is not in `values` may hold the value itself (such as the code `fire.60-3`).
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub codes: bool,
    /// What a word that is not in `values` means.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fallback: Option<String>,
    /// Whether a word that is not in `values` is passed over as if the cell were empty. Not for fields that a row needs.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub ignore_unknown: bool,
    /// What a date column may hold besides real date cells and year-first text.
    #[serde(skip_serializing_if = "is_default")]
    pub date: DateFormat,
    /// Unit of a column of money.
    #[serde(skip_serializing_if = "is_default")]
    pub money: MoneyUnit,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// Declares the fields once: the TOML keys, the enumeration, and what messages call them.
macro_rules! fields {
    ($($(#[$meta:meta])* $name:ident $variant:ident $zh:literal $needed:literal;)+) => {
        /// The sources of each field.
        #[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
        #[serde(default, deny_unknown_fields)]
        pub struct FieldSources {
            $($(#[$meta])* #[serde(skip_serializing_if = "Vec::is_empty")] pub $name: Vec<Source>,)+
        }

        /// A field of a violation as a table holds it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Field {
            $($(#[$meta])* $variant,)+
        }

        impl Field {
            /// Every field.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The field's name in a map.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$variant => stringify!($name),)+ }
            }

            /// The field's Chinese name.
            pub const fn name_zh(self) -> &'static str {
                match self { $(Self::$variant => $zh,)+ }
            }

            /// Whether no row is accepted without it.
            pub const fn is_needed(self) -> bool {
                match self { $(Self::$variant => $needed,)+ }
            }
        }

        impl FieldSources {
            /// The sources of a field.
            pub fn of(&self, field: Field) -> &[Source] {
                match field { $(Field::$variant => &self.$name,)+ }
            }

            /// The sources of a field, to be changed.
            pub fn of_mut(&mut self, field: Field) -> &mut Vec<Source> {
                match field { $(Field::$variant => &mut self.$name,)+ }
            }
        }
    };
}

fields! {
    /// The unit's identifier, under the scheme of `[unit]`.
    unit Unit "单位标识" true;
    /// The unit's name.
    unit_name UnitName "单位名称" false;
    /// Where the violation was found: a code of GB/T 2260, or the full name from the province on.
    region Region "行政区划" true;
    /// The address.
    address Address "地址" false;
    /// The trade, a code of GB/T 4754-2017 with or without its letter.
    trade Trade "行业代码" false;
    /// The kind of violation, a code of the rulebook.
    category Category "违法行为类别" true;
    /// How grave it is.
    severity Severity "严重程度" false;
    /// The day on which it was found.
    found_on FoundOn "发现日期" true;
    /// How it was found.
    method Method "发现方式" true;
    /// What was seen.
    facts Facts "违法事实" true;
    /// The provisions; several are parted by semicolons or line breaks.
    legal_basis LegalBasis "依据" false;
    /// The agency's own number.
    reference Reference "文号" false;
    /// `open` or `closed`, for a table that says so in a column of its own. Without it a row with a closing day is closed.
    status Status "状态" false;
    /// The day on which it was closed.
    closed_on ClosedOn "办结日期" false;
    /// What the handling agency did.
    outcome Outcome "处理结果" false;
    /// What was done, in words.
    closing_text ClosingText "处理情况" false;
    /// Number of the penalty decision.
    decision_number DecisionNumber "处罚决定文号" false;
    /// The fine.
    penalty Penalty "罚款金额" false;
    /// The case's id on the log, for a book that is reconciled.
    case_id CaseId "案件编号" false;
    /// The day on which it was dealt with, for a book that is reconciled; the closing day stands in for it.
    handled_on HandledOn "办理日期" false;
    /// The day on which the row was last changed, for a book that is reconciled.
    updated_on UpdatedOn "更新日期" false;
}

/// What a table is read for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Every row becomes a case.
    Import,
    /// Every row is held against the cases that there are.
    Book,
}

impl Purpose {
    /// Whether no row is accepted without a field.
    pub(crate) const fn needs(self, field: Field) -> bool {
        matches!(self, Self::Import) && field.is_needed()
    }
}

impl Field {
    /// Whether the field says how the row was closed. Such fields change while a row's identity stays.
    pub const fn is_of_closing(self) -> bool {
        matches!(
            self,
            Self::Status | Self::ClosedOn | Self::Outcome | Self::ClosingText | Self::DecisionNumber | Self::Penalty
        )
    }

    /// Whether only a book that is reconciled has the field. An import neither reads it nor counts it among what identifies a row.
    pub const fn is_of_book(self) -> bool {
        matches!(self, Self::CaseId | Self::HandledOn | Self::UpdatedOn)
    }
}

impl ColumnMap {
    /// Reads a map from TOML text; `place` names it in errors.
    ///
    /// # Errors
    /// [`SheetError::Map`] for text that is no map, a source that is not exactly one of column, join and constant,
    /// and a constant or value that its field cannot hold.
    pub fn from_toml(text: &str, place: &str) -> Result<Self, SheetError> {
        Self::parse(text, place, Purpose::Import)
    }

    fn parse(text: &str, place: &str, purpose: Purpose) -> Result<Self, SheetError> {
        let fault = |detail| SheetError::Map { place: place.to_owned(), detail };
        let map: Self = toml::from_str(text).map_err(|error| fault(error.to_string()))?;
        check::check(&map, purpose).map_err(fault)?;
        Ok(map)
    }

    /// Reads a map from its file.
    ///
    /// # Errors
    /// As [`ColumnMap::from_toml`], and [`SheetError::Io`].
    pub fn load(path: &Path) -> Result<Self, SheetError> {
        Self::load_for(path, Purpose::Import)
    }

    /// Reads the map of a book that is to be reconciled: no field is needed by itself, since a number, a case's id, or unit
    /// and day each find the case.
    ///
    /// # Errors
    /// As [`ColumnMap::load`].
    pub fn load_book(path: &Path) -> Result<Self, SheetError> {
        Self::load_for(path, Purpose::Book)
    }

    fn load_for(path: &Path, purpose: Purpose) -> Result<Self, SheetError> {
        let place = path.display().to_string();
        let bytes = std::fs::read(path).map_err(SheetError::io(path))?;
        let text = String::from_utf8(bytes).map_err(|_| SheetError::Map {
            place: place.clone(),
            detail: "not UTF-8 text; save it as UTF-8".to_owned(),
        })?;
        Self::parse(text.strip_prefix('\u{FEFF}').unwrap_or(&text), &place, purpose)
    }

    /// The JSON Schema of a map's file, for editors that check TOML.
    pub fn json_schema() -> Schema {
        schemars::schema_for!(Self)
    }

    /// The built-in map for tables with Chinese headers, which also knows the fields' English names as headers.
    pub fn builtin_zh() -> Self {
        builtin::zh()
    }

    /// The built-in map for books that are reconciled: the same headers, none of them required.
    pub fn builtin_book() -> Self {
        builtin::book()
    }

    /// The maps that are tried when none is given.
    pub fn builtin() -> Vec<Self> {
        vec![builtin::zh()]
    }

    /// Adds words for a field's values to each of its columns, such as the rulebook's names of its categories. Words that
    /// the map has already keep their meaning.
    pub fn add_values(&mut self, field: Field, words: impl IntoIterator<Item = (String, String)>) {
        let words: Vec<(String, String)> = words.into_iter().collect();
        for source in self.field.of_mut(field).iter_mut().filter(|source| source.constant.is_none()) {
            // From now on the column holds words; codes that it held before must still be understood.
            source.codes |= source.values.is_empty();
            for (word, meaning) in &words {
                source.values.entry(word.clone()).or_insert_with(|| meaning.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn words_of_the_rulebook_are_added_beside_the_codes() {
        let mut map = ColumnMap::builtin_zh();
        map.add_values(Field::Category, [("堵塞疏散通道".to_owned(), "fire.60-3".to_owned())]);
        let source = &map.field.category[0];
        assert_eq!((source.values["堵塞疏散通道"].as_str(), source.codes), ("fire.60-3", true));

        let own = "name = \"m\"\n[[field.category]]\nheaders = [\"c\"]\nvalues = { a = \"b.c\" }\n";
        let mut map: ColumnMap = toml::from_str(own).unwrap();
        map.add_values(Field::Category, [("a".to_owned(), "x".to_owned()), ("d".to_owned(), "e".to_owned())]);
        let source = &map.field.category[0];
        // The map's own words are stronger, and codes are accepted only if the map says so.
        assert_eq!((source.values["a"].as_str(), source.values["d"].as_str(), source.codes), ("b.c", "e", false));
    }

    #[test]
    fn the_schema_names_every_field() {
        let schema = ColumnMap::json_schema();
        let definitions = schema.get("$defs").unwrap();
        let properties = definitions.pointer("/FieldSources/properties").and_then(|found| found.as_object()).unwrap();
        let names: Vec<&str> = Field::ALL.iter().map(|field| field.code()).collect();
        assert_eq!(properties.len(), names.len());
        assert!(names.iter().all(|name| properties.contains_key(*name)));
    }
}
