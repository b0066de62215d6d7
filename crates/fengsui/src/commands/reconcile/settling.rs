//! The text of settling commands: how a line is written and read.

use std::path::Path;

use clap::FromArgMatches as _;
use fengsui_event::{AgencyCode, EventId};

use crate::arguments::{Command, CommandLine};
use crate::exit::Failure;
use crate::help;
use crate::session::Session;

/// Begins the line that names the reconciliation.
pub(super) const RECONCILIATION: &str = "# reconciliation:";
/// Begins the line that names the agency.
pub(super) const AGENCY: &str = "# agency:";
/// Largest file that is read; a line takes a few hundred bytes.
const BYTES_MAX: u64 = 1 << 30;

/// A file of settling commands.
pub(super) struct Settling {
    pub reconciliation: EventId,
    pub agency: AgencyCode,
    pub lines: Vec<SettlingLine>,
}

/// One command.
pub(super) struct SettlingLine {
    pub number: u32,
    /// Its words, to be shown.
    pub shown: String,
    /// What they ask for.
    pub command: Command,
}

/// The words of a command as a line.
pub(super) fn quoted_line(words: &[String]) -> String {
    words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")
}

fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "/._-+=:@,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    // A line is a command, so a line break within a word becomes a space.
    format!("'{}'", word.replace(['\n', '\r'], " ").replace('\'', "'\\''"))
}

/// The words of a line, as a shell parts them; what follows a `#` at the beginning of a word is left out. `None` when a
/// quotation mark is open.
fn words(line: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        match character {
            '#' if word.is_none() => break,
            '\'' | '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match characters.next()? {
                        end if end == character => break,
                        '\\' if character == '"' => word.push(characters.next()?),
                        other => word.push(other),
                    }
                }
            }
            '\\' => word.get_or_insert_default().push(characters.next()?),
            space if space.is_whitespace() => words.extend(word.take()),
            other => word.get_or_insert_default().push(other),
        }
    }
    words.extend(word);
    Some(words)
}

/// Reads a file whole before anything of it is run: one wrong line and nothing is.
pub(super) fn read(session: &Session, path: &Path) -> Result<Settling, Failure> {
    let length = std::fs::metadata(path).map_err(Failure::file(path))?.len();
    if length > BYTES_MAX {
        return Err(fault(path, 0, "文件过大", "the file is too large"));
    }
    let text = std::fs::read_to_string(path).map_err(Failure::file(path))?;
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(&text);
    let after = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    let (Some(Ok(reconciliation)), Some(Ok(agency))) =
        (after(RECONCILIATION).map(str::parse), after(AGENCY).map(str::parse))
    else {
        return Err(fault(
            path,
            1,
            "缺少“# reconciliation:”或“# agency:”行；请用 --propose 写出的文件",
            "lacks its `# reconciliation:` or `# agency:` line; give a file that --propose wrote",
        ));
    };
    let mut lines: Vec<SettlingLine> = Vec::new();
    for (at, line) in text.lines().enumerate() {
        if let Some(read) = read_line(session, path, at + 1, line)? {
            if lines.iter().any(|other| other.number == read.number) {
                let number = read.number;
                return Err(fault(
                    path,
                    at + 1,
                    format!("编号 {number} 重复"),
                    format!("number {number} stands twice"),
                ));
            }
            lines.push(read);
        }
    }
    Ok(Settling { reconciliation, agency, lines })
}

fn read_line(session: &Session, path: &Path, at: usize, line: &str) -> Result<Option<SettlingLine>, Failure> {
    let words = words(line).ok_or_else(|| fault(path, at, "引号没有关闭", "a quotation mark is not closed"))?;
    let Some((number, words)) = words.split_first() else { return Ok(None) };
    let number: u32 = number.parse().map_err(|_| fault(path, at, "行首不是编号", "does not begin with its number"))?;
    let parsed = help::command(session.language())
        .try_get_matches_from(std::iter::once("fengsui").chain(words.iter().map(String::as_str)))
        .and_then(|matches| CommandLine::from_arg_matches(&matches));
    let parsed = parsed.map_err(|error| {
        let text = error.to_string();
        let first = text.lines().next().unwrap_or_default().to_owned();
        fault(path, at, first.clone(), first)
    })?;
    let is_settling = match &parsed.command {
        Command::Violation(it) => !matches!(
            it,
            crate::arguments::desk::ViolationCommand::List(_) | crate::arguments::desk::ViolationCommand::Show { .. }
        ),
        Command::Referral(it) => !matches!(it, crate::arguments::desk::ReferralCommand::List(_)),
        Command::Feedback(_) => true,
        Command::Case(it) => matches!(
            it,
            crate::arguments::case::CaseCommand::Close(_) | crate::arguments::case::CaseCommand::Reopen { .. }
        ),
        _ => false,
    };
    if !is_settling {
        return Err(fault(
            path,
            at,
            "不是了结差异的命令：限 violation、referral、feedback、case close、case reopen",
            "is no settling command: those are violation, referral, feedback, case close, case reopen",
        ));
    }
    Ok(Some(SettlingLine { number, shown: quoted_line(words), command: parsed.command }))
}

fn fault(path: &Path, line: usize, zh: impl AsRef<str>, en: impl AsRef<str>) -> Failure {
    let path = path.display();
    Failure::usage(
        format!("{path} 第 {line} 行：{}；未执行任何命令", zh.as_ref()),
        format!("{path}, line {line}: {}; nothing was run", en.as_ref()),
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        for word in ["plain", "新华西路1号", "two words", "it's", "#1", "a\"b", "back\\slash", "", "'"] {
            let line = quoted_line(&[word.to_owned(), "x".to_owned()]);
            assert_eq!(words(&format!("{line}  # why # not")).unwrap(), [word, "x"], "{line}");
        }
        assert_eq!(words("a#b c").unwrap(), ["a#b", "c"]);
        assert_eq!(words("# only a remark").unwrap(), Vec::<String>::new());
        assert_eq!(words("a 'b"), None);
        assert_eq!(words(&quoted("two\nlines")).unwrap(), ["two lines"]);
    }
}
