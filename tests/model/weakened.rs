//! Weakens the shipped code on purpose, to see a model fail.
//!
//! A mutant weakens the whole process, and a model that fails may abort it, so each mutant gets a
//! child process: this test binary again, with one test and one mutant.

use std::process::Command;
use std::time::{Duration, Instant};

use brigade::internals::{Mutant, arm};

const MUTANT: &str = "BRIGADE_MUTANT";

/// A weakening, the test that must notice it, and what that test must say.
pub(crate) type Weakening = (Mutant, &'static str, &'static str);

/// Arms the mutant that this process was started for; false if it was started for none.
pub(crate) fn arm_as_told(weakenings: &[Weakening]) -> bool {
    let Ok(name) = std::env::var(MUTANT) else { return false };
    let told = weakenings.iter().find(|(mutant, ..)| format!("{mutant:?}") == name);
    arm(Some(told.unwrap_or_else(|| panic!("{name} is no mutant of these models")).0));
    true
}

/// Runs every test under its mutant, in a process of its own, and demands that each fails for the
/// reason given.
pub(crate) fn all_are_caught(weakenings: &[Weakening]) {
    let mut survived = Vec::new();
    for weakening @ (mutant, test, _) in weakenings {
        match caught(weakening) {
            Ok((took, said)) => println!("{mutant:?} -> {test}: {said} ({took:.2?})"),
            Err(why) => survived.push(why),
        }
    }
    assert!(survived.is_empty(), "{}", survived.join("\n\n"));
}

/// The line in which the test said what it must say, and how long that took.
fn caught(&(mutant, test, text): &Weakening) -> Result<(Duration, String), String> {
    let began = Instant::now();
    let run = Command::new(std::env::current_exe().expect("the test binary"))
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(MUTANT, format!("{mutant:?}"))
        .output()
        .expect("a child process");
    let said = [run.stdout, run.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    if !said.contains("running 1 test") {
        return Err(format!("{test} is not the name of one test:\n{said}"));
    }
    if run.status.success() {
        return Err(format!("{test} does not notice {mutant:?}"));
    }
    match said.lines().find(|line| line.contains(text)) {
        Some(line) => Ok((began.elapsed(), line.trim().chars().take(160).collect())),
        None => Err(format!("{test} fails under {mutant:?}, but does not say {text:?}:\n{said}")),
    }
}
