//! Who passed whom: the stated bounds, counted in the lot's diary.
//!
//! The diary holds every arrival and every grant in the order in which they took effect, so the
//! bounds of the policies can be checked on it to the letter.

use std::collections::HashMap;

use brigade::internals::rwlock::Kind::{self, Reader, Upgradable, Upgrader, Writer};
use brigade::internals::rwlock::{Entry, Event, Message};
use shuttle::thread::ThreadId;

/// What a policy promises.
#[derive(Clone, Copy)]
pub(crate) struct Promise {
    pub(crate) readers_first: bool,
    pub(crate) steals: usize,
}

struct Waiting {
    kind: Kind,
    arrived: usize,
    writers_ahead: usize,
    upgradable_ahead: usize,
    writers_granted: usize,
    later_phases: Vec<usize>,
    upgrades: usize,
}

struct Grant {
    thread: ThreadId,
    kind: Kind,
    arrived: usize,
    /// The reader phase that it belongs to; none for those who walked in.
    phase: Option<usize>,
}

/// Numbers the reader phases. One decision of a waker begins at most one; those whom an elected
/// reader lets in behind itself belong to its phase.
#[derive(Default)]
struct Phases {
    of_batch: HashMap<usize, usize>,
    begun: usize,
    led_by_an_heir: Option<usize>,
}

impl Phases {
    fn of_heir(&mut self) -> usize {
        self.begun += 1;
        self.led_by_an_heir = Some(self.begun);
        self.begun
    }

    fn of_batch(&mut self, batch: usize) -> usize {
        *self.of_batch.entry(batch).or_insert_with(|| {
            self.led_by_an_heir.take().unwrap_or_else(|| {
                self.begun += 1;
                self.begun
            })
        })
    }
}

fn conflict(one: Kind, other: Kind) -> bool {
    !matches!((one, other), (Reader, Reader | Upgradable) | (Upgradable, Reader))
}

/// Replays a diary and panics at the first broken promise; the diary is shown then.
pub(crate) fn check(diary: &[(ThreadId, Entry)], promise: Promise) {
    struct Shown<'a>(&'a [(ThreadId, Entry)], usize);
    impl Drop for Shown<'_> {
        fn drop(&mut self) {
            if std::thread::panicking() {
                self.0[..=self.1]
                    .iter()
                    .for_each(|(thread, entry)| eprintln!("{thread:?} {entry:?}"));
            }
        }
    }
    let mut shown = Shown(diary, diary.len() - 1);
    let mut waiting = HashMap::<ThreadId, Waiting>::new();
    let mut phases = Phases::default();
    let mut steals = 0;
    for (now, &(thread, entry)) in diary.iter().enumerate() {
        shown.1 = now;
        match entry {
            // A thread that was elected and came too late keeps its arrival.
            Entry::Queued(ticket) if ticket.heir => assert!(waiting.contains_key(&thread)),
            Entry::Queued(ticket) => {
                let ahead = |kind| waiting.values().filter(|waiting| waiting.kind == kind).count();
                let newcomer = Waiting {
                    kind: ticket.kind,
                    arrived: now,
                    writers_ahead: ahead(Writer),
                    upgradable_ahead: ahead(Upgradable),
                    writers_granted: 0,
                    later_phases: Vec::new(),
                    upgrades: 0,
                };
                waiting.insert(thread, newcomer);
            }
            Entry::TimedOut(_) => drop(waiting.remove(&thread)),
            Entry::Woken(_, Message::Elected, _) => steals = 0,
            Entry::Woken(ticket, Message::Granted, batch) => {
                let arrived = waiting.remove(&thread).map_or(now, |waiting| waiting.arrived);
                let phase = match ticket.kind {
                    Writer | Upgrader => None,
                    _ => Some(phases.of_batch(batch)),
                };
                let grant = Grant { thread, kind: ticket.kind, arrived, phase };
                granted(&mut waiting, &grant, promise);
            }
            Entry::Did(Event::Inherited(kind)) => {
                let arrived = waiting.remove(&thread).map_or(now, |waiting| waiting.arrived);
                let phase = (kind != Writer).then(|| phases.of_heir());
                granted(&mut waiting, &Grant { thread, kind, arrived, phase }, promise);
            }
            Entry::Did(Event::Entered(kind)) => {
                waiting.remove(&thread);
                granted(&mut waiting, &Grant { thread, kind, arrived: now, phase: None }, promise);
            }
            Entry::Did(Event::Downgrades(to)) => {
                for passed in waiting.values_mut() {
                    // It takes the place of the one upgradable reader of the phase that it begins.
                    passed.upgradable_ahead += usize::from(to == Upgradable);
                    // A thief's phase is one that no writer before this thread accounts for.
                    passed.upgrades += usize::from(promise.steals > 0);
                }
            }
            Entry::Did(Event::Stole(_)) => {
                steals += 1;
                assert!(steals <= promise.steals, "{steals} steals from one elected thread");
            }
        }
    }
    shown.1 = diary.len() - 1;
    assert!(waiting.is_empty(), "somebody was left in the line");
}

fn granted(waiting: &mut HashMap<ThreadId, Waiting>, grant: &Grant, promise: Promise) {
    // An upgrade passes the line; it is the one exception. When it leaves, a phase begins.
    if grant.kind == Upgrader {
        waiting.values_mut().for_each(|passed| passed.upgrades += 1);
        return;
    }
    for (&thread, passed) in waiting.iter_mut().filter(|(thread, _)| **thread != grant.thread) {
        let later = grant.arrived > passed.arrived;
        assert!(
            !(passed.kind == Upgrader && later),
            "{:?} entered while an upgrade was under way",
            grant.kind
        );
        if passed.kind == Upgrader || !conflict(passed.kind, grant.kind) {
            continue;
        }
        if !promise.readers_first {
            assert!(!later, "{thread:?} was passed by a {:?} that arrived later", grant.kind);
            continue;
        }
        match (passed.kind, grant.kind) {
            (Writer, Writer) => assert!(!later, "a writer was passed by a later writer"),
            (Writer, _) if later => {
                let Some(phase) = grant.phase else {
                    panic!("a reader joined a phase while a writer waited");
                };
                if !passed.later_phases.contains(&phase) {
                    passed.later_phases.push(phase);
                }
                assert!(
                    passed.later_phases.len() <= passed.writers_ahead + 1 + passed.upgrades,
                    "a writer waited for too many reader phases"
                );
            }
            (Reader | Upgradable, Writer) => {
                passed.writers_granted += 1;
                let most = match passed.kind {
                    Reader => 1,
                    _ => 1 + passed.upgradable_ahead,
                };
                assert!(
                    passed.writers_granted <= most,
                    "a reader waited for {} writers",
                    passed.writers_granted
                );
            }
            _ => {}
        }
    }
}
