//! One thing with its properties: a label and a value on each line.

use std::fmt::Display;

use unicode_width::UnicodeWidthStr as _;

use super::Output;
use super::one_line;
use crate::exit::Failure;

/// Labels and values of one thing.
#[derive(Clone, Debug, Default)]
pub struct Facts(Vec<(&'static str, String)>);

impl Facts {
    /// No facts yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a fact.
    pub fn add(&mut self, label: &'static str, value: impl Display) -> &mut Self {
        self.0.push((label, format!("{value}")));
        self
    }

    /// Adds a fact where there is one.
    pub fn add_some(&mut self, label: &'static str, value: Option<impl Display>) -> &mut Self {
        if let Some(value) = value {
            self.add(label, value);
        }
        self
    }

    /// Shows the facts: aligned on a terminal, with a tab between when piped.
    pub fn show(&self, output: &Output) -> Result<(), Failure> {
        let width = self.0.iter().map(|(label, _)| label.width()).max().unwrap_or(0);
        for (label, value) in &self.0 {
            if output.look().aligned {
                let gap = " ".repeat(width - label.width() + 2);
                let indented = value.replace('\n', &format!("\n{}", " ".repeat(width + 2)));
                output.line(&format!("{}{gap}{indented}", output.dim(label)))?;
            } else {
                output.line(&format!("{label}\t{}", one_line(value)))?;
            }
        }
        Ok(())
    }
}
