//! Tables of ranks, and what each thread holds of them.
//!
//! A table is made by [`lock_ranks!`](super::lock_ranks) and is all constants. Beside it stands one
//! word a thread, in which a bit is set for each rank that the thread holds, and a record for each
//! rank of the lock that was taken last. A lock is in order if the word has no bit outside
//! of the set that the table allows below it: one load and one test.

use std::cell::Cell;
use std::fmt;
use std::panic::Location;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use super::error::{LockName, RankedLock, WrongOrder};
use super::observe;
use crate::sync::{Mutant, mutant};

type Place = &'static Location<'static>;

/// The ranks of one order, by index.
#[derive(Debug)]
pub struct Table {
    pub(super) names: &'static [&'static str],
    /// For each rank those that may be held when it is taken.
    pub(super) below: &'static [u64],
    chains: &'static [&'static [usize]],
}

impl Table {
    /// For [`lock_ranks!`](super::lock_ranks).
    #[must_use]
    pub const fn new(
        names: &'static [&'static str],
        below: &'static [u64],
        chains: &'static [&'static [usize]],
    ) -> Self {
        Self { names, below, chains }
    }
}

/// Ranks that must come before each rank, by transitive closure.
///
/// # Panics
///
/// If a rank comes before itself, or there are too many; in a constant that is a compile error.
#[must_use]
pub const fn close<const N: usize>(chains: &[&[usize]], cycle: &str) -> [u64; N] {
    assert!(N <= 64, "lock_ranks!: at most 64 ranks fit into one order");
    let mut below = [0_u64; N];
    let mut chain = 0;
    while chain < chains.len() {
        let mut link = 1;
        while link < chains[chain].len() {
            below[chains[chain][link]] |= 1 << chains[chain][link - 1];
            link += 1;
        }
        chain += 1;
    }
    // Warshall, 1962.
    let mut via = 0;
    while via < N {
        let mut rank = 0;
        while rank < N {
            if below[rank] >> via & 1 == 1 {
                below[rank] |= below[via];
            }
            rank += 1;
        }
        via += 1;
    }
    let mut rank = 0;
    while rank < N {
        assert!(below[rank] >> rank & 1 == 0, "{}", cycle);
        rank += 1;
    }
    below
}

/// For each rank where it stands if all are put in one line: along every chain it rises, and no two ranks
/// have the same place.
#[must_use]
pub const fn line<const N: usize>(below: &[u64; N]) -> [usize; N] {
    let mut line = [0; N];
    let mut rank = 0;
    while rank < N {
        let mut other = 0;
        while other < N {
            let (mine, theirs) = (below[rank].count_ones(), below[other].count_ones());
            if theirs < mine || (theirs == mine && other < rank) {
                line[rank] += 1;
            }
            other += 1;
        }
        rank += 1;
    }
    line
}

/// Which table an error speaks of.
#[derive(Clone, Copy)]
pub(super) struct TableRef(pub(super) &'static Table);

impl TableRef {
    /// The chains as they were declared.
    pub(super) fn order(self) -> Option<String> {
        let chain = |chain: &&[usize]| {
            chain.iter().map(|&rank| self.0.names[rank]).collect::<Vec<_>>().join(" < ")
        };
        let chains = self.0.chains.iter().map(chain).collect::<Vec<_>>();
        (!chains.is_empty()).then(|| chains.join("; "))
    }

    pub(super) fn is_below(self, low: &str, high: &str) -> bool {
        let index = |name| self.0.names.iter().position(|known| *known == name);
        match (index(low), index(high)) {
            (Some(low), Some(high)) => self.0.below[high] >> low & 1 == 1,
            _ => false,
        }
    }
}

impl PartialEq for TableRef {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.0, other.0)
    }
}

impl Eq for TableRef {}

impl fmt::Debug for TableRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.order().unwrap_or_default())
    }
}

/// What a thread holds of one rank.
#[derive(Debug)]
pub struct Slot {
    last: Cell<Option<(LockName, Place)>>,
    /// How many beyond the first.
    more: Cell<u32>,
}

/// What a thread holds of one table.
#[derive(Debug)]
pub struct Held<S: ?Sized = [Slot]> {
    /// No other thread looks at it. It is an atomic so that no compiler changes one byte of it and then
    /// loads all eight, for which a processor has to wait.
    ranks: AtomicU64,
    /// Ranks of which more than one lock is held.
    again: Cell<u64>,
    slots: S,
}

impl<const N: usize> Held<[Slot; N]> {
    /// Nothing is held.
    #[allow(clippy::new_without_default, reason = "it is made in constants")]
    #[must_use]
    pub const fn new() -> Self {
        let slots = [const { Slot { last: Cell::new(None), more: Cell::new(0) } }; N];
        Self { ranks: AtomicU64::new(0), again: Cell::new(0), slots }
    }
}

impl Held {
    #[inline]
    fn ranks(&self) -> u64 {
        self.ranks.load(Relaxed)
    }

    #[inline]
    fn add(&self, rank: u32, name: LockName, place: Place) {
        let (ranks, bit) = (self.ranks(), 1 << rank);
        self.slots[rank as usize].last.set(Some((name, place)));
        self.ranks.store(ranks | bit, Relaxed);
        if ranks & bit != 0 {
            self.add_more(rank);
        }
    }

    #[cold]
    fn add_more(&self, rank: u32) {
        self.again.set(self.again.get() | 1 << rank);
        // A count at its limit stays there: so many guards can only have been forgotten.
        let more = &self.slots[rank as usize].more;
        more.set(more.get().saturating_add(1));
    }

    #[inline]
    fn remove(&self, rank: u32) {
        let bit = 1 << rank;
        if self.again.get() & bit == 0 {
            self.ranks.store(self.ranks() & !bit, Relaxed);
        } else {
            self.remove_one_more(rank);
        }
    }

    #[cold]
    fn remove_one_more(&self, rank: u32) {
        let more = &self.slots[rank as usize].more;
        if more.get() != u32::MAX {
            more.set(more.get() - 1);
            if more.get() == 0 {
                self.again.set(self.again.get() & !(1 << rank));
            }
        }
    }
}

/// A place in the order of locks. [`lock_ranks!`](super::lock_ranks) makes the types that implement it; what
/// it needs is no part of the interface.
pub trait Rank: Copy + fmt::Debug + 'static {
    #[doc(hidden)]
    const INDEX: u32;
    #[doc(hidden)]
    const BELOW: u64;
    /// Its place in the line of its table, as an address: no other rank of any table has the same.
    #[doc(hidden)]
    fn class() -> usize;
    #[doc(hidden)]
    fn table() -> &'static Table;
    /// `None` if the thread is being torn down: what it takes then is not checked.
    #[doc(hidden)]
    fn with_held<T>(look: impl FnOnce(&Held) -> T) -> Option<T>;
}

/// What the lock of rank `R` is called that the thread took last.
#[track_caller]
pub(super) fn name_of_held<R: Rank>() -> LockName {
    let last = R::with_held(|held| held.slots[R::INDEX as usize].last.get()).flatten();
    last.map_or(LockName::MadeAt(Location::caller()), |(name, _)| name)
}

/// Whether a lock of rank `R` may be waited for now.
#[inline]
pub(super) fn check<R: Rank>(name: &LockName, place: Place) -> Result<(), WrongOrder> {
    if is_in_order::<R>() { Ok(()) } else { check_again::<R>(name, place, 0) }
}

/// Somebody who holds nothing cannot be out of order, nor show an order to an observer. Nothing else is as
/// frequent.
#[inline]
pub(super) fn is_in_order<R: Rank>() -> bool {
    let held = R::with_held(Held::ranks).unwrap_or(0);
    held == 0 || (held & !R::BELOW == 0 && !observe::is_on())
}

/// Decides what was not in order at first sight; one lock of each rank of `except` is no obstacle.
#[cold]
pub(super) fn check_again<R: Rank>(
    name: &LockName,
    place: Place,
    except: u64,
) -> Result<(), WrongOrder> {
    let held = |slots: &Held| slots.ranks() & !(except & !slots.again.get());
    let held = R::with_held(held).unwrap_or(0);
    if observe::is_on() {
        observed::<R>(held, place);
        return Ok(());
    }
    let wrong = held & !R::BELOW;
    if wrong == 0 || mutant(Mutant::LockRankUnchecked) {
        return Ok(());
    }
    Err(refusal::<R>(wrong, *name, place))
}

fn observed<R: Rank>(held: u64, place: Place) {
    R::with_held(|slots| {
        for rank in (0..64).filter(|rank| held >> rank & 1 == 1) {
            let taken = slots.slots[rank].last.get().map(|(_, place)| place);
            observe::note(R::table(), (rank, taken), (R::INDEX as usize, place));
        }
    });
}

fn refusal<R: Rank>(wrong: u64, name: LockName, place: Place) -> WrongOrder {
    let table = R::table();
    let depth = |rank: &usize| (table.below[*rank].count_ones(), *rank);
    let highest = (0..table.names.len()).filter(|rank| wrong >> rank & 1 == 1).max_by_key(depth);
    let highest = highest.unwrap_or(R::INDEX as usize);
    let found = R::with_held(|held| {
        let slot = &held.slots[highest];
        (slot.last.get(), slot.more.get().saturating_add(1))
    });
    let (last, count) = found.unwrap_or((None, 0));
    let (held_name, held_place) = last.unwrap_or((name, place));
    WrongOrder {
        held: RankedLock { name: held_name, rank: table.names[highest], place: held_place },
        wanted: RankedLock { name, rank: table.names[R::INDEX as usize], place },
        table: TableRef(table),
        count,
    }
}

/// The record that a lock of rank `R` is held, taken out by its drop.
///
/// It belongs to the thread that made it.
#[derive(Debug)]
pub(super) struct Holding<R: Rank>(std::marker::PhantomData<(R, NoSend)>);

/// Stays on its thread, and may be looked at from others.
type NoSend = std::sync::MutexGuard<'static, ()>;

impl<R: Rank> Holding<R> {
    #[inline]
    pub(super) fn record(name: LockName, place: Place) -> Self {
        R::with_held(|held| held.add(R::INDEX, name, place));
        Self(std::marker::PhantomData)
    }

    /// For a lock that was only tried for, in whatever order.
    #[inline]
    pub(super) fn record_tried(name: LockName, place: Place) -> Self {
        if mutant(Mutant::LockTryUnrecorded) {
            return Self(std::marker::PhantomData);
        }
        Self::record(name, place)
    }
}

impl<R: Rank> Drop for Holding<R> {
    #[inline]
    fn drop(&mut self) {
        R::with_held(|held| held.remove(R::INDEX));
    }
}

/// Declares the order in which locks may be taken, and makes a type of each rank.
///
/// `lock_ranks! { CONFIG < ACCOUNTS < JOURNAL }` says: who holds a lock of rank `ACCOUNTS` may take one
/// of rank `JOURNAL`, and none of rank `CONFIG`. Ranks may be skipped, and locks may be dropped in any
/// order. An order that is not a line names its ranks first and then as many chains as it takes;
/// two ranks that no chains connect are never held together, except by [`lock_all`](super::lock_all).
/// A visibility in front, `pub CONFIG < …`, is that of all the ranks.
///
/// Each invocation is an order of its own, and knows nothing of the others: one program, one table. At most
/// 64 ranks.
///
/// # Examples
///
/// ```
/// use brigade::lock::lock_ranks;
///
/// lock_ranks! { pub CONFIG < ACCOUNTS < JOURNAL }
///
/// mod diamond {
///     brigade::lock::lock_ranks! {
///         SESSION, CACHE, INDEX, DISK;
///         SESSION < CACHE < DISK;
///         SESSION < INDEX < DISK;
///     }
/// }
/// ```
///
/// An order with a circle in it does not compile:
///
/// ```compile_fail,E0080
/// brigade::lock::lock_ranks! {
///     LEFT, RIGHT, MIDDLE;
///     LEFT < MIDDLE < RIGHT;
///     RIGHT < LEFT;
/// }
/// ```
///
/// ```
/// brigade::lock::lock_ranks! {
///     LEFT, RIGHT, MIDDLE;
///     LEFT < MIDDLE < RIGHT;
///     LEFT < RIGHT;
/// }
/// ```
#[doc(alias = "lockdep")]
#[doc(alias = "lock_hierarchy")]
#[macro_export]
macro_rules! lock_ranks {
    (@table [$vis:vis] [$($rank:ident)+] [$([$($link:ident)+])*]) => {
        $(
            #[doc = concat!("The rank `", stringify!($rank), "` in the order of locks.")]
            #[allow(non_camel_case_types, dead_code, unreachable_pub)]
            #[derive(Debug, Clone, Copy)]
            $vis struct $rank;
        )+
        const _: () = {
            #[allow(non_camel_case_types, clippy::upper_case_acronyms)]
            enum __Index { $($rank),+ }
            const __NAMES: &[&str] = &[$(stringify!($rank)),+];
            const __CHAINS: &[&[usize]] = &[$(&[$(__Index::$link as usize),+]),*];
            const __BELOW: [u64; __NAMES.len()] = $crate::lock::macros::close(
                __CHAINS,
                concat!(
                    "lock_ranks!: a rank comes before itself in ",
                    stringify!($($($link)<+);*)
                ),
            );
            const __PLACES: [usize; __NAMES.len()] = $crate::lock::macros::line(&__BELOW);
            static __LINE: [u8; __NAMES.len()] = [0; __NAMES.len()];
            static __TABLE: $crate::lock::macros::Table =
                $crate::lock::macros::Table::new(__NAMES, &__BELOW, __CHAINS);
            $crate::lock::macros::thread_local! {
                static __HELD: $crate::lock::macros::Held<
                    [$crate::lock::macros::Slot; __NAMES.len()],
                > = const { $crate::lock::macros::Held::new() }
            }
            $(
                impl $crate::lock::Rank for $rank {
                    const INDEX: u32 = __Index::$rank as u32;
                    const BELOW: u64 = __BELOW[__Index::$rank as usize];

                    #[inline]
                    fn class() -> usize {
                        ::core::ptr::from_ref(&__LINE[const { __PLACES[__Index::$rank as usize] }]).addr()
                    }

                    #[inline]
                    fn table() -> &'static $crate::lock::macros::Table {
                        &__TABLE
                    }

                    #[inline]
                    fn with_held<T>(
                        look: impl FnOnce(&$crate::lock::macros::Held) -> T,
                    ) -> Option<T> {
                        __HELD.try_with(|held| look(held)).ok()
                    }
                }
            )+
        };
    };
    ($vis:vis $first:ident $(< $more:ident)* $(;)?) => {
        $crate::lock_ranks! { @table [$vis] [$first $($more)*] [[$first $($more)*]] }
    };
    ($vis:vis $($rank:ident),+ $(,)? $(; $low:ident $(< $high:ident)+)* $(;)?) => {
        $crate::lock_ranks! { @table [$vis] [$($rank)+] [$([$low $($high)+])*] }
    };
}
