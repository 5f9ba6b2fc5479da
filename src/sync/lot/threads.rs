//! The lot of the process: `parking_lot_core`'s queues.
#![allow(unsafe_code)]

use std::time::Instant;

use parking_lot_core::{FilterOp, ParkResult, ParkToken, UnparkResult, UnparkToken};

use super::{Parked, Verdict};

#[derive(Debug, Clone, Copy)]
pub(crate) struct Lot;

impl Lot {
    pub(crate) const fn new() -> Self {
        Self
    }

    #[inline]
    pub(crate) fn park(
        &self,
        key: usize,
        ticket: usize,
        deadline: Option<Instant>,
        validate: impl FnOnce() -> bool,
        before_sleep: impl FnOnce(),
        timed_out: impl FnOnce(),
    ) -> Parked {
        // SAFETY: `key` is the address of a word that the calling primitive owns and has borrowed
        // for this call, so no other user of the lot shares it. By the contract of the module the
        // closures neither unwind nor call into the lot.
        let result = unsafe {
            parking_lot_core::park(
                key,
                validate,
                before_sleep,
                |_, _| timed_out(),
                ParkToken(ticket),
                deadline,
            )
        };
        match result {
            ParkResult::Unparked(UnparkToken(message)) => Parked::Woken(message),
            ParkResult::Invalid => Parked::Invalid,
            ParkResult::TimedOut => Parked::TimedOut,
        }
    }

    #[inline]
    pub(crate) fn unpark_filter(
        &self,
        key: usize,
        mut filter: impl FnMut(usize) -> Verdict,
        commit: impl FnOnce(bool) -> usize,
    ) {
        let filter = |ParkToken(ticket): ParkToken| match filter(ticket) {
            Verdict::Wake => FilterOp::Unpark,
            Verdict::Skip => FilterOp::Skip,
            Verdict::Stop => FilterOp::Stop,
        };
        let commit = |result: UnparkResult| UnparkToken(commit(result.have_more_threads));
        // SAFETY: as in `park`.
        unsafe { parking_lot_core::unpark_filter(key, filter, commit) };
    }

    #[inline(always)]
    pub(crate) fn note(&self, _: usize) {}
}
