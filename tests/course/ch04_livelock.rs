use crate::ch04_livelock::scene::{Recorder, Seen as _};
use crate::ch04_livelock::{Options, Outcome, broken, fixed};
use crate::played;

fn play(run: fn(&Options, &Recorder) -> Outcome) -> Outcome {
    let flags = "--pieces 60 --rounds 50 --seed 1";
    let outcome = played("ch04_livelock", flags, move |options| run(&options, &Recorder::off()));
    assert!(outcome.verdict().is_ok(), "{outcome}");
    outcome
}

#[test]
fn in_step_nobody_eats() {
    let outcome = play(broken);
    assert_eq!((outcome.eaten, outcome.gave_way, outcome.rounds), (0, 150, Some(50)));
}

#[test]
fn random_pauses_let_everybody_eat() {
    let outcome = play(fixed);
    assert_eq!((outcome.eaten, outcome.rounds), (60, None));
    assert!(outcome.gave_way >= 3, "they began in step");
}
