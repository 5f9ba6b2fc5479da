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

/// Each item of the middle stage waits for a word that is only sent when its clock has moved on:
/// the stage is busy, whoever else waits for it.
#[test]
fn the_bottleneck_is_the_stage_that_the_others_wait_for() {
    within("bottleneck", || {
        let (go, gone) = channel::<()>();
        let gone = std::sync::Mutex::new(gone);
        let control = Control::new();
        let chain = Pipeline::new(0..4)
            .control(&control)
            .capacity(1)
            .map("before", Par::Serial, |x| x)
            .batch(Batch::One)
            .map("slow", Par::Serial, |x| {
                gone.lock().unwrap().recv().expect("a word");
                x
            });
        let report = std::thread::scope(|threads| {
            threads.spawn(|| {
                let busy = || control.stats().stage("slow").map(|slow| (slow.taken, slow.busy));
                for taken in 1..=4 {
                    super::until(|| busy().is_some_and(|(now, _)| now == taken));
                    let (_, before) = busy().expect("it runs");
                    // Longer than anybody else is busy, even one who is kept off its core meanwhile.
                    let later = before + Duration::from_millis(50);
                    super::until(|| busy().is_some_and(|(_, now)| now >= later));
                    go.send(()).expect("it waits");
                }
            });
            chain.for_each(drop).expect("nothing fails")
        });
        let slow = report.bottleneck().expect("statistics are on");
        assert_eq!(slow.name, "slow", "{report}");
        assert!(slow.busy >= Duration::from_millis(200) && slow.load() <= 1.0, "{report}");
        let text = report.to_string();
        assert!(text.contains("the bottleneck is slow"), "{text}");
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
