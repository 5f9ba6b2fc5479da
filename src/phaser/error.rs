//! Why a phaser did not count or did not advance.

use std::error::Error;
use std::fmt;

use super::Token;

/// Why a phaser is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CloseReason {
    /// Somebody called [`close`](super::Phaser::close).
    Close,
    /// The `on_advance` closure answered [`ControlFlow::Break`](std::ops::ControlFlow::Break).
    Advance,
    /// The `on_advance` closure panicked.
    Panic,
}

/// The phaser is closed: its phase will not advance any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Closed {
    pub(super) reason: CloseReason,
    pub(super) phase: u32,
}

impl Closed {
    /// What closed it first.
    #[must_use]
    pub fn reason(&self) -> CloseReason {
        self.reason
    }

    /// The phase that was running then, which never ends.
    #[must_use]
    pub fn phase(&self) -> u32 {
        self.phase
    }
}

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let why = match self.reason {
            CloseReason::Close => "by a call of `close`",
            CloseReason::Advance => "by its `on_advance`",
            CloseReason::Panic => "because its `on_advance` panicked",
        };
        write!(f, "phaser closed in phase {} {why}; make a new one to go on", self.phase)
    }
}

impl Error for Closed {}

/// Why a party could not register.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RegisterError {
    /// The phaser is closed.
    Closed(Closed),
    /// It has [`Phaser::MAX_PARTIES`](super::Phaser::MAX_PARTIES) parties already.
    Full,
}

impl fmt::Display for RegisterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed(closed) => closed.fmt(f),
            Self::Full => write!(
                f,
                "the phaser has {} parties already; drop some, or share a party among threads",
                super::Phaser::MAX_PARTIES
            ),
        }
    }
}

impl Error for RegisterError {}

/// Why an arrival was not counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ArriveError {
    /// The phaser is closed.
    Closed(Closed),
    /// This party has arrived in the running phase and did not wait for its end.
    AlreadyArrived {
        /// The running phase.
        phase: u32,
    },
}

impl fmt::Display for ArriveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed(closed) => closed.fmt(f),
            Self::AlreadyArrived { phase } => write!(
                f,
                "this party has arrived in phase {phase} already; await its token before it \
                 arrives again"
            ),
        }
    }
}

impl Error for ArriveError {}

impl From<Closed> for ArriveError {
    fn from(closed: Closed) -> Self {
        Self::Closed(closed)
    }
}

/// Why a wait with a deadline did not see the end of its phase.
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AwaitError {
    /// The deadline passed first. Here is the token: nothing is lost, wait again.
    TimedOut(Token),
    /// The phaser was closed first.
    Closed(Closed),
}

impl AwaitError {
    /// The token, to wait once more, unless the phaser is closed.
    #[must_use]
    pub fn into_token(self) -> Option<Token> {
        match self {
            Self::TimedOut(token) => Some(token),
            Self::Closed(_) => None,
        }
    }
}

impl fmt::Display for AwaitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TimedOut(token) => write!(
                f,
                "the deadline passed in phase {}, which still runs; await the token again",
                token.phase()
            ),
            Self::Closed(closed) => closed.fmt(f),
        }
    }
}

impl Error for AwaitError {}

impl From<Closed> for AwaitError {
    fn from(closed: Closed) -> Self {
        Self::Closed(closed)
    }
}
