//! One shape for every lock that is compared.

use brigade::rwlock::{FairRwLockWith, Policy};

/// A reader-writer lock; the closures run inside.
pub(crate) trait Lock: Default + Sync {
    fn read<R>(&self, inside: impl FnOnce() -> R) -> R;
    fn write<R>(&self, inside: impl FnOnce() -> R) -> R;
}

impl<P: Policy> Lock for FairRwLockWith<(), P> {
    #[inline]
    fn read<R>(&self, inside: impl FnOnce() -> R) -> R {
        let _guard = Self::read(self);
        inside()
    }

    #[inline]
    fn write<R>(&self, inside: impl FnOnce() -> R) -> R {
        let _guard = Self::write(self);
        inside()
    }
}

impl Lock for parking_lot::RwLock<()> {
    #[inline]
    fn read<R>(&self, inside: impl FnOnce() -> R) -> R {
        let _guard = Self::read(self);
        inside()
    }

    #[inline]
    fn write<R>(&self, inside: impl FnOnce() -> R) -> R {
        let _guard = Self::write(self);
        inside()
    }
}

impl Lock for std::sync::RwLock<()> {
    #[inline]
    fn read<R>(&self, inside: impl FnOnce() -> R) -> R {
        let _guard = Self::read(self);
        inside()
    }

    #[inline]
    fn write<R>(&self, inside: impl FnOnce() -> R) -> R {
        let _guard = Self::write(self);
        inside()
    }
}

impl Lock for tokio::sync::RwLock<()> {
    #[inline]
    fn read<R>(&self, inside: impl FnOnce() -> R) -> R {
        let _guard = self.blocking_read();
        inside()
    }

    #[inline]
    fn write<R>(&self, inside: impl FnOnce() -> R) -> R {
        let _guard = self.blocking_write();
        inside()
    }
}
