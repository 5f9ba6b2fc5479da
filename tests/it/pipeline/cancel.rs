//! The ways to end before the end.

use super::{Gate, until};
use crate::watchdog::{step, within};
use brigade::pipeline::{Control, Handle, Par, Pipeline, PipelineError};
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Counts itself, so that a lost one shows.
#[derive(Debug)]
struct Counted(u64, Arc<AtomicI64>);

impl Counted {
    fn new(value: u64, alive: &Arc<AtomicI64>) -> Self {
        alive.fetch_add(1, Ordering::Relaxed);
        Self(value, Arc::clone(alive))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.1.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Xorshift (Marsaglia, 2003), so that a failing point can be named.
fn next(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

/// Cancelled at ten thousand random points, by any thread: what came out is a prefix, nothing is
/// left, and the answer is true.
#[test]
fn any_point_is_a_good_one_to_cancel() {
    within("cancel points", || {
        let mut state = 0x9E37_79B9_7F4A_7C15;
        for round in 0..10_000 {
            if round % 50 == 0 {
                step(format!("round {round}"));
            }
            let count = next(&mut state) % 30;
            let point = next(&mut state) % 30;
            let place = next(&mut state) % 5;
            let capacity = 1 + (next(&mut state) % 6) as usize;
            let workers = 1 + (next(&mut state) % 2) as usize;
            let alive = Arc::new(AtomicI64::new(0));
            let control = Control::new();
            let at = |here: u64, x: u64| {
                if here == place && x == point {
                    control.cancel();
                }
            };
            let mut seen = 0;
            let outcome = Pipeline::new(0..count)
                .capacity(capacity)
                .control(&control)
                .inspect(|x| at(0, *x))
                .map("one", Par::Workers(workers), |x| {
                    at(1, x);
                    Counted::new(x, &alive)
                })
                .serial("two", |x| {
                    at(2, x.0);
                    x
                })
                .for_each(|x| {
                    at(3, x.0);
                    assert_eq!(x.0, seen);
                    seen += 1;
                });
            let told = (round, count, point, place, capacity, workers, &outcome);
            assert_eq!(alive.load(Ordering::Relaxed), 0, "left alive in {told:?}");
            match outcome {
                Ok(report) => assert_eq!((report.items, seen), (count, count)),
                Err(PipelineError::Cancelled) => {
                    assert!(place < 4 && point < count && seen <= count, "{told:?}");
                }
                Err(other) => panic!("{other}"),
            }
        }
    });
}

/// Everybody is blocked: the source and the stages by full edges.
#[test]
fn cancel_wakes_who_is_blocked() {
    within("blocked", || {
        let outcome = Pipeline::new(0_u64..)
            .capacity(2)
            .map("a", Par::Workers(2), |x| x)
            .map("b", Par::Workers(2), |x| x)
            .scope(|items, control| {
                until(|| control.stats().stages.iter().skip(1).all(|stage| stage.queue == 2));
                control.cancel();
                items.count()
            });
        assert!(matches!(outcome, Err(PipelineError::Cancelled)), "{outcome:?}");
    });
}

/// The other way round: everybody waits for a source that gives nothing.
#[test]
fn cancel_wakes_who_is_starved() {
    within("starved", || {
        let control = Control::new();
        let source = std::iter::from_fn(|| {
            control.cancelled_within(Duration::MAX);
            None::<u8>
        });
        let outcome = Pipeline::new(source)
            .control(&control)
            .map("a", Par::Workers(3), |x| x)
            .scope(|items, control| {
                control.cancel();
                items.count()
            });
        assert!(matches!(outcome, Err(PipelineError::Cancelled)), "{outcome:?}");
    });
}

#[test]
fn close_ends_the_source_and_loses_nothing() {
    within("close", || {
        let pulled = AtomicUsize::new(0);
        let source = (0..).inspect(|_| {
            pulled.fetch_add(1, Ordering::Relaxed);
        });
        let (came, report) = Pipeline::new(source)
            .capacity(4)
            .map("a", Par::Workers(2), |x: usize| x)
            .scope(|mut items, control| {
                let first = items.by_ref().take(100).collect::<Vec<_>>();
                control.close();
                first.into_iter().chain(items).collect::<Vec<_>>()
            })
            .expect("closing is no error");
        assert_eq!(came.len(), pulled.load(Ordering::Relaxed));
        assert!(came.into_iter().eq(0..report.items as usize));
    });
}

#[test]
fn a_sink_that_stops_early_stops_the_source() {
    within("stop early", || {
        let (three, report) = Pipeline::new(0_u64..)
            .map("a", Par::Workers(2), |x| x)
            .map("b", Par::Workers(2), |x| x)
            .scope(|items, _| items.take(3).collect::<Vec<_>>())
            .expect("stopping is no error");
        assert_eq!(three, [0, 1, 2]);
        assert!(report.items >= 3);
    });
}

#[test]
fn a_handle_that_is_dropped_ends_its_pipeline() {
    within("drop the handle", || {
        let alive = Arc::new(AtomicI64::new(0));
        let counted = Arc::clone(&alive);
        let mut handle = Pipeline::new(0_u64..)
            .map("count", Par::Workers(2), move |x| Counted::new(x, &counted))
            .spawn()
            .expect("threads");
        assert_eq!(handle.next().map(|first| first.0), Some(0));
        drop(handle);
        assert_eq!(Arc::strong_count(&alive), 1, "a thread still has it");
        assert_eq!(alive.load(Ordering::Relaxed), 0);
    });
}

pub(super) type Held = Arc<Mutex<Option<Handle<u64>>>>;

/// A pipeline that is let go by its second stage as `let_go` does it, and without a panic.
pub(super) fn lets_itself_go(
    alive: &Arc<AtomicI64>,
    let_go: impl Fn(&Held) + Send + Sync + 'static,
) {
    let held = Held::default();
    let own = Arc::clone(&held);
    let (counted, started) = (Arc::clone(alive), Arc::new(Gate::default()));
    let gate = Arc::clone(&started);
    let (tell, told) = channel();
    let handle = Pipeline::new(0_u64..)
        .capacity(2)
        .map("count", Par::Workers(2), move |x| Counted::new(x, &counted))
        .serial("let go", move |x| {
            gate.pass();
            if x.0 == 0 {
                let_go(&own);
                tell.send("let go").expect("the test listens");
            }
            x.0
        })
        .spawn()
        .expect("threads");
    let control = handle.control();
    *held.lock().unwrap() = Some(handle);
    drop(held);
    started.open();
    assert_eq!(told.recv(), Ok("let go"), "it panicked");
    // The end of the threads as well, for what the stages are made of is dropped after that.
    until(|| control.is_cancelled() && Arc::strong_count(alive) == 1);
    assert_eq!(alive.load(Ordering::Relaxed), 0, "an item was left");
}

/// Neither may wait for the thread that it is on.
#[test]
fn a_handle_that_is_let_go_by_its_own_stage() {
    within("a handle in its own stage", || {
        let alive = Arc::new(AtomicI64::new(0));
        lets_itself_go(&alive, |held| drop(held.lock().unwrap().take()));
        lets_itself_go(&alive, |held| {
            let handle = held.lock().unwrap().take().expect("it is there");
            let error = handle.finish().expect_err("it cannot be waited for");
            assert!(matches!(error, PipelineError::InsideItself), "{error}");
            let told = error.to_string();
            assert!(told.contains("finish it outside of its stages"), "{told}");
        });
        // The last one to have it is the closure, which the pipeline's own thread drops.
        lets_itself_go(&alive, |held| {
            held.lock().unwrap().as_ref().expect("it").control().cancel()
        });
    });
}

#[test]
fn a_handle_works_from_another_thread() {
    within("send the handle", || {
        let handle = Pipeline::new(0..1000).map("a", Par::Workers(2), |x| x + 1).spawn();
        let mut handle = handle.expect("threads");
        let sum = std::thread::spawn(move || {
            let sum: i32 = handle.by_ref().sum();
            (sum, handle.finish().map(|report| report.items))
        });
        let (sum, items) = sum.join().expect("no panic");
        assert_eq!((sum, items.ok()), (500_500, Some(1000)));
    });
}

/// All threads have ended before the first item is pulled: what they left behind still counts.
#[test]
fn a_handle_finds_the_failure_behind_the_last_item() {
    within("a failure behind", || {
        let mut handle = Pipeline::new(0..10_u32)
            .try_map("fail", Par::Workers(2), |x| if x == 5 { Err("five") } else { Ok(x) })
            .spawn()
            .expect("threads");
        let control = handle.control();
        until(|| control.stats().stages[2].queue == 5);
        assert!(handle.by_ref().eq(0..5));
        let error = handle.finish().expect_err("five fails");
        assert_eq!(error.to_string(), "stage \"fail\", item 5: five");
    });
}

#[test]
fn cancelling_what_is_done_changes_nothing() {
    within("too late", || {
        let control = Control::new();
        let (all, _) = Pipeline::new(0..10)
            .control(&control)
            .scope(|items, control| {
                let all = items.collect::<Vec<_>>();
                control.cancel();
                all
            })
            .expect("the sink had everything");
        assert_eq!(all.len(), 10);
        assert!(control.is_cancelled());
    });
}

#[test]
fn cancelling_first_means_that_nothing_happens() {
    within("too early", || {
        let control = Control::new();
        control.cancel();
        let touched = AtomicUsize::new(0);
        let outcome = Pipeline::new(0..10)
            .control(&control)
            .map("a", Par::Workers(2), |_| touched.fetch_add(1, Ordering::Relaxed))
            .for_each(drop);
        assert!(matches!(outcome, Err(PipelineError::Cancelled)), "{outcome:?}");
        assert_eq!(touched.into_inner(), 0);
    });
}

/// Runs with longer and longer limits until that which is to hang was reached in time, and found: how
/// fast a machine comes there is not what is tested.
fn hangs_at(at: (&str, u64), run: impl Fn(Duration) -> PipelineError) {
    for doubled in 0..10 {
        let limit = Duration::from_millis(50 << doubled);
        step(format!("{limit:?} until it hangs"));
        let error = run(limit);
        let PipelineError::TimedOut { stage, item, .. } = &error else { panic!("{error}") };
        if (stage.as_deref(), *item) == (Some(at.0), Some(at.1)) {
            return;
        }
        // The time was over before, and somebody else was at an item before that one, or nobody at any.
        assert!(item.is_none_or(|item| item < at.1), "{error}");
    }
    panic!("{at:?} was never told");
}

/// Nobody but the sink is left to notice that the time is over.
#[test]
fn a_sink_that_waits_is_ended_by_the_time_limit() {
    within("waiting sink", || {
        let control = Control::new();
        let outcome = Pipeline::new(0..1)
            .control(&control)
            .time_limit(Duration::from_millis(20))
            .for_each(|_| assert!(control.cancelled_within(Duration::MAX)));
        assert!(matches!(outcome, Err(PipelineError::TimedOut { .. })), "{outcome:?}");

        let control = Control::new();
        let outcome = Pipeline::new(0..1)
            .control(&control)
            .time_limit(Duration::from_millis(20))
            .for_each(|_| while !control.is_cancelled() {});
        assert!(matches!(outcome, Err(PipelineError::TimedOut { .. })), "{outcome:?}");
    });
}

/// The time limit finds the stage that hangs, although every thread is busy or waits for it.
#[test]
fn a_time_limit_names_the_stage_that_hangs() {
    within("time limit", || {
        hangs_at(("hangs", 7), |limit| {
            let control = Control::new();
            let outcome = Pipeline::new(0..100_u64)
                .control(&control)
                .time_limit(limit)
                .map("fine", Par::Workers(2), |x| x)
                .map("hangs", Par::Workers(2), |x| {
                    if x == 7 {
                        control.cancelled_within(Duration::MAX);
                    }
                    x
                })
                .for_each(drop);
            outcome.expect_err("it hangs")
        });
    });
}

/// Code that asks nobody: a spawned pipeline does not wait for it.
#[test]
fn a_stage_that_never_returns_does_not_hold_up_its_handle() {
    within("never returns", || {
        hangs_at(("deaf", 2), |limit| {
            let gate = Arc::new(Gate::default());
            let inner = Arc::clone(&gate);
            let mut handle = Pipeline::new(0..10)
                .time_limit(limit)
                .map("deaf", Par::Serial, move |x| {
                    if x == 2 {
                        inner.pass();
                    }
                    x
                })
                .spawn()
                .expect("threads");
            let came: Vec<i32> = handle.by_ref().collect();
            assert!(came.len() <= 2);
            let outcome = handle.finish();
            gate.open();
            until(|| Arc::strong_count(&gate) == 1);
            outcome.expect_err("it never returns")
        });
    });
}
