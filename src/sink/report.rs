//! Counts: live while the sink runs, exact when it is finished.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::encode::{ProducerId, Recovered};
use super::frontier::Counters;
use crate::clock::Stamp;

/// What a sink has done so far, or, from `finish`, in all.
///
/// Without a failure a final report has `accepted == written`.
///
/// # Examples
///
/// ```
/// use brigade::sink::{MemoryOutput, OrderedSink, Text};
///
/// let sink = OrderedSink::builder(Text::new(), MemoryOutput::new()).build()?;
/// sink.producer("chef")?.push(7)?;
/// let report = sink.finish()?;
/// assert_eq!((report.accepted, report.written), (1, 1));
/// println!("{report}");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// Records for which a push returned `Ok`. Live: those the writer has seen.
    pub accepted: u64,
    /// Records in the output.
    pub written: u64,
    /// Bytes in the output from this sink, headers included.
    pub bytes: u64,
    /// Pushes refused because the stamp was late.
    pub late: u64,
    /// Late stamps that were moved forward instead, as the policy says.
    pub clamped: u64,
    /// Pushes refused because the stamp was too far ahead.
    pub too_far_ahead: u64,
    /// Pushes refused because the ring was full.
    pub full: u64,
    /// Pushes refused because the ring stayed full too long.
    pub timed_out: u64,
    /// Records dropped because the ring was full, as the policy says.
    pub dropped: u64,
    /// Pushes refused because the encoding cannot express the value.
    pub invalid: u64,
    /// Times that the writer cut past a stamp before its claim stood, so that it was drawn anew.
    pub restamped: u64,
    /// Times that the writer looked at all producers.
    pub rounds: u64,
    /// How long the syncs took.
    pub syncs: Durations,
    /// The most records that one producer's ring has held.
    pub ring_high_water: usize,
    /// The most producers at one time.
    pub producers: usize,
    /// What was found in an output that already had content, and the bytes of its torn tail.
    pub recovered: Option<Recovery>,
}

/// What a reopened output held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Recovery {
    /// Bytes of whole records that were kept.
    pub kept: u64,
    /// Bytes of a torn tail that were removed.
    pub removed: u64,
    /// Stamp of the last record kept; new stamps begin behind it.
    pub last: Option<Stamp>,
}

impl Recovery {
    pub(crate) fn new(found: Recovered, len: u64) -> Self {
        Self { kept: found.keep, removed: len - found.keep, last: found.last }
    }
}

impl Report {
    pub(crate) fn add(&mut self, counters: &Counters) {
        self.late += counters.late.get();
        self.clamped += counters.clamped.get();
        self.too_far_ahead += counters.ahead.get();
        self.full += counters.full.get();
        self.timed_out += counters.timed_out.get();
        self.dropped += counters.dropped.get();
        self.invalid += counters.invalid.get();
        self.restamped += counters.restamped.get();
    }
}

impl fmt::Display for Report {
    /// A few aligned lines; those that are zero and unremarkable are left out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut line = |name: &str, value: &dyn fmt::Display| writeln!(f, "{name:<16}{value:>14}");
        line("accepted", &self.accepted)?;
        line("written", &self.written)?;
        line("bytes", &self.bytes)?;
        line("producers", &self.producers)?;
        line("rounds", &self.rounds)?;
        line("ring high-water", &self.ring_high_water)?;
        let rare = [
            ("late", self.late),
            ("clamped", self.clamped),
            ("too far ahead", self.too_far_ahead),
            ("full", self.full),
            ("timed out", self.timed_out),
            ("dropped", self.dropped),
            ("invalid", self.invalid),
            ("restamped", self.restamped),
        ];
        for (name, count) in rare {
            if count > 0 {
                line(name, &count)?;
            }
        }
        if self.syncs.count() > 0 {
            line("syncs", &self.syncs)?;
        }
        if let Some(recovery) = self.recovered {
            line("bytes kept", &recovery.kept)?;
            line("bytes removed", &recovery.removed)?;
        }
        Ok(())
    }
}

/// A live look at a sink: the counts, and what holds it up.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Stats {
    /// The counts so far.
    pub report: Report,
    /// Every record stamped below it has been taken over by the writer.
    pub cut: Stamp,
    /// How far the cut is behind the clock; zero for logical time.
    pub cut_lag: Duration,
    /// Records taken over and not written yet.
    pub pending: usize,
    /// The producers that are here, in the order of their ids.
    pub producers: Vec<ProducerStats>,
    /// Who keeps the cut from advancing, if anybody does.
    pub held_back_by: Option<HeldBack>,
}

/// A live look at one producer.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ProducerStats {
    /// Its id.
    pub id: ProducerId,
    /// Its name.
    pub name: Arc<str>,
    /// Its records that the writer has seen.
    pub accepted: u64,
    /// Records in its ring at the last look.
    pub ring: usize,
    /// The most records its ring has held at a look.
    pub ring_high_water: usize,
}

/// The answer to "why is nothing coming out?".
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct HeldBack {
    /// The producer that all others wait for.
    pub producer: Arc<str>,
    /// For how long it has been that one without the cut advancing.
    pub since: Duration,
}

/// A histogram of durations in powers of two of a microsecond.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Durations {
    buckets: [u64; 32],
    count: u64,
    total: Duration,
    longest: Duration,
}

impl Durations {
    pub(crate) fn record(&mut self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let bucket = (u64::BITS - micros.leading_zeros()).min(31) as usize;
        self.buckets[bucket] += 1;
        self.count += 1;
        self.total += took;
        self.longest = self.longest.max(took);
    }

    /// How many there were.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Their sum.
    #[must_use]
    pub fn total(&self) -> Duration {
        self.total
    }

    /// The longest one.
    #[must_use]
    pub fn longest(&self) -> Duration {
        self.longest
    }

    /// An upper bound, at most twice too large, of the duration that the fraction `q` (0 to 1)
    /// does not exceed; zero if there were none.
    #[must_use]
    pub fn quantile(&self, q: f64) -> Duration {
        #[allow(clippy::cast_precision_loss)]
        let target = q.clamp(0.0, 1.0) * self.count as f64;
        let mut seen = 0;
        for (power, &count) in self.buckets.iter().enumerate() {
            seen += count;
            #[allow(clippy::cast_precision_loss)]
            if count > 0 && seen as f64 >= target {
                return Duration::from_micros(1 << power).min(self.longest);
            }
        }
        self.longest
    }
}

impl fmt::Display for Durations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format!(
            "{} (median up to {:?}, longest {:?})",
            self.count,
            self.quantile(0.5),
            self.longest
        );
        f.pad(&text)
    }
}
