//! Runs a model on the shipped code, where it must pass, and on each of its mutants, where it must not.
//!
//! A mutant weakens the whole process, and a model that fails may abort it, so each mutant has a
//! child process of its own: this test binary again, with this one test and one mutant.

use brigade::internals::{Mutant, arm};
use std::process::Command;

const MUTANT: &str = "BRIGADE_MUTANT";

/// Runs `model`, the body of the test called `test`; and again for each mutant, where it must fail
/// and say one of the given texts.
pub(crate) fn check(test: &str, mutants: &[(Mutant, &[&str])], model: fn()) {
    if let Ok(name) = std::env::var(MUTANT) {
        let told = mutants.iter().find(|(mutant, _)| format!("{mutant:?}") == name);
        arm(Some(told.expect("a mutant of this model").0));
        return model();
    }
    model();
    for (mutant, texts) in mutants {
        let binary = std::env::current_exe().expect("the test binary");
        let run = Command::new(binary)
            .args(["--exact", test, "--nocapture", "--test-threads=1"])
            .env(MUTANT, format!("{mutant:?}"))
            .output()
            .expect("a child process");
        let said = [run.stdout, run.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        assert!(said.contains("running 1 test"), "{test} is not the name of one test:\n{said}");
        assert!(!run.status.success(), "{test} does not notice {mutant:?}:\n{said}");
        assert!(
            texts.iter().any(|text| said.contains(text)),
            "{test} fails on {mutant:?} without any of {texts:?}:\n{said}"
        );
    }
}

/// Explores a model with at least three preemptions: two are too few for some of the mutants.
#[cfg(brigade_loom)]
pub(crate) fn explore(model: fn()) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = builder.preemption_bound.map(|bound| bound.max(3));
    builder.check(model);
}

/// Explores a model.
#[cfg(brigade_shuttle)]
pub(crate) fn explore(model: fn()) {
    shuttle::check_random(model, 3000);
    shuttle::check_pct(model, 3000, 3);
}
