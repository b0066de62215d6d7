//! The command line's own texts in the language: help, headings, and what is wrong with a command line.

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, CommandFactory as _};
use fengsui_event::key::KeyError;
use fengsui_event::{
    AgencyCodeError, AmountError, CategoryCodeError, Language, RegionCodeError, TradeCodeError, UlidError, UnitIdError,
    UsccError,
};
use fengsui_log::InvalidPosition;
use fengsui_node::as_of::InvalidAsOf;
use fengsui_node::broker_server::ServerUrlError;
use fengsui_node::source::LogSourceError;

use crate::arguments::CommandLine;
use crate::arguments::audit_explain::ExplainedError;
use crate::help_zh;

/// How a help page is laid out in Chinese; in English clap's own layout stands.
const TEMPLATE_ZH: &str = "{before-help}{about-with-newline}\n用法：{usage}\n\n{all-args}{after-help}";

/// The command line with its texts in the language.
pub fn command(language: Language) -> clap::Command {
    let command = CommandLine::command();
    match language {
        Language::En => command,
        Language::Zh => in_chinese(command, ""),
    }
}

/// What it is called in the table: the words after `fengsui`.
fn path_of(parent: &str, name: &str) -> String {
    if parent.is_empty() { name.to_owned() } else { format!("{parent} {name}") }
}

fn in_chinese(command: clap::Command, path: &str) -> clap::Command {
    let about = help_zh::about(path).unwrap_or_default();
    let after = command.get_after_help().map(|text| text.to_string().replace("Example:", "示例："));
    let names: Vec<String> = command.get_subcommands().map(|command| command.get_name().to_owned()).collect();
    let mut command = command
        .about(about)
        .help_template(TEMPLATE_ZH)
        .subcommand_help_heading("命令")
        .subcommand_value_name("命令")
        .mut_args(|argument| argument_in_chinese(argument, path));
    if let Some(after) = after {
        command = command.after_help(after);
    }
    for name in names {
        let path = path_of(path, &name);
        command = command.mut_subcommand(&name, |command| in_chinese(command, &path));
    }
    command
}

fn argument_in_chinese(argument: Arg, path: &str) -> Arg {
    let mut parts = vec![help_zh::argument(path, argument.get_id().as_str()).unwrap_or_default().to_owned()];
    let takes_value = argument.get_action().takes_values();
    let values: Vec<String> = argument.get_possible_values().iter().map(|value| value.get_name().to_owned()).collect();
    if takes_value && !values.is_empty() {
        parts.push(format!("[可选：{}]", values.join("、")));
    }
    let defaults: Vec<String> =
        argument.get_default_values().iter().map(|value| value.to_string_lossy().into_owned()).collect();
    if takes_value && !defaults.is_empty() {
        parts.push(format!("[默认：{}]", defaults.join(" ")));
    }
    if let Some(variable) = argument.get_env() {
        parts.push(format!("[环境变量：{}]", variable.to_string_lossy()));
    }
    let heading = match () {
        () if argument.is_global_set() => "全局选项",
        () if argument.is_positional() => "参数",
        () => "选项",
    };
    let argument = argument.help(parts.join(" ")).help_heading(heading);
    if takes_value { argument.hide_possible_values(true).hide_default_value(true).hide_env(true) } else { argument }
}

/// What is wrong with a command line, in the language.
pub fn error_message(error: &clap::Error, language: Language) -> String {
    let rendered = error.render().to_string();
    let message = match language {
        Language::En => rendered.trim_end().strip_prefix("error: ").unwrap_or(rendered.trim_end()).to_owned(),
        Language::Zh => error_in_chinese(error).unwrap_or_else(|| format!("命令行有误：{}", rendered.trim_end())),
    };
    without_citizen_id(message, error)
}

/// A citizen's number that was typed in a unit's place must not stand in a terminal's or a service's log.
fn without_citizen_id(message: String, error: &clap::Error) -> String {
    let source = std::error::Error::source(error).and_then(|source| source.downcast_ref::<UnitIdError>());
    match (source, context(error, ContextKind::InvalidValue)) {
        (Some(UnitIdError::Uscc(UsccError::CitizenId { masked })), Some(typed)) => message.replace(&typed, masked),
        _ => message,
    }
}

fn error_in_chinese(error: &clap::Error) -> Option<String> {
    let text = |kind| context(error, kind);
    let message = match error.kind() {
        ErrorKind::UnknownArgument => format!("不认识的参数“{}”", text(ContextKind::InvalidArg)?),
        ErrorKind::InvalidSubcommand => format!("不认识的命令“{}”", text(ContextKind::InvalidSubcommand)?),
        ErrorKind::MissingSubcommand => {
            format!("缺少命令；可用：{}", text(ContextKind::ValidSubcommand).unwrap_or_default())
        }
        ErrorKind::MissingRequiredArgument => format!("缺少必需的参数：{}", text(ContextKind::InvalidArg)?),
        ErrorKind::ArgumentConflict => format!(
            "参数“{}”不能与“{}”同时使用",
            text(ContextKind::InvalidArg)?,
            text(ContextKind::PriorArg).unwrap_or_default()
        ),
        ErrorKind::InvalidValue if text(ContextKind::InvalidValue).is_none_or(|value| value.is_empty()) => {
            format!("参数“{}”缺少值", text(ContextKind::InvalidArg)?)
        }
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => {
            let reason =
                std::error::Error::source(error).map_or_else(String::new, |source| format!("：{}", reason_zh(source)));
            format!("参数“{}”的值“{}”无效{reason}", text(ContextKind::InvalidArg)?, text(ContextKind::InvalidValue)?)
        }
        _ => return None,
    };
    let mut lines = vec![message];
    if let Some(values) = text(ContextKind::ValidValue).filter(|values| !values.is_empty()) {
        lines.push(format!("可选：{values}"));
    }
    let suggested = [ContextKind::SuggestedArg, ContextKind::SuggestedSubcommand, ContextKind::SuggestedValue];
    if let Some(suggestion) = suggested.into_iter().find_map(text) {
        lines.push(format!("是否指“{suggestion}”？"));
    }
    if let Some(usage) = text(ContextKind::Usage) {
        let usage = usage.trim().strip_prefix("Usage:").unwrap_or(&usage).trim().to_owned();
        lines.push(format!("用法：{usage}\n详见 --help"));
    }
    Some(lines.join("\n"))
}

/// Why a value cannot be read. Where a type has no Chinese text of its own, what would have been right is said.
fn reason_zh(source: &(dyn std::error::Error + 'static)) -> String {
    if let Some(error) = source.downcast_ref::<UnitIdError>() {
        return fengsui_sheets::unit_error_text(error, Language::Zh);
    }
    let expected = match () {
        () if source.is::<ExplainedError>() => "应为案件编号、单位标识，或单位标识/账目序号，如 91110000600037341L/2",
        () if source.is::<UlidError>() => "应为 26 位编号，可从列表中复制",
        () if source.is::<LogSourceError>() => "应为日志文件、节点文件夹，或以 nats:// 或 tls:// 开头的服务器地址",
        () if source.is::<jiff::Error>() => "应为日期，如 2026-11-24",
        () if source.is::<InvalidAsOf>() => "应为日志位置（正整数）或日期，如 2026-11-24",
        () if source.is::<InvalidPosition>() => "应为日志位置（正整数）",
        () if source.is::<RegionCodeError>() => "应为 GB/T 2260 的六位行政区划代码，如 350602",
        () if source.is::<TradeCodeError>() => "应为 GB/T 4754 的行业代码，如 H61",
        () if source.is::<AgencyCodeError>() => "应为部门代码（小写字母、数字、连字符），如 fire",
        () if source.is::<CategoryCodeError>() => "应为违法行为类别，如 fire.60-3",
        () if source.is::<AmountError>() => "应为金额（元），如 30000.00",
        () if source.is::<KeyError>() => "应为公钥：以 U 开头的 56 个字符",
        () if source.is::<fengsui_proof::policy::VerifierKeyError>() => {
            "应为会签者公钥：<名称>+<8 位十六进制数>+<Base64>"
        }
        () if source.is::<ServerUrlError>() => "应为服务器地址，如 tls://broker.example:4222",
        () if source.is::<std::num::ParseIntError>() => "应为非负整数",
        () => return source.to_string(),
    };
    expected.to_owned()
}

fn context(error: &clap::Error, kind: ContextKind) -> Option<String> {
    match error.get(kind)? {
        ContextValue::String(text) => Some(text.clone()),
        ContextValue::Strings(texts) => Some(texts.join("、")),
        ContextValue::StyledStr(text) => Some(text.to_string()),
        ContextValue::StyledStrs(texts) => Some(texts.iter().map(ToString::to_string).collect::<Vec<_>>().join("、")),
        ContextValue::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// Every command with the words after `fengsui`.
    fn walk(command: &clap::Command, path: &str, visit: &mut dyn FnMut(&clap::Command, &str)) {
        visit(command, path);
        for below in command.get_subcommands() {
            walk(below, &path_of(path, below.get_name()), visit);
        }
    }

    #[test]
    fn the_command_line_is_sound() {
        CommandLine::command().debug_assert();
        command(Language::Zh).debug_assert();
    }

    #[test]
    fn every_command_and_argument_has_a_text_in_both_languages() {
        let mut missing = Vec::new();
        walk(&CommandLine::command(), "", &mut |command, path| {
            if help_zh::about(path).is_none() || command.get_about().is_none() {
                missing.push(format!("fengsui {path}"));
            }
            for argument in command.get_arguments() {
                let id = argument.get_id().as_str();
                if help_zh::argument(path, id).is_none() || argument.get_help().is_none() {
                    missing.push(format!("fengsui {path}: {id}"));
                }
            }
        });
        assert_eq!(missing, [] as [String; 0]);
    }

    #[test]
    fn every_chinese_text_belongs_to_a_command_or_argument() {
        let mut known = Vec::new();
        let mut shared = Vec::new();
        walk(&CommandLine::command(), "", &mut |command, path| {
            known.push(path.to_owned());
            for argument in command.get_arguments() {
                known.push(format!("{path}:{}", argument.get_id()));
                shared.push(argument.get_id().to_string());
            }
        });
        for (path, _) in help_zh::COMMANDS {
            assert!(known.iter().any(|known| known == path), "{path}");
        }
        for (path, id, _) in help_zh::ARGUMENTS {
            let is_known = if *path == "*" {
                shared.iter().any(|known| known == id)
            } else {
                known.iter().any(|known| *known == format!("{path}:{id}"))
            };
            assert!(is_known, "{path} {id}");
        }
    }

    #[test]
    fn every_help_has_an_example_that_is_a_command_of_ours() {
        walk(&CommandLine::command(), "", &mut |command, path| {
            let example = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(example.starts_with("Example:\n  fengsui "), "fengsui {path}: {example}");
        });
    }

    #[test]
    fn a_wrong_command_line_is_told_in_both_languages() {
        let told = |words: &[&str], language| {
            let error = command(language).try_get_matches_from(words).unwrap_err();
            error_message(&error, language)
        };
        assert!(told(&["fengsui", "publication"], Language::Zh).starts_with("不认识的命令“publication”"));
        assert!(told(&["fengsui", "publication"], Language::En).starts_with("unrecognized subcommand 'publication'"));
        assert!(told(&["fengsui", "case", "show"], Language::Zh).starts_with("缺少必需的参数：<ID>"));
        let wrong = told(&["fengsui", "case", "list", "--status", "opne"], Language::Zh);
        assert!(wrong.contains("“opne”无效") && wrong.contains("open、closed、retracted"), "{wrong}");
        let wrong = told(&["fengsui", "unit", "show", "111111111111111111"], Language::Zh);
        assert!(wrong.contains("“111111111111111111”无效：第 17 位应为 7"), "{wrong}");
        for language in [Language::Zh, Language::En] {
            let wrong = told(&["fengsui", "unit", "show", "11010519491231002X"], language);
            assert!(!wrong.contains("19491231"), "{wrong}");
        }
        let wrong = told(&["fengsui", "--as-of", "2026-02-30", "case", "list"], Language::Zh);
        assert!(wrong.contains("应为日志位置"), "{wrong}");
    }
}
