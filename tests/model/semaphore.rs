//! Models of the semaphore. Time-outs are events that may happen at any wait.

use crate::contrast::{Contrast, all_are_caught, both, loom, shuttle};
use crate::explore::explore;
use brigade::internals::Mutant::*;
use brigade::semaphore::{AcquireError, Event, Semaphore};
#[cfg(brigade_loom)]
use loom::{sync::atomic, thread};
#[cfg(brigade_shuttle)]
use shuttle::{sync::atomic, thread};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

fn later() -> Instant {
    Instant::now() + Duration::from_secs(3600)
}

/// Replays the journal on a sequential semaphore with a queue, and refuses any step out of order.
/// Gives back how many permits are free at the end.
fn replay(mut total: usize, journal: &[Event]) -> usize {
    let mut free = total;
    let mut queue: VecDeque<(u64, usize)> = VecDeque::new();
    let mut closed = false;
    for (step, event) in journal.iter().enumerate() {
        let told = || format!("at step {step}, {event:?}, of {journal:?}");
        match *event {
            Event::Took { asked, barging } => {
                assert!(barging || queue.is_empty(), "overtaken: {}", told());
                assert!(!closed && free >= asked, "made from nothing: {}", told());
                free -= asked;
            }
            Event::Queued { ticket, asked } => {
                let free_to_go = queue.is_empty() && free >= asked;
                assert!(!closed && !free_to_go, "queued for nothing: {}", told());
                queue.push_back((ticket, asked));
            }
            Event::Granted { ticket } => {
                let head = queue.pop_front();
                let (first, asked) = head.unwrap_or_else(|| panic!("nobody waits: {}", told()));
                assert_eq!(first, ticket, "not the head of the queue: {}", told());
                assert!(free >= asked, "made from nothing: {}", told());
                free -= asked;
            }
            Event::Left { ticket } => queue.retain(|(waiter, _)| *waiter != ticket),
            Event::Released { count } => free += count,
            Event::Forgotten { count } => total -= count,
            Event::Closed => {
                closed = true;
                queue.clear();
            }
        }
        assert!(free <= total, "more than there are: {}", told());
    }
    assert!(queue.is_empty(), "left behind: {queue:?} after {journal:?}");
    free
}

/// Everyone is done: all permits are back, and the journal is that of a sequential semaphore.
fn settled(semaphore: &Semaphore, total: usize) {
    assert_eq!(semaphore.waiting(), 0, "somebody is still in the queue");
    assert_eq!(semaphore.available(), total, "a permit was lost or made");
    assert_eq!(replay(total, &semaphore.journal()), total);
    assert!(semaphore.try_acquire_many(total).is_ok(), "a flag was left up");
}

/// Loads and stores without ordering of their own: only the semaphore's keeps them from losing one.
fn count(counter: &atomic::AtomicUsize) {
    let seen = counter.load(atomic::Ordering::Relaxed);
    counter.store(seen + 1, atomic::Ordering::Relaxed);
}

#[test]
fn one_permit_excludes() {
    explore(3, || {
        let semaphore = Arc::new(Semaphore::new(1));
        let counter = Arc::new(atomic::AtomicUsize::new(0));
        let enter = {
            let (semaphore, counter) = (Arc::clone(&semaphore), Arc::clone(&counter));
            move || {
                let _permit = semaphore.acquire().expect("it is open");
                count(&counter);
            }
        };
        let other = thread::spawn(enter.clone());
        enter();
        other.join().unwrap();
        let _permit = semaphore.acquire().expect("it is open");
        let counted = counter.load(atomic::Ordering::Relaxed);
        assert_eq!(counted, 2, "an update was lost");
        drop(_permit);
        settled(&semaphore, 1);
    });
}

/// The permit that a waiter is handed was released by a third thread, and taken for it by yet another:
/// here the one that gives up waiting.
#[test]
fn a_handed_over_permit_carries_what_happened_before() {
    explore(3, || {
        let semaphore = Arc::new(Semaphore::new(1));
        let counter = Arc::new(atomic::AtomicUsize::new(0));
        let held = semaphore.acquire_owned(1).expect("it is open");
        let impatient = {
            let semaphore = Arc::clone(&semaphore);
            thread::spawn(move || drop(semaphore.acquire_deadline(1, later())))
        };
        let waiter = {
            let (semaphore, counter) = (Arc::clone(&semaphore), Arc::clone(&counter));
            thread::spawn(move || {
                let _permit = semaphore.acquire().expect("it is open");
                let seen = counter.load(atomic::Ordering::Relaxed);
                assert_eq!(seen, 1, "an update was lost");
            })
        };
        count(&counter);
        drop(held);
        impatient.join().unwrap();
        waiter.join().unwrap();
        settled(&semaphore, 1);
    });
}

#[test]
fn never_more_than_n_are_in() {
    explore(3, || {
        let semaphore = Arc::new(Semaphore::new(2));
        let inside = Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let enter = {
            let (semaphore, inside) = (Arc::clone(&semaphore), Arc::clone(&inside));
            move |weight: usize| {
                let permit = semaphore.acquire_many(weight).expect("it is open");
                let before = inside.fetch_add(weight, std::sync::atomic::Ordering::SeqCst);
                assert!(before + weight <= 2, "{} are in at once", before + weight);
                thread::yield_now();
                inside.fetch_sub(weight, std::sync::atomic::Ordering::SeqCst);
                drop(permit);
            }
        };
        let others = [2, 1].map(|weight| {
            let enter = enter.clone();
            thread::spawn(move || enter(weight))
        });
        enter(1);
        for other in others {
            other.join().unwrap();
        }
        settled(&semaphore, 2);
    });
}

#[test]
fn a_time_out_loses_no_permit() {
    explore(3, || {
        let semaphore = Arc::new(Semaphore::new(1));
        let held = semaphore.acquire().expect("it is open");
        let waiter = {
            let semaphore = Arc::clone(&semaphore);
            thread::spawn(move || match semaphore.acquire_deadline(1, later()) {
                Ok(permit) => assert_eq!(permit.count(), 1),
                Err(error) => assert_eq!(error, AcquireError::TimedOut { asked: 1 }),
            })
        };
        drop(held);
        waiter.join().unwrap();
        settled(&semaphore, 1);
    });
}

/// A large request at the head gathers a permit, gives up, and must let the small one behind it go.
#[test]
fn a_head_that_gives_up_frees_the_queue() {
    explore(3, || {
        let semaphore = Arc::new(Semaphore::new(2));
        let held = semaphore.acquire().expect("it is open");
        let large = {
            let semaphore = Arc::clone(&semaphore);
            thread::spawn(move || drop(semaphore.acquire_deadline(2, later())))
        };
        let small = {
            let semaphore = Arc::clone(&semaphore);
            thread::spawn(move || drop(semaphore.acquire().expect("it is open")))
        };
        small.join().unwrap();
        large.join().unwrap();
        drop(held);
        settled(&semaphore, 2);
    });
}

#[test]
fn close_reaches_every_waiter() {
    explore(3, || {
        let semaphore = Arc::new(Semaphore::new(1));
        let held = semaphore.acquire().expect("it is open");
        let waiters = [1, 1].map(|count| {
            let semaphore = Arc::clone(&semaphore);
            thread::spawn(move || {
                let refused = semaphore.acquire_many(count).map(|permit| permit.count());
                assert_eq!(refused, Err(AcquireError::Closed));
            })
        });
        semaphore.close();
        for waiter in waiters {
            waiter.join().unwrap();
        }
        assert!(matches!(semaphore.try_acquire(), Err(AcquireError::Closed)));
        drop(held);
        assert_eq!(semaphore.available(), 1);
        assert_eq!(replay(1, &semaphore.journal()), 1);
    });
}

/// Close, a release and a time-out at once: whatever wins, the permit is either held or free.
#[test]
fn close_against_release_and_time_out() {
    explore(3, || {
        let semaphore = Arc::new(Semaphore::new(1));
        let held = semaphore.acquire_owned(1).expect("it is open");
        let waiter = {
            let semaphore = Arc::clone(&semaphore);
            thread::spawn(move || drop(semaphore.acquire_deadline(1, later())))
        };
        let releaser = thread::spawn(move || drop(held));
        semaphore.close();
        waiter.join().unwrap();
        releaser.join().unwrap();
        assert_eq!((semaphore.available(), semaphore.waiting()), (1, 0));
        assert_eq!(replay(1, &semaphore.journal()), 1);
    });
}

#[test]
fn a_signal_is_never_missed() {
    explore(3, || {
        let signal = Arc::new(Semaphore::new(0));
        let consumers = [(), ()].map(|()| {
            let signal = Arc::clone(&signal);
            thread::spawn(move || signal.acquire().expect("it is open").forget())
        });
        signal.add_permits(1);
        signal.add_permits(1);
        for consumer in consumers {
            consumer.join().unwrap();
        }
        assert_eq!((signal.available(), signal.total(), signal.waiting()), (0, 0, 0));
    });
}

/// Whoever waits for more than will ever be there is told, and does not hold up the rest.
#[test]
fn forgetting_tells_those_who_ask_for_too_much() {
    explore(3, || {
        let semaphore = Arc::new(Semaphore::new(2));
        let held = semaphore.acquire().expect("it is open");
        let large = {
            let semaphore = Arc::clone(&semaphore);
            thread::spawn(move || {
                let refused = semaphore.acquire_many(2).map(|permit| permit.count());
                assert_eq!(refused, Err(AcquireError::Beyond { asked: 2, total: 1 }));
            })
        };
        let small = {
            let semaphore = Arc::clone(&semaphore);
            thread::spawn(move || drop(semaphore.acquire().expect("it is open")))
        };
        held.forget();
        small.join().unwrap();
        large.join().unwrap();
        assert_eq!((semaphore.available(), semaphore.waiting()), (1, 0));
    });
}

/// Five threads do everything that can be done, at random; every step must be one of a sequential
/// semaphore that serves its queue in order.
#[cfg(brigade_shuttle)]
#[test]
fn any_schedule_is_first_come_first_served() {
    use shuttle::rand::{Rng, thread_rng};
    const TOTAL: usize = 3;

    explore(3, || {
        let semaphore = Arc::new(Semaphore::new(TOTAL));
        let workers: Vec<_> = (0..5)
            .map(|_| {
                let semaphore = Arc::clone(&semaphore);
                thread::spawn(move || {
                    for _ in 0..3 {
                        let asked = thread_rng().gen_range(1..=TOTAL);
                        let taken = match thread_rng().gen_range(0..5) {
                            0 => semaphore.try_acquire_many(asked),
                            1 => semaphore.try_acquire_barging(asked),
                            2 => semaphore.acquire_deadline(asked, later()),
                            _ => semaphore.acquire_many(asked),
                        };
                        let Ok(mut permit) = taken else { continue };
                        thread::yield_now();
                        if let Some(part) = permit.split(1) {
                            drop(part);
                            thread::yield_now();
                        }
                    }
                })
            })
            .collect();
        for worker in workers {
            worker.join().unwrap();
        }
        settled(&semaphore, TOTAL);
    });
}

const DEADLOCK: &[&str] = &["deadlock"];
/// A lost wake-up shows as a deadlock, or earlier in the journal.
const STUCK: &[&str] = &["deadlock", "queued for nothing"];
const LOST: &[&str] = &["an update was lost"];
const UNBALANCED: &[&str] = &["deadlock", "a permit was lost or made"];

const RANDOM: &str = "semaphore::any_schedule_is_first_come_first_served";

pub(crate) const CONTRASTS: &[Contrast] = &[
    loom(SemaphoreTakeRelaxed, "semaphore::one_permit_excludes", LOST),
    loom(SemaphoreReleaseRelaxed, "semaphore::one_permit_excludes", LOST),
    loom(
        SemaphoreGrantRelaxed,
        "semaphore::a_handed_over_permit_carries_what_happened_before",
        LOST,
    ),
    both(SemaphoreQueueUnchecked, "semaphore::one_permit_excludes", STUCK),
    both(SemaphoreQueueUnchecked, "semaphore::never_more_than_n_are_in", STUCK),
    both(SemaphoreQueueUnchecked, "semaphore::a_signal_is_never_missed", STUCK),
    both(
        SemaphoreTimeoutDropsGrant,
        "semaphore::a_time_out_loses_no_permit",
        &["a permit was lost or made"],
    ),
    both(SemaphoreLeavesSilently, "semaphore::a_head_that_gives_up_frees_the_queue", DEADLOCK),
    both(SemaphoreFlagAfterClose, "semaphore::close_reaches_every_waiter", DEADLOCK),
    shuttle(SemaphoreOvertakes, RANDOM, &["overtaken"]),
    shuttle(SemaphoreGrantsWhatFits, RANDOM, &["not the head of the queue"]),
    shuttle(SemaphoreLeavesSilently, RANDOM, STUCK),
    shuttle(SemaphoreTimeoutDropsGrant, RANDOM, UNBALANCED),
    shuttle(SemaphoreQueueUnchecked, RANDOM, STUCK),
];

#[test]
fn every_mutant_is_caught() {
    all_are_caught(CONTRASTS);
}
