//! A document as text: within 80 columns on a terminal, wide characters counted as two; with tabs and unbroken when piped.

use unicode_width::UnicodeWidthStr as _;

use super::{Block, Document, Fact, Heading, Table};
use crate::exit::Failure;
use crate::output::{Output, one_line};

/// Columns of a line on a terminal.
const WIDTH: usize = 80;
/// Labels wider than this do not push the values of their neighbours away.
const LABEL_MAX: usize = 16;

impl Document {
    /// Shows the document as text.
    pub fn show(&self, output: &Output) -> Result<(), Failure> {
        for section in &self.sections {
            match &section.heading {
                Heading::None => {}
                Heading::Part(text) | Heading::Item(text) => output.heading(&one_line(text))?,
            }
            section.blocks.iter().try_for_each(|block| show_block(output, block))?;
        }
        Ok(())
    }
}

fn show_block(output: &Output, block: &Block) -> Result<(), Failure> {
    match block {
        Block::Text(text) | Block::Verdict { text, .. } => paragraph(output, text),
        Block::Verbatim(text) => text.lines().try_for_each(|line| output.line(&format!("    {}", one_line(line)))),
        Block::Facts(facts) => show_facts(output, facts),
        Block::Table(table) => show_table(output, table),
    }
}

fn paragraph(output: &Output, text: &str) -> Result<(), Failure> {
    if !output.look().aligned {
        return output.line(&one_line(text));
    }
    wrapped(text, WIDTH).iter().try_for_each(|line| output.line(line))
}

fn show_facts(output: &Output, facts: &[Fact]) -> Result<(), Failure> {
    let width = facts.iter().map(|fact| fact.label.width()).filter(|width| *width <= LABEL_MAX).max().unwrap_or(0);
    for Fact { label, value } in facts {
        if !output.look().aligned {
            output.line(&format!("{label}\t{}", one_line(&value.replace('\n', "; "))))?;
            continue;
        }
        let gap = " ".repeat((width + 2).saturating_sub(label.width()).max(2));
        let lines = wrapped(value, WIDTH.saturating_sub(width + 2));
        for (index, line) in lines.iter().enumerate() {
            match index {
                0 => output.line(&format!("{}{gap}{line}", output.dim(label)))?,
                _ => output.line(&format!("{}{line}", " ".repeat(width + 2)))?,
            }
        }
    }
    Ok(())
}

fn show_table(output: &Output, table: &Table) -> Result<(), Failure> {
    let titles = table.columns.iter().map(|column| column.title.clone()).collect();
    let rows = table.rows.iter().map(|row| row.iter().map(|cell| one_line(cell)).collect());
    let lines: Vec<Vec<String>> = std::iter::once(titles).chain(rows).collect();
    if !output.look().aligned {
        return lines.iter().try_for_each(|line| output.line(&line.join("\t")));
    }
    let width = |index: usize| lines.iter().filter_map(|line| line.get(index)).map(|cell| cell.width()).max();
    let widths: Vec<usize> = (0..table.columns.len()).map(|index| width(index).unwrap_or(0)).collect();
    for (number, line) in lines.iter().enumerate() {
        let cells = line.iter().zip(&widths).zip(&table.columns).map(|((cell, width), column)| {
            let gap = " ".repeat(width - cell.width());
            if column.number { format!("{gap}{cell}") } else { format!("{cell}{gap}") }
        });
        let text = cells.collect::<Vec<_>>().join("  ");
        output.line(&if number == 0 { output.dim(text.trim_end()) } else { text.trim_end().to_owned() })?;
    }
    Ok(())
}

/// The lines of a text that fit into so many columns; what the text has as lines of its own stays so.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    // A code that holds a hyphen is one word.
    let options = textwrap::Options::new(width).word_splitter(textwrap::WordSplitter::NoHyphenation);
    let lines = text
        .split('\n')
        .flat_map(|line| textwrap::wrap(&one_line(line), &options).into_iter().map(String::from).collect::<Vec<_>>());
    lines.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chinese_is_broken_by_its_columns_and_no_line_begins_with_a_comma() {
        assert_eq!(wrapped("安全出口锁闭，疏散通道堵塞。", 12), ["安全出口锁", "闭，疏散通道", "堵塞。"]);
        assert_eq!(wrapped("安全出口封闭，疏散通道堵塞。", 13), ["安全出口封", "闭，疏散通道", "堵塞。"]);
        assert_eq!(wrapped("a lead by rule fire-60", 10), ["a lead by", "rule", "fire-60"]);
        assert_eq!(wrapped("0123456789abcdef", 10), ["0123456789", "abcdef"]);
        assert_eq!(wrapped("one\ntwo\u{1b}[31m", 20), ["one", "two [31m"]);
    }
}
