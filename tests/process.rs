//! The process workers from outside. The program that the workers run is this one, so it has a `main`
//! of its own; and it plays the part of programs that are no good workers, too.

#![cfg(not(any(brigade_loom, brigade_shuttle)))]

#[path = "it/alone.rs"]
#[allow(dead_code)]
mod alone;
#[path = "it/census.rs"]
#[allow(dead_code, unused_imports)]
mod census;
#[path = "process/jobs.rs"]
mod jobs;
#[path = "process/parts.rs"]
mod parts;
#[path = "process/suite.rs"]
mod suite;
#[path = "it/watchdog.rs"]
#[allow(dead_code, unused_imports)]
mod watchdog;

use libtest_mimic::{Arguments, Trial};

fn main() {
    if parts::plays_before_init() {
        return;
    }
    brigade::process::init(jobs::ALL);
    if parts::plays_after_init() {
        return;
    }
    let mut arguments = Arguments::from_args();
    // Each test counts processes and open files, so they take turns.
    arguments.test_threads = Some(1);
    let trials = suite::ALL.iter().map(|(name, test)| {
        Trial::test(*name, move || {
            census::unchanged_here(name, *test);
            Ok(())
        })
    });
    libtest_mimic::run(&arguments, trials.collect()).exit();
}
