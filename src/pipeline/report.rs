//! What a pipeline did, stage by stage, and which stage holds up the others.

use std::fmt;
use std::time::Duration;

use super::control::Crew;
use super::error::Failure;
use super::seat::BUCKETS;

/// What a pipeline has done so far, or, from one of its ends, in all.
///
/// # Examples
///
/// ```
/// use brigade::pipeline::{Par, Pipeline};
///
/// let (sum, report) = Pipeline::new(1..=1000u64)
///     .map("square", Par::Workers(2), |x| x * x)
///     .filter_map("odd", Par::Serial, |x| (x % 2 == 1).then_some(x))
///     .scope(|items, _| items.sum::<u64>())?;
/// assert_eq!((sum, report.items), (166_666_500, 500));
/// let square = report.stage("square").expect("it is there");
/// assert_eq!((square.workers, square.taken, square.given), (2, 1000, 1000));
/// println!("{report}");
/// # Ok::<(), brigade::pipeline::PipelineError>(())
/// ```
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Report {
    /// The source, the stages in their order, and the sink.
    pub stages: Vec<StageReport>,
    /// From the start to the end of the last thread, or until now.
    pub elapsed: Duration,
    /// Items that the sink took.
    pub items: u64,
    /// What [`OnError::Collect`](super::OnError::Collect) has collected, by item.
    pub failures: Vec<Failure>,
}

impl Report {
    /// The stage that keeps the others waiting: the one with the highest [load](StageReport::load).
    ///
    /// None without [statistics](super::Pipeline::statistics), or before anything has run.
    #[must_use]
    pub fn bottleneck(&self) -> Option<&StageReport> {
        let worked = self.stages.iter().filter(|stage| stage.busy > Duration::ZERO);
        worked.max_by(|a, b| a.load().total_cmp(&b.load()))
    }

    /// The stage of this name; the first one if there are several.
    #[must_use]
    pub fn stage(&self, name: &str) -> Option<&StageReport> {
        self.stages.iter().find(|stage| stage.name == name)
    }

    /// Items a second that reached the sink.
    #[must_use]
    #[allow(clippy::cast_precision_loss)]
    pub fn throughput(&self) -> f64 {
        let seconds = self.elapsed.as_secs_f64();
        if seconds > 0.0 { self.items as f64 / seconds } else { 0.0 }
    }
}

/// What one stage has done.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct StageReport {
    /// Its name; stages that share their threads are one, their names joined by `" + "`.
    pub name: String,
    /// Its threads.
    pub workers: usize,
    /// Items that it took.
    pub taken: u64,
    /// Items that it gave.
    pub given: u64,
    /// Items that failed and were passed over, as the policy says.
    pub failed: u64,
    /// Time in the code of the stage, added up over its threads: all but the next two.
    pub busy: Duration,
    /// Time that its threads waited for an item to take.
    pub starved: Duration,
    /// Time that its threads waited for room to give an item.
    pub blocked: Duration,
    /// How long one item takes, from a sample of the batches.
    pub service: ServiceTime,
    /// The most items that waited before it at one time.
    pub queue_high_water: usize,
    /// How many items wait before it now.
    pub queue: usize,
    /// How many may wait before it; zero for the source.
    pub capacity: usize,
    /// Time its threads existed, added up.
    alive: Duration,
    pub(super) ended: u64,
}

impl StageReport {
    pub(super) fn new(crew: &Crew, now: u64, timed: bool) -> Self {
        let nanos = Duration::from_nanos;
        let sum = |of: &dyn Fn(&super::seat::Post) -> u64| crew.posts.iter().map(|p| of(p)).sum();
        let alive = nanos(sum(&|post| post.alive.get(now)));
        let starved = nanos(sum(&|post| post.starved.get(now)));
        let blocked = nanos(sum(&|post| post.blocked.get(now)));
        let mut service = ServiceTime::default();
        crew.posts.iter().for_each(|post| service.add(post.service.read()));
        let runs = crew.posts.iter().any(|post| post.alive.runs());
        let queue = crew.gauge.len();
        let ended = crew.posts.iter().map(|post| post.alive.get(now)).max().unwrap_or(0);
        Self {
            name: crew.name.clone(),
            workers: crew.posts.len(),
            taken: sum(&|post| post.taken.get()),
            given: sum(&|post| post.given.get()),
            failed: sum(&|post| post.failed.get()),
            busy: if timed { alive.saturating_sub(starved + blocked) } else { Duration::ZERO },
            starved,
            blocked,
            service,
            // Of a stage that is stuck in an item nobody has looked since it took it.
            queue_high_water: crew.gauge.high().max(queue),
            queue,
            capacity: crew.capacity,
            alive,
            ended: if runs { now } else { ended },
        }
    }

    /// The share of their time that its threads were busy, from 0 to 1.
    #[must_use]
    pub fn load(&self) -> f64 {
        let alive = self.alive.as_secs_f64();
        if alive > 0.0 { self.busy.as_secs_f64() / alive } else { 0.0 }
    }
}

/// How long one item takes, in powers of two of a nanosecond.
#[derive(Debug, Clone, Copy)]
pub struct ServiceTime {
    buckets: [u64; BUCKETS],
    items: u64,
    total: Duration,
}

impl Default for ServiceTime {
    fn default() -> Self {
        Self { buckets: [0; BUCKETS], items: 0, total: Duration::ZERO }
    }
}

impl ServiceTime {
    fn add(&mut self, (buckets, items, total): ([u64; BUCKETS], u64, Duration)) {
        for (sum, bucket) in self.buckets.iter_mut().zip(buckets) {
            *sum += bucket;
        }
        self.items += items;
        self.total += total;
    }

    /// How many items were timed.
    #[must_use]
    pub fn items(&self) -> u64 {
        self.items
    }

    /// The mean; zero if nothing was timed.
    #[must_use]
    pub fn mean(&self) -> Duration {
        let nanos = self.total.as_nanos().checked_div(u128::from(self.items)).unwrap_or(0);
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// An upper bound, at most twice too large, of the time that the fraction `q` (0 to 1) of the
    /// items does not exceed; items that were timed together count as equally long.
    #[must_use]
    #[allow(clippy::cast_precision_loss)]
    pub fn quantile(&self, q: f64) -> Duration {
        let target = q.clamp(0.0, 1.0) * self.items as f64;
        let mut seen = 0;
        for (power, &items) in self.buckets.iter().enumerate() {
            seen += items;
            if items > 0 && seen as f64 >= target {
                return Duration::from_nanos(1 << power);
            }
        }
        Duration::ZERO
    }
}

/// Three digits and a unit.
struct Short(Duration);

impl fmt::Display for Short {
    #[allow(clippy::cast_precision_loss)]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = self.0.as_nanos() as f64;
        let (value, unit) = match nanos {
            n if n < 1e3 => (n, "ns"),
            n if n < 1e6 => (n / 1e3, "µs"),
            n if n < 1e9 => (n / 1e6, "ms"),
            n => (n / 1e9, "s"),
        };
        let digits = match value {
            v if v >= 100.0 || unit == "ns" => 0,
            v if v >= 10.0 => 1,
            _ => 2,
        };
        f.pad(&format!("{value:.digits$} {unit}"))
    }
}

impl fmt::Display for Report {
    /// A line a stage, and one that names the bottleneck.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.stages.iter().map(|stage| stage.name.chars().count());
        let width = names.max().unwrap_or(0).max(5);
        let failed = self.stages.iter().any(|stage| stage.failed > 0);
        write!(f, "{:width$} {:>7} {:>10} {:>10}", "stage", "workers", "taken", "given")?;
        if failed {
            write!(f, " {:>8}", "failed")?;
        }
        writeln!(
            f,
            " {:>6} {:>8} {:>8} {:>9} {:>11}",
            "busy", "starved", "blocked", "an item", "queue"
        )?;
        for stage in &self.stages {
            let StageReport { name, workers, taken, given, .. } = stage;
            write!(f, "{name:width$} {workers:>7} {taken:>10} {given:>10}")?;
            if failed {
                write!(f, " {:>8}", stage.failed)?;
            }
            let share = |part: Duration| match stage.alive.as_secs_f64() {
                alive if alive > 0.0 => 100.0 * part.as_secs_f64() / alive,
                _ => 0.0,
            };
            let queue = match stage.capacity {
                0 => String::from("-"),
                capacity => format!("{}/{capacity}", stage.queue_high_water),
            };
            let item = match stage.service.items() {
                0 => String::from("-"),
                _ => Short(stage.service.mean()).to_string(),
            };
            writeln!(
                f,
                " {:>4.0} % {:>6.0} % {:>6.0} % {item:>9} {queue:>11}",
                share(stage.busy),
                share(stage.starved),
                share(stage.blocked),
            )?;
        }
        write!(f, "{} items in {}", self.items, Short(self.elapsed))?;
        if let Some(stage) = self.bottleneck() {
            write!(f, "; the bottleneck is {} ({:.0} % busy)", stage.name, 100.0 * stage.load())?;
        }
        match self.failures.len() {
            0 => Ok(()),
            1 => f.write_str("; 1 failure was collected"),
            many => write!(f, "; {many} failures were collected"),
        }
    }
}
