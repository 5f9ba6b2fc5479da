//! The cell that a model watches: loom's tells of two threads that are in it at the same time.

#[cfg(brigade_loom)]
pub(crate) use loom::cell::UnsafeCell;

/// `std`'s, in the shape of loom's.
#[cfg(not(brigade_loom))]
#[derive(Debug)]
pub(crate) struct UnsafeCell<T>(std::cell::UnsafeCell<T>);

#[cfg(not(brigade_loom))]
impl<T> UnsafeCell<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(std::cell::UnsafeCell::new(value))
    }

    #[inline]
    pub(crate) fn with_mut<R>(&self, f: impl FnOnce(*mut T) -> R) -> R {
        f(self.0.get())
    }
}
