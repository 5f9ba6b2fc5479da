//! Finds a thread that asks for a lock which it holds already.
//!
//! A recursive read is a deadlock that waits for a writer: it works until one queues between the
//! two reads. Here each thread keeps a list of what it holds and where it got it, so that the
//! second request panics every time, with both places, instead of hanging once a month.

use std::cell::RefCell;
use std::fmt;
use std::panic::Location;
use std::sync::atomic::{AtomicU64, Ordering};

/// Names a lock for its whole life, wherever it is moved.
#[derive(Debug)]
pub(super) struct LockId(AtomicU64);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    Reading,
    UpgradableReading,
    Writing,
}

#[derive(Debug, Clone, Copy)]
struct Held {
    lock: u64,
    mode: Mode,
    place: &'static Location<'static>,
}

thread_local! {
    static HELD: RefCell<Vec<Held>> = const { RefCell::new(Vec::new()) };
}

impl LockId {
    pub(super) const fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    fn get(&self) -> u64 {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        match self.0.load(Ordering::Relaxed) {
            0 => {
                let fresh = NEXT.fetch_add(1, Ordering::Relaxed);
                match self.0.compare_exchange(0, fresh, Ordering::Relaxed, Ordering::Relaxed) {
                    Ok(_) => fresh,
                    Err(taken) => taken,
                }
            }
            known => known,
        }
    }

    /// Panics if this thread holds the lock.
    #[track_caller]
    pub(super) fn forbid_recursion(&self, wanted: Mode) {
        if let Some(held) = with_held(|held| {
            let lock = self.get();
            held.iter().rev().find(|held| held.lock == lock).copied()
        })
        .flatten()
        {
            recursion(held, wanted, Location::caller());
        }
    }

    #[track_caller]
    pub(super) fn entered(&self, mode: Mode) {
        let place = Location::caller();
        with_held(|held| held.push(Held { lock: self.get(), mode, place }));
    }

    pub(super) fn left(&self, mode: Mode) {
        with_held(|held| {
            if let Some(at) = self.position(held, mode) {
                held.remove(at);
            }
        });
    }

    pub(super) fn changed(&self, from: Mode, to: Mode) {
        with_held(|held| {
            if let Some(at) = self.position(held, from) {
                held[at].mode = to;
            }
        });
    }

    fn position(&self, held: &[Held], mode: Mode) -> Option<usize> {
        let lock = self.get();
        held.iter().rposition(|held| held.lock == lock && held.mode == mode)
    }
}

/// `None` while the thread is being torn down: a lock taken then is not watched.
fn with_held<R>(use_it: impl FnOnce(&mut Vec<Held>) -> R) -> Option<R> {
    HELD.try_with(|held| use_it(&mut held.borrow_mut())).ok()
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Reading => "reading",
            Self::UpgradableReading => "upgradable reading",
            Self::Writing => "writing",
        })
    }
}

#[cold]
#[track_caller]
fn recursion(held: Held, wanted: Mode, place: &Location<'_>) -> ! {
    panic!(
        "this thread took this FairRwLock for {} at {} and asks for it again, for {wanted}, at \
         {place}: sooner or later that waits for ever; hand the first guard down, or drop it",
        held.mode, held.place,
    );
}
