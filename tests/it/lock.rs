//! Ranks, several locks at once, and attempts, from outside: each promise, and every bad input with its
//! result.

mod all;
mod attempt;
mod observe;
mod progress;
mod ranked;
mod reentrant;

use std::panic::{AssertUnwindSafe, catch_unwind};

use brigade::lock::lock_ranks;

lock_ranks! { LOW < MIDDLE < HIGH }

/// What a panic says.
#[track_caller]
fn said<R>(run: impl FnOnce() -> R) -> String {
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(_) => panic!("it does not panic"),
        Err(payload) => match payload.downcast::<String>() {
            Ok(text) => *text,
            Err(payload) => (*payload.downcast_ref::<&str>().expect("a message")).to_owned(),
        },
    }
}
