use crate::ch03_reentrant_lock::scene::{Recorder, Seen as _};
use crate::ch03_reentrant_lock::{GaveUp, Options, Outcome, broken, fixed, handed_on};
use crate::played;

fn play(run: fn(&Options, &Recorder) -> Outcome) -> Outcome {
    let flags = "--rounds 50 --patience 5";
    played("ch03_reentrant_lock", flags, move |options: Options| run(&options, &Recorder::off()))
}

#[test]
fn a_thread_that_waits_for_itself_is_told_at_its_deadline() {
    let outcome = play(broken);
    assert_eq!(outcome.gave_up.len(), 2, "nobody gets through: {outcome}");
    assert!(outcome.gave_up.iter().any(GaveUp::is_its_own_fault), "{outcome}");
    // Each got as far as its first potato.
    assert!(outcome.potatoes <= 2 && outcome.garlic <= 2, "{outcome}");
    assert!(outcome.verdict().is_ok());
}

#[test]
fn reentrant_or_taken_once_every_round_comes_to_its_end() {
    for run in [fixed, handed_on] {
        let outcome = play(run);
        assert_eq!((outcome.garlic, outcome.potatoes), (200, 100));
        assert_eq!(outcome.expected(), (200, 100));
        assert!(outcome.gave_up.is_empty());
        assert!(outcome.verdict().is_ok());
    }
}
