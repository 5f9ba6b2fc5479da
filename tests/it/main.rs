//! Everything that is tested from outside, in one binary.

#![cfg(not(any(brigade_loom, brigade_shuttle)))]

mod alone;
mod barrier;
#[cfg(feature = "pool")]
mod census;
mod clock;
#[cfg(feature = "integrate")]
mod integrate;
mod lock;
mod monitor;
mod mutex;
mod phaser;
#[cfg(feature = "pipeline")]
mod pipeline;
#[cfg(feature = "pool")]
mod pool;
mod rwlock;
mod semaphore;
#[cfg(feature = "sink")]
mod sink;
#[cfg(feature = "timeline")]
mod timeline;
mod watchdog;
