//! A replay in a process of its own, so that its memory is its own.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use fengsui_log::{Embedded, Position};
use fengsui_node::folder::Folder;
use fengsui_node::node::genesis;
use fengsui_projector::fold::admission::SignatureCheck;
use fengsui_projector::{FollowOptions, Unwatched};

use super::measure::{Taken, peak_memory_mib, taken};
use crate::failure::Failure;

/// What a replay took.
#[derive(Clone, Copy, Debug)]
pub struct Replayed {
    /// Events folded.
    pub events: u64,
    /// Time.
    pub taken: Taken,
    /// Most memory held, in MiB.
    pub peak_mib: u64,
}

/// Replays a folder's log up to a position, in a child.
pub fn replay(folder: &Path, verify: bool, until: u64) -> Result<Replayed, Failure> {
    let program = std::env::current_exe().map_err(Failure::file("this program"))?;
    let mut command = Command::new(&program);
    command.arg("bench").arg("--replay").arg(folder).arg(if verify { "verify" } else { "trust" });
    let output = command.arg(until.to_string()).output().map_err(Failure::file(program))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let numbers: Vec<u64> = text.split_whitespace().filter_map(|number| number.parse().ok()).collect();
    let [events, wall, processor, peak_mib] = numbers[..] else {
        let reason = format!("the child said {text:?} and {}", String::from_utf8_lossy(&output.stderr));
        return Err(Failure::Bench { what: "replay", reason });
    };
    let taken = Taken { wall: Duration::from_millis(wall), processor: Duration::from_millis(processor) };
    Ok(Replayed { events, taken, peak_mib })
}

/// The child: replays and prints events, milliseconds on the wall and of processor time, and MiB.
pub fn child(arguments: &[String]) -> Result<(), Failure> {
    let [folder, check, until] = arguments else {
        return Err(Failure::Bench { what: "replay", reason: "three arguments are needed".to_owned() });
    };
    let folder = Folder::open(PathBuf::from(folder)).map_err(Failure::bench("the city"))?;
    let check = if check == "verify" { SignatureCheck::Verify } else { SignatureCheck::Trust };
    let until = until.parse().ok().and_then(Position::new);
    let into = tempfile::tempdir_in(crate::workspace::target()).map_err(Failure::file("target"))?;
    let log = Embedded::open_reader(folder.log()).map_err(Failure::bench("the log"))?;
    let options = FollowOptions { check, until, ..FollowOptions::default() };
    let (progress, taken) = taken(|| {
        let path = into.path().join("model.sqlite");
        fengsui_projector::replay::rebuild(&path, genesis(folder.exchange()), &log, options, &mut Unwatched)
            .map_err(Failure::bench("replay"))
    })?;
    let milliseconds = |time: Duration| time.as_millis();
    println!(
        "{} {} {} {}",
        progress.position,
        milliseconds(taken.wall),
        milliseconds(taken.processor),
        peak_memory_mib()?
    );
    Ok(())
}
