use crate::ch08_thread_pool::scene::{Recorder, Seen};
use crate::ch08_thread_pool::{Options, Outcome, VEGETABLES, WORKERS, broken, fixed};
use crate::played;
use crate::program::example;
use crate::watchdog::within;

fn play(run: fn(&Options, &Recorder) -> Outcome) -> Outcome {
    let outcome = played("ch08_thread_pool", "", move |options| run(&options, &Recorder::off()));
    assert_eq!(outcome.verdict().err(), None, "{outcome}");
    outcome
}

#[test]
fn a_thread_for_each_vegetable_is_a_hundred_threads() {
    assert_eq!(play(broken).started, 100);
}

#[test]
fn a_pool_chops_with_five() {
    let outcome = play(fixed);
    assert_eq!((outcome.started, outcome.chopped.len()), (WORKERS, WORKERS));
    assert!(outcome.chopped.keys().all(|cook| cook.starts_with("cook-")));
    assert_eq!(outcome.chopped.values().sum::<u32>(), VEGETABLES);
}

/// The workers run the program, so it has to be one.
#[test]
fn all_are_chopped_by_processes_of_which_one_is_killed() {
    let shown = within("ch08_thread_pool --processes", || {
        let program = std::process::Command::new(example("ch08_thread_pool"));
        let output = { program }.arg("--processes").output().expect("it runs");
        String::from_utf8_lossy(&output.stdout).into_owned()
    });
    assert!(shown.contains("chopped         100 of 100"), "{shown}");
    assert!(shown.contains("killed          process "), "{shown}");
    assert!(shown.ends_with("all 100 are chopped.\n"), "{shown}");
}
