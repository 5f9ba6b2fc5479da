//! Integrals on all cores, whose every bit is the same on any number of them.
//!
//! An [`Integral`] is an integrand, an interval and a [`Rule`]; [`run`](Integral::run) gives an
//! [`Estimate`], or an [`IntegralError`] that says what to do.
//!
//! ```
//! use brigade::integrate::Integral;
//!
//! // The gamma function at 6, which is 5 factorial.
//! let gamma = Integral::new(|t: f64| t.powi(5) * (-t).exp(), 0.0..).run()?;
//! assert!((gamma.value - 120.0).abs() < 1e-9);
//! assert!(gamma.evals < 400);
//! # Ok::<(), brigade::integrate::IntegralError>(())
//! ```
//!
//! # Which rule do I need?
//!
//! | The integrand | Take |
//! |---|---|
//! | is nothing special, or you do not know | nothing: [`Rule::Auto`] is adaptive |
//! | oscillates | [`Rule::Adaptive`] with [`Kronrod::K61`] |
//! | has corners or jumps at known places | [`points`](Integral::points) there |
//! | is infinite, or steep, at an end | [`Rule::DoubleExponential`] |
//! | the same, and the end is not zero | [`with_complement`](Integral::with_complement), which knows how far the end is |
//! | is smooth, and cheap to know in advance | [`Rule::GaussLegendre`] |
//! | is periodic, or dies out at both ends | [`Rule::Trapezoid`] |
//! | is a narrow peak on a wide interval | [`points`](Integral::points) to both sides of it, or [`min_panels`](Integral::min_panels) |
//! | gives several values at once | [`vector`](Integral::vector) |
//! | is of two variables or a few | [`BoxIntegral`] |
//! | must be summed as somebody else did | the same fixed rule, and a [`Sum`] |
//!
//! # Narrow peaks
//!
//! A peak that lies between the nodes is not seen, and the error is estimated as zero. One point *in* the
//! peak does not help: the peak is then at the ends of two panels, where there are no nodes. It takes
//! a point to either side of it, as near as is known.
//!
//! ```
//! use brigade::integrate::{Integral, Status};
//!
//! let peak = |x: f64| (-((x - 3.3) * 1e6).powi(2)).exp();
//! let area = || Integral::new(peak, 0.0..1000.0);
//! assert_eq!(area().run()?.status, Status::NothingSeen);
//! assert_eq!(area().points(&[3.3]).run()?.status, Status::NothingSeen);
//!
//! let found = area().points(&[3.29999, 3.30001]).run()?;
//! assert_eq!(found.status, Status::Converged);
//! assert!((found.value * 1e6 / std::f64::consts::PI.sqrt() - 1.0).abs() < 1e-9);
//! # Ok::<(), brigade::integrate::IntegralError>(())
//! ```
//!
//! Where something else is seen as well, the status does not tell either: a peak beside a hill is
//! simply missing. If you know that there is one, name it.
//!
//! # Which way do I give it?
//!
//! | You have | Take |
//! |---|---|
//! | a function of a number | [`Integral::new`] |
//! | the same, and many millions of evaluations ahead | [`Integral::lanes`], eight numbers at once |
//! | a library that takes whole arrays | [`Integral::batch`] |
//!
//! # What is promised
//!
//! - **The result does not depend on threads.** The bits are the same on 1 thread and on 16, in any
//!   pool, however they are scheduled: nodes come from the global index, chunks are a function of the
//!   number of nodes, and sums are merged in order (`tests/it/integrate/determinism.rs`, every rule and
//!   problem on five pools).
//! - **No node is lost or moved by cutting**: the set of nodes is that of a single loop
//!   (`tests/it/integrate/cover.rs`).
//! - **No lane level differs from another** in any bit (`src/integrate/lanes/tests.rs`).
//! - **Where QUADPACK would stop, this stops**: values and numbers of evaluations are those that its
//!   users rely on (`tests/it/integrate/quadpack.rs`).
//! - **Every call ends, and never with a silent zero.** Bounds, steps and tolerances that make no sense
//!   are errors before the first evaluation; a value that is not finite and a panic are errors that
//!   say where (`tests/it/integrate/bad_input.rs`).
//!
//! # Cost
//!
//! A fixed rule costs what its evaluations cost: nodes, sums and checks are vector code, less than
//! a nanosecond a node. An adaptive rule runs on the calling thread until what it has measured of
//! the integrand says that threads are worth waking. `benches/integrate.rs` has the figures, and
//! [the essay](crate::guide::integrator) the reasons.
//!
//! # Trade-offs
//!
//! - An error estimate judges values at some places. What lies between them is not seen: no rule that
//!   only evaluates can see it.
//! - An adaptive round computes a few panels more than one that halves the single worst: the price of
//!   not depending on the threads.
//! - There is no extrapolation (QUADPACK's QAGS): singular ends are the business of
//!   [`Rule::DoubleExponential`], singular places inside of [`points`](Integral::points).
//!
//! # This vs others
//!
//! - **From Python:** `scipy.integrate.quad(f, a, b)` is `Integral::new(f, a..b).run()`, its `epsabs`,
//!   `epsrel`, `points` and `limit` are [`abs_tol`](Integral::abs_tol), [`rel_tol`](Integral::rel_tol),
//!   [`points`](Integral::points) and [`max_evals`](Integral::max_evals); `quad_vec` is
//!   [`vector`](Integral::vector); `math.fsum` is [`Sum::Exact`].
//! - **vs `par_iter().map(f).sum()`:** rayon splits where threads happen to be idle, so its sum has other
//!   bits each time; it does not compensate either.
//!
//! It runs on rayon: in the pool it is called from, or else in the global one.

mod adaptive;
mod boxes;
mod dd;
mod double_exponential;
mod drive;
mod error;
mod estimate;
mod exact;
mod fixed;
pub mod integrand;
mod lanes;
mod legendre;
mod rule;
mod sum;
mod tables;

pub use boxes::BoxIntegral;
pub use error::{IntegralError, Payload};
pub use estimate::{Estimate, Progress, Status};
pub use lanes::F64x8;
pub use rule::{Kronrod, Norm, Rule};
pub use sum::Sum;

use adaptive::Map;
use drive::{Fault, Setup};
use integrand::{Batch, Complement, Integrand, Lanes, Scalar, Vector, sealed};
use std::fmt;
use std::ops::{Bound, RangeBounds};
use std::sync::atomic::AtomicBool;
use sum::{BlockedAdder, ExactAdder, NaiveAdder, NeumaierAdder};

/// An integral that is about to be computed.
///
/// The interval is any range of numbers: `0.0..1.0`, `0.0..` to infinity, `..` the whole line. Whether
/// an end is said to be in it makes no difference. A reversed one gives the negative of the same nodes,
/// an empty one exactly zero without a look at the integrand.
///
/// # Examples
///
/// Ten million steps, eight numbers at once, on all cores:
///
/// ```
/// use brigade::integrate::{Integral, Rule};
///
/// let gamma = Integral::lanes(|t| t.powi(5) * (-t).exp(), 0.0..1000.0)
///     .rule(Rule::Left { steps: 10_000_000 })
///     .run()?;
/// assert!((gamma.value - 120.0).abs() < 3e-14);
/// # Ok::<(), brigade::integrate::IntegralError>(())
/// ```
#[doc(alias = "quad")]
#[doc(alias = "scipy.integrate.quad")]
#[must_use = "nothing is computed before `run`"]
pub struct Integral<'a, I, const N: usize = 1> {
    integrand: I,
    lower: f64,
    upper: f64,
    rule: Rule,
    sum: Sum,
    norm: Norm,
    abs_tol: f64,
    rel_tol: f64,
    points: Vec<f64>,
    min_panels: Option<u64>,
    max_evals: u64,
    skip: bool,
    strict: bool,
    setup: Setup<'a>,
}

impl<F: Fn(f64) -> f64 + Sync> Integral<'_, Scalar<F>> {
    /// Makes the integral of a function of one number.
    ///
    /// # Examples
    ///
    /// ```
    /// use brigade::integrate::Integral;
    ///
    /// let half_circle = Integral::new(|x: f64| (1.0 - x * x).sqrt(), -1.0..1.0).run()?;
    /// assert!((half_circle.value - std::f64::consts::FRAC_PI_2).abs() < 1e-9);
    /// # Ok::<(), brigade::integrate::IntegralError>(())
    /// ```
    pub fn new(f: F, range: impl RangeBounds<f64>) -> Self {
        Self::of(Scalar(f), range)
    }
}

impl<F: Fn(f64, f64) -> f64 + Sync> Integral<'_, Complement<F>> {
    /// Makes the integral of a function that is also told how far it is from the nearer end. The sign says
    /// which: positive from the lower end, negative from the upper, and so for the zeros at the ends.
    ///
    /// Near an end that is not zero the distance has digits which the place itself has lost. A double
    /// exponential rule gives it exactly.
    ///
    /// # Examples
    ///
    /// ```
    /// use brigade::integrate::{Integral, Rule};
    ///
    /// // 1 / sqrt(1 - x), infinite at 1.
    /// let f = |x: f64, c: f64| if c < 0.0 { 1.0 / (-c).sqrt() } else { 1.0 / (1.0 - x).sqrt() };
    /// let area = Integral::with_complement(f, 0.0..1.0).rule(Rule::DoubleExponential).run()?;
    /// assert!((area.value - 2.0).abs() < 1e-14);
    /// # Ok::<(), brigade::integrate::IntegralError>(())
    /// ```
    pub fn with_complement(f: F, range: impl RangeBounds<f64>) -> Self {
        Self::of(Complement(f), range)
    }
}

impl<F: Fn(&[f64], &mut [f64]) + Sync> Integral<'_, Batch<F>> {
    /// Makes the integral of a function that computes many values at a time, as vector and foreign
    /// libraries do. The two slices are of equal length; every value must be written.
    ///
    /// # Examples
    ///
    /// ```
    /// use brigade::integrate::Integral;
    ///
    /// let square = |x: &[f64], y: &mut [f64]| {
    ///     x.iter().zip(y).for_each(|(x, y)| *y = x * x);
    /// };
    /// assert!((Integral::batch(square, 0.0..3.0).run()?.value - 9.0).abs() < 1e-14);
    /// # Ok::<(), brigade::integrate::IntegralError>(())
    /// ```
    pub fn batch(f: F, range: impl RangeBounds<f64>) -> Self {
        Self::of(Batch(f), range)
    }
}

impl<F: Fn(F64x8) -> F64x8 + Sync> Integral<'_, Lanes<F>> {
    /// Makes the integral of a function of eight numbers at once. No lane ever holds a number outside
    /// the interval.
    ///
    /// # Examples
    ///
    /// ```
    /// use brigade::integrate::Integral;
    ///
    /// let area = Integral::lanes(|x| x.sin() / (1.0 + x), 0.0..1.0).run()?;
    /// assert!((area.value - 0.28422698551241).abs() < 1e-12);
    /// # Ok::<(), brigade::integrate::IntegralError>(())
    /// ```
    #[doc(alias = "simd")]
    pub fn lanes(f: F, range: impl RangeBounds<f64>) -> Self {
        Self::of(Lanes(f), range)
    }
}

impl<F: Fn(f64) -> [f64; N] + Sync, const N: usize> Integral<'_, Vector<F>, N> {
    /// Makes the integral of a function with several values.
    ///
    /// # Examples
    ///
    /// ```
    /// use brigade::integrate::Integral;
    ///
    /// let quarter = 0.0..std::f64::consts::FRAC_PI_2;
    /// let both = Integral::vector(|x| [x.sin(), x.cos()], quarter).run()?;
    /// assert!(both.value.iter().all(|area| (area - 1.0).abs() < 1e-14));
    /// # Ok::<(), brigade::integrate::IntegralError<[f64; 2]>>(())
    /// ```
    #[doc(alias = "scipy.integrate.quad_vec")]
    pub fn vector(f: F, range: impl RangeBounds<f64>) -> Self {
        Self::of(Vector(f), range)
    }

    /// Says how the components make one error. By default the greatest counts.
    pub fn norm(mut self, norm: Norm) -> Self {
        self.norm = norm;
        self
    }
}

/// Up to this width one panel is enough to begin with.
const WIDE: f64 = 16.0;

impl<'a, I, const N: usize> Integral<'a, I, N> {
    fn of(integrand: I, range: impl RangeBounds<f64>) -> Self {
        let bound = |bound: Bound<&f64>, open: f64| match bound {
            Bound::Included(&x) | Bound::Excluded(&x) => x,
            Bound::Unbounded => open,
        };
        Self {
            integrand,
            lower: bound(range.start_bound(), f64::NEG_INFINITY),
            upper: bound(range.end_bound(), f64::INFINITY),
            rule: Rule::default(),
            sum: Sum::default(),
            norm: Norm::default(),
            abs_tol: 0.0,
            rel_tol: 1e-10,
            points: Vec::new(),
            min_panels: None,
            max_evals: 1_000_000,
            skip: false,
            strict: false,
            setup: Setup::default(),
        }
    }

    /// Chooses the rule; [`Rule::Auto`] if none is chosen.
    pub fn rule(mut self, rule: Rule) -> Self {
        self.rule = rule;
        self
    }

    /// Chooses how a fixed rule adds; [`Sum::Blocked`] if nothing is chosen. The others compensate.
    pub fn sum(mut self, sum: Sum) -> Self {
        self.sum = sum;
        self
    }

    /// Lets an adaptive or double exponential rule end when the error is estimated to be at most this, or
    /// within the relative tolerance. By default zero.
    #[doc(alias = "epsabs")]
    pub fn abs_tol(mut self, tolerance: f64) -> Self {
        self.abs_tol = tolerance;
        self
    }

    /// Lets an adaptive or double exponential rule end when the error is estimated to be at most this
    /// part of the value, or within the absolute tolerance. By default 1e-10.
    #[doc(alias = "epsrel")]
    pub fn rel_tol(mut self, tolerance: f64) -> Self {
        self.rel_tol = tolerance;
        self
    }

    /// Cuts the interval at places where the integrand is not smooth, or to both sides of a peak (one
    /// point in it [does not help](self#narrow-peaks)). Fixed rules do not look at them. Points at the
    /// bounds change nothing.
    pub fn points(mut self, points: &[f64]) -> Self {
        self.points = points.to_vec();
        self
    }

    /// Begins an adaptive rule with at least so many panels.
    ///
    /// By default with one; with 8 on a finite interval longer than 16, where a single panel might step
    /// over everything. Never more than the evaluations that are allowed; and more than 4,194,304, which
    /// is as many as are kept, are an error.
    pub fn min_panels(mut self, panels: u64) -> Self {
        self.min_panels = Some(panels);
        self
    }

    /// Ends an adaptive or double exponential rule before it would evaluate more often than this. By
    /// default a million. One panel, or the coarsest level, of each piece between
    /// [`points`](Self::points) is evaluated in any case. However many are allowed, an adaptive rule also
    /// ends at 4,194,304 panels, so that memory is bounded.
    #[doc(alias = "limit")]
    pub fn max_evals(mut self, evals: u64) -> Self {
        self.max_evals = evals;
        self
    }

    /// Counts values that are infinite or no number as zero, instead of as an error.
    pub fn skip_non_finite(mut self) -> Self {
        self.skip = true;
        self
    }

    /// Makes an error of every status but [`Converged`](Status::Converged) and [`Fixed`](Status::Fixed).
    ///
    /// # Examples
    ///
    /// ```
    /// use brigade::integrate::{Integral, IntegralError};
    ///
    /// let steps = Integral::new(f64::floor, 0.0..9.5).max_evals(100).strict().run();
    /// assert!(matches!(steps, Err(IntegralError::NotConverged { .. })));
    /// ```
    pub fn strict(mut self) -> Self {
        self.strict = true;
        self
    }

    /// Computes on the calling thread alone. The result is the same.
    pub fn sequential(mut self) -> Self {
        self.setup.sequential = true;
        self
    }

    /// Calls back on the calling thread, as the evaluations go on.
    ///
    /// # Examples
    ///
    /// ```
    /// use brigade::integrate::{Integral, Rule};
    ///
    /// let mut done = 0;
    /// Integral::new(|x| x, 0.0..1.0)
    ///     .rule(Rule::Midpoint { steps: 100_000 })
    ///     .progress(|progress| done = progress.evals)
    ///     .run()?;
    /// assert_eq!(done, 100_000);
    /// # Ok::<(), brigade::integrate::IntegralError>(())
    /// ```
    pub fn progress(mut self, callback: impl FnMut(Progress) + 'a) -> Self {
        self.setup.progress = Some(Box::new(callback));
        self
    }

    /// Ends soon after another thread, or the progress callback, sets the flag: within about a thousand
    /// evaluations on each thread of a fixed rule, or a round of an adaptive one.
    ///
    /// # Examples
    ///
    /// ```
    /// use brigade::integrate::{Integral, IntegralError, Rule};
    /// use std::sync::atomic::{AtomicBool, Ordering};
    ///
    /// let stop = AtomicBool::new(false);
    /// let result = Integral::new(f64::sqrt, 0.0..1.0)
    ///     .rule(Rule::Midpoint { steps: 1 << 50 })
    ///     .cancel(&stop)
    ///     .progress(|_| stop.store(true, Ordering::Relaxed))
    ///     .run();
    /// assert!(matches!(result, Err(IntegralError::Cancelled { partial }) if partial.evals > 0));
    /// ```
    pub fn cancel(mut self, flag: &'a AtomicBool) -> Self {
        self.setup.cancel = Some(flag);
        self
    }
}

impl<I, const N: usize> Integral<'_, I, N>
where
    I: Integrand<N>,
    I::Value: sealed::Value<N>,
{
    /// Computes the integral.
    ///
    /// Fixed rules, and adaptive ones of slow integrands, run on the threads of the current rayon pool.
    ///
    /// # Errors
    ///
    /// Bad input before the first evaluation; what the integrand did wrong, and where; cancellation. See
    /// [`IntegralError`]. A tolerance that was not met is a [`Status`], not an error, unless
    /// [`strict`](Self::strict) says so.
    pub fn run(mut self) -> Result<Estimate<I::Value>, IntegralError<I::Value>> {
        let (lower, upper) = (self.lower, self.upper);
        if lower.is_nan() || upper.is_nan() {
            return Err(IntegralError::NanBound { lower, upper });
        }
        let (low, high) = (lower.min(upper), lower.max(upper));
        let rule = match self.rule {
            Rule::Auto if low.is_infinite() || high.is_infinite() => Rule::Adaptive(Kronrod::K15),
            Rule::Auto => Rule::Adaptive(Kronrod::K21),
            rule => rule,
        };
        let sign = if lower > upper { -1.0 } else { 1.0 };
        let computed = match rule {
            Rule::Adaptive(_) | Rule::DoubleExponential => {
                let tolerances = (self.abs_tol, self.rel_tol);
                adaptive::check(&self.points, (low, high), tolerances, self.min_panels)?;
                // Points at the bounds would cut off empty pieces.
                self.points.retain(|&point| point > low && point < high);
                if low == high { Ok(nothing()) } else { self.converge(rule, low, high) }
            }
            _ => {
                if low.is_infinite() || high.is_infinite() {
                    return Err(IntegralError::InfiniteBound { lower, upper });
                }
                if low == high {
                    // Still an error if the rule itself makes no sense.
                    fixed::Grid::new(rule, 0.0, 1.0)?;
                    Ok(nothing())
                } else {
                    let grid = fixed::Grid::new(rule, low, high)?;
                    self.carry_out(&grid)
                }
            }
        };
        let signed = |estimate: Estimate<[f64; N]>| {
            estimate.map(|value| sealed::Value::of(value.map(|value| sign * value)))
        };
        match computed {
            Ok(estimate) => {
                let met = matches!(estimate.status, Status::Converged | Status::Fixed);
                let estimate = signed(estimate);
                if met || !self.strict {
                    Ok(estimate)
                } else {
                    Err(IntegralError::NotConverged { estimate: Box::new(estimate) })
                }
            }
            Err((fault, partial)) => Err(match fault {
                Fault::NonFinite { x, y } => IntegralError::NonFinite { x, y },
                Fault::Panicked { x, payload } => IntegralError::Panicked { x, payload },
                Fault::Overflow => IntegralError::Overflow,
                Fault::Cancelled => IntegralError::Cancelled { partial: Box::new(signed(partial)) },
            }),
        }
    }

    fn carry_out(&mut self, grid: &fixed::Grid) -> Computed<N> {
        let task = fixed::Task { integrand: &self.integrand, norm: self.norm, skip: self.skip };
        let setup = &mut self.setup;
        match self.sum {
            Sum::Naive => fixed::integrate::<_, NaiveAdder, N>(&task, grid, setup),
            Sum::Blocked => fixed::integrate::<_, BlockedAdder, N>(&task, grid, setup),
            Sum::Neumaier => fixed::integrate::<_, NeumaierAdder, N>(&task, grid, setup),
            Sum::Exact => fixed::integrate::<_, ExactAdder, N>(&task, grid, setup),
        }
    }

    fn converge(&mut self, rule: Rule, low: f64, high: f64) -> Computed<N> {
        let Self { abs_tol, rel_tol, norm, max_evals, skip, .. } = *self;
        let points = &self.points;
        let Rule::Adaptive(kronrod) = rule else {
            let task = double_exponential::Task {
                integrand: &self.integrand,
                lower: low,
                upper: high,
                norm,
                abs_tol,
                rel_tol,
                points,
                max_evals,
                skip,
            };
            return double_exponential::integrate(&task, &mut self.setup);
        };
        let wide = high - low > WIDE && (high - low).is_finite();
        let task = adaptive::Task {
            integrand: &self.integrand,
            map: Map::new(low, high),
            rule: kronrod,
            norm,
            abs_tol,
            rel_tol,
            points,
            min_panels: self.min_panels.unwrap_or(if wide { 8 } else { 1 }),
            max_evals,
            skip,
        };
        adaptive::integrate(&task, &mut self.setup)
    }
}

type Computed<const N: usize> = Result<Estimate<[f64; N]>, (Fault, Estimate<[f64; N]>)>;

/// The integral over an empty interval.
fn nothing<const N: usize>() -> Estimate<[f64; N]> {
    Estimate {
        value: [0.0; N],
        error: Some(0.0),
        l1: 0.0,
        evals: 0,
        panels: 0,
        status: Status::Converged,
    }
}

impl<I, const N: usize> fmt::Debug for Integral<'_, I, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Integral")
            .field("lower", &self.lower)
            .field("upper", &self.upper)
            .field("rule", &self.rule)
            .field("sum", &self.sum)
            .finish_non_exhaustive()
    }
}
