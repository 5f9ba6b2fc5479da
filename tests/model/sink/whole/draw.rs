//! How shuttle is asked, and the clock it is asked with.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use brigade::clock::{Clock, Stamp};
use brigade::sink::{Durability, Overflow};
use shuttle::rand::{Rng, thread_rng};
use shuttle::scheduler::{PctScheduler, RandomScheduler};
use shuttle::{Config, MaxSteps, Runner, thread};

use crate::sink::mutants::WEAKENINGS;
use crate::weakened::arm_as_told;

/// Changes of priority in one schedule of PCT.
const DEPTH: usize = 4;

/// More scheduling decisions than this in one run are a livelock.
const LIVELOCK: usize = 400_000;

/// How many times more schedules a weakened sink may need to fail, for luck to play no part.
const PERSISTENCE: usize = 30;

/// Runs `model` in so many schedules drawn evenly, and as many drawn by priorities.
pub(crate) fn draw(schedules: usize, model: impl Fn() + Send + Sync + Clone + 'static) {
    let schedules = if arm_as_told(WEAKENINGS) { schedules * PERSISTENCE } else { schedules };
    let name = std::thread::current().name().unwrap_or("a model").to_owned();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
    let seed = match std::env::var("SHUTTLE_RANDOM_SEED") {
        Ok(seed) => seed.parse().expect("SHUTTLE_RANDOM_SEED is a number"),
        Err(_) => now as u64,
    };
    println!("{name}: SHUTTLE_RANDOM_SEED={seed}");
    let mut config = Config::new();
    config.max_steps = MaxSteps::FailAfter(LIVELOCK);
    config.stack_size = 1 << 17;
    let began = Instant::now();
    let evenly = RandomScheduler::new_from_seed(seed, schedules);
    Runner::new(evenly, config.clone()).run(model.clone());
    let by_priority = PctScheduler::new_from_seed(seed, DEPTH, schedules);
    Runner::new(by_priority, config).run(model);
    println!("{name}: 2 x {schedules} schedules, {:.2?}", began.elapsed());
}

/// What all of these threads have to tell, once all are through.
pub(crate) fn join<R>(threads: Vec<thread::JoinHandle<Vec<R>>>) -> Vec<R> {
    threads.into_iter().flat_map(|thread| thread.join().expect("a thread that ends")).collect()
}

pub(crate) fn number(within: Range<u64>) -> u64 {
    thread_rng().gen_range(within)
}

/// True once in so many.
pub(crate) fn once_in(times: u64) -> bool {
    number(0..times) == 0
}

pub(crate) fn maybe_yield() {
    if once_in(6) {
        thread::yield_now();
    }
}

pub(crate) fn overflow() -> Overflow {
    match number(0..4) {
        0 => Overflow::Reject,
        1 => Overflow::DropNewest,
        2 => Overflow::Timeout(Duration::from_nanos(1)),
        _ => Overflow::Block,
    }
}

/// Never a level whose deadline real time decides.
pub(crate) fn durability() -> Durability {
    match number(0..3) {
        0 => Durability::None,
        1 => Durability::Flush,
        _ => Durability::Sync { every: Duration::ZERO },
    }
}

/// A clock that moves by fits and starts, and steps back.
#[derive(Debug, Clone, Default)]
pub(crate) struct Jumpy(Arc<AtomicU64>);

impl Clock for Jumpy {
    fn now(&self) -> Stamp {
        let now = self.0.fetch_add(number(0..4), Ordering::Relaxed);
        Stamp::from_nanos(now.saturating_sub(number(0..6)))
    }
}
