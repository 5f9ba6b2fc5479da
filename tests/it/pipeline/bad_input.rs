//! Every bad input, and what it is told.

use crate::watchdog::within;
use brigade::pipeline::stage::Segment;
use brigade::pipeline::{
    Batch, Cause, Control, Failure, OnError, Par, Pipeline, PipelineError, Report,
};
use std::panic::panic_any;
use std::time::Duration;

fn told<T>(outcome: Result<T, PipelineError>) -> String {
    match outcome {
        Ok(_) => panic!("it makes no sense, and ran"),
        Err(error) => error.to_string(),
    }
}

#[track_caller]
fn failed<T: std::fmt::Debug>(outcome: Result<T, PipelineError>) -> Failure {
    match outcome {
        Err(PipelineError::Stage(failure)) => failure,
        other => panic!("{other:?}"),
    }
}

/// Stage, item, and the payload as it was thrown.
#[track_caller]
fn thrown(outcome: Result<Report, PipelineError>) -> (&'static str, Option<u64>, u32) {
    let failure = failed(outcome);
    let told = failure.to_string();
    // No number that stands for none.
    assert!(failure.item < Some(1000) && told.contains(", "), "{told}");
    match failure.cause {
        Cause::Panic(payload) => {
            (failure.stage, failure.item, *payload.downcast_ref().expect("the original payload"))
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_makes_no_sense_does_not_start() {
    within("no sense", || {
        let pulled = || (0..3).inspect(|_| panic!("it was started"));
        let stage = Pipeline::new(pulled()).capacity(0).map("cook", Par::Serial, |x| x);
        let error = told(stage.for_each(drop));
        assert!(error.starts_with("the edge into \"cook\" was to hold 0 items"), "{error}");
        let error = told(Pipeline::new(pulled()).capacity(0).collect::<Vec<_>>());
        assert!(error.starts_with("the edge into \"sink\" was to hold 0 items"), "{error}");
        let error = told(Pipeline::new(pulled()).map("cook", Par::Workers(0), |x| x).spawn());
        assert_eq!(error, "stage \"cook\" was to have 0 workers: give it at least 1");
        let error = told(Pipeline::new(pulled()).chunks(0, None).for_each(drop));
        assert_eq!(error, "chunks of 0 items: ask for at least 1");
        let batches = Pipeline::new(pulled()).batch(Batch::UpTo(0)).map("cook", Par::Serial, |x| x);
        assert_eq!(told(batches.for_each(drop)), "batches of 0 items: ask for at least 1");
        let unlike = Pipeline::new(pulled())
            .map("one", Par::Workers(1), |x| x)
            .map("two", Par::Workers(2), |x| x)
            .fuse();
        let error = told(unlike.for_each(drop));
        assert!(error.starts_with("stage \"two\" cannot run on the threads of \"one\""), "{error}");
    });
}

#[test]
fn a_control_steers_one_pipeline() {
    within("control twice", || {
        let control = Control::new();
        assert_eq!(control.stats().stages.len(), 0);
        assert!(!control.cancelled_within(Duration::ZERO));
        Pipeline::new(0..3).control(&control).for_each(drop).expect("the first one");
        let error = told(Pipeline::new(0..3).control(&control).for_each(drop));
        assert_eq!(error, "the control steers another pipeline: make a new one for each run");
    });
}

#[test]
fn a_stage_that_panics() {
    within("a stage panics", || {
        for workers in [1, 3] {
            let outcome = Pipeline::new(0..100)
                .map("fine", Par::Workers(2), |x| x)
                .map("bad", Par::Workers(workers), |x| if x == 40 { panic_any(7_u32) } else { x })
                .for_each(drop);
            assert_eq!(thrown(outcome), ("bad", Some(40), 7));
        }
    });
}

#[test]
fn each_kind_of_stage_that_panics() {
    within("each kind panics", || {
        fn bad(x: u32) -> u32 {
            if x == 5 { panic_any(9_u32) } else { x }
        }
        let p = || Pipeline::new(0..10_u32);
        let two = Par::Workers(2);
        assert_eq!(thrown(p().map("k", two, bad).for_each(drop)), ("k", Some(5), 9));
        assert_eq!(thrown(p().serial("k", bad).for_each(drop)), ("k", Some(5), 9));
        assert_eq!(
            thrown(p().try_map("k", two, |x| Ok::<_, String>(bad(x))).for_each(drop)),
            ("k", Some(5), 9)
        );
        assert_eq!(
            thrown(p().filter_map("k", two, |x| Some(bad(x))).for_each(drop)),
            ("k", Some(5), 9)
        );
        assert_eq!(thrown(p().flat_map("k", two, |x| [bad(x)]).for_each(drop)), ("k", Some(5), 9));
        assert_eq!(
            thrown(p().flat_map("k", two, |x| (0..2).map(move |y| bad(x + y))).for_each(drop)),
            ("k", Some(4), 9)
        );
        assert_eq!(
            thrown(p().map_init("k", two, || (), |(), x| bad(x)).for_each(drop)),
            ("k", Some(5), 9)
        );
        let inspected = p().map("k", two, |x| x).inspect(|x| assert!(bad(*x) < 10));
        assert_eq!(thrown(inspected.for_each(drop)), ("inspect", Some(5), 9));
        let fused = p().map("first", two, |x| x).map("second", two, bad).fuse();
        assert_eq!(thrown(fused.for_each(drop)), ("second", Some(5), 9));
        let init = p().map_init("k", Par::Serial, || panic_any(8_u32), |(), x| x);
        assert_eq!(thrown(init.for_each(drop)), ("k", Some(0), 8));
    });
}

#[test]
fn a_source_that_panics() {
    within("the source panics", || {
        for ordered in [true, false] {
            let mut seen = Vec::new();
            let source = (0..10).map(|x| if x == 4 { panic_any(3_u32) } else { x });
            let chain = Pipeline::new(source).map("fine", Par::Workers(2), |x| x);
            let chain = if ordered { chain } else { chain.unordered() };
            let outcome = chain.for_each(|x| seen.push(x));
            assert_eq!(thrown(outcome), ("source", Some(4), 3));
            assert!(!ordered || seen == [0, 1, 2, 3], "{seen:?}");
        }
    });
}

#[test]
fn a_source_that_panics_before_it_begins() {
    struct Bad;
    impl IntoIterator for Bad {
        type Item = u8;
        type IntoIter = std::vec::IntoIter<u8>;
        fn into_iter(self) -> Self::IntoIter {
            panic_any(1_u32)
        }
    }
    within("into_iter panics", || {
        assert_eq!(thrown(Pipeline::new(Bad).for_each(drop)), ("source", Some(0), 1));
    });
}

#[test]
fn a_sink_that_panics_or_errs() {
    within("the sink fails", || {
        let outcome = Pipeline::new(0..).map("fine", Par::Workers(2), |x: u32| x).for_each(|x| {
            if x == 300 {
                panic_any(5_u32)
            }
        });
        assert_eq!(thrown(outcome), ("sink", Some(300), 5));
        let outcome = Pipeline::new(0..)
            .map("fine", Par::Workers(2), |x: u32| x)
            .try_for_each(|x| if x == 300 { Err("full") } else { Ok(()) });
        assert_eq!(told(outcome), "stage \"sink\", item 300: full");
    });
}

/// A sink fails on what it pulled last, be it before the end or after it, or on nothing.
#[test]
fn a_sink_that_panics_outside_of_its_items() {
    within("the sink fails by itself", || {
        for (pulls, item) in [(0, None), (1, Some(0)), (4, Some(3)), (99, Some(8))] {
            let outcome = Pipeline::new(0..9).scope(|items, _| -> () {
                items.take(pulls).for_each(drop);
                panic_any(6_u32)
            });
            let outcome = outcome.map(|((), report)| report);
            assert_eq!(thrown(outcome), ("sink", item, 6));
        }
        let outcome = Pipeline::new(0..9).scope(|_, _| -> () { panic!("nothing pulled") });
        assert_eq!(told(outcome), "stage \"sink\", at no item: it panicked: nothing pulled");
    });
}

/// A chunk is known by its first item, be it full or not, and whichever way it fails.
#[test]
fn a_chunk_that_fails() {
    within("a chunk fails", || {
        let chunks = || Pipeline::new(0..10_u32).chunks(4, None);
        for bad in [0, 4, 8] {
            let throw = move |chunk: Vec<u32>| {
                if chunk[0] == bad { panic_any(chunk[0]) } else { chunk }
            };
            let outcome = chunks().map("use", Par::Serial, throw).fuse().for_each(drop);
            assert_eq!(thrown(outcome), ("use", Some(u64::from(bad)), bad));
            let refuse = move |chunk: Vec<u32>| if chunk[0] == bad { Err("no") } else { Ok(chunk) };
            let outcome = chunks().try_map("use", Par::Serial, refuse).fuse().for_each(drop);
            assert_eq!(told(outcome), format!("stage \"use\", item {bad}: no"));
        }
        let early = Pipeline::new(std::iter::successors(Some(0_u32), |_| None))
            .chunks(4, Duration::ZERO)
            .map("use", Par::Serial, |_| panic_any(1_u32))
            .fuse();
        assert_eq!(thrown(early.for_each(drop)), ("use", Some(0), 1));
    });
}

/// The last chunk fails on its way into another chunk: that one comes out all the same.
#[test]
fn a_chunk_that_fails_does_not_take_along_what_is_held_back_behind_it() {
    within("chunks of chunks", || {
        let (came, report) = Pipeline::new(0..10_u32)
            .chunks(4, None)
            .map("use", Par::Serial, |chunk| if chunk[0] == 8 { panic!("eight") } else { chunk })
            .fuse()
            .chunks(9, None)
            .fuse()
            .on_error(OnError::Skip)
            .collect::<Vec<_>>()
            .expect("it goes on");
        assert_eq!(came, [[[0, 1, 2, 3], [4, 5, 6, 7]]]);
        assert_eq!(report.stages[1].failed, 1);
    });
}

/// Not even their books are opened: that alone would end the process.
#[test]
fn more_workers_than_there_can_be() {
    within("too many workers", || {
        for workers in [8192, usize::MAX / 1000, usize::MAX] {
            let outcome = Pipeline::new((0..3).inspect(|_| panic!("it was started")))
                .map("few", Par::Workers(2), |x| x)
                .map("many", Par::Workers(workers), |x| x)
                .map("more", Par::Workers(workers), |x| x)
                .for_each(drop);
            assert_eq!(
                told(outcome),
                format!(
                    "stage \"many\" was to have {workers} workers, and a pipeline has at most 8192 \
                     threads in all: give it fewer"
                )
            );
        }
    });
}

/// No system takes such a name for a thread, and the standard library panics over it.
#[test]
fn a_name_that_no_thread_may_have() {
    within("a zero in a name", || {
        for (workers, threads) in [(1, "a\u{fffd}b"), (3, "a\u{fffd}b-")] {
            let (came, report) = Pipeline::new(0..3000)
                .map("a\0b", Par::Workers(workers), |x| (x, std::thread::current()))
                .collect::<Vec<_>>()
                .expect("nothing fails");
            assert!(came.iter().map(|(x, _)| *x).eq(0..3000));
            let named = |name: &str| name.trim_end_matches(char::is_numeric) == threads;
            assert!(came.iter().all(|(_, thread)| thread.name().is_some_and(named)));
            assert_eq!(report.stages[1].name, "a\0b");
        }
    });
}

/// Panics when it is dropped, if it is told to.
#[derive(Debug)]
struct Bomb(u32, bool);

impl Bomb {
    /// A closure that asks captures the whole bomb.
    fn is_armed(&self) -> bool {
        self.1
    }
}

impl Drop for Bomb {
    fn drop(&mut self) {
        if self.1 {
            self.1 = false;
            panic_any(self.0);
        }
    }
}

/// The first is told; a second panic while the first unwinds would end the process.
#[test]
fn a_chunk_of_items_that_panic_in_drop() {
    within("bombs in a chunk", || {
        let control = Control::new();
        let wait = || {
            control.cancelled_within(Duration::MAX);
            None
        };
        let outcome = Pipeline::new((0..3).map(|x| Bomb(x, true)).chain(std::iter::from_fn(wait)))
            .control(&control)
            .chunks(10, None)
            .scope(|_items, control| {
                super::until(|| control.stats().stage("chunks").is_some_and(|s| s.taken == 3));
            });
        let failure = failed(outcome);
        let Cause::Panic(payload) = failure.cause else { panic!("a panic") };
        assert_eq!((failure.stage, payload.downcast_ref::<u32>()), ("chunks", Some(&0)));
    });
}

/// A failure that nobody meets is dropped, and what it holds panics then; that is nobody's business.
#[test]
fn a_payload_that_panics_in_drop() {
    within("a bomb of a payload", || {
        for serial in [true, false] {
            let chain =
                Pipeline::new(std::iter::from_fn(|| -> Option<u32> { panic_any(Bomb(7, true)) }))
                    .map("carry", if serial { Par::Serial } else { Par::Workers(2) }, |x| x);
            let handle = chain.spawn().expect("threads");
            // Long enough for the failure to wait at the end, mostly.
            super::settled(|| 0);
            drop(handle);
        }
    });
}

/// Bombs wait in every place where items wait, when the sink stops: the first that goes off is told,
/// and every other is still dropped.
#[test]
fn queued_items_that_panic_in_drop() {
    within("bombs", || {
        for workers in [1, 3] {
            let outcome = Pipeline::new((0..).map(|x| Bomb(x, x > 0)))
                .capacity(8)
                .map("carry", Par::Workers(workers), |bomb| bomb)
                .scope(|mut items, control| {
                    super::settled(|| control.stats().stages.iter().map(|s| s.queue).sum());
                    items.next().map(|bomb| bomb.0)
                });
            let failure = failed(outcome);
            let Cause::Panic(payload) = failure.cause else { panic!("a panic") };
            let number = *payload.downcast_ref::<u32>().expect("the original payload");
            assert_eq!(Some(u64::from(number)), failure.item);
            assert!(["source", "carry", "sink"].contains(&failure.stage), "{}", failure.stage);
        }
    });
}

/// What is dropped must not hide why.
#[test]
fn a_bomb_does_not_hide_the_failure_before_it() {
    within("a bomb behind a failure", || {
        let outcome =
            Pipeline::new((0..).map(|x| Bomb(x, x > 3)))
                .capacity(8)
                .try_map("refuse", Par::Workers(2), |bomb| {
                    if bomb.0 == 3 { Err("three") } else { Ok(bomb) }
                })
                .for_each(drop);
        let failure = failed(outcome);
        assert_eq!((failure.stage, failure.item), ("refuse", Some(3)));
    });
}

#[test]
fn what_a_panicking_stage_held_is_dropped_outside_of_the_panic() {
    within("a bomb in the batch", || {
        // All in one batch: dropped while unwinding, a bomb would abort the process.
        let outcome = Pipeline::new((0..64).map(|x| Bomb(x, true)))
            .batch(Batch::UpTo(64))
            .map("defuse", Par::Serial, |mut bomb| {
                bomb.1 = false;
                assert!(bomb.0 != 20, "twenty");
                bomb.0
            })
            .for_each(drop);
        let failure = failed(outcome);
        assert_eq!((failure.stage, failure.item), ("defuse", Some(20)));
    });
}

#[test]
fn a_state_that_panics_in_drop() {
    within("a state is a bomb", || {
        let outcome = Pipeline::new(0..3)
            .map_init("state", Par::Serial, || Bomb(11, true), |_, x| x)
            .for_each(drop);
        assert_eq!(thrown(outcome), ("state", None, 11));
    });
}

/// What the closure of a stage has captured is dropped when everything is over, and that is told,
/// too; also to whoever waits for a pipeline in the background.
#[test]
fn a_closure_that_panics_in_drop() {
    fn chain() -> Pipeline<'static, impl Segment<Out = i32> + Send + 'static> {
        let bomb = Bomb(4, true);
        Pipeline::new(0..3).map("armed", Par::Serial, move |x| x + i32::from(!bomb.is_armed()))
    }
    within("a closure is a bomb", || {
        let (stage, item, payload) = thrown(chain().for_each(drop));
        assert_eq!((stage, item, payload), ("pipeline", None, 4));
        let handle = chain().spawn().expect("threads");
        assert_eq!(thrown(handle.finish()).2, 4);

        let bomb = Bomb(5, true);
        let routed = OnError::route(move |_| assert!(bomb.is_armed()));
        let outcome = Pipeline::new(0..3).on_error(routed).for_each(drop);
        assert_eq!(thrown(outcome).2, 5);

        // What failed before counts.
        let bomb = Bomb(6, true);
        let outcome = Pipeline::new(0..3)
            .map("armed", Par::Serial, move |x| assert!(x < 1 && bomb.is_armed(), "one"))
            .for_each(drop);
        assert_eq!(failed(outcome).stage, "armed");
    });
}

#[test]
fn limits_that_cannot_be_expressed_are_none() {
    within("limits", || {
        let (came, _) = Pipeline::new(0..3)
            .time_limit(Duration::MAX)
            .capacity(usize::MAX)
            .batch(Batch::UpTo(usize::MAX))
            .chunks(usize::MAX, Duration::MAX)
            .collect::<Vec<_>>()
            .expect("nothing fails");
        assert_eq!(came, [[0, 1, 2]]);
        let outcome = Pipeline::new(0..).time_limit(Duration::ZERO).for_each(drop::<u8>);
        assert!(matches!(outcome, Err(PipelineError::TimedOut { .. })), "{outcome:?}");
    });
}
