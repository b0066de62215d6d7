//! What people and scripts see: results on stdout, everything else on stderr.

mod facts;
mod progress;
mod table;

use std::cell::RefCell;
use std::io::{self, BufWriter, IsTerminal as _, Write as _};

use fengsui_event::Language;
use serde::Serialize;
use serde_json::json;

use crate::exit::Failure;

pub use facts::Facts;
pub use progress::Bar;
pub use table::{Column, Listing, cell_text, is_unprintable, one_line, show_rows};

/// How results are to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is decided on its own")]
pub struct Look {
    /// The language of texts.
    pub language: Language,
    /// JSON for scripts.
    pub json: bool,
    /// No remarks on stderr.
    pub quiet: bool,
    /// Bars on stderr for long work.
    pub bars: bool,
    /// Aligned for the eye; otherwise tabs between columns.
    pub aligned: bool,
    /// Bold and dim.
    pub styled: bool,
}

impl Look {
    /// The look that fits where stdout and stderr go.
    pub fn detect(language: Language, json: bool, quiet: bool, no_progress: bool) -> Self {
        let aligned = io::stdout().is_terminal() && !json;
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|value| value == "dumb");
        let bars = io::stderr().is_terminal() && !json && !quiet && !no_progress;
        Self { language, json, quiet, bars, aligned, styled: aligned && !plain && !dumb }
    }
}

/// Where everything that is shown goes through.
pub struct Output {
    look: Look,
    stream: RefCell<Box<dyn io::Write>>,
}

impl Output {
    /// Shows results on stdout.
    pub fn new(look: Look) -> Self {
        Self { look, stream: RefCell::new(Box::new(BufWriter::new(io::stdout()))) }
    }

    /// How results look.
    pub fn look(&self) -> Look {
        self.look
    }

    /// The language of texts.
    pub fn language(&self) -> Language {
        self.look.language
    }

    /// Picks one of two texts.
    pub fn say<'a>(&self, zh: &'a str, en: &'a str) -> &'a str {
        self.look.language.pick(zh, en)
    }

    /// Whether scripts read the results.
    pub fn json(&self) -> bool {
        self.look.json
    }

    /// Writes a piece of a result as it is.
    pub fn write(&self, text: &str) -> Result<(), Failure> {
        self.stream.borrow_mut().write_all(text.as_bytes()).map_err(Failure::Output)
    }

    /// Writes bytes of a result as they are.
    pub fn write_bytes(&self, bytes: &[u8]) -> Result<(), Failure> {
        self.stream.borrow_mut().write_all(bytes).map_err(Failure::Output)
    }

    /// Writes one line of a result.
    pub fn line(&self, text: &str) -> Result<(), Failure> {
        self.write(text)?;
        self.write("\n")
    }

    /// A heading between parts of a result.
    pub fn heading(&self, text: &str) -> Result<(), Failure> {
        self.line("")?;
        self.line(&self.bold(text))
    }

    /// The one document of a result.
    pub fn document(&self, value: &impl Serialize) -> Result<(), Failure> {
        self.line(&to_json(value, true)?)
    }

    /// One line of the results of long work.
    pub fn json_line(&self, value: &impl Serialize) -> Result<(), Failure> {
        self.line(&to_json(value, false)?)?;
        self.flush()
    }

    /// Hands over what was written so far.
    pub fn flush(&self) -> Result<(), Failure> {
        self.stream.borrow_mut().flush().map_err(Failure::Output)
    }

    /// A remark beside the result.
    pub fn note(&self, zh: impl AsRef<str>, en: impl AsRef<str>) {
        if !self.look.quiet {
            complain(self.look.language.pick(zh.as_ref(), en.as_ref()));
        }
    }

    /// Something that is not as it should be, though the work goes on. It is said even when quiet.
    pub fn warn(&self, zh: impl AsRef<str>, en: impl AsRef<str>) {
        let label = self.say("注意：", "warning: ");
        complain(&format!("{label}{}", self.look.language.pick(zh.as_ref(), en.as_ref())));
    }

    /// Tells why the command failed.
    pub fn fail(&self, failure: &Failure) {
        let message = failure.message(self.look.language);
        complain(&error_text(self.look, failure.code(), &message, failure.exit() as u8));
    }

    /// Text in bold, where that is to be had.
    pub fn bold(&self, text: &str) -> String {
        if self.look.styled { format!("\u{1b}[1m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    /// Text that stands back, where that is to be had.
    pub fn dim(&self, text: &str) -> String {
        if self.look.styled { format!("\u{1b}[2m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}

/// A fatal error as it is told: one line of JSON for scripts, a sentence for people.
pub fn error_text(look: Look, code: &str, message: &str, exit: u8) -> String {
    if look.json {
        return json!({"type": "error", "code": code, "message": message, "exit": exit}).to_string();
    }
    format!("{}{message}", look.language.pick("错误：", "error: "))
}

/// Writes a line to stderr. If nobody listens there, nobody can be told.
pub fn complain(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}

/// A value as JSON.
pub fn to_json(value: &impl Serialize, pretty: bool) -> Result<String, Failure> {
    let written = if pretty { serde_json::to_string_pretty(value) } else { serde_json::to_string(value) };
    written.map_err(|error| {
        Failure::failed("json", format!("结果无法写成 JSON：{error}"), format!("the result is no JSON: {error}"))
    })
}
