use crate::ch07_barrier::scene::{Recorder, Seen as _};
use crate::ch07_barrier::{Options, Outcome, RIGHT, broken, fixed};
use crate::played;

fn play(run: fn(&Options, &Recorder) -> Outcome) -> Outcome {
    let outcome =
        played("ch07_barrier", "--runs 20", move |options| run(&options, &Recorder::off()));
    assert!(outcome.verdict().is_ok(), "{outcome}");
    outcome
}

#[test]
fn a_barrier_for_half_of_them_separates_nothing() {
    assert_eq!(play(broken).results, [(47, 20)].into());
}

#[test]
fn a_barrier_for_all_gives_one_result() {
    assert_eq!(play(fixed).results, [(RIGHT, 20)].into());
}
