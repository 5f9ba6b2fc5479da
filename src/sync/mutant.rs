//! Weakened variants of the protocols, one name each.
//!
//! A model that passes proves little until the same model has been seen to fail. Each variant
//! removes one thing that an argument in the design essays leans on. Outside the models
//! [`mutant`] is the constant `false`, so the shipped code carries none of this.
//!
//! Under a model the environment variable `BRIGADE_MUTANT` names the one variant that weakens this
//! process, for its whole life.

macro_rules! mutants {
    ($($name:ident),+ $(,)?) => {
        /// One deliberate weakening of a protocol.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[repr(u8)]
        #[allow(missing_docs, dead_code, unreachable_pub)]
        pub enum Mutant {
            $($name),+
        }

        #[cfg(any(brigade_loom, brigade_shuttle))]
        #[allow(missing_docs)]
        impl Mutant {
            /// Every weakening there is.
            pub const ALL: &[Self] = &[$(Self::$name),+];
        }
    };
}

mutants! {
    // The sink's frontier.
    NoProducerFence,
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
    RoomForgotten,
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
    // Orders of locks.
    LockRankUnchecked,
    LockTryUnrecorded,
    LockReentryByRank,
    LockAllUnsorted,
    LockAllByAddress,
    AttemptHoldsOn,
    AgedAgain,
    // The edge of a pipeline, and its end.
    PipelineBellForgets,
    PipelineHaltRingsFirst,
    PipelineHaltRingsNobody,
    PipelineNoReserve,
    PipelineParkedForgotten,
    PipelineTurnUnannounced,
    PipelineOutOfTurn,
    PipelineFailureOvertakes,
    PipelineRoomUnannounced,
    PipelineEndUnannounced,
    RailTakerUnfed,
    RailTakerBlind,
    RailTakerShy,
    RailGiverBlind,
    RailDesertedUntold,
    RingWriteRelaxed,
    RingTakeRelaxed,
    RingRoomRelaxed,
    // Asymmetric fences.
    LightFenceMissing,
    HeavyFenceMissing,
    // The pool: its line, its workers, its futures.
    PoolAdmitUnchecked,
    PoolSleepUnchecked,
    PoolExpiredIgnoresCall,
    PoolExpiredStaysAsleep,
    PoolClaimKeepsPlace,
    PoolWaitUnchecked,
    PoolCallbackUnchecked,
    PoolWatchUnchecked,
    PoolInterruptUnchecked,
    PoolInlineForgotten,
    PoolInlineUnannounced,
    PoolFinishLooksAtTheLine,
    PoolQuietUnannounced,
    // Who waits for whom.
    WaitPostsNothing,
    WaitPullTellsNobody,
    WaitTellsNobody,
    WaitPlaceNotInherited,
}

#[cfg(not(any(brigade_loom, brigade_shuttle)))]
#[inline(always)]
pub(crate) const fn mutant(_: Mutant) -> bool {
    false
}

#[cfg(any(brigade_loom, brigade_shuttle))]
pub(crate) fn mutant(variant: Mutant) -> bool {
    Mutant::armed() == Some(variant)
}

#[cfg(any(brigade_loom, brigade_shuttle))]
impl Mutant {
    /// The environment variable that arms one.
    pub const ARMS: &str = "BRIGADE_MUTANT";

    /// The one that weakens this process.
    ///
    /// # Panics
    ///
    /// If the environment names none that exists.
    pub fn armed() -> Option<Self> {
        static ARMED: std::sync::LazyLock<Option<Mutant>> = std::sync::LazyLock::new(|| {
            let name = std::env::var(Mutant::ARMS).ok()?;
            let told = Mutant::ALL.iter().find(|mutant| format!("{mutant:?}") == name);
            Some(*told.unwrap_or_else(|| panic!("{name} is no mutant")))
        });
        *ARMED
    }
}
