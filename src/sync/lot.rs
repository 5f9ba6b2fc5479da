//! The reference lot: a parking lot small enough to be read in one sitting.
//!
//! It does what `parking_lot_core` does for one key, out of a mutex, a list and one condition
//! variable a waiter, and it keeps a diary. The models run the shipped state machine on it; the
//! oracles read the diary. Whatever happens under the lot's lock is one step of the diary.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex as Diary, PoisonError};
use std::time::Instant;

use super::parking::{Event, Message, Parked, Parking, Ticket, Verdict};
use super::{Condvar, Mutex, thread};

/// One line of the diary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry {
    /// A thread joined the queue: this is its arrival.
    Queued(Ticket),
    /// A waker took the thread out of the queue; `batch` counts the decisions of wakers.
    Woken(Ticket, Message, usize),
    /// The thread left the queue because its deadline passed.
    TimedOut(Ticket),
    /// The thread itself did something that the queue does not see.
    Did(Event),
}

struct Waiter {
    ticket: Ticket,
    thread: thread::ThreadId,
}

#[derive(Default)]
struct Queue {
    next: usize,
    line: VecDeque<(usize, Waiter, Arc<Condvar>)>,
    woken: Vec<(usize, Message)>,
    batches: usize,
}

/// A queue and its diary.
pub struct ReferenceLot {
    queue: Mutex<Queue>,
    // Not a type of the checker: writing it down must not be a step that others can see.
    diary: Diary<Vec<(thread::ThreadId, Entry)>>,
}

impl std::fmt::Debug for ReferenceLot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ReferenceLot")
    }
}

impl ReferenceLot {
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
}

impl Parking for ReferenceLot {
    fn park(
        &self,
        _key: usize,
        ticket: Ticket,
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

    fn unpark_filter(
        &self,
        _key: usize,
        mut filter: impl FnMut(Ticket) -> Verdict,
        commit: impl FnOnce(bool) -> Message,
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

    fn note(&self, event: Event) {
        self.write(thread::current().id(), Entry::Did(event));
    }
}
