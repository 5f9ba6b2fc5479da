//! Reports that tell what was.

use crate::watchdog::within;
use brigade::pipeline::{Batch, Control, Par, Pipeline, ServiceTime};
use std::sync::mpsc::channel;
use std::time::Duration;

#[test]
fn counts_are_exact() {
    within("counts", || {
        let report = Pipeline::new(0..1000)
            .map("a", Par::Workers(3), |x| x)
            .filter_map("b", Par::Workers(2), |x| (x % 10 == 0).then_some(x))
            .flat_map("c", Par::Workers(2), |x| [x, x, x])
            .chunks(7, None)
            .for_each(drop)
            .expect("nothing fails");
        let counts: Vec<_> =
            report.stages.iter().map(|s| (s.name.as_str(), s.workers, s.taken, s.given)).collect();
        assert_eq!(
            counts,
            [
                ("source", 1, 0, 1000),
                ("a", 3, 1000, 1000),
                ("b", 2, 1000, 100),
                ("c", 2, 100, 300),
                ("chunks", 1, 300, 43),
                ("sink", 1, 43, 0),
            ]
        );
        assert_eq!(report.items, 43);
        assert!(report.stages.iter().skip(1).all(|s| s.queue_high_water <= s.capacity));
        assert!(report.stages.iter().all(|s| s.queue == 0));
    });
}

/// The middle stage waits for a word that is only sent when the others have been seen to wait for it,
/// however long the first of them was kept off its core before.
#[test]
fn the_bottleneck_is_the_stage_that_the_others_wait_for() {
    within("bottleneck", || {
        let (go, gone) = channel::<()>();
        let gone = std::sync::Mutex::new(gone);
        let control = Control::new();
        // The source has no end: one that is through is busy no more, and was for all its time.
        let chain = Pipeline::new(0..)
            .control(&control)
            .capacity(1)
            .map("before", Par::Serial, |x: u64| x)
            .batch(Batch::One)
            .map("slow", Par::Serial, |x| {
                gone.lock().unwrap().recv().expect("a word");
                x
            });
        let (came, report) = std::thread::scope(|threads| {
            let (control, told) = (&control, go.clone());
            threads.spawn(move || {
                let text = loop {
                    let report = control.stats();
                    let slow = report.bottleneck().filter(|stage| stage.name == "slow");
                    let others = report.stages.iter().filter(|stage| stage.name != "slow");
                    let busiest = others.map(|stage| stage.busy).max().unwrap_or_default();
                    let margin = Duration::from_millis(50);
                    if slow.is_some_and(|slow| slow.busy >= busiest + margin) {
                        break report.to_string();
                    }
                    std::thread::yield_now();
                };
                // One for each item that the sink takes, and some for those behind it.
                (0..100).for_each(|_| told.send(()).expect("it waits"));
                assert!(text.contains("the bottleneck is slow"), "{text}");
            });
            chain.scope(|items, _| items.take(4).collect::<Vec<_>>()).expect("nothing fails")
        });
        assert_eq!(came, [0, 1, 2, 3]);
        let slow = report.stage("slow").expect("it ran");
        assert!(slow.busy >= Duration::from_millis(50) && slow.load() <= 1.0, "{report}");
        let bottleneck = report.bottleneck().expect("statistics are on");
        assert!(report.stages.iter().all(|stage| stage.load() <= bottleneck.load()), "{report}");
        let text = report.to_string();
        assert!(text.contains(&format!("the bottleneck is {}", bottleneck.name)), "{text}");
    });
}

/// A stage that is stuck in its first item has looked at its queue once; the report is read for what
/// has come since.
#[test]
fn what_waits_for_a_stuck_stage_is_seen() {
    within("a stuck stage", || {
        let (go, gone) = channel::<()>();
        let gone = std::sync::Mutex::new(gone);
        let chain =
            Pipeline::new(0..5).capacity(8).batch(Batch::One).map("stuck", Par::Serial, |x| {
                let _ = gone.lock().unwrap().recv();
                x
            });
        let (high, _) = chain
            .scope(|items, control| {
                super::until(|| control.stats().stages[1].queue == 4);
                let high = control.stats().stages[1].queue_high_water;
                drop(go);
                assert_eq!(items.count(), 5);
                high
            })
            .expect("nothing fails");
        // All five, if they were there before the first was taken.
        assert!((4..=5).contains(&high), "{high}");
    });
}

#[test]
fn without_statistics_items_are_still_counted() {
    within("no statistics", || {
        let report = Pipeline::new(0..100)
            .map("a", Par::Workers(2), |x| x)
            .statistics(false)
            .for_each(drop)
            .expect("nothing fails");
        assert_eq!((report.items, report.stages[1].taken), (100, 100));
        assert!(report.bottleneck().is_none());
        assert!(report.stages.iter().all(|s| s.starved + s.blocked + s.busy == Duration::ZERO));
    });
}

#[test]
fn nothing_timed_has_no_time() {
    let none = ServiceTime::default();
    assert_eq!(
        (none.items(), none.mean(), none.quantile(0.5)),
        (0, Duration::ZERO, Duration::ZERO)
    );
    assert_eq!((none.quantile(f64::NAN), none.quantile(2.0)), (Duration::ZERO, Duration::ZERO));
}
