//! The facade: the one file that decides whose locks, atomics and threads the crate runs on.
//!
//! Production takes `parking_lot` and `std`; `--cfg brigade_loom` and `--cfg brigade_shuttle` swap
//! in the two model checkers and nothing else, so that the models explore the shipped code.
//! The shape is `parking_lot`'s: `lock()` gives a guard, `wait` borrows it.
//!
//! Before they sleep threads stay awake in three ways, because they know different things: [`Patience`]
//! how many threads must run to end the wait, [`Reply`] that one answer is being made, and
//! [`awake::Rounds`] nothing but the time. Their bounds were measured where they are used.

#[cfg(feature = "pipeline")]
mod asymmetric;
pub(crate) mod awake;
#[cfg(feature = "pipeline")]
mod cell;
#[allow(unreachable_pub, reason = "the models reach in")]
pub(crate) mod lot;
#[cfg(any(brigade_loom, brigade_shuttle))]
#[allow(dead_code)]
mod modelled;
mod mutant;
mod patience;
#[cfg(feature = "sink")]
mod preempt;
mod reply;
#[cfg(feature = "pipeline")]
mod stopwatch;
mod wait_word;

#[cfg(feature = "pipeline")]
pub(crate) use asymmetric::{heavy_fence, light_fence};
#[cfg(feature = "pipeline")]
pub(crate) use cell::UnsafeCell;
#[allow(unreachable_pub, reason = "the models reach in")]
pub use mutant::Mutant;
pub(crate) use mutant::mutant;
pub(crate) use patience::Patience;
#[cfg(feature = "sink")]
pub(crate) use preempt::preempt;
pub(crate) use reply::Reply;
#[cfg(feature = "pipeline")]
pub(crate) use stopwatch::Stopwatch;
#[cfg(all(test, not(any(brigade_loom, brigade_shuttle))))]
pub(crate) use wait_word::SLEEPERS;
pub(crate) use wait_word::{Expired, WaitWord};

#[cfg(any(brigade_loom, brigade_shuttle))]
pub(crate) use modelled::{Condvar, Mutex, MutexGuard};
#[cfg(not(any(brigade_loom, brigade_shuttle)))]
pub(crate) use parking_lot::{Condvar, Mutex, MutexGuard};

#[cfg(brigade_loom)]
#[cfg_attr(not(feature = "sink"), allow(unused_imports))]
pub(crate) use loom::{sync::atomic, thread};
#[cfg(brigade_shuttle)]
#[cfg_attr(not(feature = "sink"), allow(unused_imports))]
pub(crate) use shuttle::{sync::atomic, thread};
#[cfg(not(any(brigade_loom, brigade_shuttle)))]
#[cfg_attr(not(feature = "sink"), allow(unused_imports))]
pub(crate) use std::{sync::atomic, thread};

#[cfg(brigade_loom)]
pub use crate::__loom_thread_local as thread_local;
#[cfg(brigade_loom)]
pub use loom::thread_local as loom_thread_local;
#[cfg(brigade_shuttle)]
pub use shuttle::thread_local;
#[cfg(not(any(brigade_loom, brigade_shuttle)))]
pub use std::thread_local;

/// loom's macro is of an edition to which `const { … }` is no expression.
#[cfg(brigade_loom)]
#[doc(hidden)]
#[macro_export]
macro_rules! __loom_thread_local {
    ($($(#[$about:meta])* static $name:ident: $kind:ty = const $init:block);+ $(;)?) => {
        $($crate::lock::macros::loom_thread_local! { $(#[$about])* static $name: $kind = $init })+
    };
}

/// Sleeps for so long; a pause of zero lets others run. Under a model that is all it ever does.
pub(crate) fn nap(pause: std::time::Duration) {
    if pause.is_zero() || cfg!(any(brigade_loom, brigade_shuttle)) {
        thread::yield_now();
    } else {
        std::thread::sleep(pause);
    }
}

/// Whether a model checker decides what happens when. Nothing may then depend on how long it took.
#[cfg(feature = "sink")]
pub(crate) const MODELLED: bool = cfg!(any(brigade_loom, brigade_shuttle));

/// Declares a `const fn` that a model, whose atomics are registered at run time, has to call at
/// run time.
macro_rules! const_unless_modelled {
    ($(#[$meta:meta])* $vis:vis const fn $($rest:tt)*) => {
        #[cfg(not(any(brigade_loom, brigade_shuttle)))]
        $(#[$meta])*
        $vis const fn $($rest)*
        #[cfg(any(brigade_loom, brigade_shuttle))]
        $(#[$meta])*
        $vis fn $($rest)*
    };
}
pub(crate) use const_unless_modelled;

/// Tells threads apart, cheaply: never zero, and never the same for two that live at once.
/// Under a model, where threads share one operating-system thread, always zero.
#[inline]
pub(crate) fn thread_mark() -> usize {
    #[cfg(any(brigade_loom, brigade_shuttle))]
    return 0;
    #[cfg(not(any(brigade_loom, brigade_shuttle)))]
    {
        std::thread_local!(static MARK: u8 = const { 0 });
        MARK.with(|mark| std::ptr::from_ref(mark).addr())
    }
}
