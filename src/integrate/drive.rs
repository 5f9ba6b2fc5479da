//! Hands chunks to threads, takes their results in order, and finds the first thing that goes wrong.

use super::error::Payload;
use super::estimate::Progress;
use super::integrand::Integrand;
use rayon::prelude::*;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

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

    /// Computes the values at `x`, and puts them behind the first `done`; a panic is caught. The fault is
    /// that of the first place with one that is found here: unless `skip` is set, a value that is not
    /// finite comes before a panic behind it.
    pub(super) fn fill<I: Integrand<N>>(
        &mut self,
        integrand: &I,
        (x, c): (&[f64], &[f64]),
        done: usize,
        skip: bool,
    ) -> Result<(), Fault> {
        let at = Cell::new(0);
        let y = self.y.each_mut().map(|y| &mut y[done..]);
        // Nothing is looked at again after a panic, but for what was computed before it.
        let filled = catch_unwind(AssertUnwindSafe(|| integrand.fill(x, c, y, &at)));
        let Err(payload) = filled else { return Ok(()) };
        let at = at.get().min(x.len().saturating_sub(1));
        if !skip {
            self.check(&x[..at], done, false)?;
        }
        let x = x.get(at).copied().unwrap_or(f64::NAN);
        Err(Fault::Panicked { x, payload: Payload::new(payload) })
    }

    /// Whether so many values of each component are numbers, from the index `first` on.
    pub(super) fn are_finite(&self, first: usize, count: usize) -> bool {
        let all =
            |y: &Vec<f64>| y[first..][..count].iter().fold(true, |all, y| all & y.is_finite());
        self.y.iter().all(all)
    }

    /// Finds the first value at `x` that is not finite, or makes zeros of them all. The values are those
    /// from the index `first` on.
    #[cold]
    pub(super) fn check(&mut self, x: &[f64], first: usize, skip: bool) -> Result<(), Fault> {
        for (index, &x) in x.iter().enumerate() {
            for component in &mut self.y {
                let y = &mut component[first + index];
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

    /// Both at once.
    fn compute<I: Integrand<N>>(
        &mut self,
        integrand: &I,
        (x, c): (&[f64], &[f64]),
        done: usize,
        skip: bool,
    ) -> Result<(), Fault> {
        self.fill(integrand, (x, c), done, skip)?;
        if self.are_finite(done, x.len()) { Ok(()) } else { self.check(x, done, skip) }
    }
}

/// Below this cost threads are not worth waking.
const WORTH_NANOS: f64 = 20_000.0;
/// What a thread takes at a time should cost about as much.
const GRAIN_NANOS: f64 = 10_000.0;

/// Computes the values at arbitrary places for the adaptive rules, on several threads if the integrand is slow.
pub(super) struct Sampler<'a, I, const N: usize> {
    integrand: &'a I,
    skip: bool,
    sequential: bool,
    /// The cost of one value, once known.
    nanos: Option<f64>,
    pub(super) evals: u64,
    values: Values<N>,
}

impl<'a, I: Integrand<N>, const N: usize> Sampler<'a, I, N> {
    pub(super) fn new(integrand: &'a I, skip: bool, setup: &Setup<'_>) -> Self {
        let (sequential, values) = (setup.sequential, Values::with_room(0));
        Self { integrand, skip, sequential, nanos: None, evals: 0, values }
    }

    /// The values at `x`, and behind them what is left of others. The fault is that of the first place
    /// with one, whatever the threads do: pieces are looked through in order.
    #[allow(clippy::cast_precision_loss)]
    pub(super) fn values(&mut self, x: &[f64], c: &[f64]) -> Result<&mut [Vec<f64>; N], Fault> {
        self.evals += x.len() as u64;
        let room = x.len().next_multiple_of(8);
        for y in &mut self.values.y {
            if y.len() < room {
                y.resize(room, 0.0);
            }
        }
        let mut done = 0;
        while done < x.len() {
            let rest = x.len() - done;
            if let Some(nanos) = self.nanos
                && nanos * rest as f64 >= WORTH_NANOS
                && !self.sequential
                && rest > Self::grain(nanos)
            {
                self.spread(x, c, done, Self::grain(nanos))?;
                break;
            }
            let end = done + rest.min(I::PIECE);
            let places = (&x[done..end], c.get(done..end).unwrap_or(&[]));
            let began = (self.nanos.is_none() && !self.sequential).then(Instant::now);
            self.values.compute(self.integrand, places, done, self.skip)?;
            if let Some(began) = began {
                self.nanos = Some(began.elapsed().as_nanos() as f64 / (end - done) as f64);
            }
            done = end;
        }
        Ok(&mut self.values.y)
    }

    /// How many values a thread computes at a time.
    fn grain(nanos: f64) -> usize {
        if !I::DIVISIBLE {
            return I::PIECE;
        }
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        // saturates, and is clamped
        let grain = (GRAIN_NANOS / nanos) as usize;
        grain.clamp(8, I::PIECE).next_multiple_of(8)
    }

    /// Computes the values at `x` from the index `done` on, on all threads.
    fn spread(&mut self, x: &[f64], c: &[f64], done: usize, grain: usize) -> Result<(), Fault> {
        let (integrand, skip) = (self.integrand, self.skip);
        let parts: Vec<Result<Values<N>, Fault>> = x[done..]
            .par_chunks(grain)
            .enumerate()
            .with_max_len(1)
            .map(|(at, x)| {
                let c = if c.is_empty() { c } else { &c[done + at * grain..][..x.len()] };
                let mut values = Values::with_room(x.len());
                values.compute(integrand, (x, c), 0, skip)?;
                Ok(values)
            })
            .collect();
        for (at, part) in parts.into_iter().enumerate() {
            for (all, part) in self.values.y.iter_mut().zip(&part?.y) {
                all[done + at * grain..][..part.len()].copy_from_slice(part);
            }
        }
        Ok(())
    }
}
