//! The facade: the one file that decides whose locks, atomics and threads the crate runs on.
//!
//! Production takes `parking_lot` and `std`; `--cfg brigade_loom` and `--cfg brigade_shuttle` swap
//! in the two model checkers and nothing else, so that the models explore the shipped code.
//! The shape is `parking_lot`'s: `lock()` gives a guard, `wait` borrows it.

#[cfg(any(brigade_loom, brigade_shuttle))]
pub(crate) mod lot;
#[cfg(any(brigade_loom, brigade_shuttle))]
mod modelled;
mod mutant;
#[allow(unreachable_pub, reason = "the models reach in")]
pub(crate) mod parking;
pub(crate) mod spin;

pub use mutant::Mutant;
#[cfg(any(brigade_loom, brigade_shuttle))]
pub use mutant::arm;
pub(crate) use mutant::mutant;

#[cfg(any(brigade_loom, brigade_shuttle))]
pub(crate) use modelled::{Condvar, Mutex};
#[cfg(not(any(brigade_loom, brigade_shuttle)))]
pub(crate) use parking_lot::{Condvar, Mutex};

#[cfg(brigade_loom)]
pub(crate) use loom::{sync::atomic, thread};
#[cfg(brigade_shuttle)]
pub(crate) use shuttle::{sync::atomic, thread};
#[cfg(not(any(brigade_loom, brigade_shuttle)))]
pub(crate) use std::{sync::atomic, thread};
