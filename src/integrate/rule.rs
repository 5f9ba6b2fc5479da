//! Where an integrand is looked at, and how much each value counts.

use super::tables;

/// Where an integrand is evaluated, and how the values are weighed.
///
/// The fixed rules evaluate as often as they are told and judge nothing but their own smoothness; the
/// adaptive ones evaluate until the tolerance is met.
///
/// # Examples
///
/// ```
/// use brigade::integrate::{Integral, Rule};
///
/// let square = |x: f64| x * x;
/// let simpson = Integral::new(square, 0.0..3.0).rule(Rule::Simpson { steps: 1 }).run()?;
/// assert_eq!((simpson.value, simpson.evals), (9.0, 3));
/// # Ok::<(), brigade::integrate::IntegralError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Rule {
    /// Adaptive with 21 nodes on a finite interval, with 15 on an infinite one: QUADPACK's choice.
    #[default]
    Auto,
    /// The left end of each step; its error falls with the step.
    #[doc(alias = "LeftRiemann")]
    Left {
        /// Into how many equal parts the interval is cut.
        steps: u64,
    },
    /// The right end of each step.
    #[doc(alias = "RightRiemann")]
    Right {
        /// Into how many equal parts the interval is cut.
        steps: u64,
    },
    /// The middle of each step; its error falls with the square of the step. It never looks at the ends.
    Midpoint {
        /// Into how many equal parts the interval is cut.
        steps: u64,
    },
    /// Both ends of each step. For a periodic integrand, or one that is flat at both ends, nothing of
    /// equal spacing is better.
    #[doc(alias = "scipy.integrate.trapezoid")]
    Trapezoid {
        /// Into how many equal parts the interval is cut.
        steps: u64,
    },
    /// Both ends and the middle of each step; its error falls with the fourth power of the step.
    #[doc(alias = "scipy.integrate.simpson")]
    Simpson {
        /// Into how many equal parts the interval is cut: 2 · `steps` + 1 evaluations.
        steps: u64,
    },
    /// Gauss's nodes in each step: exact for polynomials of degree 2 · `nodes` - 1.
    #[doc(alias = "scipy.integrate.fixed_quad")]
    GaussLegendre {
        /// How many nodes each step has, at most 4096.
        nodes: u32,
        /// Into how many equal parts the interval is cut.
        steps: u64,
    },
    /// Adaptive bisection by Kronrod's rules, as QUADPACK does it (Piessens and others, 1983): what is
    /// worst is halved until the sum of the errors is small enough. Infinite intervals are mapped
    /// to (0, 1).
    #[doc(alias = "GaussKronrod")]
    #[doc(alias = "scipy.integrate.quad")]
    #[doc(alias = "scipy.integrate.quad_vec")]
    Adaptive(Kronrod),
    /// The double exponential rules of Takahasi and Mori (1974): tanh-sinh on a finite interval,
    /// exp-sinh on a half-infinite one, sinh-sinh on the whole line. For singular ends.
    #[doc(alias = "TanhSinh")]
    #[doc(alias = "ExpSinh")]
    #[doc(alias = "SinhSinh")]
    #[doc(alias = "scipy.integrate.tanhsinh")]
    DoubleExponential,
}

/// How many nodes each panel of an adaptive rule has.
///
/// Few for an integrand with corners and singularities, many for one that oscillates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Kronrod {
    /// 15 nodes, of which 7 are Gauss's.
    K15,
    /// 21 nodes, of which 10 are Gauss's.
    #[default]
    K21,
    /// 31 nodes, of which 15 are Gauss's.
    K31,
    /// 41 nodes, of which 20 are Gauss's.
    K41,
    /// 51 nodes, of which 25 are Gauss's.
    K51,
    /// 61 nodes, of which 30 are Gauss's.
    K61,
}

impl Kronrod {
    /// From the centre outwards: node, Kronrod's weight, Gauss's weight or zero.
    pub(super) fn table(self) -> &'static [(f64, f64, f64)] {
        match self {
            Self::K15 => &tables::K15,
            Self::K21 => &tables::K21,
            Self::K31 => &tables::K31,
            Self::K41 => &tables::K41,
            Self::K51 => &tables::K51,
            Self::K61 => &tables::K61,
        }
    }
}

/// How the components of a vector-valued integrand make one error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Norm {
    /// The greatest component.
    #[default]
    Max,
    /// The root of the sum of squares.
    Two,
}

impl Norm {
    pub(super) fn of<const N: usize>(self, x: &[f64; N]) -> f64 {
        match self {
            _ if N == 1 => x[0].abs(),
            Self::Max => x.iter().fold(0.0, |most, x| x.abs().max(most)),
            Self::Two => x.iter().fold(0.0_f64, |root, x| root.hypot(*x)),
        }
    }
}
