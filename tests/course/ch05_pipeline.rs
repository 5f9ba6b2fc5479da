use crate::ch05_pipeline::scene::{Recorder, Seen as _};
use crate::ch05_pipeline::{Little, Options, Outcome, STEPS, alone, chained, eased};
use crate::played;
use std::time::Duration;

const BRIEF: &str = "--vegetables 20";

fn play(run: fn(&Options, &Recorder) -> Outcome) -> Outcome {
    let outcome = played("ch05_pipeline", BRIEF, move |options| run(&options, &Recorder::off()));
    assert_eq!(outcome.verdict().err(), None, "{outcome}");
    outcome
}

#[test]
fn one_pair_of_hands_takes_the_sum_of_all_steps() {
    let outcome = play(alone);
    let all: Duration = STEPS.iter().map(|(_, takes)| *takes).sum();
    assert!(outcome.took >= all * 20);
    // One at a time is in the kitchen.
    assert!((0.9..=1.0).contains(&outcome.little().inside), "{outcome}");
}

#[test]
fn the_cook_holds_up_the_chain() {
    let outcome = play(chained);
    assert_eq!(outcome.bottleneck(), Some("cook"));
    assert!(outcome.report.is_some_and(|report| report.items == 20));
}

#[test]
fn three_cooks_keep_the_order() {
    let outcome = play(eased);
    assert!(outcome.served.is_sorted());
    let cook = outcome.report.as_ref().and_then(|report| report.stage("cook"));
    assert_eq!(cook.map(|cook| (cook.workers, cook.taken)), Some((3, 20)));
}

#[test]
fn littles_law_holds_of_what_was_seen() {
    for run in [alone, chained, eased] {
        let little = play(run).little();
        assert!(little.holds(), "{little:?}");
    }
    assert!(!Little { inside: 2.0, rate: 1.0, stay: 1.0 }.holds());
}
