//! One shape for every lock that is compared.

use brigade::rwlock::{FairRwLockWith, Policy};

/// A reader-writer lock; the closures run inside.
pub(crate) trait Lock: Default + Sync {
    fn read<R>(&self, inside: impl FnOnce() -> R) -> R;
    fn write<R>(&self, inside: impl FnOnce() -> R) -> R;
}

macro_rules! locks {
    ($($lock:ty $(, of any $policy:ident)?: $read:ident, $write:ident;)+) => {$(
        impl $(<$policy: Policy>)? Lock for $lock {
            #[inline]
            fn read<R>(&self, inside: impl FnOnce() -> R) -> R {
                let _guard = Self::$read(self);
                inside()
            }

            #[inline]
            fn write<R>(&self, inside: impl FnOnce() -> R) -> R {
                let _guard = Self::$write(self);
                inside()
            }
        }
    )+};
}

locks! {
    FairRwLockWith<(), P>, of any P: read, write;
    parking_lot::RwLock<()>: read, write;
    std::sync::RwLock<()>: read, write;
    tokio::sync::RwLock<()>: blocking_read, blocking_write;
}
