//! What a result says, in parts that are shown as text and as a page alike.

use std::fmt::Display;

/// A result in a language, in its order.
#[derive(Clone, Debug, Default)]
pub struct Document {
    /// Its sections.
    pub sections: Vec<Section>,
}

/// A heading and what stands below it.
#[derive(Clone, Debug)]
pub struct Section {
    /// The heading.
    pub heading: Heading,
    /// What stands below it.
    pub blocks: Vec<Block>,
}

/// How a section begins.
#[derive(Clone, Debug)]
pub enum Heading {
    /// At once.
    None,
    /// A part of the document.
    Part(String),
    /// One thing of a part.
    Item(String),
}

/// A piece of a section.
#[derive(Clone, Debug)]
pub enum Block {
    /// A sentence or more.
    Text(String),
    /// Lines that are shown as they are.
    Verbatim(String),
    /// What a check has found.
    Verdict {
        /// Whether it is good.
        tone: Tone,
        /// What was found.
        text: String,
    },
    /// Properties of one thing.
    Facts(Vec<Fact>),
    /// Things of one kind.
    Table(Table),
}

/// A property.
#[derive(Clone, Debug)]
pub struct Fact {
    /// Its name.
    pub label: String,
    /// Its value.
    pub value: String,
}

/// Things of one kind.
#[derive(Clone, Debug)]
pub struct Table {
    /// The columns.
    pub columns: Vec<TableColumn>,
    /// As many cells a row as there are columns.
    pub rows: Vec<Vec<String>>,
}

/// A column.
#[derive(Clone, Debug)]
pub struct TableColumn {
    /// What stands above it.
    pub title: String,
    /// Whether it holds numbers, which stand at the right.
    pub number: bool,
}

impl Table {
    /// A row's cells with their columns.
    pub fn cells<'a>(&'a self, row: &'a [String]) -> impl Iterator<Item = (&'a TableColumn, &'a String)> {
        self.columns.iter().zip(row)
    }
}

/// Whether something is as it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// It is.
    Good,
    /// It is not.
    Bad,
    /// Nobody can say, or it needs a look.
    Doubt,
}

impl Tone {
    /// The name in the style sheet.
    pub fn class(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Bad => "bad",
            Self::Doubt => "doubt",
        }
    }
}

impl Document {
    /// Begins a part.
    pub fn part(&mut self, heading: impl Into<String>) -> &mut Section {
        self.begin(Heading::Part(heading.into()))
    }

    /// Begins one thing of a part.
    pub fn item(&mut self, heading: impl Into<String>) -> &mut Section {
        self.begin(Heading::Item(heading.into()))
    }

    /// Begins without a heading.
    pub fn opening(&mut self) -> &mut Section {
        self.begin(Heading::None)
    }

    fn begin(&mut self, heading: Heading) -> &mut Section {
        let place = self.sections.len();
        self.sections.push(Section { heading, blocks: Vec::new() });
        &mut self.sections[place]
    }
}

impl Section {
    /// Adds sentences.
    pub fn text(&mut self, text: impl Into<String>) -> &mut Self {
        self.blocks.push(Block::Text(text.into()));
        self
    }

    /// Adds lines as they are.
    pub fn verbatim(&mut self, text: impl Into<String>) -> &mut Self {
        self.blocks.push(Block::Verbatim(text.into()));
        self
    }

    /// Adds what a check has found.
    pub fn verdict(&mut self, tone: Tone, text: impl Into<String>) -> &mut Self {
        self.blocks.push(Block::Verdict { tone, text: text.into() });
        self
    }

    /// Adds a property.
    pub fn fact(&mut self, label: impl Into<String>, value: impl Display) -> &mut Self {
        let fact = Fact { label: label.into(), value: value.to_string() };
        if let Some(Block::Facts(facts)) = self.blocks.last_mut() {
            facts.push(fact);
        } else {
            self.blocks.push(Block::Facts(vec![fact]));
        }
        self
    }

    /// Adds a property where there is one.
    pub fn fact_some(&mut self, label: impl Into<String>, value: Option<impl Display>) -> &mut Self {
        if let Some(value) = value {
            self.fact(label, value);
        }
        self
    }

    /// Adds a table.
    pub fn table(&mut self, table: Table) -> &mut Self {
        self.blocks.push(Block::Table(table));
        self
    }
}
