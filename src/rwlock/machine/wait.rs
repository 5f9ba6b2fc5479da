//! The way in for those who have to wait.

use std::time::Instant;

use super::{Attempt, Machine, Refused, entry, settle::Turn, thief};
use crate::rwlock::line::{Event, Kind, Message, Ticket};
use crate::rwlock::policy::Policy;
use crate::rwlock::word::{Answer, Pass, WATCHED, Word};
use crate::sync::atomic::Ordering;
use crate::sync::lot::Parked;
use crate::sync::{Mutant, awake::Rounds, mutant};

impl<P: Policy> Machine<P> {
    #[cold]
    pub(super) fn enter_slow(&self, kind: Kind, deadline: Option<Instant>) -> Result<(), Refused> {
        let mut rounds = Rounds::few();
        loop {
            let word = match self.attempt(kind, Pass::Newcomer) {
                Attempt::Entered => return Ok(()),
                Attempt::Full => return Err(Refused::Full),
                Attempt::Wait(word) => word,
            };
            if P::STEALS > 0 && self.attempt(kind, thief::<P>()) == Attempt::Entered {
                return Ok(());
            }
            // Spinning is not yet arriving: it stops as soon as there is a line to stand in.
            if word.has(WATCHED) || !rounds.again() {
                break;
            }
        }
        if deadline.is_some_and(|deadline| deadline <= Instant::now()) {
            return Err(Refused::TimedOut);
        }
        self.stand_in_line(kind, deadline)
    }

    fn stand_in_line(&self, kind: Kind, deadline: Option<Instant>) -> Result<(), Refused> {
        let mut pass = Pass::Newcomer;
        loop {
            let ticket = Ticket::new(kind, pass == Pass::Heir);
            let rings = ticket.bell.rings();
            let mut refused = None;
            let parked = self.lot.park(
                self.key(),
                ticket.to_bits(),
                deadline,
                || self.queues(ticket, pass, &mut refused),
                || ticket.bell.listen(rings),
                || self.withdraw(ticket),
            );
            match parked {
                Parked::Woken(message) => match Message::from_bits(message) {
                    Message::Granted => return Ok(()),
                    Message::Elected => pass = Pass::Heir,
                },
                Parked::Invalid => match refused {
                    Some(refused) => return Err(refused),
                    None => {
                        if pass == Pass::Heir && kind != Kind::Writer {
                            self.settle(Turn::LOOK);
                        }
                        return Ok(());
                    }
                },
                Parked::TimedOut => {
                    // Whoever stood behind this thread because of it must not stay there.
                    if !mutant(Mutant::RwTimeoutTellsNobody) {
                        self.settle(Turn::LOOK);
                    }
                    return Err(Refused::TimedOut);
                }
            }
            // An elected thread looks from where it stands, without the queue's lock: those who may
            // still pass it do so meanwhile, and no more than those.
            let mut rounds = Rounds::many();
            loop {
                if self.attempt(kind, pass) == Attempt::Entered {
                    if kind != Kind::Writer {
                        self.settle(Turn::LOOK);
                    }
                    return Ok(());
                }
                if !rounds.again() {
                    break;
                }
            }
        }
    }

    /// Under the queue's lock: enters after all, or raises the flag and says yes to the line.
    pub(super) fn queues(&self, ticket: Ticket, pass: Pass, refused: &mut Option<Refused>) -> bool {
        let mut word = self.load();
        loop {
            let answer = if mutant(Mutant::RwQueueUnchecked) {
                Answer::Wait
            } else {
                word.ask(ticket.kind, pass)
            };
            let (next, queues) = match answer {
                Answer::Enter(next) => (next, false),
                Answer::Wait => (word.with_waiter(ticket), true),
                Answer::Full => {
                    *refused = Some(Refused::Full);
                    return false;
                }
            };
            // A flag that is up already needs no second writing: it was written under this lock,
            // so every release that matters comes after it and sees it.
            if next == word {
                return queues;
            }
            match self.swap_if(word, next, if queues { Ordering::Relaxed } else { entry() }) {
                Ok(()) => {
                    if !queues {
                        self.note(match pass {
                            Pass::Heir => Event::Inherited(ticket.kind),
                            _ => Event::Entered(ticket.kind),
                        });
                    }
                    return queues;
                }
                Err(now) => word = now,
            }
        }
    }

    /// Under the queue's lock, after the deadline.
    pub(super) fn withdraw(&self, ticket: Ticket) {
        let gone = Word::gives_up(ticket);
        if gone != 0 {
            self.word.fetch_and(!gone, Ordering::Relaxed);
        }
    }
}
