//! The words in which the threads in the line, those who decide over them, and the oracles of the
//! models speak.

use crate::sync::awake::Bell;

/// What a queued thread is waiting for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Shared access.
    Reader,
    /// Shared access with the one right to upgrade.
    Upgradable,
    /// Exclusive access.
    Writer,
    /// Exclusive access, by the holder of the upgradable lock.
    Upgrader,
}

impl Kind {
    fn from_bits(bits: usize) -> Self {
        match bits {
            0 => Self::Reader,
            1 => Self::Upgradable,
            2 => Self::Writer,
            _ => Self::Upgrader,
        }
    }
}

/// What a thread leaves in the queue for those who decide over it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ticket {
    /// What it waits for.
    pub kind: Kind,
    /// It has been to the front of the line once and comes first, wherever it stands.
    pub heir: bool,
    /// What it listens to before it goes to sleep.
    pub(crate) bell: Bell,
}

const HEIR: usize = 4;
const BELL: u32 = 3;

impl Ticket {
    /// One of this thread.
    pub(crate) fn new(kind: Kind, heir: bool) -> Self {
        Self { kind, heir, bell: Bell::mine() }
    }

    pub(crate) fn to_bits(self) -> usize {
        self.kind as usize
            | if self.heir { HEIR } else { 0 }
            | usize::from(self.bell.number()) << BELL
    }

    pub(crate) fn from_bits(bits: usize) -> Self {
        Self {
            kind: Kind::from_bits(bits & (HEIR - 1)),
            heir: bits & HEIR != 0,
            bell: Bell::numbered((bits >> BELL) as u8),
        }
    }
}

/// What a woken thread is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Message {
    /// The lock is yours.
    Granted,
    /// You are the next in line: come and take the lock.
    Elected,
}

impl Message {
    pub(crate) fn to_bits(self) -> usize {
        self as usize
    }

    pub(crate) fn from_bits(bits: usize) -> Self {
        if bits == Self::Granted as usize { Self::Granted } else { Self::Elected }
    }
}

/// What the oracles of the models want to know and the queue itself cannot see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// The caller entered without queueing.
    Entered(Kind),
    /// The caller entered past an elected thread, by a counted steal.
    Stole(Kind),
    /// The caller, elected, entered.
    Inherited(Kind),
    /// The caller, a writer, is about to become this kind of reader.
    Downgrades(Kind),
}

impl Event {
    pub(crate) fn to_bits(self) -> usize {
        let (sort, kind) = match self {
            Self::Entered(kind) => (0, kind),
            Self::Stole(kind) => (1, kind),
            Self::Inherited(kind) => (2, kind),
            Self::Downgrades(kind) => (3, kind),
        };
        sort << 2 | kind as usize
    }

    #[cfg(any(brigade_loom, brigade_shuttle))]
    fn from_bits(bits: usize) -> Self {
        let kind = Kind::from_bits(bits & 3);
        match bits >> 2 {
            0 => Self::Entered(kind),
            1 => Self::Stole(kind),
            2 => Self::Inherited(kind),
            _ => Self::Downgrades(kind),
        }
    }
}

/// One line of the diary that the lot of the models keeps, in the words of the lock.
#[cfg(any(brigade_loom, brigade_shuttle))]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry {
    /// A thread joined the line: this is its arrival.
    Queued(Ticket),
    /// A waker took the thread out of the line; the number counts the decisions of wakers.
    Woken(Ticket, Message, usize),
    /// The thread left the line because its deadline passed.
    TimedOut(Ticket),
    /// The thread itself did something that the line does not see.
    Did(Event),
}

#[cfg(any(brigade_loom, brigade_shuttle))]
impl From<crate::sync::lot::Entry> for Entry {
    fn from(entry: crate::sync::lot::Entry) -> Self {
        use crate::sync::lot::Entry as Lot;
        match entry {
            Lot::Queued(ticket) => Self::Queued(Ticket::from_bits(ticket)),
            Lot::Woken(ticket, message, batch) => {
                Self::Woken(Ticket::from_bits(ticket), Message::from_bits(message), batch)
            }
            Lot::TimedOut(ticket) => Self::TimedOut(Ticket::from_bits(ticket)),
            Lot::Did(event) => Self::Did(Event::from_bits(event)),
        }
    }
}
