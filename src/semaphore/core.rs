//! The word, the queue, and the one rule that joins them.
//!
//! The word counts the permits that are free and says whether anyone waits; the queue holds who.
//! While [`WAITERS`] stands, free permits belong to the head of the queue: they gather in the word
//! until they are enough for it, so a large request cannot be starved by small ones.
//! The flag is raised only by a step that sees too few permits, on the same word that a release
//! adds to: of the two, the later one always sees the earlier, and no wake-up is lost.

use super::error::{AcquireError, OverRelease};
use super::journal::{Event, Journal};
use crate::sync::atomic::{AtomicUsize, Ordering};
use crate::sync::{Mutant, Mutex, Reply, const_unless_modelled, mutant};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

const WAITERS: usize = 1;
const CLOSED: usize = 2;
const SHIFT: u32 = 2;

pub(super) const MAX_PERMITS: usize = usize::MAX >> SHIFT;

/// How long a caller is ready to wait.
#[derive(Debug, Clone, Copy)]
pub(super) enum Patience {
    Forever,
    For(Duration),
    Until(Instant),
}

impl Patience {
    /// `None` is for ever; so is a time-out that ends beyond what the clock can express.
    fn deadline(self) -> Option<Instant> {
        match self {
            Self::Forever => None,
            Self::For(limit) => Instant::now().checked_add(limit),
            Self::Until(deadline) => Some(deadline),
        }
    }
}

pub(super) struct Core {
    word: AtomicUsize,
    queue: Mutex<Queue>,
    /// The fixed total of a bounded semaphore.
    bound: Option<usize>,
    pub(super) journal: Journal,
}

struct Queue {
    waiters: VecDeque<Waiter>,
    next_ticket: u64,
    /// Permits that exist: free or held, not the forgotten ones.
    total: usize,
}

struct Waiter {
    ticket: u64,
    asked: usize,
    reply: Arc<Reply<Verdict>>,
}

/// A waiter's own end of its place in the queue.
struct Place {
    ticket: u64,
    reply: Arc<Reply<Verdict>>,
}

#[derive(Debug, Clone, Copy)]
enum Verdict {
    Granted,
    Closed,
    Beyond { total: usize },
}

impl Verdict {
    fn into_result(self, asked: usize) -> Result<(), AcquireError> {
        match self {
            Self::Granted => Ok(()),
            Self::Closed => Err(AcquireError::Closed),
            Self::Beyond { total } => Err(AcquireError::Beyond { asked, total }),
        }
    }
}

impl Core {
    const_unless_modelled! {
        pub(super) const fn new(permits: usize, bound: Option<usize>) -> Self {
            Self {
                word: AtomicUsize::new(permits << SHIFT),
                queue: Mutex::new(Queue { waiters: VecDeque::new(), next_ticket: 0, total: permits }),
                bound,
                journal: Journal::new(),
            }
        }
    }

    #[inline]
    pub(super) fn acquire(&self, asked: usize, patience: Patience) -> Result<(), AcquireError> {
        if self.take(asked, false).is_ok() {
            return Ok(());
        }
        self.acquire_slowly(asked, patience)
    }

    #[inline]
    pub(super) fn try_acquire(&self, asked: usize) -> Result<(), AcquireError> {
        self.take(asked, false).or_else(|word| self.refuse(asked, word))
    }

    pub(super) fn try_acquire_barging(&self, asked: usize) -> Result<(), AcquireError> {
        self.take(asked, true).or_else(|word| self.refuse(asked, word))
    }

    /// Takes permits if so many are free and, unless it is barging, nobody waits; else tells what
    /// it saw.
    #[inline]
    fn take(&self, asked: usize, barging: bool) -> Result<(), usize> {
        let overtaking = barging || mutant(Mutant::SemaphoreOvertakes);
        let refusing = if overtaking { CLOSED } else { WAITERS | CLOSED };
        let taking = if mutant(Mutant::SemaphoreTakeRelaxed) {
            Ordering::Relaxed
        } else {
            Ordering::Acquire
        };
        let mut word = self.word.load(Ordering::Relaxed);
        loop {
            if word & refusing != 0 || word >> SHIFT < asked {
                return Err(word);
            }
            let left = word - (asked << SHIFT);
            match self.word.compare_exchange_weak(word, left, taking, Ordering::Relaxed) {
                Ok(_) => break,
                Err(seen) => word = seen,
            }
        }
        self.journal.note(Event::Took { asked, barging });
        Ok(())
    }

    #[cold]
    fn refuse(&self, asked: usize, word: usize) -> Result<(), AcquireError> {
        if word & CLOSED != 0 {
            return Err(AcquireError::Closed);
        }
        if asked == 0 {
            return Ok(());
        }
        self.check_reach(asked, self.queue.lock().total)?;
        Err(AcquireError::Unavailable { asked })
    }

    /// One permit is always worth waiting for; more than there are in all never come together.
    fn check_reach(&self, asked: usize, total: usize) -> Result<(), AcquireError> {
        let total = self.bound.unwrap_or(total);
        let floor = if self.bound.is_some() { 0 } else { 1 };
        if asked > total.max(floor) {
            return Err(AcquireError::Beyond { asked, total });
        }
        Ok(())
    }

    #[cold]
    fn acquire_slowly(&self, asked: usize, patience: Patience) -> Result<(), AcquireError> {
        if asked == 0 {
            return if self.is_closed() { Err(AcquireError::Closed) } else { Ok(()) };
        }
        let deadline = patience.deadline();
        let Some(Place { ticket, reply }) = self.take_or_queue(asked, deadline)? else {
            return Ok(());
        };
        if let Some(verdict) = reply.wait(deadline) {
            return verdict.into_result(asked);
        }
        if self.leave(ticket) || mutant(Mutant::SemaphoreTimeoutDropsGrant) {
            return Err(AcquireError::TimedOut { asked });
        }
        // Somebody took us off the queue in the meantime: the verdict is on its way, and it stands.
        reply.wait(None).map_or(Err(AcquireError::Closed), |verdict| verdict.into_result(asked))
    }

    /// Joins the queue, unless permits are free after all.
    fn take_or_queue(
        &self,
        asked: usize,
        deadline: Option<Instant>,
    ) -> Result<Option<Place>, AcquireError> {
        let mut queue = self.queue.lock();
        let ticket = queue.next_ticket;
        let mut word = self.word.load(Ordering::Relaxed);
        loop {
            if word & CLOSED != 0 {
                return Err(AcquireError::Closed);
            }
            let (next, order) = if word & WAITERS == 0 && word >> SHIFT >= asked {
                (word - (asked << SHIFT), Ordering::Acquire)
            } else {
                self.check_reach(asked, queue.total)?;
                if deadline.is_some_and(|at| at <= Instant::now()) {
                    return Err(AcquireError::TimedOut { asked });
                }
                (word | WAITERS, Ordering::Relaxed)
            };
            if mutant(Mutant::SemaphoreQueueUnchecked) && next & WAITERS != 0 {
                self.word.fetch_or(WAITERS, Ordering::Relaxed);
                self.journal.note(Event::Queued { ticket, asked });
                break;
            }
            match self.word.compare_exchange_weak(word, next, order, Ordering::Relaxed) {
                Ok(_) if next & WAITERS != 0 => {
                    self.journal.note(Event::Queued { ticket, asked });
                    break;
                }
                Ok(_) => {
                    self.journal.note(Event::Took { asked, barging: false });
                    return Ok(None);
                }
                Err(seen) => word = seen,
            }
        }
        queue.next_ticket += 1;
        let reply = Arc::new(Reply::new());
        queue.waiters.push_back(Waiter { ticket, asked, reply: Arc::clone(&reply) });
        Ok(Some(Place { ticket, reply }))
    }

    #[inline]
    pub(super) fn release(&self, count: usize) {
        let giving = if mutant(Mutant::SemaphoreReleaseRelaxed) {
            Ordering::Relaxed
        } else {
            Ordering::Release
        };
        // Never overflows: free and held permits together are at most the total.
        let before = self.word.fetch_add(count << SHIFT, giving);
        self.journal.note(Event::Released { count });
        if before & WAITERS != 0 {
            self.serve();
        }
    }

    #[cold]
    fn serve(&self) {
        let granted = self.grant(&mut self.queue.lock());
        tell(granted, Verdict::Granted);
    }

    /// Takes from the word for as many of the first in the queue as it satisfies. They are told
    /// after the queue is unlocked.
    #[must_use]
    fn grant(&self, queue: &mut Queue) -> Vec<Waiter> {
        if mutant(Mutant::SemaphoreGrantsWhatFits) {
            let free = self.word.load(Ordering::Relaxed) >> SHIFT;
            if let Some(fits) = queue.waiters.iter().position(|waiter| waiter.asked <= free) {
                queue.waiters.swap(0, fits);
            }
        }
        let taking = if mutant(Mutant::SemaphoreGrantRelaxed) {
            Ordering::Relaxed
        } else {
            Ordering::Acquire
        };
        let mut word = self.word.load(Ordering::Relaxed);
        let served = loop {
            let mut free = word >> SHIFT;
            let mut served = 0;
            for waiter in &queue.waiters {
                match free.checked_sub(waiter.asked) {
                    Some(rest) => (free, served) = (rest, served + 1),
                    None => break,
                }
            }
            let waiting = if served < queue.waiters.len() { WAITERS } else { 0 };
            let next = (free << SHIFT) | (word & CLOSED) | waiting;
            match self.word.compare_exchange_weak(word, next, taking, Ordering::Relaxed) {
                Ok(_) => break served,
                // A release or a barging call came between.
                Err(seen) => word = seen,
            }
        };
        let granted: Vec<_> = queue.waiters.drain(..served).collect();
        for waiter in &granted {
            self.journal.note(Event::Granted { ticket: waiter.ticket });
        }
        granted
    }

    /// Leaves the queue after a time-out; `false` if the ticket is no longer in it.
    fn leave(&self, ticket: u64) -> bool {
        let mut queue = self.queue.lock();
        let Ok(place) = queue.waiters.binary_search_by_key(&ticket, |waiter| waiter.ticket) else {
            return false;
        };
        queue.waiters.remove(place);
        self.journal.note(Event::Left { ticket });
        if mutant(Mutant::SemaphoreLeavesSilently) {
            return true;
        }
        // What had gathered for us may be enough for those behind us.
        let granted = self.grant(&mut queue);
        drop(queue);
        tell(granted, Verdict::Granted);
        true
    }

    pub(super) fn close(&self) {
        let mut queue = self.queue.lock();
        if !mutant(Mutant::SemaphoreFlagAfterClose) {
            self.word.fetch_or(CLOSED, Ordering::Relaxed);
        }
        let waiters = std::mem::take(&mut queue.waiters);
        self.word.fetch_and(!WAITERS, Ordering::Relaxed);
        self.journal.note(Event::Closed);
        drop(queue);
        if mutant(Mutant::SemaphoreFlagAfterClose) {
            self.word.fetch_or(CLOSED, Ordering::Relaxed);
        }
        tell(waiters, Verdict::Closed);
    }

    pub(super) fn add(&self, count: usize) -> Result<(), OverRelease> {
        let limit = self.capacity();
        let mut queue = self.queue.lock();
        let missing = limit - queue.total;
        if count > missing {
            return Err(OverRelease { count, missing, limit });
        }
        queue.total += count;
        drop(queue);
        self.release(count);
        Ok(())
    }

    pub(super) fn forget(&self, count: usize) {
        let mut queue = self.queue.lock();
        queue.total -= count;
        self.journal.note(Event::Forgotten { count });
        let total = queue.total;
        let within = |waiter: &Waiter| self.check_reach(waiter.asked, total).is_ok();
        if queue.waiters.iter().all(within) {
            return;
        }
        // Those who now ask for more than there will ever be must not hold up the rest.
        let (stay, beyond): (VecDeque<_>, VecDeque<_>) =
            std::mem::take(&mut queue.waiters).into_iter().partition(within);
        queue.waiters = stay;
        for waiter in &beyond {
            self.journal.note(Event::Left { ticket: waiter.ticket });
        }
        let granted = self.grant(&mut queue);
        drop(queue);
        tell(beyond, Verdict::Beyond { total });
        tell(granted, Verdict::Granted);
    }

    pub(super) fn available(&self) -> usize {
        self.word.load(Ordering::Acquire) >> SHIFT
    }

    pub(super) fn is_closed(&self) -> bool {
        self.word.load(Ordering::Relaxed) & CLOSED != 0
    }

    pub(super) fn capacity(&self) -> usize {
        self.bound.unwrap_or(MAX_PERMITS)
    }

    pub(super) fn total(&self) -> usize {
        self.queue.lock().total
    }

    pub(super) fn waiting(&self) -> usize {
        self.queue.lock().waiters.len()
    }
}

fn tell(waiters: impl IntoIterator<Item = Waiter>, verdict: Verdict) {
    for waiter in waiters {
        waiter.reply.give(verdict);
    }
}
