//! The weakened machines, and the models that must see each of them fail.
//!
//! A failing loom run may abort its process, so each mutant runs in a child of the test binary.

use super::Mutant;
use std::process::Command;

/// A mutant, the model that catches it, and what that model says.
pub(super) const ALL: &[(Mutant, &str, &str)] = &[
    #[cfg(brigade_loom)]
    (
        Mutant::RwEnterRelaxed,
        "rwlock::exhaustive::phase_fair::three_writers",
        "Causality violation",
    ),
    #[cfg(brigade_loom)]
    (
        Mutant::RwLeaveRelaxed,
        "rwlock::exhaustive::phase_fair::three_writers",
        "Causality violation",
    ),
    #[cfg(brigade_loom)]
    (
        Mutant::RwLastReaderRelaxed,
        "rwlock::exhaustive::phase_fair::readers_and_a_writer",
        "Causality violation",
    ),
    #[cfg(brigade_loom)]
    (Mutant::RwQueueUnchecked, "rwlock::exhaustive::phase_fair::writers_and_a_reader", "deadlock"),
    #[cfg(brigade_loom)]
    (Mutant::RwHandOffSkipsFlag, "rwlock::exhaustive::phase_fair::three_writers", ""),
    #[cfg(brigade_loom)]
    (
        Mutant::RwTimeoutTellsNobody,
        "rwlock::exhaustive::phase_fair::timed_writer_frees_the_readers_behind_it",
        "deadlock",
    ),
    #[cfg(brigade_loom)]
    (
        Mutant::RwUpgradeTimeoutTellsNobody,
        "rwlock::exhaustive::phase_fair::timed_upgrade_frees_the_readers_behind_it",
        "deadlock",
    ),
    #[cfg(brigade_loom)]
    (Mutant::RwDowngradeAdmitsNobody, "rwlock::exhaustive::phase_fair::downgrade", "deadlock"),
    #[cfg(brigade_loom)]
    (Mutant::CondvarUnlocksFirst, "mutex::no_notification_is_lost", "deadlock"),
    #[cfg(brigade_shuttle)]
    (Mutant::RwFastPathIgnoresQueue, "rwlock::schedules::phase_fair::random", "a reader joined"),
    #[cfg(brigade_shuttle)]
    (Mutant::RwReadersComeSecond, "rwlock::schedules::phase_fair::random", "a reader waited for"),
    #[cfg(brigade_shuttle)]
    (Mutant::RwStealsUncounted, "rwlock::schedules::bypass_1::random", "steals"),
    #[cfg(brigade_shuttle)]
    (Mutant::RwHandOffSkipsFlag, "rwlock::schedules::task_fair::random", ""),
];

#[test]
fn every_mutant_is_caught() {
    let this = std::env::current_exe().expect("the test binary knows its own path");
    let mut escaped = Vec::new();
    for (mutant, model, says) in ALL {
        let run = Command::new(&this)
            .args(["--exact", model, "--nocapture"])
            .env("BRIGADE_MUTANT", format!("{mutant:?}"))
            .output()
            .expect("the test binary can be started");
        let text = String::from_utf8_lossy(&run.stdout) + String::from_utf8_lossy(&run.stderr);
        assert!(text.contains("running 1 test"), "no such model: {model}\n{text}");
        if run.status.success() || !text.contains(says) {
            escaped.push(format!("{mutant:?} escaped {model}:\n{text}"));
        }
    }
    assert!(escaped.is_empty(), "{}", escaped.join("\n"));
}
