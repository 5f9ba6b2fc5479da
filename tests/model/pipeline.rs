//! Models of the pipeline: its edges, where threads wait, turns are kept and ends are told, in every
//! interleaving; and, under shuttle, whole pipelines.

use crate::contrast::{Contrast, all_are_caught, both, loom, shuttle};
use crate::explore::explore;
#[cfg(brigade_loom)]
use ::loom::thread;
use brigade::internals::Mutant::*;
use brigade::internals::pipeline::{Edge, End, Giver, Seat, Took, Wires};
#[cfg(brigade_shuttle)]
use shuttle::thread;
use std::sync::Arc;

/// Takes until there is nothing left, and says how it ended.
fn drain(edge: &Edge, wires: &Wires) -> (Vec<u64>, Took) {
    let (seat, mut taker) = (wires.seat(), edge.taker());
    let mut all = Vec::new();
    loop {
        match taker.take(8, &seat) {
            Took::Items(items) => all.extend(items),
            end => return (all, end),
        }
    }
}

/// A thread that gives.
fn giving<R: Send + 'static>(
    edge: &Edge,
    wires: &Wires,
    gives: impl FnOnce(Giver, Seat) -> R + Send + 'static,
) -> thread::JoinHandle<R> {
    let seat = wires.seat();
    let giver = edge.giver(&seat);
    thread::spawn(move || gives(giver, seat))
}

/// Two workers give three batches by turns into an edge of this capacity.
fn in_turn(capacity: usize) {
    let wires = Arc::new(Wires::new());
    let edge = Arc::new(wires.edge(0, capacity, 2, 1));
    let workers = [&[0, 2][..], &[1][..]].map(|batches| {
        let (wires, edge) = (Arc::clone(&wires), Arc::clone(&edge));
        thread::spawn(move || {
            let seat = wires.seat();
            let mut giver = edge.giver(&seat);
            for &number in batches {
                assert!(giver.give_in_turn(number, &[number], End::Last, &seat));
            }
            giver.leave();
        })
    });
    let (all, end) = drain(&edge, &wires);
    assert_eq!((&*all, end), (&[0, 1, 2][..], Took::Ended), "out of order");
    for worker in workers {
        worker.join().unwrap();
    }
}

#[test]
fn order_is_kept_where_only_one_item_fits() {
    explore(3, || in_turn(1));
}

#[test]
fn order_is_kept_where_batches_are_parked() {
    explore(3, || in_turn(3));
}

/// A batch of which nothing is left passes the turn on, with no taker in between to wake anybody.
#[test]
fn a_hole_passes_the_turn_on() {
    explore(3, || {
        let wires = Arc::new(Wires::new());
        let edge = Arc::new(wires.edge(0, 1, 2, 1));
        let workers = [(0, &[][..]), (1, &[1][..])].map(|(number, items)| {
            let (wires, edge) = (Arc::clone(&wires), Arc::clone(&edge));
            thread::spawn(move || {
                let seat = wires.seat();
                let mut giver = edge.giver(&seat);
                assert!(giver.give_in_turn(number, items, End::Last, &seat));
                giver.leave();
            })
        });
        assert_eq!(drain(&edge, &wires), (vec![1], Took::Ended));
        for worker in workers {
            worker.join().unwrap();
        }
    });
}

/// The second batch fails, perhaps before the first is there: the first must be seen all the same.
#[test]
fn a_failure_comes_in_its_turn() {
    explore(3, || {
        let wires = Arc::new(Wires::new());
        let edge = Arc::new(wires.edge(0, 3, 2, 1));
        let workers = [(0, End::Last), (1, End::Failed)].map(|(number, end)| {
            let (wires, edge) = (Arc::clone(&wires), Arc::clone(&edge));
            thread::spawn(move || {
                let seat = wires.seat();
                let mut giver = edge.giver(&seat);
                let given = giver.give_in_turn(number, &[number], end, &seat);
                assert!(given, "not exactly what is before the failure");
                giver.leave();
            })
        });
        let (all, end) = drain(&edge, &wires);
        let exact = (&*all, end) == (&[0, 1][..], Took::Failed(1));
        assert!(exact, "not exactly what is before the failure: {all:?}");
        for worker in workers {
            worker.join().unwrap();
        }
    });
}

/// Both fail: the one that a loop would meet first is told, and the other is refused or unseen.
#[test]
fn of_two_failures_the_first_in_order_is_told() {
    explore(3, || {
        let wires = Arc::new(Wires::new());
        let edge = Arc::new(wires.edge(0, 3, 2, 1));
        let workers = [0, 1].map(|number| {
            let (wires, edge) = (Arc::clone(&wires), Arc::clone(&edge));
            thread::spawn(move || {
                let seat = wires.seat();
                let mut giver = edge.giver(&seat);
                let given = giver.give_in_turn(number, &[], End::Failed, &seat);
                assert!(given || number == 1, "not the first failure");
                giver.leave();
            })
        });
        let (all, end) = drain(&edge, &wires);
        assert_eq!((&*all, end), (&[][..], Took::Failed(0)), "not the first failure");
        for worker in workers {
            worker.join().unwrap();
        }
    });
}

/// Two take what one gives, one item by itself and one as a batch.
#[test]
fn every_item_is_taken_once() {
    explore(2, || {
        let wires = Arc::new(Wires::new());
        let edge = Arc::new(wires.edge(0, 1, 1, 2));
        let takers = [(), ()].map(|()| {
            let (wires, edge) = (Arc::clone(&wires), Arc::clone(&edge));
            thread::spawn(move || drain(&edge, &wires))
        });
        let seat = wires.seat();
        let mut giver = edge.giver(&seat);
        assert!(giver.give_one(0, &seat));
        assert!(giver.give(&[1], &seat));
        assert_eq!(giver.leave(), 0);
        let mut all = Vec::new();
        for taker in takers {
            let (mut items, end) = taker.join().unwrap();
            assert_eq!(end, Took::Ended);
            all.append(&mut items);
        }
        all.sort_unstable();
        assert_eq!(all, [0, 1]);
    });
}

/// One thread waits for room on a line, one for items; the switch must reach all of them.
#[test]
fn the_switch_reaches_whoever_waits() {
    explore(3, || {
        let wires = Arc::new(Wires::new());
        let (full, empty) = (wires.edge(0, 1, 2, 1), wires.edge(1, 1, 1, 1));
        let room = {
            let (wires, seat) = (Arc::clone(&wires), wires.seat());
            let mut giver = full.giver(&seat);
            thread::spawn(move || {
                let _wires = wires;
                assert!(!giver.give_in_turn(0, &[0, 1], End::Last, &seat));
                giver.leave();
            })
        };
        let items = {
            let (mut taker, seat) = (empty.taker(), wires.seat());
            thread::spawn(move || {
                assert_eq!(taker.take(1, &seat), Took::Off);
                assert_eq!(taker.desert(), 0);
            })
        };
        wires.turn_off(usize::MAX);
        room.join().unwrap();
        items.join().unwrap();
        assert!(full.taker().desert() <= 1);
    });
}

/// The same for one who waits for room on a rail.
#[test]
fn the_switch_reaches_the_giver_of_a_rail() {
    explore(3, || {
        let wires = Arc::new(Wires::new());
        let edge = wires.edge(0, 1, 1, 1);
        let giver = giving(&edge, &wires, |mut giver, seat| {
            let given = (0..2).take_while(|&value| giver.give_one(value, &seat)).count();
            (given, giver.leave())
        });
        wires.turn_off(usize::MAX);
        let (given, left) = giver.join().unwrap();
        assert!(given <= 1);
        assert_eq!(left + edge.taker().desert(), given, "an item was lost");
    });
}

/// Each item is given by a thread that may then do something else for ever: it must be had at once,
/// though nothing has published it.
#[test]
fn what_is_written_can_be_had() {
    explore(3, || {
        let wires = Arc::new(Wires::new());
        let edge = wires.edge(0, 8, 1, 1);
        let taker = {
            let (mut taker, seat) = (edge.taker(), wires.seat());
            thread::spawn(move || {
                let mut all = Vec::new();
                while all.len() < 2 {
                    match taker.take(8, &seat) {
                        Took::Items(items) => all.extend(items),
                        other => panic!("{other:?}"),
                    }
                }
                assert_eq!(all, [0, 7], "not what was given");
            })
        };
        let seat = wires.seat();
        let mut giver = edge.giver(&seat);
        // The second is not the next number, so its number goes along.
        assert!(giver.give_one(0, &seat));
        assert!(giver.give_one(7, &seat));
        taker.join().unwrap();
        assert_eq!(giver.leave(), 0);
    });
}

/// A slot is used again as soon as it is free, and never before; so is that of a number.
#[test]
fn a_slot_is_used_again_when_it_is_free() {
    explore(3, || {
        let wires = Arc::new(Wires::new());
        let edge = wires.edge(0, 1, 1, 1);
        let giver = giving(&edge, &wires, |mut giver, seat| {
            for value in [0, 2, 4] {
                assert!(giver.give_one(value, &seat));
            }
            giver.leave();
        });
        assert_eq!(drain(&edge, &wires), (vec![0, 2, 4], Took::Ended), "not what was given");
        giver.join().unwrap();
    });
}

/// What comes before a failure is had before it.
#[test]
fn a_failure_is_behind_what_was_given() {
    explore(3, || {
        let wires = Arc::new(Wires::new());
        let edge = wires.edge(0, 8, 1, 1);
        let giver = giving(&edge, &wires, |mut giver, seat| {
            assert!(giver.give_one(0, &seat));
            giver.fail(1);
            giver.leave();
        });
        let (all, end) = drain(&edge, &wires);
        assert_eq!((&*all, end), (&[0][..], Took::Failed(1)), "not before the failure");
        giver.join().unwrap();
    });
}

/// A taker that goes away sets free who waits for room; each item is handed to one or the other.
#[test]
fn who_deserts_takes_the_rest_along() {
    explore(3, || {
        let wires = Arc::new(Wires::new());
        let edge = wires.edge(0, 1, 1, 1);
        let giver = giving(&edge, &wires, |mut giver, seat| {
            let given = (0..3).take_while(|&value| giver.give_one(value, &seat)).count();
            (given, giver.leave())
        });
        let (mut taker, seat) = (edge.taker(), wires.seat());
        assert_eq!(taker.take(1, &seat), Took::Items(vec![0]));
        let left = taker.desert();
        let (given, refused) = giver.join().unwrap();
        assert_eq!(given, 1 + left + refused, "an item was lost");
    });
}

/// Whole pipelines, threads and all.
#[cfg(brigade_shuttle)]
mod whole {
    use crate::explore::explore;
    use brigade::pipeline::{Batch, Control, Par, Pipeline, PipelineError};
    use shuttle::rand::{Rng, thread_rng};
    use shuttle::thread;

    fn draw(most: u64) -> u64 {
        thread_rng().gen_range(0..most)
    }

    fn batch() -> Batch {
        [Batch::Auto, Batch::One, Batch::UpTo(2)][draw(3) as usize]
    }

    #[test]
    fn a_chain_is_a_loop() {
        explore(3, || {
            let outcome = Pipeline::new(0..6_u64)
                .capacity(1 + draw(4) as usize)
                .batch(batch())
                .map("a", Par::Workers(2), |x| {
                    thread::yield_now();
                    x + 1
                })
                .flat_map("b", Par::Workers(2), |x| (0..x % 3).map(move |y| 10 * x + y))
                .chunks(2, None)
                .collect::<Vec<_>>();
            let came = outcome.expect("nothing fails").0;
            assert_eq!(came, [vec![10, 20], vec![21, 40], vec![50, 51]], "not a loop");
        });
    }

    #[test]
    fn a_failure_is_that_of_a_loop() {
        explore(3, || {
            let (one, two) = (draw(6), draw(6));
            let mut seen = Vec::new();
            let outcome = Pipeline::new(0..5_u64)
                .capacity(1 + draw(3) as usize)
                .batch(batch())
                .try_map("a", Par::Workers(2), |x| if x == one { Err("a") } else { Ok(x) })
                .try_map("b", Par::Workers(2), |x| if x == two { Err("b") } else { Ok(x) })
                .for_each(|x| seen.push(x));
            let first = one.min(two).min(5);
            assert!(seen.into_iter().eq(0..first), "not exactly a loop");
            match outcome {
                Ok(_) => assert_eq!(first, 5, "not exactly a loop"),
                Err(PipelineError::Stage(failure)) => {
                    let stage = if one <= two { "a" } else { "b" };
                    assert_eq!(
                        (failure.stage, failure.item),
                        (stage, Some(first)),
                        "not exactly a loop"
                    );
                }
                Err(other) => panic!("{other}"),
            }
        });
    }

    #[test]
    fn cancel_ends_everything_from_anywhere() {
        explore(3, || {
            let control = Control::new();
            let canceller = {
                let control = control.clone();
                thread::spawn(move || control.cancel())
            };
            let mut next = 0;
            let outcome = Pipeline::new(0..8_u64)
                .control(&control)
                .capacity(1 + draw(3) as usize)
                .batch(batch())
                .map("a", Par::Workers(2), |x| x)
                .serial("b", |x| x)
                .for_each(|x| {
                    assert_eq!(x, next);
                    next += 1;
                });
            match outcome {
                Ok(report) => assert_eq!((next, report.items), (8, 8)),
                Err(PipelineError::Cancelled) => {}
                Err(other) => panic!("{other}"),
            }
            canceller.join().unwrap();
        });
    }

    /// One works, one waits for its turn, one for room, one for items, and nobody comes but the switch.
    #[test]
    fn cancel_reaches_whom_nobody_else_wakes() {
        explore(3, || {
            let control = Control::new();
            let (passed, passing) = shuttle::sync::mpsc::channel();
            let canceller = {
                let control = control.clone();
                thread::spawn(move || {
                    passing.recv().expect("an item passes");
                    (0..draw(60)).for_each(|_| thread::yield_now());
                    control.cancel();
                })
            };
            // Not without end: between what stages see first of a cancellation and the rest of it
            // a scheduler may let everything else run.
            let outcome = Pipeline::new(0..40_u64)
                .control(&control)
                .capacity(1)
                .batch(Batch::One)
                .map("a", Par::Workers(2), |x| match x {
                    0 => drop(control.cancelled_within(std::time::Duration::MAX)),
                    _ => drop(passed.send(())),
                })
                .for_each(drop);
            match outcome {
                Ok(report) => assert_eq!(report.items, 40),
                Err(PipelineError::Cancelled) => {}
                Err(other) => panic!("{other}"),
            }
            canceller.join().unwrap();
        });
    }

    /// What makes the printed seeds worth printing: also the times that choose the batches are drawn.
    #[test]
    fn a_seed_repeats_a_run() {
        let chain = || {
            let chain = Pipeline::new(0..40_u64)
                .capacity(16)
                .map("a", Par::Workers(2), |x| x)
                .serial("b", |x| x);
            assert_eq!(chain.collect::<Vec<_>>().expect("nothing fails").0.len(), 40);
        };
        shuttle::check_uncontrolled_nondeterminism(chain, 300);
    }

    #[test]
    fn a_handle_can_be_let_go_at_any_time() {
        explore(3, || {
            let handle = Pipeline::new(0..).capacity(2).map("a", Par::Workers(2), |x: u64| x);
            let mut handle = handle.spawn().expect("threads");
            let want = draw(4);
            let came: Vec<u64> = handle.by_ref().take(want as usize).collect();
            assert!(came.into_iter().eq(0..want));
            if draw(2) == 0 {
                handle.finish().expect("stopping is no error");
            }
        });
    }
}

const DEADLOCK: &[&str] = &["deadlock"];
/// The end of a scope wakes its owner, which here still waits for a bell: shuttle's own complaint.
const NEVER_TOLD: &[&str] = &["deadlock", "should not have been woken"];
const ONE_FITS: &str = "pipeline::order_is_kept_where_only_one_item_fits";
const PARKED: &str = "pipeline::order_is_kept_where_batches_are_parked";
const TAKEN_ONCE: &str = "pipeline::every_item_is_taken_once";
const WRITTEN: &str = "pipeline::what_is_written_can_be_had";
const USED_AGAIN: &str = "pipeline::a_slot_is_used_again_when_it_is_free";
const RACE: &[&str] = &["Causality violation"];
const SWITCH_OF_RAIL: &str = "pipeline::the_switch_reaches_the_giver_of_a_rail";
const SWITCH: &str = "pipeline::the_switch_reaches_whoever_waits";
const CHAIN: &str = "pipeline::whole::a_chain_is_a_loop";
const CANCEL: &str = "pipeline::whole::cancel_reaches_whom_nobody_else_wakes";

pub(crate) const CONTRASTS: &[Contrast] = &[
    both(PipelineNoReserve, ONE_FITS, DEADLOCK),
    both(PipelineOutOfTurn, ONE_FITS, &["out of order"]),
    both(PipelineRoomUnannounced, ONE_FITS, DEADLOCK),
    both(PipelineEndUnannounced, ONE_FITS, DEADLOCK),
    both(PipelineBellForgets, ONE_FITS, DEADLOCK),
    both(PipelineParkedForgotten, PARKED, &["deadlock", "out of order"]),
    both(PipelineOutOfTurn, PARKED, &["out of order"]),
    both(PipelineTurnUnannounced, "pipeline::a_hole_passes_the_turn_on", DEADLOCK),
    both(
        PipelineFailureOvertakes,
        "pipeline::a_failure_comes_in_its_turn",
        &["not exactly what is before the failure"],
    ),
    both(
        PipelineFailureOvertakes,
        "pipeline::of_two_failures_the_first_in_order_is_told",
        &["not the first failure"],
    ),
    both(RailTakerUnfed, WRITTEN, DEADLOCK),
    both(RailTakerBlind, WRITTEN, DEADLOCK),
    both(RailTakerShy, WRITTEN, DEADLOCK),
    both(RailGiverBlind, USED_AGAIN, DEADLOCK),
    both(RailDesertedUntold, "pipeline::who_deserts_takes_the_rest_along", DEADLOCK),
    both(PipelineRoomUnannounced, USED_AGAIN, DEADLOCK),
    both(PipelineEndUnannounced, USED_AGAIN, DEADLOCK),
    both(PipelineBellForgets, USED_AGAIN, DEADLOCK),
    both(PipelineBellForgets, WRITTEN, DEADLOCK),
    loom(LightFenceMissing, WRITTEN, DEADLOCK),
    loom(HeavyFenceMissing, WRITTEN, DEADLOCK),
    loom(LightFenceMissing, USED_AGAIN, DEADLOCK),
    loom(HeavyFenceMissing, USED_AGAIN, DEADLOCK),
    loom(RingWriteRelaxed, WRITTEN, RACE),
    loom(RingTakeRelaxed, USED_AGAIN, RACE),
    loom(RingRoomRelaxed, USED_AGAIN, RACE),
    both(PipelineRoomUnannounced, TAKEN_ONCE, DEADLOCK),
    both(PipelineEndUnannounced, TAKEN_ONCE, DEADLOCK),
    both(PipelineBellForgets, TAKEN_ONCE, DEADLOCK),
    both(PipelineHaltRingsNobody, SWITCH_OF_RAIL, DEADLOCK),
    both(PipelineHaltRingsFirst, SWITCH_OF_RAIL, DEADLOCK),
    both(PipelineHaltRingsNobody, SWITCH, DEADLOCK),
    both(PipelineHaltRingsFirst, SWITCH, DEADLOCK),
    both(PipelineBellForgets, SWITCH, DEADLOCK),
    shuttle(PipelineNoReserve, CHAIN, DEADLOCK),
    shuttle(PipelineParkedForgotten, CHAIN, &["deadlock", "not a loop"]),
    shuttle(PipelineTurnUnannounced, CHAIN, DEADLOCK),
    shuttle(PipelineOutOfTurn, CHAIN, &["not a loop"]),
    shuttle(PipelineRoomUnannounced, CHAIN, DEADLOCK),
    shuttle(PipelineEndUnannounced, CHAIN, NEVER_TOLD),
    shuttle(
        PipelineFailureOvertakes,
        "pipeline::whole::a_failure_is_that_of_a_loop",
        &["not exactly a loop"],
    ),
    shuttle(PipelineHaltRingsNobody, CANCEL, DEADLOCK),
    shuttle(PipelineHaltRingsFirst, CANCEL, DEADLOCK),
];

#[test]
fn every_mutant_is_caught() {
    all_are_caught(CONTRASTS);
}
