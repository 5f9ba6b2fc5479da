//! Work of a known length, and the sum that says that all of it was done.

use std::hint::black_box;
use std::time::{Duration, Instant};

use crate::Outcome;

/// The three cheap stages of every chain.
pub(crate) fn first(x: u64) -> u64 {
    x.wrapping_mul(3)
}

pub(crate) fn second(x: u64) -> u64 {
    x ^ (x >> 7)
}

pub(crate) fn third(x: u64) -> u64 {
    x.wrapping_add(11)
}

/// What the sum of a chain over `0..items` is.
pub(crate) fn expected(items: u64) -> u64 {
    (0..items).map(|x| third(second(first(x)))).fold(0, u64::wrapping_add)
}

/// A chain of dependent multiplications.
pub(crate) fn spin(x: u64, rounds: u32) -> u64 {
    (0..rounds).fold(x, |x, _| black_box(x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1)))
}

/// How many rounds of [`spin`] take so long here.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
pub(crate) fn rounds(long: Duration) -> u32 {
    const PROBE: u32 = 2_000_000;
    let began = Instant::now();
    black_box(spin(black_box(1), PROBE));
    let each = began.elapsed().as_secs_f64() / f64::from(PROBE);
    ((long.as_secs_f64() / each) as u32).max(1)
}

/// Times a contestant that gives a sum, and refuses a wrong one.
pub(crate) fn timed(expected: u64, run: impl FnOnce() -> Outcome<u64>) -> Outcome<Duration> {
    let began = Instant::now();
    let sum = run()?;
    let took = began.elapsed();
    if sum == expected {
        Ok(took)
    } else {
        Err(format!("the sum is {sum} instead of {expected}").into())
    }
}
