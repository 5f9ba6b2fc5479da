//! How long to wait between two tries, and until when.

use std::fmt;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::{Duration, Instant};

use super::error::Timeout;
use crate::clock::nanos;

/// How much of a pause is left to chance.
///
/// Threads that failed together try again together, and fail together again, unless chance parts them.
/// `cap` is the pause that is due: it begins at the `min` of
/// [`Attempt::backoff`](super::Attempt::backoff) and doubles each time, up to its `max`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Jitter {
    /// Anything from nothing to `cap`, all equally likely. There is no floor: one would bring threads
    /// together again that chance had parted.
    #[default]
    Full,
    /// Half of `cap`, and anything up to the other half.
    Equal,
    /// Exactly `cap`.
    None,
}

/// Where the time comes from. Tests bring their own.
pub(super) trait Time: fmt::Debug {
    fn now(&self) -> Instant;
    fn sleep(&self, pause: Duration);
    fn spin(&self, round: u32);
}

#[derive(Debug)]
pub(super) struct Real;

impl Time for Real {
    fn now(&self) -> Instant {
        Instant::now()
    }

    fn sleep(&self, pause: Duration) {
        crate::sync::nap(pause);
    }

    fn spin(&self, round: u32) {
        (0..1_u32 << round.min(6)).for_each(|_| std::hint::spin_loop());
    }
}

/// Vigna's xorshift64* (2016): eight bytes of state, and good enough to part two threads.
#[derive(Debug, Clone)]
pub(super) struct Random(u64);

impl Random {
    /// Any seed will do: Steele's and Vigna's mixer (`SplitMix64`, 2014) spreads it, and zero, on which
    /// xorshift would stand still, is avoided.
    pub(super) fn new(seed: u64) -> Self {
        let mut mixed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        Self((mixed ^ mixed >> 31).max(1))
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number from 0 to `most`, both included.
    #[allow(
        clippy::cast_possible_truncation,
        reason = "the product is below `most + 1` times 2^64"
    )]
    fn up_to(&mut self, most: u64) -> u64 {
        ((u128::from(self.next()) * (u128::from(most) + 1)) >> 64) as u64
    }
}

/// The pauses of one attempt.
#[derive(Debug, Clone)]
pub(super) struct Backoff {
    cap: u64,
    max: u64,
    jitter: Jitter,
    random: Random,
}

impl Backoff {
    pub(super) fn new(min: Duration, max: Duration, jitter: Jitter, seed: Option<u64>) -> Self {
        let seed = seed.unwrap_or_else(|| RandomState::new().build_hasher().finish());
        let min = nanos(min);
        Self { cap: min, max: nanos(max).max(min), jitter, random: Random::new(seed) }
    }

    pub(super) fn next(&mut self) -> Duration {
        let cap = self.cap;
        self.cap = cap.saturating_mul(2).min(self.max);
        Duration::from_nanos(match self.jitter {
            Jitter::Full => self.random.up_to(cap),
            Jitter::Equal => cap / 2 + self.random.up_to(cap - cap / 2),
            Jitter::None => cap,
        })
    }
}

/// Rounds of spinning without a look at the clock, a microsecond in all.
const CLOCKLESS: u32 = 6;

/// The course of one attempt, from the first refusal on.
#[derive(Debug)]
pub struct Pace<'t> {
    time: &'t dyn Time,
    began: Instant,
    deadline: Option<Instant>,
    spins: (u32, u32),
    backoff: Backoff,
    attempts: u64,
}

impl<'t> Pace<'t> {
    /// `deadline` gets the time at which the pace begins.
    pub(super) fn new(
        time: &'t dyn Time,
        deadline: impl FnOnce(Instant) -> Option<Instant>,
        spins: u32,
        backoff: Backoff,
    ) -> Self {
        let began = time.now();
        Self { time, began, deadline: deadline(began), spins: (0, spins), backoff, attempts: 1 }
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    pub(super) fn is_over(&self) -> bool {
        self.deadline.is_some_and(|deadline| self.time.now() >= deadline)
    }

    pub(super) fn count(&mut self) {
        self.attempts += 1;
    }

    /// Passes some time, though not beyond the deadline; `false` if that has come.
    pub(super) fn pause(&mut self) -> bool {
        let (spun, spins) = self.spins;
        // The first rounds are shorter than a look at the clock.
        let now = if spun < CLOCKLESS { self.began } else { self.time.now() };
        if spun < spins && self.deadline.is_none_or(|deadline| now < deadline) {
            self.spins.0 += 1;
            self.time.spin(spun);
            return true;
        }
        let pause = match self.deadline {
            None => self.backoff.next(),
            Some(deadline) => match deadline.saturating_duration_since(self.time.now()) {
                Duration::ZERO => return false,
                left => self.backoff.next().min(left),
            },
        };
        self.time.sleep(pause);
        true
    }

    /// Tries until it succeeds or the deadline has come; the last try is then.
    pub(super) fn poll<T>(&mut self, mut attempt: impl FnMut() -> Option<T>) -> Option<T> {
        loop {
            self.count();
            if let Some(success) = attempt() {
                return Some(success);
            }
            if !self.pause() {
                return None;
            }
        }
    }

    pub(super) fn timeout(&self, blocked_on: Option<usize>) -> Timeout {
        let waited = self.time.now().saturating_duration_since(self.began);
        Timeout { attempts: self.attempts, waited, blocked_on }
    }
}
