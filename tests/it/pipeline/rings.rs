//! Rings of waits that go through a pipeline: none is waited in for ever, and who closes one is told.

use super::cancel::{Held, lets_itself_go};
use super::{Gate, until};
use crate::watchdog::{step, within};
use brigade::pipeline::{Handle, Par, Pipeline, PipelineError};
use std::sync::atomic::AtomicI64;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};

fn take(held: &Held) -> Handle<u64> {
    held.lock().unwrap().take().expect("it is let go once")
}

/// Whether it was told that it would wait for itself. Who only drops the handle is told nothing.
fn finishes(handle: Handle<u64>) -> bool {
    match handle.finish() {
        Ok(_) => false,
        Err(PipelineError::InsideItself) => true,
        Err(other) => panic!("{other}"),
    }
}

/// Has a stage of an outer pipeline call `stage`, once with a function that drops the outer handle and
/// once with one that finishes it and wants to be told that it is inside.
fn both_ways(name: &str, stage: impl Fn(&Held, fn(&Held)) + Send + Sync + 'static) {
    let stage = Arc::new(stage);
    let ways: [fn(&Held); 2] = [|held| drop(take(held)), |held| assert!(finishes(take(held)))];
    for (way, let_go) in ["drop", "finish"].into_iter().zip(ways) {
        step(format!("{name}: {way}"));
        let stage = Arc::clone(&stage);
        lets_itself_go(&Arc::new(AtomicI64::new(0)), move |held| stage(held, let_go));
    }
}

#[test]
fn a_pipeline_that_runs_in_a_stage_lets_the_outer_one_go() {
    within("a scoped pipeline in a stage", || {
        both_ways("from a stage", |held, let_go| {
            let inner = Pipeline::new(0..1).map("inner", Par::Workers(2), |_| let_go(held));
            inner.for_each(drop).expect("nothing fails");
        });
        both_ways("from the source", |held, let_go| {
            let (units, _) = Pipeline::new((0..1).map(|_| let_go(held)))
                .map("inner", Par::Serial, |unit| unit)
                .collect::<Vec<_>>()
                .expect("nothing fails");
            assert_eq!(units, [()]);
        });
        both_ways("from the sink", |held, let_go| {
            Pipeline::new(0..1).for_each(|_| let_go(held)).expect("nothing fails");
        });
        both_ways("two pipelines down", |held, let_go| {
            let middle = Pipeline::new(0..1).map("middle", Par::Serial, |_| {
                let inner = Pipeline::new(0..1).map("inner", Par::Serial, |_| let_go(held));
                inner.for_each(drop).expect("nothing fails");
            });
            middle.for_each(drop).expect("nothing fails");
        });
    });
}

/// The stage waits for an item of a pipeline, which waits for the end of the stage.
#[test]
fn a_pipeline_that_is_pulled_from_lets_go_who_pulls() {
    fn inner(held: &Held, let_go: fn(&Held)) -> Handle<()> {
        let held = Arc::clone(held);
        let inner = Pipeline::new(0..1).map("inner", Par::Serial, move |_| let_go(&held));
        inner.spawn().expect("threads")
    }
    within("a spawned pipeline in a stage", || {
        both_ways("pulls first, most likely", |held, let_go| {
            let mut inner = inner(held, let_go);
            assert_eq!(inner.next(), Some(()));
            inner.finish().expect("nothing fails");
        });
        both_ways("lets go first", |held, let_go| {
            let outer = held.lock().unwrap().as_ref().expect("it").control();
            let mut inner = inner(held, let_go);
            until(|| outer.is_cancelled());
            assert_eq!(inner.next(), Some(()));
            inner.finish().expect("nothing fails");
        });
    });
}

/// Two pipelines, a stage of each of which waits for the other's end.
#[test]
fn of_two_pipelines_that_wait_for_each_other_one_is_told() {
    within("a ring of two", || {
        let (tell, told) = channel();
        lets_itself_go(&Arc::new(AtomicI64::new(0)), move |held| {
            let (begin, begun) = channel();
            let (tell, says, own) = (tell.clone(), tell.clone(), Arc::clone(held));
            let inner = Pipeline::new(0..1).map("inner", Par::Serial, move |x| {
                begin.send(()).unwrap();
                says.send(finishes(take(&own))).unwrap();
                x
            });
            let inner = inner.spawn().expect("threads");
            begun.recv().unwrap();
            tell.send(finishes(inner)).unwrap();
        });
        let told: Vec<bool> = told.iter().take(2).collect();
        assert!(told.contains(&true) && told.contains(&false), "{told:?}");
    });
}

/// The outer pipeline's closures hold the inner one, and are dropped when the outer one ends.
#[test]
fn a_pipeline_that_lets_go_who_holds_it() {
    within("held by the other's stages", || {
        let alive = Arc::new(());
        let (held, gate) = (Held::default(), Arc::new(Gate::default()));
        let (own, door, counts) = (Arc::clone(&held), Arc::clone(&gate), Arc::clone(&alive));
        let inner = Pipeline::new(0..1).map("inner", Par::Serial, move |x: u64| {
            let _counts = &counts;
            door.pass();
            drop(take(&own));
            x
        });
        let (inner, counts) = (Mutex::new(inner.spawn().expect("threads")), Arc::clone(&alive));
        let outer = Pipeline::new(0_u64..).map("outer", Par::Serial, move |x| {
            let _held = (&inner, &counts);
            x
        });
        *held.lock().unwrap() = Some(outer.spawn().expect("threads"));
        gate.open();
        until(|| Arc::strong_count(&alive) == 1);
    });
}

#[cfg(feature = "pool")]
mod with_pools {
    use super::*;
    use brigade::pool::{Claims, Future, Overflow, Pool, Shutdown, TaskError};

    fn pool(workers: usize, claims: Claims) -> Arc<Pool> {
        Arc::new(Pool::builder().workers(workers).claims(claims).build().expect("a sound pool"))
    }

    /// The job runs in the stage itself, or on threads that the stage waits for.
    #[test]
    fn a_job_that_a_stage_runs_lets_the_pipeline_go() {
        within("a job in a stage", || {
            both_ways("inline", |held, let_go| {
                // The only worker is busy, so that it is nobody else's.
                let pool = pool(1, Claims::Anywhere);
                let (open, gate) = channel::<()>();
                let busy = pool.submit(move |_| gate.recv().is_err());
                until(|| busy.is_running());
                let held = Arc::clone(held);
                pool.submit(move |_| let_go(&held)).result().expect("it does not wait");
                drop(open);
            });
            both_ways("in a scope", |held, let_go| {
                pool(1, Claims::Never).scope(|s| {
                    s.submit(|_| let_go(held));
                });
            });
        });
    }

    /// Whoever begins to wait last is told: the stage that waits for the job, or the job that waits for
    /// the pipeline. The stage then drops the pool, too.
    #[test]
    fn of_a_stage_and_a_job_that_wait_for_each_other_one_is_told() {
        within("a ring of a pipeline and a pool", || {
            for first in ["either", "the job"] {
                step(first);
                let (tell, told) = channel();
                lets_itself_go(&Arc::new(AtomicI64::new(0)), move |held| {
                    let pool = pool(1, Claims::Never);
                    let outer = held.lock().unwrap().as_ref().expect("it").control();
                    let (own, says) = (Arc::clone(held), tell.clone());
                    let job = pool.submit(move |_| says.send(finishes(take(&own))).unwrap());
                    until(|| first == "either" || outer.is_cancelled());
                    let cycle = matches!(job.result(), Err(TaskError::Cycle));
                    tell.send(cycle).unwrap();
                });
                let told: Vec<bool> = told.iter().take(2).collect();
                assert!(told.contains(&true) && told.contains(&false), "{told:?}");
            }
        });
    }

    /// The stage pulls from a pipeline, a stage of which waits for a job, which lets the stage's own go.
    /// That wait closes the ring, most likely, and it cannot be told: the job is.
    #[test]
    fn of_a_puller_a_job_and_who_waits_for_the_job_the_job_is_told() {
        within("a ring through a pull and a job", || {
            for pulls in ["first", "second"] {
                both_ways(pulls, move |held, let_go| {
                    let pool = pool(1, Claims::Never);
                    let outer = held.lock().unwrap().as_ref().expect("it").control();
                    let (own, lets_go) = (Arc::clone(held), outer.clone());
                    let job = Mutex::new(Some(pool.submit(move |_| let_go(&own))));
                    let inner = Pipeline::new(0..1).map("inner", Par::Serial, move |_| {
                        until(|| lets_go.is_cancelled());
                        (0..1000).for_each(|_| std::thread::yield_now());
                        let job = job.lock().unwrap().take().expect("one item");
                        job.result().expect("it is not waited for in vain");
                    });
                    let mut inner = inner.spawn().expect("threads");
                    until(|| pulls == "first" || outer.is_cancelled());
                    assert_eq!(inner.next(), Some(()));
                    inner.finish().expect("nothing fails");
                });
            }
        });
    }

    /// Whoever begins to wait last, the one that can do without is the stage that ends the pool.
    #[test]
    fn a_stage_that_a_job_pulls_from_ends_the_pool_without_waiting() {
        within("a pool's end in what its job pulls from", || {
            for pulls in ["first", "second"] {
                step(pulls);
                let (begin, begun) = channel();
                let begun = Mutex::new(begun);
                let pool = pool(1, Claims::Never);
                let own = Arc::clone(&pool);
                let ends = Pipeline::new(0..1).map("ends", Par::Serial, move |_| {
                    begun.lock().unwrap().recv().unwrap();
                    if pulls == "first" {
                        (0..1000).for_each(|_| std::thread::yield_now());
                    }
                    own.shutdown(Shutdown::Drain);
                });
                let mut ends = ends.spawn().expect("threads");
                let own = Arc::clone(&pool);
                let job = pool.submit(move |_| {
                    begin.send(()).unwrap();
                    if pulls == "second" {
                        until(|| own.is_shut_down());
                        (0..1000).for_each(|_| std::thread::yield_now());
                    }
                    ends.next() == Some(())
                });
                assert!(job.result().expect("it gets its item"));
            }
        });
    }

    /// Has a stage of a pipeline that a job runs call `stage` with the job's pool, as its last owner.
    fn in_a_job(pool: Arc<Pool>, stage: impl Fn(Arc<Pool>) -> i32 + Send + Sync + 'static) -> i32 {
        let (give, given) = channel::<Arc<Pool>>();
        let given = Mutex::new(given);
        let job = pool.submit(move |_| {
            let (results, _) = Pipeline::new(0..1)
                .map("inner", Par::Workers(2), |_| stage(given.lock().unwrap().recv().unwrap()))
                .collect::<Vec<_>>()
                .expect("nothing fails");
            results[0]
        });
        until(|| job.is_running());
        give.send(pool).unwrap();
        job.result().expect("it does not wait for itself")
    }

    #[test]
    fn a_stage_lets_the_pool_go_in_whose_job_it_is() {
        within("a pipeline in a job ends the pool", || {
            for claims in [Claims::Never, Claims::InWorkers] {
                let dropped = in_a_job(pool(2, claims), |pool| {
                    drop(Arc::into_inner(pool).expect("the last one"));
                    1
                });
                let shut = in_a_job(pool(2, claims), |pool| {
                    pool.shutdown(Shutdown::Drain);
                    2
                });
                assert_eq!((dropped, shut), (1, 2));
            }
        });
    }

    /// As the job could: its worker waits for the stage, so the stage may do the worker's work.
    #[test]
    fn a_stage_waits_for_jobs_of_the_pool_in_whose_job_it_is() {
        within("a pipeline in a job uses the pool", || {
            let waited = in_a_job(pool(1, Claims::InWorkers), |pool| {
                pool.submit(|_| 7).result().expect("it runs here")
            });
            assert_eq!(waited, 7);
            let full = Pool::builder().workers(1).queue(1, Overflow::Block).build();
            let full = in_a_job(Arc::new(full.expect("a sound pool")), |pool| {
                let jobs: Vec<_> = (0..10).map(|n| pool.submit(move |_| n)).collect();
                jobs.into_iter().map(|job| job.result().expect("a number")).sum()
            });
            assert_eq!(full, 45);
        });
    }

    #[test]
    fn a_stage_that_waits_for_the_job_that_runs_its_pipeline_is_told() {
        within("a pipeline in a job waits for the job", || {
            let pool = pool(1, Claims::Never);
            let (give, given) = channel::<Future<bool>>();
            let given = Mutex::new(given);
            let (tell, told) = channel();
            let job = pool.submit(move |_| {
                let (cycles, _) = Pipeline::new(0..1)
                    .map("inner", Par::Serial, |_| {
                        let own = given.lock().unwrap().recv().unwrap();
                        matches!(own.result(), Err(TaskError::Cycle))
                    })
                    .collect::<Vec<_>>()
                    .expect("nothing fails");
                cycles == [true]
            });
            job.on_done(move |outcome| tell.send(matches!(outcome, Ok(true))).unwrap());
            give.send(job).unwrap();
            assert_eq!(told.recv(), Ok(true));
        });
    }
}
