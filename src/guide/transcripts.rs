//! What each program shows: its transcripts, as the tests run them.
//!
//! `[..]` stands for what differs from run to run, and a line of `...` for any lines.
//!
//! In the programs the bugs are arranged, so that they happen each time. Models find the deadlock, the
//! leaked lock, both lapses with the condition variable and the missing barrier without that, in
//! some thousands of drawn schedules: `tests/model/course.rs`.
//!
//! | Program | What goes wrong | What puts it right |
//! |---|---|---|
//! | [`ch02_data_race`] | two read before either writes | [`FairMutex`](crate::mutex::FairMutex), an atomic |
//! | [`ch02_critical_section`] | thinking inside the lock | thinking outside |
//! | [`ch03_reentrant_lock`] | a thread waits for itself | [`FairReentrantMutex`](crate::mutex::FairReentrantMutex) |
//! | [`ch03_try_lock`] | waiting with work at hand | [`try_lock`](lock_api::Mutex::try_lock) |
//! | [`ch03_rwlock`] | readers one after the other | [`FairRwLock`](crate::rwlock::FairRwLock) |
//! | [`ch04_deadlock`] | each waits for the next, in a circle | [`lock_ranks!`](crate::lock::lock_ranks), [`Attempt`](crate::lock::Attempt) |
//! | [`ch04_abandoned_lock`] | a thread is gone with the lock | a guard |
//! | [`ch04_starvation`] | those who run pass those who wait | [`FairMutex`](crate::mutex::FairMutex) |
//! | [`ch04_livelock`] | all give way in step | the random pauses of an [`Attempt`](crate::lock::Attempt) |
//! | [`ch05_condvar`] | `if` for `while`, one woken for all | [`FairCondvar`](crate::mutex::FairCondvar), [`Monitor`](crate::monitor::Monitor) |
//! | [`ch05_producer_consumer`] | bowls that find no room, one pill for two eaters | [`Pipeline`](crate::pipeline::Pipeline) |
//! | [`ch05_pipeline`] | one vegetable after the other | [`Pipeline`](crate::pipeline::Pipeline) |
//! | [`ch06_semaphore`] | a permit that goes back twice | [`Semaphore`](crate::semaphore::Semaphore) with guards, [`BoundedSemaphore`](crate::semaphore::BoundedSemaphore) |
//! | [`ch07_race_condition`] | the order decides, under the lock too | saying which order |
//! | [`ch07_barrier`] | a barrier that counts some of them | [`Barrier`](crate::barrier::Barrier) |
//! | [`ch08_future`] | an error that nobody asks for | [`Future`](crate::pool::Future) |
//! | [`ch08_thread_pool`] | a thread for each job | [`Pool`](crate::pool::Pool), `ProcessPool` |
//! | [`ch09_recursive_sum`] | all workers wait for jobs that nobody runs | [`Claims`](crate::pool::Claims) |
//! | [`ch10_speedup`] | a baseline that is not sequential | a loop on one thread, warm and repeated |
//! | [`gamma`] | a remainder that whole division loses | [`Integral`](crate::integrate::Integral) |
//! | [`merged_sink`] | | [`OrderedSink`](crate::sink::OrderedSink) |

#[macro_use]
#[path = "../../examples/support/programs.rs"]
mod programs;

macro_rules! pages {
    ($($name:ident)*) => {
        $(
            #[doc = include_str!(concat!("../../examples/", stringify!($name), ".md"))]
            pub mod $name {}
        )*
    };
}

programs!(pages);
