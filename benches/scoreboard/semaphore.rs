//! The semaphore: what it costs when nobody waits.

#[path = "../semaphore/by_hand.rs"]
mod by_hand;

use std::hint::black_box;

use brigade::semaphore::Semaphore;

use crate::pairs::{Peer, compare, reading};
use crate::table::{Board, Goal};
use crate::{Measure, Outcome, Plan};
use by_hand::{ParkingLotByHand, StdByHand};

const PERMITS: usize = 2;

pub(crate) fn measures() -> Vec<Measure> {
    vec![Measure { name: "semaphore/uncontended", run: uncontended }]
}

fn uncontended(plan: &Plan, board: &mut Board) -> Outcome {
    let ours = Semaphore::new(PERMITS);
    let tokio = tokio::sync::Semaphore::new(PERMITS);
    let (parking_lot, std) = (ParkingLotByHand::new(PERMITS), StdByHand::new(PERMITS));
    compare(
        plan,
        board,
        "semaphore, acquire + release",
        reading(|| black_box(&ours).acquire().map_or(0, |_permit| 1)),
        vec![
            Peer {
                name: "tokio, blocking",
                goal: Goal::Ratio(1.5),
                pairs: reading(|| {
                    let permit = tokio::sync::Semaphore::blocking_acquire(black_box(&tokio));
                    permit.map_or(0, |_permit| 1)
                }),
            },
            Peer {
                name: "parking_lot Mutex + Condvar",
                goal: Goal::Ratio(1.8),
                pairs: reading(|| {
                    black_box(&parking_lot).acquire();
                    parking_lot.release();
                    1
                }),
            },
            Peer {
                name: "std Mutex + Condvar",
                goal: Goal::Ratio(1.8),
                pairs: reading(|| {
                    black_box(&std).acquire();
                    std.release();
                    1
                }),
            },
        ],
    )?;
    let left = [ours.available(), tokio.available_permits(), parking_lot.free(), std.free()];
    if left == [PERMITS; 4] { Ok(()) } else { Err(format!("permits left: {left:?}").into()) }
}
