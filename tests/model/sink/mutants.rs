//! Every weakening of the frontier, and the model that notices it.

use brigade::internals::Mutant::*;

use crate::weakened::{Weakening, all_are_caught};

const ORDER: &str = "order broken";
const LOST: &str = "lost";
const UNKEPT: &str = "a promise was not kept";
#[cfg(brigade_loom)]
const DEADLOCK: &str = "deadlock";
#[cfg(brigade_shuttle)]
const LIVELOCK: &str = "exceeded max_steps";

#[cfg(brigade_loom)]
pub(crate) const WEAKENINGS: &[Weakening] = &[
    (NoProducerFence, "sink::order::one_producer_one_push_one_round", ORDER),
    (NoWriterFence, "sink::order::one_producer_one_push_one_round", ORDER),
    (NoClaim, "sink::order::one_producer_one_push_one_round", ORDER),
    (NoRecheck, "sink::order::one_producer_one_push_one_round", ORDER),
    (NoRecheck, "sink::event::late_or_in_order", ORDER),
    (TailBeforeClaim, "sink::order::one_producer_one_push_one_round", ORDER),
    (ClaimRelaxed, "sink::order::one_producer_two_pushes_one_round", ORDER),
    (FreeRelaxed, "sink::order::one_producer_one_push_one_round", ORDER),
    (EmitAtCut, "sink::order::two_producers_one_push_one_round", "was released before"),
    (RegistryBeforeProposal, "sink::members::a_producer_joins_while_a_round_runs", ORDER),
    (CloseWithoutFence, "sink::close::against_one_push", LOST),
    (CloseWithoutWaiting, "sink::close::against_one_push", LOST),
    (CloseUnchecked, "sink::close::against_one_push", LOST),
    (IdleBeforeClaim, "sink::rest::a_push_wakes_the_writer", DEADLOCK),
    (SpaceUnchecked, "sink::room::room_is_handed_over_once", DEADLOCK),
    (BatchPieceByPiece, "sink::batch::two_batches_two_rounds", "a batch was torn"),
    (LeftAfterTail, "sink::members::a_producer_leaves_while_rounds_run", LOST),
    (MovedUnfenced, "sink::rest::leaving_wakes_the_writer", DEADLOCK),
    (ResumeUnlocked, "sink::logical::a_pause_ends_with_a_promise_that_holds", UNKEPT),
];

/// shuttle knows no weak memory, so what leans on a fence or on an ordering is loom's alone.
#[cfg(brigade_shuttle)]
pub(crate) const WEAKENINGS: &[Weakening] = &[
    (NoClaim, "sink::whole::members::producers_that_only_pass_by", ORDER),
    (NoRecheck, "sink::whole::ingestion::two_producers_and_many_schedules", ORDER),
    (NoRecheck, "sink::whole::event::two_producers_and_many_schedules", ORDER),
    (TailBeforeClaim, "sink::whole::ingestion::two_producers_and_many_schedules", ORDER),
    (EmitAtCut, "sink::whole::ingestion::two_producers_and_many_schedules", ORDER),
    (RegistryBeforeProposal, "sink::whole::members::producers_that_only_pass_by", ORDER),
    (CloseWithoutWaiting, "sink::whole::ingestion::eight_producers_that_block", LOST),
    (CloseUnchecked, "sink::whole::ingestion::eight_producers_that_block", "for no reason"),
    (IdleBeforeClaim, "sink::whole::ingestion::what_is_pushed_comes_out_unasked", LIVELOCK),
    (SpaceUnchecked, "sink::whole::ingestion::eight_producers_that_block", LIVELOCK),
    (LeftAfterTail, "sink::whole::members::names_are_used_again", LOST),
    (ResumeUnlocked, "sink::whole::logical::two_producers_and_many_schedules", UNKEPT),
];

#[test]
fn every_mutant_is_caught() {
    all_are_caught(WEAKENINGS);
}
