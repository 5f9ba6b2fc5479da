//! While somebody observes nothing is refused, in the whole process: so each of these has its own.

use std::collections::BTreeSet;

use brigade::lock::{Observed, Ranked, RankedGuard, lock_all, lock_ranks, observe, write};
use brigade::mutex::{FairMutex, FairReentrantMutex};
use brigade::rwlock::FairRwLock;

use crate::alone::alone;

lock_ranks! { DISK, CACHE, INDEX, SESSION }

struct Server {
    disk: Ranked<FairMutex<u32>, DISK>,
    cache: Ranked<FairMutex<u32>, CACHE>,
    index: Ranked<FairMutex<u32>, INDEX>,
    session: Ranked<FairMutex<u32>, SESSION>,
}

fn server() -> Server {
    Server {
        disk: Ranked::new(DISK, FairMutex::new(0)),
        cache: Ranked::new(CACHE, FairMutex::new(0)),
        index: Ranked::new(INDEX, FairMutex::new(0)),
        session: Ranked::new(SESSION, FairMutex::new(0)),
    }
}

fn seen(run: impl FnOnce(&Server)) -> Observed {
    let observer = observe();
    run(&server());
    observer.finish()
}

#[test]
fn a_line_prints_as_one() {
    alone("lock::observe::a_line_prints_as_one", || {
        let observed = seen(|server| {
            let _session = server.session.lock();
            let _cache = server.cache.lock();
            let _index = server.index.lock();
            let _disk = server.disk.lock();
        });
        assert!(observed.is_consistent());
        assert_eq!(observed.to_string(), "lock_ranks! { SESSION < CACHE < INDEX < DISK }\n");
    });
}

#[test]
fn a_diamond_prints_as_chains() {
    alone("lock::observe::a_diamond_prints_as_chains", || {
        let observed = seen(|server| {
            for _again in 0..3 {
                let _session = server.session.lock();
                {
                    let _cache = server.cache.lock();
                    let _disk = server.disk.lock();
                }
                let _index = server.index.lock();
                let _disk = server.disk.lock();
            }
        });
        assert!(observed.is_consistent());
        let expected = "lock_ranks! {\n    SESSION, CACHE, INDEX, DISK;\n    CACHE < DISK;\n    \
                        INDEX < DISK;\n    SESSION < CACHE;\n    SESSION < INDEX;\n}\n";
        assert_eq!(observed.to_string(), expected);
    });
}

#[test]
fn contradictions_come_with_places() {
    alone("lock::observe::contradictions_come_with_places", || {
        let observed = seen(|server| {
            drop((server.cache.lock(), server.index.lock()));
            drop((server.index.lock(), server.disk.lock()));
            drop((server.disk.lock(), server.cache.lock())); // a circle of three
            drop((server.session.lock(), server.disk.lock()));
            let twice = Ranked::new(SESSION, FairMutex::new(0));
            drop((server.session.lock(), twice.lock()));
        });
        assert!(!observed.is_consistent());
        let text = observed.to_string();
        let here = file!();
        for pair in ["CACHE (taken at", "INDEX (taken at", "DISK (taken at"] {
            assert!(text.contains(&format!("// in both orders: {pair} {here}:")), "{text}");
        }
        assert!(text.contains("// one rank, nested: SESSION (taken at"), "{text}");
        let table = "lock_ranks! {\n    CACHE, INDEX, SESSION, DISK;\n    SESSION < DISK;\n}\n";
        assert!(text.ends_with(table), "{text}");
    });
}

#[test]
fn nothing_is_refused_meanwhile_and_everything_after() {
    alone("lock::observe::nothing_is_refused_meanwhile_and_everything_after", || {
        let server = server();
        let nested = || {
            let _held = server.disk.lock();
            server.cache.checked_lock().is_ok()
        };
        assert!(!nested());
        let (one, other) = (observe(), observe());
        assert!(nested());
        drop(one);
        assert!(nested(), "somebody still observes");
        let observed = other.finish();
        assert!(!nested());
        assert!(observed.to_string().contains("DISK < CACHE"));
    });
}

#[test]
fn what_is_taken_together_has_no_order_of_its_own() {
    alone("lock::observe::what_is_taken_together_has_no_order_of_its_own", || {
        let observed = seen(|server| {
            let _held = server.session.lock();
            let _both = lock_all((&server.disk, &server.cache)).unwrap();
        });
        let expected = "lock_ranks! {\n    INDEX, SESSION, DISK, CACHE;\n    SESSION < DISK;\n    \
                        SESSION < CACHE;\n}\n";
        assert!(observed.is_consistent());
        assert_eq!(
            observed.to_string().lines().collect::<BTreeSet<_>>(),
            expected.lines().collect(),
        );
    });
}

#[test]
fn nothing_seen_prints_nothing() {
    alone("lock::observe::nothing_seen_prints_nothing", || {
        let observed = seen(|server| drop(server.disk.lock()));
        assert!(observed.is_consistent());
        assert_eq!(observed.to_string(), "");
    });
}

/// An upgrade waits for readers, which may wait for what is held: that is an order too.
#[test]
fn an_upgrade_is_seen_as_what_is_waited_for_once_more() {
    alone("lock::observe::an_upgrade_is_seen_as_what_is_waited_for_once_more", || {
        let observed = seen(|server| {
            let cache = Ranked::named("cache", CACHE, FairRwLock::new(0));
            let beside = Ranked::named("beside", CACHE, FairRwLock::new(0));
            let lower = server.session.lock();
            // With nothing but lower ones: SESSION < CACHE, and nothing about CACHE itself.
            drop(RankedGuard::upgrade(cache.upgradable_read()));
            drop(lower);
            let reading = cache.upgradable_read();
            let higher = server.disk.lock(); // CACHE < DISK
            drop(RankedGuard::checked_upgrade(reading)); // DISK < CACHE
            drop(higher);
            let (reading, second) = (cache.upgradable_read(), beside.try_write());
            drop(RankedGuard::upgrade(reading)); // one rank, nested
            drop(second);
        });
        assert!(!observed.is_consistent());
        let text = observed.to_string();
        let mut said: Vec<_> = text.lines().filter(|line| line.starts_with("//")).collect();
        said.sort_unstable();
        let here = file!();
        for (line, begin) in said.iter().zip([
            format!("// in both orders: CACHE (taken at {here}:"),
            format!("// in both orders: DISK (taken at {here}:"),
            format!("// one rank, nested: CACHE (taken at {here}:"),
        ]) {
            assert!(line.starts_with(&begin), "{line}");
        }
        assert_eq!(said.len(), 3, "{text}");
        let table = "lock_ranks! {\n    DISK, INDEX, SESSION, CACHE;\n    SESSION < CACHE;\n}\n";
        assert!(text.ends_with(table), "{text}");
    });
}

#[test]
fn what_a_thread_has_already_has_no_order() {
    alone("lock::observe::what_a_thread_has_already_has_no_order", || {
        let observed = seen(|server| {
            let pencil = Ranked::new(CACHE, FairReentrantMutex::new(()));
            let _held = pencil.lock();
            let _higher = server.disk.lock();
            let _again = pencil.lock();
        });
        assert!(observed.is_consistent(), "{observed}");
        assert!(observed.to_string().contains("CACHE < DISK"));
    });
}

/// Text that compiles, and the same text.
macro_rules! pasted {
    ($name:ident: $($table:tt)*) => {
        mod $name {
            use brigade::lock::lock_ranks;

            $($table)*

            pub(super) const TEXT: &str = stringify!($($table)*);
        }
    };
}

/// What a compiler sees of it.
fn tokens(text: &str) -> String {
    let code = text.lines().filter(|line| !line.starts_with("//"));
    code.flat_map(str::chars).filter(|c| !c.is_whitespace()).collect()
}

/// Each of these is what one of the programs below prints, put in the place of its table.
mod round_trip {
    use super::*;

    mod line {
        brigade::lock::lock_ranks! { pub(super) LOG, CACHE, SESSION }
    }
    mod diamond {
        brigade::lock::lock_ranks! { pub(in crate::lock) DISK, CACHE, INDEX, SESSION, IDLE }
    }
    mod torn {
        brigade::lock::lock_ranks! { pub LEFT, RIGHT, LAST }
    }

    pasted! { ordered_line:
        lock_ranks! { pub(super) SESSION < CACHE < LOG }
    }
    pasted! { ordered_diamond:
        lock_ranks! {
            pub(in crate::lock) SESSION, IDLE, CACHE, INDEX, DISK;
            CACHE < DISK;
            INDEX < DISK;
            SESSION < CACHE;
            SESSION < INDEX;
        }
    }
    pasted! { ordered_torn:
        lock_ranks! {
            pub LEFT, RIGHT, LAST;
            LEFT < LAST;
            RIGHT < LAST;
        }
    }

    /// Each of these nestings, from the outside to the inside; whether nothing was refused.
    macro_rules! nested {
        ($table:ident: $($($rank:ident)+),+) => {
            [$(nested!(@ $table $($rank)+)),+].into_iter().all(|in_order| in_order)
        };
        (@ $table:ident) => { true };
        (@ $table:ident $outer:ident $($inner:ident)*) => {{
            let lock = Ranked::new($table::$outer, FairRwLock::new(0));
            let held = lock.checked_write();
            held.is_ok() && nested!(@ $table $($inner)*)
        }};
    }

    macro_rules! goes_round {
        ($test:ident: $table:ident, $ordered:ident, $is_consistent:literal, $($nesting:tt)+) => {
            #[test]
            fn $test() {
                alone(concat!("lock::observe::round_trip::", stringify!($test)), || {
                    let observer = observe();
                    assert!(nested!($table: $($nesting)+), "nothing is refused meanwhile");
                    let observed = observer.finish();
                    assert_eq!(observed.is_consistent(), $is_consistent, "{observed}");
                    let printed = observed.to_string();
                    assert_eq!(tokens(&printed), tokens($ordered::TEXT), "{printed}");
                    assert_eq!(nested!($ordered: $($nesting)+), $is_consistent, "{printed}");
                });
            }
        };
    }

    goes_round!(a_line: line, ordered_line, true, SESSION CACHE, CACHE LOG, SESSION CACHE LOG);
    goes_round!(a_diamond: diamond, ordered_diamond, true,
        SESSION CACHE DISK, SESSION INDEX DISK, INDEX DISK);
    goes_round!(a_contradiction: torn, ordered_torn, false,
        LEFT RIGHT LAST, RIGHT LEFT, RIGHT LAST);

    #[test]
    fn what_is_printed_without_a_visibility_was_declared_without() {
        alone(
            "lock::observe::round_trip::what_is_printed_without_a_visibility_was_declared_without",
            || {
                let observed = seen(|server| {
                    let index = Ranked::new(INDEX, FairRwLock::new(0));
                    let _held = server.session.lock();
                    drop(lock_all((write(&index),)).expect("in order"));
                });
                let names = "lock_ranks! {\n    DISK, CACHE, SESSION, INDEX;\n";
                assert!(observed.to_string().starts_with(names), "{observed}");
            },
        );
    }
}
