//! The states of a future, its result, its callbacks.

use super::{hold, strict};
use crate::watchdog::within;
use brigade::pool::{Claims, Future, Pool, Shutdown, TaskError, Until, wait};
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::Duration;

fn states<T>(future: &Future<T>) -> (bool, bool, bool) {
    (future.is_running(), future.is_done(), future.is_cancelled())
}

#[test]
fn each_state_says_what_it_is() {
    within("states", || {
        let pool = strict(1);
        let (running, open) = hold(&pool);
        let pending = pool.submit(|_| 1);
        let cancelled = pool.submit(|_| 2);
        assert!(cancelled.cancel());
        assert_eq!(states(&running), (true, false, false));
        assert_eq!(states(&pending), (false, false, false));
        assert_eq!(states(&cancelled), (false, true, true));
        assert_eq!(format!("{running:?} {pending:?}"), "Future(\"running\") Future(\"pending\")");
        drop(open);
        assert_eq!(pending.result().unwrap(), 1);
        let failed = pool.submit(|_| panic!("on purpose"));
        let failed = brigade::pool::as_completed([failed]).next().unwrap();
        assert_eq!(states::<()>(&failed), (false, true, false));
        assert_eq!(format!("{failed:?} {cancelled:?}"), "Future(\"failed\") Future(\"cancelled\")");
        assert!(!running.result().unwrap());
    });
}

#[test]
fn cancel_tells_whether_the_job_will_never_run() {
    within("cancel", || {
        let pool = strict(1);
        let (running, open) = hold(&pool);
        let pending = pool.submit(|_| unreachable!("it is cancelled"));
        assert!(!running.cancel());
        assert!(pending.cancel());
        assert!(pending.cancel(), "again");
        assert!(matches!(pending.result(), Err::<(), _>(TaskError::Cancelled)));
        open.send(()).unwrap();
        let done = brigade::pool::as_completed([running]).next().unwrap();
        assert!(!done.cancel());
        assert!(done.result().unwrap());
    });
}

#[test]
fn cancelling_drops_the_closure_and_frees_the_place_at_once() {
    within("cancel drops", || {
        let pool = strict(1);
        let (held, open) = hold(&pool);
        let token = Arc::new(());
        let pending = pool.submit({
            let token = Arc::clone(&token);
            move |_| drop(token)
        });
        assert_eq!((pool.queued(), Arc::strong_count(&token)), (1, 2));
        pending.cancel();
        assert_eq!((pool.queued(), Arc::strong_count(&token)), (0, 1));
        drop(open);
        held.result().unwrap();
    });
}

#[test]
fn a_panic_is_the_result_with_its_payload_and_costs_no_thread() {
    within("panic", || {
        let pool = strict(1);
        let mut threads = Vec::new();
        for turn in 0..3 {
            let Err(TaskError::Panicked(panic)) =
                pool.submit(move |_| -> () { std::panic::panic_any(turn) }).result()
            else {
                unreachable!("it panics")
            };
            assert_eq!(panic.into_payload().downcast_ref(), Some(&turn));
            threads.push(pool.submit(|_| thread::current().id()).result().unwrap());
        }
        assert!(threads.windows(2).all(|pair| pair[0] == pair[1]));
        let caught = std::panic::catch_unwind(|| {
            match strict(1).submit(|_| -> () { panic!("{}", "as it should") }).result() {
                Err(TaskError::Panicked(panic)) => panic.resume(),
                other => unreachable!("{other:?}"),
            }
        });
        assert_eq!(caught.unwrap_err().downcast_ref::<String>().unwrap(), "as it should");
    });
}

#[test]
fn an_error_of_the_job_is_its_result() {
    let pool = Pool::new().unwrap();
    let parsed = pool.submit(|_| "x".parse::<u32>());
    assert!(parsed.result().unwrap().is_err());
}

#[test]
fn a_time_limit_gives_the_future_back_and_runs_nothing() {
    within("time limit", || {
        let pool = Pool::builder().workers(1).build().unwrap();
        let (held, open) = hold(&pool);
        let queued = pool.submit(|_| 7);
        let queued = queued.result_timeout(Duration::ZERO).expect_err("it has not begun");
        let queued = queued.result_timeout(Duration::from_millis(1)).expect_err("nor now");
        assert!(!queued.is_done() && !queued.is_running());
        open.send(()).unwrap();
        assert_eq!(queued.result_timeout(Duration::MAX).unwrap().unwrap(), 7);
        assert!(held.result_timeout(Duration::from_secs(60)).unwrap().unwrap());
    });
}

#[test]
fn waiting_runs_a_job_that_has_not_begun_on_this_thread() {
    within("inline", || {
        let pool = Pool::builder().workers(1).build().unwrap();
        let (held, open) = hold(&pool);
        let queued = pool.submit(|_| thread::current().id());
        assert_eq!(queued.result().unwrap(), thread::current().id());
        assert_eq!(pool.queued(), 0);
        drop(open);
        held.result().unwrap();
    });
}

#[test]
fn callbacks_run_in_order_before_the_result_is_given_and_their_panics_stay() {
    within("callbacks", || {
        let pool = strict(1);
        let (held, open) = hold(&pool);
        let order = Arc::new(Mutex::new(Vec::new()));
        for number in 0..5 {
            let order = Arc::clone(&order);
            held.on_done(move |outcome| {
                assert!(matches!(outcome, Ok(true)));
                order.lock().unwrap().push(number);
                assert_ne!(number, 2, "one of them panics");
            });
        }
        open.send(()).unwrap();
        assert!(held.result().unwrap());
        // The mutex was not poisoned: its guard was gone before the panic.
        assert_eq!(*order.lock().unwrap(), [0, 1, 2, 3, 4]);
    });
}

#[test]
fn a_callback_that_comes_late_runs_at_once_and_the_result_stays() {
    within("late callback", || {
        let pool = strict(1);
        let done = brigade::pool::as_completed([pool.submit(|_| 5)]).next().unwrap();
        let here = thread::current().id();
        let seen = Arc::new(Mutex::new(None));
        done.on_done({
            let seen = Arc::clone(&seen);
            move |outcome| {
                *seen.lock().unwrap() = Some((thread::current().id(), *outcome.as_ref().unwrap()));
            }
        });
        assert_eq!(*seen.lock().unwrap(), Some((here, 5)));
        done.on_done(|_| panic!("on purpose"));
        assert_eq!(done.result().unwrap(), 5);
    });
}

#[test]
fn cancelling_calls_back_too() {
    within("cancel callback", || {
        let pool = strict(1);
        let (held, open) = hold(&pool);
        let pending = pool.submit(|_| ());
        let (tell, told) = channel();
        pending.on_done(move |outcome| {
            tell.send(matches!(outcome, Err(TaskError::Cancelled))).unwrap()
        });
        assert!(pending.cancel());
        assert_eq!(told.try_recv(), Ok(true));
        drop(open);
        held.result().unwrap();
    });
}

struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn it_is_a_future_of_the_standard_library() {
    within("await", || {
        let pool = strict(1);
        let (held, open) = hold(&pool);
        let count = Arc::new(Count(AtomicUsize::new(0)));
        let waker = Waker::from(Arc::clone(&count));
        let mut cx = Context::from_waker(&waker);
        let mut held = pin!(held);
        assert!(held.as_mut().poll(&mut cx).is_pending());
        assert!(held.as_mut().poll(&mut cx).is_pending());
        open.send(()).unwrap();
        drop(pool);
        assert_eq!(count.0.load(Ordering::SeqCst), 1, "the last waker, once");
        assert!(matches!(held.as_mut().poll(&mut cx), Poll::Ready(Ok(true))));
    });
}

struct Calls(Mutex<Option<Box<dyn FnOnce() + Send>>>);

impl Wake for Calls {
    fn wake(self: Arc<Self>) {
        if let Some(call) = self.0.lock().unwrap().take() {
            call();
        }
    }
}

/// Has a future call when it is done.
fn call_by_waker(future: &mut Future<bool>, call: impl FnOnce() + Send + 'static) {
    let waker = Waker::from(Arc::new(Calls(Mutex::new(Some(Box::new(call))))));
    let polled = pin!(future).poll(&mut Context::from_waker(&waker));
    assert!(polled.is_pending());
}

/// The second job waits for the first, which is over when its waker waits for the second.
#[test]
fn a_waker_is_no_longer_inside_of_the_job() {
    within("a waker that waits", || {
        let pool = Pool::builder().workers(2).claims(Claims::Never).build().unwrap();
        let (mut first, open) = hold(&pool);
        let (give, given) = channel::<Future<Vec<usize>>>();
        let (tell, told) = channel();
        call_by_waker(&mut first, move || {
            tell.send(given.recv().unwrap().result()).unwrap();
        });
        let second = pool.submit(move |_| wait(&[first], Until::All, None).done);
        while !second.is_running() {
            thread::yield_now();
        }
        give.send(second).unwrap();
        // It sleeps by now, most likely.
        (0..1000).for_each(|_| thread::yield_now());
        drop(open);
        assert_eq!(told.recv().unwrap().unwrap(), [0]);
    });
}

/// It is called by who runs the job in a worker's stead, for whom the pool waits.
#[test]
fn a_waker_ends_the_pool_without_waiting() {
    within("a waker that ends the pool", || {
        let pool = Arc::new(Pool::builder().workers(1).build().unwrap());
        let (held, open) = hold(&pool);
        let mut claimed = pool.submit(|_| true);
        let own = Arc::clone(&pool);
        call_by_waker(&mut claimed, move || own.shutdown(Shutdown::Drain));
        assert!(claimed.result().unwrap());
        assert!(pool.is_shut_down());
        drop(open);
        held.result().unwrap();
    });
}

#[test]
fn a_running_job_hears_that_it_is_cancelled() {
    within("cooperative", || {
        let pool = strict(1);
        let (begin, begun) = channel();
        let job = pool.submit(move |cx| {
            assert!(!cx.is_cancelled());
            let (wake, asleep) = channel();
            cx.on_cancel(move || wake.send("first").unwrap());
            cx.on_cancel(|| panic!("on purpose"));
            begin.send(()).unwrap();
            let first = asleep.recv().unwrap();
            assert!(cx.is_cancelled());
            // It is late, so it is called here and now.
            let (tell, told) = channel();
            cx.on_cancel(move || tell.send("late").unwrap());
            (first, told.try_recv().unwrap())
        });
        begun.recv().unwrap();
        assert!(!job.cancel());
        assert_eq!(job.result().unwrap(), ("first", "late"));
        // What the job left is forgotten with it.
        let (begin, begun) = channel();
        let quick = pool.submit(move |cx| cx.on_cancel(move || begin.send(()).unwrap()));
        quick.result().unwrap();
        pool.shutdown(Shutdown::CancelPending);
        assert!(begun.recv().is_err());
    });
}

#[test]
fn a_dropped_future_lets_its_job_run() {
    within("detached", || {
        let pool = strict(2);
        let count = Arc::new(AtomicUsize::new(0));
        for _ in 0..100 {
            let count = Arc::clone(&count);
            drop(pool.submit(move |_| count.fetch_add(1, Ordering::Relaxed)));
        }
        drop(pool);
        assert_eq!(count.load(Ordering::Relaxed), 100);
    });
}

/// CPython's `test_no_stale_references`.
#[test]
fn nothing_of_a_job_stays_behind() {
    within("stale references", || {
        let pool = strict(1);
        let token = Arc::new(());
        let job = pool.submit({
            let token = Arc::clone(&token);
            move |_| token
        });
        drop(job.result().unwrap());
        // The worker lets go of its job when it turns to the next one.
        pool.submit(|_| ()).result().unwrap();
        assert_eq!(Arc::strong_count(&token), 1);
    });
}

/// What was polled for has left, so that is what it says.
#[test]
fn a_callback_that_comes_after_the_outcome_has_left_is_told_so() {
    within("taken", || {
        let pool = strict(1);
        let mut job = pool.submit(|_| 7);
        pool.shutdown(Shutdown::Drain);
        let mut cx = Context::from_waker(Waker::noop());
        assert!(matches!(pin!(&mut job).poll(&mut cx), Poll::Ready(Ok(7))));
        let (tell, told) = channel();
        for turn in 0..2 {
            let tell = tell.clone();
            job.on_done(move |outcome| {
                tell.send((turn, matches!(outcome, Err(TaskError::Taken)))).unwrap();
            });
        }
        drop(tell);
        assert_eq!(told.iter().collect::<Vec<_>>(), [(0, true), (1, true)]);
        let error = job.result().unwrap_err();
        assert!(matches!(error, TaskError::Taken), "{error}");
        assert!(error.to_string().ends_with("before that"), "{error}");
    });
}
