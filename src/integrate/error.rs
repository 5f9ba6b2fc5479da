//! Why there is no integral.

use super::Estimate;
use std::any::Any;
use std::fmt;
use std::sync::Mutex;

/// Why there is no integral.
///
/// Everything above [`NonFinite`](Self::NonFinite) is found before the integrand is called for the
/// first time.
///
/// # Examples
///
/// ```
/// use brigade::integrate::{Integral, IntegralError};
///
/// let error = Integral::new(|x| 1.0 / x, -1.0..1.0).run().unwrap_err();
/// assert!(matches!(error, IntegralError::NonFinite { x: 0.0, y: f64::INFINITY }));
/// assert_eq!(
///     error.to_string(),
///     "the integrand is inf at x = 0: cut the interval there with `points`, \
///      use a double exponential rule for a singular end, or skip it with `skip_non_finite`"
/// );
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum IntegralError<V = f64> {
    /// A bound is not a number.
    NanBound {
        /// Where the integral was to begin.
        lower: f64,
        /// Where it was to end.
        upper: f64,
    },
    /// A fixed rule cannot cut an infinite interval into equal steps.
    InfiniteBound {
        /// Where the integral was to begin.
        lower: f64,
        /// Where it was to end.
        upper: f64,
    },
    /// A rule of no steps.
    ZeroSteps,
    /// More evaluations than can be told apart by number.
    TooManySteps {
        /// How many evaluations it would be, or `u64::MAX`.
        evals: u64,
        /// How many there may be.
        most: u64,
    },
    /// The interval is too short for that many steps: one of them would be shorter than the least
    /// normal number, and so lose its digits.
    StepTooSmall {
        /// How many steps were asked for.
        steps: u64,
    },
    /// The interval, in one step, is longer than the greatest number.
    StepTooLarge {
        /// How many steps were asked for.
        steps: u64,
    },
    /// A Gauss rule has between 1 and 4096 nodes.
    BadOrder {
        /// How many were asked for.
        nodes: u32,
    },
    /// No panel to start with.
    ZeroPanels,
    /// More panels to start with than are kept at all.
    TooManyPanels {
        /// How many were asked for, or are made by the points.
        panels: u64,
        /// How many there may be.
        most: u64,
    },
    /// Negative or no number; or no absolute tolerance, and a relative one that no `f64` can meet.
    BadTolerance {
        /// The absolute tolerance.
        abs: f64,
        /// The relative tolerance.
        rel: f64,
    },
    /// A breakpoint is not a number, or not between the bounds.
    BadPoint {
        /// The point.
        point: f64,
    },
    /// A box can only be cut by fixed rules, and by one Kronrod panel along each axis.
    RuleForBox,
    /// The integrand returned an infinity or no number.
    ///
    /// Of several faults, this and a panic, the first one in the order of the nodes is reported, whatever
    /// the threads do. Fixed rules go from the lower end to the upper; an adaptive one goes through the
    /// panels of a round; a double exponential one goes from the centre outwards.
    NonFinite {
        /// Where.
        x: f64,
        /// What it returned.
        y: f64,
    },
    /// The same over a box.
    NonFiniteAt {
        /// Where.
        point: Vec<f64>,
        /// What it returned.
        y: f64,
    },
    /// The integrand panicked. It is the first fault in the order of the nodes, as above.
    Panicked {
        /// Where; for an integrand that takes blocks or lanes, where the block begins.
        x: f64,
        /// With what.
        payload: Payload,
    },
    /// The same over a box.
    PanickedAt {
        /// Where.
        point: Vec<f64>,
        /// With what.
        payload: Payload,
    },
    /// The values are finite, but their sum is not: scale the integrand.
    Overflow,
    /// The flag given to `cancel` was set.
    Cancelled {
        /// What had been computed by then. Unlike a whole result, this depends on how the threads ran.
        partial: Box<Estimate<V>>,
    },
    /// What was found is not what was asked for, and that was declared an error by `strict`.
    NotConverged {
        /// What was found.
        estimate: Box<Estimate<V>>,
    },
}

impl<V> fmt::Display for IntegralError<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NanBound { lower, upper } => {
                write!(f, "from {lower} to {upper} is no interval: both bounds must be numbers")
            }
            Self::InfiniteBound { lower, upper } => write!(
                f,
                "from {lower} to {upper} cannot be cut into equal steps: \
                 use an adaptive or double exponential rule"
            ),
            Self::ZeroSteps => f.write_str("a rule of 0 steps sees nothing: use at least 1"),
            Self::TooManySteps { evals, most } => write!(
                f,
                "{evals} evaluations were asked for, and at most {most} can be numbered: \
                 use fewer steps, or a better rule"
            ),
            Self::StepTooSmall { steps } => write!(
                f,
                "the interval is too short for {steps} steps: one would be less than 2.2e-308, where \
                 numbers lose their digits: use fewer steps, or another unit of length"
            ),
            Self::StepTooLarge { steps } => write!(
                f,
                "the interval in {steps} steps is longer than the greatest number: \
                 use more steps, or an adaptive rule"
            ),
            Self::BadOrder { nodes } => {
                write!(f, "a Gauss rule of {nodes} nodes is not between 1 and 4096")
            }
            Self::ZeroPanels => f.write_str("no panels to start with: use at least 1"),
            Self::TooManyPanels { panels, most } => write!(
                f,
                "{panels} panels to start with are more than the {most} that are kept: use fewer, \
                 the rule itself halves those that need it"
            ),
            Self::BadTolerance { abs, rel } => write!(
                f,
                "the tolerances {abs} (absolute) and {rel} (relative) cannot be met: neither may be \
                 negative, and without an absolute one the relative is at least 1.12e-14"
            ),
            Self::BadPoint { point } => {
                write!(f, "the point {point} does not lie between the bounds: leave it out")
            }
            Self::RuleForBox => f.write_str(
                "a box is cut by fixed rules or by Kronrod's: integrate axis by axis for others",
            ),
            Self::NonFinite { x, y } => write!(
                f,
                "the integrand is {y} at x = {x}: cut the interval there with `points`, \
                 use a double exponential rule for a singular end, or skip it with `skip_non_finite`"
            ),
            Self::NonFiniteAt { point, y } => {
                write!(f, "the integrand is {y} at {point:?}: choose a box or a rule without it")
            }
            Self::Panicked { x, payload } => {
                write!(f, "the integrand panicked at x = {x}: {payload}")
            }
            Self::PanickedAt { point, payload } => {
                write!(f, "the integrand panicked at {point:?}: {payload}")
            }
            Self::Overflow => f.write_str(
                "the values are finite, but their sum is beyond the greatest number: \
                 scale the integrand down",
            ),
            Self::Cancelled { partial } => {
                write!(f, "cancelled after {} evaluations: the rest is missing", partial.evals)
            }
            Self::NotConverged { estimate } => {
                write!(f, "after {} evaluations ", estimate.evals)?;
                match estimate.status {
                    super::Status::RoundoffLimited => {
                        f.write_str("rounding keeps the error above the tolerance: ask for less")
                    }
                    super::Status::SuspectSingularity { near } => write!(
                        f,
                        "there seems to be a singularity near {near}: cut the interval there"
                    ),
                    super::Status::NothingSeen => f.write_str(
                        "every value was zero: name places to both sides of the peak, if there is one",
                    ),
                    _ => f.write_str(
                        "the error is still above the tolerance: allow more, or cut the interval \
                         where the integrand is not smooth",
                    ),
                }
            }
        }
    }
}

impl<V: fmt::Debug> std::error::Error for IntegralError<V> {}

/// What an integrand panicked with.
pub struct Payload {
    message: String,
    // Only taken out by value; the lock is what makes it `Sync`.
    value: Mutex<Box<dyn Any + Send>>,
}

impl Payload {
    pub(super) fn new(value: Box<dyn Any + Send>) -> Self {
        let text = value.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let message = text.or_else(|| value.downcast_ref::<String>().cloned());
        let message = message.unwrap_or_else(|| "a value that is no text".to_owned());
        Self { message, value: Mutex::new(value) }
    }

    /// The message of the panic.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Takes out what was thrown, as for [`std::panic::resume_unwind`].
    #[must_use]
    pub fn into_inner(self) -> Box<dyn Any + Send> {
        self.value.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Payload").field(&self.message).finish()
    }
}

impl fmt::Display for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}
