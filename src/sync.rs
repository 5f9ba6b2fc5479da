//! The facade: the one file that decides whose locks, atomics and threads the crate runs on.
//!
//! Production takes `parking_lot` and `std`; `--cfg brigade_loom` and `--cfg brigade_shuttle` swap
//! in the two model checkers and nothing else, so that the models explore the shipped code.
//! The shape is `parking_lot`'s: `lock()` gives a guard, `wait` borrows it.

#[cfg(any(brigade_loom, brigade_shuttle))]
mod modelled;
mod mutant;
mod preempt;

pub use mutant::Mutant;
#[cfg(any(brigade_loom, brigade_shuttle))]
pub use mutant::arm;

#[cfg(any(brigade_loom, brigade_shuttle))]
pub(crate) use modelled::{Condvar, Mutex};
pub(crate) use mutant::mutant;
#[cfg(not(any(brigade_loom, brigade_shuttle)))]
pub(crate) use parking_lot::{Condvar, Mutex};
pub(crate) use preempt::preempt;

#[cfg(brigade_loom)]
pub(crate) use loom::{sync::atomic, thread};
#[cfg(brigade_shuttle)]
pub(crate) use shuttle::{sync::atomic, thread};
#[cfg(not(any(brigade_loom, brigade_shuttle)))]
pub(crate) use std::{sync::atomic, thread};
