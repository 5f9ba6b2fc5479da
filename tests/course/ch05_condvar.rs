use crate::ch05_condvar::scene::{Recorder, Seen as _};
use crate::ch05_condvar::{Options, Outcome, broken, fixed, forgetful, monitored};
use crate::played;

fn play(flags: &'static str, run: fn(&Options, &Recorder) -> Outcome) -> Outcome {
    let outcome = played("ch05_condvar", flags, move |options| run(&options, &Recorder::off()));
    assert!(outcome.verdict().is_ok(), "{outcome}");
    outcome
}

#[test]
fn if_lets_the_wrong_one_take() {
    let outcome = play("", broken);
    assert_eq!(outcome.pot.order[..2], [1, 2]);
    assert_eq!(outcome.out_of_turn(), Some((2, 2)));
    assert_eq!((outcome.pot.order.len(), outcome.stuck), (11, None));
}

#[test]
fn one_notification_for_five_leaves_all_waiting() {
    let outcome = play("", forgetful);
    assert_eq!(outcome.pot.order, [1]);
    let stuck = outcome.stuck.expect("nobody can go on");
    assert_eq!(stuck.lost.len(), 5);
    assert!(stuck.lost.iter().all(|lost| lost.waits_for == Some("its turn")));
    assert!(stuck.lost.iter().all(|lost| lost.holds.is_empty() && lost.held_by.is_none()));
}

#[test]
fn while_and_all_keep_the_order_and_so_does_a_monitor() {
    for run in [fixed, monitored] {
        let outcome = play("", run);
        assert_eq!(outcome.pot.order, [1, 0, 4, 3, 2, 1, 0, 4, 3, 2, 1]);
        let outcome = play("--servings 500", run);
        assert_eq!((outcome.pot.order.len(), outcome.out_of_turn()), (500, None));
    }
}

#[test]
fn both_bugs_happen_with_any_number_of_servings() {
    for flags in ["--servings 6", "--servings 7", "--servings 8", "--servings 9", "--servings 10"] {
        play(flags, broken);
        play(flags, forgetful);
    }
}
