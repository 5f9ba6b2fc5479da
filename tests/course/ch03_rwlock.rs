use brigade::timeline::{Kind, Span, Timeline};

use crate::ch03_rwlock::scene::{Recorder, Seen as _};
use crate::ch03_rwlock::{Options, Outcome, READERS, broken, fixed};
use crate::played;

fn play(run: fn(&Options, &Recorder) -> Outcome) -> (Outcome, Timeline) {
    played("ch03_rwlock", "--days 5 --look 0", move |options: Options| {
        let recorder = Recorder::new().expect("a thread for the sink");
        (run(&options, &recorder), recorder.finish())
    })
}

fn is_right(outcome: &Outcome) {
    assert_eq!((outcome.day, outcome.last_day, outcome.wrong), (10, 10, 0), "{outcome}");
    assert_eq!(outcome.looks.len(), READERS);
    // The first day and the last one, seen by all of them: the turns come in between.
    assert!(outcome.looks.iter().all(|looks| *looks >= 2), "{outcome}");
    assert_eq!(outcome.turns, [5, 5], "{outcome}");
    assert!(outcome.waited <= outcome.looks.iter().sum::<u32>(), "{outcome}");
    assert!(outcome.to_string().contains("turns           5 and 5 by the writers\n"), "{outcome}");
    assert!(outcome.verdict().is_ok());
}

#[test]
fn under_a_mutex_readers_look_one_by_one() {
    let (outcome, timeline) = play(broken);
    is_right(&outcome);
    assert_eq!(outcome.at_once, 1);
    assert_eq!(timeline.peak(Kind::Hold, "look"), 1);
}

#[test]
fn under_the_fair_rw_lock_all_look_at_once_and_writers_turn_alone() {
    let (outcome, timeline) = play(fixed);
    is_right(&outcome);
    assert_eq!(outcome.at_once, READERS);
    let (turns, looks): (Vec<&Span>, Vec<&Span>) = timeline
        .spans()
        .iter()
        .filter(|span| span.kind == Kind::Hold)
        .partition(|span| span.name == "turn");
    assert_eq!(turns.len(), 10);
    for turn in turns {
        let together = looks.iter().find(|look| look.start < turn.end && turn.start < look.end);
        assert_eq!(together, None, "somebody looked while {turn}");
    }
}
