//! Models of the ordered sink. loom explores the protocol alone, with every order in which weak
//! memory may show a store; shuttle draws schedules of the complete sink.

#[cfg(brigade_loom)]
mod batch;
#[cfg(brigade_loom)]
mod close;
#[cfg(brigade_loom)]
mod event;
#[cfg(brigade_loom)]
mod explore;
#[cfg(brigade_loom)]
mod ledger;
#[cfg(brigade_loom)]
mod logical;
#[cfg(brigade_loom)]
mod members;
mod mutants;
#[cfg(brigade_loom)]
mod order;
#[cfg(brigade_loom)]
mod rest;
#[cfg(brigade_loom)]
mod room;
#[cfg(brigade_shuttle)]
mod whole;

pub(crate) use mutants::CONTRASTS;
