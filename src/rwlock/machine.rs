//! The state machine of the fair lock: one word, one queue.
//!
//! Three rules carry every argument of `docs/design/fair_rwlock.md`:
//!
//! 1. The flags that say "somebody waits" change only under the queue's lock. A thread joins the
//!    line and raises its flag in one step, after it has looked once more whether it may enter.
//! 2. While the line is not empty nobody enters exclusively, and nobody upgrades, without that
//!    lock; so a decision taken under it stays true until it is written to the word.
//! 3. Whoever makes it possible that somebody in the line enters owes a [`settle`] and pays at
//!    once: it takes the queue's lock and hands the lock over to whom the policy names.
//!
//! [`settle`]: Machine::settle

use std::fmt;
use std::marker::PhantomData;
use std::time::{Duration, Instant};

use super::line::{Event, Kind, Message, Ticket};
use super::policy::Policy;
use super::word::{
    Answer, DRAINING, ELECTED, ONE_READER, Pass, QUEUED, READERS_QUEUED, SLOW_FOR_READERS,
    SLOW_FOR_UPGRADABLE, UPGRADABLE, UPGRADABLE_READER, WATCHED, WRITER, WRITERS_QUEUED, Word,
};
use crate::sync::atomic::{AtomicUsize, Ordering};
use crate::sync::lot::{Lot, Verdict};
use crate::sync::{Mutant, const_unless_modelled, mutant};

mod settle;
mod upgrade;
mod wait;

use settle::Turn;

/// Why a thread did not get the lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// Its deadline passed.
    TimedOut,
    /// The reader count is at its limit.
    Full,
}

/// A fair reader-writer lock without data.
pub struct Machine<P> {
    word: AtomicUsize,
    lot: Lot,
    policy: PhantomData<fn() -> P>,
}

/// How many may pass an elected thread.
#[inline(always)]
fn thief<P: Policy>() -> Pass {
    Pass::Thief(if mutant(Mutant::RwStealsUncounted) { u8::MAX } else { P::STEALS })
}

/// Acquire on every entry, Release on every exit; the models weaken them to see themselves fail.
#[inline(always)]
fn entry() -> Ordering {
    if mutant(Mutant::RwEnterRelaxed) { Ordering::Relaxed } else { Ordering::Acquire }
}

#[inline(always)]
fn exit() -> Ordering {
    if mutant(Mutant::RwLeaveRelaxed) { Ordering::Relaxed } else { Ordering::Release }
}

impl<P: Policy> Machine<P> {
    const_unless_modelled! {
        /// Makes a lock that nobody holds.
        #[allow(clippy::new_without_default, reason = "the raw locks have one")]
        pub const fn new() -> Self {
            Self { word: AtomicUsize::new(0), lot: Lot::new(), policy: PhantomData }
        }
    }

    #[inline]
    pub(crate) fn load(&self) -> Word {
        Word(self.word.load(Ordering::Relaxed))
    }

    /// Whether somebody may stand in the line; a snapshot.
    #[inline]
    pub(crate) fn has_line(&self) -> bool {
        self.load().has(QUEUED)
    }

    #[inline]
    fn swap_if(&self, from: Word, to: Word, success: Ordering) -> Result<(), Word> {
        self.word.compare_exchange(from.0, to.0, success, Ordering::Relaxed).map(drop).map_err(Word)
    }

    /// Enters at once or not at all.
    #[inline]
    pub fn try_enter(&self, kind: Kind) -> bool {
        self.enter_fast(kind) || self.try_enter_slow(kind)
    }

    /// Enters, waiting for as long as it takes or until the deadline.
    #[inline]
    pub fn enter(&self, kind: Kind, deadline: Option<Instant>) -> Result<(), Refused> {
        if self.enter_fast(kind) { Ok(()) } else { self.enter_slow(kind, deadline) }
    }

    /// The same with a timeout; the clock is read only if the lock is not free.
    #[inline]
    pub(crate) fn enter_for(&self, kind: Kind, timeout: Duration) -> Result<(), Refused> {
        if self.enter_fast(kind) { Ok(()) } else { self.enter_slow(kind, after(timeout)) }
    }

    /// One attempt with one read-modify-write: the whole cost of a lock that nobody waits for.
    #[inline(always)]
    fn enter_fast(&self, kind: Kind) -> bool {
        let (from, slow, add) = match kind {
            Kind::Writer => (0, 0, WRITER),
            Kind::Upgradable => (self.load().0, SLOW_FOR_UPGRADABLE, UPGRADABLE_READER),
            _ => (self.load().0, slow_for_readers(), ONE_READER),
        };
        let entered = from & slow == 0
            && self
                .word
                .compare_exchange_weak(from, from + add, entry(), Ordering::Relaxed)
                .is_ok();
        if entered {
            self.note(Event::Entered(kind));
        }
        entered
    }

    #[cold]
    fn try_enter_slow(&self, kind: Kind) -> bool {
        self.attempt(kind, Pass::Newcomer) == Attempt::Entered
    }

    /// Gives shared access up.
    #[inline]
    pub fn leave_reader(&self) {
        let before = Word(self.word.fetch_sub(ONE_READER, exit()));
        if before.has(WATCHED) {
            self.reader_left(before);
        }
    }

    #[cold]
    fn reader_left(&self, before: Word) {
        let was_last = before.readers() == 1;
        let upgrader_is_alone = before.has(DRAINING) && before.readers() == 2;
        // An elected thread looks at the word itself, when it arrives.
        if (was_last && !before.has(ELECTED)) || upgrader_is_alone {
            self.settle(Turn::LOOK);
        }
    }

    /// Gives exclusive access up; `direct` forbids that anybody passes the line.
    #[inline]
    pub fn leave_writer(&self, direct: bool) {
        if self.swap_if(Word(WRITER), Word(0), exit()).is_err() {
            self.leave_writer_slow(direct);
        }
    }

    #[cold]
    fn leave_writer_slow(&self, direct: bool) {
        if P::STEALS > 0 {
            let mut word = self.load();
            while word.has(ELECTED) {
                let free = Word(word.0 - WRITER);
                let free = if direct { free.without_steals_left() } else { free };
                match self.swap_if(word, free, exit()) {
                    Ok(()) => return,
                    Err(now) => word = now,
                }
            }
        }
        self.settle(Turn { give_up: WRITER, starts_phase: true, direct });
    }

    /// Gives the upgradable lock up.
    #[inline]
    pub fn leave_upgradable(&self) {
        let before = Word(self.word.fetch_sub(UPGRADABLE_READER, exit()));
        if before.has(WATCHED) {
            self.settle(Turn::LOOK);
        }
    }

    /// Turns exclusive access into shared access, `Kind::Reader` or `Kind::Upgradable`.
    #[inline]
    pub fn downgrade(&self, to: Kind) {
        self.note(Event::Downgrades(to));
        let held = Word(0).with_holder(to);
        if self.swap_if(Word(WRITER), held, exit()).is_err() {
            self.downgrade_slow(held);
        }
    }

    #[cold]
    fn downgrade_slow(&self, held: Word) {
        let give_up = WRITER.wrapping_sub(held.0);
        if mutant(Mutant::RwDowngradeAdmitsNobody) {
            self.word.fetch_sub(give_up, exit());
            return;
        }
        self.settle(Turn { give_up, starts_phase: true, direct: true });
    }

    /// Turns the upgradable lock into a plain shared one.
    #[inline]
    pub fn downgrade_upgradable(&self) {
        let before = Word(self.word.fetch_sub(UPGRADABLE, exit()));
        if before.has(WATCHED) {
            self.settle(Turn::LOOK);
        }
    }

    /// How many stand in the line for `kind`; a snapshot.
    pub(crate) fn waiting(&self, mut counts: impl FnMut(Kind) -> bool) -> usize {
        let mut waiting = 0;
        self.lot.unpark_filter(
            self.key(),
            |ticket| {
                waiting += usize::from(counts(Ticket::from_bits(ticket).kind));
                Verdict::Skip
            },
            |_| Message::Granted.to_bits(),
        );
        waiting
    }

    /// Tells the oracles. The atomic step that `event` is about is the last one before this call,
    /// or the first after it.
    #[inline(always)]
    fn note(&self, event: Event) {
        self.lot.note(event.to_bits());
    }

    #[inline]
    fn key(&self) -> usize {
        std::ptr::from_ref(&self.word).addr()
    }
}

#[cfg(any(brigade_loom, brigade_shuttle))]
impl<P: Policy> Machine<P> {
    /// What happened so far, in order.
    pub fn diary(&self) -> Vec<(crate::sync::thread::ThreadId, super::line::Entry)> {
        self.lot.diary().into_iter().map(|(thread, entry)| (thread, entry.into())).collect()
    }

    /// The word is that of a lock that nobody holds or waits for.
    pub fn is_untouched(&self) -> bool {
        self.load().0 == 0
    }
}

#[inline(always)]
fn slow_for_readers() -> usize {
    if mutant(Mutant::RwFastPathIgnoresQueue) {
        SLOW_FOR_READERS & !WRITERS_QUEUED
    } else {
        SLOW_FOR_READERS
    }
}

/// A timeout that no clock will ever reach is no deadline.
#[cold]
fn after(timeout: Duration) -> Option<Instant> {
    Instant::now().checked_add(timeout)
}

/// How one lock-free attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Attempt {
    Entered,
    Wait(Word),
    Full,
}

impl<P: Policy> Machine<P> {
    /// Tries until it is in, or until the word says no.
    fn attempt(&self, kind: Kind, pass: Pass) -> Attempt {
        let mut word = self.load();
        loop {
            match word.ask(kind, pass) {
                Answer::Enter(next) => match self.swap_if(word, next, entry()) {
                    Ok(()) => {
                        self.note(match pass {
                            Pass::Newcomer => Event::Entered(kind),
                            Pass::Thief(_) => Event::Stole(kind),
                            Pass::Heir => Event::Inherited(kind),
                        });
                        return Attempt::Entered;
                    }
                    Err(now) => word = now,
                },
                Answer::Wait => return Attempt::Wait(word),
                Answer::Full => return Attempt::Full,
            }
        }
    }
}

#[cfg(all(test, not(any(brigade_loom, brigade_shuttle))))]
mod tests;

impl<P: Policy> fmt::Debug for Machine<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = Word(self.word.load(Ordering::Relaxed));
        f.debug_struct("FairRwLock")
            .field("writer", &word.has(WRITER))
            .field("readers", &word.readers())
            .field("upgradable", &word.has(UPGRADABLE))
            .field("writers_queued", &word.has(WRITERS_QUEUED))
            .field("readers_queued", &word.has(READERS_QUEUED))
            .finish_non_exhaustive()
    }
}
