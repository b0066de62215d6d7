//! A row of an agency's own book, as far as it is needed to find its case.

use fengsui_event::{CaseId, CategoryCode, Date, Fen, Outcome, RegionCode, UnitId};

use super::text::{number_form, text_form};

/// A row of the book. What the book does not say is absent, and is never compared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BookRow {
    /// Which sheet of the file, from 0.
    pub sheet: u16,
    /// The row's number in its sheet.
    pub number: u32,
    /// Number of the penalty decision.
    pub decision: Option<Box<str>>,
    /// The agency's own number of the case.
    pub reference: Option<Box<str>>,
    /// The case's id, where the book keeps it.
    pub case: Option<CaseId>,
    /// The unit.
    pub unit: Option<UnitId>,
    /// The unit's name.
    pub name: Option<Box<str>>,
    /// When it was found.
    pub found_on: Option<Date>,
    /// Kind of violation.
    pub category: Option<CategoryCode>,
    /// Where: the region.
    pub region: Option<RegionCode>,
    /// Where: the address.
    pub address: Option<Box<str>>,
    /// When it was dealt with.
    pub handled_on: Option<Date>,
    /// With which result.
    pub outcome: Option<Outcome>,
    /// The fine, in fen.
    pub fine: Option<Fen>,
    /// Whether it is struck off.
    pub closed: Option<bool>,
    /// When the row was last changed.
    pub updated_on: Option<Date>,
    /// Whether the row is refused; what could be read of it still finds its case, so that the case is not taken for missing.
    pub refused: bool,
}

/// What of a row decides whether another one says the same. Place in the file and day of change are left out.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Contents(String);

impl BookRow {
    /// The numbers under which it may be known on the log, in the form in which they are compared.
    pub(super) fn numbers(&self) -> impl Iterator<Item = String> + '_ {
        [&self.decision, &self.reference].into_iter().flatten().filter_map(|number| number_form(number))
    }

    /// Whether the book shows that it was dealt with.
    pub(super) fn is_handled(&self) -> bool {
        self.handled_on.is_some() || self.outcome.is_some() || self.closed == Some(true)
    }

    /// Everything that it says.
    pub(super) fn contents(&self) -> Contents {
        let Self { case, unit, found_on, category, region, handled_on, outcome, fine, closed, refused, .. } = self;
        let text = |text: &Option<Box<str>>| text.as_deref().map(text_form);
        let number = |text: &Option<Box<str>>| text.as_deref().map(number_form);
        let parts = (number(&self.decision), number(&self.reference), text(&self.name), text(&self.address));
        let places = (case, unit, found_on, category, region);
        Contents(format!("{parts:?}{places:?}{:?}", (handled_on, outcome, fine, closed, refused)))
    }

    /// The violation that it speaks of, when it says enough to tell it from others.
    pub(super) fn violation(&self) -> Option<String> {
        let (unit, found_on, category) = (self.unit.as_ref()?, self.found_on?, self.category.as_ref()?);
        let address = self.address.as_deref().map(text_form);
        Some(format!("{unit}|{found_on}|{category}|{:?}|{address:?}", self.region))
    }
}
