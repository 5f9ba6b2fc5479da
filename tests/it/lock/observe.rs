//! While somebody observes nothing is refused, in the whole process: so each of these has its own.

use brigade::lock::{Observed, Ranked, lock_all, lock_ranks, observe};
use brigade::mutex::FairMutex;

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
            observed.to_string().lines().collect::<std::collections::BTreeSet<_>>(),
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
