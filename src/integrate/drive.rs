//! Hands chunks to threads, takes their results in order, and finds the first thing that goes wrong.

use super::error::Payload;
use super::estimate::Progress;
use super::integrand::Integrand;
use rayon::prelude::*;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// How a computation is carried out; none of it changes a result.
#[derive(Default)]
pub(super) struct Setup<'a> {
    pub(super) sequential: bool,
    pub(super) cancel: Option<&'a AtomicBool>,
    pub(super) progress: Option<Box<dyn FnMut(Progress) + 'a>>,
}

impl Setup<'_> {
    pub(super) fn report(&mut self, evals: u64, planned: Option<u64>, error: Option<f64>) {
        if let Some(progress) = &mut self.progress {
            progress(Progress { evals, planned, error });
        }
    }

    pub(super) fn cancelled(&self) -> bool {
        is_set(self.cancel)
    }
}

fn is_set(cancel: Option<&AtomicBool>) -> bool {
    cancel.is_some_and(|cancel| cancel.load(Ordering::Relaxed))
}

/// What ends a chunk.
pub(super) enum Fault {
    NonFinite { x: f64, y: f64 },
    Panicked { x: f64, payload: Payload },
    Overflow,
    Cancelled,
}

/// Runs `job` for every chunk on the threads of the current pool and gives the results to `merge`, in
/// order. Whatever the threads do, the fault that comes back is that of the first faulty chunk.
pub(super) fn in_order<T: Send>(
    setup: &mut Setup<'_>,
    chunks: u64,
    job: impl Fn(u64, Option<&AtomicBool>) -> Result<T, Fault> + Sync,
    mut merge: impl FnMut(T) -> u64,
    planned: Option<u64>,
) -> Result<(), Fault> {
    let cancel = setup.cancel;
    if setup.sequential || chunks == 1 {
        for chunk in 0..chunks {
            let evals = merge(job(chunk, cancel)?);
            setup.report(evals, planned, None);
        }
        return Ok(());
    }
    // What is merged at a time: memory is bounded, and a callback is not kept waiting.
    let most = if setup.progress.is_some() { (chunks / 64).clamp(16, 256) } else { 4096 };
    let wave = chunks.min(most);
    let faulty = AtomicU64::new(u64::MAX);
    let mut begin = 0;
    while begin < chunks {
        let end = chunks.min(begin + wave);
        #[allow(clippy::cast_possible_truncation)] // some thousand at most
        let length = (end - begin) as usize;
        let results: Vec<Option<Result<T, Fault>>> = (0..length)
            .into_par_iter()
            .with_max_len(1)
            .map(|chunk| {
                let chunk = begin + chunk as u64;
                // What lies before the fault still has to run: it may have one too.
                if faulty.load(Ordering::Relaxed) < chunk {
                    return None;
                }
                let result = job(chunk, cancel);
                match &result {
                    // One that was cancelled says nothing of the others.
                    Ok(_) | Err(Fault::Cancelled) => {}
                    Err(_) => {
                        faulty.fetch_min(chunk, Ordering::Relaxed);
                    }
                }
                Some(result)
            })
            .collect();
        let mut cancelled = false;
        let mut evals = 0;
        for result in results.into_iter().flatten() {
            match result {
                Ok(part) => evals = merge(part),
                Err(Fault::Cancelled) => cancelled = true,
                Err(fault) => return Err(fault),
            }
        }
        if cancelled {
            return Err(Fault::Cancelled);
        }
        setup.report(evals, planned, None);
        begin = end;
    }
    Ok(())
}

/// Values of an integrand, checked.
pub(super) struct Values<const N: usize> {
    pub(super) y: [Vec<f64>; N],
}

impl<const N: usize> Values<N> {
    /// Room for `size` values, rounded up to whole groups of lanes.
    pub(super) fn with_room(size: usize) -> Self {
        Self { y: std::array::from_fn(|_| vec![0.0; size.next_multiple_of(8)]) }
    }

    /// Computes the values at `x`; a panic is caught.
    pub(super) fn fill<I: Integrand<N>>(
        &mut self,
        integrand: &I,
        x: &[f64],
        c: &[f64],
    ) -> Result<(), Fault> {
        let at = Cell::new(0);
        // Nothing is looked at again after a panic.
        let filled = catch_unwind(AssertUnwindSafe(|| integrand.fill(x, c, &mut self.y, &at)));
        filled.map_err(|payload| {
            let x = x.get(at.get()).or(x.last()).copied().unwrap_or(f64::NAN);
            Fault::Panicked { x, payload: Payload::new(payload) }
        })
    }

    /// Whether the first values of each component are numbers.
    pub(super) fn are_finite(&self, count: usize) -> bool {
        let all = |y: &Vec<f64>| y[..count].iter().fold(true, |all, y| all & y.is_finite());
        self.y.iter().all(all)
    }

    /// Finds the first value among the first of `x` that is not finite, or makes zeros of them all.
    #[cold]
    pub(super) fn check(&mut self, x: &[f64], skip: bool) -> Result<(), Fault> {
        for (index, &x) in x.iter().enumerate() {
            for component in &mut self.y {
                let y = &mut component[index];
                if !y.is_finite() {
                    if !skip {
                        return Err(Fault::NonFinite { x, y: *y });
                    }
                    *y = 0.0;
                }
            }
        }
        Ok(())
    }
}

/// Below this cost threads are not worth waking.
const WORTH_NANOS: f64 = 20_000.0;
/// Nodes that one thread computes at a time.
const PIECE: usize = 64;

/// Computes the values at arbitrary places for the adaptive rules, on several threads if the integrand is slow.
pub(super) struct Sampler<'a, I, const N: usize> {
    pub(super) integrand: &'a I,
    pub(super) skip: bool,
    sequential: bool,
    /// The cost of one value, once known.
    nanos: Option<f64>,
    pub(super) evals: u64,
}

impl<'a, I: Integrand<N>, const N: usize> Sampler<'a, I, N> {
    pub(super) fn new(integrand: &'a I, skip: bool, setup: &Setup<'_>) -> Self {
        Self { integrand, skip, sequential: setup.sequential, nanos: None, evals: 0 }
    }

    /// The fault is that of the least `x` with one.
    pub(super) fn values(&mut self, x: &[f64], c: &[f64]) -> Result<[Vec<f64>; N], Fault> {
        self.evals += x.len() as u64;
        #[allow(clippy::cast_precision_loss)]
        let cost = self.nanos.map(|nanos| nanos * x.len() as f64);
        if self.sequential || x.len() <= PIECE || cost.is_none_or(|cost| cost < WORTH_NANOS) {
            let began = cost.is_none().then(std::time::Instant::now);
            let values = piece(self.integrand, x, c, self.skip)?;
            if let Some(began) = began {
                #[allow(clippy::cast_precision_loss)]
                let each = began.elapsed().as_nanos() as f64 / x.len() as f64;
                self.nanos = Some(each);
            }
            return Ok(values);
        }
        let (integrand, skip) = (self.integrand, self.skip);
        let parts: Vec<Result<[Vec<f64>; N], Fault>> = x
            .par_chunks(PIECE)
            .enumerate()
            .map(|(at, x)| {
                let c = if c.is_empty() { c } else { &c[at * PIECE..][..x.len()] };
                piece(integrand, x, c, skip)
            })
            .collect();
        let mut all = std::array::from_fn(|_| Vec::with_capacity(x.len()));
        let mut first = None;
        for part in parts {
            match part {
                Ok(part) => {
                    all.iter_mut().zip(part).for_each(|(all, part): (&mut Vec<_>, _)| {
                        all.extend(part);
                    });
                }
                Err(fault) => first = earlier(first, fault),
            }
        }
        first.map_or(Ok(all), Err)
    }
}

fn earlier(first: Option<Fault>, other: Fault) -> Option<Fault> {
    let place = |fault: &Fault| match fault {
        Fault::NonFinite { x, .. } | Fault::Panicked { x, .. } => *x,
        Fault::Overflow | Fault::Cancelled => f64::NEG_INFINITY,
    };
    match first {
        Some(first) if place(&first) <= place(&other) => Some(first),
        _ => Some(other),
    }
}

fn piece<I: Integrand<N>, const N: usize>(
    integrand: &I,
    x: &[f64],
    c: &[f64],
    skip: bool,
) -> Result<[Vec<f64>; N], Fault> {
    let mut values = Values::with_room(x.len());
    values.fill(integrand, x, c)?;
    values.y.iter_mut().for_each(|y| y.truncate(x.len()));
    if values.y.iter().flatten().any(|y| !y.is_finite()) {
        if !skip {
            // The nodes of several panels are not in order: look for the least.
            let bad = x.iter().enumerate().filter_map(|(at, &x)| {
                let y = values.y.iter().map(|y| y[at]).find(|y| !y.is_finite())?;
                Some((x, y))
            });
            if let Some((x, y)) = bad.min_by(|a, b| a.0.total_cmp(&b.0)) {
                return Err(Fault::NonFinite { x, y });
            }
        }
        values.check(x, skip)?;
    }
    Ok(values.y)
}
