use crate::ch05_producer_consumer::scene::{Recorder, Seen as _};
use crate::ch05_producer_consumer::{Options, Outcome, PLACES, broken, fixed, forgetful};
use crate::played;
use crate::program::example;
use crate::watchdog::within;
use brigade::timeline::Kind;

fn play(flags: &'static str, run: fn(&Options, &Recorder) -> Outcome) -> Outcome {
    let run = move |options| run(&options, &Recorder::off());
    let outcome = played("ch05_producer_consumer", flags, run);
    assert_eq!(outcome.verdict().err(), None, "{outcome}");
    outcome
}

#[test]
fn a_put_that_does_not_wait_loses_bowls() {
    for flags in ["", "--bowls 10", "--bowls 500", "--bowls 10 --eaters 4"] {
        let outcome = play(flags, broken);
        assert!(outcome.lost > 0);
        assert_eq!(outcome.eaten.len() as u32 + outcome.lost, outcome.bowls);
    }
}

#[test]
fn one_pill_ends_one_eater() {
    for (flags, waiting) in [("", 1), ("--eaters 4", 3)] {
        let outcome = play(flags, forgetful);
        assert_eq!((outcome.waiting, outcome.eaten.len()), (waiting, 20));
    }
}

#[test]
fn behind_a_line_that_blocks_and_closes_all_is_eaten() {
    for flags in ["", "--bowls 2000", "--eaters 4"] {
        let outcome = play(flags, fixed);
        assert!(outcome.each_once() && outcome.line <= PLACES);
        // In the order in which they were cooked, too.
        assert!(outcome.eaten.is_sorted());
    }
}

/// The eaters run the program, so it has to be one.
#[test]
fn an_eater_that_dies_costs_nobody_a_bowl() {
    let shown = within("ch05_producer_consumer --processes", || {
        let mut program = std::process::Command::new(example("ch05_producer_consumer"));
        let program = program.args(["--fixed", "--processes", "--bowls", "100", "--eaters", "3"]);
        let output = program.output().expect("it runs");
        String::from_utf8_lossy(&output.stdout).into_owned()
    });
    assert!(shown.contains("eaten           100 of 100"), "{shown}");
    assert!(shown.contains("died            1; "), "{shown}");
    assert!(shown.ends_with("each eaten once, though one eater died.\n"), "{shown}");
}

#[test]
fn the_timeline_shows_who_ate() {
    let timeline = played("ch05_producer_consumer", "", |options: Options| {
        let recorder = Recorder::new().expect("a thread for the sink");
        fixed(&options, &recorder);
        recorder.finish()
    });
    assert_eq!(timeline.spans().iter().filter(|span| span.kind == Kind::Hold).count(), 20);
    assert!(timeline.peak(Kind::Hold, "a bowl") <= 2);
}
