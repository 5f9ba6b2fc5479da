//! Explores a model, and shows that it can fail.
//!
//! A failing loom run may abort the process, so a model meets its mutants in a child process: this
//! test binary again, told by an environment variable which weakening to arm.

use std::process::Command;

use brigade::internals::{Mutant, arm};

const ARMED: &str = "BRIGADE_MUTANT";

/// Runs `model` under the checker of this build, with the mutant that this process is to arm.
pub(crate) fn explore(mutants: &[Mutant], model: impl Fn() + Send + Sync + 'static) {
    if let Ok(name) = std::env::var(ARMED) {
        let armed = mutants.iter().copied().find(|mutant| format!("{mutant:?}") == name);
        assert!(armed.is_some(), "{name} is not a mutant of this model");
        arm(armed);
    }
    check(model);
}

#[cfg(brigade_loom)]
fn check(model: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = builder.preemption_bound.or(Some(2));
    builder.check(model);
}

#[cfg(brigade_shuttle)]
fn check(model: impl Fn() + Send + Sync + 'static) {
    let model = std::sync::Arc::new(model);
    let again = std::sync::Arc::clone(&model);
    shuttle::check_pct(move || again(), 2500, 3);
    shuttle::check_random(move || model(), 2500);
}

/// Asserts that the test `model` fails with one of `signs` when `mutant` is armed.
#[track_caller]
pub(crate) fn caught(model: &str, mutant: Mutant, signs: &[&str]) {
    let name = format!("{mutant:?}");
    let run = Command::new(std::env::current_exe().expect("a test has a path"))
        .args(["--exact", model, "--nocapture", "--test-threads=1"])
        .env(ARMED, &name)
        .env("RUST_BACKTRACE", "0")
        .output()
        .expect("a test can be run again");
    let output = String::from_utf8_lossy(&run.stdout) + String::from_utf8_lossy(&run.stderr);
    assert!(output.contains("running 1 test"), "{model} is not a test:\n{output}");
    assert!(!run.status.success(), "{model} does not notice {name}:\n{output}");
    assert!(
        signs.iter().any(|sign| output.contains(sign)),
        "{model} fails under {name}, but not by {signs:?}:\n{output}"
    );
}
