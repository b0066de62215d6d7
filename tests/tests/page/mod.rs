//! A page of the documentation that people type from: its commands are run as they stand, and what they print is compared with it.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use fengsui_tests::{Folder, project};

/// Stands in the page for what differs from run to run: in a line for a part of it, alone in a line for any lines.
const ELIDED: char = '…';
/// How long a whole page may take on a slow and busy machine.
const PATIENCE: Duration = Duration::from_mins(8);

/// A page and its shell blocks.
pub struct Page {
    name: &'static str,
    blocks: Vec<Block>,
}

/// A shell block of the page with what the page shows below it.
struct Block {
    /// Where it begins in the page.
    line: usize,
    script: String,
    shown: Option<String>,
}

impl Page {
    /// Reads a page. Every block of text belongs to the shell block above it.
    pub fn read(name: &'static str) -> Self {
        let page = fs::read_to_string(project().join(name)).unwrap();
        let mut blocks: Vec<Block> = Vec::new();
        let mut lines = page.lines().zip(1..);
        while let Some((fence, line)) = lines.next() {
            let Some(kind) = fence.strip_prefix("```") else { continue };
            let inside = lines.by_ref().map(|(text, _)| text).take_while(|text| *text != "```");
            let text: String = inside.flat_map(|text| [text, "\n"]).collect();
            match kind {
                "sh" => blocks.push(Block { line, script: text, shown: None }),
                "text" => {
                    let above = blocks.last_mut().filter(|block| block.shown.is_none());
                    above.unwrap_or_else(|| panic!("{name}:{line}: no shell block above")).shown = Some(text);
                }
                _ => {}
            }
        }
        assert!(blocks.len() >= 20, "{name}: only {} blocks were found", blocks.len());
        Self { name, blocks }
    }

    /// Runs the page in an empty folder, with these programs on the path and these variables beside `PROJECT`. It must succeed, print what it
    /// shows, and leave no process behind. Gives the errors that were told on the way.
    pub fn run(&self, programs: &[PathBuf], variables: &[(&str, String)]) -> Vec<String> {
        let folder = Folder::new();
        let (status, leftover) = Run::start(self, &folder, programs, variables).end();
        let (name, path) = (self.name, folder.path());
        let told = |faults: &str| format!("{faults}\n\n{}", self.transcript(path));
        assert!(status.is_some_and(|status| status.success()), "{}", told(&format!("the page ended with {status:?}")));
        assert!(!leftover, "{}", told("the page leaves processes behind"));
        let mut faults = String::new();
        let mut errors = Vec::new();
        for (number, block) in self.blocks.iter().enumerate() {
            let printed = fs::read_to_string(output(path, number)).unwrap();
            let said = fs::read_to_string(remarks(path, number)).unwrap();
            errors.extend(said.lines().filter(|line| line.starts_with("error")).map(str::to_owned));
            let line = block.line;
            if block.shown.as_ref().is_some_and(|shown| !agrees(shown, &printed)) {
                writeln!(faults, "{name}:{line}: prints something else than the page shows").unwrap();
            }
            if said.contains("panicked at") {
                writeln!(faults, "{name}:{line}: panics").unwrap();
            }
        }
        assert!(faults.is_empty(), "{}", told(&faults));
        errors
    }

    /// What was typed and what came of it, as far as it went, with the logs of the processes that still ran.
    fn transcript(&self, folder: &Path) -> String {
        let mut all = String::new();
        for (number, block) in self.blocks.iter().enumerate() {
            let Ok(printed) = fs::read_to_string(output(folder, number)) else { break };
            let said = fs::read_to_string(remarks(folder, number)).unwrap_or_default();
            let (name, line, script) = (self.name, block.line, &block.script);
            writeln!(all, "--- {name}:{line}\n{script}--- prints\n{printed}--- says\n{said}").unwrap();
        }
        let places = fs::read_dir(folder.join("work")).into_iter().flatten().map(|entry| entry.unwrap().path());
        for entry in places.flat_map(fs::read_dir).flatten() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "log") {
                let log = fs::read_to_string(&path).unwrap_or_default();
                writeln!(all, "--- {}\n{log}", path.display()).unwrap();
            }
        }
        all
    }
}

/// Whether what was printed is what the page shows. White space between words does not count: pipes get tabs, people columns.
pub fn agrees(shown: &str, printed: &str) -> bool {
    let words = |text: &str| text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    let (shown, printed): (Vec<String>, Vec<String>) = (words(shown), words(printed));
    lines_agree(&shown, &printed)
}

fn lines_agree(shown: &[String], printed: &[String]) -> bool {
    let Some((line, shown_below)) = shown.split_first() else { return printed.is_empty() };
    if line.chars().eq([ELIDED]) {
        return (0..=printed.len()).any(|skipped| lines_agree(shown_below, &printed[skipped..]));
    }
    let Some((first, printed_below)) = printed.split_first() else { return false };
    line_agrees(line, first) && lines_agree(shown_below, printed_below)
}

/// What is elided in a line is never nothing.
fn line_agrees(shown: &str, printed: &str) -> bool {
    let Some((before, after)) = shown.split_once(ELIDED) else { return shown == printed };
    let Some(rest) = printed.strip_prefix(before) else { return false };
    let places = rest.char_indices().skip(1).map(|(at, _)| at).chain([rest.len()]);
    !rest.is_empty() && places.into_iter().any(|at| line_agrees(after, &rest[at..]))
}

/// The page's commands in one shell. All processes that it started are killed when this is dropped.
struct Run {
    shell: Child,
}

impl Run {
    fn start(page: &Page, folder: &Folder, programs: &[PathBuf], variables: &[(&str, String)]) -> Self {
        let work = folder.path().join("work");
        fs::create_dir(&work).unwrap();
        let mut script = String::new();
        for (number, block) in page.blocks.iter().enumerate() {
            let (output, remarks) = (output(folder.path(), number), remarks(folder.path(), number));
            writeln!(script, "exec >'{}' 2>'{}'", output.display(), remarks.display()).unwrap();
            script.push_str(&block.script);
        }
        let mut path = String::new();
        for program in programs {
            write!(path, "{}:", program.parent().unwrap().display()).unwrap();
        }
        path.push_str(&std::env::var("PATH").unwrap_or_default());
        let mut command = Command::new("sh");
        command.args(["-euc", &script]).current_dir(&work).env_clear().process_group(0);
        command.env("PATH", path).env("PROJECT", project()).envs(variables.iter().map(|(name, value)| (name, value)));
        let shell = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        Self { shell }
    }

    /// Waits for the end of the page. Says how it ended, nothing when it has not ended in time, and whether it left processes behind.
    fn end(mut self) -> (Option<ExitStatus>, bool) {
        let began = Instant::now();
        let status = loop {
            let ended = self.shell.try_wait().unwrap();
            if ended.is_some() || began.elapsed() > PATIENCE {
                break ended;
            }
            thread::sleep(Duration::from_millis(50));
        };
        (status, self.signal("0"))
    }

    /// Sends a signal to the shell and all that it started. Says whether there is any such process.
    fn signal(&self, name: &str) -> bool {
        let command = format!("kill -{name} -{} 2>/dev/null", self.shell.id());
        Command::new("sh").args(["-c", &command]).status().unwrap().success()
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        self.signal("KILL");
        // One that has ended already is only counted.
        let _ = self.shell.wait();
    }
}

fn output(folder: &Path, block: usize) -> PathBuf {
    folder.join(format!("{block}.output"))
}

fn remarks(folder: &Path, block: usize) -> PathBuf {
    folder.join(format!("{block}.remarks"))
}
