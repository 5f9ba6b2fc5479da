//! Every weakening of the frontier, and the model that notices it.

use brigade::internals::Mutant::*;

use crate::contrast::{Contrast, all_are_caught, loom, shuttle};

const ORDER: &[&str] = &["order broken"];
const LOST: &[&str] = &["lost"];
const UNKEPT: &[&str] = &["a promise was not kept"];
const DEADLOCK: &[&str] = &["deadlock"];
const LIVELOCK: &[&str] = &["exceeded max_steps"];

pub(crate) const CONTRASTS: &[Contrast] = &[
    loom(NoProducerFence, "sink::order::one_producer_one_push_one_round", ORDER),
    loom(NoWriterFence, "sink::order::one_producer_one_push_one_round", ORDER),
    loom(NoClaim, "sink::order::one_producer_one_push_one_round", ORDER),
    loom(NoRecheck, "sink::order::one_producer_one_push_one_round", ORDER),
    loom(NoRecheck, "sink::event::late_or_in_order", ORDER),
    loom(TailBeforeClaim, "sink::order::one_producer_one_push_one_round", ORDER),
    loom(ClaimRelaxed, "sink::order::one_producer_two_pushes_one_round", ORDER),
    loom(FreeRelaxed, "sink::order::one_producer_one_push_one_round", ORDER),
    loom(EmitAtCut, "sink::order::two_producers_one_push_one_round", &["was released before"]),
    loom(RegistryBeforeProposal, "sink::members::a_producer_joins_while_a_round_runs", ORDER),
    loom(CloseWithoutFence, "sink::close::against_one_push", LOST),
    loom(CloseWithoutWaiting, "sink::close::against_one_push", LOST),
    loom(CloseUnchecked, "sink::close::against_one_push", LOST),
    loom(IdleBeforeClaim, "sink::rest::a_push_wakes_the_writer", DEADLOCK),
    loom(SpaceUnchecked, "sink::room::room_is_handed_over_once", DEADLOCK),
    loom(RoomForgotten, "sink::room::little_room_is_handed_over_in_the_end", DEADLOCK),
    loom(BatchPieceByPiece, "sink::batch::two_batches_two_rounds", &["a batch was torn"]),
    loom(LeftAfterTail, "sink::members::a_producer_leaves_while_rounds_run", LOST),
    loom(MovedUnfenced, "sink::rest::leaving_wakes_the_writer", DEADLOCK),
    loom(ResumeUnlocked, "sink::logical::a_pause_ends_with_a_promise_that_holds", UNKEPT),
    shuttle(NoClaim, "sink::whole::members::producers_that_only_pass_by", ORDER),
    shuttle(NoRecheck, "sink::whole::ingestion::two_producers_and_many_schedules", ORDER),
    shuttle(NoRecheck, "sink::whole::event::two_producers_and_many_schedules", ORDER),
    shuttle(TailBeforeClaim, "sink::whole::ingestion::two_producers_and_many_schedules", ORDER),
    shuttle(EmitAtCut, "sink::whole::ingestion::two_producers_and_many_schedules", ORDER),
    shuttle(RegistryBeforeProposal, "sink::whole::members::producers_that_only_pass_by", ORDER),
    shuttle(CloseWithoutWaiting, "sink::whole::ingestion::eight_producers_that_block", LOST),
    shuttle(
        CloseUnchecked,
        "sink::whole::ingestion::eight_producers_that_block",
        &["for no reason"],
    ),
    shuttle(IdleBeforeClaim, "sink::whole::ingestion::what_is_pushed_comes_out_unasked", LIVELOCK),
    shuttle(LeftAfterTail, "sink::whole::members::names_are_used_again", LOST),
    shuttle(ResumeUnlocked, "sink::whole::logical::two_producers_and_many_schedules", UNKEPT),
];

#[test]
fn every_mutant_is_caught() {
    all_are_caught(CONTRASTS);
}
