//! The models: every interleaving that loom finds, and many that shuttle draws, of shipped code.
//!
//! A primitive's models lie in the file of its name, with a table of its mutants: each of them
//! takes one thing away that an argument leans on, and names the model that must fail then.

#![cfg(any(brigade_loom, brigade_shuttle))]

mod barrier;
mod contrast;
#[cfg(brigade_shuttle)]
mod course;
mod explore;
mod lock;
mod monitor;
mod mutex;
mod phaser;
#[cfg(feature = "pipeline")]
mod pipeline;
mod pool;
#[cfg(feature = "pipeline")]
mod rings;
mod rwlock;
mod semaphore;
mod sink;

/// The mutants of all of them.
const CONTRASTS: &[&[contrast::Contrast]] = &[
    barrier::CONTRASTS,
    lock::CONTRASTS,
    monitor::CONTRASTS,
    mutex::CONTRASTS,
    phaser::CONTRASTS,
    pool::CONTRASTS,
    #[cfg(feature = "pipeline")]
    pipeline::CONTRASTS,
    #[cfg(feature = "pipeline")]
    rings::CONTRASTS,
    rwlock::CONTRASTS,
    semaphore::CONTRASTS,
    sink::CONTRASTS,
];
