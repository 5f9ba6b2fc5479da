//! The slots between one giver and one taker.
//!
//! The giver writes a slot and moves `written`; from time to time it moves `published` to the same
//! place. A taker looks at `published`, so that it does not fetch at each item the cache lines that
//! the giver is writing, and at `written` only when it has nothing else to do. What is written can
//! be taken at any time: nothing has to be published for it.
//!
//! Each item has a number, and mostly that of the item before and one more. Only where it is another
//! is it written down, as a jump, so that a ring of small items does not carry more numbers than
//! items from core to core.
//!
//! The two counters of a single-producer single-consumer ring that cannot interfere are those of
//! L. Lamport, *Proving the Correctness of Multiprocess Programs*, 1977; that each end keeps a copy
//! of the other's, and publishes in strides, is from P. Lee, T. Bu, G. Chandranmenon, *A Lock-Free,
//! Cache-Efficient Multi-Core Synchronization Mechanism for Line-Rate Network Traffic Monitoring*
//! (MCRingBuffer), 2010.
#![allow(unsafe_code)]

use std::mem::MaybeUninit;
use std::sync::Arc;

use crate::sync::atomic::{AtomicU64, Ordering};
use crate::sync::{Mutant, UnsafeCell, mutant};

/// Apart from what others write.
#[derive(Debug)]
#[repr(align(128))]
struct Apart<T>(T);

/// How far both ends are, counted from the beginning.
#[derive(Debug)]
pub(crate) struct Places {
    written: Apart<AtomicU64>,
    jumps: Apart<AtomicU64>,
    published: Apart<AtomicU64>,
    taken: Apart<AtomicU64>,
}

impl Places {
    fn new() -> Self {
        let zero = || Apart(AtomicU64::new(0));
        Self { written: zero(), jumps: zero(), published: zero(), taken: zero() }
    }

    /// How many items are there, as far as one can see from outside.
    pub(crate) fn len(&self) -> usize {
        loop {
            let taken = self.taken.0.load(Ordering::Acquire);
            let written = self.written.0.load(Ordering::Acquire);
            // Otherwise this thread may have been away in between.
            if self.taken.0.load(Ordering::Relaxed) == taken {
                return count(written.saturating_sub(taken));
            }
        }
    }
}

/// From the item at this place on, numbers are counted from this one.
#[derive(Debug, Clone, Copy)]
struct Jump {
    at: u64,
    number: u64,
}

type Slots<T> = Box<[UnsafeCell<MaybeUninit<T>>]>;

fn slots<T>(count: usize) -> Slots<T> {
    (0..count).map(|_| UnsafeCell::new(MaybeUninit::uninit())).collect()
}

/// The number of slots is a power of two.
#[inline]
fn slot<T>(slots: &Slots<T>, at: u64) -> &UnsafeCell<MaybeUninit<T>> {
    // What is lost in the conversion would be lost to the mask.
    #[allow(clippy::cast_possible_truncation)]
    let at = at as usize;
    &slots[at & (slots.len() - 1)]
}

/// Never more than the slots are.
#[inline]
fn count(items: u64) -> usize {
    usize::try_from(items).unwrap_or(usize::MAX)
}

struct Ring<T> {
    items: Slots<T>,
    /// There are never more jumps than items, so each finds its slot free.
    jumps: Slots<Jump>,
    capacity: usize,
    places: Arc<Places>,
}

// SAFETY: an item is written by one thread and taken by one thread, so it is sent. No two threads
// look at a slot at the same time: those from `taken` to `written` are the head's, all others the
// tail's, there is one head and one tail, and each moves only its own counter, after it is done.
unsafe impl<T: Send> Sync for Ring<T> {}
// SAFETY: as above; what is left goes with the ring.
unsafe impl<T: Send> Send for Ring<T> {}

impl<T> Drop for Ring<T> {
    fn drop(&mut self) {
        let mut at = self.places.taken.0.load(Ordering::Relaxed);
        let written = self.places.written.0.load(Ordering::Relaxed);
        while at < written {
            // SAFETY: both ends are gone, and the slots between are filled.
            slot(&self.items, at).with_mut(|slot| unsafe { (*slot).assume_init_drop() });
            at += 1;
        }
    }
}

/// The end that writes. There is one.
pub(crate) struct Tail<T> {
    ring: Arc<Ring<T>>,
    places: Arc<Places>,
    at: u64,
    published: u64,
    /// How far the head was when last looked at.
    taken: u64,
    jumps: u64,
    /// The number that the next item has without a jump.
    number: u64,
}

/// The end that takes. There is one.
pub(crate) struct Head<T> {
    ring: Arc<Ring<T>>,
    places: Arc<Places>,
    at: u64,
    /// How far the tail was seen to be.
    seen: u64,
    jumps: u64,
    /// The next jump, if it was seen.
    jump: Option<Jump>,
    number: u64,
}

/// How much memory a ring of so many items takes.
pub(crate) fn bytes<T>(capacity: usize) -> Option<usize> {
    capacity.checked_next_power_of_two()?.checked_mul(size_of::<T>() + size_of::<Jump>())
}

/// A ring that holds so many items.
pub(crate) fn ring<T>(capacity: usize) -> (Tail<T>, Head<T>) {
    let count = capacity.next_power_of_two();
    let places = Arc::new(Places::new());
    let (items, jumps) = (slots(count), slots(count));
    let ring = Arc::new(Ring { items, jumps, capacity, places: Arc::clone(&places) });
    let tail = Tail {
        ring: Arc::clone(&ring),
        places: Arc::clone(&places),
        at: 0,
        published: 0,
        taken: 0,
        jumps: 0,
        number: 0,
    };
    (tail, Head { ring, places, at: 0, seen: 0, jumps: 0, jump: None, number: 0 })
}

impl<T> Tail<T> {
    /// Writes an item, and hands it back if the ring is full.
    #[inline]
    pub(crate) fn put(&mut self, number: u64, item: T) -> Result<(), T> {
        if self.room() == 0 && !self.has_room() {
            return Err(item);
        }
        // SAFETY: there is room.
        unsafe { self.write(number, item) };
        self.tell();
        Ok(())
    }

    /// Writes as many of the items as fit.
    #[inline]
    pub(crate) fn put_all(&mut self, items: impl Iterator<Item = (u64, T)>) {
        for (number, item) in items.take(self.room()) {
            // SAFETY: there is room, for so many.
            unsafe { self.write(number, item) };
        }
        self.tell();
    }

    /// # Safety
    ///
    /// There is room: fewer than `capacity` items are written and not taken.
    #[inline]
    unsafe fn write(&mut self, number: u64, item: T) {
        if number != self.number {
            self.jump(number);
        }
        self.number = number.wrapping_add(1);
        // SAFETY: the head is done with this slot, which the Acquire load of `taken` has shown.
        slot(&self.ring.items, self.at).with_mut(|slot| unsafe { (*slot).write(item) });
        self.at += 1;
    }

    /// As [`write`](Self::write), which goes on.
    fn jump(&mut self, number: u64) {
        let jump = Jump { at: self.at, number };
        // SAFETY: each jump that is not read is at an item that is not taken, and there are fewer of
        // those than slots.
        slot(&self.ring.jumps, self.jumps).with_mut(|slot| unsafe { (*slot).write(jump) });
        self.jumps += 1;
        self.places.jumps.0.store(self.jumps, Ordering::Release);
    }

    #[inline]
    fn tell(&self) {
        let order =
            if mutant(Mutant::RingWriteRelaxed) { Ordering::Relaxed } else { Ordering::Release };
        self.places.written.0.store(self.at, order);
    }

    /// How many items fit, as far as is known without looking.
    #[inline]
    pub(crate) fn room(&self) -> usize {
        self.ring.capacity - count(self.at - self.taken)
    }

    /// Looks whether an item fits now.
    pub(crate) fn has_room(&mut self) -> bool {
        let order =
            if mutant(Mutant::RingRoomRelaxed) { Ordering::Relaxed } else { Ordering::Acquire };
        self.taken = self.places.taken.0.load(order);
        self.room() > 0
    }

    #[inline]
    pub(crate) fn unpublished(&self) -> usize {
        count(self.at - self.published)
    }

    #[inline]
    pub(crate) fn publish(&mut self) {
        self.published = self.at;
        self.places.published.0.store(self.at, Ordering::Release);
    }

    /// How many items are there at most.
    pub(crate) fn len(&self) -> usize {
        count(self.at - self.taken)
    }
}

impl<T> Head<T> {
    pub(crate) fn places(&self) -> &Arc<Places> {
        &self.places
    }

    /// How many published items are there; zero also if they were taken before they were published.
    #[inline]
    pub(crate) fn published(&mut self) -> usize {
        let tail = self.places.published.0.load(Ordering::Acquire);
        self.seen = self.seen.max(tail);
        count(tail.saturating_sub(self.at))
    }

    /// How many items are there.
    #[inline]
    pub(crate) fn written(&mut self) -> usize {
        self.seen = self.places.written.0.load(Ordering::Acquire);
        count(self.seen - self.at)
    }

    /// Takes so many items, at most those that were seen to be there.
    #[inline]
    pub(crate) fn take<N>(
        &mut self,
        most: usize,
        into: &mut impl Extend<N>,
        with: impl Fn(u64, T) -> N,
    ) {
        let mut left = most.min(count(self.seen - self.at));
        while left > 0 {
            let run = self.run().min(left);
            let Self { ring, at, number, .. } = self;
            into.extend((0..run).map(|_| {
                // SAFETY: an Acquire load has shown that this slot is written, and it is not taken
                // again, because `at` moves on.
                let item =
                    slot(&ring.items, *at).with_mut(|slot| unsafe { (*slot).assume_init_read() });
                let numbered = with(*number, item);
                *at += 1;
                *number = number.wrapping_add(1);
                numbered
            }));
            left -= run;
        }
        let order =
            if mutant(Mutant::RingTakeRelaxed) { Ordering::Relaxed } else { Ordering::Release };
        self.places.taken.0.store(self.at, order);
    }

    /// For how many items from here on numbers are counted, as far as is seen.
    #[inline]
    fn run(&mut self) -> usize {
        if self.jump.is_none_or(|jump| jump.at == self.at) {
            self.land();
        }
        self.jump.map_or(usize::MAX, |jump| count(jump.at - self.at))
    }

    /// Makes the jump that is due, and looks for the next.
    fn land(&mut self) {
        if let Some(jump) = self.jump.take() {
            self.number = jump.number;
        }
        // A jump is told before its item, so all that matter to the items seen are told by now.
        if self.jumps < self.places.jumps.0.load(Ordering::Acquire) {
            // SAFETY: the load has shown that it is written.
            let jump = slot(&self.ring.jumps, self.jumps)
                .with_mut(|slot| unsafe { (*slot).assume_init_read() });
            self.jumps += 1;
            self.jump = Some(jump);
        }
    }
}

impl<T> Drop for Head<T> {
    fn drop(&mut self) {
        // Also if a panic came between.
        self.places.taken.0.store(self.at, Ordering::Release);
    }
}

#[cfg(all(test, not(any(brigade_loom, brigade_shuttle))))]
mod tests {
    use std::collections::VecDeque;
    use std::rc::Rc;
    use std::sync::atomic::AtomicBool;

    use proptest::prelude::*;

    use super::*;

    #[derive(Debug, Clone)]
    enum Step {
        /// One item, whose number is so far from the next.
        Put(i64),
        /// Several at once.
        PutAll(Vec<i64>),
        Publish,
        /// At most so many, of what is published or of all.
        Take(usize, bool),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let ahead = || prop_oneof![4 => Just(0), 1 => -3..5_i64];
        let step = prop_oneof![
            ahead().prop_map(Step::Put),
            prop::collection::vec(ahead(), 0..6).prop_map(Step::PutAll),
            Just(Step::Publish),
            (0..7_usize, any::<bool>()).prop_map(|(most, all)| Step::Take(most, all)),
        ];
        prop::collection::vec(step, 0..200)
    }

    proptest! {
        /// What goes in comes out in order, with its number, and no more fits than there is room for.
        #[test]
        fn it_is_a_queue(capacity in 1..20_usize, steps in steps()) {
            let (mut tail, mut head) = ring(capacity);
            let mut queue = VecDeque::new();
            let (mut next, mut unpublished) = (0_u64, 0);
            for step in steps {
                match step {
                    Step::Put(ahead) => {
                        let item = Rc::new(next.wrapping_add_signed(ahead));
                        match tail.put(*item, Rc::clone(&item)) {
                            Ok(()) => {
                                next = item.wrapping_add(1);
                                unpublished += 1;
                                queue.push_back(item);
                                prop_assert!(queue.len() <= capacity);
                            }
                            Err(back) => {
                                prop_assert!(Rc::ptr_eq(&item, &back));
                                prop_assert_eq!(queue.len(), capacity);
                            }
                        }
                    }
                    Step::PutAll(ahead) => {
                        tail.has_room();
                        let room = tail.room();
                        prop_assert_eq!(room, capacity - queue.len());
                        let mut items: VecDeque<_> = ahead
                            .iter()
                            .scan(next, |next, ahead| {
                                let number = next.wrapping_add_signed(*ahead);
                                *next = number.wrapping_add(1);
                                Some(Rc::new(number))
                            })
                            .collect();
                        items.truncate(room);
                        tail.put_all(items.iter().map(|item| (**item, Rc::clone(item))));
                        next = items.back().map_or(next, |item| item.wrapping_add(1));
                        unpublished += items.len();
                        queue.append(&mut items);
                    }
                    Step::Publish => {
                        tail.publish();
                        unpublished = 0;
                    }
                    Step::Take(most, all) => {
                        let there = if all { head.written() } else { head.published() };
                        let shown = if all { 0 } else { unpublished };
                        prop_assert_eq!(there, queue.len().saturating_sub(shown));
                        let mut taken = Vec::new();
                        head.take(most.min(there), &mut taken, |number, item| (number, item));
                        prop_assert_eq!(taken.len(), most.min(there));
                        for (number, item) in taken {
                            let expected = queue.pop_front();
                            prop_assert_eq!(Some(&item), expected.as_ref());
                            prop_assert_eq!(number, *item);
                        }
                    }
                }
                prop_assert_eq!(head.places().len(), queue.len());
            }
            // Each end holds the ring; the last one drops what is left in it.
            drop((tail, head));
            prop_assert!(queue.iter().all(|item| Rc::strong_count(item) == 1));
        }
    }

    /// More than was seen to be there cannot be taken.
    #[test]
    fn nothing_is_taken_that_was_not_seen() {
        let (mut tail, mut head) = ring(4);
        assert_eq!(tail.put(0, 'a'), Ok(()));
        let mut taken = Vec::new();
        head.take(1, &mut taken, |_, item| item);
        assert!(taken.is_empty());
        assert_eq!(head.written(), 1);
        head.take(usize::MAX, &mut taken, |_, item| item);
        assert_eq!(taken, ['a']);
    }

    /// Two threads, a small ring, and a jump now and then.
    #[test]
    fn two_threads_hand_over_boxes() {
        const ITEMS: u64 = if cfg!(miri) { 200 } else { 100_000 };
        let (mut tail, mut head) = ring(7);
        let done = AtomicBool::new(false);
        std::thread::scope(|threads| {
            threads.spawn(|| {
                for number in (0..ITEMS).filter(|number| number % 5 != 3) {
                    let mut item = Box::new(number);
                    while let Err(back) = tail.put(number, item) {
                        item = back;
                        std::thread::yield_now();
                    }
                    if number % 3 == 0 {
                        tail.publish();
                    }
                }
                done.store(true, Ordering::Release);
            });
            let mut expected = (0..ITEMS).filter(|number| number % 5 != 3);
            let mut taken = Vec::new();
            loop {
                let over = done.load(Ordering::Acquire);
                let there = if over { head.written() } else { head.published() };
                head.take(there, &mut taken, |number, item| (number, item));
                for (number, item) in taken.drain(..) {
                    assert_eq!((Some(number), number), (expected.next(), *item));
                }
                if over {
                    break;
                }
                std::thread::yield_now();
            }
            assert_eq!(expected.next(), None);
        });
    }
}
