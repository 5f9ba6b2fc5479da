//! A phaser: a barrier whose parties come and go, and may arrive now and wait later.
//!
//! Its life is a row of *phases*, counted from 0. A phase ends when every registered party has
//! arrived in it; then the next one begins for those still registered.
//!
//! # Phaser vs `Barrier`
//!
//! | | [`Barrier`](crate::barrier::Barrier) | [`Phaser`] |
//! |---|---|---|
//! | parties | fixed | [`register`](Phaser::register) and [leave](Party::arrive_and_deregister) at any time |
//! | arrive and wait | one call | two, with work between them |
//! | a party is dropped, or panics | a panic breaks the barrier | it leaves, the others go on |
//! | a deadline passes | the barrier breaks | nothing breaks; the token is handed back |
//! | the end | [`abort`](crate::barrier::Barrier::abort), and it can be reset | [`close`](Phaser::close), for good |
//!
//! Take the barrier if a phase is worthless without every party's work, and the phaser if those
//! who are left should go on.
//!
//! # What proves it
//!
//! | Claim | Model or test |
//! |---|---|
//! | a phase ends when all its parties have arrived, and not before | `tests/model/phaser.rs`, with mutants that advance, register or leave without looking; `tests/it/phaser.rs` under stress |
//! | parties come and go while phases end | `tests/model/phaser.rs`, in every interleaving of a few and in random ones of many |
//! | a deadline breaks nothing and hands the token back | `tests/model/phaser.rs`, `tests/it/phaser.rs` |
//! | dropped, panicking and forgotten parties, an `on_advance` that panics, closing | `tests/it/phaser.rs` |
//! | one thread's calls do what a plain count would | `tests/it/phaser.rs`, random calls against an oracle |
//!
//! # Trade-offs
//!
//! - At most [`Phaser::MAX_PARTIES`] parties, all of whose arrivals write one word; Java's trees
//!   of phasers, made for hundreds of cores, are not offered.
//! - Without parties a phaser rests: its phase does not advance until one registers and arrives.
//! - The phase counts modulo 2³¹. A token kept while exactly that many phases pass reads as fresh.
//! - An `on_advance` must not register with, wait for, or arrive at its own phaser: the phase it
//!   holds would have to end first.
//!
//! The packed word and the vocabulary are those of Java's `Phaser` (Doug Lea, JSR 166, Java 7,
//! 2011); phasers come from J. Shirako et al., "Phasers: a Unified Deadlock-Free Construct for
//! Collective and Point-to-Point Synchronization", ICS 2008.
//!
//! # Examples
//!
//! Each worker takes part for as many phases as it has work:
//!
//! ```
//! use brigade::phaser::{Advance, ArriveError, Phaser};
//! use std::ops::ControlFlow;
//! use std::sync::Mutex;
//! use std::thread;
//!
//! let sizes = Mutex::new(Vec::new());
//! let phaser = Phaser::with_on_advance(|advance: Advance| {
//!     sizes.lock().expect("no party panics").push(advance.parties());
//!     ControlFlow::Continue(())
//! });
//! thread::scope(|scope| {
//!     // Registered before any of them runs, so that none goes ahead without the others.
//!     let parties = [1, 2, 3].map(|phases| (phases, phaser.register().expect("it is open")));
//!     for (phases, mut party) in parties {
//!         scope.spawn(move || {
//!             for _ in 1..phases {
//!                 party.arrive_and_wait()?;
//!             }
//!             let _ = party.arrive_and_deregister()?;
//!             Ok::<(), ArriveError>(())
//!         });
//!     }
//! });
//! assert_eq!(*sizes.lock().expect("no party panicked"), [2, 1, 0]);
//! ```

mod advance;
mod error;
mod machine;
mod party;
mod word;

pub use advance::{Advance, NoAction, OnAdvance};
pub use error::{ArriveError, AwaitError, CloseReason, Closed, RegisterError};
pub use party::Party;

use std::fmt;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::sync::{Expired, const_unless_modelled};
use advance::Stage;
use machine::Machine;

/// A reusable barrier with parties that register and leave, and arrivals apart from waits.
///
/// See the [module](self) for how it differs from a [`Barrier`](crate::barrier::Barrier), and
/// [`Party`] for arriving.
///
/// # Examples
///
/// ```
/// use brigade::phaser::Phaser;
/// use std::thread;
///
/// let phaser = Phaser::new();
/// let mut mine = phaser.register()?;
/// let theirs = phaser.register()?;
/// thread::scope(|scope| {
///     scope.spawn(move || theirs.arrive_and_deregister().map(drop));
///     assert_eq!(mine.arrive_and_wait(), Ok(1));
/// });
/// assert_eq!((phaser.phase(), phaser.parties(), phaser.unarrived()), (1, 1, 1));
/// # Ok::<(), brigade::phaser::RegisterError>(())
/// ```
///
/// # From Python
///
/// Python has no phaser. Where a program makes a `threading.Barrier` anew because the number of
/// its threads changes, this is the type to take.
///
/// # From C++
///
/// `std::barrier`: [`arrive`](Party::arrive), [`await_phase`](Self::await_phase),
/// [`arrive_and_wait`](Party::arrive_and_wait) and
/// [`arrive_and_deregister`](Party::arrive_and_deregister) are its `arrive`, `wait`,
/// `arrive_and_wait` and `arrive_and_drop`, and `on_advance` is its completion function.
#[doc(alias = "std::barrier")]
#[doc(alias = "java.util.concurrent.Phaser")]
pub struct Phaser<A: OnAdvance = NoAction> {
    machine: Machine,
    stage: A::Stage,
}

impl Phaser {
    /// The largest number of parties at one time, 2¹⁵ − 1.
    pub const MAX_PARTIES: usize = word::MAX_PARTIES as usize;

    const_unless_modelled! {
        /// Makes a phaser in phase 0, without parties.
        #[must_use]
        pub const fn new() -> Self {
            Self { machine: Machine::new(), stage: () }
        }
    }
}

impl Default for Phaser {
    fn default() -> Self {
        Self::new()
    }
}

impl<F: FnMut(Advance) -> ControlFlow<()>> Phaser<F> {
    const_unless_modelled! {
        /// Makes a phaser in whose phases the last party to arrive runs `on_advance`.
        ///
        /// It runs before anybody learns that the phase has ended, and its answer says whether
        /// there is to be another: after [`ControlFlow::Break`] the phase ends for those who wait
        /// for it, and the phaser is closed with [`CloseReason::Advance`].
        ///
        /// If it panics, the party that ran it gets the panic, and the phaser is closed with
        /// [`CloseReason::Panic`] in the phase that did not end.
        ///
        /// # Examples
        ///
        /// ```
        /// use brigade::phaser::{Advance, Phaser};
        /// use std::ops::ControlFlow;
        ///
        /// let thrice = Phaser::with_on_advance(|advance: Advance| match advance.phase() {
        ///     2 => ControlFlow::Break(()),
        ///     _ => ControlFlow::Continue(()),
        /// });
        /// let mut only = thrice.register()?;
        /// let mut phases = 0;
        /// while only.arrive_and_wait().is_ok() {
        ///     phases += 1;
        /// }
        /// assert_eq!(phases, 3);
        /// # Ok::<(), brigade::phaser::RegisterError>(())
        /// ```
        #[must_use]
        pub const fn with_on_advance(on_advance: F) -> Self {
            Self { machine: Machine::new(), stage: Stage::new(on_advance) }
        }
    }
}

impl<A: OnAdvance> Phaser<A> {
    /// Registers one more party, which is due in the phase that runs now.
    ///
    /// Register before a thread is spawned, and move the party into it: registered by the thread
    /// itself, it may come after the others have gone ahead. Waits while an `on_advance` runs.
    ///
    /// # Errors
    ///
    /// [`RegisterError::Full`] beyond [`MAX_PARTIES`](Phaser::MAX_PARTIES),
    /// [`RegisterError::Closed`] if it is closed.
    pub fn register(&self) -> Result<Party<&Self, A>, RegisterError> {
        Party::register(self)
    }

    /// Registers one more party that keeps the phaser alive, for threads that outlive the scope.
    ///
    /// # Errors
    ///
    /// As [`register`](Self::register).
    ///
    /// # Examples
    ///
    /// ```
    /// use brigade::phaser::Phaser;
    /// use std::sync::Arc;
    /// use std::thread;
    ///
    /// let phaser = Arc::new(Phaser::new());
    /// let mut mine = phaser.register()?;
    /// let mut theirs = phaser.register_owned()?;
    /// let other = thread::spawn(move || theirs.arrive_and_wait());
    /// assert_eq!(mine.arrive_and_wait(), Ok(1));
    /// assert_eq!(other.join().expect("it ran"), Ok(1));
    /// # Ok::<(), brigade::phaser::RegisterError>(())
    /// ```
    pub fn register_owned(self: &Arc<Self>) -> Result<Party<Arc<Self>, A>, RegisterError> {
        Party::register(Arc::clone(self))
    }

    /// Makes a token for the phase that runs now, without arriving: for those who only watch.
    ///
    /// # Examples
    ///
    /// ```
    /// use brigade::phaser::Phaser;
    ///
    /// let phaser = Phaser::new();
    /// let token = phaser.watch();
    /// drop(phaser.register()?);
    /// assert_eq!(phaser.await_phase(token)?, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn watch(&self) -> Token {
        Token { phase: self.phase() }
    }

    /// Blocks until the token's phase has ended; answers with the phase that then runs.
    ///
    /// Whatever happened to the parties, it never breaks; it ends early only by
    /// [`close`](Self::close). What the parties wrote before they arrived is visible after it.
    /// Use the token with the phaser it came from: another one knows nothing of its phase.
    ///
    /// # Errors
    ///
    /// [`Closed`] if the phaser was closed while that phase ran.
    pub fn await_phase(&self, token: Token) -> Result<u32, Closed> {
        self.machine.wait(token.phase, None).expect("a wait without a deadline never expires")
    }

    /// Blocks until the token's phase has ended, for at most `timeout`.
    ///
    /// A timeout too long for the clock, such as [`Duration::MAX`], is none.
    ///
    /// # Errors
    ///
    /// [`AwaitError::TimedOut`] hands the token back; [`AwaitError::Closed`] as
    /// [`await_phase`](Self::await_phase).
    pub fn await_phase_timeout(&self, token: Token, timeout: Duration) -> Result<u32, AwaitError> {
        self.await_phase_until(token, Instant::now().checked_add(timeout))
    }

    /// Blocks until the token's phase has ended, at most until `deadline`.
    ///
    /// # Errors
    ///
    /// As [`await_phase_timeout`](Self::await_phase_timeout).
    ///
    /// # Examples
    ///
    /// ```
    /// use brigade::phaser::Phaser;
    /// use std::time::{Duration, Instant};
    ///
    /// let phaser = Phaser::new();
    /// let (mut early, mut late) = (phaser.register()?, phaser.register()?);
    ///
    /// let token = early.arrive()?;
    /// let soon = Instant::now() + Duration::from_millis(1);
    /// let late_still = phaser.await_phase_deadline(token, soon).unwrap_err();
    ///
    /// let _ = late.arrive()?;
    /// let token = late_still.into_token().expect("it is open");
    /// assert_eq!(phaser.await_phase(token)?, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn await_phase_deadline(&self, token: Token, deadline: Instant) -> Result<u32, AwaitError> {
        self.await_phase_until(token, Some(deadline))
    }

    fn await_phase_until(
        &self,
        token: Token,
        deadline: Option<Instant>,
    ) -> Result<u32, AwaitError> {
        match self.machine.wait(token.phase, deadline) {
            Ok(ended) => Ok(ended?),
            Err(Expired) => Err(AwaitError::TimedOut(token)),
        }
    }

    /// Closes the phaser for good: whoever waits, arrives or registers gets [`Closed`].
    ///
    /// Never blocks. A phase that ended before it has ended; the one that runs never will.
    ///
    /// # Examples
    ///
    /// ```
    /// use brigade::phaser::{CloseReason, Phaser};
    ///
    /// let phaser = Phaser::new();
    /// let token = phaser.watch();
    /// phaser.close();
    /// let closed = phaser.await_phase(token).unwrap_err();
    /// assert_eq!(closed.reason(), CloseReason::Close);
    /// assert_eq!(phaser.closed(), Some(closed));
    /// ```
    #[doc(alias = "forceTermination")]
    pub fn close(&self) {
        self.machine.close(CloseReason::Close);
    }

    /// Why the phaser is closed, if it is.
    #[must_use]
    pub fn closed(&self) -> Option<Closed> {
        let seen = self.machine.load();
        seen.is_closed().then(|| machine::closed(seen))
    }

    /// The phase that runs now: 0 at first, one more after each advance, 0 again after 2³¹.
    #[must_use]
    pub fn phase(&self) -> u32 {
        self.machine.load().phase()
    }

    /// The parties registered now; it may be out of date at once.
    #[must_use]
    pub fn parties(&self) -> usize {
        self.machine.load().parties() as usize
    }

    /// The parties that have not yet arrived in this phase; it may be out of date at once.
    #[must_use]
    pub fn unarrived(&self) -> usize {
        let seen = self.machine.load();
        if seen.is_closed() { 0 } else { seen.unarrived() as usize }
    }

    /// Runs the `on_advance` of the phase that the caller holds, and lets go of it.
    fn conclude(&self, advance: Advance) {
        let held = Held(&self.machine);
        let answer = A::run(&self.stage, advance);
        held.release(answer.is_break());
    }
}

/// A phase in the hands of the last party that arrived in it.
struct Held<'a>(&'a Machine);

impl Held<'_> {
    fn release(self, last: bool) {
        self.0.advance(last);
        std::mem::forget(self);
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.close(CloseReason::Panic);
    }
}

impl<A: OnAdvance> fmt::Debug for Phaser<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Phaser")
            .field("phase", &self.phase())
            .field("parties", &self.parties())
            .field("unarrived", &self.unarrived())
            .field("closed", &self.closed())
            .finish_non_exhaustive()
    }
}

/// A phase to wait for: the receipt of an arrival.
///
/// Give it to [`Phaser::await_phase`], in this thread or another, or drop it if the end of the
/// phase does not matter.
#[must_use = "await the phase with it, or say `let _ =` if its end does not matter"]
#[derive(Debug, PartialEq, Eq)]
pub struct Token {
    phase: u32,
}

impl Token {
    /// The phase it stands for.
    #[must_use]
    pub fn phase(&self) -> u32 {
        self.phase
    }
}
