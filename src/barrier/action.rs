//! What the last party runs, and how its result reaches the others.

use std::sync::Arc;

use crate::sync::{Condvar, Mutant, Mutex, const_unless_modelled, mutant};

/// What the last party to arrive runs before anybody is released.
///
/// Implemented by every `FnMut() -> R` whose result can be cloned, one clone for each party, and
/// by [`NoAction`]. It cannot be implemented elsewhere.
pub trait Action: sealed::Sealed {
    /// What every party receives.
    type Output;

    #[doc(hidden)]
    type Stage;

    #[doc(hidden)]
    const RUNS: bool;

    /// Runs the action and keeps its result for `takers` other parties.
    #[doc(hidden)]
    fn run(stage: &Self::Stage, takers: u32) -> Self::Output;

    /// Takes the result for one of those.
    #[doc(hidden)]
    fn take(stage: &Self::Stage) -> Self::Output;
}

/// The action of a barrier that only lets its parties meet.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct NoAction;

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::NoAction {}
    impl<R: Clone, F: FnMut() -> R> Sealed for F {}
}

impl Action for NoAction {
    type Output = ();
    type Stage = ();

    const RUNS: bool = false;

    #[inline]
    fn run((): &(), _: u32) {}

    #[inline]
    fn take((): &()) {}
}

impl<R: Clone, F: FnMut() -> R> Action for F {
    type Output = R;
    type Stage = Stage<F, R>;

    const RUNS: bool = true;

    fn run(stage: &Stage<F, R>, takers: u32) -> R {
        let value = (stage.action.lock())();
        if takers == 0 { value } else { stage.publish(value, takers) }
    }

    fn take(stage: &Stage<F, R>) -> R {
        stage.take()
    }
}

/// The action and the place where its latest result waits for the parties.
#[derive(Debug)]
pub struct Stage<F, R> {
    /// Never contended: a generation has one last party, and is held by it.
    action: Mutex<F>,
    slot: Mutex<Slot<R>>,
    emptied: Condvar,
}

#[derive(Debug)]
struct Slot<R> {
    value: Option<Arc<R>>,
    takers: u32,
}

impl<F, R> Stage<F, R> {
    const_unless_modelled! {
        pub(super) const fn new(action: F) -> Self {
            Self {
                action: Mutex::new(action),
                slot: Mutex::new(Slot { value: None, takers: 0 }),
                emptied: Condvar::new(),
            }
        }
    }
}

impl<F, R: Clone> Stage<F, R> {
    /// Shares the value in an `Arc`, so that no clone of the caller's runs under the lock.
    ///
    /// Waits until every party of the last generation has its result. With as many threads as
    /// parties they have it already: each had to leave that generation to arrive in this one.
    fn publish(&self, value: R, takers: u32) -> R {
        let value = Arc::new(value);
        let own = R::clone(&value);
        let mut slot = self.slot.lock();
        while slot.takers > 0 && !mutant(Mutant::BarrierSlotUnguarded) {
            self.emptied.wait(&mut slot);
        }
        *slot = Slot { value: Some(value), takers };
        own
    }

    fn take(&self) -> R {
        let mut slot = self.slot.lock();
        slot.takers = slot.takers.saturating_sub(1);
        let value = if slot.takers == 0 { slot.value.take() } else { slot.value.clone() };
        let emptied = slot.takers == 0;
        drop(slot);
        if emptied {
            self.emptied.notify_all();
        }
        // A generation completes only after its result is there, and counts its takers exactly.
        Arc::unwrap_or_clone(value.expect("a completed generation has a result for each party"))
    }
}
