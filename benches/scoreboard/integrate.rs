//! The integrator, on the gamma function at 6.

mod converge;
mod python;
mod steps;

use crate::Measure;

/// The origin's integrand, as everybody writes it.
#[inline]
fn gamma(t: f64) -> f64 {
    t.powi(5) * (-t).exp()
}

pub(crate) fn measures() -> Vec<Measure> {
    vec![
        Measure { name: "integrate/steps", run: steps::run },
        Measure { name: "integrate/converge", run: converge::run },
        Measure { name: "integrate/python", run: python::run },
    ]
}
