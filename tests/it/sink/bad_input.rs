//! Everything that a caller can get wrong has a typed, readable result.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use brigade::clock::{Clock, ManualClock, MonotonicClock, Stamp};
use brigade::sink::{
    BuildError, Cause, Durability, FileOutput, JoinError, MemoryOutput, OpenError, OrderedSink,
    Overflow, Silence, Text,
};

use super::clocks::Fragile;
use super::ledger::assert_accounts;
use super::rows::Format;
use crate::watchdog::within;

#[test]
fn a_path_that_is_a_directory() {
    let dir = tempfile::tempdir().expect("a directory");
    for opened in [
        FileOutput::create(dir.path()),
        FileOutput::append(dir.path()),
        FileOutput::replace(dir.path()),
    ] {
        let error = opened.expect_err("a directory");
        assert!(matches!(&error, OpenError::Directory { path } if path == dir.path()), "{error}");
        assert!(error.to_string().ends_with("is a directory; name a file inside it"), "{error}");
    }
    let built = OrderedSink::<u32>::create(dir.path());
    assert!(matches!(built, Err(BuildError::Open(OpenError::Directory { .. }))));
}

#[test]
fn a_path_that_cannot_be_written() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("file");
    std::fs::write(&file, "x").expect("a writable directory");
    let mut unwritable = vec![dir.path().join("missing/file"), file.join("below a file")];
    unwritable.push(dir.path().join("n".repeat(5_000)));
    unwritable.push("".into());
    let protected = dir.path().join("protected");
    std::fs::write(&protected, "x").expect("a writable directory");
    let mut mode = std::fs::metadata(&protected).expect("a file").permissions();
    mode.set_readonly(true);
    std::fs::set_permissions(&protected, mode).expect("one's own file");
    // To a privileged user no file is read-only.
    if std::fs::OpenOptions::new().append(true).open(&protected).is_err() {
        unwritable.push(protected);
    }
    for path in unwritable {
        for opened in
            [FileOutput::create(&path), FileOutput::append(&path), FileOutput::replace(&path)]
        {
            let error = opened.expect_err("not writable");
            // A file that is there is not made anew, whoever may write it.
            let exists = matches!(error, OpenError::Exists { .. }) && path.exists();
            assert!(exists || matches!(error, OpenError::Io { .. }), "{}: {error}", path.display());
        }
    }
    assert_eq!(std::fs::read(&file).expect("a file"), b"x");
}

#[test]
fn a_file_that_exists_and_is_not_to_be_continued() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("file");
    std::fs::write(&path, "precious").expect("a writable directory");
    let error = OrderedSink::<u32>::create(&path).expect_err("it exists");
    assert!(matches!(error, BuildError::Open(OpenError::Exists { .. })), "{error}");
    assert!(error.to_string().contains("append to it, replace it, or choose another path"));
    assert_eq!(std::fs::read(&path).expect("a file"), b"precious");
}

#[test]
fn a_file_that_is_replaced_is_emptied() {
    within("sink::bad_input::replace", || {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("file");
        std::fs::write(&path, "old").expect("a writable directory");
        let output = FileOutput::replace(&path).expect("a writable file");
        assert_eq!(output.path(), path);
        let sink = OrderedSink::builder(Format::Csv.encoding(), output).build();
        let sink = sink.expect("an empty file");
        sink.producer("p").expect("a fresh name").push("new".to_owned()).expect("an open sink");
        assert_accounts(&sink.finish(), 1);
        let rows = Format::Csv.read(&std::fs::read(&path).expect("a file")).expect("whole records");
        assert_eq!(rows.len(), 1);
    });
}

#[test]
fn a_file_that_another_sink_holds() {
    within("sink::bad_input::locked", || {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("file");
        let sink = OrderedSink::create(&path).expect("a new file");
        let mut producer = sink.producer("p").expect("a fresh name");
        producer.push(1).expect("an open sink");
        sink.flush().expect("an open sink");
        let before = std::fs::read(&path).expect("a file");
        for opened in [FileOutput::append(&path), FileOutput::replace(&path)] {
            let error = opened.expect_err("in use");
            assert!(matches!(error, OpenError::InUse { .. }), "{error}");
        }
        assert!(matches!(FileOutput::create(&path), Err(OpenError::Exists { .. })));
        assert_eq!(std::fs::read(&path).expect("a file"), before, "not emptied");
        // The lock goes with the sink, not with its producers, and before `finish` returns.
        assert_accounts(&sink.finish(), 1);
        for _ in 0..50 {
            let output = FileOutput::append(&path).expect("free again");
            let sink = OrderedSink::builder(Text::new(), output).build().expect("its own content");
            sink.producer("p").expect("a fresh name").push(2).expect("an open sink");
            assert_accounts(&sink.finish(), 1);
        }
        drop(producer);
    });
}

/// A process that is being spawned has a copy of every open file for a moment.
#[cfg(unix)]
#[test]
fn a_lock_goes_with_its_sink_while_processes_are_spawned() {
    within("sink::bad_input::spawning", || {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("file");
        let spawner = std::thread::spawn(|| {
            for _ in 0..100 {
                let status = std::process::Command::new("true").status();
                assert!(status.expect("a process").success());
            }
        });
        while !spawner.is_finished() {
            drop(FileOutput::append(&path).expect("free again"));
        }
        spawner.join().expect("no panic");
    });
}

#[test]
fn a_capacity_of_zero_and_one_past_reason() {
    let builder = || OrderedSink::<u32>::builder(Text::new(), MemoryOutput::new());
    let error = builder().capacity(0).build().expect_err("zero");
    assert!(matches!(error, BuildError::ZeroCapacity), "{error}");
    assert!(error.to_string().contains("give at least 1"), "{error}");
    for asked in [(1 << 24) + 1, usize::MAX] {
        let error = builder().capacity(asked).build().expect_err("past reason");
        let BuildError::CapacityTooLarge { asked: told, most } = error else { panic!("{error}") };
        assert_eq!((told, most), (asked, 1 << 24));
    }
    let error = builder().event_time(Duration::ZERO).pending(0).build().expect_err("zero");
    assert!(matches!(error, BuildError::ZeroPending), "{error}");
}

#[test]
fn the_largest_capacity_works() {
    within("sink::bad_input::largest", || {
        let memory = MemoryOutput::new();
        let sink = OrderedSink::builder(Text::new(), memory.clone()).capacity(1 << 24).build();
        let sink = sink.expect("large, and within reason");
        let mut producer = sink.producer("p").expect("a fresh name");
        (0..1_000).for_each(|value| _ = producer.push(value).expect("room"));
        assert_accounts(&sink.finish(), 1_000);
    });
}

#[test]
fn a_builder_that_refuses_has_changed_nothing() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("file");
    let torn = b"2026-11-22T03:00:00.000000042Z\ta\t7\n2026-11";
    std::fs::write(&path, torn).expect("a writable directory");
    let output = FileOutput::append(&path).expect("a writable file");
    let built = OrderedSink::<u32>::builder(Text::new(), output).capacity(0).build();
    assert!(built.is_err());
    assert_eq!(std::fs::read(&path).expect("a file"), torn);
    drop(FileOutput::append(&path).expect("the lock is gone with the builder"));
}

#[test]
fn two_producers_of_one_name() {
    within("sink::bad_input::one name", || {
        let sink = OrderedSink::<u32>::builder(Text::new(), MemoryOutput::new()).build();
        let sink = sink.expect("a sound setting");
        let first = sink.producer("twin").expect("a fresh name");
        let error = sink.producer("twin").expect_err("taken");
        assert_eq!(error, JoinError::NameTaken { name: "twin".into() });
        assert!(error.to_string().contains("\"twin\""), "{error}");
        drop(first);
        sink.flush().expect("an open sink");
        sink.producer("twin").expect("free again");
        assert_accounts(&sink.finish(), 0);
    });
}

#[test]
fn names_that_are_none() {
    within("sink::bad_input::names", || {
        let sink = OrderedSink::<u32>::builder(Text::new(), MemoryOutput::new()).build();
        let sink = sink.expect("a sound setting");
        let long = "n".repeat(256);
        for name in ["", "a\tb", "a\nb", "a\rb", "\0", "\u{7f}", "\u{85}", &long] {
            let error = sink.producer(name).expect_err("no name");
            assert_eq!(error, JoinError::BadName { name: name.into() });
            assert!(error.to_string().contains("1 to 255 bytes"), "{error}");
        }
        for name in ["n".repeat(255).as_str(), " ", "\u{e9}", ",", "\"", "\\"] {
            sink.producer(name).expect("a name");
        }
        assert_accounts(&sink.finish(), 0);
    });
}

#[test]
fn durations_at_both_ends() {
    within("sink::bad_input::durations", || {
        let builder = || OrderedSink::builder(Text::new(), MemoryOutput::new()).capacity(4);
        for long in [Duration::ZERO, Duration::from_nanos(1), Duration::MAX] {
            let sink = builder()
                .tick(long)
                .durability(Durability::Sync { every: long })
                .build()
                .expect("a sound setting");
            let mut producer = sink.producer("p").expect("a fresh name");
            (0..100).for_each(|value| _ = producer.push(value).expect("room comes"));
            sink.flush().expect("an open sink");
            producer.push_durable(100).expect("an open sink");
            assert_accounts(&sink.finish(), 101);

            let sink = builder()
                .tick(long)
                .overflow(Overflow::Timeout(long))
                .event_time(long)
                .ahead(long)
                .build()
                .expect("a sound setting");
            let mut producer = sink.producer("p").expect("a fresh name");
            // Without any lag it is late by the time it is read: either answer will do.
            let _ = producer.push_at(MonotonicClock::new().now(), 1);
            sink.flush().expect("an open sink");
            sink.finish().expect("no fault");

            let sink = builder()
                .tick(long)
                .logical_time()
                .silence(Silence::PassOver(long))
                .build()
                .expect("a sound setting");
            let mut producer = sink.producer("p").expect("a fresh name");
            producer.push_at(Stamp::from_nanos(1), 1).expect("in order");
            sink.flush().expect("an open sink");
            assert_accounts(&sink.finish(), 1);
        }
    });
}

#[test]
fn a_clock_that_steps_backwards() {
    within("sink::bad_input::clock back", || {
        let memory = MemoryOutput::new();
        let clock = ManualClock::at(Stamp::from_nanos(1_000));
        let sink = OrderedSink::builder(Text::new(), memory.clone()).clock(clock.clone()).build();
        let sink = sink.expect("a sound setting");
        let mut first = sink.producer("first").expect("a fresh name");
        let mut stamps = vec![first.push(0).expect("an open sink")];
        sink.flush().expect("an open sink");
        for (value, now) in [(1, 10), (2, 0), (3, 999), (4, 5_000), (5, 4_000)] {
            clock.set(Stamp::from_nanos(now));
            stamps.push(first.push(value).expect("an open sink"));
        }
        // A newcomer on the clock as it is now, behind what others have written.
        sink.flush().expect("an open sink");
        clock.set(Stamp::ZERO);
        let mut second = sink.producer("second").expect("a fresh name");
        stamps.push(second.push(6).expect("an open sink"));
        assert!(stamps.is_sorted(), "{stamps:?}");
        assert_accounts(&sink.finish(), 7);
        let rows = Format::Text.read(&memory.contents()).expect("whole records");
        assert!(rows.iter().map(|row| row.stamp).eq(stamps.iter().map(|stamp| stamp.as_nanos())));
        assert!(rows.iter().map(|row| row.value.parse::<i32>().unwrap()).eq(0..7));
    });
}

#[test]
fn a_clock_that_panics_for_a_producer() {
    within("sink::bad_input::clock panics at a push", || {
        let clock = Arc::new(Fragile::default());
        let memory = MemoryOutput::new();
        let sink =
            OrderedSink::builder(Text::new(), memory.clone()).clock(Arc::clone(&clock)).build();
        let sink = sink.expect("a sound setting");
        let mut producer = sink.producer("p").expect("a fresh name");
        producer.push(1).expect("an open sink");
        clock.fails_producers.store(true, Ordering::Relaxed);
        assert!(catch_unwind(AssertUnwindSafe(|| producer.push(2))).is_err(), "its own panic");
        let mut batch = vec![3, 4];
        assert!(catch_unwind(AssertUnwindSafe(|| producer.push_batch(&mut batch))).is_err());
        clock.fails_producers.store(false, Ordering::Relaxed);
        producer.push(5).expect("no claim was left behind");
        sink.flush().expect("an open sink");
        assert_accounts(&sink.finish(), 2);
    });
}

#[test]
fn a_clock_that_panics_for_the_writer() {
    within("sink::bad_input::clock panics in the writer", || {
        let clock = Arc::new(Fragile::default());
        let memory = MemoryOutput::new();
        let sink =
            OrderedSink::builder(Text::new(), memory.clone()).clock(Arc::clone(&clock)).build();
        let sink = sink.expect("a sound setting");
        let mut producer = sink.producer("p").expect("a fresh name");
        producer.push(1).expect("an open sink");
        sink.flush().expect("an open sink");
        clock.fails_writer.store(true, Ordering::Relaxed);
        let mut accepted = 1;
        while producer.push(2).is_ok() {
            accepted += 1;
        }
        let outcome = sink.finish();
        assert_accounts(&outcome, accepted);
        let error = outcome.expect_err("the clock panicked");
        let Cause::Panicked { message } = error.failure().cause() else { panic!("{error}") };
        assert_eq!(message, "the clock has stopped");
        let rows = Format::Text.read(&memory.contents()).expect("whole records");
        assert_eq!(rows.len() as u64, error.report().written);
    });
}

#[test]
fn errors_are_errors() {
    fn is_error<E: std::error::Error + Send + Sync + 'static>() {}
    is_error::<BuildError>();
    is_error::<OpenError>();
    is_error::<JoinError>();
    is_error::<brigade::sink::PushError<u32>>();
    is_error::<brigade::sink::WaitError>();
    is_error::<brigade::sink::DurableError<u32>>();
    is_error::<brigade::sink::SinkError<u32>>();
    is_error::<brigade::sink::ScopeError<u32>>();
    is_error::<brigade::sink::ReadError>();
    is_error::<brigade::sink::RecoverError>();
    is_error::<brigade::sink::ValueError>();
    is_error::<brigade::sink::Failure>();
}
