//! What is recorded, and what becomes of it.

mod drawn;

use std::mem::forget;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::thread;
use std::time::Duration;

use brigade::clock::{Clock, ManualClock, Stamp};
use brigade::mutex::FairMutex;
use brigade::rwlock::FairRwLock;
use brigade::timeline::{Ending, Held, Kind, Lane, Recorder, Span, Timeline};
use proptest::prelude::*;

use crate::watchdog::within;

fn manual() -> (ManualClock, Recorder) {
    let clock = ManualClock::at(Stamp::from_nanos(1_000));
    let recorder = Recorder::with_clock(clock.clone()).expect("a thread for the sink");
    (clock, recorder)
}

fn tick(clock: &ManualClock) {
    clock.advance(Duration::from_nanos(10));
}

fn shown(timeline: &Timeline) -> Vec<String> {
    timeline.spans().iter().map(ToString::to_string).collect()
}

#[test]
fn spans_are_what_was_said_and_in_order() {
    within("said", || {
        let (clock, recorder) = manual();
        let (barron, olivia) = (recorder.lane("barron"), recorder.lane("olivia"));
        let cooking = olivia.run(String::from("soup"));
        tick(&clock);
        let waiting = barron.wait("stove");
        tick(&clock);
        drop(cooking);
        let held = barron.hold("stove");
        drop(waiting);
        tick(&clock);
        drop(held);
        let timeline = recorder.finish();
        assert_eq!(
            shown(&timeline),
            [
                "olivia runs soup, 20 ns",
                "barron waits for stove, 10 ns",
                "barron holds stove, 10 ns"
            ]
        );
        assert!(timeline.spans().is_sorted_by_key(|span| span.start));
        assert!(timeline.spans().iter().all(|span| span.ending == Ending::Closed));
        assert_eq!(timeline.lanes().collect::<Vec<_>>(), ["barron", "olivia"]);
        assert_eq!(timeline.of("barron").count(), 2);
        assert_eq!(timeline.of("nobody").count(), 0);
        assert_eq!(timeline.length(), Duration::from_nanos(30));
        assert_eq!(timeline.lost(), 0);
    });
}

#[test]
fn nothing_recorded_is_a_timeline_too() {
    let (_, recorder) = manual();
    let _idle = recorder.lane("barron");
    let timeline = recorder.finish();
    assert!(timeline.spans().is_empty());
    assert_eq!(timeline.length(), Duration::ZERO);
    assert_eq!(timeline.peak(Kind::Hold, "pencil"), 0);
    assert_eq!(timeline.to_string(), "nothing was recorded\n");
    assert!(timeline.to_svg("").contains("Nothing was recorded."));
}

#[test]
fn a_leaked_guard_is_reported_and_not_lost() {
    let (clock, recorder) = manual();
    let lane = recorder.lane("barron");
    forget(lane.hold("pencil"));
    tick(&clock);
    let timeline = recorder.finish();
    let span = &timeline.spans()[0];
    assert_eq!((span.ending, span.length()), (Ending::Open, Duration::from_nanos(10)));
    assert_eq!(span.to_string(), "barron holds pencil, 10 ns and on");
    assert!(timeline.to_string().contains("» goes on\nbarron still holds pencil\n"));
    assert!(timeline.to_svg("leak").contains("In the end barron still holds pencil."));
    assert!(timeline.to_chrome_trace().contains(r#""ending":"open""#));
}

#[test]
fn a_thread_that_is_stuck_is_seen_waiting() {
    within("stuck", || {
        let recorder = Recorder::new().expect("a thread for the sink");
        let (locked, lane) = (Arc::new(Mutex::new(())), recorder.lane("olivia"));
        let held = locked.lock().expect("not poisoned");
        let begun = Arc::new(Barrier::new(2));
        let stuck = thread::spawn({
            let (locked, begun) = (Arc::clone(&locked), Arc::clone(&begun));
            move || {
                drop(lane.lock("pencil", || {
                    begun.wait();
                    locked.lock().expect("not poisoned")
                }));
                drop(lane.run("too late to be recorded"));
            }
        });
        begun.wait();
        let timeline = recorder.finish();
        drop(held);
        stuck.join().expect("no panic: a lane outlives its recorder");
        assert_eq!(timeline.spans().len(), 1);
        let span = &timeline.spans()[0];
        assert_eq!((span.kind, span.ending), (Kind::Wait, Ending::Open));
    });
}

#[test]
fn a_panic_ends_its_spans_and_says_so() {
    within("panic", || {
        let (clock, recorder) = manual();
        let lane = recorder.lane("barron");
        let thread = thread::spawn(move || {
            let _outer = lane.run("dinner");
            {
                let _over = lane.run("starter");
            }
            let _held = lane.hold("knife");
            tick(&clock);
            panic!("as it should");
        });
        thread.join().expect_err("the panic");
        let timeline = recorder.finish();
        let endings: Vec<Ending> = timeline.spans().iter().map(|span| span.ending).collect();
        assert_eq!(endings, [Ending::Panicked, Ending::Closed, Ending::Panicked]);
        assert_eq!(timeline.spans()[2].length(), Duration::from_nanos(10));
        assert!(timeline.to_string().contains("× panic"));
        assert!(timeline.to_svg("panic").contains("× ended by a panic"));
    });
}

#[test]
fn a_name_that_comes_again_goes_on_in_its_row() {
    within("again", || {
        let (clock, recorder) = manual();
        for _ in 0..3 {
            let lane = recorder.lane("barron");
            let _running = lane.run("round");
            tick(&clock);
        }
        let (one, two) = (recorder.lane("twin"), recorder.lane("twin"));
        drop((one.run("a"), two.run("b")));
        let timeline = recorder.finish();
        assert_eq!(timeline.lanes().collect::<Vec<_>>(), ["barron", "twin"]);
        assert_eq!((timeline.of("barron").count(), timeline.of("twin").count()), (3, 2));
    });
}

#[test]
fn any_name_will_do() {
    within("names", || {
        let (_, recorder) = manual();
        let long = "x".repeat(10_000);
        let names = ["", "\0\n\t\u{7f}", "<&\">'", "厨师 👩‍🍳", "]]>", &*long];
        for name in names {
            drop(recorder.lane(name).hold(name.to_owned()));
        }
        let timeline = recorder.finish();
        assert_eq!(timeline.lanes().collect::<Vec<_>>(), names);
        assert!(names.iter().all(|name| timeline.peak(Kind::Hold, name) == 1));
        assert_eq!(timeline.lost(), 0);
    });
}

#[test]
fn guards_end_in_any_order() {
    let (clock, recorder) = manual();
    let lane = recorder.lane("barron");
    let first = lane.run("first");
    tick(&clock);
    let second = lane.run("second");
    tick(&clock);
    drop(first);
    tick(&clock);
    drop(second);
    let spans = recorder.finish();
    assert_eq!(shown(&spans), ["barron runs first, 20 ns", "barron runs second, 20 ns"]);
}

#[test]
fn a_lock_is_waited_for_then_held_and_released_behind_the_span() {
    let (clock, recorder) = manual();
    let lane = recorder.lane("barron");
    let pot = FairMutex::new(vec!["water"]);
    {
        let mut held = lane.lock("pot", || {
            tick(&clock);
            pot.lock()
        });
        held.push("salt");
        assert_eq!(held.len(), 2);
        assert!(lane.try_lock("pot", || pot.try_lock()).is_none());
        tick(&clock);
        let guard = Held::into_guard(held);
        tick(&clock);
        assert!(pot.try_lock().is_none(), "still locked");
        drop(guard);
    }
    drop(lane.try_lock("pot", || pot.try_lock()).expect("free again"));
    assert_eq!(
        shown(&recorder.finish()),
        [
            "barron waits for pot, 10 ns",
            "barron holds pot, 10 ns",
            "barron waits for pot, 0 s", // the attempt that failed
            "barron waits for pot, 0 s",
            "barron holds pot, 0 s",
        ]
    );
}

#[test]
fn a_lock_that_panics_is_a_wait_that_panicked() {
    let (_, recorder) = manual();
    let lane = recorder.lane("barron");
    let broken = || -> std::sync::MutexGuard<'_, ()> { panic!("no such lock") };
    let caught = catch_unwind(AssertUnwindSafe(|| drop(lane.lock("pot", broken))));
    caught.expect_err("the panic");
    let timeline = recorder.finish();
    assert_eq!(timeline.spans().len(), 1);
    let span = &timeline.spans()[0];
    assert_eq!((span.kind, span.ending), (Kind::Wait, Ending::Panicked));
}

#[test]
fn the_peak_is_counted_at_every_moment() {
    let (clock, recorder) = manual();
    let lanes: Vec<Lane> = (0..4).map(|n| recorder.lane(n.to_string())).collect();
    let (a, b) = (lanes[0].hold("charger"), lanes[1].hold("charger"));
    tick(&clock);
    drop(a);
    let c = lanes[2].hold("charger"); // begins when the other ends
    let other = (lanes[3].hold("phone"), lanes[3].wait("charger"));
    tick(&clock);
    drop((b, c, other));
    drop(lanes[0].hold("charger")); // no length
    let timeline = recorder.finish();
    assert_eq!(timeline.peak(Kind::Hold, "charger"), 2);
    assert_eq!(timeline.peak(Kind::Hold, "phone"), 1);
    assert_eq!(timeline.peak(Kind::Wait, "charger"), 1);
    assert_eq!(timeline.peak(Kind::Run, "charger"), 0);
}

#[test]
fn a_clock_that_goes_back_makes_no_span_end_before_it_began() {
    let (clock, recorder) = manual();
    let lane = recorder.lane("barron");
    tick(&clock);
    let running = lane.run("soup");
    clock.set(Stamp::ZERO);
    drop(running);
    forget(lane.run("bread"));
    let timeline = recorder.finish();
    assert!(timeline.spans().iter().all(|span| span.start <= span.end));
    assert_eq!(timeline.length(), Duration::ZERO);
}

#[test]
fn a_clock_that_panics_costs_what_came_behind_it_and_is_counted() {
    #[derive(Debug)]
    struct Fragile(ManualClock, Arc<AtomicBool>);
    impl Clock for Fragile {
        fn now(&self) -> Stamp {
            // Only in the sink's own thread: the cook's calls come through.
            let here = thread::current();
            assert!(
                !(self.1.load(Ordering::SeqCst) && here.name() == Some("brigade-sink")),
                "broken"
            );
            self.0.now()
        }
    }
    within("fragile", || {
        let (breaks, clock) = (Arc::new(AtomicBool::new(false)), ManualClock::default());
        let recorder = Recorder::with_clock(Fragile(clock, Arc::clone(&breaks))).expect("a thread");
        let lane = recorder.lane("barron");
        drop(lane.run("before"));
        breaks.store(true, Ordering::SeqCst);
        let mut refused = 0;
        // The sink's thread looks at the clock in its next round; from then on it takes nothing.
        while refused == 0 {
            let running = lane.run("behind");
            refused = u64::from(format!("{running:?}").contains("number: None"));
            thread::yield_now();
        }
        let timeline = recorder.finish();
        assert_eq!(timeline.spans()[0].name, "before");
        assert_eq!(timeline.lost(), refused);
        assert!(timeline.to_string().ends_with("lost: 1\n"), "{timeline}");
    });
}

#[test]
fn a_clock_that_panics_in_a_lane_ends_nothing_but_the_recording() {
    #[derive(Debug, Clone)]
    struct Fragile(ManualClock, Arc<AtomicBool>);
    impl Clock for Fragile {
        fn now(&self) -> Stamp {
            let is_sink = thread::current().name() == Some("brigade-sink");
            assert!(is_sink || !self.1.load(Ordering::SeqCst), "broken");
            self.0.now()
        }
    }
    within("fragile lane", || {
        let clock = Fragile(ManualClock::at(Stamp::from_nanos(7)), Arc::default());
        let recorder = Recorder::with_clock(clock.clone()).expect("a thread");
        let lane = recorder.lane("barron");
        let caught = catch_unwind(AssertUnwindSafe(|| {
            let _open = lane.run("before");
            clock.1.store(true, Ordering::SeqCst);
            drop(lane.run("lost"));
            let pot = Mutex::new(1);
            assert_eq!(*lane.lock("pot", || pot.lock().expect("not poisoned")), 1);
            // Its end cannot be recorded either: a panic within a panic would end the process.
            panic!("the cook's own");
        }));
        let payload = caught.expect_err("the cook's own panic");
        assert_eq!(payload.downcast_ref(), Some(&"the cook's own"));
        clock.1.store(false, Ordering::SeqCst);
        drop(lane.run("whole again"));
        clock.1.store(true, Ordering::SeqCst);
        let timeline = recorder.finish();
        assert_eq!(
            shown(&timeline),
            ["barron runs before, 0 s and on", "barron runs whole again, 0 s"]
        );
        assert_eq!(timeline.lost(), 3, "a run, a wait and a hold");
    });
}

#[test]
fn a_destructor_that_a_panic_runs_ends_its_spans_itself() {
    struct CleansUp<'a>(&'a Lane);
    impl Drop for CleansUp<'_> {
        fn drop(&mut self) {
            let _cleaning = self.0.run("cleaning");
        }
    }
    let (_, recorder) = manual();
    let lane = recorder.lane("barron");
    let caught = catch_unwind(AssertUnwindSafe(|| {
        let _cooking = lane.run("cooking");
        let _cleans_up = CleansUp(&lane);
        panic!("as it should");
    }));
    caught.expect_err("the panic");
    let timeline = recorder.finish();
    let endings: Vec<Ending> = timeline.spans().iter().map(|span| span.ending).collect();
    assert_eq!(endings, [Ending::Panicked, Ending::Closed]);
}

#[test]
fn a_recorder_that_is_off_records_nothing_and_loses_nothing() {
    let recorder = Recorder::off();
    let lane = recorder.lane("barron");
    assert_eq!(lane.name(), "barron");
    let held = lane.lock("pot", || Box::new(7));
    assert_eq!(*held, 7);
    drop(held);
    let timeline = recorder.finish();
    assert_eq!((timeline.spans().len(), timeline.lost()), (0, 0));
}

#[test]
fn a_recorder_that_is_dropped_forgets_and_ends() {
    within("dropped", || {
        let (_, recorder) = manual();
        let lane = recorder.lane("barron");
        drop(recorder);
        drop(lane.run("nothing"));
    });
}

/// Independent of `peak`: pairs of neighbours, sorted by time.
fn disjoint(spans: &mut [&Span]) -> bool {
    spans.sort_by_key(|span| (span.start, span.end));
    spans.windows(2).all(|pair| pair[0].end <= pair[1].start)
}

fn mutexes(threads: usize, rounds: usize) -> Timeline {
    let recorder = Recorder::new().expect("a thread for the sink");
    let pencil = FairMutex::new(0);
    thread::scope(|scope| {
        for thread in 0..threads {
            let lane = recorder.lane(format!("cook {thread}"));
            let pencil = &pencil;
            scope.spawn(move || {
                for _ in 0..rounds {
                    *lane.lock("pencil", || pencil.lock()) += 1;
                }
            });
        }
    });
    assert_eq!(pencil.into_inner(), threads * rounds);
    recorder.finish()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn holds_of_one_mutex_never_overlap(threads in 1_usize..5, rounds in 1_usize..60) {
        within("mutexes", move || {
            let timeline = mutexes(threads, rounds);
            assert_eq!(timeline.spans().len(), 2 * threads * rounds);
            let holds = timeline.spans().iter().filter(|span| span.kind == Kind::Hold);
            assert!(disjoint(&mut holds.collect::<Vec<_>>()), "{timeline}");
            assert_eq!(timeline.peak(Kind::Hold, "pencil"), 1);
        });
    }
}

#[test]
fn thousands_of_spans_of_more_threads_than_cores_are_all_there() {
    within("thousands", || {
        // More than fit into a ring: the sink has to keep up while they come.
        let timeline = mutexes(8, 2_000);
        assert_eq!((timeline.spans().len(), timeline.lost()), (32_000, 0));
        assert_eq!(timeline.peak(Kind::Hold, "pencil"), 1);
        assert!(timeline.spans().is_sorted_by_key(|span| span.start));
        assert!(timeline.to_svg("many").len() < 2_000_000);
        assert!(timeline.to_text(60).lines().all(|line| line.chars().count() <= 60));
    });
}

#[test]
fn readers_are_seen_together_and_writers_alone() {
    within("readers", || {
        let recorder = Recorder::new().expect("a thread for the sink");
        let (calendar, inside) = (FairRwLock::new(0), Barrier::new(3));
        thread::scope(|scope| {
            for reader in 0..3 {
                let lane = recorder.lane(format!("reader {reader}"));
                let (calendar, inside) = (&calendar, &inside);
                scope.spawn(move || {
                    let held = lane.lock("read", || calendar.read());
                    inside.wait();
                    drop(held);
                    *lane.lock("write", || calendar.write()) += 1;
                });
            }
        });
        let timeline = recorder.finish();
        assert_eq!(timeline.peak(Kind::Hold, "read"), 3);
        assert_eq!(timeline.peak(Kind::Hold, "write"), 1);
    });
}
