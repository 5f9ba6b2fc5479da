//! Two or three threads, every schedule (loom).

use super::Guarded;
use crate::explore::explore;
use brigade::internals::rwlock::Kind::{self, Reader, Upgradable, Writer};
use brigade::rwlock::{Bypass, PhaseFair, Policy, TaskFair};
use loom::thread::{self, JoinHandle};
use std::sync::Arc;

fn spawn<P: Policy>(
    guarded: &Arc<Guarded<P>>,
    run: impl FnOnce(&Guarded<P>) + 'static,
) -> JoinHandle<()> {
    let guarded = guarded.clone();
    thread::spawn(move || run(&guarded))
}

fn visits<P: Policy>(first: Kind, second: Kind, third: Kind) {
    explore(3, move || {
        let guarded = Guarded::<P>::new();
        let one = spawn(&guarded, move |guarded| guarded.visit(first));
        let two = spawn(&guarded, move |guarded| guarded.visit(second));
        guarded.visit(third);
        one.join().unwrap();
        two.join().unwrap();
        guarded.finish();
    });
}

/// The models that every policy must pass.
macro_rules! for_every_policy {
    ($($model:ident),+ $(,)?) => {
        mod phase_fair { $(#[test] fn $model() { super::$model::<super::PhaseFair>() })+ }
        mod task_fair { $(#[test] fn $model() { super::$model::<super::TaskFair>() })+ }
        mod bypass { $(#[test] fn $model() { super::$model::<super::Bypass<1>>() })+ }
    };
}

for_every_policy! {
    three_writers, writers_and_a_reader, readers_and_a_writer, two_upgradable_and_a_writer,
    upgrade_beside_a_reader, upgrade_passes_the_line, upgrade_in_time, downgrade,
    downgrade_to_upgradable, timed_writer_frees_the_readers_behind_it,
    timed_upgrade_frees_the_readers_behind_it, everybody_in_time, waiting_upgradable_is_no_barrier,
    failed_attempts_leave_no_trace, bump,
}

fn three_writers<P: Policy>() {
    visits::<P>(Writer, Writer, Writer);
}

fn writers_and_a_reader<P: Policy>() {
    visits::<P>(Writer, Reader, Writer);
}

/// Without the last reader's Acquire the writer would race with the first reader.
fn readers_and_a_writer<P: Policy>() {
    visits::<P>(Reader, Writer, Reader);
}

fn two_upgradable_and_a_writer<P: Policy>() {
    visits::<P>(Upgradable, Upgradable, Writer);
}

fn upgrade_beside_a_reader<P: Policy>() {
    explore(3, || {
        let guarded = Guarded::<P>::new();
        let reader = spawn(&guarded, |guarded| guarded.visit(Reader));
        let writer = spawn(&guarded, |guarded| guarded.visit(Writer));
        guarded.enter(Upgradable);
        guarded.touch(Reader);
        assert!(guarded.lock.upgrade(None));
        guarded.touch(Writer);
        guarded.leave(Writer);
        reader.join().unwrap();
        writer.join().unwrap();
        guarded.finish();
    });
}

/// The writer stands in the line before the upgrade begins, and cannot enter until it is over.
fn upgrade_passes_the_line<P: Policy>() {
    explore(3, || {
        let guarded = Guarded::<P>::new();
        guarded.enter(Upgradable);
        let writer = spawn(&guarded, |guarded| guarded.visit(Writer));
        while !guarded.lock.diary().iter().any(|(_, entry)| is_queued(entry)) {
            thread::yield_now();
        }
        assert!(guarded.lock.try_upgrade(), "nobody else reads");
        guarded.touch(Writer);
        guarded.leave(Writer);
        writer.join().unwrap();
        guarded.finish();
    });
}

fn is_queued(entry: &brigade::internals::rwlock::Entry) -> bool {
    matches!(entry, brigade::internals::rwlock::Entry::Queued(_))
}

fn upgrade_in_time<P: Policy>() {
    explore(3, || {
        let guarded = Guarded::<P>::new();
        let reader = spawn(&guarded, |guarded| guarded.visit(Reader));
        guarded.enter(Upgradable);
        let upgraded = guarded.lock.upgrade(Some(super::some_day()));
        let held = if upgraded { Writer } else { Upgradable };
        guarded.touch(held);
        guarded.leave(held);
        reader.join().unwrap();
        guarded.finish();
    });
}

/// The holder waits for a reader that only the downgrade lets in.
fn downgrade<P: Policy>() {
    explore(3, || {
        let guarded = Guarded::<P>::new();
        guarded.enter(Writer);
        let reader = spawn(&guarded, |guarded| guarded.visit(Reader));
        guarded.touch(Writer);
        guarded.lock.downgrade(Reader);
        guarded.touch(Reader);
        reader.join().unwrap();
        guarded.leave(Reader);
        guarded.finish();
    });
}

fn downgrade_to_upgradable<P: Policy>() {
    explore(3, || {
        let guarded = Guarded::<P>::new();
        guarded.enter(Writer);
        let reader = spawn(&guarded, |guarded| guarded.visit(Reader));
        let other = spawn(&guarded, |guarded| guarded.visit(Upgradable));
        guarded.touch(Writer);
        guarded.lock.downgrade(Upgradable);
        guarded.touch(Upgradable);
        reader.join().unwrap();
        guarded.lock.downgrade_upgradable();
        other.join().unwrap();
        guarded.leave(Reader);
        guarded.finish();
    });
}

/// This thread reads until the second reader has been inside; the writer between them gives up.
fn timed_writer_frees_the_readers_behind_it<P: Policy>() {
    explore(3, || {
        let guarded = Guarded::<P>::new();
        guarded.enter(Reader);
        let writer = spawn(&guarded, |guarded| {
            assert!(!guarded.enter_in_time(Writer), "somebody reads all the time");
        });
        let reader = spawn(&guarded, |guarded| guarded.visit(Reader));
        reader.join().unwrap();
        writer.join().unwrap();
        guarded.leave(Reader);
        guarded.finish();
    });
}

/// The same with an upgrade that cannot happen, because this thread reads a second time.
fn timed_upgrade_frees_the_readers_behind_it<P: Policy>() {
    explore(3, || {
        let guarded = Guarded::<P>::new();
        guarded.enter(Reader);
        guarded.enter(Upgradable);
        let reader = spawn(&guarded, |guarded| guarded.visit(Reader));
        assert!(!guarded.lock.upgrade(Some(super::some_day())));
        reader.join().unwrap();
        guarded.leave(Upgradable);
        guarded.leave(Reader);
        guarded.finish();
    });
}

fn everybody_in_time<P: Policy>() {
    explore(3, || {
        let guarded = Guarded::<P>::new();
        let in_time = |kind: Kind| {
            move |guarded: &Guarded<P>| {
                if guarded.enter_in_time(kind) {
                    guarded.touch(kind);
                    guarded.leave(kind);
                }
            }
        };
        let one = spawn(&guarded, in_time(Writer));
        let two = spawn(&guarded, in_time(Reader));
        guarded.visit(Writer);
        one.join().unwrap();
        two.join().unwrap();
        guarded.finish();
    });
}

fn waiting_upgradable_is_no_barrier<P: Policy>() {
    explore(3, || {
        let guarded = Guarded::<P>::new();
        guarded.enter(Upgradable);
        let second = spawn(&guarded, |guarded| guarded.visit(Upgradable));
        let reader = spawn(&guarded, |guarded| guarded.visit(Reader));
        reader.join().unwrap();
        guarded.leave(Upgradable);
        second.join().unwrap();
        guarded.finish();
    });
}

fn failed_attempts_leave_no_trace<P: Policy>() {
    explore(3, || {
        let guarded = Guarded::<P>::new();
        let attempts = spawn(&guarded, |guarded| {
            for kind in [Writer, Reader] {
                if guarded.lock.try_enter(kind) {
                    guarded.touch(kind);
                    guarded.leave(kind);
                }
            }
        });
        let writer = spawn(&guarded, |guarded| guarded.visit(Writer));
        guarded.visit(Reader);
        attempts.join().unwrap();
        writer.join().unwrap();
        guarded.finish();
    });
}

/// What `bump` does: let the line go first, by handing over, and come back.
fn bump<P: Policy>() {
    explore(3, || {
        let guarded = Guarded::<P>::new();
        let one = spawn(&guarded, |guarded| guarded.visit(Writer));
        guarded.enter(Writer);
        guarded.touch(Writer);
        guarded.lock.leave_writer(true);
        guarded.visit(Writer);
        one.join().unwrap();
        guarded.finish();
    });
}
