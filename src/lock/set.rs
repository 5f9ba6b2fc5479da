//! Several locks: tuples, arrays and slices of targets.
//!
//! A set keeps what it has taken in slots of its own shape, so that the guards come back in the caller's
//! order whatever order they were taken in. The slots of a tuple and of an array are on the stack.

use std::cmp::Ordering;
use std::panic::Location;

use super::error::{LockError, WrongOrder};
use super::pace::Pace;
use super::target::{Identity, Lockable, Timed};

type Place = &'static Location<'static>;

/// What [`lock_all`](super::lock_all) takes: a tuple of one to twelve [`Lockable`]s, an array, or a slice.
///
/// The guards come back in the same shape and the same order; those of a slice in a `Vec`. The trait is
/// sealed.
pub trait LockSet: sealed::Set {
    /// What it gives.
    type Guards;
    /// Guards that are held so far.
    #[doc(hidden)]
    type Slots;
    /// The positions, in the order to take them.
    #[doc(hidden)]
    type Order: AsRef<[usize]>;

    #[doc(hidden)]
    fn slots(&self) -> Self::Slots;

    /// Sorts, and finds what is named twice.
    #[doc(hidden)]
    fn order(&self) -> Result<Self::Order, LockError>;

    #[doc(hidden)]
    fn check(&self, place: Place) -> Result<(), WrongOrder>;

    #[doc(hidden)]
    fn take(&self, at: usize, slots: &mut Self::Slots, place: Place);

    /// Whether it is held now.
    #[doc(hidden)]
    fn try_take(&self, at: usize, slots: &mut Self::Slots, place: Place) -> bool;

    #[doc(hidden)]
    fn finish(slots: Self::Slots) -> Self::Guards;

    /// Waits for each, in this order.
    #[doc(hidden)]
    #[inline]
    fn take_all(&self, order: Self::Order, place: Place) -> Self::Guards {
        let mut slots = self.slots();
        for &at in order.as_ref() {
            self.take(at, &mut slots, place);
        }
        Self::finish(slots)
    }
}

/// A [`LockSet`] whose locks can be waited for until a deadline. The trait is sealed.
pub trait TimedSet: LockSet {
    /// Whether it is held now.
    #[doc(hidden)]
    fn take_until(
        &self,
        at: usize,
        slots: &mut Self::Slots,
        place: Place,
        pace: &mut Pace<'_>,
    ) -> bool;
}

mod sealed {
    /// Out of reach, so that nobody else makes a set.
    pub trait Set {}
}

impl<L: Lockable, const N: usize> sealed::Set for [L; N] {}
impl<L: Lockable> sealed::Set for &[L] {}

/// Sorts few locks of all kinds: each goes to its place among those before it, and is compared with all of
/// them, for one lock may be named with its rank and without.
#[inline(always)] // Out of line it costs a fifth of a set of four.
fn sort_few<const N: usize>(identities: &[Identity; N]) -> Result<[usize; N], LockError> {
    let (mut order, mut is_twice) = ([0; N], false);
    for at in 0..N {
        let mut place = 0;
        for before in 0..at {
            is_twice |= identities[before].is(&identities[at]);
        }
        for before in (0..at).rev() {
            if identities[order[before]].precedes(&identities[at]) {
                place = before + 1;
                break;
            }
            order[before + 1] = order[before];
        }
        order[place] = at;
    }
    if is_twice { Err(duplicate_of(identities)) } else { Ok(order) }
}

#[cold]
fn duplicate_of(identities: &[Identity]) -> LockError {
    let pairs = (1..identities.len()).flat_map(|at| (0..at).map(move |before| (before, at)));
    let mut twice = pairs.filter(|&(before, at)| identities[before].is(&identities[at]));
    twice.next().map_or(LockError::Duplicate { first: 0, second: 0 }, |(before, at)| {
        LockError::Duplicate { first: before, second: at }
    })
}

/// Sorts any number of locks of one kind: the same lock twice stands side by side.
fn sort_many<L: Lockable>(locks: &[L], order: &mut [usize]) -> Result<(), LockError> {
    let compare = |&one: &usize, &other: &usize| {
        let (first, second) = (locks[one].identity(), locks[other].identity());
        match (first.precedes(&second), second.precedes(&first)) {
            (true, _) => Ordering::Less,
            (_, true) => Ordering::Greater,
            _ => one.cmp(&other),
        }
    };
    order.sort_unstable_by(compare);
    for pair in order.windows(2) {
        if locks[pair[0]].identity().is(&locks[pair[1]].identity()) {
            return Err(LockError::Duplicate {
                first: pair[0].min(pair[1]),
                second: pair[0].max(pair[1]),
            });
        }
    }
    Ok(())
}

/// Moves guards from the order in which they were taken to that of the caller. It is cheaper than slots to be
/// filled in any order, for which nobody can see that all of them are in the end.
#[inline]
fn put_back<G>(guards: &mut [G], order: &mut [usize]) {
    for at in 0..order.len() {
        while order[at] != at {
            let to = order[at];
            guards.swap(at, to);
            order.swap(at, to);
        }
    }
}

/// Keeps a guard in its slot, which is empty: nothing has to be dropped.
#[inline]
fn keep<G>(slot: &mut Option<G>, guard: G) {
    debug_assert!(slot.is_none());
    std::mem::forget(slot.replace(guard));
}

macro_rules! tuples {
    ($($count:literal: $($lock:ident $at:tt)+;)+) => {$(
        impl<$($lock: Lockable),+> sealed::Set for ($($lock,)+) {}

        impl<$($lock: Lockable),+> LockSet for ($($lock,)+) {
            type Guards = ($($lock::Guard,)+);
            type Slots = ($(Option<$lock::Guard>,)+);
            type Order = [usize; $count];

            #[inline]
            fn slots(&self) -> Self::Slots {
                ($(none(&self.$at),)+)
            }

            #[inline]
            fn order(&self) -> Result<Self::Order, LockError> {
                sort_few(&[$(self.$at.identity()),+])
            }

            #[inline]
            fn check(&self, place: Place) -> Result<(), WrongOrder> {
                $(self.$at.check(place)?;)+
                Ok(())
            }

            #[inline]
            fn take(&self, at: usize, slots: &mut Self::Slots, place: Place) {
                match at {
                    $($at => keep(&mut slots.$at, self.$at.take(place)),)+
                    _ => {}
                }
            }

            #[inline]
            fn try_take(&self, at: usize, slots: &mut Self::Slots, place: Place) -> bool {
                match at {
                    $($at => {
                        slots.$at = self.$at.try_take(place);
                        slots.$at.is_some()
                    })+
                    _ => false,
                }
            }

            #[inline]
            fn finish(slots: Self::Slots) -> Self::Guards {
                ($(slots.$at.expect(TAKEN),)+)
            }
        }

        impl<$($lock: Timed),+> TimedSet for ($($lock,)+) {
            fn take_until(
                &self,
                at: usize,
                slots: &mut Self::Slots,
                place: Place,
                pace: &mut Pace<'_>,
            ) -> bool {
                match at {
                    $($at => {
                        slots.$at = self.$at.take_until(place, pace);
                        slots.$at.is_some()
                    })+
                    _ => false,
                }
            }
        }
    )+};
}

/// No user can see it: a set is finished when each of its positions has been taken.
const TAKEN: &str = "every lock of a finished set is held";

#[inline]
fn none<L: Lockable>(_: &L) -> Option<L::Guard> {
    None
}

tuples! {
    1: A 0;
    2: A 0 B 1;
    3: A 0 B 1 C 2;
    4: A 0 B 1 C 2 D 3;
    5: A 0 B 1 C 2 D 3 E 4;
    6: A 0 B 1 C 2 D 3 E 4 F 5;
    7: A 0 B 1 C 2 D 3 E 4 F 5 G 6;
    8: A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7;
    9: A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8;
    10: A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9;
    11: A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9 K 10;
    12: A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9 K 10 L 11;
}

/// What arrays and slices have in common.
macro_rules! by_index {
    () => {
        #[inline]
        fn check(&self, place: Place) -> Result<(), WrongOrder> {
            self.iter().try_for_each(|lock| lock.check(place))
        }

        #[inline]
        fn take(&self, at: usize, slots: &mut Self::Slots, place: Place) {
            keep(&mut slots[at], self[at].take(place));
        }

        #[inline]
        fn try_take(&self, at: usize, slots: &mut Self::Slots, place: Place) -> bool {
            slots[at] = self[at].try_take(place);
            slots[at].is_some()
        }
    };
    (timed) => {
        fn take_until(
            &self,
            at: usize,
            slots: &mut Self::Slots,
            place: Place,
            pace: &mut Pace<'_>,
        ) -> bool {
            slots[at] = self[at].take_until(place, pace);
            slots[at].is_some()
        }
    };
}

impl<L: Lockable, const N: usize> LockSet for [L; N] {
    type Guards = [L::Guard; N];
    type Slots = [Option<L::Guard>; N];
    type Order = [usize; N];

    by_index!();

    #[inline]
    fn slots(&self) -> Self::Slots {
        [const { None }; N]
    }

    #[inline]
    fn order(&self) -> Result<Self::Order, LockError> {
        if N <= FEW {
            return sort_few(&std::array::from_fn(|at| self[at].identity()));
        }
        let mut order = std::array::from_fn(|at| at);
        sort_many(self, &mut order)?;
        Ok(order)
    }

    #[inline]
    fn finish(slots: Self::Slots) -> Self::Guards {
        slots.map(|slot| slot.expect(TAKEN))
    }

    #[inline]
    fn take_all(&self, mut order: Self::Order, place: Place) -> Self::Guards {
        // Slots of their own, as those of a tuple, can be seen through; an array of them cannot.
        if N <= 4 {
            let mut slots = (None, None, None, None);
            for at in order {
                match at {
                    0 => keep(&mut slots.0, self[0].take(place)),
                    1 => keep(&mut slots.1, self[1].take(place)),
                    2 => keep(&mut slots.2, self[2].take(place)),
                    3 => keep(&mut slots.3, self[3].take(place)),
                    _ => {}
                }
            }
            return std::array::from_fn(|at| {
                let slot = match at {
                    0 => slots.0.take(),
                    1 => slots.1.take(),
                    2 => slots.2.take(),
                    _ => slots.3.take(),
                };
                slot.expect(TAKEN)
            });
        }
        let mut guards = std::array::from_fn(|at| self[order[at]].take(place));
        put_back(&mut guards, &mut order);
        guards
    }
}

impl<L: Timed, const N: usize> TimedSet for [L; N] {
    by_index!(timed);
}

/// So many locks are sorted by comparing each with each; a slice of them needs no memory for it.
const FEW: usize = 8;

/// The positions in a slice.
#[derive(Debug)]
pub enum Positions {
    Few([usize; FEW], usize),
    Many(Vec<usize>),
}

impl Positions {
    #[inline]
    fn of(count: usize) -> Self {
        if count <= FEW {
            Self::Few(std::array::from_fn(|at| at), count)
        } else {
            Self::Many(Vec::from_iter(0..count))
        }
    }

    #[inline]
    fn as_mut(&mut self) -> &mut [usize] {
        match self {
            Self::Few(few, count) => &mut few[..*count],
            Self::Many(many) => many,
        }
    }
}

impl AsRef<[usize]> for Positions {
    #[inline]
    fn as_ref(&self) -> &[usize] {
        match self {
            Self::Few(few, count) => &few[..*count],
            Self::Many(many) => many,
        }
    }
}

impl<L: Lockable> LockSet for &[L] {
    type Guards = Vec<L::Guard>;
    type Slots = Vec<Option<L::Guard>>;
    type Order = Positions;

    by_index!();

    fn slots(&self) -> Self::Slots {
        self.iter().map(none).collect()
    }

    #[inline]
    fn order(&self) -> Result<Self::Order, LockError> {
        let mut order = Positions::of(self.len());
        sort_many(self, order.as_mut())?;
        Ok(order)
    }

    fn finish(slots: Self::Slots) -> Self::Guards {
        slots.into_iter().map(|slot| slot.expect(TAKEN)).collect()
    }

    #[inline]
    fn take_all(&self, mut order: Self::Order, place: Place) -> Self::Guards {
        let take = |&at: &usize| self[at].take(place);
        let mut guards: Vec<_> = order.as_ref().iter().map(take).collect();
        put_back(&mut guards, order.as_mut());
        guards
    }
}

impl<L: Timed> TimedSet for &[L] {
    by_index!(timed);
}
