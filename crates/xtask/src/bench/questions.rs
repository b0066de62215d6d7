//! What people ask of a large read model: processor time of whole commands, from the start of the program to its end.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use fengsui_projector::query::{CaseFilter, Reader};

use super::measure::processor_time;
use crate::failure::Failure;

const ROUNDS: u32 = 50;

/// Processor time of `unit ledger` and of `case show` on the last case of the read model and its unit.
pub fn ledger_and_case(program: &Path, folder: &Path) -> Result<(Duration, Duration), Failure> {
    let reader = Reader::open(&folder.join("model.sqlite")).map_err(Failure::bench("the read model"))?;
    let filter = CaseFilter { limit: Some(1_000), ..CaseFilter::default() };
    let cases = reader.view().cases(&filter).map_err(Failure::bench("the read model"))?;
    let Some(case) = cases.last() else {
        return Err(Failure::Bench { what: "the read model", reason: "it has no case".to_owned() });
    };
    let ledger = time_of(program, folder, &["unit", "ledger", &case.unit.to_string()])?;
    let show = time_of(program, folder, &["case", "show", &case.case.to_string()])?;
    Ok((ledger, show))
}

fn time_of(program: &Path, folder: &Path, arguments: &[&str]) -> Result<Duration, Failure> {
    let before = processor_time()?;
    for _ in 0..ROUNDS {
        let mut command = Command::new(program);
        command.arg("--data").arg(folder).args(arguments).stdout(Stdio::null()).stderr(Stdio::null());
        let status = command.status().map_err(Failure::file(program))?;
        if !status.success() {
            let reason = format!("`{}` ended with {status}", arguments.join(" "));
            return Err(Failure::Bench { what: "the program", reason });
        }
    }
    Ok(processor_time()?.saturating_sub(before) / ROUNDS)
}
