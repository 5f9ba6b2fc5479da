//! Every example of the course, run with short settings, its outcome asserted.

// An example's `main` reads flags and prints; what it does is in functions, which is what runs here.
#![allow(dead_code)]
// Each brings what it needs of `examples/support`, as it does when it is a program.
#![allow(clippy::duplicate_mod)]

#[path = "../examples/ch02_critical_section.rs"]
pub mod ch02_critical_section;
#[path = "../examples/ch02_data_race.rs"]
pub mod ch02_data_race;
#[path = "../examples/ch03_reentrant_lock.rs"]
pub mod ch03_reentrant_lock;
#[path = "../examples/ch03_rwlock.rs"]
pub mod ch03_rwlock;
#[path = "../examples/ch03_try_lock.rs"]
pub mod ch03_try_lock;
#[path = "../examples/ch04_abandoned_lock.rs"]
pub mod ch04_abandoned_lock;
#[path = "../examples/ch04_deadlock.rs"]
pub mod ch04_deadlock;
#[path = "../examples/ch04_livelock.rs"]
pub mod ch04_livelock;
#[path = "../examples/ch04_starvation.rs"]
pub mod ch04_starvation;
#[path = "../examples/ch05_condvar.rs"]
pub mod ch05_condvar;
#[path = "../examples/ch05_pipeline.rs"]
pub mod ch05_pipeline;
#[path = "../examples/ch05_producer_consumer.rs"]
pub mod ch05_producer_consumer;
#[path = "../examples/ch06_semaphore.rs"]
pub mod ch06_semaphore;
#[path = "../examples/ch07_barrier.rs"]
pub mod ch07_barrier;
#[path = "../examples/ch07_race_condition.rs"]
pub mod ch07_race_condition;
#[path = "../examples/ch08_future.rs"]
pub mod ch08_future;
#[path = "../examples/ch08_thread_pool.rs"]
pub mod ch08_thread_pool;
#[path = "../examples/ch09_recursive_sum.rs"]
pub mod ch09_recursive_sum;
#[path = "../examples/ch10_speedup.rs"]
pub mod ch10_speedup;
#[path = "../examples/gamma.rs"]
pub mod gamma;
#[path = "../examples/merged_sink.rs"]
pub mod merged_sink;

#[path = "course/ch02_critical_section.rs"]
mod ch02_critical_section_shows;
#[path = "course/ch02_data_race.rs"]
mod ch02_data_race_shows;
#[path = "course/ch03_reentrant_lock.rs"]
mod ch03_reentrant_lock_shows;
#[path = "course/ch03_rwlock.rs"]
mod ch03_rwlock_shows;
#[path = "course/ch03_try_lock.rs"]
mod ch03_try_lock_shows;
#[path = "course/ch04_abandoned_lock.rs"]
mod ch04_abandoned_lock_shows;
#[path = "course/ch04_deadlock.rs"]
mod ch04_deadlock_shows;
#[path = "course/ch04_livelock.rs"]
mod ch04_livelock_shows;
#[path = "course/ch04_starvation.rs"]
mod ch04_starvation_shows;
#[path = "course/ch05_condvar.rs"]
mod ch05_condvar_shows;
#[path = "course/ch05_pipeline.rs"]
mod ch05_pipeline_shows;
#[path = "course/ch05_producer_consumer.rs"]
mod ch05_producer_consumer_shows;
#[path = "course/ch06_semaphore.rs"]
mod ch06_semaphore_shows;
#[path = "course/ch07_barrier.rs"]
mod ch07_barrier_shows;
#[path = "course/ch07_race_condition.rs"]
mod ch07_race_condition_shows;
#[path = "course/ch08_future.rs"]
mod ch08_future_shows;
#[path = "course/ch08_thread_pool.rs"]
mod ch08_thread_pool_shows;
#[path = "course/ch09_recursive_sum.rs"]
mod ch09_recursive_sum_shows;
#[path = "course/ch10_speedup.rs"]
mod ch10_speedup_shows;
#[path = "course/gamma.rs"]
mod gamma_shows;
#[path = "course/merged_sink.rs"]
mod merged_sink_shows;

#[path = "course/program.rs"]
mod program;
#[macro_use]
#[path = "../examples/support/programs.rs"]
mod programs;
#[path = "../examples/support/scene.rs"]
pub mod scene;
#[path = "course/scene.rs"]
mod scene_shows;
#[path = "course/watch.rs"]
mod watch_shows;
#[path = "it/watchdog.rs"]
mod watchdog;

use clap::{CommandFactory as _, Parser};

/// Runs a part of an example with these flags.
fn played<O: Parser, R: Send + 'static>(
    name: &'static str,
    flags: &'static str,
    run: impl FnOnce(O) -> R + Send + 'static,
) -> R {
    watchdog::within(name, move || {
        watchdog::step(flags);
        let flags = [name].into_iter().chain(flags.split_whitespace());
        run(O::try_parse_from(flags).unwrap_or_else(|error| panic!("{name}: {error}")))
    })
}

/// The name of a program, and its flags.
macro_rules! flags {
    ($($name:ident)*) => {
        [$((stringify!($name), $name::Options::command())),*]
    };
}

#[test]
fn the_flags_of_every_program_are_sound() {
    let programs = programs!(flags);
    for (name, mut command) in programs.clone() {
        assert_eq!(command.get_name(), name);
        assert!(command.get_about().is_some(), "{name} --help says what it shows");
        for argument in command.get_arguments() {
            let explained = argument.get_help().is_some() || argument.get_long_help().is_some();
            assert!(explained, "{name} --{} is not explained", argument.get_id());
        }
        command.build();
        command.clone().debug_assert();
        let shown = command.try_get_matches_from([name, "--help"]).expect_err(name);
        assert_eq!(shown.exit_code(), 0, "{name} --help");
        assert!(shown.to_string().contains(&format!("Usage: {name} [OPTIONS]")), "{shown}");
    }
}
