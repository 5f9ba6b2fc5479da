use crate::ch09_recursive_sum::scene::{Recorder, Seen};
use crate::ch09_recursive_sum::{Options, broken, fixed};
use crate::played;
use crate::program::example;
use crate::watchdog::within;

fn play<S: Seen + Send + 'static>(flags: &'static str, run: fn(&Options, &Recorder) -> S) -> S {
    let outcome =
        played("ch09_recursive_sum", flags, move |options| run(&options, &Recorder::off()));
    assert_eq!(outcome.verdict().err(), None, "{outcome}");
    outcome
}

#[test]
fn workers_that_only_wait_are_soon_all_waiting() {
    let stuck = play("--workers 2", broken);
    assert_eq!((stuck.ended, stuck.workers, stuck.queued), (false, 2, 3));
    let stuck = play("--workers 7", broken);
    assert_eq!((stuck.ended, stuck.workers, stuck.queued), (false, 7, 8));
}

#[test]
fn all_ways_give_the_same_sum() {
    let outcome = play("--to 3000000 --threshold 1000", fixed);
    assert_eq!((outcome.ways.len(), outcome.exact), (3, 4_499_998_500_000));
    play("--to 1 --threshold 1 --workers 1", fixed);
    play("--to 1000 --threshold 1 --workers 7", fixed);
}

#[test]
fn processes_give_it_too() {
    let program = example("ch09_recursive_sum");
    let shown = within("ch09_recursive_sum --processes", move || {
        let program = std::process::Command::new(program);
        let flags = ["--fixed", "--processes", "--to", "1000003"];
        let output = { program }.args(flags).output().expect("it runs");
        String::from_utf8_lossy(&output.stdout).into_owned()
    });
    assert!(shown.contains("processes       500,002,500,003"), "{shown}");
    assert!(shown.ends_with("All 4 agree with n(n - 1)/2.\n"), "{shown}");
}
