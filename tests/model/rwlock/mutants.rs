//! The weakened machines, and the models that must see each of them fail.

use brigade::internals::Mutant::*;

use crate::contrast::{Contrast, all_are_caught, loom, shuttle};

const RACE: &[&str] = &["Causality violation"];
const DEADLOCK: &[&str] = &["deadlock"];

/// A lock that is handed over and not held: whatever comes of it first. Somebody walks in beside the
/// one who has it, or, before that one has looked, past the line; and who leaves what does not look held
/// takes the count of readers below zero.
const NOT_HELD: &[&str] = &[
    "a writer beside somebody",
    "a reader beside a writer",
    "was passed by",
    "entered while an upgrade was under way",
    "no model has that many readers",
    "a trace stayed behind",
    "deadlock",
];

const THREE_WRITERS: &str = "rwlock::exhaustive::phase_fair::three_writers";

pub(crate) const CONTRASTS: &[Contrast] = &[
    loom(RwEnterRelaxed, THREE_WRITERS, RACE),
    loom(RwLeaveRelaxed, THREE_WRITERS, RACE),
    loom(RwLastReaderRelaxed, "rwlock::exhaustive::phase_fair::readers_and_a_writer", RACE),
    loom(RwQueueUnchecked, "rwlock::exhaustive::phase_fair::writers_and_a_reader", DEADLOCK),
    loom(RwHandOffSkipsFlag, THREE_WRITERS, &["a trace stayed behind"]),
    loom(
        RwTimeoutTellsNobody,
        "rwlock::exhaustive::phase_fair::timed_writer_frees_the_readers_behind_it",
        DEADLOCK,
    ),
    loom(
        RwUpgradeTimeoutTellsNobody,
        "rwlock::exhaustive::phase_fair::timed_upgrade_frees_the_readers_behind_it",
        DEADLOCK,
    ),
    loom(RwDowngradeAdmitsNobody, "rwlock::exhaustive::phase_fair::downgrade", DEADLOCK),
    shuttle(RwFastPathIgnoresQueue, "rwlock::schedules::phase_fair::crowd", &["a reader joined"]),
    shuttle(RwReadersComeSecond, "rwlock::schedules::phase_fair::crowd", &["a reader waited for"]),
    shuttle(RwStealsUncounted, "rwlock::schedules::bypass_1::crowd", &["steals from one elected"]),
    shuttle(RwHandOffSkipsFlag, "rwlock::schedules::task_fair::crowd", NOT_HELD),
];

#[test]
fn every_mutant_is_caught() {
    all_are_caught(CONTRASTS);
}
