//! Tables of ranks, and what each thread holds of them.
//!
//! A table is made by [`lock_ranks!`](super::lock_ranks) and is all constants. Beside it stands one
//! word a thread, in which a bit is set for each rank that the thread holds, and a record for each
//! rank of the lock that was taken first. A lock is in order if the word has no bit outside
//! of the set that the table allows below it: one load and one test. Only where several locks of one
//! rank are held it takes more, to know which of them are.

use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;
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
    /// Who may use the ranks, as it was written.
    pub(super) visibility: &'static str,
}

impl Table {
    /// For [`lock_ranks!`](super::lock_ranks).
    #[must_use]
    pub const fn new(
        names: &'static [&'static str],
        below: &'static [u64],
        chains: &'static [&'static [usize]],
        visibility: &'static str,
    ) -> Self {
        Self { names, below, chains, visibility }
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
    /// What was taken when nothing of this rank was held.
    first: Cell<Option<Taken>>,
    /// How many are held, if there have been several.
    count: Cell<u32>,
}

type Taken = (LockName, Place);

/// What a thread holds of one table.
#[derive(Debug)]
pub struct Held<S: ?Sized = [Slot]> {
    /// No other thread looks at it. It is an atomic so that no compiler changes one byte of it and then
    /// loads all eight, for which a processor has to wait.
    ranks: AtomicU64,
    /// Ranks of which several were held since none was.
    again: Cell<u64>,
    /// Those of them whose first lock is free.
    gone: Cell<u64>,
    /// What was taken beside the first of a rank, with the rank. Messages do without what has no place.
    further: [Cell<Option<(u32, Taken)>>; FURTHER],
    slots: S,
}

const FURTHER: usize = 8;

/// The number of a holding that found no place. The first of a rank is zero, the others are places from one
/// on.
const UNNAMED: u32 = u32::MAX;

impl<const N: usize> Held<[Slot; N]> {
    /// Nothing is held.
    #[allow(clippy::new_without_default, reason = "it is made in constants")]
    #[must_use]
    pub const fn new() -> Self {
        let slots = [const { Slot { first: Cell::new(None), count: Cell::new(0) } }; N];
        let further = [const { Cell::new(None) }; FURTHER];
        let (again, gone) = (Cell::new(0), Cell::new(0));
        Self { ranks: AtomicU64::new(0), again, gone, further, slots }
    }
}

impl Held {
    #[inline]
    fn ranks(&self) -> u64 {
        self.ranks.load(Relaxed)
    }

    /// Gives the number of what is held from now on.
    #[inline]
    fn add(&self, rank: u32, name: LockName, place: Place) -> u32 {
        let (ranks, bit) = (self.ranks(), 1 << rank);
        if ranks & bit != 0 {
            return self.add_further(rank, (name, place));
        }
        self.slots[rank as usize].first.set(Some((name, place)));
        self.ranks.store(ranks | bit, Relaxed);
        0
    }

    #[cold]
    fn add_further(&self, rank: u32, taken: Taken) -> u32 {
        // A count at its limit stays there: so many guards can only have been forgotten.
        let count = self.count(rank).saturating_add(1);
        self.slots[rank as usize].count.set(count);
        self.again.set(self.again.get() | 1 << rank);
        for (place, number) in self.further.iter().zip(1..) {
            if place.get().is_none() {
                place.set(Some((rank, taken)));
                return number;
            }
        }
        UNNAMED
    }

    #[inline]
    fn remove(&self, rank: u32, number: u32) {
        let bit = 1 << rank;
        if self.again.get() & bit == 0 {
            self.ranks.store(self.ranks() & !bit, Relaxed);
        } else {
            self.remove_one_of_several(rank, number);
        }
    }

    #[cold]
    fn remove_one_of_several(&self, rank: u32, number: u32) {
        let bit = 1 << rank;
        match number.checked_sub(1) {
            None => self.gone.set(self.gone.get() | bit),
            Some(at) => {
                self.further.get(at as usize).inspect(|place| place.set(None));
            }
        }
        let count = &self.slots[rank as usize].count;
        if count.get() != u32::MAX {
            count.set(count.get() - 1);
        }
        if count.get() == 0 {
            self.ranks.store(self.ranks() & !bit, Relaxed);
            self.again.set(self.again.get() & !bit);
            self.gone.set(self.gone.get() & !bit);
        }
    }

    /// How many of a rank are held.
    fn count(&self, rank: u32) -> u32 {
        if self.again.get() >> rank & 1 == 1 {
            self.slots[rank as usize].count.get()
        } else {
            u32::from(self.ranks() >> rank & 1 == 1)
        }
    }

    /// One that is held of a rank, though not `besides`.
    fn one_of(&self, rank: u32, besides: Option<u32>) -> Option<Taken> {
        let first = self.slots[rank as usize].first.get();
        let held = first.filter(|_| self.gone.get() >> rank & 1 == 0).map(|taken| (0, taken));
        let further = self.further.iter().zip(1..).filter_map(|(place, number)| {
            let (of, taken) = place.get()?;
            (of == rank).then_some((number, taken))
        });
        let mut all = held.into_iter().chain(further);
        let one = all.find(|(number, _)| Some(*number) != besides);
        // There are so many that what is held is not known.
        one.map(|(_, taken)| taken).or(first)
    }

    fn taken(&self, rank: u32, number: u32) -> Option<Taken> {
        let first = self.slots[rank as usize].first.get();
        let Some(at) = number.checked_sub(1) else { return first };
        self.further.get(at as usize).map_or(first, |place| Some(place.get()?.1))
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

/// Somebody who holds nothing cannot be out of order, nor show an order to an observer. Nothing else is as
/// frequent.
#[inline]
pub(super) fn is_in_order<R: Rank>() -> bool {
    let held = R::with_held(Held::ranks).unwrap_or(0);
    held == 0 || (held & !R::BELOW == 0 && !observe::is_on())
}

/// Decides what was not in order at first sight. `own` is the number of a lock of rank `R` that is held and
/// no obstacle: what it is about.
#[cold]
pub(super) fn check_again<R: Rank>(
    name: &LockName,
    place: Place,
    own: Option<u32>,
) -> Result<(), WrongOrder> {
    let in_the_way = |held: &Held| match own {
        Some(_) if held.count(R::INDEX) == 1 => held.ranks() & !(1 << R::INDEX),
        _ => held.ranks(),
    };
    let held = R::with_held(in_the_way).unwrap_or(0);
    if observe::is_on() {
        observed::<R>(held, place, own);
        return Ok(());
    }
    let wrong = held & !R::BELOW;
    if wrong == 0 || mutant(Mutant::LockRankUnchecked) {
        return Ok(());
    }
    Err(refusal::<R>(wrong, *name, place, own))
}

/// `own` is no other lock, whatever its rank.
fn besides<R: Rank>(rank: u32, own: Option<u32>) -> Option<u32> {
    own.filter(|_| rank == R::INDEX)
}

fn observed<R: Rank>(ranks: u64, place: Place, own: Option<u32>) {
    R::with_held(|held| {
        for rank in (0..64_u32).filter(|rank| ranks >> rank & 1 == 1) {
            let taken = held.one_of(rank, besides::<R>(rank, own)).map(|(_, place)| place);
            observe::note(R::table(), (rank as usize, taken), (R::INDEX as usize, place));
        }
    });
}

fn refusal<R: Rank>(wrong: u64, name: LockName, place: Place, own: Option<u32>) -> WrongOrder {
    let table = R::table();
    let depth = |rank: &u32| (table.below[*rank as usize].count_ones(), *rank);
    let highest = (0..64).filter(|rank| wrong >> rank & 1 == 1).max_by_key(depth);
    let highest = highest.unwrap_or(R::INDEX);
    let found =
        |held: &Held| (held.one_of(highest, besides::<R>(highest, own)), held.count(highest));
    let (taken, count) = R::with_held(found).unwrap_or((None, 0));
    let (held_name, held_place) = taken.unwrap_or((name, place));
    WrongOrder {
        held: RankedLock {
            name: held_name,
            rank: table.names[highest as usize],
            place: held_place,
        },
        wanted: RankedLock { name, rank: table.names[R::INDEX as usize], place },
        table: TableRef(table),
        count,
    }
}

/// The record that a lock of rank `R` is held, taken out by its drop.
///
/// It belongs to the thread that made it.
#[derive(Debug)]
pub(super) struct Holding<R: Rank> {
    /// Which of those of its rank.
    number: u32,
    marker: PhantomData<(R, NoSend)>,
}

/// Stays on its thread, and may be looked at from others.
type NoSend = std::sync::MutexGuard<'static, ()>;

impl<R: Rank> Holding<R> {
    #[inline]
    pub(super) fn record(name: LockName, place: Place) -> Self {
        let number = R::with_held(|held| held.add(R::INDEX, name, place));
        Self { number: number.unwrap_or(UNNAMED), marker: PhantomData }
    }

    /// For a lock that was only tried for, in whatever order.
    #[inline]
    pub(super) fn record_tried(name: LockName, place: Place) -> Self {
        if mutant(Mutant::LockTryUnrecorded) {
            return Self { number: UNNAMED, marker: PhantomData };
        }
        Self::record(name, place)
    }

    /// Whether the lock may be waited for once more.
    pub(super) fn check_again(&self, place: Place) -> Result<(), WrongOrder> {
        let taken = R::with_held(|held| held.taken(R::INDEX, self.number)).flatten();
        let name = taken.map_or(LockName::MadeAt(place), |(name, _)| name);
        check_again::<R>(&name, place, Some(self.number))
    }
}

impl<R: Rank> Drop for Holding<R> {
    #[inline]
    fn drop(&mut self) {
        R::with_held(|held| held.remove(R::INDEX, self.number));
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
                $crate::lock::macros::Table::new(__NAMES, &__BELOW, __CHAINS, stringify!($vis));
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
