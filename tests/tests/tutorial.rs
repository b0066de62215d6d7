//! What docs/tutorial-city.md tells people to type works as it stands, and prints what the page shows.

#![allow(clippy::unwrap_used)]

use std::fmt::Write as _;
use std::fs;
use std::net::TcpListener;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use fengsui_tests::{Folder, nats_server, program, project};

const PAGE: &str = "docs/tutorial-city.md";
/// Stands in the page for what differs from run to run: in a line for a part of it, alone in a line for any lines.
const ELIDED: char = '…';
/// How long the whole page may take on a slow and busy machine.
const PATIENCE: Duration = Duration::from_mins(8);
/// From a server's port to that of its numbers.
const MONITOR_DISTANCE: u16 = 4_000;

#[test]
fn every_command_of_the_tutorial_runs_and_prints_what_the_page_shows() {
    let blocks = blocks(&fs::read_to_string(project().join(PAGE)).unwrap());
    assert!(blocks.len() >= 20, "only {} blocks were found", blocks.len());
    let folder = Folder::new();
    let run = Run::start(&blocks, &folder);
    let (status, leftover) = run.end();

    let told = |faults: &str| format!("{faults}\n\n{}", transcript(&blocks, folder.path()));
    assert!(status.is_some_and(|status| status.success()), "{}", told(&format!("the page ended with {status:?}")));
    assert!(!leftover, "{}", told("the page leaves processes behind"));
    let mut faults = String::new();
    let mut errors = Vec::new();
    for (number, block) in blocks.iter().enumerate() {
        let printed = fs::read_to_string(output(folder.path(), number)).unwrap();
        let said = fs::read_to_string(remarks(folder.path(), number)).unwrap();
        errors.extend(said.lines().filter(|line| line.starts_with("error")).map(str::to_owned));
        let line = block.line;
        if block.shown.as_ref().is_some_and(|shown| !agrees(shown, &printed)) {
            writeln!(faults, "{PAGE}:{line}: prints something else than the page shows").unwrap();
        }
        if said.contains("panicked at") {
            writeln!(faults, "{PAGE}:{line}: panics").unwrap();
        }
    }
    assert!(faults.is_empty(), "{}", told(&faults));
    assert_eq!(errors.len(), 2, "{errors:#?}");
    assert!(errors[0].contains("housing has no part in the case"), "{errors:#?}");
    assert!(errors[1].contains("no TLS connection"), "{errors:#?}");
}

/// A shell block of the page with what the page shows below it.
struct Block {
    /// Where it begins in the page.
    line: usize,
    script: String,
    shown: Option<String>,
}

/// The shell blocks of a page. Every block of text belongs to the shell block above it.
fn blocks(page: &str) -> Vec<Block> {
    let mut found: Vec<Block> = Vec::new();
    let mut lines = page.lines().zip(1..);
    while let Some((fence, line)) = lines.next() {
        let Some(kind) = fence.strip_prefix("```") else { continue };
        let inside = lines.by_ref().map(|(text, _)| text).take_while(|text| *text != "```");
        let text: String = inside.flat_map(|text| [text, "\n"]).collect();
        match kind {
            "sh" => found.push(Block { line, script: text, shown: None }),
            "text" => {
                let above = found.last_mut().filter(|block| block.shown.is_none());
                above.unwrap_or_else(|| panic!("{PAGE}:{line}: no shell block above")).shown = Some(text);
            }
            _ => {}
        }
    }
    found
}

/// Whether what was printed is what the page shows. White space between words does not count: pipes get tabs, people columns.
fn agrees(shown: &str, printed: &str) -> bool {
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

#[test]
fn what_is_shown_and_what_is_printed_are_told_apart() {
    assert!(agrees("a   b\n…\nc … e\n", "a\tb\nx\ny\nc d d e\n"));
    assert!(agrees("…\nkey U…\n", "key UABC\n"));
    assert!(!agrees("a\n", "a\nb\n"), "a line more");
    assert!(!agrees("a\nb\n", "a\n"), "a line less");
    assert!(!agrees("key U…\n", "key U\n"), "nothing in its place");
    assert!(!agrees("4 digest …\n", "3 digest 12\n"));
    assert!(!agrees("due … by fire\n", "due 2026 by fire brigade\n"), "the end differs");
}

/// The page's commands in one shell. All processes that it started are killed when this is dropped.
struct Run {
    shell: Child,
}

impl Run {
    /// Starts the page in an empty folder: with the built program and nats-server on the path, and a free port for the broker.
    fn start(blocks: &[Block], folder: &Folder) -> Self {
        let work = folder.path().join("work");
        fs::create_dir(&work).unwrap();
        let mut script = String::new();
        for (number, block) in blocks.iter().enumerate() {
            let (output, remarks) = (output(folder.path(), number), remarks(folder.path(), number));
            writeln!(script, "exec >'{}' 2>'{}'", output.display(), remarks.display()).unwrap();
            script.push_str(&block.script);
        }
        let path = std::env::var("PATH").unwrap_or_default();
        let (program, server) = (program(), nats_server());
        let [program, server] = [&program, &server].map(|file| file.parent().unwrap().display());
        let mut command = Command::new("sh");
        command.args(["-euc", &script]).current_dir(&work).env_clear().process_group(0);
        command.env("PATH", format!("{program}:{server}:{path}"));
        command.env("PROJECT", project()).env("PORT", free_port().to_string());
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

/// A port that nobody listens at and whose monitoring port is free as well: outside of those that other tests take, and below those that
/// systems give to outgoing connections.
fn free_port() -> u16 {
    let is_free = |port: u16| TcpListener::bind(("127.0.0.1", port)).is_ok();
    let first = 5_000 + u16::try_from(std::process::id() % 800).unwrap();
    let free = (first..first + 200).find(|port| is_free(*port) && is_free(port + MONITOR_DISTANCE));
    free.unwrap_or_else(|| panic!("no free port above {first}"))
}

fn output(folder: &Path, block: usize) -> PathBuf {
    folder.join(format!("{block}.output"))
}

fn remarks(folder: &Path, block: usize) -> PathBuf {
    folder.join(format!("{block}.remarks"))
}

/// What was typed and what came of it, as far as it went, with the logs of the processes that still ran.
fn transcript(blocks: &[Block], folder: &Path) -> String {
    let mut all = String::new();
    for (number, block) in blocks.iter().enumerate() {
        let Ok(printed) = fs::read_to_string(output(folder, number)) else { break };
        let said = fs::read_to_string(remarks(folder, number)).unwrap_or_default();
        writeln!(all, "--- {PAGE}:{}\n{}--- prints\n{printed}--- says\n{said}", block.line, block.script).unwrap();
    }
    for place in ["work/city", "work/city-tls"] {
        for entry in fs::read_dir(folder.join(place)).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "log") {
                let log = fs::read_to_string(&path).unwrap_or_default();
                writeln!(all, "--- {}\n{log}", path.display()).unwrap();
            }
        }
    }
    all
}
