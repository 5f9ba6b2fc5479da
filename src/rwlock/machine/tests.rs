//! What cannot be brought about from outside: more readers than fit.

use super::*;
use crate::rwlock::word::MAX_READERS;
use crate::rwlock::{FairRwLock, PhaseFair};
use proptest::prelude::*;

/// A lock as it is after `readers` guards have been forgotten.
fn with_forgotten_readers(readers: usize) -> Machine<PhaseFair> {
    let lock = Machine::new();
    lock.word.store(readers * ONE_READER, Ordering::Relaxed);
    lock
}

impl<P: Policy> Machine<P> {
    pub(crate) fn fill_up(&self) {
        self.word.store(MAX_READERS * ONE_READER, Ordering::Relaxed);
    }
}

#[test]
fn readers_are_counted_to_the_limit_and_no_further() {
    let lock = with_forgotten_readers(MAX_READERS - 1);
    assert!(lock.try_enter(Kind::Reader));
    for kind in [Kind::Reader, Kind::Upgradable] {
        assert!(!lock.try_enter(kind));
        assert_eq!(lock.enter(kind, None), Err(Refused::Full));
        assert_eq!(lock.enter_for(kind, Duration::MAX), Err(Refused::Full));
    }
    assert_eq!(lock.load().readers(), MAX_READERS, "a refusal does not count");
    assert_eq!(lock.enter_for(Kind::Writer, Duration::ZERO), Err(Refused::TimedOut));
    lock.leave_reader();
    assert!(lock.try_enter(Kind::Upgradable));
    lock.leave_upgradable();
    assert_eq!(lock.load(), Word((MAX_READERS - 1) * ONE_READER));
}

/// Whoever waits while the count fills up stays in the line until there is room.
#[test]
fn a_hand_over_does_not_overflow_either() {
    let lock = with_forgotten_readers(MAX_READERS - 1);
    let deadline = Some(Instant::now() + Duration::from_millis(50));
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| lock.enter(Kind::Writer, deadline));
        while lock.waiting(|kind| kind == Kind::Writer) == 0 && !writer.is_finished() {
            std::thread::yield_now();
        }
        let readers = [(); 2].map(|()| scope.spawn(|| lock.enter(Kind::Reader, deadline)));
        let entered = readers.into_iter().filter_map(|reader| reader.join().ok()?.ok()).count();
        assert!(entered <= 1, "there was room for one");
        assert_eq!(writer.join().expect("no panic"), Err(Refused::TimedOut));
        assert_eq!(lock.load().readers(), MAX_READERS - 1 + entered);
    });
}

#[test]
fn the_limit_panics_with_a_reason() {
    let lock = FairRwLock::new(());
    // SAFETY: nobody holds a guard that this could invalidate.
    #[allow(unsafe_code)]
    unsafe { lock.raw() }.fill_up();
    assert!(lock.try_read().is_none());
    let read = std::panic::AssertUnwindSafe(|| drop(lock.read()));
    let panic = std::panic::catch_unwind(read).expect_err("full");
    let text = panic.downcast::<String>().expect("a text");
    assert!(text.contains("forgotten"), "{text}");
}

/// What the lock is, in the plainest words: counts.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Plain {
    readers: usize,
    upgradable: bool,
    writer: bool,
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Try(u8),
    Leave(u8),
    TryUpgrade,
    Downgrade(bool),
    DowngradeUpgradable,
    NoTime(u8),
}

fn kind(number: u8) -> Kind {
    [Kind::Reader, Kind::Upgradable, Kind::Writer][usize::from(number % 3)]
}

impl Plain {
    fn try_enter(&mut self, kind: Kind) -> bool {
        let fits = match kind {
            Kind::Reader => !self.writer,
            Kind::Upgradable => !self.writer && !self.upgradable,
            _ => !self.writer && self.readers == 0,
        };
        if fits {
            self.readers += usize::from(kind != Kind::Writer);
            self.upgradable |= kind == Kind::Upgradable;
            self.writer |= kind == Kind::Writer;
        }
        fits
    }

    fn plain_readers(&self) -> usize {
        self.readers - usize::from(self.upgradable)
    }
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        any::<u8>().prop_map(Step::Try),
        any::<u8>().prop_map(Step::Leave),
        Just(Step::TryUpgrade),
        any::<bool>().prop_map(Step::Downgrade),
        Just(Step::DowngradeUpgradable),
        any::<u8>().prop_map(Step::NoTime),
    ];
    proptest::collection::vec(step, 0..60)
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: if cfg!(miri) { 4 } else { 512 },
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// One thread, any sequence: the word says what the counts say.
    #[test]
    fn the_word_agrees_with_plain_counts(steps in steps()) {
        let lock = Machine::<PhaseFair>::new();
        let mut plain = Plain::default();
        for step in steps {
            match step {
                Step::Try(number) => {
                    prop_assert_eq!(lock.try_enter(kind(number)), plain.try_enter(kind(number)));
                }
                Step::NoTime(number) => {
                    let entered = lock.enter_for(kind(number), Duration::ZERO).is_ok();
                    prop_assert_eq!(entered, plain.try_enter(kind(number)));
                }
                Step::Leave(number) => match kind(number) {
                    Kind::Reader if plain.plain_readers() > 0 => {
                        plain.readers -= 1;
                        lock.leave_reader();
                    }
                    Kind::Upgradable if plain.upgradable => {
                        plain.upgradable = false;
                        plain.readers -= 1;
                        lock.leave_upgradable();
                    }
                    Kind::Writer if plain.writer => {
                        plain.writer = false;
                        lock.leave_writer(number % 2 == 0);
                    }
                    _ => {}
                },
                Step::TryUpgrade if plain.upgradable => {
                    let alone = plain.readers == 1;
                    prop_assert_eq!(lock.upgrade_for(Duration::ZERO) || lock.try_upgrade(), alone);
                    if alone {
                        plain = Plain { writer: true, ..Plain::default() };
                    }
                }
                Step::Downgrade(upgradable) if plain.writer => {
                    plain = Plain { readers: 1, upgradable, writer: false };
                    lock.downgrade(if upgradable { Kind::Upgradable } else { Kind::Reader });
                }
                Step::DowngradeUpgradable if plain.upgradable => {
                    plain.upgradable = false;
                    lock.downgrade_upgradable();
                }
                Step::TryUpgrade | Step::Downgrade(_) | Step::DowngradeUpgradable => {}
            }
            let word = lock.load();
            let seen = Plain {
                readers: word.readers(),
                upgradable: word.has(UPGRADABLE),
                writer: word.has(WRITER),
            };
            prop_assert_eq!(seen, plain);
            prop_assert!(!word.has(WATCHED | ELECTED), "nobody waits: {:?}", word);
        }
    }
}
