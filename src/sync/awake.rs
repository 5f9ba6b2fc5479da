//! Waiting awake, for a bounded number of rounds, before a thread is put to sleep.
//!
//! A thread that waits for its turn often gets it within the time that going to sleep and being
//! woken takes. Sleeping then makes everybody behind it wait for a processor that has nothing to
//! do. So it stays awake about as long as sleeping would cost, which at most doubles what a wait
//! costs (A. Karlin, K. Li, M. Manasse and S. Owicki, "Empirical studies of competitive spinning
//! for a shared-memory multiprocessor", 1991), and gives its processor away in each round but the
//! first few: where there are more threads than processors, the holder runs instead.

use std::cell::Cell;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicU8, AtomicU32};
use std::time::{Duration, Instant};

/// Rounds with pauses of the processor, each twice as long as the one before: some 20 ns in all.
const PAUSES: u32 = if MODELLED { 0 } else { 3 };
/// How long further rounds go on. A turn given away to somebody who needs it may last for
/// milliseconds; then it was the last one, as a sleeper is woken faster than a loser of turns.
const AWAKE: Duration = Duration::from_micros(64);
/// A checker lets the others run anyway; looking again would multiply the schedules.
const MODELLED: bool = cfg!(any(brigade_loom, brigade_shuttle));

/// How long a thread goes on looking.
#[derive(Debug)]
pub(crate) struct Rounds {
    pauses: u32,
    /// When the turns began; never, for a thread that gives none away.
    turns: Option<Option<Instant>>,
}

impl Rounds {
    /// At most three, with pauses.
    pub(crate) fn few() -> Self {
        Self { pauses: 0, turns: None }
    }

    /// For about as long as sleeping and being woken takes.
    pub(crate) fn many() -> Self {
        Self { pauses: 0, turns: (!MODELLED).then_some(None) }
    }

    /// Waits one round; `false` when it is time to sleep, or to give up.
    pub(crate) fn again(&mut self) -> bool {
        if self.pauses < PAUSES {
            self.pauses += 1;
            (0..1 << self.pauses).for_each(|_| std::hint::spin_loop());
            return true;
        }
        let Some(began) = &mut self.turns else { return false };
        let now = Instant::now();
        if now.duration_since(*began.get_or_insert(now)) > AWAKE {
            return false;
        }
        std::thread::yield_now();
        true
    }
}

/// What a thread listens to while it stands in a line and is still awake.
///
/// Whoever takes it out of the line rings. This is a hint and nothing else: the line decides. So
/// threads may share a bell, and a ring may be missed; neither is a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bell(u8);

/// More threads than this share bells.
const BELLS: u8 = 64;

/// A cache line of its own for each, so that ringing one disturbs no other listener.
#[repr(align(64))]
struct Rung(AtomicU32);

static TOWER: [Rung; BELLS as usize] = [const { Rung(AtomicU32::new(0)) }; BELLS as usize];

impl Bell {
    /// The bell of this thread.
    pub(crate) fn mine() -> Self {
        static NEXT: AtomicU8 = AtomicU8::new(0);
        std::thread_local!(static MINE: Cell<Option<Bell>> = const { Cell::new(None) });
        // Under a model all threads are one thread of the system, and nobody listens.
        if MODELLED {
            return Self(0);
        }
        MINE.get().unwrap_or_else(|| {
            let mine = Self(NEXT.fetch_add(1, Relaxed) % BELLS);
            MINE.set(Some(mine));
            mine
        })
    }

    pub(crate) fn number(self) -> u8 {
        self.0
    }

    pub(crate) fn numbered(number: u8) -> Self {
        Self(number % BELLS)
    }

    pub(crate) fn ring(self) {
        self.rung().fetch_add(1, Relaxed);
    }

    /// How often it has rung.
    pub(crate) fn rings(self) -> u32 {
        self.rung().load(Relaxed)
    }

    /// Stays awake until it rings once more than `rings`, for many rounds at most.
    pub(crate) fn listen(self, rings: u32) {
        let mut rounds = Rounds::many();
        while self.rings() == rings && rounds.again() {}
    }

    fn rung(self) -> &'static AtomicU32 {
        &TOWER[usize::from(self.0)].0
    }
}

#[cfg(all(test, not(any(brigade_loom, brigade_shuttle))))]
mod tests {
    use super::*;

    #[test]
    fn a_thread_keeps_its_bell_and_others_have_theirs() {
        let mine = Bell::mine();
        assert_eq!(mine, Bell::mine());
        assert_eq!(mine, Bell::numbered(mine.number()));
        let others: Vec<_> = (0..3).map(|_| std::thread::spawn(Bell::mine)).collect();
        assert!(others.into_iter().any(|other| other.join().expect("no panic") != mine));
        let past_the_last = (0..2 * BELLS).map(|_| std::thread::spawn(Bell::mine));
        assert!(past_the_last.into_iter().all(|bell| bell.join().expect("no panic").0 < BELLS));
    }

    #[test]
    fn listening_ends_with_the_ring_or_without() {
        let bell = Bell::mine();
        let rings = bell.rings();
        bell.listen(rings);
        bell.ring();
        assert_ne!(bell.rings(), rings);
        bell.listen(rings);
    }

    #[test]
    fn few_rounds_are_three() {
        let mut rounds = Rounds::few();
        assert_eq!(
            std::iter::repeat_with(|| rounds.again()).take(9).filter(|more| *more).count(),
            3
        );
    }
}
