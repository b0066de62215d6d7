//! Completions, manual pages, version.

use std::io;
use std::path::Path;

use clap_complete::Shell;
use fengsui_event::catalogue::TYPE_PREFIX;
use serde_json::json;

use crate::exit::{Exit, Failure};
use crate::help;
use crate::session::Session;

/// Prints a shell's completions.
pub fn completions(session: &Session, shell: Shell) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut help::command(session.language()), "fengsui", &mut script);
    session.output.write_bytes(&script)?;
    Ok(Exit::Done)
}

/// Writes a manual page for every command.
pub fn man(session: &Session, folder: &Path) -> Result<Exit, Failure> {
    std::fs::create_dir_all(folder).map_err(Failure::file(folder))?;
    let mut command = help::command(session.language());
    command.build();
    let mut pages = Vec::new();
    write_pages(&command, folder, &mut pages)?;
    if session.output.json() {
        session.output.document(&json!({"pages": pages}))?;
        return Ok(Exit::Done);
    }
    for page in &pages {
        session.output.line(page)?;
    }
    Ok(Exit::Done)
}

fn write_pages(command: &clap::Command, folder: &Path, pages: &mut Vec<String>) -> Result<(), Failure> {
    let page = clap_mangen::Man::new(command.clone());
    let path = folder.join(page.get_filename());
    let mut text = Vec::new();
    page.render(&mut text).map_err(Failure::file(&path))?;
    write_page(&path, &text).map_err(Failure::file(&path))?;
    pages.push(path.display().to_string());
    command.get_subcommands().try_for_each(|command| write_pages(command, folder, pages))
}

fn write_page(path: &Path, text: &[u8]) -> io::Result<()> {
    fengsui_node::folder::write_atomically(path, text)
}

/// Shows the program's version and what it reads and writes.
pub fn version(session: &Session) -> Result<Exit, Failure> {
    let version = env!("CARGO_PKG_VERSION");
    if session.output.json() {
        session.output.document(&json!({
            "name": "fengsui", "version": version, "event_types": fengsui_event::EventType::ALL.len(),
            "type_prefix": TYPE_PREFIX, "log_format": fengsui_log::embedded::LOG_FILE.version,
            "model_format": fengsui_projector::store::MODEL.version,
            "outbox_format": fengsui_node::outbox::OUTBOX_FILE.version,
        }))?;
    } else {
        session.output.line(&format!("fengsui {version}"))?;
    }
    Ok(Exit::Done)
}
