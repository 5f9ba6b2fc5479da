//! The state machine: every decision about a generation is one exchange of one word.
//!
//! A generation is *open* until its last party arrives. Without an action that arrival ends it.
//! With an action the generation is first *full* (`arrived == parties`) while the last party runs
//! the action; a full generation can only end well, unless the action panics, so that a party
//! which has read "complete" and one which has read "broken" never come out of the same one.
//! A *broken* generation stays where it is, and each of its waiters takes itself off `arrived` on
//! its way out. Only when none is left may a reset open the next one. Therefore a waiter that sees
//! another generation than its own knows, without any record of the past, that its own completed.

use std::time::Instant;

use super::Cause;
use super::word::Word;
use crate::sync::{Expired, Mutant, Patience, WaitWord, const_unless_modelled, mutant};

/// What happens to the generation when a waiter's deadline passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OnTimeout {
    Break,
    Withdraw,
}

/// How far a caller is willing to wait.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limit {
    pub(super) deadline: Option<Instant>,
    pub(super) on_timeout: OnTimeout,
}

impl Limit {
    pub(super) const NONE: Self = Self { deadline: None, on_timeout: OnTimeout::Break };
}

/// Why a wait did not end with a completed generation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failure {
    Broken { cause: Cause, generation: u32, timed_out: bool },
    Withdrawn,
}

/// A counted arrival.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Arrival {
    pub(super) generation: u32,
    /// Parties that were still missing; nobody is after the last one.
    pub(super) missing: u32,
}

#[derive(Debug)]
pub(super) struct Machine {
    word: WaitWord,
    parties: u32,
}

impl Machine {
    const_unless_modelled! {
        pub(super) const fn new(parties: u32) -> Self {
            Self { word: WaitWord::new(0), parties }
        }
    }

    #[inline]
    pub(super) fn parties(&self) -> u32 {
        self.parties
    }

    pub(super) fn waiting(&self) -> u32 {
        let seen = self.load();
        if seen.is_broken() && !self.is_full(seen) { 0 } else { seen.arrived() }
    }

    pub(super) fn broken_by(&self) -> Option<Cause> {
        let seen = self.load();
        (seen.is_broken() && !seen.is_draining()).then(|| seen.cause())
    }

    pub(super) fn generation(&self) -> u32 {
        self.load().generation()
    }

    #[inline]
    fn load(&self) -> Word {
        Word(self.word.load())
    }

    #[inline]
    fn is_full(&self, seen: Word) -> bool {
        seen.arrived() == self.parties
    }

    #[inline]
    fn patience(&self) -> Patience {
        Patience::among(self.parties as usize)
    }

    /// Counts the caller in. The last party to arrive ends the generation, or, if it is to `hold`
    /// it for an action, leaves it full for [`finish`](Self::finish) or [`fail`](Self::fail).
    #[inline]
    pub(super) fn arrive(&self, hold: bool, limit: Limit) -> Result<Arrival, Failure> {
        loop {
            let seen = self.load();
            if seen.is_broken() && !mutant(Mutant::BarrierArriveBlind) || self.is_full(seen) {
                self.await_opening(seen, limit)?;
                continue;
            }
            let missing = self.parties - (seen.arrived() + 1);
            let arrived = seen.with_arrived(seen.arrived() + 1);
            let exchanged = if missing == 0 && !hold {
                self.word.change_and_wake(seen.0, arrived.next_generation().0)
            } else {
                self.word.change(seen.0, arrived.0)
            };
            if exchanged.is_ok() {
                return Ok(Arrival { generation: seen.generation(), missing });
            }
        }
    }

    /// Waits, before any arrival, for a generation that can be joined: not for long, since the one
    /// that `seen` shows either runs its action or is being left by its waiters.
    #[cold]
    fn await_opening(&self, seen: Word, limit: Limit) -> Result<(), Failure> {
        let closed = |word: Word| word.is_draining() || self.is_full(word);
        if !closed(seen) {
            return Err(broken(seen));
        }
        let same = |word: u64| {
            let word = Word(word);
            word.generation() == seen.generation() && closed(word)
        };
        let waited = self.word.wait_while(same, self.patience(), limit.deadline);
        if waited == Err(Expired) {
            let seen = self.load();
            if closed(seen) {
                if limit.on_timeout == OnTimeout::Withdraw {
                    return Err(Failure::Withdrawn);
                }
                // This party will not come any more, so the generation it was due in cannot
                // complete either. If the word has moved on, the caller looks again.
                if self.break_seen(seen, Cause::Timeout).is_ok() {
                    return Err(timed_out(seen.generation()));
                }
            }
        }
        Ok(())
    }

    /// Waits for the end of the generation that counts the caller as arrived.
    #[inline]
    pub(super) fn wait(&self, generation: u32, limit: Limit) -> Result<(), Failure> {
        let pending = |word: u64| {
            let word = Word(word);
            word.generation() == generation && (!word.is_broken() || self.is_full(word))
        };
        match self.word.wait_while(pending, self.patience(), limit.deadline) {
            Ok(seen) if Word(seen).generation() != generation => Ok(()),
            Ok(_) => Err(self.leave()),
            Err(Expired) => self.expire(generation, limit.on_timeout),
        }
    }

    /// Decides between the deadline and everything else that may have ended the generation.
    #[cold]
    fn expire(&self, generation: u32, on_timeout: OnTimeout) -> Result<(), Failure> {
        loop {
            let seen = self.load();
            let blind = match on_timeout {
                OnTimeout::Break => mutant(Mutant::BarrierExpireBlind),
                OnTimeout::Withdraw => mutant(Mutant::BarrierWithdrawBlind),
            };
            if seen.generation() != generation && !blind {
                return Ok(());
            }
            if self.is_full(seen) && !mutant(Mutant::BarrierBreakFull) {
                return self.wait(generation, Limit::NONE);
            }
            if seen.is_broken() {
                return Err(self.leave());
            }
            let left = seen.with_arrived(seen.arrived().saturating_sub(1));
            match on_timeout {
                OnTimeout::Withdraw => {
                    if self.word.change(seen.0, left.0).is_ok() {
                        return Err(Failure::Withdrawn);
                    }
                }
                OnTimeout::Break => {
                    let next = left.with_cause(Cause::Timeout);
                    if self.word.change_and_wake(seen.0, next.0).is_ok() {
                        return Err(timed_out(generation));
                    }
                }
            }
        }
    }

    /// Takes the caller off a broken generation; the last one out opens the next if it is due.
    #[cold]
    fn leave(&self) -> Failure {
        loop {
            let seen = self.load();
            let left = seen.with_arrived(seen.arrived().saturating_sub(1));
            let exchanged = if seen.is_draining() && left.arrived() == 0 {
                self.word.change_and_wake(seen.0, left.without_cause().next_generation().0)
            } else {
                self.word.change(seen.0, left.0)
            };
            if exchanged.is_ok() {
                return broken(seen);
            }
        }
    }

    /// Ends a full generation well.
    pub(super) fn finish(&self) {
        loop {
            let seen = self.load();
            if self.word.change_and_wake(seen.0, seen.next_generation().0).is_ok() {
                return;
            }
        }
    }

    /// Breaks a full generation: its action has panicked, and the caller leaves it.
    pub(super) fn fail(&self) {
        loop {
            let seen = self.load();
            let next = seen.with_arrived(self.parties - 1).with_cause(Cause::Panic);
            if self.word.change_and_wake(seen.0, next.0).is_ok() {
                return;
            }
        }
    }

    /// Breaks the barrier from outside; the first cause is kept.
    pub(super) fn break_by(&self, cause: Cause) {
        loop {
            let seen = self.load();
            let already = seen.is_broken() && !seen.is_draining();
            if already || self.break_seen(seen, cause).is_ok() {
                return;
            }
        }
    }

    /// A full generation still ends well; the break then holds for the next one.
    fn break_seen(&self, seen: Word, cause: Cause) -> Result<(), u64> {
        self.word.change_and_wake(seen.0, seen.with_cause(cause).0)
    }

    pub(super) fn reset(&self) {
        loop {
            let seen = self.load();
            if seen.is_draining() {
                return;
            }
            let next = if self.is_full(seen) {
                seen.without_cause()
            } else if seen.arrived() == 0 || mutant(Mutant::BarrierResetAtOnce) {
                if !seen.is_broken() && seen.arrived() == 0 {
                    return;
                }
                seen.without_cause().next_generation()
            } else if seen.is_broken() {
                seen.with_draining()
            } else {
                seen.with_cause(Cause::Reset).with_draining()
            };
            if self.word.change_and_wake(seen.0, next.0).is_ok() {
                return;
            }
        }
    }
}

fn broken(seen: Word) -> Failure {
    Failure::Broken { cause: seen.cause(), generation: seen.generation(), timed_out: false }
}

fn timed_out(generation: u32) -> Failure {
    Failure::Broken { cause: Cause::Timeout, generation, timed_out: true }
}
