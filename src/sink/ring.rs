//! The ring between one producer and the writer.
//!
//! Production runs on `rtrb`, a wait-free single-producer single-consumer ring. Under the models
//! it is replaced by a queue that publishes as `rtrb` does (a Release store of the tail, an
//! Acquire load of it) through the checker's atomics, so that a model sees every interleaving of
//! the hand-over.

#[cfg(any(brigade_loom, brigade_shuttle))]
pub(crate) use modelled::{Head, Run, Tail, ring};
#[cfg(not(any(brigade_loom, brigade_shuttle)))]
pub(crate) use shipped::{Head, Run, Tail, ring};

#[cfg(not(any(brigade_loom, brigade_shuttle)))]
mod shipped {
    /// The producer's end.
    #[derive(Debug)]
    pub(crate) struct Tail<T>(rtrb::Producer<T>);

    /// The writer's end.
    #[derive(Debug)]
    pub(crate) struct Head<T>(rtrb::Consumer<T>);

    /// Records on their way out of the ring; those not asked for stay in it.
    pub(crate) type Run<'a, T> = rtrb::chunks::ReadChunkIntoIter<'a, T>;

    pub(crate) fn ring<T>(capacity: usize) -> (Tail<T>, Head<T>) {
        let (tail, head) = rtrb::RingBuffer::new(capacity);
        (Tail(tail), Head(head))
    }

    impl<T> Tail<T> {
        #[inline]
        pub(crate) fn push(&mut self, value: T) -> Result<(), T> {
            self.0.push(value).map_err(|rtrb::PushError::Full(value)| value)
        }

        /// Publishes `values` as one: the reader sees all of them or none.
        pub(crate) fn push_all(&mut self, values: impl ExactSizeIterator<Item = T>) {
            let room = self.0.write_chunk_uninit(values.len());
            debug_assert!(room.is_ok(), "the caller has checked the room");
            if let Ok(room) = room {
                room.fill_from_iter(values);
            }
        }

        #[inline]
        pub(crate) fn is_full(&self) -> bool {
            self.0.is_full()
        }

        pub(crate) fn room(&self) -> usize {
            self.0.slots()
        }
    }

    impl<T> Head<T> {
        #[inline]
        pub(crate) fn len(&self) -> usize {
            self.0.slots()
        }

        /// How many records the producer could add.
        pub(crate) fn room(&self) -> usize {
            self.0.buffer().capacity() - self.0.slots()
        }

        pub(crate) fn capacity(&self) -> usize {
            self.0.buffer().capacity()
        }

        /// How many of the first `most` records are due; `due` must hold for a prefix. One by one
        /// from the front: a search would save comparisons, and wait for memory at each of them,
        /// while this fetches what is taken next.
        pub(crate) fn count_due(&mut self, most: usize, due: impl Fn(&T) -> bool) -> usize {
            let Ok(chunk) = self.0.read_chunk(most) else { return 0 };
            let (first, second) = chunk.as_slices();
            let count = |run: &[T]| run.iter().position(|value| !due(value)).unwrap_or(run.len());
            match count(first) {
                all if all == first.len() => all + count(second),
                some => some,
            }
        }

        /// Takes the first `count` records; nothing if there are fewer.
        pub(crate) fn take(&mut self, count: usize) -> Option<Run<'_, T>> {
            self.0.read_chunk(count).ok().map(IntoIterator::into_iter)
        }

        pub(crate) fn peek<R>(&mut self, at: usize, read: impl FnOnce(&T) -> R) -> Option<R> {
            let chunk = self.0.read_chunk(at + 1).ok()?;
            let (first, second) = chunk.as_slices();
            first.get(at).or_else(|| second.get(at - first.len())).map(read)
        }
    }
}

#[cfg(any(brigade_loom, brigade_shuttle))]
mod modelled {
    use std::collections::VecDeque;
    use std::sync::{Arc, Mutex, MutexGuard};

    use crate::sync::atomic::{AtomicUsize, Ordering};

    /// The payload lies behind a lock the checker does not see: it makes no edge of its own, so
    /// only the two positions order the ends.
    #[derive(Debug)]
    struct Shared<T> {
        tail: AtomicUsize,
        head: AtomicUsize,
        values: Mutex<VecDeque<T>>,
        capacity: usize,
    }

    impl<T> Shared<T> {
        fn values(&self) -> MutexGuard<'_, VecDeque<T>> {
            self.values.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
        }
    }

    pub(crate) struct Run<'a, T>(std::vec::IntoIter<T>, std::marker::PhantomData<&'a mut T>);

    impl<T> Iterator for Run<'_, T> {
        type Item = T;

        fn next(&mut self) -> Option<T> {
            self.0.next()
        }
    }

    #[derive(Debug)]
    pub(crate) struct Tail<T> {
        shared: Arc<Shared<T>>,
        at: usize,
    }

    #[derive(Debug)]
    pub(crate) struct Head<T> {
        shared: Arc<Shared<T>>,
        at: usize,
    }

    pub(crate) fn ring<T>(capacity: usize) -> (Tail<T>, Head<T>) {
        let shared = Arc::new(Shared {
            tail: AtomicUsize::new(0),
            head: AtomicUsize::new(0),
            values: Mutex::new(VecDeque::new()),
            capacity,
        });
        (Tail { shared: Arc::clone(&shared), at: 0 }, Head { shared, at: 0 })
    }

    impl<T> Tail<T> {
        pub(crate) fn push(&mut self, value: T) -> Result<(), T> {
            if self.is_full() {
                return Err(value);
            }
            self.shared.values().push_back(value);
            self.at += 1;
            self.shared.tail.store(self.at, Ordering::Release);
            Ok(())
        }

        pub(crate) fn push_all(&mut self, values: impl ExactSizeIterator<Item = T>) {
            self.at += values.len();
            self.shared.values().extend(values);
            self.shared.tail.store(self.at, Ordering::Release);
        }

        pub(crate) fn is_full(&self) -> bool {
            self.room() == 0
        }

        pub(crate) fn room(&self) -> usize {
            self.shared.capacity - (self.at - self.shared.head.load(Ordering::Acquire))
        }
    }

    impl<T> Head<T> {
        pub(crate) fn len(&self) -> usize {
            self.shared.tail.load(Ordering::Acquire) - self.at
        }

        pub(crate) fn room(&self) -> usize {
            self.shared.capacity - self.len()
        }

        pub(crate) fn capacity(&self) -> usize {
            self.shared.capacity
        }

        pub(crate) fn count_due(&mut self, most: usize, due: impl Fn(&T) -> bool) -> usize {
            self.shared.values().iter().take(most).take_while(|value| due(value)).count()
        }

        pub(crate) fn take(&mut self, count: usize) -> Option<Run<'_, T>> {
            let taken: Vec<T> = self.shared.values().drain(..count).collect();
            self.at += count;
            self.shared.head.store(self.at, Ordering::Release);
            Some(Run(taken.into_iter(), std::marker::PhantomData))
        }

        pub(crate) fn peek<R>(&mut self, at: usize, read: impl FnOnce(&T) -> R) -> Option<R> {
            self.shared.values().get(at).map(read)
        }
    }
}
