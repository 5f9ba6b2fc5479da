use crate::ch04_deadlock::scene::{Recorder, Seen as _};
use crate::ch04_deadlock::{Options, Outcome, broken, fixed, patient};
use crate::played;

fn play(run: fn(&Options, &Recorder) -> Outcome) -> Outcome {
    let outcome = played("ch04_deadlock", "--pieces 100 --seed 1", move |options| {
        run(&options, &Recorder::off())
    });
    assert!(outcome.verdict().is_ok(), "{outcome}");
    outcome
}

#[test]
fn left_first_is_a_circle() {
    let outcome = play(broken);
    assert_eq!(outcome.total(), 0);
    let stuck = outcome.stuck.expect("nobody can go on");
    assert_eq!(stuck.circle(), Some(vec!["barron", "olivia", "steve"]));
    let waits: Vec<_> = stuck.lost.iter().map(|lost| (lost.holds[0], lost.waits_for)).collect();
    assert_eq!(waits, [("a", Some("b")), ("b", Some("c")), ("c", Some("a"))]);
}

#[test]
fn ranks_let_everybody_eat_and_refuse_the_wrong_order() {
    let outcome = play(fixed);
    assert_eq!((outcome.total(), outcome.put_back, outcome.stuck), (100, None, None));
    let refused = outcome.refused.expect("c before a").to_string();
    for part in ["`c`", "`a`", "CHOPSTICK_A < CHOPSTICK_B < CHOPSTICK_C", "ch04_deadlock.rs:"] {
        assert!(refused.contains(part), "{refused}");
    }
}

#[test]
fn a_deadline_and_a_random_pause_let_everybody_eat() {
    let outcome = play(patient);
    assert_eq!(outcome.total(), 100);
    assert!(outcome.put_back >= Some(1), "all three had one chopstick in the beginning");
}
