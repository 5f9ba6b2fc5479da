//! Everybody comes through: many threads, random sets, all ways of taking them at the same time.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

use brigade::lock::{Access, AccessGuard, Attempt, Mode, Ranked, lock_all, lock_ranks, polled};
use brigade::mutex::FairMutex;
use brigade::rwlock::{FairRwLock, FairRwLockReadGuard, FairRwLockWriteGuard};
use proptest::prelude::*;

use crate::watchdog::{step, within};

const LOCKS: usize = 6;

/// How a thread takes its set.
#[derive(Debug, Clone, Copy)]
enum How {
    All,
    Attempt(Mode),
    Polled(Mode),
    /// Tries for each in the order of names, and gives all back if one is missing.
    Closure,
}

#[derive(Debug, Clone)]
struct Visit {
    how: How,
    /// In any order, each once; `true` writes.
    set: Vec<(usize, bool)>,
}

fn visit() -> impl Strategy<Value = Visit> {
    let mode = prop_oneof![Just(Mode::Ordered), Just(Mode::Polite), Just(Mode::Aged)];
    let how = prop_oneof![
        3 => Just(How::All),
        3 => mode.clone().prop_map(How::Attempt),
        1 => mode.prop_map(How::Polled),
        1 => Just(How::Closure),
    ];
    let set = Just(Vec::from_iter(0..LOCKS)).prop_shuffle();
    (how, set, 1..=LOCKS, prop::collection::vec(any::<bool>(), LOCKS)).prop_map(
        |(how, mut set, count, writes)| {
            set.truncate(count);
            Visit { how, set: set.into_iter().zip(writes).collect() }
        },
    )
}

/// Counts who is inside; more than one writer, or a reader beside one, is an error.
#[derive(Debug, Default)]
struct Watched {
    inside: AtomicU64,
    visits: AtomicU64,
}

const WRITER: u64 = 1 << 32;

impl Watched {
    fn enter(&self, writes: bool) {
        let before = self.inside.fetch_add(if writes { WRITER } else { 1 }, SeqCst);
        assert!(before < WRITER && !(writes && before > 0), "not alone: {before:#x}");
        self.visits.fetch_add(1, SeqCst);
    }

    fn leave(&self, writes: bool) {
        self.inside.fetch_sub(if writes { WRITER } else { 1 }, SeqCst);
    }
}

type Entered<'a> = AccessGuard<FairRwLockReadGuard<'a, Watched>, FairRwLockWriteGuard<'a, Watched>>;

fn try_enter<'a>(access: &Access<'a, FairRwLock<Watched>>) -> Option<Entered<'a>> {
    match *access {
        Access::Read(lock) => lock.try_read().map(AccessGuard::Read),
        Access::Write(lock) => lock.try_write().map(AccessGuard::Write),
    }
}

fn take_and_use(locks: &[FairRwLock<Watched>], visit: &Visit) {
    let use_all = |guards: Vec<Entered<'_>>| {
        let visits = guards.iter().map(|guard| (guard, matches!(guard, AccessGuard::Write(_))));
        visits.clone().for_each(|(watched, writes)| watched.enter(writes));
        thread::yield_now();
        visits.for_each(|(watched, writes)| watched.leave(writes));
    };
    let access = |&(at, writes): &(usize, bool)| {
        if writes { Access::Write(&locks[at]) } else { Access::Read(&locks[at]) }
    };
    let set = Vec::from_iter(visit.set.iter().map(access));
    let for_ever = Attempt::within(Duration::MAX);
    match visit.how {
        How::All => use_all(lock_all(&set[..]).unwrap()),
        How::Attempt(mode) => use_all(for_ever.mode(mode).lock_all(&set[..]).unwrap()),
        How::Polled(mode) => {
            let set = Vec::from_iter(set.into_iter().map(polled));
            use_all(for_ever.mode(mode).lock_all(&set[..]).unwrap());
        }
        How::Closure => {
            let tried = for_ever.run(|| set.iter().map(try_enter).collect::<Option<Vec<_>>>());
            use_all(tried.unwrap());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: if cfg!(miri) { 2 } else { 48 }, ..ProptestConfig::default() })]

    /// Sets that overlap in every way, named in every order, taken in every way: no deadlock, nobody starves,
    /// and nobody is where he should not be.
    #[test]
    fn random_sets_never_deadlock(
        threads in prop::collection::vec(prop::collection::vec(visit(), 1..12), 2..8),
    ) {
        within("random_sets_never_deadlock", move || {
            let locks: [FairRwLock<Watched>; LOCKS] = Default::default();
            let (locks, rounds) = (&locks[..], if cfg!(miri) { 2 } else { 20 });
            thread::scope(|scope| {
                for visits in &threads {
                    scope.spawn(move || {
                        for _ in 0..rounds {
                            visits.iter().for_each(|visit| take_and_use(locks, visit));
                        }
                    });
                }
            });
            let expected = threads.iter().flatten().map(|visit| visit.set.len() as u64).sum::<u64>();
            let visits = locks.iter().map(|lock| lock.read().visits.load(SeqCst)).sum::<u64>();
            assert_eq!(visits, expected * rounds);
        });
    }
}

/// Each takes two neighbours in the order of its seat, which is a circle.
fn dinner(guests: usize, bites: u64, mode: Mode) {
    let sticks = Vec::from_iter((0..guests).map(|_| FairMutex::new(0_u64)));
    let patience = Attempt::within(Duration::MAX).mode(mode);
    thread::scope(|scope| {
        for seat in 0..guests {
            let pair = (&sticks[seat], &sticks[(seat + 1) % guests]);
            let patience = &patience;
            scope.spawn(move || {
                for _ in 0..bites {
                    let (mut left, mut right) = patience.lock_all(pair).unwrap();
                    (*left, *right) = (*left + 1, *right + 1);
                    thread::yield_now();
                }
            });
        }
    });
    assert!(sticks.into_iter().all(|stick| stick.into_inner() == 2 * bites));
}

#[test]
fn philosophers_of_every_mode_finish_their_dinner() {
    within("philosophers_of_every_mode_finish_their_dinner", || {
        let bites = if cfg!(miri) { 10 } else { 2_000 };
        for mode in [Mode::Ordered, Mode::Polite, Mode::Aged] {
            step(format!("{mode:?}"));
            dinner(5, bites, mode);
        }
    });
}

/// One wants both sticks; the others, more than there are processors, are at one stick each, always.
#[test]
fn among_hogs_the_eldest_comes_through() {
    within("among_hogs_the_eldest_comes_through", || {
        let (left, right) = (FairMutex::new(()), FairMutex::new(()));
        let over = AtomicBool::new(false);
        thread::scope(|scope| {
            for stick in [&left, &right, &left, &right] {
                let over = &over;
                scope.spawn(move || {
                    while !over.load(SeqCst) {
                        let _held = stick.lock();
                        thread::yield_now();
                    }
                });
            }
            let patience = Attempt::within(Duration::MAX).mode(Mode::Aged);
            for _ in 0..if cfg!(miri) { 5 } else { 500 } {
                drop(patience.lock_all((&left, &right)).unwrap());
            }
            over.store(true, SeqCst);
        });
    });
}

/// Ranked locks one by one, in sets, and tried for: what was not refused does not hang.
#[test]
fn ranks_keep_singles_and_sets_apart() {
    lock_ranks! { BOTTOM < CENTRE < TOP }

    within("ranks_keep_singles_and_sets_apart", || {
        const ROUNDS: u64 = if cfg!(miri) { 10 } else { 3_000 };
        let top = Ranked::new(TOP, FairMutex::new(0_u64));
        let centre = [0_u64; 3].map(|count| Ranked::new(CENTRE, FairMutex::new(count)));
        let bottom = Ranked::new(BOTTOM, FairRwLock::new(0_u64));
        thread::scope(|scope| {
            for shift in 0..3 {
                let (top, centre, bottom) = (&top, &centre, &bottom);
                scope.spawn(move || {
                    let (one, other) = (&centre[shift], &centre[(shift + 1) % 3]);
                    for _ in 0..ROUNDS {
                        let (mut a, mut b, mut c) = lock_all((top, one, other)).unwrap();
                        (*a, *b, *c) = (*a + 1, *b + 1, *c + 1);
                    }
                });
                scope.spawn(move || {
                    for _ in 0..ROUNDS {
                        let _below = bottom.read();
                        *centre[shift].lock() += 1;
                        *top.lock() += 1;
                    }
                });
                scope.spawn(move || {
                    for _ in 0..ROUNDS {
                        let above = top.lock();
                        if let Some(mut tried) = centre[shift].try_lock() {
                            *tried += 1;
                        }
                        drop(above);
                        *bottom.write() += 1;
                    }
                });
            }
        });
        assert_eq!(*top.lock(), 6 * ROUNDS);
        assert_eq!(*bottom.read(), 3 * ROUNDS);
        let centre = centre.map(|lock| lock.into_inner().into_inner());
        assert!(centre.into_iter().all(|count| count >= 3 * ROUNDS));
    });
}
