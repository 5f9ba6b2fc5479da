use brigade::timeline::{Kind, Span, Timeline};

use crate::ch03_try_lock::scene::{Recorder, Seen as _};
use crate::ch03_try_lock::{Options, Outcome, broken, fixed, in_line};
use crate::played;

fn play(run: fn(&Options, &Recorder) -> Outcome) -> (Outcome, Timeline) {
    played("ch03_try_lock", "--items 10 --search 0 --write 0", move |options: Options| {
        let recorder = Recorder::new().expect("a thread for the sink");
        (run(&options, &recorder), recorder.finish())
    })
}

#[test]
fn who_waits_finds_nothing_meanwhile() {
    let (outcome, timeline) = play(broken);
    assert_eq!((outcome.items, outcome.writes, outcome.meanwhile), (11, 11, 0));
    assert!(outcome.verdict().is_ok());
    assert_eq!(timeline.peak(Kind::Hold, "pencil"), 1);
    // Whoever did not come first stood in the line before the first had done writing.
    let of = |kind| timeline.spans().iter().filter(move |span| span.kind == kind);
    let first = of(Kind::Hold).min_by_key(|hold| hold.start).expect("somebody was first");
    let in_line = |wait: &Span| wait.start <= first.end && wait.end >= first.end;
    assert!(of(Kind::Wait).any(|wait| wait.lane != first.lane && in_line(wait)), "{timeline}");
}

#[test]
fn who_tries_searches_on() {
    for run in [fixed, in_line] {
        let (outcome, timeline) = play(run);
        assert!(outcome.items > 10 && outcome.meanwhile > 0, "{outcome}");
        assert!(outcome.verdict().is_ok());
        assert_eq!(timeline.peak(Kind::Hold, "pencil"), 1);
    }
}
