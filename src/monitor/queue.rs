//! Who waits in a monitor, for what, and who is next.

use crate::sync::{Mutant, Reply, mutant};
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;

/// A condition that any thread may evaluate, on behalf of the one that waits for it.
pub(super) type Condition<T> = Box<dyn Fn(&T) -> bool + Send>;

/// What somebody waits for.
pub(super) enum Wish<T> {
    /// To be inside, whatever the state.
    Enter,
    /// To be inside while the condition holds.
    EnterWhen(Condition<T>),
    /// To learn that the condition has held.
    Learn(Condition<T>),
}

enum Verdict {
    /// The monitor is reserved for you.
    Enter,
    /// Your condition held.
    Held,
    /// Your condition panicked.
    Panicked(Box<dyn Any + Send>),
}

/// What a waiter is told. Its wish goes back with it: a closure is dropped by the thread that made
/// it, outside all locks.
pub(super) struct Answer<T> {
    verdict: Verdict,
    wish: Wish<T>,
}

impl<T> Answer<T> {
    /// Goes on, or panics with what the condition panicked with.
    pub(super) fn heed(self) -> Wish<T> {
        match self.verdict {
            Verdict::Enter | Verdict::Held => self.wish,
            Verdict::Panicked(payload) => {
                drop(self.wish);
                resume_unwind(payload)
            }
        }
    }
}

pub(super) struct Waiter<T> {
    ticket: u64,
    wish: Wish<T>,
    verdict: Option<Verdict>,
    reply: Arc<Reply<Answer<T>>>,
}

impl<T> Waiter<T> {
    pub(super) fn tell(self) {
        if let Some(verdict) = self.verdict {
            self.reply.give(Answer { verdict, wish: self.wish });
        }
    }
}

/// A waiter's own end of its place in the queue.
pub(super) struct Place<T> {
    pub(super) ticket: u64,
    pub(super) reply: Arc<Reply<Answer<T>>>,
}

/// The waiters, in order of arrival.
pub(super) struct Queue<T> {
    waiters: Vec<Waiter<T>>,
    next_ticket: u64,
}

impl<T> Queue<T> {
    pub(super) const fn new() -> Self {
        Self { waiters: Vec::new(), next_ticket: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.waiters.len()
    }

    pub(super) fn join(&mut self, wish: Wish<T>) -> Place<T> {
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        let reply = Arc::new(Reply::new());
        self.waiters.push(Waiter { ticket, wish, verdict: None, reply: Arc::clone(&reply) });
        Place { ticket, reply }
    }

    /// Takes a waiter out again and hands its wish back; `None` if it has been served.
    pub(super) fn leave(&mut self, ticket: u64) -> Option<Wish<T>> {
        let place = self.waiters.binary_search_by_key(&ticket, |waiter| waiter.ticket).ok()?;
        Some(self.waiters.remove(place).wish)
    }

    /// Takes out everyone whose wish is granted by this state: all who only want to learn, and, if
    /// the monitor is not reserved yet, the first of those who want to enter.
    #[must_use]
    pub(super) fn review(&mut self, state: &T, reserved: &mut bool) -> Vec<Waiter<T>> {
        if mutant(Mutant::MonitorLastFirst) {
            self.waiters.reverse();
        }
        self.waiters
            .extract_if(.., |waiter| {
                waiter.verdict = match &waiter.wish {
                    Wish::Enter if !*reserved => Some(Verdict::Enter),
                    Wish::EnterWhen(condition) if !*reserved => {
                        judge(condition, state, Verdict::Enter)
                    }
                    Wish::Enter | Wish::EnterWhen(_) => None,
                    Wish::Learn(condition) => judge(condition, state, Verdict::Held),
                };
                *reserved |= matches!(waiter.verdict, Some(Verdict::Enter));
                waiter.verdict.is_some()
            })
            .collect()
    }
}

/// Evaluates another thread's condition; its panic is for that thread.
fn judge<T>(condition: &Condition<T>, state: &T, if_it_holds: Verdict) -> Option<Verdict> {
    match catch_unwind(AssertUnwindSafe(|| condition(state))) {
        Ok(true) => Some(if_it_holds),
        Ok(false) => None,
        Err(payload) => Some(Verdict::Panicked(payload)),
    }
}
