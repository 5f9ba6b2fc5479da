//! Runs models on weakened code, where they must fail: a checker that cannot fail proves nothing.
//!
//! A mutant weakens the whole process, and a model that fails may abort it, so each contrast gets
//! a child process: this test binary again, with one test and one mutant.

use std::process::Command;
use std::time::Instant;

use brigade::internals::Mutant;

/// A weakening, the model that must notice it, and what that model must say: one of these texts.
pub(crate) struct Contrast {
    pub(crate) mutant: Mutant,
    model: &'static str,
    says: &'static [&'static str],
    here: bool,
}

/// Under both checkers.
pub(crate) const fn both(
    mutant: Mutant,
    model: &'static str,
    says: &'static [&'static str],
) -> Contrast {
    Contrast { mutant, model, says, here: true }
}

/// Under loom alone: what leans on an ordering or a fence, as shuttle knows no weak memory.
pub(crate) const fn loom(
    mutant: Mutant,
    model: &'static str,
    says: &'static [&'static str],
) -> Contrast {
    Contrast { mutant, model, says, here: cfg!(brigade_loom) }
}

/// Under shuttle alone: what takes more threads than loom can hold.
pub(crate) const fn shuttle(
    mutant: Mutant,
    model: &'static str,
    says: &'static [&'static str],
) -> Contrast {
    Contrast { mutant, model, says, here: cfg!(brigade_shuttle) }
}

/// Runs every model under its mutant and demands that each fails for the reason given.
#[track_caller]
pub(crate) fn all_are_caught(contrasts: &[Contrast]) {
    let mut survived = Vec::new();
    for contrast in contrasts.iter().filter(|contrast| contrast.here) {
        let Contrast { mutant, model, .. } = contrast;
        let began = Instant::now();
        match contrast.said() {
            Ok(said) => println!("{mutant:?} -> {model}: {said} ({:.2?})", began.elapsed()),
            Err(why) => survived.push(why),
        }
    }
    assert!(survived.is_empty(), "{}", survived.join("\n\n"));
}

impl Contrast {
    /// The line in which the model said what it must say.
    fn said(&self) -> Result<String, String> {
        let Self { mutant, model, says, .. } = self;
        let run = Command::new(std::env::current_exe().expect("the test binary"))
            .args(["--exact", model, "--nocapture", "--test-threads=1"])
            .env(Mutant::ARMS, format!("{mutant:?}"))
            .env("RUST_BACKTRACE", "0")
            .output()
            .expect("a child process");
        let said = [run.stdout, run.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        if !said.contains("running 1 test") {
            return Err(format!("{model} is not the name of one test:\n{said}"));
        }
        if run.status.success() {
            return Err(format!("{model} does not notice {mutant:?}"));
        }
        let told = |line: &&str| says.iter().any(|text| line.contains(text));
        match said.lines().find(told) {
            Some(line) => Ok(line.trim().chars().take(160).collect()),
            None => {
                Err(format!("{model} fails under {mutant:?}, but says none of {says:?}:\n{said}"))
            }
        }
    }
}

#[test]
fn no_mutant_is_without_a_model() {
    let known: Vec<_> = crate::CONTRASTS.iter().copied().flatten().map(|c| c.mutant).collect();
    let forgotten: Vec<_> = Mutant::ALL.iter().filter(|mutant| !known.contains(mutant)).collect();
    assert!(forgotten.is_empty(), "no model is named for {forgotten:?}");
}
