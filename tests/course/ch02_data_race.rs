use crate::ch02_data_race::scene::{Recorder, Seen as _};
use crate::ch02_data_race::{Options, Outcome, atomic, broken, fixed};
use crate::played;

fn play(flags: &'static str, run: fn(&Options, &Recorder) -> Outcome) -> Outcome {
    played("ch02_data_race", flags, move |options: Options| run(&options, &Recorder::off()))
}

#[test]
fn what_two_write_at_once_is_lost() {
    // Both read 0, both write 1, on however few cores.
    let outcome = play("--garlic 1", broken);
    assert_eq!((outcome.expected, outcome.garlic, outcome.lost()), (2, 1, 1));
    let outcome = play("--garlic 10000", broken);
    assert_eq!(outcome.expected, 20_000);
    assert!(outcome.lost() >= 1, "{outcome}");
    assert!(outcome.verdict().is_ok());
}

#[test]
fn one_at_a_time_or_in_one_step_nothing_is() {
    for run in [fixed, atomic] {
        let outcome = play("--garlic 10000", run);
        assert_eq!((outcome.garlic, outcome.lost()), (20_000, 0));
        assert!(outcome.verdict().is_ok());
    }
}
