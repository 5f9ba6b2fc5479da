//! How the checkers are asked.
//!
//! loom explores every interleaving with so many preemptions; shuttle draws schedules, and prints
//! the seed that draws the same ones again (`SHUTTLE_RANDOM_SEED`).

#[cfg(brigade_loom)]
pub(crate) use exhaustive::explore;
#[cfg(brigade_shuttle)]
pub(crate) use random::{draw, explore};

#[cfg(brigade_loom)]
mod exhaustive {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
    use std::time::Instant;

    /// Explores every interleaving with at most `preemptions` preemptions; `None` is all of them.
    ///
    /// `LOOM_MAX_PREEMPTIONS` raises every bound that is lower.
    pub(crate) fn explore(
        preemptions: impl Into<Option<usize>>,
        model: impl Fn() + Send + Sync + 'static,
    ) {
        let mut loom = loom::model::Builder::new();
        let least = loom.preemption_bound.unwrap_or(0);
        loom.preemption_bound = preemptions.into().map(|bound| bound.max(least));
        loom.max_branches = 20_000;
        let bound = loom.preemption_bound;
        let began = Instant::now();
        let runs = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&runs);
        loom.check(move || {
            counter.fetch_add(1, Relaxed);
            model();
        });
        let name = std::thread::current().name().unwrap_or("a model").to_owned();
        println!(
            "{name}: {} interleavings, preemptions {bound:?}, {:.2?}",
            runs.load(Relaxed),
            began.elapsed()
        );
    }
}

#[cfg(brigade_shuttle)]
mod random {
    use std::sync::Arc;
    use std::time::{Instant, SystemTime, UNIX_EPOCH};

    use brigade::internals::Mutant;
    use shuttle::scheduler::{PctScheduler, RandomScheduler};
    use shuttle::{Config, MaxSteps, Runner};

    /// Schedules of either sort for a model that needs no other number.
    const SCHEDULES: usize = 3_000;

    /// Changes of priority in one schedule of PCT.
    const DEPTH: usize = 4;

    /// More scheduling decisions than this in one run are a livelock.
    const LIVELOCK: usize = 400_000;

    /// How many times more schedules a mutant may need to fail, for luck to play no part.
    const PERSISTENCE: usize = 30;

    /// Draws schedules of a model; the bound is loom's.
    pub(crate) fn explore(_: impl Into<Option<usize>>, model: impl Fn() + Send + Sync + 'static) {
        draw(SCHEDULES, model);
    }

    /// Runs `model` in so many schedules drawn evenly, and as many drawn by priorities.
    pub(crate) fn draw(schedules: usize, model: impl Fn() + Send + Sync + 'static) {
        let schedules = match Mutant::armed() {
            Some(_) => schedules * PERSISTENCE,
            None => schedules,
        };
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
        let model = Arc::new(model);
        let again = Arc::clone(&model);
        let evenly = RandomScheduler::new_from_seed(seed, schedules);
        Runner::new(evenly, config.clone()).run(move || again());
        let by_priority = PctScheduler::new_from_seed(seed, DEPTH, schedules);
        Runner::new(by_priority, config).run(move || model());
        println!("{name}: 2 x {schedules} schedules, {:.2?}", began.elapsed());
    }
}
