//! From the words of the command line to the exit code.

use std::ffi::OsString;

use clap::FromArgMatches as _;
use clap::error::ErrorKind;
use fengsui_event::{Language, Timestamp};

use crate::arguments::CommandLine;
use crate::exit::{Exit, Failure};
use crate::output::{Look, Output, complain, error_text};
use crate::session::Session;
use crate::{commands, help};

/// Runs the program.
pub fn run(words: Vec<OsString>) -> Exit {
    let before = Before::of(&words, &|name| std::env::var(name).ok());
    let look = Look::detect(before.language, before.json, false, false);
    let parsed = help::command(before.language)
        .try_get_matches_from(words)
        .and_then(|matches| CommandLine::from_arg_matches(&matches));
    let CommandLine { global, command } = match parsed {
        Ok(line) => line,
        Err(error) => return end_of_parsing(look, &error),
    };
    let look = Look::detect(before.language, global.json, global.quiet, global.no_progress);
    let session = Session { global, output: Output::new(look), now: Timestamp::now() };
    let result = commands::run(&session, command);
    finish(&session.output, result)
}

/// Results are only done when they have reached their reader.
fn finish(output: &Output, result: Result<Exit, Failure>) -> Exit {
    let result = match (result, output.flush()) {
        (Ok(exit), Ok(())) => Ok(exit),
        (Ok(_), Err(failure)) | (Err(failure), _) => Err(failure),
    };
    match result {
        Ok(exit) => exit,
        Err(failure) if failure.is_broken_pipe() => Exit::Done,
        Err(failure) => {
            output.fail(&failure);
            failure.exit()
        }
    }
}

/// Help and version go to stdout; what is wrong with the command line goes to stderr.
fn end_of_parsing(look: Look, error: &clap::Error) -> Exit {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            // A reader that has gone needs no help any more.
            let _ = error.print();
            Exit::Done
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand if !look.json => {
            let _ = error.print();
            Exit::Usage
        }
        _ => {
            let message = help::error_message(error, look.language);
            complain(&error_text(look, "usage", &message, Exit::Usage as u8));
            Exit::Usage
        }
    }
}

/// What must be known before the command line is read, since even its errors and help need it.
#[derive(Debug, PartialEq, Eq)]
struct Before {
    language: Language,
    json: bool,
}

impl Before {
    fn of(words: &[OsString], variable: &dyn Fn(&str) -> Option<String>) -> Self {
        let words = words.iter().skip(1).map(|word| word.to_string_lossy()).take_while(|word| word != "--");
        let words: Vec<_> = words.collect();
        let follows = |(index, word): (usize, &std::borrow::Cow<'_, str>)| match word.strip_prefix("--lang") {
            Some("") => words.get(index + 1).map(ToString::to_string),
            Some(rest) => rest.strip_prefix('=').map(str::to_owned),
            None => None,
        };
        let asked = words.iter().enumerate().find_map(follows).and_then(|code| code.parse().ok());
        let locale = ["LC_ALL", "LC_MESSAGES", "LANG"].into_iter().filter_map(variable).find(|value| !value.is_empty());
        let language = asked.unwrap_or_else(|| locale.map_or(Language::En, |locale| Language::of_locale(&locale)));
        Self { language, json: words.iter().any(|word| word == "--json") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_is_the_one_asked_for_or_that_of_the_locale() {
        let check = |words: &str, locale: &[(&str, &str)], language: Language| {
            let words: Vec<OsString> = words.split(' ').map(OsString::from).collect();
            let variable =
                |name: &str| locale.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
            assert_eq!(Before::of(&words, &variable).language, language, "{words:?} {locale:?}");
        };
        check("fengsui doctor", &[], Language::En);
        check("fengsui doctor", &[("LANG", "zh_CN.UTF-8")], Language::Zh);
        check("fengsui doctor", &[("LANG", "zh_CN.UTF-8"), ("LC_ALL", "C")], Language::En);
        check("fengsui doctor", &[("LANG", "zh_CN.UTF-8"), ("LC_ALL", "")], Language::Zh);
        check("fengsui doctor", &[("LC_MESSAGES", "zh_TW"), ("LANG", "C")], Language::Zh);
        check("fengsui --lang en doctor", &[("LANG", "zh_CN.UTF-8")], Language::En);
        check("fengsui doctor --lang=zh", &[], Language::Zh);
        check("fengsui doctor --lang", &[("LANG", "zh_CN")], Language::Zh);
        check("fengsui violation report -- --lang zh", &[], Language::En);
    }

    #[test]
    fn json_is_known_before_the_command_line_is_read() {
        let words = |text: &str| text.split(' ').map(OsString::from).collect::<Vec<_>>();
        assert!(Before::of(&words("fengsui nonsense --json"), &|_| None).json);
        assert!(!Before::of(&words("fengsui nonsense -- --json"), &|_| None).json);
    }
}
