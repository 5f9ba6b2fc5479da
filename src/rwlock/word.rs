//! The word of the lock: who holds it, who waits, in one integer.
//!
//! ```text
//!  63    56 55               9    8       7     6      5       4        3        2       1      0
//! ┌────────┬──────────────────┬───────┬─────┬─────┬───────┬────────┬────────┬───────┬───────┬──────┐
//! │ steals │     readers      │FRONT_ │PHASE│FRONT│ELECTED│DRAINING│READERS_│WRITERS│UPGRAD-│WRITER│
//! │        │(upgradable incl.)│UPGRAD.│_DUE │     │       │        │ QUEUED │_QUEUED│ ABLE  │      │
//! └────────┴──────────────────┴───────┴─────┴─────┴───────┴────────┴────────┴───────┴───────┴──────┘
//! ```

use super::line::{Kind, Ticket};

/// Exclusive access is held.
pub(crate) const WRITER: usize = 1;
/// One of the readers may upgrade.
pub(crate) const UPGRADABLE: usize = 1 << 1;
/// A writer stands in the line, or has just left it and someone is about to tidy up.
pub(crate) const WRITERS_QUEUED: usize = 1 << 2;
/// The same for readers, upgradable ones included.
pub(crate) const READERS_QUEUED: usize = 1 << 3;
/// The upgradable reader sleeps until the other readers have left.
pub(crate) const DRAINING: usize = 1 << 4;
/// A woken thread is on its way to the free lock, or to a stolen one.
pub(crate) const ELECTED: usize = 1 << 5;
/// That thread came too late and stands in the line again, as its first.
pub(crate) const FRONT: usize = 1 << 6;
/// A writer has left and elected a reader; the other readers have not been let in yet.
pub(crate) const PHASE_DUE: usize = 1 << 7;
/// The thread that comes first wants the upgradable lock.
pub(crate) const FRONT_UPGRADES: usize = 1 << 8;
pub(crate) const ONE_READER: usize = 1 << 9;
pub(crate) const ONE_STEAL: usize = 1 << (usize::BITS - 8);

/// Somebody may stand in the line.
pub(crate) const QUEUED: usize = WRITERS_QUEUED | READERS_QUEUED;
/// A release that sees one of these has a closer look.
pub(crate) const WATCHED: usize = QUEUED | DRAINING | PHASE_DUE;
/// What an upgradable lock adds to the word.
pub(crate) const UPGRADABLE_READER: usize = ONE_READER | UPGRADABLE;

const READERS: usize = (ONE_STEAL - 1) & !(ONE_READER - 1);
/// Not zero only while a thread is elected.
const STEALS: usize = !(ONE_STEAL - 1);
/// A reader that sees this bit of the count has it checked against [`MAX_READERS`].
const HALF_FULL: usize = ONE_STEAL >> 1;
/// What sends a newly arrived reader off the fast path.
pub(crate) const SLOW_FOR_READERS: usize = WRITER | WRITERS_QUEUED | DRAINING | HALF_FULL;
/// The same for an upgradable reader.
pub(crate) const SLOW_FOR_UPGRADABLE: usize = SLOW_FOR_READERS | UPGRADABLE | READERS_QUEUED;

/// The largest number of shared locks that may be held at once.
pub(crate) const MAX_READERS: usize = READERS / ONE_READER;

/// One value of the word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Word(pub(crate) usize);

/// How a thread comes to the lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pass {
    /// It has just arrived: everybody in the line comes first.
    Newcomer,
    /// It has just arrived and may pass the elected thread, if fewer than so many did.
    Thief(u8),
    /// It was elected.
    Heir,
}

/// What the word says to a thread that wants in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Come in, by making the word this.
    Enter(Word),
    /// Not now.
    Wait,
    /// The reader count is at its limit.
    Full,
}

impl Word {
    #[inline]
    pub(crate) const fn has(self, any_of: usize) -> bool {
        self.0 & any_of != 0
    }

    #[inline]
    pub(crate) const fn readers(self) -> usize {
        (self.0 & READERS) / ONE_READER
    }

    #[inline]
    pub(crate) const fn steals(self) -> usize {
        self.0 / ONE_STEAL
    }

    /// Nobody holds the lock in any mode.
    #[inline]
    pub(crate) const fn is_free(self) -> bool {
        self.0 & (READERS | WRITER) == 0
    }

    /// Whether the present holders leave room for `kind`.
    #[inline]
    pub(crate) fn has_room(self, kind: Kind) -> bool {
        match kind {
            Kind::Reader => !self.has(WRITER | DRAINING),
            Kind::Upgradable => !self.has(WRITER | UPGRADABLE | DRAINING),
            Kind::Writer => self.is_free(),
            Kind::Upgrader => self.readers() == 1,
        }
    }

    /// Whether nobody in the line has to be served before a newcomer of `kind`.
    ///
    /// Readers pass waiting readers and upgradable ones: they keep nobody of them out.
    #[inline]
    fn is_open(self, kind: Kind) -> bool {
        match kind {
            Kind::Reader => !self.has(WRITERS_QUEUED),
            Kind::Upgradable | Kind::Writer => !self.has(QUEUED),
            Kind::Upgrader => true,
        }
    }

    /// The word once one more of `kind` holds the lock; the caller has made sure of the room.
    #[inline]
    pub(crate) const fn with_holder(self, kind: Kind) -> Self {
        match kind {
            Kind::Reader => Self(self.0 + ONE_READER),
            Kind::Upgradable => Self(self.0 + UPGRADABLE_READER),
            Kind::Writer => Self(self.0 + WRITER),
            Kind::Upgrader => Self((self.0 & !DRAINING) - UPGRADABLE_READER + WRITER),
        }
    }

    #[inline]
    pub(crate) fn is_full(self, kind: Kind) -> bool {
        matches!(kind, Kind::Reader | Kind::Upgradable) && self.readers() == MAX_READERS
    }

    /// No more thieves for the elected thread.
    #[inline]
    pub(crate) const fn without_steals_left(self) -> Self {
        Self(self.0 | STEALS)
    }

    /// Asks to enter.
    #[inline]
    pub(crate) fn ask(self, kind: Kind, pass: Pass) -> Answer {
        if !self.has_room(kind) {
            return Answer::Wait;
        }
        let entered = match pass {
            Pass::Newcomer if self.is_open(kind) => self,
            // An upgradable thief would take the one upgradable place of the phase to come.
            Pass::Thief(_) if kind == Kind::Upgradable => return Answer::Wait,
            Pass::Thief(most) if self.has(ELECTED) && self.steals() < usize::from(most) => {
                Self(self.0 + ONE_STEAL)
            }
            Pass::Heir => Self(self.0 & !(STEALS | ELECTED)),
            Pass::Newcomer | Pass::Thief(_) => return Answer::Wait,
        };
        if self.is_full(kind) {
            return Answer::Full;
        }
        Answer::Enter(entered.with_holder(kind))
    }

    /// The word once a thread with this ticket stands in the line.
    #[inline]
    pub(crate) const fn with_waiter(self, ticket: Ticket) -> Self {
        let flagged = match ticket.kind {
            Kind::Reader | Kind::Upgradable => self.0 | READERS_QUEUED,
            Kind::Writer => self.0 | WRITERS_QUEUED,
            Kind::Upgrader => self.0 | DRAINING,
        };
        if ticket.heir {
            Self((flagged & !(ELECTED | STEALS)) | Self::gives_up(ticket))
        } else {
            Self(flagged)
        }
    }

    /// What leaves the word when a thread with this ticket gives up waiting.
    ///
    /// The flags of the line stay until somebody has looked at who else stands in it.
    #[inline]
    pub(crate) const fn gives_up(ticket: Ticket) -> usize {
        match (ticket.kind, ticket.heir) {
            (Kind::Upgrader, _) => DRAINING,
            (Kind::Upgradable, true) => FRONT | FRONT_UPGRADES,
            (_, true) => FRONT,
            _ => 0,
        }
    }
}
