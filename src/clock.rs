//! Stamps and the clocks that make them.
//!
//! A [`Stamp`] is a number of nanoseconds since the Unix epoch, in UTC. A [`Clock`] reads one.
//! [`MonotonicClock`] is anchored to the wall once, when it is made, and from then on follows
//! the operating system's monotonic clock: a step of the wall clock (NTP, a suspended laptop, an
//! operator) never makes it go back. [`ManualClock`] goes where a test sends it.
//!
//! | You want | Take |
//! |---|---|
//! | real time that never steps back | [`MonotonicClock`] |
//! | a test without sleeps | [`ManualClock`] |
//! | your own time source | implement [`Clock`] |
//!
//! `tests/it/clock.rs` holds stamps against plain integers, and the monotonic clock against what one
//! thread tells another.
//!
//! # Trade-offs
//!
//! A monotonic clock drifts away from a wall clock that is being corrected: over a long run the
//! two can differ by what NTP has slewed. Order needs the first, calendars the second.
//!
//! # Examples
//!
//! ```
//! use brigade::clock::{Clock, MonotonicClock};
//!
//! let clock = MonotonicClock::new();
//! let before = clock.now();
//! assert!(clock.now() >= before);
//! ```

use std::fmt;
use std::ops::{Add, Sub};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A point in time: nanoseconds since 1970-01-01T00:00:00Z.
///
/// The largest one is [`Stamp::MAX`], in the year 2554; arithmetic saturates there and at zero.
///
/// # Examples
///
/// ```
/// use brigade::clock::Stamp;
/// use std::time::Duration;
///
/// let noon = Stamp::from_nanos(43_200_000_000_000);
/// assert_eq!(noon + Duration::from_nanos(1) - noon, Duration::from_nanos(1));
/// assert_eq!(noon - (noon + Duration::from_secs(1)), Duration::ZERO);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Stamp(u64);

impl Stamp {
    /// The epoch itself.
    pub const ZERO: Self = Self(0);

    /// The largest stamp. The few numbers above it are reserved by the sink's protocol.
    pub const MAX: Self = Self(u64::MAX - 3);

    /// Makes a stamp from nanoseconds since the Unix epoch; numbers above [`Stamp::MAX`] become it.
    #[must_use]
    pub const fn from_nanos(nanos: u64) -> Self {
        if nanos > Self::MAX.0 { Self::MAX } else { Self(nanos) }
    }

    /// Nanoseconds since the Unix epoch.
    #[must_use]
    pub const fn as_nanos(self) -> u64 {
        self.0
    }
}

impl Add<Duration> for Stamp {
    type Output = Self;

    fn add(self, by: Duration) -> Self {
        Self::from_nanos(self.0.saturating_add(nanos(by)))
    }
}

impl Sub<Duration> for Stamp {
    type Output = Self;

    fn sub(self, by: Duration) -> Self {
        Self(self.0.saturating_sub(nanos(by)))
    }
}

impl Sub for Stamp {
    type Output = Duration;

    fn sub(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl From<SystemTime> for Stamp {
    /// Times before 1970 become [`Stamp::ZERO`].
    fn from(time: SystemTime) -> Self {
        Self::from_nanos(nanos(time.duration_since(UNIX_EPOCH).unwrap_or_default()))
    }
}

impl fmt::Display for Stamp {
    /// Seconds and nanoseconds since the epoch, `1782604800.000000042`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:09}", self.0 / 1_000_000_000, self.0 % 1_000_000_000)
    }
}

/// Saturating, and without the 128-bit detour of `as_nanos`: clocks come through here.
#[inline]
pub(crate) fn nanos(duration: Duration) -> u64 {
    let seconds = duration.as_secs().saturating_mul(1_000_000_000);
    seconds.saturating_add(u64::from(duration.subsec_nanos()))
}

/// A source of stamps.
///
/// Readers of the clock must tolerate a step backwards; the sink does, and its order never
/// depends on the clock being right. `now` must not block: producers call it on every push.
///
/// # Examples
///
/// ```
/// use brigade::clock::{Clock, Stamp};
/// use std::time::SystemTime;
///
/// #[derive(Debug)]
/// struct Wall;
///
/// impl Clock for Wall {
///     fn now(&self) -> Stamp {
///         SystemTime::now().into()
///     }
/// }
/// assert!(Wall.now() > Stamp::ZERO);
/// ```
pub trait Clock: Send + Sync + fmt::Debug {
    /// Reads the time.
    fn now(&self) -> Stamp;
}

impl<C: Clock + ?Sized> Clock for Arc<C> {
    fn now(&self) -> Stamp {
        (**self).now()
    }
}

/// Monotonic time, anchored once to the wall clock.
///
/// Reading it never gives a smaller stamp than an earlier read did, on any thread, whatever
/// happens to the wall clock. Cost: one [`Instant::now`], some 20 to 45 ns.
///
/// # Examples
///
/// ```
/// use brigade::clock::{Clock, MonotonicClock, Stamp};
///
/// let clock = MonotonicClock::anchored_at(Stamp::from_nanos(1_000));
/// assert!(clock.now() >= Stamp::from_nanos(1_000));
/// ```
#[derive(Debug, Clone, Copy)]
pub struct MonotonicClock {
    origin: Instant,
    wall: Stamp,
}

impl MonotonicClock {
    /// Anchors a clock to the wall clock as it stands now.
    #[must_use]
    pub fn new() -> Self {
        Self::anchored_at(SystemTime::now().into())
    }

    /// Makes a clock that reads `wall` now and goes on from there.
    #[must_use]
    pub fn anchored_at(wall: Stamp) -> Self {
        Self { origin: Instant::now(), wall }
    }
}

impl Default for MonotonicClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for MonotonicClock {
    #[inline]
    fn now(&self) -> Stamp {
        self.wall + self.origin.elapsed()
    }
}

/// A clock that stands still until it is told otherwise. Clones show the same time.
///
/// # Examples
///
/// ```
/// use brigade::clock::{Clock, ManualClock, Stamp};
/// use std::time::Duration;
///
/// let clock = ManualClock::at(Stamp::from_nanos(100));
/// let hand = clock.clone();
/// hand.advance(Duration::from_nanos(5));
/// assert_eq!(clock.now(), Stamp::from_nanos(105));
/// hand.set(Stamp::from_nanos(7)); // a step backwards, on purpose
/// assert_eq!(clock.now(), Stamp::from_nanos(7));
/// ```
#[derive(Debug, Clone, Default)]
pub struct ManualClock(Arc<AtomicU64>);

impl ManualClock {
    /// Makes a clock that shows `start`.
    #[must_use]
    pub fn at(start: Stamp) -> Self {
        Self(Arc::new(AtomicU64::new(start.0)))
    }

    /// Moves the clock forward; it stops at [`Stamp::MAX`].
    pub fn advance(&self, by: Duration) {
        let moved = self
            .0
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |now| Some((Stamp(now) + by).0));
        debug_assert!(moved.is_ok());
    }

    /// Shows `to` from now on, also when that is a step backwards.
    pub fn set(&self, to: Stamp) {
        self.0.store(to.0, Ordering::Release);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Stamp {
        Stamp(self.0.load(Ordering::Acquire))
    }
}
