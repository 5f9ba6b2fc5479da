//! The state machine: every decision about a phase is one exchange of one word.
//!
//! The arrival that leaves nobody unarrived ends the phase. Without an `on_advance` that exchange
//! begins the next one too; with it, the phase is first *advancing*, in which nobody can register,
//! close is still possible, and the party that ended it is the only one to begin the next.

use std::time::Instant;

use super::word::{MAX_PARTIES, Word};
use super::{ArriveError, CloseReason, Closed, RegisterError};
use crate::sync::{Expired, Mutant, Patience, WaitWord, const_unless_modelled, mutant};

/// What an arrival leaves to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Arrived {
    /// Nothing.
    Counted { phase: u32 },
    /// The phase is held for its `on_advance`; owes [`Machine::advance`] or [`Machine::close`].
    Last { phase: u32, parties: u32 },
}

#[derive(Debug)]
pub(super) struct Machine(WaitWord);

impl Machine {
    const_unless_modelled! {
        pub(super) const fn new() -> Self {
            Self(WaitWord::new(0))
        }
    }

    #[inline]
    pub(super) fn load(&self) -> Word {
        Word(self.0.load())
    }

    pub(super) fn register(&self) -> Result<(), RegisterError> {
        loop {
            let seen = self.load();
            if seen.is_closed() {
                return Err(RegisterError::Closed(closed(seen)));
            }
            if seen.is_advancing() && !mutant(Mutant::PhaserRegisterBlind) {
                let patience = Patience::among(2);
                let _ = self.0.wait_while(|word| Word(word).is_advancing(), patience, None);
                continue;
            }
            if seen.parties() == MAX_PARTIES {
                return Err(RegisterError::Full);
            }
            let next = seen.with_parties(seen.parties() + 1).with_unarrived(seen.unarrived() + 1);
            if self.0.change(seen.0, next.0).is_ok() {
                return Ok(());
            }
        }
    }

    /// Counts an arrival of a party whose latest one was in phase `arrived`.
    #[inline]
    pub(super) fn arrive(&self, arrived: Option<u32>, hold: bool) -> Result<Arrived, ArriveError> {
        loop {
            let seen = self.load();
            if seen.is_closed() {
                return Err(ArriveError::Closed(closed(seen)));
            }
            if arrived == Some(seen.phase()) {
                return Err(ArriveError::AlreadyArrived { phase: seen.phase() });
            }
            if let Some(arrival) = self.count(seen, seen.parties(), hold) {
                return Ok(arrival);
            }
        }
    }

    /// Takes a party off, arriving for it if it has not; `Err` if there is nothing to arrive at.
    pub(super) fn deregister(&self, arrived: Option<u32>, hold: bool) -> Result<Arrived, Closed> {
        let mut arrived_here = false;
        loop {
            let seen = self.load();
            let parties = seen.parties().saturating_sub(1);
            let blind = arrived_here && mutant(Mutant::PhaserLeaveBlind);
            arrived_here = arrived == Some(seen.phase()) || blind;
            if seen.is_closed() || arrived_here {
                let next = seen.with_parties(parties);
                if self.0.change(seen.0, next.0).is_err() {
                    continue;
                }
                return if seen.is_closed() {
                    Err(closed(seen))
                } else {
                    Ok(Arrived::Counted { phase: seen.phase() })
                };
            }
            if let Some(arrival) = self.count(seen, parties, hold) {
                return Ok(arrival);
            }
        }
    }

    #[inline]
    fn count(&self, seen: Word, parties: u32, hold: bool) -> Option<Arrived> {
        let phase = seen.phase();
        let unarrived = seen.unarrived().saturating_sub(1);
        let next = seen.with_parties(parties).with_unarrived(unarrived);
        if unarrived > 0 {
            self.0.change(seen.0, next.0).ok()?;
        } else if hold {
            self.0.change(seen.0, next.advancing().0).ok()?;
            return Some(Arrived::Last { phase, parties });
        } else {
            self.0.change_and_wake(seen.0, next.next_phase().0).ok()?;
        }
        Some(Arrived::Counted { phase })
    }

    /// Begins the phase after the one that is held, and closes it for good if `last`.
    pub(super) fn advance(&self, last: bool) {
        loop {
            let seen = self.load();
            if seen.is_closed() && !mutant(Mutant::PhaserAdvanceBlind) {
                return;
            }
            let mut next = seen.next_phase();
            if last {
                next = next.closed(CloseReason::Advance);
            }
            if self.0.change_and_wake(seen.0, next.0).is_ok() {
                return;
            }
        }
    }

    /// Ends it all; the first reason is kept.
    pub(super) fn close(&self, reason: CloseReason) {
        loop {
            let seen = self.load();
            if seen.is_closed() {
                return;
            }
            if self.0.change_and_wake(seen.0, seen.closed(reason).0).is_ok() {
                return;
            }
        }
    }

    /// Waits for the end of `phase`; answers with the phase that then runs.
    #[inline]
    pub(super) fn wait(
        &self,
        phase: u32,
        deadline: Option<Instant>,
    ) -> Result<Result<u32, Closed>, Expired> {
        let pending = |word: u64| {
            let word = Word(word);
            word.phase() == phase && !word.is_closed()
        };
        let seen = self.load();
        let patience = Patience::among(seen.parties() as usize);
        let seen = Word(self.0.wait_while(pending, patience, deadline)?);
        Ok(if seen.phase() == phase { Err(closed(seen)) } else { Ok(seen.phase()) })
    }
}

pub(super) fn closed(seen: Word) -> Closed {
    Closed { reason: seen.reason(), phase: seen.phase() }
}
