//! Which categories a rule is about: one code, all below a prefix, or all.

use fengsui_event::{CategoryCode, CategoryCodeError};

/// An exact category code, or a prefix that ends in `.` or `-` followed by `*`, or `*` alone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct CategoryPattern {
    text: String,
    /// Length of what must stand before the wildcard; `None` if the code must match whole.
    prefix_length: Option<usize>,
}

/// How narrow a pattern is: an exact code before every wildcard, longer prefixes before shorter ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Narrowness {
    Wildcard { prefix_length: usize },
    Exact,
}

impl CategoryPattern {
    pub(crate) fn parse(text: &str) -> Result<Self, CategoryCodeError> {
        let Some(prefix) = text.strip_suffix('*') else {
            CategoryCode::parse(text)?;
            return Ok(Self { text: text.to_owned(), prefix_length: None });
        };
        if let Some(stem) = prefix.strip_suffix(['.', '-']) {
            CategoryCode::parse(stem)?;
        } else if !prefix.is_empty() {
            // A wildcard in mid-word would let `fire.6*` catch fire.60 and fire.6 alike: refused as the stray character it is.
            CategoryCode::parse(text)?;
        }
        Ok(Self { text: text.to_owned(), prefix_length: Some(prefix.len()) })
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    pub(crate) fn matches(&self, category: &CategoryCode) -> bool {
        match self.prefix_length {
            Some(length) => category.as_str().starts_with(&self.text[..length]),
            None => category.as_str() == self.text,
        }
    }

    pub(crate) fn narrowness(&self) -> Narrowness {
        match self.prefix_length {
            Some(prefix_length) => Narrowness::Wildcard { prefix_length },
            None => Narrowness::Exact,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn patterns_match_whole_parts() {
        let check = |pattern: &str, category: &str, expected: bool| {
            let matched = CategoryPattern::parse(pattern).unwrap().matches(&CategoryCode::parse(category).unwrap());
            assert_eq!(matched, expected, "{pattern} on {category}");
        };
        check("*", "fire.60-3", true);
        check("fire.*", "fire.60-3", true);
        check("fire.*", "firework.sale", false);
        check("fire.60-*", "fire.60-3", true);
        check("fire.60-*", "fire.601-3", false);
        check("fire.60-3", "fire.60-3", true);
        check("fire.60-3", "fire.60-31", false);
    }

    #[test]
    fn wildcards_stand_only_at_the_end_of_a_part() {
        for pattern in ["", "fire.6*", "*.60", "fi*re", "fire.**", ".*", "Fire.*"] {
            assert!(CategoryPattern::parse(pattern).is_err(), "{pattern}");
        }
    }

    #[test]
    fn exact_is_narrower_than_any_wildcard() {
        let narrowness = |pattern: &str| CategoryPattern::parse(pattern).unwrap().narrowness();
        assert!(narrowness("fire.6") > narrowness("fire.60-*"));
        assert!(narrowness("fire.60-*") > narrowness("fire.*"));
        assert!(narrowness("fire.*") > narrowness("*"));
    }
}
