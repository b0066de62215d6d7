//! A run of the program that has ended.

#![allow(clippy::return_self_not_must_use)]

use std::process::{Command, Output};

use serde_json::Value;

/// What a run of the program left behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ran {
    /// What was run, for messages.
    pub what: String,
    /// The exit code; none when a signal ended it.
    pub code: Option<i32>,
    /// The results.
    pub stdout: String,
    /// Everything else.
    pub stderr: String,
}

impl Ran {
    /// Runs a command to its end.
    pub fn of(command: &mut Command) -> Self {
        let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        Self::ended(command, output)
    }

    /// A command that has ended.
    pub fn ended(command: &Command, output: Output) -> Self {
        let words: Vec<_> = command.get_args().map(|word| word.to_string_lossy()).collect();
        Self {
            what: format!("fengsui {}", words.join(" ")),
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Asserts the exit code, and that nothing panicked.
    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
        assert!(!self.stderr.contains("panicked at"), "{self}");
        assert!(self.code == Some(code), "expected exit {code} of\n{self}");
        self
    }

    /// Asserts exit code 0.
    #[track_caller]
    pub fn ok(self) -> Self {
        self.exits(0)
    }

    /// Asserts that stderr holds every one of the texts.
    #[track_caller]
    pub fn says(self, texts: &[&str]) -> Self {
        for text in texts {
            assert!(self.stderr.contains(text), "stderr lacks `{text}` in\n{self}");
        }
        self
    }

    /// Asserts that stdout holds every one of the texts.
    #[track_caller]
    pub fn shows(self, texts: &[&str]) -> Self {
        for text in texts {
            assert!(self.stdout.contains(text), "stdout lacks `{text}` in\n{self}");
        }
        self
    }

    /// Stdout as one JSON document.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("no JSON document: {error}\n{self}"))
    }

    /// Stdout as one JSON object a line.
    #[track_caller]
    pub fn json_lines(&self) -> Vec<Value> {
        let parse = |line: &str| {
            let value: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}\n{self}"));
            assert!(value["type"].is_string(), "no type in {line}\n{self}");
            value
        };
        self.stdout.lines().map(parse).collect()
    }

    /// Stderr as one JSON document: the error under `--json`.
    #[track_caller]
    pub fn json_error(&self) -> Value {
        serde_json::from_str(&self.stderr).unwrap_or_else(|error| panic!("no JSON on stderr: {error}\n{self}"))
    }

    /// The digest on the last line of stdout, as `digest sha256:<64 hex digits>`.
    #[track_caller]
    pub fn digest(&self) -> String {
        let last = self.stdout.lines().last().unwrap_or_default();
        let digits =
            last.strip_prefix("digest sha256:").unwrap_or_else(|| panic!("no digest in the last line\n{self}"));
        assert!(digits.len() == 64 && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')), "{last}");
        last.to_owned()
    }

    /// The second cell of the first line of stdout that begins with the name: `case<TAB>01K…`.
    #[track_caller]
    pub fn cell(&self, name: &str) -> String {
        let mut rows = self.stdout.lines().map(|line| line.split('\t').collect::<Vec<_>>());
        let row = rows.find(|cells| cells.len() > 1 && cells[0] == name);
        row.unwrap_or_else(|| panic!("no line `{name}<TAB>…` in\n{self}"))[1].to_owned()
    }
}

impl std::fmt::Display for Ran {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { what, code, stdout, stderr } = self;
        write!(f, "--- {what}\n--- exit {code:?}\n--- stdout\n{stdout}\n--- stderr\n{stderr}")
    }
}
