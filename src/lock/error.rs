//! Why locks were not taken.

use std::fmt;
use std::panic::Location;
use std::time::Duration;

/// What a message calls a lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LockName {
    /// The name that [`Ranked::named`](super::Ranked::named) gave it.
    Given(&'static str),
    /// It has none: where it was made.
    MadeAt(&'static Location<'static>),
}

impl fmt::Display for LockName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Given(name) => write!(f, "`{name}`"),
            Self::MadeAt(place) => write!(f, "the lock made at {place}"),
        }
    }
}

/// One of the two locks of a [`WrongOrder`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct RankedLock {
    /// The lock's name.
    pub name: LockName,
    /// The name of its rank.
    pub rank: &'static str,
    /// Where it was taken, or asked for.
    pub place: &'static Location<'static>,
}

/// A thread asked for a lock that the declared order forbids while it holds another one.
///
/// Nothing was taken, and nobody has waited. It comes from the `checked_` methods of
/// [`Ranked`](super::Ranked) and, inside a [`LockError`], from [`lock_all`](super::lock_all); the plain
/// methods panic with its text.
///
/// # Examples
///
/// ```
/// use brigade::lock::{Ranked, lock_ranks};
/// use brigade::mutex::FairMutex;
///
/// lock_ranks! { ACCOUNTS < JOURNAL }
///
/// let accounts = Ranked::named("accounts", ACCOUNTS, FairMutex::new(100));
/// let journal = Ranked::named("journal", JOURNAL, FairMutex::new(Vec::<u32>::new()));
///
/// let writing = journal.lock();
/// let error = accounts.checked_lock().unwrap_err();
/// assert_eq!((error.held.rank, error.wanted.rank), ("JOURNAL", "ACCOUNTS"));
/// let text = error.to_string();
/// assert!(text.contains("took `journal` (rank JOURNAL) at "), "{text}");
/// assert!(text.contains("asks for `accounts` (rank ACCOUNTS) at "), "{text}");
/// assert!(text.contains("the declared order is ACCOUNTS < JOURNAL"));
/// # drop(writing);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct WrongOrder {
    /// What the thread holds: of several, one of the highest that are in the way.
    pub held: RankedLock,
    /// What it asked for.
    pub wanted: RankedLock,
    pub(super) table: super::table::TableRef,
    pub(super) count: u32,
}

impl fmt::Display for WrongOrder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { held, wanted, table, count } = self;
        write!(f, "wrong lock order: this thread took {} (rank {}", held.name, held.rank)?;
        if *count > 1 {
            write!(f, ", one of {count} such that it holds")?;
        }
        write!(f, ") at {} and asks for {} (rank {})", held.place, wanted.name, wanted.rank)?;
        write!(f, " at {}; ", wanted.place)?;
        match table.order() {
            Some(order) => write!(f, "the declared order is {order}: ")?,
            None => write!(f, "no order is declared: ")?,
        }
        if held.rank == wanted.rank {
            f.write_str("take locks of one rank together, with lock_all")
        } else if table.is_below(wanted.rank, held.rank) {
            f.write_str("take the second one first, or both together with lock_all")
        } else {
            f.write_str("declare which of the two comes first, or take both together with lock_all")
        }
    }
}

impl std::error::Error for WrongOrder {}

/// The time ran out before the locks were to be had. Nothing is held.
///
/// # Examples
///
/// ```
/// use brigade::lock::{Attempt, LockError, Timeout};
/// use brigade::mutex::FairMutex;
/// use std::time::Duration;
///
/// let (one, two) = (FairMutex::new(1), FairMutex::new(2));
/// let held = two.lock();
/// match Attempt::within(Duration::from_millis(1)).lock_all((&one, &two)) {
///     Err(LockError::Timeout(Timeout { blocked_on, .. })) => assert_eq!(blocked_on, Some(1)),
///     other => unreachable!("{other:?}"),
/// }
/// # drop(held);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Timeout {
    /// How many tries there were, the last one at the deadline included; to wait in a lock's line is one.
    pub attempts: u64,
    /// How long it took, from the first refusal on.
    pub waited: Duration,
    /// Which lock was not to be had, counted from zero in the caller's order; none for a closure.
    pub blocked_on: Option<usize>,
}

impl fmt::Display for Timeout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.blocked_on {
            Some(at) => write!(f, "lock {at} (counted from zero) was not to be had")?,
            None => f.write_str("what was attempted did not succeed")?,
        }
        let tries = if self.attempts == 1 { "try" } else { "tries" };
        let Self { attempts, waited, .. } = self;
        write!(f, " in {attempts} {tries} and {waited:?}: wait longer, or give up")
    }
}

impl std::error::Error for Timeout {}

/// Why [`lock_all`](super::lock_all) or an [`Attempt`](super::Attempt) took no lock. Nothing is held.
///
/// | Variant | Given by |
/// |---|---|
/// | [`Duplicate`](Self::Duplicate) | whatever takes several locks |
/// | [`WrongOrder`](Self::WrongOrder) | whatever takes a [`Ranked`](super::Ranked) lock |
/// | [`Timeout`](Self::Timeout) | an [`Attempt`](super::Attempt) |
///
/// # Examples
///
/// ```
/// use brigade::lock::{LockError, lock_all};
/// use brigade::mutex::FairMutex;
///
/// let (one, two) = (FairMutex::new(1), FairMutex::new(2));
/// let error = lock_all((&one, &two, &one)).unwrap_err();
/// assert_eq!(error, LockError::Duplicate { first: 0, second: 2 });
/// assert_eq!(
///     error.to_string(),
///     "locks 0 and 2 (counted from zero) are the same lock, which would wait for itself: \
///      name each lock once"
/// );
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum LockError {
    /// The same lock was named twice, also if both would only read. The positions are those of the
    /// caller's order, counted from zero.
    Duplicate {
        /// Where it is named first.
        first: usize,
        /// Where it is named again.
        second: usize,
    },
    /// The thread holds a lock that may not be held when these are taken.
    WrongOrder(WrongOrder),
    /// The time ran out.
    Timeout(Timeout),
}

impl fmt::Display for LockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Duplicate { first, second } => write!(
                f,
                "locks {first} and {second} (counted from zero) are the same lock, which would wait \
                 for itself: name each lock once"
            ),
            Self::WrongOrder(wrong) => wrong.fmt(f),
            Self::Timeout(timeout) => timeout.fmt(f),
        }
    }
}

impl std::error::Error for LockError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Duplicate { .. } => None,
            Self::WrongOrder(wrong) => Some(wrong),
            Self::Timeout(timeout) => Some(timeout),
        }
    }
}

impl From<WrongOrder> for LockError {
    fn from(wrong: WrongOrder) -> Self {
        Self::WrongOrder(wrong)
    }
}

impl From<Timeout> for LockError {
    fn from(timeout: Timeout) -> Self {
        Self::Timeout(timeout)
    }
}
