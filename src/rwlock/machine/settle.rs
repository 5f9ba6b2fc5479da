//! Who is next: the one place where the line is read and the lock handed over.

use super::Machine;
use crate::rwlock::line::{Kind, Message, Ticket};
use crate::rwlock::policy::Policy;
use crate::rwlock::word::{
    DRAINING, ELECTED, FRONT, FRONT_UPGRADES, PHASE_DUE, QUEUED, READERS_QUEUED, WRITER,
    WRITERS_QUEUED, Word,
};
use crate::sync::atomic::Ordering;
use crate::sync::lot::Verdict;
use crate::sync::{Mutant, mutant};

/// Why the line is being looked at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Turn {
    /// What the caller still holds and lets go of in the step that hands over.
    pub(super) give_up: usize,
    /// A writer has finished: policies that put readers first do so now.
    pub(super) starts_phase: bool,
    /// Hand over, elect nobody.
    pub(super) direct: bool,
}

impl Turn {
    /// Somebody left; see who can enter.
    pub(super) const LOOK: Self = Self { give_up: 0, starts_phase: false, direct: false };
}

/// What to read the line for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Search {
    /// Nobody can enter.
    Nobody,
    /// The upgrading reader is alone and comes before everybody.
    Upgrader,
    /// A thread that was first once and came too late stands somewhere in the line.
    Heir,
    /// From the head on, whoever fits in.
    Everybody,
}

enum Next {
    Done,
    /// No reader was there to be put first: once more, for the writers.
    Again(Turn),
}

/// A decision in the making; it lives under the queue's lock.
struct Plan {
    before: Word,
    after: Word,
    search: Search,
    readers_first: bool,
    elects: bool,
    closed: bool,
    stopped: bool,
    heir_is_in: bool,
    woken: usize,
    staying: usize,
}

impl<P: Policy> Machine<P> {
    /// Hands the lock to whom the policy names, if anybody can enter now.
    ///
    /// Any number of threads may owe this at the same time; whoever comes second finds the work
    /// done.
    #[cold]
    pub(super) fn settle(&self, mut turn: Turn) {
        while let Next::Again(next) = self.settle_once(turn) {
            turn = next;
        }
    }

    fn settle_once(&self, turn: Turn) -> Next {
        let plan = std::cell::Cell::new(None::<Plan>);
        let mut next = Next::Done;
        self.lot.unpark_filter(
            self.key(),
            |ticket| {
                let mut now = plan.take().unwrap_or_else(|| self.look(turn));
                let verdict = now.judge(Ticket::from_bits(ticket));
                plan.set(Some(now));
                verdict
            },
            |_| {
                let plan = plan.take().unwrap_or_else(|| self.look(turn));
                let (change, message) = plan.conclude(turn, &mut next);
                if change != 0 {
                    self.word.fetch_add(change, super::exit());
                }
                message.to_bits()
            },
        );
        next
    }

    fn look(&self, turn: Turn) -> Plan {
        // Acquire: the last reader to leave hands over to a writer in the name of all readers,
        // so it must have seen their releases, not only its own.
        let order =
            if mutant(Mutant::RwLastReaderRelaxed) { Ordering::Relaxed } else { Ordering::Acquire };
        let before = Word(self.word.load(order));
        let after = Word(before.0.wrapping_sub(turn.give_up));
        let search = if before.has(DRAINING) {
            if after.readers() == 1 { Search::Upgrader } else { Search::Nobody }
        } else if after.has(WRITER) || before.has(ELECTED) {
            Search::Nobody
        } else if before.has(FRONT) {
            Search::Heir
        } else {
            Search::Everybody
        };
        // Whoever reads the line for readers begins the phase that is due.
        let due = match search {
            Search::Everybody => PHASE_DUE,
            Search::Heir if after.has_room(Kind::Reader) => PHASE_DUE,
            _ => 0,
        };
        Plan {
            before,
            after: Word(after.0 & !due),
            search,
            readers_first: (turn.starts_phase || before.has(PHASE_DUE))
                && P::READERS_FIRST
                && before.has(READERS_QUEUED)
                && !mutant(Mutant::RwReadersComeSecond),
            elects: P::STEALS > 0 && !turn.direct && after.is_free(),
            closed: false,
            // The elected thread is not in the line; the flag that it raised is up all the same.
            stopped: before.has(ELECTED),
            heir_is_in: false,
            woken: 0,
            staying: 0,
        }
    }
}

impl Plan {
    fn judge(&mut self, ticket: Ticket) -> Verdict {
        if self.closed {
            return self.stop();
        }
        match self.search {
            Search::Nobody => self.stop(),
            Search::Upgrader if ticket.kind == Kind::Upgrader => self.wake(ticket),
            Search::Upgrader => self.skip(ticket),
            Search::Heir => self.judge_beside_heir(ticket),
            Search::Everybody => self.judge_in_order(ticket),
        }
    }

    fn judge_beside_heir(&mut self, ticket: Ticket) -> Verdict {
        // If it stands for a phase, the others of that phase come with it.
        let comes_along = match ticket.kind {
            Kind::Reader => self.before.has(PHASE_DUE),
            Kind::Upgradable => self.before.has(PHASE_DUE) && !self.before.has(FRONT_UPGRADES),
            Kind::Writer | Kind::Upgrader => false,
        };
        let chosen = ticket.heir || comes_along;
        if chosen && self.after.has_room(ticket.kind) && !self.after.is_full(ticket.kind) {
            self.wake(ticket)
        } else {
            self.skip(ticket)
        }
    }

    fn judge_in_order(&mut self, ticket: Ticket) -> Verdict {
        match ticket.kind {
            Kind::Reader | Kind::Upgradable => {
                if self.after.has_room(ticket.kind) && !self.after.is_full(ticket.kind) {
                    self.wake(ticket)
                } else {
                    // A waiting upgradable reader keeps nobody behind it out.
                    self.skip(ticket)
                }
            }
            Kind::Writer if self.readers_first => self.skip(ticket),
            Kind::Writer if self.after.is_free() => self.wake(ticket),
            Kind::Writer | Kind::Upgrader => self.stop(),
        }
    }

    fn wake(&mut self, ticket: Ticket) -> Verdict {
        self.woken += 1;
        ticket.bell.ring();
        if self.elects && self.search == Search::Everybody {
            // It has not entered yet: its flag stays up, so that newcomers see a line.
            let due = if self.readers_first { PHASE_DUE } else { 0 };
            self.after = Word(self.after.0 | ELECTED | due);
            self.staying |= flag(ticket.kind);
            self.closed = true;
            return Verdict::Wake;
        }
        if !(ticket.kind == Kind::Writer && mutant(Mutant::RwHandOffSkipsFlag)) {
            self.after = self.after.with_holder(ticket.kind);
        }
        if ticket.heir {
            self.after = Word(self.after.0 & !Word::gives_up(ticket));
            self.heir_is_in = true;
        }
        self.closed = self.after.has(WRITER);
        Verdict::Wake
    }

    fn skip(&mut self, ticket: Ticket) -> Verdict {
        self.staying |= flag(ticket.kind);
        Verdict::Skip
    }

    fn stop(&mut self) -> Verdict {
        self.stopped = true;
        Verdict::Stop
    }

    /// The change of the word, and what the woken are told.
    fn conclude(self, turn: Turn, next: &mut Next) -> (usize, Message) {
        let elected = self.after.has(ELECTED) && self.woken == 1;
        let message = if elected { Message::Elected } else { Message::Granted };
        // Those behind the point where reading stopped keep the flags that they raised.
        let flags = if self.stopped { self.before.0 & QUEUED } else { self.staying };
        let found_no_reader =
            self.search == Search::Everybody && self.readers_first && self.woken == 0;
        let after = if found_no_reader && self.after.is_free() && flags & WRITERS_QUEUED != 0 {
            *next = Next::Again(turn);
            self.before
        } else {
            if self.heir_is_in && !self.after.has(WRITER) {
                *next = Next::Again(Turn::LOOK); // readers behind it may fit in as well
            }
            self.after
        };
        let after = (after.0 & !QUEUED) | flags;
        (after.wrapping_sub(self.before.0), message)
    }
}

fn flag(kind: Kind) -> usize {
    match kind {
        Kind::Reader | Kind::Upgradable => READERS_QUEUED,
        Kind::Writer => WRITERS_QUEUED,
        Kind::Upgrader => 0,
    }
}
