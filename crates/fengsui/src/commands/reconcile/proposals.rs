//! The file of settling commands.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use fengsui_node::folder::write_atomically;
use fengsui_node::reconcile::{Recorded, read_details};
use fengsui_projector::reconcile::{Item, Reported, propose};

use super::Compared;
use super::settling::{AGENCY, RECONCILIATION, quoted_line};
use crate::exit::Failure;
use crate::session::Session;

/// Writes the commands, one a line, each with its reason.
pub(super) fn write(
    session: &Session,
    out: &Path,
    book: &Path,
    compared: &Compared,
    recorded: &Recorded,
) -> Result<(), Failure> {
    let Compared { agency, map, options, book: read, cases, outcome } = compared;
    let place = |item: &Item| item.row.map(|row| &read.rows[row as usize]).map(|row| (row.sheet, row.number));
    let wanted: BTreeSet<_> = outcome.items.iter().filter_map(place).collect();
    let details = read_details(book, options, map, &wanted)?;
    let (language, nothing) = (session.language(), Reported::default());
    let mut text = String::new();
    let (mut number, mut remarks) = (0_u32, 0_u32);
    for item in &outcome.items {
        let details = place(item).and_then(|place| details.get(&place)).unwrap_or(&nothing);
        for proposal in propose(item, &read.rows, cases, details) {
            let reason =
                format!("{}: {}", subject(compared, item), proposal.reason(language)).replace(['\n', '\r'], " ");
            if proposal.commands.is_empty() {
                remarks += 1;
                // Writing into a text cannot fail.
                let _ = writeln!(text, "# {reason}");
            }
            for command in proposal.commands {
                number += 1;
                let _ = writeln!(text, "{number} {}  # {reason}", quoted_line(&command));
            }
        }
    }
    let head = session.output.say(
        "# 一行一条命令，# 之后为理由。可改、可删、可在行首加 # 停用；行首的编号请勿改动，每个编号最多执行一次。",
        "# One command a line; its reason follows the #. Edit, strike, or put a # in front; leave the numbers: each is run at most once.",
    );
    let file = read.sha256.map(|digest| digest.to_string()).unwrap_or_default();
    let text =
        format!("{RECONCILIATION} {}\n{AGENCY} {agency}\n# {} {file}\n{head}\n{text}", recorded.event, book.display());
    write_atomically(out, text.as_bytes()).map_err(Failure::file(out))?;
    let shown = out.display();
    session.output.note(
        format!("已写出 {number} 条命令（另有 {remarks} 条只有说明）：{shown}；核对后用 reconcile --apply 执行"),
        format!("{number} commands (and {remarks} remarks without one): {shown}; look through it, then run it with reconcile --apply"),
    );
    Ok(())
}

fn subject(compared: &Compared, item: &Item) -> String {
    let row = item.row.map(|row| &compared.book.rows[row as usize]).map(|row| {
        let sheet = compared.book.sheets.get(&row.sheet).map(|sheet| format!("{sheet}!")).unwrap_or_default();
        format!("{sheet}{}", row.number)
    });
    let case = item.case.map(|case| compared.cases[case as usize].id.to_string());
    row.into_iter().chain(case).collect::<Vec<_>>().join(" / ")
}
