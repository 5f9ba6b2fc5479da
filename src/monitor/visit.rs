//! Being inside: with the lock, and with the duty to look at the conditions on the way out.

use super::queue::{Waiter, Wish};
use super::{Monitor, State};
use crate::sync::MutexGuard;
use crate::sync::atomic::Ordering;

/// The state lock, and the mark of who has it.
pub(super) struct Hold<'a, T> {
    mark: Mark<'a, T>,
    pub(super) state: MutexGuard<'a, State<T>>,
}

struct Mark<'a, T>(&'a Monitor<T>);

impl<T> Drop for Mark<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.0.inside.store(0, Ordering::Relaxed);
    }
}

impl<'a, T> Hold<'a, T> {
    #[inline]
    pub(super) fn new(monitor: &'a Monitor<T>, state: MutexGuard<'a, State<T>>, me: usize) -> Self {
        monitor.inside.store(me, Ordering::Relaxed);
        Self { mark: Mark(monitor), state }
    }

    /// Leaves without a change. If somebody is on the way in, those who come and go like this must
    /// not keep it at the door.
    #[inline]
    pub(super) fn leave(self) {
        let Self { mark, state } = self;
        drop(mark);
        if state.reserved {
            MutexGuard::unlock_fair(state);
        }
    }
}

/// A stay inside that may change the value; however it ends, the conditions are looked at.
pub(super) struct Visit<'a, T> {
    hold: Option<Hold<'a, T>>,
    /// The closure that was waited with.
    wish: Option<Wish<T>>,
}

impl<'a, T> Visit<'a, T> {
    #[inline]
    pub(super) fn new(hold: Hold<'a, T>) -> Self {
        Self { hold: Some(hold), wish: None }
    }

    /// The stay of one that has waited and been told to enter.
    pub(super) fn reserved(mut hold: Hold<'a, T>, wish: Wish<T>) -> Self {
        hold.state.reserved = false;
        Self { hold: Some(hold), wish: Some(wish) }
    }

    #[inline]
    pub(super) fn value(&mut self) -> &mut T {
        match &mut self.hold {
            Some(hold) => &mut hold.state.value,
            None => unreachable!("the hold goes only when the visit does"),
        }
    }
}

impl<T> Drop for Visit<'_, T> {
    #[inline]
    fn drop(&mut self) {
        // Declared first and so dropped last, outside the lock.
        let _wish = self.wish.take();
        let Some(mut hold) = self.hold.take() else { return };
        let monitor = hold.mark.0;
        if monitor.queued.load(Ordering::Relaxed) == 0 {
            return;
        }
        let served = monitor.review(&mut hold.state);
        drop(hold);
        served.into_iter().for_each(Waiter::tell);
    }
}
