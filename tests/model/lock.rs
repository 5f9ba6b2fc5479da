//! Ranks, several locks at once, and attempts, on locks that the checkers see through: the shipped mutex's
//! machine on the reference lot. A wrong order shows as a deadlock, which both checkers report.

use std::cell::Cell;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use brigade::internals::Mutant::*;
use brigade::internals::lock::Elders;
use brigade::internals::rwlock::Kind::{Reader, Upgradable, Writer};
use brigade::internals::rwlock::Machine;
use brigade::lock::{Attempt, LockError, Mode, Ranked, RankedGuard, lock_all, lock_ranks};
use brigade::rwlock::TaskFair;
#[cfg(brigade_loom)]
use loom::thread;
#[cfg(brigade_shuttle)]
use shuttle::thread;

use crate::contrast::{Contrast, all_are_caught, both, shuttle};
use crate::explore::explore;

/// A fair mutex without data, for `lock_api` to build on.
struct Raw(Machine<TaskFair>);

fn entered() -> lock_api::GuardNoSend {
    lock_api::GuardNoSend::new()
}

// SAFETY: writers of the machine exclude one another, which is what `rwlock.rs` shows.
#[allow(unsafe_code)]
unsafe impl lock_api::RawMutex for Raw {
    const INIT: Self = panic!("a checker's lock is made at run time");
    type Guard = lock_api::GuardNoSend;

    fn lock(&self) -> Self::Guard {
        assert_eq!(self.0.enter(Writer, None), Ok(()));
        entered()
    }

    fn try_lock(&self) -> Option<Self::Guard> {
        self.0.try_enter(Writer).then(entered)
    }

    unsafe fn unlock(&self, _: Self::Guard) {
        self.0.leave_writer(false);
    }

    fn is_locked(&self) -> bool {
        !self.0.is_untouched()
    }
}

// SAFETY: as above.
#[allow(unsafe_code)]
unsafe impl lock_api::RawMutexTimed for Raw {
    type Duration = Duration;
    type Instant = Instant;

    fn try_lock_for(&self, timeout: Duration) -> Option<Self::Guard> {
        self.try_lock_until(Instant::now() + timeout)
    }

    fn try_lock_until(&self, deadline: Instant) -> Option<Self::Guard> {
        self.0.enter(Writer, Some(deadline)).is_ok().then(entered)
    }
}

// SAFETY: as above; readers share it, and keep writers out.
#[allow(unsafe_code)]
unsafe impl lock_api::RawRwLock for Raw {
    const INIT: Self = panic!("a checker's lock is made at run time");
    type SharedGuard = lock_api::GuardNoSend;
    type ExclusiveGuard = lock_api::GuardNoSend;

    fn lock_shared(&self) -> Self::SharedGuard {
        assert_eq!(self.0.enter(Reader, None), Ok(()));
        entered()
    }

    fn try_lock_shared(&self) -> Option<Self::SharedGuard> {
        self.0.try_enter(Reader).then(entered)
    }

    unsafe fn unlock_shared(&self, _: Self::SharedGuard) {
        self.0.leave_reader();
    }

    fn lock_exclusive(&self) -> Self::ExclusiveGuard {
        lock_api::RawMutex::lock(self)
    }

    fn try_lock_exclusive(&self) -> Option<Self::ExclusiveGuard> {
        lock_api::RawMutex::try_lock(self)
    }

    unsafe fn unlock_exclusive(&self, _: Self::ExclusiveGuard) {
        self.0.leave_writer(false);
    }

    fn is_locked(&self) -> bool {
        !self.0.is_untouched()
    }

    fn is_locked_exclusive(&self) -> bool {
        unreachable!("no model asks")
    }
}

// SAFETY: as above; the upgrade waits until it is the only reader.
#[allow(unsafe_code)]
unsafe impl lock_api::RawRwLockUpgrade for Raw {
    type UpgradableGuard = lock_api::GuardNoSend;

    fn lock_upgradable(&self) -> Self::UpgradableGuard {
        assert_eq!(self.0.enter(Upgradable, None), Ok(()));
        entered()
    }

    fn try_lock_upgradable(&self) -> Option<Self::UpgradableGuard> {
        self.0.try_enter(Upgradable).then(entered)
    }

    unsafe fn unlock_upgradable(&self, _: Self::UpgradableGuard) {
        self.0.leave_upgradable();
    }

    unsafe fn upgrade(&self, guard: Self::UpgradableGuard) -> Self::ExclusiveGuard {
        assert!(self.0.upgrade(None));
        guard
    }

    unsafe fn try_upgrade(
        &self,
        guard: Self::UpgradableGuard,
    ) -> Result<Self::ExclusiveGuard, Self::UpgradableGuard> {
        if self.0.try_upgrade() { Ok(guard) } else { Err(guard) }
    }
}

/// The checkers' threads are one thread of the system.
struct Modelled;

#[cfg(brigade_loom)]
use loom::thread_local;
#[cfg(brigade_shuttle)]
use shuttle::thread_local;

thread_local! {
    static ME: NonZeroUsize = {
        static LAST: AtomicUsize = AtomicUsize::new(0);
        NonZeroUsize::MIN.saturating_add(LAST.fetch_add(1, Relaxed))
    };
}

// SAFETY: no two threads draw one number.
#[allow(unsafe_code)]
unsafe impl lock_api::GetThreadId for Modelled {
    const INIT: Self = Self;

    fn nonzero_thread_id(&self) -> NonZeroUsize {
        ME.with(|me| *me)
    }
}

type Mutex = lock_api::Mutex<Raw, usize>;
type Reentrant = lock_api::ReentrantMutex<Raw, Modelled, Cell<usize>>;
type RwLock = lock_api::RwLock<Raw, usize>;

fn mutex() -> Mutex {
    Mutex::from_raw(Raw(Machine::new()), 0)
}

fn reentrant() -> Reentrant {
    Reentrant::from_raw(Raw(Machine::new()), Modelled, Cell::new(0))
}

lock_ranks! { LOW < HIGH }

/// The one that is taken last lies first.
#[repr(C)]
struct Crossed {
    high: Ranked<Mutex, HIGH>,
    low: Ranked<Mutex, LOW>,
}

impl Crossed {
    fn new() -> Arc<Self> {
        let (high, low) = (Ranked::new(HIGH, mutex()), Ranked::new(LOW, mutex()));
        Arc::new(Self { high, low })
    }

    fn upwards(&self) {
        let mut low = self.low.lock();
        let mut high = self.high.lock();
        (*low, *high) = (*low + 1, *high + 1);
    }

    fn finish(&self, low: usize, high: usize) {
        assert_eq!((*self.low.lock(), *self.high.unranked().lock()), (low, high));
    }
}

/// Runs both at the same time.
fn beside<T: Send + Sync + 'static>(
    shared: &Arc<T>,
    one: impl FnOnce(&T) + Send + 'static,
    other: impl FnOnce(&T),
) {
    let theirs = Arc::clone(shared);
    let thread = thread::spawn(move || one(&theirs));
    other(shared);
    thread.join().unwrap();
}

type Pair = [Mutex; 2];

fn pair() -> Arc<Pair> {
    Arc::new([mutex(), mutex()])
}

fn untouched(pair: &Pair, visits: usize) {
    assert!(!pair[0].is_locked() && !pair[1].is_locked(), "something stayed locked");
    assert_eq!((*pair[0].lock(), *pair[1].lock()), (visits, visits));
}

fn visit<G: std::ops::DerefMut<Target = usize>>(guards: Result<(G, G), LockError>) {
    let (mut one, mut other) = guards.expect("to be had");
    *one += 1;
    *other += 1;
}

/// A deadline that never passes on the clock; the lot makes it pass when the checker says so.
const SOME_DAY: Duration = Duration::from_secs(1_000_000);

#[test]
fn sets_named_in_opposite_orders() {
    explore(3, || {
        let pair = pair();
        beside(&pair, |[a, b]| visit(lock_all((a, b))), |[a, b]| visit(lock_all((b, a))));
        untouched(&pair, 2);
    });
}

/// The hole of a peer: a set goes by identities, and a thread that takes the same locks singly by ranks.
#[test]
fn ranks_that_contradict_addresses() {
    explore(3, || {
        let locks = Crossed::new();
        beside(&locks, Crossed::upwards, |locks| {
            let (mut high, mut low) = lock_all((&locks.high, &locks.low)).expect("in order");
            (*low, *high) = (*low + 1, *high + 1);
        });
        locks.finish(2, 2);
    });
}

/// Who would be out of order is told so, and goes another way.
#[test]
fn a_refused_order_never_waits() {
    explore(3, || {
        let locks = Crossed::new();
        beside(&locks, Crossed::upwards, |locks| {
            let mut high = locks.high.lock();
            drop(locks.low.checked_lock());
            *high += 1;
        });
        locks.finish(1, 2);
    });
}

/// A reader that an upgrade waits for may itself wait for what the upgrader holds.
#[test]
fn an_upgrade_out_of_order_never_waits() {
    explore(3, || {
        let cache = Ranked::new(LOW, RwLock::from_raw(Raw(Machine::new()), 0));
        let shared = Arc::new((cache, Ranked::new(HIGH, mutex())));
        beside(
            &shared,
            |(cache, log)| {
                let reading = cache.read();
                *log.lock() += *reading + 1;
            },
            |(cache, log)| {
                let reading = cache.upgradable_read();
                let mut logging = log.lock();
                let refused = RankedGuard::checked_upgrade(reading);
                *logging += usize::from(refused.is_err());
                drop((refused, logging));
                *RankedGuard::upgrade(cache.upgradable_read()) += 1;
            },
        );
        let log = *shared.1.lock();
        assert!(log == 2 || log == 3, "an upgrade was not refused: {log}");
    });
}

/// What was got by trying is held like anything else.
#[test]
fn what_was_tried_for_counts() {
    explore(3, || {
        let locks = Crossed::new();
        beside(&locks, Crossed::upwards, |locks| {
            if let Some(_high) = locks.high.try_lock() {
                assert!(locks.low.checked_lock().is_err(), "a deadlock is not refused");
                // It may be tried for.
                drop(locks.low.try_lock());
            }
        });
        locks.finish(1, 1);
    });
}

/// Who has it does not wait for it, although somebody else does, and although it holds a higher one.
#[test]
fn what_is_held_is_entered_again() {
    explore(3, || {
        let low = Ranked::new(LOW, reentrant());
        let shared = Arc::new((low, Ranked::new(HIGH, mutex())));
        let upwards = |(low, high): &(Ranked<Reentrant, LOW>, Ranked<Mutex, HIGH>)| {
            let first = low.lock();
            let mut above = high.lock();
            let again = low.lock();
            again.set(first.get() + 1);
            *above += 1;
        };
        beside(&shared, upwards, upwards);
        assert_eq!((shared.0.lock().get(), *shared.1.lock()), (2, 2));
    });
}

/// Of two that share a rank the other one is not what is held.
#[test]
fn another_one_of_the_rank_is_not_entered_again() {
    explore(3, || {
        let pair = Arc::new([reentrant(), reentrant()].map(|lock| Ranked::new(LOW, lock)));
        let visit = |mine: &Ranked<Reentrant, LOW>, other: &Ranked<Reentrant, LOW>| {
            let first = mine.lock();
            let refused = other.checked_lock().is_err();
            first.set(first.get() + usize::from(refused));
        };
        beside(&pair, move |[a, b]| visit(a, b), move |[a, b]| visit(b, a));
        let refused = pair.each_ref().map(|lock| lock.lock().get());
        assert_eq!(refused, [1, 1], "an order was not refused");
    });
}

/// The other one holds the first while it waits for the second, and knows nothing of any order.
#[test]
fn a_polite_one_beside_a_stubborn_one() {
    explore(3, || {
        let pair = pair();
        beside(
            &pair,
            |[a, b]| {
                let mut second = b.lock();
                let mut first = a.lock();
                (*first, *second) = (*first + 1, *second + 1);
            },
            |[a, b]| {
                visit(Attempt::within(Duration::MAX).mode(Mode::Polite).lock_all((a, b)));
            },
        );
        untouched(&pair, 2);
    });
}

#[test]
fn two_polite_ones() {
    explore(2, || {
        let pair = pair();
        let polite = Attempt::within(Duration::MAX).mode(Mode::Polite);
        let other = polite.clone();
        beside(
            &pair,
            move |[a, b]| visit(other.lock_all((a, b))),
            |[a, b]| visit(polite.lock_all((b, a))),
        );
        untouched(&pair, 2);
    });
}

/// Time runs out at any moment, and nothing stays locked.
#[test]
fn a_timeout_leaves_nothing_locked() {
    for mode in [Mode::Ordered, Mode::Polite, Mode::Aged] {
        explore(2, move || {
            let pair = pair();
            let elders: &Elders = Box::leak(Box::new(Elders::new()));
            let hasty = Attempt::within(SOME_DAY).mode(mode).among(elders);
            let mut visits = 1;
            beside(
                &pair,
                |[a, b]| visit(lock_all((a, b))),
                |[a, b]| match hasty.lock_all((b, a)) {
                    Err(LockError::Timeout(timeout)) => assert!(timeout.blocked_on.is_some()),
                    outcome => {
                        visit(outcome);
                        visits = 2;
                    }
                },
            );
            untouched(&pair, visits);
        });
    }
}

#[cfg(brigade_shuttle)]
mod crowd {
    use super::*;
    use brigade::internals::lock::Event;
    use std::collections::BTreeSet;

    /// From the moment when a call is the eldest of those that have failed, it fails once more at most: it
    /// learns from that failure that it is the eldest.
    fn judge(diary: &[Event]) {
        let mut failed_as_eldest = BTreeSet::new();
        let mut living = BTreeSet::new();
        for (step, event) in diary.iter().enumerate() {
            match *event {
                Event::Joined(call) => assert!(living.insert(call)),
                Event::Failed(call) => {
                    let is_eldest = living.first() == Some(&call);
                    assert!(
                        !is_eldest || failed_as_eldest.insert(call),
                        "the eldest, {call}, failed again at step {step} of {diary:?}"
                    );
                }
                Event::Ended(call) => assert!(living.remove(&call)),
            }
        }
        assert!(living.is_empty(), "{living:?} never came through: {diary:?}");
    }

    /// Three who want both, and two who take one each, again and again.
    #[test]
    fn the_eldest_comes_through() {
        explore(3, || {
            let pair = pair();
            let elders: &'static Elders = Box::leak(Box::new(Elders::new()));
            let mut threads = Vec::new();
            for _ in 0..3 {
                let pair = Arc::clone(&pair);
                threads.push(thread::spawn(move || {
                    let patience = Attempt::within(Duration::MAX).mode(Mode::Aged).among(elders);
                    for _ in 0..3 {
                        visit(patience.lock_all((&pair[1], &pair[0])));
                    }
                }));
            }
            for side in 0..2 {
                let pair = Arc::clone(&pair);
                threads.push(thread::spawn(move || {
                    let stick = if side == 0 { &pair[0] } else { &pair[1] };
                    for _ in 0..12 {
                        let _held = stick.lock();
                        thread::yield_now();
                    }
                }));
            }
            threads.into_iter().for_each(|thread| thread.join().unwrap());
            judge(&elders.diary());
            untouched(&pair, 9);
        });
    }

    /// Every way of taking, at once, over a circle of three.
    #[test]
    fn all_modes_together() {
        explore(3, || {
            let locks: Arc<[Mutex; 3]> = Arc::new(std::array::from_fn(|_| mutex()));
            let elders: &'static Elders = Box::leak(Box::new(Elders::new()));
            let modes = [None, Some(Mode::Ordered), Some(Mode::Polite), Some(Mode::Aged)];
            let threads = [0, 1, 2, 3, 4].map(|seat: usize| {
                let locks = Arc::clone(&locks);
                thread::spawn(move || {
                    for round in 0..3 {
                        let set = (&locks[seat % 3], &locks[(seat + 1) % 3]);
                        let patience = Attempt::within(Duration::MAX).among(elders);
                        visit(match modes[(seat + round) % 4] {
                            None => lock_all(set),
                            Some(mode) => patience.mode(mode).lock_all(set),
                        });
                    }
                })
            });
            threads.into_iter().for_each(|thread| thread.join().unwrap());
            let visits: usize = locks.iter().map(|lock| *lock.lock()).sum();
            assert_eq!(visits, 5 * 3 * 2);
        });
    }

    /// Singles in order, sets, and tries against the order.
    #[test]
    fn ranked_locks_of_every_kind() {
        explore(3, || {
            let locks = Crossed::new();
            let threads = [0, 1, 2, 3].map(|seat| {
                let locks = Arc::clone(&locks);
                thread::spawn(move || {
                    for round in 0..2 {
                        match (seat + round) % 4 {
                            0 => locks.upwards(),
                            1 => drop(lock_all((&locks.high, &locks.low)).expect("in order")),
                            2 => {
                                let high = locks.high.lock();
                                drop(locks.low.checked_lock());
                                drop(high);
                            }
                            _ => {
                                let high = locks.high.try_lock();
                                drop(locks.low.checked_lock());
                                drop(high);
                            }
                        }
                    }
                })
            });
            threads.into_iter().for_each(|thread| thread.join().unwrap());
            assert!(!locks.low.unranked().is_locked() && !locks.high.unranked().is_locked());
        });
    }
}

const DEADLOCK: &[&str] = &["deadlock"];
/// Which comes first depends on the schedule.
const UNREFUSED: &[&str] = &["deadlock", "was not refused"];
/// A deadlock, or trying without end while somebody waits: it depends on who came first.
const NO_PROGRESS: &[&str] = &["deadlock", "exceeded max_steps"];
/// Which comes first depends on the schedule.
const UNNOTICED: &[&str] = &["deadlock", "is not refused"];

pub(crate) const CONTRASTS: &[Contrast] = &[
    both(LockAllUnsorted, "lock::sets_named_in_opposite_orders", DEADLOCK),
    both(LockAllUnsorted, "lock::ranks_that_contradict_addresses", DEADLOCK),
    both(LockAllByAddress, "lock::ranks_that_contradict_addresses", DEADLOCK),
    both(LockRankUnchecked, "lock::a_refused_order_never_waits", DEADLOCK),
    both(LockRankUnchecked, "lock::an_upgrade_out_of_order_never_waits", UNREFUSED),
    both(LockTryUnrecorded, "lock::what_was_tried_for_counts", UNNOTICED),
    both(LockRankUnchecked, "lock::what_was_tried_for_counts", UNNOTICED),
    both(LockReentryByRank, "lock::another_one_of_the_rank_is_not_entered_again", UNREFUSED),
    both(AttemptHoldsOn, "lock::a_polite_one_beside_a_stubborn_one", NO_PROGRESS),
    shuttle(AgedAgain, "lock::crowd::the_eldest_comes_through", &["failed again at step"]),
    shuttle(LockAllUnsorted, "lock::crowd::all_modes_together", DEADLOCK),
    shuttle(LockAllByAddress, "lock::crowd::ranked_locks_of_every_kind", DEADLOCK),
    shuttle(LockRankUnchecked, "lock::crowd::ranked_locks_of_every_kind", DEADLOCK),
    shuttle(LockTryUnrecorded, "lock::crowd::ranked_locks_of_every_kind", DEADLOCK),
];

#[test]
fn every_mutant_is_caught() {
    all_are_caught(CONTRASTS);
}
