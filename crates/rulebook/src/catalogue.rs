//! The names that rules refer to: agencies and categories.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;
use std::str::FromStr;

use fengsui_event::{AgencyCode, CategoryCode, Language, Severity};

use crate::document::{AgencyEntry, CategoryEntry, Document};
use crate::located::Located;
use crate::pattern::CategoryPattern;
use crate::problem::Problems;
use crate::reading::Reading;

/// An agency (部门) as the rulebook names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agency {
    /// Short code.
    pub code: AgencyCode,
    /// Chinese name.
    pub name_zh: String,
    /// English name.
    pub name_en: String,
    /// Successor after a reform, or other remark.
    pub note: Option<String>,
    /// Whether it runs a node. One that does not is reached through the authority.
    pub has_node: bool,
}

impl Agency {
    /// The name in a language.
    pub fn name(&self, language: Language) -> &str {
        language.pick(&self.name_zh, &self.name_en)
    }
}

/// A kind of violation (违法行为类别).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Category {
    /// Code.
    pub code: CategoryCode,
    /// Chinese name.
    pub name_zh: String,
    /// English name.
    pub name_en: String,
    /// The provision that is violated, in Chinese.
    pub law: String,
    /// Severity that is assumed where a report names none.
    pub severity: Severity,
}

impl Category {
    /// The name in a language.
    pub fn name(&self, language: Language) -> &str {
        language.pick(&self.name_zh, &self.name_en)
    }
}

/// The names, for the checks of everything that refers to them.
#[derive(Debug)]
pub(crate) struct Catalogue {
    pub(crate) agencies: BTreeMap<AgencyCode, Agency>,
    pub(crate) categories: BTreeMap<CategoryCode, Category>,
    agencies_complete: bool,
    categories_complete: bool,
}

impl Catalogue {
    pub(crate) fn build(reading: &Reading, problems: &mut Problems<'_>) -> Self {
        let Document { agency, category, .. } = &reading.document;
        let agencies = index(agency, |entry| &entry.code, build_agency, problems);
        let categories = index(category, |entry| &entry.code, build_category, problems);
        Self {
            agencies_complete: reading.is_complete("agency") && agencies.len() == agency.len(),
            categories_complete: reading.is_complete("category") && categories.len() == category.len(),
            agencies,
            categories,
        }
    }

    /// The agency of that code, if the rulebook has it.
    pub(crate) fn agency(&self, code: &Located<String>, problems: &mut Problems<'_>) -> Option<AgencyCode> {
        let parsed: AgencyCode = parse(code, "the code of an agency", problems)?;
        if !self.agencies.contains_key(&parsed) && self.agencies_complete {
            let known: Vec<&str> = self.agencies.keys().map(AgencyCode::as_str).collect();
            problems.report(
                code.span(),
                format!("`{parsed}` is not an agency of this rulebook"),
                format!("one of {}", known.join(", ")),
                "correct the code or add an [[agency]]",
            );
        }
        Some(parsed)
    }

    /// A pattern that matches at least one category.
    pub(crate) fn pattern(&self, text: &Located<String>, problems: &mut Problems<'_>) -> Option<CategoryPattern> {
        let pattern = match CategoryPattern::parse(text) {
            Ok(pattern) => pattern,
            Err(error) => {
                let expected = "an exact code such as fire.60-3, a prefix such as fire.60-* or fire.*, or *";
                problems.report(text.span(), error.to_string(), expected, "correct the category");
                return None;
            }
        };
        if self.categories_complete && !self.categories.keys().any(|code| pattern.matches(code)) {
            problems.report(
                text.span(),
                format!("`{}` matches no category of this rulebook", **text),
                "the code or prefix of a [[category]]",
                "correct it or add the category",
            );
        }
        Some(pattern)
    }
}

/// The value of a text, or a problem at its place.
pub(crate) fn parse<T>(text: &Located<String>, expected: &str, problems: &mut Problems<'_>) -> Option<T>
where
    T: FromStr<Err: fmt::Display>,
{
    match text.parse() {
        Ok(value) => Some(value),
        Err(error) => {
            problems.report(text.span(), error.to_string(), expected, "correct the value");
            None
        }
    }
}

/// A text that says something.
pub(crate) fn filled(text: &Located<String>, what: &str, problems: &mut Problems<'_>) -> String {
    if text.trim().is_empty() {
        problems.report(
            text.span(),
            format!("the {what} is empty"),
            "a text",
            "name the provision or the local decision",
        );
    }
    (**text).clone()
}

fn index<E, K: Ord, V>(
    entries: &[E],
    code: impl Fn(&E) -> &Located<String>,
    build: impl Fn(&E, &mut Problems<'_>) -> Option<(K, V)>,
    problems: &mut Problems<'_>,
) -> BTreeMap<K, V> {
    let mut indexed = BTreeMap::new();
    for entry in entries {
        let Some((key, value)) = build(entry, problems) else {
            continue;
        };
        match indexed.entry(key) {
            Entry::Vacant(vacant) => {
                vacant.insert(value);
            }
            Entry::Occupied(_) => duplicate(code(entry), "code", problems),
        }
    }
    indexed
}

/// Reports that a name stands for two things.
pub(crate) fn duplicate(text: &Located<String>, what: &str, problems: &mut Problems<'_>) {
    problems.report(
        text.span(),
        format!("the {what} `{}` is given twice", **text),
        format!("each {what} once"),
        "rename or remove one of the two",
    );
}

fn build_agency(entry: &AgencyEntry, problems: &mut Problems<'_>) -> Option<(AgencyCode, Agency)> {
    let code = parse(&entry.code, "the code of an agency", problems)?;
    let agency = Agency {
        code,
        name_zh: entry.name_zh.clone(),
        name_en: entry.name_en.clone(),
        note: entry.note.clone(),
        has_node: entry.node,
    };
    Some((code, agency))
}

fn build_category(entry: &CategoryEntry, problems: &mut Problems<'_>) -> Option<(CategoryCode, Category)> {
    let severity = parse(&entry.severity, "a severity", problems);
    let law = filled(&entry.law, "provision", problems);
    let code: CategoryCode = parse(&entry.code, "the code of a category", problems)?;
    let category = Category {
        code: code.clone(),
        name_zh: entry.name_zh.clone(),
        name_en: entry.name_en.clone(),
        law,
        severity: severity?,
    };
    Some((code, category))
}
