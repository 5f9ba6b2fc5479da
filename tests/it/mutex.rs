//! `FairMutex`, `FairReentrantMutex` and `FairCondvar` from outside.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::thread::{self, scope};
use std::time::{Duration, Instant};

use brigade::mutex::{
    FairCondvar, FairMutex, FairMutexGuard as Guard, FairMutexWith, FairReentrantMutex,
    FairReentrantMutexGuard as ReentrantGuard, InspectMutex,
};
use brigade::rwlock::{Bypass, PhaseFair, Policy, TaskFair};

use crate::rwlock::until;
use crate::watchdog::within;

/// More threads than processors: nothing is lost.
fn counts<P: Policy>() {
    within("counts", || {
        const THREADS: usize = 8;
        const ROUNDS: usize = if cfg!(miri) { 20 } else { 5_000 };
        let lock = FairMutexWith::<_, P>::new(0);
        scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| (0..ROUNDS).for_each(|_| *lock.lock() += 1));
            }
        });
        assert_eq!(lock.into_inner(), THREADS * ROUNDS);
    });
}

#[test]
fn nothing_is_lost() {
    counts::<TaskFair>();
    counts::<PhaseFair>();
    counts::<Bypass<32>>();
}

#[test]
fn the_line_is_served_in_order() {
    within("the_line_is_served_in_order", || {
        let lock = FairMutex::new(Vec::new());
        scope(|scope| {
            let held = lock.lock();
            for name in 0..5 {
                let lock = &lock;
                scope.spawn(move || lock.lock().push(name));
                until(|| lock.waiting() == name + 1);
            }
            assert!(lock.try_lock().is_none());
            drop(held);
        });
        assert_eq!(lock.into_inner(), [0, 1, 2, 3, 4]);
    });
}

/// One thread among four that lock again at once is passed by each of them once at most.
#[test]
fn no_hog_comes_twice() {
    within("no_hog_comes_twice", || {
        const HOGS: usize = 4;
        let lock = FairMutex::new(());
        let (waiting, passed, over) =
            (AtomicBool::new(false), AtomicUsize::new(0), AtomicBool::new(false));
        scope(|scope| {
            for _ in 0..HOGS {
                scope.spawn(|| {
                    while !over.load(SeqCst) {
                        let _held = lock.lock();
                        // The holder is not in the line; full means that the victim is.
                        if waiting.load(SeqCst) && lock.waiting() == HOGS {
                            passed.fetch_add(1, SeqCst);
                        }
                    }
                });
            }
            for _ in 0..2_000 {
                waiting.store(true, SeqCst);
                let _held = lock.lock();
                waiting.store(false, SeqCst);
                let passed = passed.swap(0, SeqCst);
                assert!(passed <= HOGS, "passed {passed} times");
            }
            over.store(true, SeqCst);
        });
    });
}

#[test]
fn deadlines() {
    let lock = FairMutex::new(());
    let held = lock.try_lock_until(Instant::now()).expect("free");
    assert!(lock.try_lock_until(Instant::now()).is_none());
    assert!(lock.try_lock_for(Duration::from_millis(1)).is_none());
    drop(held);
    assert!(lock.try_lock_for(Duration::MAX).is_some());
}

/// More threads than there are bells to tell them that it is their turn.
#[test]
fn a_long_line_is_served_to_its_end() {
    within("a_long_line_is_served_to_its_end", || {
        const THREADS: usize = if cfg!(miri) { 3 } else { 100 };
        let lock = FairMutex::new(0);
        scope(|scope| {
            let first = lock.lock();
            for _ in 0..THREADS {
                scope.spawn(|| (0..5).for_each(|_| *lock.lock() += 1));
            }
            until(|| lock.waiting() == THREADS);
            drop(first);
        });
        assert_eq!(lock.into_inner(), 5 * THREADS);
    });
}

#[test]
fn panics_and_forgotten_guards() {
    let lock = FairMutex::new(1);
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let _held = lock.lock();
        panic!("on purpose");
    }));
    assert!(panicked.is_err());
    assert!(!lock.is_locked());
    std::mem::forget(lock.lock());
    assert!(lock.try_lock().is_none());
    assert_eq!(lock.into_inner(), 1);
}

#[test]
fn mapping_and_bumping() {
    within("mapping_and_bumping", || {
        let lock = FairMutex::new((1, Vec::new()));
        Guard::map(lock.lock(), |pair| &mut pair.1).push(0);
        scope(|scope| {
            let mut held = lock.lock();
            Guard::bump(&mut held);
            scope.spawn(|| lock.lock().1.push(1));
            until(|| lock.waiting() == 1);
            Guard::bump(&mut held);
            assert_eq!(held.1, [0, 1]);
        });
    });
}

mod reentrant {
    use super::*;

    // std's tests of its reentrant lock.

    #[test]
    fn smoke() {
        let lock = FairReentrantMutex::new(());
        {
            let _one = lock.lock();
            {
                let _two = lock.lock();
                let _three = lock.lock();
            }
            let _four = lock.lock();
        }
        assert!(!lock.is_locked());
    }

    #[test]
    fn is_a_mutex() {
        within("is_a_mutex", || {
            let lock = FairReentrantMutex::new(RefCell::new(0));
            scope(|scope| {
                let held = lock.lock();
                scope.spawn(|| assert_eq!(*lock.lock().borrow(), 4_950));
                until(|| lock.waiting() == 1);
                for number in 0..100 {
                    let again = lock.lock();
                    *again.borrow_mut() += number;
                }
                drop(held);
            });
        });
    }

    #[test]
    fn attempts() {
        within("attempts", || {
            let lock = Arc::new(FairReentrantMutex::new(()));
            let held = lock.try_lock();
            let again = lock.try_lock();
            assert!(held.is_some() && again.is_some());
            let other = lock.clone();
            thread::spawn(move || assert!(other.try_lock().is_none())).join().expect("refused");
            drop((held, again));
            let other = lock.clone();
            thread::spawn(move || assert!(other.try_lock().is_some())).join().expect("let in");
        });
    }

    /// Whoever unwinds while it holds the lock twice releases it twice.
    #[test]
    fn unwinding() {
        let lock = FairReentrantMutex::new(Cell::new(0));
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            let one = lock.lock();
            let _two = lock.lock();
            one.set(1);
            panic!("on purpose");
        }));
        assert!(panicked.is_err());
        assert!(!lock.is_locked());
        assert_eq!(lock.lock().get(), 1);
    }

    // CPython's tests of threading.RLock.

    #[test]
    fn reacquire() {
        let lock = FairReentrantMutex::new(());
        let one = lock.lock();
        let two = lock.lock();
        drop(two);
        let three = lock.lock();
        drop(one); // in any order
        assert!(lock.is_owned_by_current_thread());
        drop(three);
        assert!(!lock.is_locked());
    }

    /// There is no way to write "release what is not held": only a guard releases.
    #[test]
    fn is_owned() {
        within("is_owned", || {
            let lock = FairReentrantMutex::new(());
            assert!(!lock.is_owned_by_current_thread());
            let one = lock.lock();
            assert!(lock.is_owned_by_current_thread());
            let two = lock.lock();
            scope(|scope| {
                scope.spawn(|| assert!(!lock.is_owned_by_current_thread()));
            });
            drop(one);
            assert!(lock.is_owned_by_current_thread());
            drop(two);
            assert!(!lock.is_owned_by_current_thread());
        });
    }

    #[test]
    fn contended_attempts_fail_and_leave_the_count() {
        within("contended_attempts_fail_and_leave_the_count", || {
            let lock = FairReentrantMutex::new(());
            let (one, two) = (lock.lock(), lock.lock());
            scope(|scope| {
                scope.spawn(|| {
                    assert!(lock.try_lock().is_none());
                    assert!(lock.try_lock_for(Duration::from_millis(1)).is_none());
                });
            });
            drop(one);
            scope(|scope| {
                scope.spawn(|| assert!(lock.try_lock().is_none(), "still held once"));
            });
            drop(two);
            scope(|scope| {
                scope.spawn(|| assert!(lock.try_lock().is_some()));
            });
        });
    }

    #[test]
    fn several_threads_go_in_and_deeper() {
        within("several_threads_go_in_and_deeper", || {
            let lock = FairReentrantMutex::new(Cell::new((0, 0)));
            scope(|scope| {
                for _ in 0..6 {
                    scope.spawn(|| {
                        for _ in 0..500 {
                            let one = lock.lock();
                            let (left, right) = one.get();
                            assert_eq!(left, right);
                            one.set((left + 1, right));
                            let two = lock.lock();
                            two.set((left + 1, right + 1));
                        }
                    });
                }
            });
            assert_eq!(lock.into_inner().get(), (3_000, 3_000));
        });
    }

    #[test]
    fn bumping_and_mapping() {
        within("bumping_and_mapping", || {
            let lock = FairReentrantMutex::new((Cell::new(0), 7));
            scope(|scope| {
                let mut held = lock.lock();
                scope.spawn(|| lock.lock().0.set(1));
                until(|| lock.waiting() == 1);
                ReentrantGuard::bump(&mut held);
                assert_eq!(held.0.get(), 1);
                assert_eq!(*ReentrantGuard::map(lock.lock(), |pair| &pair.1), 7);
            });
        });
    }
}

mod condvar {
    use super::*;

    #[test]
    fn one_waits_for_the_other() {
        within("one_waits_for_the_other", || {
            let (lock, changed) = (FairMutex::new(0), FairCondvar::new());
            scope(|scope| {
                scope.spawn(|| {
                    let mut turn = lock.lock();
                    for mine in (1..100).step_by(2) {
                        changed.wait_while(&mut turn, |turn| *turn != mine);
                        *turn += 1;
                        changed.notify_one();
                    }
                });
                let mut turn = lock.lock();
                for mine in (0..100).step_by(2) {
                    changed.wait_while(&mut turn, |turn| *turn != mine);
                    *turn += 1;
                    changed.notify_one();
                }
            });
            assert_eq!(lock.into_inner(), 100);
        });
    }

    #[test]
    fn those_who_waited_longest_are_notified_first() {
        within("those_who_waited_longest_are_notified_first", || {
            let (lock, bell) = (FairMutex::new(Vec::new()), FairCondvar::new());
            let asleep = AtomicUsize::new(0);
            scope(|scope| {
                for name in 0..4 {
                    let (lock, bell, asleep) = (&lock, &bell, &asleep);
                    scope.spawn(move || {
                        let mut names = lock.lock();
                        asleep.store(name + 1, SeqCst);
                        bell.wait(&mut names);
                        names.push(name);
                    });
                    until(|| asleep.load(SeqCst) == name + 1);
                    drop(lock.lock()); // and it has released the lock: it waits
                }
                for count in 1..=4 {
                    assert!(bell.notify_one());
                    until(|| lock.lock().len() == count);
                }
                assert!(!bell.notify_one());
            });
            assert_eq!(lock.into_inner(), [0, 1, 2, 3]);
        });
    }

    #[test]
    fn all_are_counted() {
        within("all_are_counted", || {
            let (lock, bell) = (FairMutex::new(0), FairCondvar::new());
            assert_eq!(bell.notify_all(), 0);
            scope(|scope| {
                for _ in 0..5 {
                    scope.spawn(|| {
                        let mut asleep = lock.lock();
                        *asleep += 1;
                        bell.wait(&mut asleep);
                    });
                }
                until(|| *lock.lock() == 5);
                assert_eq!(bell.notify_all(), 5);
            });
        });
    }

    #[test]
    fn time_passes() {
        let (lock, bell) = (FairMutex::new(()), FairCondvar::new());
        let mut held = lock.lock();
        assert!(bell.wait_for(&mut held, Duration::from_millis(1)).timed_out());
        assert!(bell.wait_until(&mut held, Instant::now()).timed_out());
        assert!(bell.wait_while_for(&mut held, |()| true, Duration::ZERO).timed_out());
        assert!(!bell.wait_while_for(&mut held, |()| false, Duration::ZERO).timed_out());
        assert!(!bell.notify_one(), "those who gave up do not count");
        assert!(lock.is_locked(), "and they have the lock again");
    }

    #[test]
    fn a_notification_comes_before_a_deadline() {
        within("a_notification_comes_before_a_deadline", || {
            let (lock, bell) = (FairMutex::new(false), FairCondvar::new());
            scope(|scope| {
                for limit in [Duration::from_secs(3_600), Duration::MAX] {
                    scope.spawn({
                        let (lock, bell) = (&lock, &bell);
                        move || {
                            let mut set = lock.lock();
                            assert!(!bell.wait_while_for(&mut set, |set| !*set, limit).timed_out());
                        }
                    });
                }
                *lock.lock() = true;
                bell.notify_all();
            });
        });
    }

    #[test]
    fn a_condition_that_panics_leaves_the_lock_and_the_line() {
        let (lock, bell) = (FairMutex::new(1), FairCondvar::new());
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            bell.wait_while(&mut lock.lock(), |_| panic!("on purpose"));
        }));
        assert!(panicked.is_err());
        assert!(lock.try_lock().is_some());
        assert!(!bell.notify_one(), "nobody is left in the line");
    }

    /// No requirement to keep to one mutex.
    #[test]
    fn two_mutexes_share_one_bell() {
        within("two_mutexes_share_one_bell", || {
            let locks = [FairMutex::new(0), FairMutex::new(0)];
            let bell = FairCondvar::new();
            scope(|scope| {
                for lock in &locks {
                    let bell = &bell;
                    scope.spawn(move || {
                        let mut asleep = lock.lock();
                        *asleep = 1;
                        bell.wait(&mut asleep);
                    });
                }
                until(|| locks.iter().all(|lock| *lock.lock() == 1));
                assert_eq!(bell.notify_all(), 2);
            });
        });
    }
}
