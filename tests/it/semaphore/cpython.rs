//! What CPython's own suite asks of `Semaphore` and `BoundedSemaphore`, asked of ours.
//!
//! `acquire()` without a `with` is an acquire whose permit is forgotten; `release(n)` is
//! `add_permits(n)`, and `release(n)` of a bounded one. A negative start cannot be written.

use super::until_waiting;
use crate::watchdog::within;
use brigade::semaphore::{AcquireError, BoundedSemaphore, Semaphore};
use std::panic::catch_unwind;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

fn take(semaphore: &Semaphore) {
    semaphore.acquire().expect("it is open").forget();
}

fn try_take(semaphore: &Semaphore) -> bool {
    semaphore.try_acquire().map(|permit| permit.forget()).is_ok()
}

#[test]
fn acquire_and_release() {
    for permits in [1, 2] {
        let semaphore = Semaphore::new(permits);
        (0..permits).for_each(|_| take(&semaphore));
        (0..permits).for_each(|_| semaphore.add_permits(1));
        assert_eq!(semaphore.available(), permits);
    }
}

#[test]
fn acquire_and_destroy() {
    let semaphore = Semaphore::new(1);
    take(&semaphore);
    drop(semaphore);
}

/// Seven permits, one taken; ten threads take two each, and get them as they are released.
fn contended(release: impl Fn(&Semaphore, usize) + Send + 'static) {
    let semaphore = Arc::new(Semaphore::new(7));
    take(&semaphore);
    let phase = Arc::new(Mutex::new(0));
    let taken = Arc::new(Mutex::new(Vec::new()));
    let threads: Vec<_> = (0..10)
        .map(|_| {
            let (semaphore, phase, taken) =
                (Arc::clone(&semaphore), Arc::clone(&phase), Arc::clone(&taken));
            thread::spawn(move || {
                for _ in 0..2 {
                    take(&semaphore);
                    taken.lock().unwrap().push(*phase.lock().unwrap());
                }
            })
        })
        .collect();
    let until_taken = |count| {
        while taken.lock().unwrap().len() < count {
            thread::yield_now();
        }
        taken.lock().unwrap().clone()
    };
    assert_eq!(until_taken(6), [0; 6]);
    while semaphore.waiting() + threads.iter().filter(|thread| thread.is_finished()).count() < 10 {
        thread::yield_now();
    }
    *phase.lock().unwrap() = 1;
    release(&semaphore, 7);
    assert_eq!(until_taken(13), [[0; 6].as_slice(), &[1; 7]].concat());
    *phase.lock().unwrap() = 2;
    release(&semaphore, 6);
    assert_eq!(until_taken(19), [[0; 6].as_slice(), &[1; 7], &[2; 6]].concat());
    assert!(!try_take(&semaphore), "nothing is left");
    semaphore.add_permits(1);
    for thread in threads {
        thread.join().unwrap();
    }
}

#[test]
fn acquire_contended() {
    within("acquire_contended", || {
        contended(|semaphore, count| (0..count).for_each(|_| semaphore.add_permits(1)));
    });
}

#[test]
fn multi_release() {
    within("multi_release", || contended(|semaphore, count| semaphore.add_permits(count)));
}

#[test]
fn try_acquire() {
    let semaphore = Semaphore::new(2);
    assert!(try_take(&semaphore));
    assert!(try_take(&semaphore));
    assert!(!try_take(&semaphore));
    semaphore.add_permits(1);
    assert!(try_take(&semaphore));
}

#[test]
fn try_acquire_contended() {
    let semaphore = Semaphore::new(4);
    take(&semaphore);
    let results = Mutex::new(Vec::new());
    thread::scope(|s| {
        for _ in 0..5 {
            s.spawn(|| {
                for _ in 0..2 {
                    let got = try_take(&semaphore);
                    results.lock().unwrap().push(got);
                }
            });
        }
    });
    let got = results.into_inner().unwrap().into_iter().filter(|got| *got).count();
    assert_eq!(got, 3);
}

#[test]
fn acquire_with_a_time_out() {
    let short = Duration::from_millis(5);
    let timed = |semaphore: &Semaphore| semaphore.acquire_timeout(1, short).map(|p| p.forget());
    let semaphore = Semaphore::new(2);
    assert!(timed(&semaphore).is_ok());
    assert!(timed(&semaphore).is_ok());
    assert_eq!(timed(&semaphore), Err(AcquireError::TimedOut { asked: 1 }));
    semaphore.add_permits(1);
    assert!(timed(&semaphore).is_ok());
    assert_eq!(timed(&semaphore), Err(AcquireError::TimedOut { asked: 1 }));
}

#[test]
fn a_waiter_gets_what_another_thread_releases() {
    within("released_by_another", || {
        let semaphore = Arc::new(Semaphore::new(1));
        take(&semaphore);
        let waiter = {
            let semaphore = Arc::clone(&semaphore);
            thread::spawn(move || {
                take(&semaphore);
                semaphore.add_permits(1);
            })
        };
        until_waiting(&semaphore, 1);
        assert!(!waiter.is_finished());
        semaphore.add_permits(1);
        waiter.join().unwrap();
        assert_eq!(semaphore.available(), 1);
    });
}

#[test]
fn nested_scopes_and_errors() {
    let semaphore = Semaphore::new(2);
    let nest = |fail: bool| {
        let _outer = semaphore.acquire().unwrap();
        assert!(try_take(&semaphore));
        semaphore.add_permits(1);
        let _inner = semaphore.acquire().unwrap();
        assert!(!try_take(&semaphore));
        assert!(!fail, "as told");
    };
    nest(false);
    assert!(try_take(&semaphore));
    semaphore.add_permits(1);
    assert!(catch_unwind(|| nest(true)).is_err());
    assert_eq!(semaphore.available(), 2);
}

#[test]
fn a_release_without_an_acquire_raises_the_value() {
    let semaphore = Semaphore::new(1);
    semaphore.add_permits(1);
    take(&semaphore);
    take(&semaphore);
    semaphore.add_permits(1);
    assert_eq!(semaphore.available(), 1);
}

#[test]
fn a_bounded_release_cannot_pass_the_start() {
    let semaphore = BoundedSemaphore::new(1);
    assert!(semaphore.release(1).is_err());
    semaphore.acquire().unwrap().forget();
    semaphore.release(1).unwrap();
    assert!(semaphore.release(1).is_err());
}
