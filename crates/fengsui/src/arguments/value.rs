//! Values of the command line that need more than one type's own text form.

use std::ffi::OsStr;
use std::str::FromStr;

use clap::builder::{PossibleValue, StringValueParser, TypedValueParser};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use fengsui_event::{
    ClosingGround, FindingMethod, Language, ObjectionDecision, Outcome, PenaltyKind, ReferralRole, Severity, UnitId,
    UnitIdError,
};
use fengsui_projector::state::CaseStatus;
use fengsui_rulebook::Grade;

/// A unit's identifier as people type it, with what had to be changed to read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypedUnit {
    /// The identifier.
    pub unit: UnitId,
    /// What was typed, when it was not the plain form.
    pub typed: Option<String>,
}

impl FromStr for TypedUnit {
    type Err = UnitIdError;

    fn from_str(text: &str) -> Result<Self, UnitIdError> {
        let unit = UnitId::normalise(text)?.value;
        let typed = (unit.to_string() != text).then(|| text.to_owned());
        Ok(Self { unit, typed })
    }
}

/// A closed list of terms that have a code and may be given by their Chinese name as well.
pub trait Term: Copy + Send + Sync + 'static {
    /// Every term with its code and Chinese name.
    fn terms() -> Vec<(Self, &'static str, &'static str)>;
}

macro_rules! closed_lists {
    ($($name:ty),+) => {
        $(impl Term for $name {
            fn terms() -> Vec<(Self, &'static str, &'static str)> {
                <$name>::ALL.iter().map(|term| (*term, term.code(), term.name_zh())).collect()
            }
        })+
    };
}
closed_lists!(Severity, FindingMethod, ReferralRole, Outcome, PenaltyKind, ClosingGround, ObjectionDecision);

impl Term for CaseStatus {
    fn terms() -> Vec<(Self, &'static str, &'static str)> {
        let term = |status: Self, zh| (status, status.code(), zh);
        vec![term(Self::Open, "在办"), term(Self::Closed, "已销案"), term(Self::Retracted, "已撤回")]
    }
}

impl Term for Grade {
    fn terms() -> Vec<(Self, &'static str, &'static str)> {
        Self::ALL.iter().map(|grade| (*grade, grade.as_str(), grade.as_str())).collect()
    }
}

/// Reads a term; completions and help know every code.
#[derive(Clone, Debug)]
pub struct TermParser<T>(std::marker::PhantomData<fn() -> T>);

/// Reads a term of the list `T`.
pub fn term<T: Term>() -> TermParser<T> {
    TermParser(std::marker::PhantomData)
}

impl<T: Term> TypedValueParser for TermParser<T> {
    type Value = T;

    fn parse_ref(
        &self,
        command: &clap::Command,
        argument: Option<&clap::Arg>,
        value: &OsStr,
    ) -> Result<T, clap::Error> {
        let text = StringValueParser::new().parse_ref(command, argument, value)?;
        let terms = T::terms();
        let found = terms.iter().find(|(_, code, zh)| *code == text || *zh == text);
        found.map(|(term, _, _)| *term).ok_or_else(|| {
            let mut error = clap::Error::new(ErrorKind::InvalidValue).with_cmd(command);
            if let Some(argument) = argument {
                error.insert(ContextKind::InvalidArg, ContextValue::String(argument.to_string()));
            }
            let codes = terms.iter().map(|(_, code, _)| (*code).to_owned()).collect();
            error.insert(ContextKind::InvalidValue, ContextValue::String(text));
            error.insert(ContextKind::ValidValue, ContextValue::Strings(codes));
            error
        })
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(T::terms().into_iter().map(|(_, code, _)| PossibleValue::new(code))))
    }
}

/// Reads `zh` or `en`.
#[derive(Clone, Debug)]
pub struct LanguageParser;

impl TypedValueParser for LanguageParser {
    type Value = Language;

    fn parse_ref(
        &self,
        command: &clap::Command,
        argument: Option<&clap::Arg>,
        value: &OsStr,
    ) -> Result<Language, clap::Error> {
        let codes = clap::builder::PossibleValuesParser::new(["zh", "en"]);
        let code = codes.parse_ref(command, argument, value)?;
        Ok(if code == "zh" { Language::Zh } else { Language::En })
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(["zh", "en"].into_iter().map(PossibleValue::new)))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_typed_unit_remembers_what_was_typed() {
        let check = |typed: &str, unit: &str, changed: bool| {
            let read: TypedUnit = typed.parse().unwrap();
            assert_eq!((read.unit.to_string().as_str(), read.typed.is_some()), (unit, changed), "{typed}");
        };
        check("91110000600037341L", "91110000600037341L", false);
        check(" 91110000600037341l ", "91110000600037341L", true);
        check("９１１１００００６０００３７３４１Ｌ", "91110000600037341L", true);
        check("350600100012345", "legacy:350600100012345", true);
        check("local.book:12", "local.book:12", false);
        assert!("111111111111111111".parse::<TypedUnit>().is_err());
    }
}
