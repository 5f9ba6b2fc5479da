//! A registration that is counted exactly as often as it should be.

use std::fmt;
use std::ops::Deref;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::machine::Arrived;
use super::{Advance, ArriveError, Closed, NoAction, OnAdvance, Phaser, RegisterError, Token};

/// One registered party of a [`Phaser`].
///
/// It arrives at most once a phase. Dropping it deregisters it, and counts as its arrival if it
/// has not arrived yet, so that a thread which returns early, fails, or panics never holds the
/// others up. A party forgotten with [`mem::forget`](std::mem::forget) stays registered for ever.
///
/// Made by [`Phaser::register`] and [`Phaser::register_owned`].
///
/// # Examples
///
/// A thread that gives up by `?` leaves as its party is dropped:
///
/// ```
/// use brigade::phaser::Phaser;
/// use std::thread;
///
/// let phaser = Phaser::new();
/// let (mut steady, mut fickle) = (phaser.register()?, phaser.register()?);
/// thread::scope(|scope| {
///     scope.spawn(move || {
///         let count: u32 = "many".parse().map_err(|_| "not a number")?;
///         for _ in 0..count {
///             fickle.arrive_and_wait().map_err(|_| "closed")?;
///         }
///         Ok::<(), &str>(())
///     });
///     assert_eq!(steady.arrive_and_wait(), Ok(1));
/// });
/// assert_eq!(phaser.parties(), 1);
/// # Ok::<(), brigade::phaser::RegisterError>(())
/// ```
#[must_use = "dropping a party deregisters it"]
pub struct Party<P, A = NoAction>
where
    P: Deref<Target = Phaser<A>>,
    A: OnAdvance,
{
    phaser: P,
    arrived: Option<u32>,
    left: bool,
}

impl<P, A> Party<P, A>
where
    P: Deref<Target = Phaser<A>>,
    A: OnAdvance,
{
    pub(super) fn register(phaser: P) -> Result<Self, RegisterError> {
        phaser.machine.register()?;
        Ok(Self { phaser, arrived: None, left: false })
    }

    /// Arrives in the running phase without waiting for its end.
    ///
    /// Never blocks, except that the last party to arrive runs the `on_advance`. What was written
    /// before it is visible to whoever awaits the token, or any token of the same phase.
    ///
    /// # Errors
    ///
    /// [`ArriveError::AlreadyArrived`] if the phase in which this party last arrived still runs,
    /// [`ArriveError::Closed`] if the phaser is closed.
    ///
    /// # Panics
    ///
    /// In the last party to arrive, if the `on_advance` panics; the phaser is closed then.
    ///
    /// # Examples
    ///
    /// ```
    /// use brigade::phaser::Phaser;
    ///
    /// let phaser = Phaser::new();
    /// let (mut left, mut right) = (phaser.register()?, phaser.register()?);
    ///
    /// let token = left.arrive()?;
    /// // ... work that need not wait for the others ...
    /// let _ = right.arrive()?;
    /// assert_eq!(phaser.await_phase(token)?, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn arrive(&mut self) -> Result<Token, ArriveError> {
        let arrived = self.phaser.machine.arrive(self.arrived, A::RUNS)?;
        let phase = match arrived {
            Arrived::Counted { phase } | Arrived::Last { phase, .. } => phase,
        };
        self.arrived = Some(phase);
        self.conclude(arrived);
        Ok(Token { phase })
    }

    /// Arrives and blocks until the phase ends; answers with the phase that follows.
    ///
    /// # Errors
    ///
    /// As [`arrive`](Self::arrive), and [`ArriveError::Closed`] if it is closed before the end.
    ///
    /// # Panics
    ///
    /// As [`arrive`](Self::arrive).
    ///
    /// # Examples
    ///
    /// ```
    /// use brigade::phaser::Phaser;
    ///
    /// let phaser = Phaser::new();
    /// let mut only = phaser.register()?;
    /// assert_eq!(only.arrive_and_wait(), Ok(1));
    /// assert_eq!(only.arrive_and_wait(), Ok(2));
    /// # Ok::<(), brigade::phaser::RegisterError>(())
    /// ```
    #[doc(alias = "arriveAndAwaitAdvance")]
    pub fn arrive_and_wait(&mut self) -> Result<u32, ArriveError> {
        let token = self.arrive()?;
        Ok(self.phaser.await_phase(token)?)
    }

    /// Arrives, if it has not, and leaves: the phases after this one do without it.
    ///
    /// Dropping the party does the same without a token. Never blocks, except that the last party
    /// to arrive runs the `on_advance`.
    ///
    /// # Errors
    ///
    /// [`Closed`] if the phaser is closed; the party has left all the same.
    ///
    /// # Panics
    ///
    /// As [`arrive`](Self::arrive).
    ///
    /// # Examples
    ///
    /// ```
    /// use brigade::phaser::Phaser;
    ///
    /// let phaser = Phaser::new();
    /// let (mut stays, leaves) = (phaser.register()?, phaser.register()?);
    /// let token = stays.arrive()?;
    /// let _ = leaves.arrive_and_deregister()?;
    /// assert_eq!(phaser.await_phase(token)?, 1);
    /// // From now on the phases need one party.
    /// assert_eq!(stays.arrive_and_wait()?, 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "arrive_and_drop")]
    #[doc(alias = "arriveAndDeregister")]
    pub fn arrive_and_deregister(mut self) -> Result<Token, Closed> {
        self.leave().map(|phase| Token { phase })
    }

    fn leave(&mut self) -> Result<u32, Closed> {
        self.left = true;
        let arrived = self.phaser.machine.deregister(self.arrived, A::RUNS)?;
        let phase = match arrived {
            Arrived::Counted { phase } | Arrived::Last { phase, .. } => phase,
        };
        self.conclude(arrived);
        Ok(phase)
    }

    fn conclude(&self, arrived: Arrived) {
        if let Arrived::Last { phase, parties } = arrived {
            self.phaser.conclude(Advance { phase, parties });
        }
    }

    /// The phaser this party belongs to.
    #[must_use]
    pub fn phaser(&self) -> &Phaser<A> {
        &self.phaser
    }
}

impl<P, A> Drop for Party<P, A>
where
    P: Deref<Target = Phaser<A>>,
    A: OnAdvance,
{
    fn drop(&mut self) {
        if self.left {
            return;
        }
        if !std::thread::panicking() {
            let _ = self.leave();
            return;
        }
        // A second panic would abort the process. That of an `on_advance` has closed the phaser,
        // so nobody misses it.
        let _ = catch_unwind(AssertUnwindSafe(|| self.leave()));
    }
}

impl<P, A> fmt::Debug for Party<P, A>
where
    P: Deref<Target = Phaser<A>>,
    A: OnAdvance,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Party")
            .field("phaser", &*self.phaser)
            .field("arrived", &self.arrived)
            .finish_non_exhaustive()
    }
}
