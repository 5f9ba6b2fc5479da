//! What each program shows: its transcripts, as the tests run them.
//!
//! `[..]` stands for what differs from run to run, and a line of `...` for any lines.

macro_rules! pages {
    ($($name:ident)*) => {
        $(
            #[doc = include_str!(concat!("../../examples/", stringify!($name), ".md"))]
            pub mod $name {}
        )*
    };
}

pages! {
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
    ch06_semaphore
    ch07_barrier
    ch07_race_condition
    merged_sink
}
