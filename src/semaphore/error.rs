//! Why permits were refused.

use std::fmt;

/// Why an acquire gave no permit. Nothing was taken.
///
/// | Variant | Given by |
/// |---|---|
/// | [`Closed`](Self::Closed) | every form |
/// | [`Beyond`](Self::Beyond) | every form |
/// | [`Unavailable`](Self::Unavailable) | the `try_` forms |
/// | [`TimedOut`](Self::TimedOut) | the forms with a time-out or a deadline |
///
/// # Examples
///
/// ```
/// use brigade::semaphore::{AcquireError, Semaphore};
///
/// let seats = Semaphore::new(2);
/// let error = seats.acquire_many(3).unwrap_err();
/// assert_eq!(error, AcquireError::Beyond { asked: 3, total: 2 });
/// assert_eq!(
///     error.to_string(),
///     "3 permits were asked of a semaphore that has 2 in all: ask for at most 2, or add permits first"
/// );
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AcquireError {
    /// The semaphore was closed, before the call or while it waited.
    Closed,
    /// More permits were asked for than there are, so that they could never come together.
    Beyond {
        /// How many were asked for.
        asked: usize,
        /// How many there are, free and held.
        total: usize,
    },
    /// Not enough permits are free right now, or others wait for them already.
    Unavailable {
        /// How many were asked for.
        asked: usize,
    },
    /// The deadline passed before the permits came free.
    TimedOut {
        /// How many were asked for.
        asked: usize,
    },
}

impl fmt::Display for AcquireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => {
                f.write_str("the semaphore is closed and gives no more permits: stop asking")
            }
            Self::Beyond { asked, total } => write!(
                f,
                "{} asked of a semaphore that has {total} in all: \
                 ask for at most {total}, or add permits first",
                Permits(*asked, "was", "were")
            ),
            Self::Unavailable { asked } => write!(
                f,
                "{} not free now, or others are waiting for them: try later, or wait in line",
                Permits(*asked, "is", "are")
            ),
            Self::TimedOut { asked } => write!(
                f,
                "{} not free before the deadline: wait longer, or ask for fewer",
                Permits(*asked, "was", "were")
            ),
        }
    }
}

impl std::error::Error for AcquireError {}

/// A count with its noun and its verb.
struct Permits(usize, &'static str, &'static str);

impl fmt::Display for Permits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self(1, verb, _) => write!(f, "1 permit {verb}"),
            Self(count, _, verb) => write!(f, "{count} permits {verb}"),
        }
    }
}

/// More permits were given back than had been taken out for good. Nothing was given back.
///
/// It comes from [`BoundedSemaphore::release`](super::BoundedSemaphore::release).
///
/// # Examples
///
/// ```
/// use brigade::semaphore::BoundedSemaphore;
///
/// let door = BoundedSemaphore::new(1);
/// let error = door.release(1).unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "released 1, but only 0 of the 1 permits are out without a guard: \
///      release once for each permit that was forgotten"
/// );
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct OverRelease {
    /// How many the call tried to give back.
    pub count: usize,
    /// How many could have been given back.
    pub missing: usize,
    /// The capacity of the semaphore.
    pub limit: usize,
}

impl fmt::Display for OverRelease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { count, missing, limit } = self;
        write!(
            f,
            "released {count}, but only {missing} of the {limit} permits are out without a guard: \
             release once for each permit that was forgotten"
        )
    }
}

impl std::error::Error for OverRelease {}

/// Two permits of different semaphores cannot be merged. It hands the second one back.
///
/// It comes from [`Permit::merge`](super::Permit::merge).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct ForeignPermit<P>(pub(super) P);

impl<P> ForeignPermit<P> {
    /// Takes the permit out that was not merged.
    pub fn into_inner(self) -> P {
        self.0
    }
}

impl<P> fmt::Display for ForeignPermit<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the permits are of different semaphores: merge only what one semaphore gave")
    }
}

impl<P: fmt::Debug> std::error::Error for ForeignPermit<P> {}
