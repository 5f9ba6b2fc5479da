//! The fair lock's state machine under loom and shuttle, on the reference lot.
//!
//! loom explores every schedule of two or three threads with the memory model of C11; shuttle
//! draws schedules of more threads, and an oracle counts who passed whom. Each mutant takes one
//! thing away that the essay leans on; the model named beside it must fail.

use std::sync::Arc;
use std::time::{Duration, Instant};

use brigade::internals::rwlock::{Kind, Machine, Refused};
use brigade::rwlock::Policy;

#[cfg(brigade_loom)]
mod exhaustive;
mod mutants;
#[cfg(brigade_shuttle)]
mod oracle;
#[cfg(brigade_shuttle)]
mod schedules;

pub(crate) use mutants::CONTRASTS;

/// The shipped machine and a value that only the lock protects.
struct Guarded<P> {
    lock: Machine<P>,
    value: watched::Value,
}

impl<P: Policy> Guarded<P> {
    fn new() -> Arc<Self> {
        Arc::new(Self { lock: Machine::new(), value: watched::Value::new() })
    }

    fn enter(&self, kind: Kind) {
        assert!(self.is_let_in(kind, None), "there is no deadline that could pass");
    }

    fn enter_in_time(&self, kind: Kind) -> bool {
        self.is_let_in(kind, Some(some_day()))
    }

    fn is_let_in(&self, kind: Kind, deadline: Option<Instant>) -> bool {
        match self.lock.enter(kind, deadline) {
            Ok(()) => true,
            Err(Refused::TimedOut) => false,
            Err(Refused::Full) => panic!("no model has that many readers"),
        }
    }

    fn leave(&self, kind: Kind) {
        match kind {
            Kind::Reader => self.lock.leave_reader(),
            Kind::Upgradable => self.lock.leave_upgradable(),
            Kind::Writer | Kind::Upgrader => self.lock.leave_writer(false),
        }
    }

    /// Uses the value in the way that this kind of access allows.
    fn touch(&self, kind: Kind) {
        match kind {
            Kind::Reader | Kind::Upgradable => self.value.read(),
            Kind::Writer | Kind::Upgrader => self.value.write(),
        }
    }

    fn visit(&self, kind: Kind) {
        self.enter(kind);
        self.touch(kind);
        self.leave(kind);
    }

    fn finish(&self) {
        assert!(self.lock.is_untouched(), "a trace stayed behind: {:?}", self.lock);
    }
}

/// A deadline that never passes on the clock; the lot makes it pass when the checker says so.
fn some_day() -> Instant {
    Instant::now() + Duration::from_secs(1_000_000)
}

#[cfg(brigade_loom)]
mod watched {
    use loom::cell::UnsafeCell;

    /// loom sees every access that another one races with.
    pub(crate) struct Value(UnsafeCell<u32>);

    // SAFETY: whether this holds is what the models find out.
    #[allow(unsafe_code)]
    unsafe impl Sync for Value {}
    // SAFETY: as above.
    #[allow(unsafe_code)]
    unsafe impl Send for Value {}

    #[allow(unsafe_code)]
    impl Value {
        pub(crate) fn new() -> Self {
            Self(UnsafeCell::new(0))
        }

        pub(crate) fn read(&self) {
            // SAFETY: the lock under test protects it, or loom reports.
            self.0.with(|value| unsafe { value.read() });
        }

        pub(crate) fn write(&self) {
            // SAFETY: as above.
            self.0.with_mut(|value| unsafe { *value += 1 });
        }
    }
}

#[cfg(brigade_shuttle)]
mod watched {
    use shuttle::thread::yield_now;
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

    const WRITER: usize = 1 << 16;

    /// Counts who is inside; the yields let others come in if the lock lets them.
    pub(crate) struct Value(AtomicUsize);

    impl Value {
        pub(crate) fn new() -> Self {
            Self(AtomicUsize::new(0))
        }

        pub(crate) fn read(&self) {
            let inside = self.0.fetch_add(1, SeqCst);
            assert!(inside < WRITER, "a reader beside a writer");
            yield_now();
            self.0.fetch_sub(1, SeqCst);
        }

        pub(crate) fn write(&self) {
            assert_eq!(self.0.swap(WRITER, SeqCst), 0, "a writer beside somebody");
            yield_now();
            assert_eq!(self.0.swap(0, SeqCst), WRITER, "a writer beside somebody");
        }
    }
}
