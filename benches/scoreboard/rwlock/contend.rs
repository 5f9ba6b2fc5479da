//! Threads that do nothing but take a lock, hold it, and take it again.

use std::hint::black_box;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use super::locks::Lock;
use crate::Outcome;

/// What a thread wants the lock for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Reads,
    Writes,
    /// One write in four.
    Mixes,
}

/// Work that takes about so long when nothing interrupts it: turns of a loop, not a look at the
/// clock, so that a thread which lost its core in the middle works on where it was.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Hold(u64);

impl Hold {
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    pub(crate) fn lasting(time: Duration) -> Self {
        const TURNS: u64 = 200_000;
        let fastest = (0..9).map(|_| {
            let start = Instant::now();
            Self(TURNS).work();
            start.elapsed()
        });
        let fastest = fastest.min().unwrap_or(time).as_secs_f64().max(1e-9);
        Self((time.as_secs_f64() / fastest * TURNS as f64) as u64)
    }

    #[inline]
    fn work(self) {
        (0..self.0).for_each(|turn| {
            black_box(turn);
        });
    }
}

/// How often each thread got the lock, and in how much time.
#[derive(Debug)]
pub(crate) struct Grants {
    pub(crate) seconds: f64,
    pub(crate) of: Vec<u64>,
}

impl Grants {
    /// Seconds a grant.
    #[allow(clippy::cast_precision_loss)]
    pub(crate) fn cost(&self) -> f64 {
        self.seconds / self.of.iter().sum::<u64>().max(1) as f64
    }
}

/// Lets one thread for each role loose on a new lock, and checks that no writer was in beside
/// anybody.
pub(crate) fn contend<L: Lock>(roles: &[Role], hold: Hold, window: Duration) -> Outcome<Grants> {
    let (lock, value, torn) = (L::default(), AtomicU64::new(0), AtomicBool::new(false));
    let (start, over) = (Barrier::new(roles.len() + 1), AtomicBool::new(false));
    // Loads and stores, no exchanges: two writers at once would lose a step.
    let read = || {
        let seen = value.load(Relaxed);
        hold.work();
        if value.load(Relaxed) != seen {
            torn.store(true, Relaxed);
        }
    };
    let write = || {
        let seen = value.load(Relaxed);
        hold.work();
        value.store(seen + 1, Relaxed);
    };
    let visit = |role: Role, turn: u64| {
        let writes = role == Role::Writes || (role == Role::Mixes && turn.is_multiple_of(4));
        if writes {
            lock.write(write)
        } else {
            lock.read(read)
        }
        u64::from(writes)
    };
    let (visit, start, over) = (&visit, &start, &over);
    let (seconds, counts) = thread::scope(|scope| {
        let threads: Vec<_> = roles
            .iter()
            .map(|&role| {
                scope.spawn(move || {
                    let (mut turns, mut writes) = (0, 0);
                    start.wait();
                    while !over.load(Relaxed) {
                        writes += visit(role, turns);
                        turns += 1;
                    }
                    (turns, writes)
                })
            })
            .collect();
        start.wait();
        let began = Instant::now();
        thread::sleep(window);
        over.store(true, Relaxed);
        let seconds = began.elapsed().as_secs_f64();
        (seconds, threads.into_iter().map(|thread| thread.join()).collect::<Vec<_>>())
    });
    let counts = counts.into_iter().collect::<Result<Vec<_>, _>>().map_err(|_| "a panic")?;
    let written: u64 = counts.iter().map(|(_, writes)| writes).sum();
    if torn.into_inner() || written != value.into_inner() {
        return Err("a writer was in beside somebody".into());
    }
    Ok(Grants { seconds, of: counts.into_iter().map(|(turns, _)| turns).collect() })
}
