use crate::ch05_pipeline::scene::{Recorder, Seen as _};
use crate::ch05_pipeline::{Claim, Options, Outcome, STEPS, Work, alone, chain, chained, eased};
use crate::played;
use std::sync::{Barrier, Condvar, Mutex};
use std::time::Duration;

const BRIEF: &str = "--vegetables 20";
const CHOP: usize = 1;
const COOK: usize = 2;

fn play(run: fn(&Options, &Recorder) -> Outcome) -> Outcome {
    let outcome = played("ch05_pipeline", BRIEF, move |options| run(&options, &Recorder::off()));
    assert_eq!(outcome.verdict().err(), None, "{outcome}");
    outcome
}

/// The kitchen with other work, which nobody's clock decides.
fn arranged(cooks: usize, work: impl Fn(usize, u32) + Sync + Send + 'static) -> Outcome {
    played("ch05_pipeline", BRIEF, move |options| {
        chain(&options, &Recorder::off(), cooks, &work as Work<'_>, Claim::Eased)
    })
}

#[test]
fn one_pair_of_hands_takes_the_sum_of_all_steps() {
    let outcome = play(alone);
    let all: Duration = STEPS.iter().map(|(_, takes)| *takes).sum();
    assert!(outcome.took >= all * 20);
    assert_eq!(outcome.most_inside(), 1);
}

#[test]
fn nothing_is_faster_than_its_slowest_step() {
    let outcome = play(chained);
    assert!(outcome.took >= STEPS[COOK].1 * 20);
    assert!(outcome.report.is_some_and(|report| report.items == 20));
}

/// The cook begins when nobody before him can go on: that comes only if all work at once.
#[test]
fn the_cook_holds_up_the_chain() {
    let (chopped, more) = (Mutex::new(0), Condvar::new());
    // One at the stove, four that wait for it, and one that the chopping board is not rid of.
    const PLACES: u32 = 4;
    let outcome = arranged(1, move |step, number| {
        let mut chopped = chopped.lock().unwrap();
        match step {
            CHOP => {
                *chopped = number;
                more.notify_all();
            }
            COOK if number == 0 => {
                drop(more.wait_while(chopped, |chopped| *chopped <= PLACES).unwrap());
            }
            _ => {}
        }
    });
    assert!(outcome.served.iter().copied().eq(0..20), "{outcome}");
    assert!(outcome.most_inside() > PLACES as i32 + 1, "{outcome}");
    let report = outcome.report.expect("nothing fails");
    let cook = report.stage("cook").expect("there is one");
    assert_eq!(cook.queue_high_water, PLACES as usize, "{report}");
}

/// Three are at the stove at once, and none of them alone could go on.
#[test]
fn three_cooks_keep_the_order() {
    let stove = Barrier::new(3);
    let outcome = arranged(3, move |step, number| {
        if step == COOK && number < 3 {
            stove.wait();
        }
    });
    for outcome in [outcome, play(eased)] {
        assert!(outcome.served.iter().copied().eq(0..20), "{outcome}");
        let cook = outcome.report.as_ref().and_then(|report| report.stage("cook"));
        assert_eq!(cook.map(|cook| (cook.workers, cook.taken)), Some((3, 20)));
    }
}

#[test]
fn littles_law_holds_of_what_was_seen() {
    for run in [alone, chained, eased] {
        let little = play(run).little();
        assert!(little.holds(), "{little:?}");
    }
}

/// Two came, at 0 and 2 seconds, and both went at 4.
#[test]
fn littles_law_fails_if_one_is_lost_or_mistaken() {
    let seconds = |all: &[u64]| all.iter().map(|&at| Duration::from_secs(at)).collect::<Vec<_>>();
    let seen = |stays: &[u64]| Outcome {
        vegetables: 2,
        served: vec![0, 1],
        took: Duration::from_secs(4),
        comings: seconds(&[0, 2]),
        goings: seconds(&[4, 4]),
        stays: seconds(stays),
        report: None,
        claim: Claim::Eased,
    };
    let fine = seen(&[4, 2]);
    let little = fine.little();
    assert!(little.holds() && fine.most_inside() == 2, "{little:?}");
    assert_eq!((little.inside, little.rate, little.stay), (1.5, 0.5, 3.0));
    for stays in [&[4][..], &[4, 4], &[4, 2, 2]] {
        let little = seen(stays).little();
        assert!(!little.holds(), "{little:?}");
    }
}
