//! What may be in flight, and that nothing waits for company.

use super::{Gate, settled, until};
use crate::watchdog::within;
use brigade::pipeline::{Batch, Par, Pipeline};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{channel, sync_channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

#[test]
fn an_edge_holds_exactly_its_capacity() {
    within("exactly its capacity", || {
        for capacity in [1, 2, 3, 7, 64, 100] {
            let pulled = AtomicUsize::new(0);
            let source = (0..1000).inspect(|_| {
                pulled.fetch_add(1, Ordering::SeqCst);
            });
            let outcome = Pipeline::new(source).capacity(capacity).scope(|mut items, control| {
                let queue = || control.stats().stages[1].queue;
                until(|| queue() == capacity && pulled.load(Ordering::SeqCst) == capacity + 1);
                // The source has one in hand, and there it stays until one is taken.
                for _ in 0..100 {
                    std::thread::yield_now();
                    assert_eq!(queue(), capacity);
                    assert_eq!(pulled.load(Ordering::SeqCst), capacity + 1);
                }
                assert_eq!(items.next(), Some(0));
                items.count()
            });
            let (count, report) = outcome.expect("nothing fails");
            assert_eq!(count, 999);
            assert_eq!(report.stages[1].queue_high_water, capacity);
        }
    });
}

/// More than anybody has memory for is a bound like any other.
#[test]
fn an_edge_may_be_larger_than_memory() {
    within("larger than memory", || {
        for capacity in [1 << 15, 1 << 18, usize::MAX] {
            let chain = Pipeline::new(0..5_000_u64)
                .capacity(capacity)
                .map("alone", Par::Serial, |x| x)
                .map("together", Par::Workers(2), |x| x);
            let (came, report) = chain.collect::<Vec<_>>().expect("nothing fails");
            assert!(came.into_iter().eq(0..5_000));
            assert!(report.stages.iter().skip(1).all(|stage| stage.capacity == capacity));
        }
    });
}

/// Not when half of the edge is free: whoever takes may wait for just the item that is to come.
#[test]
fn a_place_on_a_small_edge_is_filled_at_once() {
    within("a small edge", || {
        for capacity in [1, 2, 5, 63] {
            let begun = AtomicUsize::new(0);
            let chain = Pipeline::new(0..200_usize).batch(Batch::One).capacity(capacity).map(
                "give",
                Par::Serial,
                |x| begun.fetch_max(x, Ordering::SeqCst).max(x),
            );
            let (count, _) = chain
                .scope(|mut items, control| {
                    let waits = || {
                        let report = control.stats();
                        report.stages[2].queue == capacity && !report.stages[1].blocked.is_zero()
                    };
                    until(waits);
                    for taken in 0..100 {
                        assert_eq!(items.next(), Some(taken));
                        until(|| begun.load(Ordering::SeqCst) > taken + capacity);
                    }
                    items.count()
                })
                .expect("nothing fails");
            assert_eq!(count, 100);
        }
    });
}

/// The first item takes until nothing else moves; what came behind it must have stopped by then.
#[test]
fn memory_is_bounded_while_the_first_item_is_slow() {
    within("the first item is slow", || {
        for (capacity, workers) in [(1, 2), (4, 3), (64, 4)] {
            let gate = Gate::default();
            let in_flight = AtomicUsize::new(0);
            let most = AtomicUsize::new(0);
            let items = 20_000_usize;
            let source = (0..items).inspect(|_| {
                let now = in_flight.fetch_add(1, Ordering::SeqCst) + 1;
                most.fetch_max(now, Ordering::SeqCst);
            });
            let chain =
                Pipeline::new(source).capacity(capacity).map("slow", Par::Workers(workers), |x| {
                    if x == 0 {
                        gate.pass();
                    }
                    x
                });
            let (ordered, _) = chain
                .scope(|came, _| {
                    settled(|| in_flight.load(Ordering::SeqCst));
                    gate.open();
                    let mut next = 0;
                    for x in came {
                        in_flight.fetch_sub(1, Ordering::SeqCst);
                        assert_eq!(x, next);
                        next += 1;
                    }
                    next == items
                })
                .expect("nothing fails");
            assert!(ordered);
            let batch = (capacity / 4).clamp(1, 64);
            // Two edges, the batches of the workers and of the sink, one in the source's hand.
            let bound = 2 * capacity + (workers + 1) * batch + 1;
            let most = most.load(Ordering::SeqCst);
            assert!(most <= bound, "{most} in flight, {bound} allowed");
        }
    });
}

/// A filter that drops everything leaves holes; a million of them must not pile up either.
#[test]
fn holes_behind_a_slow_item_are_bounded() {
    within("holes", || {
        let gate = Gate::default();
        let pulled = AtomicUsize::new(0);
        let source = (0..1_000_000_u32).inspect(|_| {
            pulled.fetch_add(1, Ordering::SeqCst);
        });
        let chain = Pipeline::new(source).capacity(8).batch(Batch::One).filter_map(
            "drop",
            Par::Workers(2),
            |x| {
                if x == 0 {
                    gate.pass();
                }
                (x == 0 || x == 50_000).then_some(x)
            },
        );
        let (came, _) = chain
            .scope(|items, _| {
                settled(|| pulled.load(Ordering::SeqCst));
                assert!(pulled.load(Ordering::SeqCst) < 100);
                gate.open();
                items.take(2).collect::<Vec<_>>()
            })
            .expect("nothing fails");
        assert_eq!(came, [0, 50_000]);
    });
}

/// Each item is given only after the one before has come out: if one waited for company, all would.
#[test]
fn a_trickle_is_not_delayed() {
    within("a trickle", || {
        for (batch, workers) in [(Batch::Auto, 1), (Batch::Auto, 3), (Batch::UpTo(64), 2)] {
            let (ask, asked) = channel();
            let source = (0..200_u32).inspect(move |_| asked.recv().expect("somebody asks"));
            ask.send(()).expect("the source listens");
            let chain = Pipeline::new(source)
                .batch(batch)
                .map("a", Par::Workers(workers), |x| x)
                .serial("b", |x| x)
                .map("c", Par::Workers(workers), |x| x);
            let mut next = 0;
            let outcome = chain.for_each(|x| {
                assert_eq!(x, next);
                next += 1;
                let _ = ask.send(());
            });
            outcome.expect("nothing fails");
            assert_eq!(next, 200);
        }
    });
}

/// The three results of a slow batch come out although a fourth item never follows.
#[test]
fn a_chunk_waits_no_longer_than_it_may() {
    within("a chunk", || {
        let (give, given) = sync_channel(10);
        let mut chunks =
            Pipeline::new(given).chunks(10, Duration::from_millis(1)).spawn().expect("a thread");
        let mut came = Vec::new();
        for x in 0..3 {
            give.send(x).expect("the source listens");
        }
        while came.len() < 3 {
            came.extend(chunks.next().expect("a chunk, though not a full one"));
        }
        assert_eq!(came, [0, 1, 2]);
        drop(give);
        assert_eq!(chunks.next(), None);
        chunks.finish().expect("nothing fails");
    });
}

#[test]
fn items_that_take_long_are_shared_one_by_one() {
    within("one by one", || {
        // Both items must be in hand at once, or the barrier never opens.
        let both = std::sync::Barrier::new(2);
        let outcome = Pipeline::new(0..2).capacity(256).map("meet", Par::Workers(2), |x| {
            both.wait();
            x
        });
        assert_eq!(outcome.collect::<Vec<_>>().expect("nothing fails").0, [0, 1]);
    });
}

#[test]
fn the_sink_of_a_flat_map_gets_the_first_before_the_last_is_made() {
    within("an endless flat map", || {
        let (first, _) = Pipeline::new(0..3_u64)
            .flat_map("endless", Par::Workers(2), |x| (0..).map(move |y: u64| x + y))
            .scope(|mut items, _| items.nth(1000))
            .expect("nothing fails");
        assert_eq!(first, Some(1000));
    });
}

#[test]
fn fused_stages_share_a_thread() {
    within("fused", || {
        let names = Arc::new(Mutex::new(Vec::new()));
        let name = |names: &Mutex<Vec<String>>| {
            let thread = std::thread::current();
            names.lock().unwrap().push(thread.name().unwrap_or_default().to_owned());
        };
        let (came, report) = Pipeline::new(0..3)
            .map("first", Par::Serial, |x| {
                name(&names);
                x
            })
            .map("second", Par::Serial, |x| {
                name(&names);
                x
            })
            .fuse()
            .collect::<Vec<_>>()
            .expect("nothing fails");
        assert_eq!(came, [0, 1, 2]);
        assert_eq!(report.stages.len(), 3);
        assert!(names.lock().unwrap().iter().all(|name| name == "first"));
    });
}
