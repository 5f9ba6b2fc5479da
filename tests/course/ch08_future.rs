use crate::ch08_future::scene::{Recorder, Seen};
use crate::ch08_future::{Options, broken, fixed};
use crate::played;

fn play<S: Seen + Send + 'static>(run: fn(&Options, &Recorder) -> S) -> S {
    let outcome = played("ch08_future", "", move |options| run(&options, &Recorder::off()));
    assert_eq!(outcome.verdict().err(), None, "{outcome}");
    outcome
}

#[test]
fn a_future_that_is_dropped_takes_its_error_along() {
    assert_eq!(play(broken).known, None);
}

#[test]
fn one_answers_later_one_is_cancelled_and_one_fails() {
    let outcome = play(fixed);
    assert_eq!((outcome.meanwhile, outcome.afterwards), ((true, false), (false, true)));
    assert_eq!(outcome.answer, Some(42));
    assert_eq!(outcome.cancelled, (true, "the job was cancelled".into()));
    assert_eq!(outcome.failed, "the job panicked: the shelf came down");
}
