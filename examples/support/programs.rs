//! The list of all programs. Whoever adds one adds it here, and `cargo test --test docs` says what else
//! names it.

/// Expands to `$what! { .. }` over the names of all programs.
macro_rules! programs {
    ($what:ident) => {
        $what! {
            ch02_critical_section
            ch02_data_race
            ch03_reentrant_lock
            ch03_rwlock
            ch03_try_lock
            ch04_abandoned_lock
            ch04_deadlock
            ch04_livelock
            ch04_starvation
            ch05_condvar
            ch05_pipeline
            ch05_producer_consumer
            ch06_semaphore
            ch07_barrier
            ch07_race_condition
            ch08_future
            ch08_thread_pool
            ch09_recursive_sum
            ch10_speedup
            gamma
            merged_sink
        }
    };
}
