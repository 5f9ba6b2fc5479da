//! The semaphore's contract, one behaviour a test, and every bad input with its result.

mod cpython;
mod oracle;

use crate::watchdog::within;
use brigade::semaphore::{AcquireError, BoundedSemaphore, Permit, Semaphore};
use std::panic::{AssertUnwindSafe, RefUnwindSafe, UnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// Blocks until so many threads are in the queue.
pub(crate) fn until_waiting(semaphore: &Semaphore, count: usize) {
    while semaphore.waiting() != count {
        thread::yield_now();
    }
}

fn spawn<R: Send + 'static>(
    semaphore: &Arc<Semaphore>,
    run: impl FnOnce(Arc<Semaphore>) -> R + Send + 'static,
) -> thread::JoinHandle<R> {
    let semaphore = Arc::clone(semaphore);
    thread::spawn(move || run(semaphore))
}

fn long_ago() -> Instant {
    Instant::now().checked_sub(Duration::from_secs(1)).unwrap_or_else(Instant::now)
}

#[test]
fn zero_permits_are_always_to_be_had_until_it_closes() {
    within("zero_permits", || {
        let semaphore = Arc::new(Semaphore::new(0));
        let waiter = spawn(&semaphore, |s| s.acquire().is_ok());
        until_waiting(&semaphore, 1);
        assert_eq!(semaphore.acquire_many(0).unwrap().count(), 0);
        assert_eq!(semaphore.try_acquire_many(0).unwrap().count(), 0);
        assert_eq!(semaphore.try_acquire_barging(0).unwrap().count(), 0);
        assert_eq!(semaphore.acquire_timeout(0, Duration::ZERO).unwrap().count(), 0);
        semaphore.acquire_owned(0).unwrap().forget();
        semaphore.add_permits(0);
        assert_eq!((semaphore.waiting(), semaphore.total()), (1, 0));
        semaphore.close();
        assert!(!waiter.join().unwrap());
        assert_eq!(semaphore.acquire_many(0).unwrap_err(), AcquireError::Closed);
        assert_eq!(semaphore.try_acquire_many(0).unwrap_err(), AcquireError::Closed);
        assert_eq!(semaphore.try_acquire_barging(0).unwrap_err(), AcquireError::Closed);
    });
}

#[test]
fn huge_numbers_have_a_defined_end() {
    const MAX: usize = Semaphore::MAX_PERMITS;
    assert!(catch_unwind(|| Semaphore::new(MAX + 1)).is_err());
    assert!(catch_unwind(|| BoundedSemaphore::new(usize::MAX)).is_err());

    let semaphore = Semaphore::new(MAX);
    let refused = catch_unwind(|| semaphore.add_permits(1)).unwrap_err();
    let said = refused.downcast_ref::<String>().expect("a message");
    assert!(said.starts_with("1 permits do not fit: the semaphore may have 0 more of"), "{said}");
    assert_eq!((semaphore.available(), semaphore.total()), (MAX, MAX));

    let beyond = AcquireError::Beyond { asked: usize::MAX, total: MAX };
    assert_eq!(semaphore.acquire_many(usize::MAX).unwrap_err(), beyond);
    assert_eq!(semaphore.try_acquire_many(usize::MAX).unwrap_err(), beyond);
    assert_eq!(semaphore.try_acquire_barging(usize::MAX).unwrap_err(), beyond);

    let all = semaphore.acquire_many(MAX).unwrap();
    assert!(catch_unwind(|| semaphore.add_permits(MAX)).is_err(), "held permits count too");
    drop(all);
    assert_eq!(semaphore.available(), MAX);

    let bounded = BoundedSemaphore::new(MAX);
    assert_eq!(bounded.release(usize::MAX).unwrap_err().missing, 0);
}

#[test]
fn asking_beyond_the_total_is_an_error_at_once() {
    within("beyond", || {
        let semaphore = Arc::new(Semaphore::new(2));
        let held = semaphore.acquire().unwrap();
        let beyond = AcquireError::Beyond { asked: 3, total: 2 };
        assert_eq!(semaphore.acquire_many(3).unwrap_err(), beyond);
        assert_eq!(semaphore.acquire_timeout(3, Duration::MAX).unwrap_err(), beyond);
        assert_eq!(semaphore.acquire_deadline(3, long_ago()).unwrap_err(), beyond);
        assert_eq!(semaphore.try_acquire_many(3).unwrap_err(), beyond);
        assert_eq!(semaphore.acquire_owned(3).unwrap_err(), beyond);
        assert_eq!(
            semaphore.try_acquire_many(2).unwrap_err(),
            AcquireError::Unavailable { asked: 2 }
        );
        semaphore.add_permits(1);
        drop(held);
        assert_eq!(semaphore.acquire_many(3).unwrap().count(), 3);

        // A bounded one measures against its capacity: what is forgotten may be released.
        let bounded = BoundedSemaphore::new(0);
        let nothing = AcquireError::Beyond { asked: 1, total: 0 };
        assert_eq!(bounded.acquire().unwrap_err(), nothing);
        let bounded = BoundedSemaphore::new(2);
        bounded.acquire_many(2).unwrap().forget();
        assert_eq!(
            bounded.try_acquire_many(2).unwrap_err(),
            AcquireError::Unavailable { asked: 2 }
        );
        assert_eq!(bounded.acquire_many(3).unwrap_err(), beyond);
    });
}

#[test]
fn forgetting_fails_those_who_wait_for_too_much_and_lets_the_rest_go_on() {
    within("forgetting", || {
        let semaphore = Arc::new(Semaphore::new(3));
        let mut held = semaphore.acquire_many(2).unwrap();
        let large = spawn(&semaphore, |s| s.acquire_many(3).map(|permit| permit.count()));
        until_waiting(&semaphore, 1);
        let small = spawn(&semaphore, |s| s.acquire().map(|permit| permit.count()));
        until_waiting(&semaphore, 2);

        held.split(1).unwrap().forget();
        let beyond = AcquireError::Beyond { asked: 3, total: 2 };
        assert_eq!(large.join().unwrap(), Err(beyond));
        assert_eq!(small.join().unwrap(), Ok(1));
        drop(held);
        assert_eq!((semaphore.available(), semaphore.total()), (2, 2));
    });
}

#[test]
fn one_permit_is_worth_waiting_for_even_if_there_is_none_yet() {
    within("one_permit", || {
        let semaphore = Arc::new(Semaphore::new(1));
        let held = semaphore.acquire().unwrap();
        let waiter = spawn(&semaphore, |s| s.acquire().map(|permit| permit.count()));
        until_waiting(&semaphore, 1);
        held.forget();
        assert_eq!((semaphore.total(), semaphore.waiting()), (0, 1));
        semaphore.add_permits(1);
        assert_eq!(waiter.join().unwrap(), Ok(1));
    });
}

#[test]
fn close_tells_every_waiter_and_every_later_caller() {
    within("close", || {
        let semaphore = Arc::new(Semaphore::new(2));
        let held = semaphore.acquire_owned(1).unwrap();
        let waiters = [
            spawn(&semaphore, |s| s.acquire_many(2).map(drop)),
            spawn(&semaphore, |s| s.acquire_timeout(2, Duration::MAX).map(drop)),
            spawn(&semaphore, |s| s.acquire_owned(1).map(drop)),
        ];
        // The third came when the first two may not have been in the queue yet.
        while semaphore.waiting() < 2 {
            thread::yield_now();
        }
        semaphore.close();
        semaphore.close();
        let answers = waiters.map(|waiter| waiter.join().unwrap());
        assert_eq!(answers[..2], [Err(AcquireError::Closed); 2]);
        assert!(matches!(answers[2], Ok(()) | Err(AcquireError::Closed)));
        assert!(semaphore.is_closed());

        assert_eq!(semaphore.acquire().unwrap_err(), AcquireError::Closed);
        assert_eq!(semaphore.try_acquire().unwrap_err(), AcquireError::Closed);
        assert_eq!(semaphore.try_acquire_barging(1).unwrap_err(), AcquireError::Closed);
        assert_eq!(semaphore.acquire_deadline(1, long_ago()).unwrap_err(), AcquireError::Closed);
        drop(held);
        semaphore.add_permits(1);
        assert_eq!((semaphore.available(), semaphore.total()), (3, 3));
        assert_eq!(semaphore.acquire().unwrap_err(), AcquireError::Closed);
    });
}

#[test]
fn a_deadline_in_the_past_takes_what_is_free_and_never_queues() {
    within("past", || {
        let semaphore = Arc::new(Semaphore::new(2));
        let first = semaphore.acquire_deadline(1, long_ago()).unwrap();
        let second = semaphore.acquire_timeout(1, Duration::ZERO).unwrap();
        let late = AcquireError::TimedOut { asked: 1 };
        assert_eq!(semaphore.acquire_deadline(1, long_ago()).unwrap_err(), late);
        assert_eq!(semaphore.acquire_timeout(1, Duration::ZERO).unwrap_err(), late);

        // A free permit that gathers for somebody else is not free for it.
        let waiter = spawn(&semaphore, |s| s.acquire_many(2).map(|permit| permit.count()));
        until_waiting(&semaphore, 1);
        drop(first);
        assert_eq!(semaphore.available(), 1);
        assert_eq!(semaphore.acquire_owned_deadline(1, long_ago()).unwrap_err(), late);
        assert_eq!(semaphore.waiting(), 1);
        drop(second);
        assert_eq!(waiter.join().unwrap(), Ok(2));
    });
}

#[test]
fn the_longest_duration_is_for_ever() {
    within("for_ever", || {
        let semaphore = Arc::new(Semaphore::new(1));
        let held = semaphore.acquire().unwrap();
        let waiter = spawn(&semaphore, |s| {
            s.acquire_owned_timeout(1, Duration::MAX).map(|permit| permit.count())
        });
        until_waiting(&semaphore, 1);
        drop(held);
        assert_eq!(waiter.join().unwrap(), Ok(1));
    });
}

#[test]
fn a_time_out_leaves_the_queue_and_frees_those_behind() {
    within("time_out", || {
        let semaphore = Arc::new(Semaphore::new(2));
        let held = semaphore.acquire().unwrap();
        let (queued, go_on) = channel::<()>();
        let large = spawn(&semaphore, move |s| {
            // Gives up again and again until somebody waits behind it.
            loop {
                let refused = s.acquire_timeout(2, Duration::from_millis(20)).map(|p| p.count());
                assert_eq!(refused, Err(AcquireError::TimedOut { asked: 2 }));
                if go_on.try_recv().is_ok() {
                    break;
                }
            }
        });
        let small = spawn(&semaphore, |s| s.acquire().map(|permit| permit.count()));
        assert_eq!(small.join().unwrap(), Ok(1), "while the first is held all the time");
        queued.send(()).unwrap();
        large.join().unwrap();
        drop(held);
        assert_eq!((semaphore.available(), semaphore.waiting()), (2, 0));
    });
}

#[test]
fn first_come_first_served() {
    within("first_come", || {
        const WAITERS: usize = 6;
        let semaphore = Arc::new(Semaphore::new(1));
        let order = Arc::new(Mutex::new(Vec::new()));
        let held = semaphore.acquire().unwrap();
        let waiters: Vec<_> = (0..WAITERS)
            .map(|me| {
                let order = Arc::clone(&order);
                let waiter = spawn(&semaphore, move |s| {
                    let _permit = s.acquire().unwrap();
                    order.lock().unwrap().push(me);
                });
                until_waiting(&semaphore, me + 1);
                waiter
            })
            .collect();
        drop(held);
        for waiter in waiters {
            waiter.join().unwrap();
        }
        assert_eq!(*order.lock().unwrap(), Vec::from_iter(0..WAITERS));
    });
}

#[test]
fn a_large_request_gathers_permits_and_is_not_overtaken() {
    within("gathers", || {
        let semaphore = Arc::new(Semaphore::new(3));
        let mut held = semaphore.acquire_many(3).unwrap();
        let large = spawn(&semaphore, |s| s.acquire_owned(3).unwrap());
        until_waiting(&semaphore, 1);
        let small = spawn(&semaphore, |s| s.acquire_owned(1).unwrap());
        until_waiting(&semaphore, 2);

        for free in 1..=2 {
            drop(held.split(1));
            assert_eq!((semaphore.available(), semaphore.waiting()), (free, 2));
            let busy = AcquireError::Unavailable { asked: 1 };
            assert_eq!(semaphore.try_acquire().unwrap_err(), busy);
            assert_eq!(semaphore.try_acquire_owned(1).unwrap_err(), busy);
        }
        drop(held);
        let all = large.join().unwrap();
        assert_eq!((all.count(), semaphore.waiting()), (3, 1));
        drop(all);
        assert_eq!(small.join().unwrap().count(), 1);
    });
}

#[test]
fn barging_takes_what_gathers_for_the_head() {
    within("barging", || {
        let semaphore = Arc::new(Semaphore::new(2));
        let held = semaphore.acquire().unwrap();
        let large = spawn(&semaphore, |s| s.acquire_many(2).map(|permit| permit.count()));
        until_waiting(&semaphore, 1);
        let barged = semaphore.try_acquire_barging(1).unwrap();
        assert_eq!(
            semaphore.try_acquire_barging(1).unwrap_err(),
            AcquireError::Unavailable { asked: 1 }
        );
        drop(held);
        assert_eq!(semaphore.waiting(), 1, "one of two is still away");
        drop(barged);
        assert_eq!(large.join().unwrap(), Ok(2));
    });
}

#[test]
fn a_panic_gives_the_permits_back() {
    within("panic", || {
        let semaphore = Arc::new(Semaphore::new(2));
        let waiter = {
            let held = semaphore.acquire_owned(1).unwrap();
            let waiter = spawn(&semaphore, |s| s.acquire_many(2).map(|permit| permit.count()));
            until_waiting(&semaphore, 1);
            let holder = thread::spawn(move || {
                let _held = held;
                panic!("the holder fails");
            });
            assert!(holder.join().is_err());
            waiter
        };
        assert_eq!(waiter.join().unwrap(), Ok(2));
        let failed = catch_unwind(|| {
            let _permit = semaphore.acquire_many(2).unwrap();
            panic!("so does this one");
        });
        assert!(failed.is_err());
        assert_eq!(semaphore.available(), 2);
    });
}

#[test]
fn a_leaked_permit_stays_held() {
    let semaphore = Arc::new(Semaphore::new(2));
    std::mem::forget(semaphore.acquire().unwrap());
    std::mem::forget(semaphore.acquire_owned(0).unwrap());
    assert_eq!((semaphore.available(), semaphore.total()), (1, 2));
    let short = Duration::from_millis(1);
    let late = AcquireError::TimedOut { asked: 2 };
    assert_eq!(semaphore.acquire_timeout(2, short).unwrap_err(), late);
    assert_eq!(semaphore.acquire().unwrap().count(), 1);
}

#[test]
fn permits_split_and_merge_without_loss() {
    let semaphore = Semaphore::new(5);
    let mut held = semaphore.acquire_many(4).unwrap();
    assert!(held.split(5).is_none());
    assert!(held.split(usize::MAX).is_none());
    assert_eq!(held.split(0).unwrap().count(), 0);
    let all = held.split(4).unwrap();
    assert_eq!((held.count(), all.count(), semaphore.available()), (0, 4, 1));
    held.merge(all).unwrap();
    held.merge(semaphore.acquire().unwrap()).unwrap();
    assert_eq!((held.count(), semaphore.available()), (5, 0));
    drop(held);
    assert_eq!((semaphore.available(), semaphore.total()), (5, 5));
}

#[test]
fn permits_of_another_semaphore_are_handed_back() {
    let (ours, theirs) = (Arc::new(Semaphore::new(1)), Arc::new(Semaphore::new(2)));
    let mut held = ours.acquire_owned(1).unwrap();
    let refused = held.merge(theirs.acquire_owned(2).unwrap()).unwrap_err();
    assert!(refused.to_string().contains("different semaphores"));
    let back = refused.into_inner();
    assert_eq!((held.count(), back.count(), theirs.available()), (1, 2, 0));
    drop(back);
    assert_eq!((ours.available(), theirs.available()), (0, 2));
}

#[test]
fn an_owned_permit_keeps_its_semaphore_alive() {
    struct Connection {
        permit: Permit<Arc<Semaphore>>,
    }
    let semaphore = Arc::new(Semaphore::new(1));
    let gone = Arc::downgrade(&semaphore);
    let connection = Connection { permit: semaphore.acquire_owned(1).unwrap() };
    drop(semaphore);
    assert!(gone.upgrade().is_some_and(|semaphore| semaphore.available() == 0));
    drop(thread::spawn(move || connection.permit.count()).join());
    assert!(gone.upgrade().is_none());
}

#[test]
fn a_bounded_semaphore_finds_every_over_release() {
    let seats = BoundedSemaphore::new(2);
    let over = seats.release(1).unwrap_err();
    assert_eq!((over.count, over.missing, over.limit), (1, 0, 2));
    let guarded = seats.acquire().unwrap();
    assert!(seats.release(1).is_err(), "a guard will bring it back");
    seats.acquire().unwrap().forget();
    assert!(seats.release(2).is_err());
    assert_eq!(seats.available(), 0, "an over-release gives nothing back");
    seats.release(1).unwrap();
    drop(guarded);
    assert_eq!((seats.available(), seats.total(), seats.capacity()), (2, 2, 2));
    assert!(seats.release(1).is_err());
    seats.release(0).unwrap();
}

#[test]
fn it_says_what_it_is() {
    let semaphore = Semaphore::new(2);
    let permit = semaphore.acquire().unwrap();
    assert_eq!(
        format!("{semaphore:?}"),
        "Semaphore { available: 1, total: 2, waiting: 0, closed: false }"
    );
    assert_eq!(format!("{permit:?}"), "Permit { count: 1, .. }");
    let texts = [
        (AcquireError::Closed, "the semaphore is closed and gives no more permits: stop asking"),
        (
            AcquireError::Unavailable { asked: 2 },
            "2 permits are not free now, or others are waiting for them: try later, or wait in line",
        ),
        (
            AcquireError::TimedOut { asked: 1 },
            "1 permit was not free before the deadline: wait longer, or ask for fewer",
        ),
    ];
    for (error, text) in texts {
        assert_eq!(error.to_string(), text);
    }
}

#[test]
fn it_may_be_shared_and_caught() {
    fn shared<T: Send + Sync + UnwindSafe + RefUnwindSafe>() {}
    shared::<Semaphore>();
    shared::<BoundedSemaphore>();
    fn sent<T: Send + Sync>() {}
    sent::<Permit<&Semaphore>>();
    sent::<Permit<Arc<BoundedSemaphore>>>();
    static GATE: Semaphore = Semaphore::new(1);
    assert_eq!(thread::spawn(|| GATE.acquire().unwrap().count()).join().unwrap(), 1);
    assert!(size_of::<Permit<&Semaphore>>() <= 2 * size_of::<usize>());
}

/// Many more threads than cores, all ways to acquire, and at no time more than there are.
#[test]
fn under_stress_never_more_than_n() {
    const TOTAL: usize = 4;
    const THREADS: usize = 12;
    const ROUNDS: usize = if cfg!(miri) { 10 } else { 2_000 };
    within("stress", || {
        let semaphore = Arc::new(Semaphore::new(TOTAL));
        let inside = Arc::new(AtomicUsize::new(0));
        let workers: Vec<_> = (0..THREADS)
            .map(|me| {
                let inside = Arc::clone(&inside);
                spawn(&semaphore, move |s| {
                    for round in 0..ROUNDS {
                        let asked = 1 + (me + round) % TOTAL;
                        let taken = match (me * 7 + round) % 6 {
                            0 => s.try_acquire_many(asked),
                            1 => s.acquire_timeout(asked, Duration::from_micros(50)),
                            2 => s.try_acquire_barging(asked),
                            _ => s.acquire_many(asked),
                        };
                        let Ok(mut permit) = taken else { continue };
                        let before = inside.fetch_add(asked, Ordering::SeqCst);
                        assert!(before + asked <= TOTAL, "{} are in at once", before + asked);
                        if round % 16 == 0 {
                            thread::yield_now();
                        }
                        inside.fetch_sub(asked, Ordering::SeqCst);
                        let part = permit.split(round % (asked + 1));
                        if round % 31 == 0 {
                            let unwound = catch_unwind(AssertUnwindSafe(move || {
                                let _part = part;
                                std::panic::resume_unwind(Box::new(()));
                            }));
                            assert!(unwound.is_err());
                        }
                    }
                })
            })
            .collect();
        for worker in workers {
            worker.join().unwrap();
        }
        assert_eq!(
            (semaphore.available(), semaphore.total(), semaphore.waiting()),
            (TOTAL, TOTAL, 0)
        );
    });
}
