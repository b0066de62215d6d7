//! `fengsui`: the command line of the exchange. It reads what is asked, has it done by the crates below, and shows
//! what they say.

mod arguments;
mod columns;
mod commands;
mod describe;
mod exit;
mod help;
mod help_zh;
mod interrupt;
mod output;
mod session;
mod start;
mod text;

use std::process::ExitCode;

fn main() -> ExitCode {
    start::run(std::env::args_os().collect()).into()
}
