use crate::ch04_abandoned_lock::scene::{Recorder, Seen as _};
use crate::ch04_abandoned_lock::{FATAL, Options, Outcome, broken, fixed, poisoned};
use crate::played;

fn play(run: fn(&Options, &Recorder) -> Outcome) -> Outcome {
    played("ch04_abandoned_lock", "--pieces 50", move |options: Options| {
        run(&options, &Recorder::off())
    })
}

#[test]
fn a_leaked_guard_stops_the_others() {
    let outcome = play(broken);
    assert_eq!((outcome.left, outcome.eaten()), (FATAL, 40));
    let stuck = outcome.stuck.as_ref().expect("nobody can go on");
    let [gone, ..] = &*outcome.failed else { panic!("nobody failed: {outcome}") };
    for lost in &stuck.lost {
        if lost.name == *gone {
            assert_eq!((&*lost.holds, lost.waits_for), (&["a", "b"][..], None));
        } else {
            assert_eq!((lost.waits_for, lost.held_by.as_ref()), (Some("a"), Some(gone)));
        }
    }
    assert_eq!(stuck.lost.len(), 3);
    assert!(outcome.verdict().is_ok());
}

#[test]
fn a_dropped_guard_lets_them_finish() {
    for (run, can_be_poisoned) in [(fixed as fn(&_, &_) -> _, false), (poisoned, true)] {
        let outcome = play(run);
        assert_eq!((outcome.left, outcome.failed.len()), (0, 1), "{outcome}");
        // Ten pieces, and once for each of two who find the plate empty.
        assert_eq!(outcome.poisoned, can_be_poisoned.then_some(FATAL + 2));
        assert!(outcome.verdict().is_ok());
    }
}
