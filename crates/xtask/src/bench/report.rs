//! The table, for the terminal and for docs/benchmarks.md.

use std::fmt::Write as _;

/// A figure beside its goal.
pub struct Line {
    /// What was measured.
    pub what: &'static str,
    /// The figure.
    pub figure: String,
    /// What it is held against, measured in the same run.
    pub against: String,
    /// Their ratio, or the figure itself.
    pub ratio: String,
    /// The goal.
    pub goal: &'static str,
    /// Whether it is reached.
    pub reached: bool,
}

/// The table as Markdown.
pub fn table(lines: &[Line]) -> String {
    let mut text =
        String::from("| what | figure | against | ratio | goal | reached |\n| --- | --- | --- | --- | --- | --- |\n");
    for Line { what, figure, against, ratio, goal, reached } in lines {
        let reached = if *reached { "yes" } else { "no" };
        let _ = writeln!(text, "| {what} | {figure} | {against} | {ratio} | {goal} | {reached} |");
    }
    text
}
