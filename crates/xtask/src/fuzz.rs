//! Fuzzing of every parser of foreign bytes: the targets of `tests/fuzz`, from the inputs kept beside them.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::failure::Failure;
use crate::{step, tool, workspace};

/// Seconds for each target in CI: enough to go through the kept inputs and some thousand new ones.
const SECONDS: u32 = 5;
/// Memory in MiB that no input may need.
const MEMORY_MIB_MAX: u32 = 2_048;
/// Seconds that no input may need.
const INPUT_SECONDS_MAX: u32 = 20;

/// What to fuzz.
#[derive(Args)]
pub struct Options {
    /// Targets; all when none is named
    targets: Vec<String>,
    /// How long for each target
    #[arg(long, value_name = "SECONDS", default_value_t = SECONDS)]
    seconds: u32,
    /// Seed of the random choices; another one each time when 0
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    seed: u32,
}

impl Options {
    /// What CI does: nearly the same inputs each time, so that a change is not blamed for what others left.
    pub fn for_ci() -> Self {
        Self { targets: Vec::new(), seconds: SECONDS, seed: 1 }
    }
}

/// Runs the targets one after the other; the first input that breaks something ends it, and lies in `target/fuzz/found`.
///
/// New inputs go to `target/fuzz/corpus`; what is worth keeping is copied to `tests/fuzz/corpus` by hand.
pub fn run(options: &Options) -> Result<(), Failure> {
    let fuzz = tool::FUZZ.find_or_get()?;
    let folder = workspace::root().join("tests").join("fuzz");
    let products = workspace::target().join("fuzz");
    let call = |verb: &str| {
        let mut command = fuzz.command();
        // No sanitizer: the code has no `unsafe`, and so the stable compiler will do.
        command.args([verb, "--sanitizer", "none", "--fuzz-dir"]).arg(&folder).arg("--target-dir").arg(&products);
        command.env_remove("CARGO_TARGET_DIR");
        command
    };
    step::run("building the fuzz targets", &mut call("build"))?;
    let found = made(products.join("found"))?;
    for target in targets(&folder, &options.targets)? {
        let corpus = made(products.join("corpus").join(&target))?;
        let mut run = call("run");
        run.arg(&target).arg(corpus).arg(folder.join("corpus").join(&target)).arg("--");
        run.arg(format!("-max_total_time={}", options.seconds))
            .arg(format!("-seed={}", options.seed))
            .arg(format!("-rss_limit_mb={MEMORY_MIB_MAX}"))
            .arg(format!("-timeout={INPUT_SECONDS_MAX}"))
            .arg(format!("-artifact_prefix={}/{target}-", found.display()))
            .args(["-print_final_stats=1", "-verbosity=0"]);
        step::run("fuzzing", &mut run)?;
    }
    Ok(())
}

/// The named targets, or every one that there is, in order.
fn targets(folder: &Path, named: &[String]) -> Result<Vec<String>, Failure> {
    if !named.is_empty() {
        return Ok(named.to_vec());
    }
    let sources = folder.join("targets");
    let mut found = Vec::new();
    for entry in std::fs::read_dir(&sources).map_err(Failure::file(&sources))? {
        let path = entry.map_err(Failure::file(&sources))?.path();
        if path.extension().is_some_and(|extension| extension == "rs") {
            found.extend(path.file_stem().map(|name| name.to_string_lossy().into_owned()));
        }
    }
    found.sort();
    Ok(found)
}

fn made(folder: PathBuf) -> Result<PathBuf, Failure> {
    std::fs::create_dir_all(&folder).map_err(Failure::file(&folder))?;
    Ok(folder)
}
