//! The waiting room of a word: `parking_lot_core`'s queue under the word's address.
#![allow(unsafe_code)]

use std::time::Instant;

use parking_lot_core::{DEFAULT_PARK_TOKEN, DEFAULT_UNPARK_TOKEN, ParkResult};

use crate::sync::atomic::{AtomicU64, Ordering};

/// How a stay in the room ended.
pub(super) enum Parked {
    /// Somebody emptied the room, or the word had changed before the thread was let in.
    Woken,
    /// The deadline passed first.
    Expired,
}

#[derive(Debug)]
pub(super) struct Lot;

impl Lot {
    pub(super) const fn new() -> Self {
        Self
    }

    /// Sleeps if `still(word)` with the queue locked. `still` must not panic.
    pub(super) fn park(
        &self,
        word: &AtomicU64,
        still: impl FnOnce(u64) -> bool,
        deadline: Option<Instant>,
    ) -> Parked {
        let validate = || still(word.load(Ordering::Relaxed));
        // SAFETY: the key is the address of eight bytes that the caller's `WaitWord` owns and has
        // borrowed for this call, and no other primitive uses an address inside them. `validate`
        // is one load and a test of bits, which neither unwinds nor enters the parking lot; the
        // two other callbacks do nothing.
        let result = unsafe {
            parking_lot_core::park(
                key(word),
                validate,
                || {},
                |_, _| {},
                DEFAULT_PARK_TOKEN,
                deadline,
            )
        };
        match result {
            ParkResult::TimedOut => Parked::Expired,
            ParkResult::Unparked(_) | ParkResult::Invalid => Parked::Woken,
        }
    }

    pub(super) fn unpark_all(&self, word: &AtomicU64) {
        // SAFETY: the key is an address that the caller's `WaitWord` owns, as in `park`, so only
        // its own waiters are woken.
        unsafe { parking_lot_core::unpark_all(key(word), DEFAULT_UNPARK_TOKEN) };
    }
}

fn key(word: &AtomicU64) -> usize {
    std::ptr::from_ref(word).addr()
}
