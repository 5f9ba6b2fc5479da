//! The fair mutex: what it costs when nobody waits.

use std::hint::black_box;

use brigade::mutex::FairMutex;

use crate::pairs::{Peer, at_most, compare, counting};
use crate::table::Board;
use crate::{Measure, Outcome, Plan};

pub(crate) fn measures() -> Vec<Measure> {
    vec![Measure { name: "mutex/uncontended", run: uncontended }]
}

fn uncontended(plan: &Plan, board: &mut Board) -> Outcome {
    let ours = FairMutex::new(0);
    let parking_lot = parking_lot::Mutex::new(0);
    let parking_lot_fair = parking_lot::FairMutex::new(0);
    let std = std::sync::Mutex::new(0);
    let add = |value: &mut u64| {
        *value += 1;
        *value
    };
    let goal = at_most(1.1);
    compare(
        plan,
        board,
        "mutex, lock + unlock",
        counting(|| add(&mut black_box(&ours).lock())),
        vec![
            Peer {
                name: "parking_lot",
                goal,
                pairs: counting(|| add(&mut black_box(&parking_lot).lock())),
            },
            Peer {
                name: "parking_lot, fair",
                goal,
                pairs: counting(|| add(&mut black_box(&parking_lot_fair).lock())),
            },
            Peer {
                name: "std",
                goal,
                pairs: counting(|| black_box(&std).lock().map_or(0, |mut value| add(&mut value))),
            },
        ],
    )
}
