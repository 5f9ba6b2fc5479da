//! Weakened variants of the protocols, one name each.
//!
//! A model that passes proves little until the same model has been seen to fail. Each variant
//! removes one thing that an argument in the design essays leans on. Outside the models
//! [`mutant`] is the constant `false`, so the shipped code carries none of this.

/// One deliberate weakening of a protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
#[allow(missing_docs, dead_code, unreachable_pub)]
pub enum Mutant {
    // The sink's frontier.
    NoProducerFence = 1,
    NoWriterFence,
    NoClaim,
    NoRecheck,
    TailBeforeClaim,
    ClaimRelaxed,
    FreeRelaxed,
    EmitAtCut,
    RegistryBeforeProposal,
    CloseWithoutFence,
    CloseWithoutWaiting,
    CloseUnchecked,
    IdleBeforeClaim,
    SpaceUnchecked,
    BatchPieceByPiece,
    LeftAfterTail,
    MovedUnfenced,
    ResumeUnlocked,
    // The word that threads wait on.
    WordChangeRelaxed,
    WordWaitRelaxed,
    WordWakeForgotten,
    WordSleepUnannounced,
    WordSleepUnchecked,
    // Barrier.
    BarrierArriveBlind,
    BarrierExpireBlind,
    BarrierWithdrawBlind,
    BarrierBreakFull,
    BarrierResetAtOnce,
    BarrierSlotUnguarded,
    // Phaser.
    PhaserRegisterBlind,
    PhaserLeaveBlind,
    PhaserAdvanceBlind,
    // The semaphore's queue.
    SemaphoreTakeRelaxed,
    SemaphoreReleaseRelaxed,
    SemaphoreGrantRelaxed,
    SemaphoreQueueUnchecked,
    SemaphoreOvertakes,
    SemaphoreGrantsWhatFits,
    SemaphoreLeavesSilently,
    SemaphoreTimeoutDropsGrant,
    SemaphoreFlagAfterClose,
    // The monitor's conditions.
    MonitorNoReview,
    MonitorQueueLate,
    MonitorUnreserved,
    MonitorTimeoutDropsTurn,
    MonitorLastFirst,
    // The fair lock (rwlock).
    RwEnterRelaxed,
    RwLeaveRelaxed,
    RwLastReaderRelaxed,
    RwFastPathIgnoresQueue,
    RwQueueUnchecked,
    RwHandOffSkipsFlag,
    RwReadersComeSecond,
    RwTimeoutTellsNobody,
    RwUpgradeTimeoutTellsNobody,
    RwDowngradeAdmitsNobody,
    RwStealsUncounted,
    // The condition variable of the fair mutex.
    CondvarUnlocksFirst,
}

#[cfg(not(any(brigade_loom, brigade_shuttle)))]
#[inline(always)]
pub(crate) const fn mutant(_: Mutant) -> bool {
    false
}

#[cfg(any(brigade_loom, brigade_shuttle))]
static ARMED: std::sync::atomic::AtomicU8 = std::sync::atomic::AtomicU8::new(0);

#[cfg(any(brigade_loom, brigade_shuttle))]
pub(crate) fn mutant(variant: Mutant) -> bool {
    ARMED.load(std::sync::atomic::Ordering::Relaxed) == variant as u8
}

/// Weakens the whole process, for the life of the process; `None` restores the shipped code.
#[cfg(any(brigade_loom, brigade_shuttle))]
pub fn arm(variant: Option<Mutant>) {
    ARMED.store(variant.map_or(0, |m| m as u8), std::sync::atomic::Ordering::Relaxed);
}
