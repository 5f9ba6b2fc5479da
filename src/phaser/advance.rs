//! What runs between two phases.

use std::ops::ControlFlow;

use crate::sync::{Mutex, const_unless_modelled};

/// A phase that all its parties have arrived in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Advance {
    pub(super) phase: u32,
    pub(super) parties: u32,
}

impl Advance {
    /// The phase that ends.
    #[must_use]
    pub fn phase(&self) -> u32 {
        self.phase
    }

    /// The parties registered when the last one arrived; 0 if it left as it arrived, and no other
    /// was there.
    #[must_use]
    pub fn parties(&self) -> usize {
        self.parties as usize
    }
}

/// What the last party to arrive runs before the next phase begins.
///
/// Implemented by every `FnMut(Advance) -> ControlFlow<()>` and by [`NoAction`]. It cannot be
/// implemented elsewhere.
pub trait OnAdvance: sealed::Sealed {
    #[doc(hidden)]
    type Stage;

    #[doc(hidden)]
    const RUNS: bool;

    #[doc(hidden)]
    fn run(stage: &Self::Stage, advance: Advance) -> ControlFlow<()>;
}

/// The action of a phaser whose phases simply follow each other.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct NoAction;

mod sealed {
    use super::{Advance, ControlFlow};

    pub trait Sealed {}
    impl Sealed for super::NoAction {}
    impl<F: FnMut(Advance) -> ControlFlow<()>> Sealed for F {}
}

impl OnAdvance for NoAction {
    type Stage = ();

    const RUNS: bool = false;

    fn run((): &(), _: Advance) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

impl<F: FnMut(Advance) -> ControlFlow<()>> OnAdvance for F {
    type Stage = Stage<F>;

    const RUNS: bool = true;

    fn run(stage: &Stage<F>, advance: Advance) -> ControlFlow<()> {
        (stage.0.lock())(advance)
    }
}

/// The closure. Never contended: a phase has one last party, and is held by it.
#[derive(Debug)]
pub struct Stage<F>(Mutex<F>);

impl<F> Stage<F> {
    const_unless_modelled! {
        pub(super) const fn new(on_advance: F) -> Self {
            Self(Mutex::new(on_advance))
        }
    }
}
