//! What an integration found, and how it ended.

/// What an integration found.
///
/// # Examples
///
/// ```
/// use brigade::integrate::{Integral, Status};
///
/// let estimate = Integral::new(f64::sin, 0.0..std::f64::consts::PI).run()?;
/// assert!((estimate.value - 2.0).abs() < 1e-15);
/// assert_eq!(estimate.status, Status::Converged);
/// # Ok::<(), brigade::integrate::IntegralError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Estimate<V = f64> {
    /// The integral.
    pub value: V,
    /// How far off it may be; nothing where the rule gives no way to tell.
    ///
    /// A fixed rule is compared with itself at twice the step, where its nodes contain that rule: left,
    /// right, trapezoid and Simpson with an even number of steps, unless the sum is naive. An adaptive
    /// rule adds up QUADPACK's estimates, which are careful rather than sharp. It is an estimate from
    /// values at some places: it knows nothing of a peak between them.
    pub error: Option<f64>,
    /// The integral of the integrand's size, by the same rule.
    pub l1: f64,
    /// How many values of the integrand were used.
    pub evals: u64,
    /// Into how many parts the interval was cut in the end.
    pub panels: u64,
    /// How it ended.
    pub status: Status,
}

impl<V> Estimate<V> {
    pub(super) fn map<W>(self, f: impl FnOnce(V) -> W) -> Estimate<W> {
        let Self { value, error, l1, evals, panels, status } = self;
        Estimate { value: f(value), error, l1, evals, panels, status }
    }
}

impl Estimate {
    /// How much larger the parts are than the whole: `l1` over the size of the value.
    ///
    /// The value cannot be known better than this many units roundoff. It is infinite if everything
    /// cancels, and one if the integrand does not change its sign.
    ///
    /// # Examples
    ///
    /// ```
    /// use brigade::integrate::Integral;
    ///
    /// let wave = Integral::new(f64::sin, 0.0..20.0).run()?;
    /// assert!(wave.condition() > 20.0);
    /// # Ok::<(), brigade::integrate::IntegralError>(())
    /// ```
    #[must_use]
    #[doc(alias = "condition_number")]
    pub fn condition(&self) -> f64 {
        if self.l1 == 0.0 { 1.0 } else { (self.l1 / self.value.abs()).max(1.0) }
    }
}

/// How an integration ended. The value comes with every status;
/// [`strict`](super::Integral::strict) makes errors of all but the first two.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Status {
    /// The error estimate is within the tolerance.
    Converged,
    /// A fixed rule was carried out. Nothing was asked of its error.
    Fixed,
    /// Rounding keeps the error above the tolerance: ask for less, or avoid cancellation.
    RoundoffLimited,
    /// The evaluations that were allowed, the panels that are kept, or the finest level of a double
    /// exponential rule did not suffice: allow more, or cut the interval at [`points`](super::Integral::points) where the
    /// integrand is not smooth.
    MaxEvals,
    /// Panels became as short as the numbers around them allow: the integrand does not behave there.
    SuspectSingularity {
        /// The middle of the shortest one.
        near: f64,
    },
    /// Every value was zero. So is the integral, or else all of the integrand lies between the nodes: name
    /// places to both sides of it by [`points`](super::Integral::points), or ask for more
    /// [`min_panels`](super::Integral::min_panels).
    NothingSeen,
}

/// How far an integration has come; given to [`progress`](super::Integral::progress).
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Progress {
    /// How many values have been computed. It never falls.
    pub evals: u64,
    /// How many it will be, where that is known in advance.
    pub planned: Option<u64>,
    /// The present estimate of the error, by an adaptive rule.
    pub error: Option<f64>,
}
