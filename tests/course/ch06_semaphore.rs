use crate::ch06_semaphore::scene::{Recorder, Seen};
use crate::ch06_semaphore::{BOWLS, CHARGERS, Options, PLACES, binary, broken, buffer, fixed};
use crate::played;
use brigade::timeline::Kind;

fn play<S: Seen + Send + 'static>(run: fn(&Options, &Recorder) -> S) -> S {
    let outcome = played("ch06_semaphore", "", move |options| run(&options, &Recorder::off()));
    assert_eq!(outcome.verdict().err(), None, "{outcome}");
    outcome
}

#[test]
fn a_permit_that_goes_back_twice_lets_a_fifth_phone_in() {
    let outcome = play(broken);
    assert_eq!((outcome.peak, outcome.charged, outcome.refused), (CHARGERS + 1, 10, None));
}

#[test]
fn guards_let_four_in_and_never_five() {
    let outcome = play(fixed);
    assert_eq!((outcome.peak, outcome.charged), (CHARGERS, 10));
    let refused = outcome.refused.expect("one permit too many");
    assert!(refused.contains("only 0 of the 4 permits are out"), "{refused}");
}

#[test]
fn the_timeline_shows_as_many_at_once() {
    for (run, peak) in [(broken as fn(&_, &_) -> _, CHARGERS + 1), (fixed, CHARGERS)] {
        let timeline = played("ch06_semaphore", "", move |options: Options| {
            let recorder = Recorder::new().expect("a thread for the sink");
            run(&options, &recorder);
            recorder.finish()
        });
        assert_eq!(timeline.peak(Kind::Hold, "a charger"), peak);
        assert_eq!(timeline.lanes().len(), 10);
    }
}

#[test]
fn a_permit_may_come_back_from_somebody_else() {
    assert_eq!(play(binary).0.len(), 3);
}

#[test]
fn two_semaphores_are_a_bounded_buffer() {
    let line = play(buffer);
    assert_eq!(line.peak, PLACES);
    assert!(line.eaten.into_iter().eq(1..=BOWLS));
}
