//! The reference lot: what `parking_lot_core` does for one key, out of a mutex, a list and one
//! condition variable a waiter.
//!
//! The models run the shipped state machines on it; the oracles read its diary. Whatever happens
//! under the lot's lock is one step of the diary.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex as Diary, PoisonError};
use std::time::Instant;

use super::{Parked, Verdict};
use crate::sync::{Condvar, Mutex, thread};

/// One line of the diary. The numbers are tickets, messages and events of the primitive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry {
    /// A thread joined the queue: this is its arrival.
    Queued(usize),
    /// A waker took the thread with this ticket out of the queue, with this message; the last
    /// number counts the decisions of wakers.
    Woken(usize, usize, usize),
    /// The thread left the queue because its deadline passed.
    TimedOut(usize),
    /// The thread itself did something that the queue does not see.
    Did(usize),
}

struct Waiter {
    ticket: usize,
    thread: thread::ThreadId,
}

#[derive(Default)]
struct Queue {
    next: usize,
    line: VecDeque<(usize, Waiter, Arc<Condvar>)>,
    woken: Vec<(usize, usize)>,
    batches: usize,
}

/// A queue and its diary.
pub struct Lot {
    queue: Mutex<Queue>,
    // Not a type of the checker: writing it down must not be a step that others can see.
    diary: Diary<Vec<(thread::ThreadId, Entry)>>,
}

impl std::fmt::Debug for Lot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Lot")
    }
}

impl Lot {
    pub(crate) fn new() -> Self {
        Self { queue: Mutex::new(Queue::default()), diary: Diary::new(Vec::new()) }
    }

    /// What happened so far, in order.
    pub fn diary(&self) -> Vec<(thread::ThreadId, Entry)> {
        self.diary.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn write(&self, thread: thread::ThreadId, entry: Entry) {
        self.diary.lock().unwrap_or_else(PoisonError::into_inner).push((thread, entry));
    }

    pub(crate) fn park(
        &self,
        _key: usize,
        ticket: usize,
        deadline: Option<Instant>,
        validate: impl FnOnce() -> bool,
        before_sleep: impl FnOnce(),
        timed_out: impl FnOnce(),
    ) -> Parked {
        let me = thread::current().id();
        let mut queue = self.queue.lock();
        if !validate() {
            return Parked::Invalid;
        }
        self.write(me, Entry::Queued(ticket));
        let number = queue.next;
        queue.next += 1;
        let bell = Arc::new(Condvar::new());
        let waiter = Waiter { ticket, thread: me };
        queue.line.push_back((number, waiter, bell.clone()));
        drop(queue);
        before_sleep();

        let mut queue = self.queue.lock();
        loop {
            if let Some(at) = queue.woken.iter().position(|(woken, _)| *woken == number) {
                return Parked::Woken(queue.woken.swap_remove(at).1);
            }
            // Time is an event like any other: whoever has a deadline may find it passed each
            // time it gets its turn, and the checker decides who got there first.
            if deadline.is_some() {
                queue.line.retain(|(waiting, ..)| *waiting != number);
                timed_out();
                self.write(me, Entry::TimedOut(ticket));
                return Parked::TimedOut;
            }
            bell.wait(&mut queue);
        }
    }

    pub(crate) fn unpark_filter(
        &self,
        _key: usize,
        mut filter: impl FnMut(usize) -> Verdict,
        commit: impl FnOnce(bool) -> usize,
    ) {
        let mut guard = self.queue.lock();
        let queue = &mut *guard;
        let mut chosen = Vec::new();
        let mut at = 0;
        let mut more = false;
        while let Some((_, waiter, _)) = queue.line.get(at) {
            match filter(waiter.ticket) {
                Verdict::Wake => chosen.extend(queue.line.remove(at)),
                Verdict::Skip => {
                    more = true;
                    at += 1;
                }
                Verdict::Stop => {
                    more = true;
                    break;
                }
            }
        }
        let message = commit(more);
        queue.batches += 1;
        let batch = queue.batches;
        for (number, waiter, _) in &chosen {
            self.write(waiter.thread, Entry::Woken(waiter.ticket, message, batch));
            queue.woken.push((*number, message));
        }
        chosen.iter().for_each(|(_, _, bell)| bell.notify_one());
    }

    pub(crate) fn note(&self, event: usize) {
        self.write(thread::current().id(), Entry::Did(event));
    }
}
