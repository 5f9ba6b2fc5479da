//! Why a wait did not end with everybody together.

use std::error::Error;
use std::fmt;

/// What broke a barrier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Cause {
    /// The deadline of a waiting party passed.
    Timeout,
    /// A [`Participant`](super::Participant) was dropped by a panic, or the action panicked.
    Panic,
    /// Somebody called [`abort`](super::Barrier::abort).
    Abort,
    /// Somebody called [`reset`](super::Barrier::reset) while parties waited.
    Reset,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Timeout => "the deadline of a waiting party passed",
            Self::Panic => "a party or the action panicked",
            Self::Abort => "it was aborted",
            Self::Reset => "it was reset while parties waited",
        })
    }
}

/// The barrier broke before all parties had arrived, or was broken already.
///
/// All parties of the generation get this error, none of them a success. Except after
/// [`Cause::Reset`] the barrier stays broken until [`reset`](super::Barrier::reset).
///
/// # From Python
///
/// This is `threading.BrokenBarrierError`, and it says why.
///
/// # Examples
///
/// ```
/// use brigade::barrier::{Barrier, Cause};
///
/// let barrier = Barrier::new(2);
/// barrier.abort();
/// let broken = barrier.wait().unwrap_err();
/// assert_eq!(broken.cause(), Cause::Abort);
/// assert!(!broken.timed_out());
/// assert_eq!(
///     broken.to_string(),
///     "barrier broken in generation 0: it was aborted; \
///      `reset` it once the parties agree to start over"
/// );
/// ```
#[doc(alias = "BrokenBarrierError")]
#[doc(alias = "BrokenBarrierException")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Broken {
    pub(super) cause: Cause,
    pub(super) generation: u32,
    pub(super) timed_out: bool,
}

impl Broken {
    /// What broke the barrier first.
    #[must_use]
    pub fn cause(&self) -> Cause {
        self.cause
    }

    /// Whether it was this very call whose deadline passed, not another party's.
    #[must_use]
    pub fn timed_out(&self) -> bool {
        self.timed_out
    }

    /// The generation that did not complete.
    #[must_use]
    pub fn generation(&self) -> u32 {
        self.generation
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "barrier broken in generation {}: ", self.generation)?;
        if self.timed_out {
            f.write_str("this party's deadline passed before all had arrived")?;
        } else {
            self.cause.fmt(f)?;
        }
        f.write_str(match self.cause {
            Cause::Reset => "; wait again to join the fresh generation",
            _ => "; `reset` it once the parties agree to start over",
        })
    }
}

impl Error for Broken {}

/// Why [`wait_or_withdraw`](super::Barrier::wait_or_withdraw) did not end with everybody together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum WithdrawError {
    /// The deadline passed first. This party is not counted any more and the barrier is as if it
    /// had never come.
    Withdrawn,
    /// The barrier broke first.
    Broken(Broken),
}

impl fmt::Display for WithdrawError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Withdrawn => f.write_str(
                "withdrawn from the barrier: the deadline passed before all had arrived; \
                 the others still wait for this party",
            ),
            Self::Broken(broken) => broken.fmt(f),
        }
    }
}

impl Error for WithdrawError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Withdrawn => None,
            Self::Broken(broken) => Some(broken),
        }
    }
}

impl From<Broken> for WithdrawError {
    fn from(broken: Broken) -> Self {
        Self::Broken(broken)
    }
}
