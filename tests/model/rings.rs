//! Rings of waits: of pipelines, of pools, and of both.

use crate::contrast::{Contrast, all_are_caught, shuttle};
use brigade::internals::Mutant::*;

#[cfg(brigade_shuttle)]
mod whole {
    use crate::explore::explore;
    use brigade::pipeline::{Handle, Par, Pipeline, PipelineError};
    use brigade::pool::{Claims, Pool, Shutdown, TaskError};
    use shuttle::rand::{Rng, thread_rng};
    use shuttle::sync::mpsc::channel;
    use shuttle::sync::{Arc, Mutex};
    use shuttle::thread;

    type Held = Arc<Mutex<Option<Handle<u64>>>>;

    fn take(held: &Held) -> Handle<u64> {
        let handle = held.lock().unwrap().take();
        handle.expect("it is let go once")
    }

    /// Whether it was told that it would wait for itself.
    fn finishes(handle: Handle<u64>) -> bool {
        match handle.finish() {
            Ok(_) => false,
            Err(PipelineError::InsideItself) => true,
            Err(other) => panic!("{other}"),
        }
    }

    /// A pipeline with a stage that can let it go.
    fn outer(stage: impl Fn(&Held) + Send + Sync + 'static) {
        let (give, given) = channel::<Held>();
        let given = Mutex::new(given);
        let outer = Pipeline::new(0..2_u64).map("outer", Par::Serial, move |x| {
            if x == 0 {
                stage(&given.lock().unwrap().recv().expect("it comes"));
            }
            x
        });
        let held = Arc::new(Mutex::new(Some(outer.spawn().expect("threads"))));
        give.send(held).expect("the stage waits for it");
    }

    /// A pipeline inside of a stage, whose stage lets the outer one go.
    #[test]
    fn a_pipeline_in_a_stage_does_not_wait_for_itself() {
        explore(3, || {
            let (tell, told) = channel();
            outer(move |held| {
                let inner = Pipeline::new(0..1).map("inner", Par::Serial, |_| finishes(take(held)));
                let (inside, _) = inner.collect::<Vec<_>>().expect("nothing fails");
                tell.send(inside).expect("the model listens");
            });
            assert_eq!(told.recv(), Ok(vec![true]));
        });
    }

    /// One beside it, which the stage pulls from, or ends: who can be told is told.
    #[test]
    fn of_two_pipelines_one_goes_on() {
        explore(3, || {
            let (pulls, later) = (thread_rng().r#gen::<bool>(), thread_rng().gen_range(0..60));
            let (tell, told) = channel();
            outer(move |held| {
                let (begin, begun) = channel();
                let (says, own) = (tell.clone(), Arc::clone(held));
                let inner = Pipeline::new(0..1).map("inner", Par::Serial, move |x| {
                    begin.send(()).expect("the stage waits for it");
                    says.send(finishes(take(&own))).expect("the model listens");
                    x
                });
                let mut inner = inner.spawn().expect("threads");
                begun.recv().expect("it begins");
                (0..later).for_each(|_| thread::yield_now());
                let inside = match pulls {
                    true => inner.next().is_none(),
                    false => finishes(inner),
                };
                tell.send(inside).expect("the model listens");
            });
            let told = [told.recv().expect("the one"), told.recv().expect("the other")];
            assert_ne!(told[0], told[1], "pulls: {pulls}, later: {later}");
        });
    }

    #[test]
    fn of_a_stage_and_a_job_one_goes_on() {
        explore(3, || {
            let (tell, told) = channel();
            outer(move |held| {
                let pool = Pool::builder().workers(1).claims(Claims::Never).build();
                let pool = pool.expect("a sound pool");
                let (says, own) = (tell.clone(), Arc::clone(held));
                let job = pool.submit(move |_| says.send(finishes(take(&own))).is_ok());
                let cycle = matches!(job.result(), Err(TaskError::Cycle));
                tell.send(cycle).expect("the model listens");
            });
            let told = [told.recv().expect("the one"), told.recv().expect("the other")];
            assert_ne!(told[0], told[1]);
        });
    }

    /// A job pulls from a pipeline, a stage of which ends the job's pool.
    #[test]
    fn of_a_job_that_pulls_and_who_ends_its_pool_both_go_on() {
        explore(3, || {
            let later = [(); 2].map(|()| thread_rng().gen_range(0..30));
            let pool = Pool::builder().workers(1).claims(Claims::Never).build();
            let pool = Arc::new(pool.expect("a sound pool"));
            let (begin, begun) = channel();
            let (begun, own) = (Mutex::new(begun), Arc::clone(&pool));
            let ends = Pipeline::new(0..1).map("ends", Par::Serial, move |_| {
                begun.lock().unwrap().recv().expect("the job begins");
                (0..later[0]).for_each(|_| thread::yield_now());
                own.shutdown(Shutdown::Drain);
            });
            let mut ends = ends.spawn().expect("threads");
            let job = pool.submit(move |_| {
                begin.send(()).expect("the stage waits for it");
                (0..later[1]).for_each(|_| thread::yield_now());
                ends.next()
            });
            assert_eq!(job.result().expect("it runs"), Some(()), "later: {later:?}");
        });
    }

    /// The stage pulls from a pipeline that waits for a job, which ends the stage's own.
    #[test]
    fn of_a_puller_a_job_and_who_waits_for_it_the_job_goes_on() {
        explore(3, || {
            let later = thread_rng().gen_range(0..60);
            let (tell, told) = channel();
            outer(move |held| {
                let pool = Pool::builder().workers(1).claims(Claims::Never).build();
                let pool = pool.expect("a sound pool");
                let own = Arc::clone(held);
                let job = Mutex::new(Some(pool.submit(move |_| finishes(take(&own)))));
                let inner = Pipeline::new(0..1).map("inner", Par::Serial, move |_| {
                    (0..later).for_each(|_| thread::yield_now());
                    let job = job.lock().unwrap().take().expect("one item");
                    job.result().expect("no cycle")
                });
                let inside = inner.spawn().expect("threads").next();
                tell.send(inside).expect("the model listens");
            });
            assert_eq!(told.recv(), Ok(Some(true)), "later: {later}");
        });
    }
}

const DEADLOCK: &[&str] = &["deadlock"];

pub(crate) const CONTRASTS: &[Contrast] = &[
    shuttle(
        WaitPlaceNotInherited,
        "rings::whole::a_pipeline_in_a_stage_does_not_wait_for_itself",
        DEADLOCK,
    ),
    shuttle(WaitPullTellsNobody, "rings::whole::of_two_pipelines_one_goes_on", DEADLOCK),
    shuttle(
        WaitTellsNobody,
        "rings::whole::of_a_puller_a_job_and_who_waits_for_it_the_job_goes_on",
        DEADLOCK,
    ),
    shuttle(
        WaitPullTellsNobody,
        "rings::whole::of_a_job_that_pulls_and_who_ends_its_pool_both_go_on",
        DEADLOCK,
    ),
    shuttle(WaitPostsNothing, "rings::whole::of_two_pipelines_one_goes_on", DEADLOCK),
    shuttle(WaitPostsNothing, "rings::whole::of_a_stage_and_a_job_one_goes_on", DEADLOCK),
];

#[test]
fn every_mutant_is_caught() {
    all_are_caught(CONTRASTS);
}
