//! A party that cannot die in silence.

use std::fmt;
use std::ops::Deref;
use std::thread;

use super::{Action, Barrier, Cause, NoAction};

/// A party whose panic breaks the barrier.
///
/// A thread that panics between two waits never arrives, and without further care the others wait
/// for it for ever. A thread that holds a `Participant` breaks the barrier as it unwinds, with
/// [`Cause::Panic`], whether or not it has ever waited. It dereferences to the [`Barrier`].
///
/// Make it with [`Barrier::participant`] and move it into the thread, or, when the thread outlives
/// the scope, from an `Arc` with [`Participant::new`].
///
/// Dropping it without a panic does nothing: the party is done. If the others still count on it,
/// they wait; see [the table of drops](super#who-goes-away-how).
///
/// # Examples
///
/// ```
/// use brigade::barrier::{Barrier, Cause};
/// use std::thread;
///
/// let barrier = Barrier::new(2);
/// thread::scope(|scope| {
///     let party = barrier.participant();
///     let clumsy = scope.spawn(move || {
///         let _party = party;
///         panic!("out of paint");
///     });
///     let broken = barrier.wait().unwrap_err();
///     assert_eq!(broken.cause(), Cause::Panic);
///     assert!(clumsy.join().is_err());
/// });
/// ```
#[must_use = "a party only guards the thread that keeps it"]
pub struct Participant<B, A = NoAction>
where
    B: Deref<Target = Barrier<A>>,
    A: Action,
{
    barrier: B,
    was_panicking: bool,
}

impl<B, A> Participant<B, A>
where
    B: Deref<Target = Barrier<A>>,
    A: Action,
{
    /// Makes a party of the barrier behind a reference or an `Arc`.
    ///
    /// # Examples
    ///
    /// ```
    /// use brigade::barrier::{Barrier, Participant};
    /// use std::sync::Arc;
    /// use std::thread;
    ///
    /// let barrier = Arc::new(Barrier::new(2));
    /// let party = Participant::new(Arc::clone(&barrier));
    /// let other = thread::spawn(move || party.wait().map(|met| met.index()));
    /// let index = barrier.wait()?.index();
    /// assert_eq!(other.join().expect("it does not panic")?, 1 - index);
    /// # Ok::<(), brigade::barrier::Broken>(())
    /// ```
    pub fn new(barrier: B) -> Self {
        Self { barrier, was_panicking: thread::panicking() }
    }
}

impl<B, A> Deref for Participant<B, A>
where
    B: Deref<Target = Barrier<A>>,
    A: Action,
{
    type Target = Barrier<A>;

    fn deref(&self) -> &Barrier<A> {
        &self.barrier
    }
}

impl<B, A> Drop for Participant<B, A>
where
    B: Deref<Target = Barrier<A>>,
    A: Action,
{
    fn drop(&mut self) {
        if thread::panicking() && !self.was_panicking {
            self.barrier.machine.break_by(Cause::Panic);
        }
    }
}

impl<B, A> fmt::Debug for Participant<B, A>
where
    B: Deref<Target = Barrier<A>>,
    A: Action,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Participant").field(&*self.barrier).finish()
    }
}
