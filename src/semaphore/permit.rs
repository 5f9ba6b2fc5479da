//! What an acquire gives, and what gives it back.

use super::CountingSemaphore;
use super::core::Core;
use super::error::ForeignPermit;
use std::fmt;
use std::sync::Arc;

/// A way to hold a semaphore while holding its permits: `&Semaphore` or `Arc<Semaphore>`.
///
/// It is sealed: the two are all there are.
pub trait Holder: sealed::Holder {}

impl<B> Holder for &CountingSemaphore<B> {}
impl<B> Holder for Arc<CountingSemaphore<B>> {}

pub(super) mod sealed {
    use super::{Arc, Core, CountingSemaphore};

    pub trait Holder: Clone {
        #[doc(hidden)]
        #[allow(private_interfaces)]
        fn core(&self) -> &Core;
    }

    #[allow(private_interfaces)]
    impl<B> Holder for &CountingSemaphore<B> {
        #[inline]
        fn core(&self) -> &Core {
            &self.core
        }
    }

    #[allow(private_interfaces)]
    impl<B> Holder for Arc<CountingSemaphore<B>> {
        #[inline]
        fn core(&self) -> &Core {
            &self.core
        }
    }
}

/// One or more permits of a semaphore, given back when dropped.
///
/// `Permit<&Semaphore>` borrows its semaphore; `Permit<Arc<Semaphore>>` owns a share of it and can
/// travel to another thread or live in a struct. The permits also come back when the holder panics.
/// `mem::forget` of a permit is sound: the permits then stay held for ever, as if the holder
/// never ended; [`forget`](Self::forget) is the way to give them up and have it counted.
///
/// # Examples
///
/// ```
/// use brigade::semaphore::Semaphore;
///
/// let lanes = Semaphore::new(4);
/// let mut three = lanes.acquire_many(3)?;
/// let one = three.split(1).expect("it holds three");
/// assert_eq!((three.count(), one.count()), (2, 1));
///
/// drop(one);
/// assert_eq!(lanes.available(), 2);
/// # Ok::<(), brigade::semaphore::AcquireError>(())
/// ```
#[must_use = "permits go back the moment the guard is dropped"]
#[clippy::has_significant_drop]
pub struct Permit<S: Holder> {
    semaphore: S,
    count: usize,
}

impl<S: Holder> Permit<S> {
    #[inline]
    pub(super) fn new(semaphore: S, count: usize) -> Self {
        Self { semaphore, count }
    }

    /// Counts the permits held; zero is possible.
    ///
    /// # Examples
    ///
    /// ```
    /// use brigade::semaphore::Semaphore;
    ///
    /// let lanes = Semaphore::new(3);
    /// assert_eq!(lanes.acquire_many(2)?.count(), 2);
    /// # Ok::<(), brigade::semaphore::AcquireError>(())
    /// ```
    #[must_use]
    pub fn count(&self) -> usize {
        self.count
    }

    /// Splits `count` permits off into a guard of their own; `None` if fewer are held.
    ///
    /// # Examples
    ///
    /// ```
    /// use brigade::semaphore::Semaphore;
    ///
    /// let lanes = Semaphore::new(2);
    /// let mut pair = lanes.acquire_many(2)?;
    /// assert!(pair.split(3).is_none());
    /// let one = pair.split(1).expect("it holds two");
    /// assert_eq!(pair.count() + one.count(), 2);
    /// # Ok::<(), brigade::semaphore::AcquireError>(())
    /// ```
    pub fn split(&mut self, count: usize) -> Option<Self> {
        self.count = self.count.checked_sub(count)?;
        Some(Self { semaphore: self.semaphore.clone(), count })
    }

    /// Joins the permits of `other` to these.
    ///
    /// # Errors
    ///
    /// [`ForeignPermit`] hands `other` back if another semaphore gave it.
    ///
    /// # Examples
    ///
    /// ```
    /// use brigade::semaphore::Semaphore;
    ///
    /// let (lanes, rails) = (Semaphore::new(2), Semaphore::new(1));
    /// let mut held = lanes.acquire()?;
    /// held.merge(lanes.acquire()?).expect("the same semaphore gave both");
    /// assert_eq!(held.count(), 2);
    ///
    /// let refused = held.merge(rails.acquire()?).unwrap_err();
    /// assert_eq!(refused.into_inner().count(), 1);
    /// # Ok::<(), brigade::semaphore::AcquireError>(())
    /// ```
    pub fn merge(&mut self, mut other: Self) -> Result<(), ForeignPermit<Self>> {
        if !std::ptr::eq(self.semaphore.core(), other.semaphore.core()) {
            return Err(ForeignPermit(other));
        }
        self.count += std::mem::take(&mut other.count);
        Ok(())
    }

    /// Gives the permits up for good: they do not come back when the guard goes.
    ///
    /// A [`Semaphore`](super::Semaphore) has that many fewer from now on; anyone who waits for more
    /// than are left is told so at once
    /// ([`AcquireError::Beyond`](super::AcquireError::Beyond)).
    /// A [`BoundedSemaphore`](super::BoundedSemaphore) keeps their places, and any thread may
    /// [`release`](super::BoundedSemaphore::release) them later.
    ///
    /// # Examples
    ///
    /// One thread makes what another uses up:
    ///
    /// ```
    /// use brigade::semaphore::Semaphore;
    ///
    /// let loaves = Semaphore::new(0);
    /// std::thread::scope(|s| {
    ///     s.spawn(|| loaves.add_permits(1));
    ///     loaves.acquire().expect("it is open").forget();
    /// });
    /// assert_eq!(loaves.total(), 0);
    /// ```
    pub fn forget(mut self) {
        let count = std::mem::take(&mut self.count);
        if count > 0 {
            self.semaphore.core().forget(count);
        }
    }
}

impl<S: Holder> Drop for Permit<S> {
    #[inline]
    fn drop(&mut self) {
        if self.count > 0 {
            self.semaphore.core().release(self.count);
        }
    }
}

impl<S: Holder> fmt::Debug for Permit<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit").field("count", &self.count).finish_non_exhaustive()
    }
}
