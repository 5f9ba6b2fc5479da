//! Ranked locks and sets of locks: what the check and the order cost when nobody disturbs.

use std::cell::Cell;
use std::hint::black_box;

use brigade::lock::{Ranked, lock_all, lock_ranks};
use happylock::{LockCollection, ThreadKey};
use parking_lot::Mutex;
use tracing_mutex::parkinglot::tracing::Mutex as TracingMutex;

use crate::measure::median;
use crate::pairs::{Pairs, Peer, at_most, compare, counting, finely};
use crate::table::{Board, Goal, Row};
use crate::{Measure, Outcome, Plan};

lock_ranks! { OUTER < INNER }

type Happy = happylock::mutex::ParkingMutex<u64>;

pub(crate) fn measures() -> Vec<Measure> {
    vec![
        Measure { name: "lock/rank", run: rank },
        Measure { name: "lock/rank-nested", run: nested },
        Measure { name: "lock/all", run: all },
    ]
}

fn add(value: &mut u64) -> u64 {
    *value += 1;
    *value
}

/// A lock alone, with its rank and without: the difference is what the check costs.
fn rank(plan: &Plan, board: &mut Board) -> Outcome {
    let (raw, ranked) = (Mutex::new(0), Ranked::new(OUTER, Mutex::new(0)));
    let mut contestants: Vec<Pairs<'_>> = vec![
        counting(|| add(&mut black_box(&ranked).lock())),
        counting(|| add(&mut black_box(&raw).lock())),
    ];
    let times = finely(plan, &mut contestants)?;
    let differences: Vec<_> =
        times[0].iter().zip(&times[1]).map(|(ranked, raw)| (ranked - raw) * 1e9).collect();
    board.add(
        Row::new("rank check, lock + unlock, above the raw lock", "ns", median(&differences))
            .goal(Goal::AtMost(2.0)),
    );
    Ok(())
}

/// One lock inside another one: where an order is there to be checked. The locks themselves are most of
/// ours, so what is compared is what each check adds to them.
fn nested(plan: &Plan, board: &mut Board) -> Outcome {
    let ours = (Ranked::new(OUTER, Mutex::new(0)), Ranked::new(INNER, Mutex::new(0)));
    let theirs = (TracingMutex::new(0), TracingMutex::new(0));
    let raw = (Mutex::new(0), Mutex::new(0));
    let mut contestants: Vec<Pairs<'_>> = vec![
        counting(|| {
            let _outer = black_box(&ours).0.lock();
            add(&mut ours.1.lock())
        }),
        counting(|| {
            let _outer = black_box(&theirs).0.lock();
            add(&mut theirs.1.lock())
        }),
        counting(|| {
            let _outer = black_box(&raw).0.lock();
            add(&mut raw.1.lock())
        }),
    ];
    let times = finely(plan, &mut contestants)?;
    let cost = |times: &[f64]| median(times) * 1e9;
    for (peer, theirs) in [("tracing-mutex", &times[1]), ("the raw locks", &times[2])] {
        board.add(Row::new("ranked locks, two nested", "ns", cost(&times[0])).against(
            peer,
            cost(theirs),
            theirs,
            &times[0],
        ));
    }
    let added = times[0].iter().zip(&times[1]).zip(&times[2]);
    let shares: Vec<_> = added.map(|((ours, theirs), raw)| (ours - raw) / (theirs - raw)).collect();
    board.add(
        Row::new("the same, what the check adds / what tracing-mutex's adds", "×", median(&shares))
            .goal(Goal::AtMost(0.1)),
    );
    Ok(())
}

/// Several at once, named in another order than that in which they lie. happylock sorts when a
/// collection is made: at each call, as `lock_all` does, or once for many.
macro_rules! set_of {
    ($plan:ident, $board:ident, $count:literal, ($($lock:ident)+), ($($named:ident)+)) => {{
        let locks = [0_u64; 4].map(Mutex::new);
        let [$($lock,)+ ..] = &locks;
        let ours = counting(move || {
            let guards = lock_all(black_box(($($named,)+)));
            guards.map_or(0, |mut guards| add(&mut guards.0))
        });

        let locks = [0_u64; 4].map(Mutex::new);
        let [$($lock,)+ ..] = &locks;
        let by_hand = counting(move || {
            let ($($lock,)+) = black_box(($($lock,)+));
            let mut guards = ($($lock.lock(),)+);
            add(&mut guards.0)
        });

        let key = Cell::new(ThreadKey::get());
        let locks = [0_u64; 4].map(Happy::new);
        let [$($lock,)+ ..] = &locks;
        let made = counting(|| {
            let set = LockCollection::try_new(black_box(($($named,)+)));
            let (Some(set), Some(mut mine)) = (set, key.take()) else { return 0 };
            let value = set.scoped_lock(&mut mine, |values| add(values.0));
            key.set(Some(mine));
            value
        });

        let locks = [0_u64; 4].map(Happy::new);
        let [$($lock,)+ ..] = &locks;
        let set = LockCollection::try_new(($($named,)+)).ok_or("happylock sees a lock twice")?;
        let once = counting(|| {
            let Some(mut mine) = key.take() else { return 0 };
            let value = black_box(&set).scoped_lock(&mut mine, |values| add(values.0));
            key.set(Some(mine));
            value
        });

        let faster = Goal::Ratio(1.0);
        let peers = vec![
            Peer { name: "by hand, in order", goal: at_most(1.3), pairs: by_hand },
            Peer { name: "happylock", goal: faster, pairs: made },
            Peer { name: "happylock, made once", goal: faster, pairs: once },
        ];
        compare($plan, $board, concat!("lock_all of ", $count), ours, peers)?;
    }};
}

fn all(plan: &Plan, board: &mut Board) -> Outcome {
    set_of!(plan, board, 2, (a b), (b a));
    set_of!(plan, board, 3, (a b c), (c a b));
    set_of!(plan, board, 4, (a b c d), (d b a c));
    indexed(plan, board)
}

/// The same as an array and as a slice. A slice's guards come in a `Vec`, by hand too.
fn indexed(plan: &Plan, board: &mut Board) -> Outcome {
    let locks = [(); 5].map(|()| [0_u64; 4].map(Mutex::new));
    let [ours, theirs, ours_too, in_a_vec, in_an_array] = &locks;
    let by_hand = |[a, b, c, d]: &'_ [Mutex<u64>; 4]| {
        let (a, b, c, d) = black_box((a, b, c, d));
        let mut guards = [a.lock(), b.lock(), c.lock(), d.lock()];
        add(&mut guards[0])
    };
    let [a, b, c, d] = ours;
    let set = [d, b, a, c];
    let array = counting(|| {
        let guards = lock_all(black_box(set));
        guards.map_or(0, |mut guards| add(&mut guards[0]))
    });
    let alone =
        Peer { name: "by hand, in order", goal: at_most(1.3), pairs: counting(|| by_hand(theirs)) };
    compare(plan, board, "lock_all of 4, an array", array, vec![alone])?;

    let [a, b, c, d] = ours_too;
    let set = [d, b, a, c];
    let slice = counting(|| {
        let guards = lock_all(black_box(&set[..]));
        guards.map_or(0, |mut guards| add(&mut guards[0]))
    });
    let into_a_vec = counting(|| {
        let mut guards: Vec<_> = black_box(in_a_vec).iter().map(Mutex::lock).collect();
        add(&mut guards[0])
    });
    let peers = vec![
        Peer { name: "by hand, in order, into a Vec", goal: at_most(1.3), pairs: into_a_vec },
        Peer {
            name: "by hand, in order",
            goal: Goal::Stated,
            pairs: counting(|| by_hand(in_an_array)),
        },
    ];
    compare(plan, board, "lock_all of 4, a slice", slice, peers)
}
