use crate::ch10_speedup::scene::{Recorder, Seen};
use crate::ch10_speedup::{Options, Outcome, broken, fixed};
use crate::played;

fn play(flags: &'static str, run: fn(&Options, &Recorder) -> Outcome) -> Outcome {
    let outcome = played("ch10_speedup", flags, move |options| run(&options, &Recorder::off()));
    assert_eq!(outcome.verdict().err(), None, "{outcome}");
    outcome
}

#[test]
fn a_pool_of_one_is_not_sequential() {
    let outcome = play("--numbers 2000", broken);
    assert!(!outcome.really_sequential);
    assert_eq!(outcome.runs, (0, 1));
}

#[test]
fn a_loop_is_sequential_and_all_find_the_same_primes() {
    let outcome = play("--numbers 2000 --runs 3 --workers 4", fixed);
    assert!(outcome.really_sequential);
    let workers: Vec<_> = outcome.rows.iter().map(|row| row.workers).collect();
    assert_eq!(workers, [None, Some(1), Some(2), Some(4)]);
    assert!(outcome.rows.iter().all(|row| row.found == 303), "pi(2000) = 303: {outcome}");
    let alone = play("--numbers 2000 --runs 1 --workers 1", fixed);
    assert_eq!(alone.rows.len(), 2);
}
