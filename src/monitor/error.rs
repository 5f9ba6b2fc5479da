//! What giving up looks like.

use std::fmt;
use std::time::Duration;

/// A monitor did not become free, or a condition did not come to hold, in the time that was given.
///
/// The closure that should have run did not run, and is dropped. What must survive a time-out is
/// therefore better lent to it than moved into it.
///
/// # Examples
///
/// ```
/// use brigade::monitor::Monitor;
/// use std::time::Duration;
///
/// let line = Monitor::new(vec![0]);
/// let mut bowl = Some(1);
/// let late = line.when_timeout(
///     Duration::from_millis(1),
///     |line| line.is_empty(),
///     |line| line.extend(bowl.take()),
/// );
/// assert_eq!(late.unwrap_err().limit(), Duration::from_millis(1));
/// assert_eq!(bowl, Some(1), "it is still ours");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct TimedOut {
    pub(super) limit: Duration,
}

impl TimedOut {
    /// The time that was given.
    #[must_use]
    pub fn limit(&self) -> Duration {
        self.limit
    }
}

impl fmt::Display for TimedOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the monitor was not free, or the condition did not hold, within {:?}: \
             wait longer, or look at who holds it up",
            self.limit
        )
    }
}

impl std::error::Error for TimedOut {}
