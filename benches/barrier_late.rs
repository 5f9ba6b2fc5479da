//! The processor time that waiting parties burn while one party is 100 ms late.
//!
//! `cargo bench -p scoreboard --bench barrier_late`. Linux only: it reads what the scheduler
//! accounts to each thread, so a thread that spins is caught even where it shares a core.

#[path = "barrier/peers.rs"]
mod peers;

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use peers::{Ours, OursWithAction, Peer};

const LATE: Duration = Duration::from_millis(100);

/// Time this thread has run, by the scheduler's account.
fn processor_time() -> Option<Duration> {
    let account = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    account.split(' ').next()?.parse().ok().map(Duration::from_nanos)
}

/// Processor time of all waiters together in one meeting whose last party is late.
fn burnt<P: Peer>(threads: usize) -> Option<Duration> {
    let mut parties = P::parties(threads);
    let mut late = parties.pop()?;
    thread::scope(|scope| {
        let waiters: Vec<_> = parties
            .into_iter()
            .map(|mut party| {
                scope.spawn(move || {
                    let before = processor_time()?;
                    party.meet();
                    processor_time()?.checked_sub(before)
                })
            })
            .collect();
        thread::sleep(LATE);
        late.meet();
        waiters.into_iter().map(|waiter| waiter.join().expect("it does not panic")).sum()
    })
}

fn median<P: Peer>(threads: usize, runs: usize) -> Option<Duration> {
    let mut burnt = (0..runs).map(|_| burnt::<P>(threads)).collect::<Option<Vec<_>>>()?;
    burnt.sort();
    burnt.get(runs / 2).copied()
}

fn main() {
    let runs = if std::env::args().any(|arg| arg == "--test") { 1 } else { 9 };
    println!("processor time of all waiters while one party is {LATE:?} late, median of {runs}");
    for threads in [2, 4, 8] {
        let row = [
            ("std", median::<Arc<std::sync::Barrier>>(threads, runs)),
            ("hurdles", median::<hurdles::Barrier>(threads, runs)),
            (Ours::NAME, median::<Ours>(threads, runs)),
            (OursWithAction::NAME, median::<OursWithAction>(threads, runs)),
        ];
        print!("{threads} threads:");
        for (name, burnt) in row {
            match burnt {
                Some(burnt) => print!("  {name} {burnt:.1?}"),
                None => print!("  {name} (this system keeps no account)"),
            }
        }
        println!();
    }
}
