use std::time::Duration;

use brigade::timeline::{Kind, Timeline};

use crate::ch02_critical_section::scene::{Recorder, Seen as _};
use crate::ch02_critical_section::{Options, Outcome, broken, fixed};
use crate::played;

fn play(run: fn(&Options, &Recorder) -> Outcome) -> (Outcome, Timeline) {
    played("ch02_critical_section", "--items 3 --think 0", move |options: Options| {
        let recorder = Recorder::new().expect("a thread for the sink");
        (run(&options, &recorder), recorder.finish())
    })
}

#[test]
fn who_thinks_inside_the_lock_thinks_alone() {
    let (outcome, timeline) = play(broken);
    assert_eq!((outcome.items, outcome.at_once), (6, 1));
    assert!(outcome.verdict().is_ok());
    assert_eq!(timeline.peak(Kind::Run, "thinking"), 1, "{timeline}");
    assert_eq!(timeline.peak(Kind::Hold, "list"), 1);
}

#[test]
fn who_thinks_outside_does_not() {
    let (outcome, timeline) = play(fixed);
    assert_eq!((outcome.items, outcome.at_once), (6, 2));
    assert!(outcome.verdict().is_ok());
    assert_eq!(timeline.peak(Kind::Hold, "list"), 1);
    assert_eq!(timeline.spans().len(), 6 * 3);
}

#[test]
fn both_times_are_compared() {
    let (mut outcome, _) = play(fixed);
    assert!(
        !outcome.to_string().contains("inside it took"),
        "nobody has seen the other: {outcome}"
    );
    outcome.took = Duration::from_millis(505);
    outcome.inside = Some(Duration::from_millis(1_010));
    let row = "inside it took  1010 ms, 2.0 times as long\n";
    assert!(outcome.to_string().contains(row), "{outcome}");
}
