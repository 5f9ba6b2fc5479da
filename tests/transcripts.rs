//! Runs every command of the transcripts beside the examples, and compares what it prints.
//!
//! A transcript is a `console` block in `examples/NAME.md`. In it a line that begins with `$ ` is
//! a command for the shell, `? 2` behind it its exit code if that is not zero, and the lines up to
//! the next command are what it prints, errors included. `[..]` stands for anything in a line, a
//! line of `...` for any lines. All commands of one page run in one empty folder.

#![cfg(unix)]

#[path = "course/program.rs"]
mod program;
#[macro_use]
#[path = "../examples/support/programs.rs"]
mod programs;
#[path = "it/watchdog.rs"]
mod watchdog;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A test for each page.
macro_rules! transcripts {
    ($($name:ident)*) => {
        $(
            #[test]
            fn $name() {
                let programs = program::folder_with(stringify!($name));
                watchdog::within(concat!("transcript of ", stringify!($name)), move || {
                    check(stringify!($name), programs);
                });
            }
        )*

        const PAGES: &[&str] = &[$(stringify!($name)),*];
    };
}

programs!(transcripts);

#[test]
fn every_program_has_a_page_that_is_run() {
    let examples = fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/examples"));
    for entry in examples.expect("the examples") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|extension| extension == "rs" || extension == "md") {
            let name = path.file_stem().unwrap_or_default().to_string_lossy();
            assert!(PAGES.contains(&&*name), "examples/support/programs.rs does not list {name}");
        }
    }
}

fn check(example: &str, programs: PathBuf) {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(format!("{example}.md"));
    let text = fs::read_to_string(&page).unwrap_or_else(|e| panic!("{}: {e}", page.display()));
    let commands = commands(&text);
    assert!(!commands.is_empty(), "{} has no console block", page.display());
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = [programs].into_iter().chain(std::env::split_paths(&path));
    let path = std::env::join_paths(folders).expect("a PATH with one more folder");
    let folder = tempfile::tempdir().expect("a folder to run in");
    let help = Command::new(program::example(example)).arg("--help").output().expect("it starts");
    let usage = format!("Usage: {example} [OPTIONS]");
    let help = (help.status, String::from_utf8_lossy(&help.stdout));
    assert!(help.0.success() && help.1.contains(&usage), "{example} --help: {help:?}");
    for command in &commands {
        watchdog::step(&command.line);
        let output = Command::new("sh")
            .args(["-c", &format!("{{ {} ; }} 2>&1", command.line)])
            .env("PATH", &path)
            .current_dir(&folder)
            .output()
            .expect("a shell");
        let printed = String::from_utf8_lossy(&output.stdout);
        let lines: Vec<&str> = printed.lines().map(str::trim_end).collect();
        assert!(
            output.status.code() == Some(command.code) && matches(&command.expected, &lines),
            "{}, line {}: $ {}\n--- expected, with exit code {}\n{}\n--- printed, with {}\n{}",
            page.display(),
            command.at,
            command.line,
            command.code,
            command.expected.join("\n"),
            output.status,
            printed,
        );
    }
}

#[derive(Debug, PartialEq)]
struct Transcribed {
    /// The number of its line in the page.
    at: usize,
    line: String,
    code: i32,
    expected: Vec<String>,
}

fn commands(page: &str) -> Vec<Transcribed> {
    let mut commands: Vec<Transcribed> = Vec::new();
    let mut inside = false;
    let mut begun = false;
    for (at, line) in page.lines().enumerate() {
        if line.starts_with("```") {
            inside = line == "```console";
            begun = false;
        } else if !inside {
        } else if let Some(line) = line.strip_prefix("$ ") {
            begun = true;
            let line = line.to_owned();
            commands.push(Transcribed { at: at + 1, line, code: 0, expected: Vec::new() });
        } else if let (true, Some(command)) = (begun, commands.last_mut()) {
            match line.strip_prefix("? ").map(str::parse) {
                Some(Ok(code)) => command.code = code,
                _ => command.expected.push(line.trim_end().to_owned()),
            }
        }
    }
    commands
}

/// Whether `lines` fit the pattern `expected`.
fn matches(expected: &[String], lines: &[&str]) -> bool {
    match expected.split_first() {
        None => lines.is_empty(),
        Some((any, rest)) if any == "..." => {
            (0..=lines.len()).any(|skipped| matches(rest, &lines[skipped..]))
        }
        Some((first, rest)) => lines
            .split_first()
            .is_some_and(|(line, others)| fits(first, line) && matches(rest, others)),
    }
}

fn fits(pattern: &str, line: &str) -> bool {
    match pattern.split_once("[..]") {
        None => pattern == line,
        Some((before, after)) => line.strip_prefix(before).is_some_and(|rest| {
            rest.char_indices()
                .map(|(at, _)| at)
                .chain([rest.len()])
                .any(|at| fits(after, &rest[at..]))
        }),
    }
}

#[test]
fn wildcards_match_what_they_stand_for_and_no_more() {
    assert!(fits("a[..]c", "abbc") && fits("a[..]", "a") && fits("[..]1[..]", "213"));
    assert!(!fits("a[..]c", "abcd") && !fits("abc", "abcd") && !fits("[..]4", "213"));
    let pattern = |text: &str| -> Vec<String> { text.lines().map(str::to_owned).collect() };
    assert!(matches(&pattern("a\n...\nd"), &["a", "b", "c", "d"]));
    assert!(matches(&pattern("..."), &[]));
    assert!(!matches(&pattern("a\n...\nd"), &["a", "b"]));
    assert!(!matches(&pattern("a"), &["a", "b"]));
}

#[test]
fn a_page_is_read_as_its_rules_say() {
    let page = "text\n```console\n$ one\nout\n$ two\n? 2\n```\n$ no\n```text\n$ no\n```\n";
    let read = commands(page);
    assert_eq!(read.len(), 2);
    assert_eq!((read[0].at, read[0].code, &*read[0].line), (3, 0, "one"));
    assert_eq!(read[0].expected, ["out"]);
    assert_eq!((read[1].at, read[1].code, read[1].expected.len()), (5, 2, 0));
}
