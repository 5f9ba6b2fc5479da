//! Who has waited longest: the register behind [`Mode::Aged`](super::Mode::Aged).
//!
//! An attempt enters when it has failed for the first time, and keeps its age until it is through or gives
//! up, however often it fails. The eldest in the register, and nobody else, may hold locks while it waits
//! for others. The eldest stays the eldest, since whoever comes later is younger.

use std::collections::BTreeSet;

use crate::sync::{Mutant, Mutex, const_unless_modelled, mutant};

/// The register.
#[derive(Debug)]
pub struct Elders {
    register: Mutex<Register>,
    #[cfg(any(brigade_loom, brigade_shuttle))]
    diary: std::sync::Mutex<Vec<Event>>,
}

#[derive(Debug)]
struct Register {
    next: u64,
    ages: BTreeSet<u64>,
}

/// What the models read.
#[cfg(any(brigade_loom, brigade_shuttle))]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// A call has failed for the first time. Calls are numbered in this order.
    Joined(u64),
    /// A call has failed, and asks whether it is the eldest.
    Failed(u64),
    /// A call has all its locks, or has given up.
    Ended(u64),
}

#[cfg(not(any(brigade_loom, brigade_shuttle)))]
pub(super) static ELDERS: Elders = Elders::new();

impl Elders {
    const_unless_modelled! {
        /// An empty one.
        #[allow(clippy::new_without_default, reason = "there is one")]
        pub const fn new() -> Self {
            Self {
                register: Mutex::new(Register { next: 0, ages: BTreeSet::new() }),
                #[cfg(any(brigade_loom, brigade_shuttle))]
                diary: std::sync::Mutex::new(Vec::new()),
            }
        }
    }

    pub(super) fn join(&self) -> Age<'_> {
        let mut register = self.register.lock();
        let age = register.enter();
        #[cfg(any(brigade_loom, brigade_shuttle))]
        self.note(Event::Joined(age));
        drop(register);
        Age {
            elders: self,
            age,
            #[cfg(any(brigade_loom, brigade_shuttle))]
            call: age,
        }
    }

    #[cfg(any(brigade_loom, brigade_shuttle))]
    fn note(&self, event: Event) {
        self.diary.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(event);
    }

    /// What happened so far, in order.
    #[cfg(any(brigade_loom, brigade_shuttle))]
    pub fn diary(&self) -> Vec<Event> {
        self.diary.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }
}

impl Register {
    fn enter(&mut self) -> u64 {
        let age = self.next;
        self.next += 1;
        self.ages.insert(age);
        age
    }
}

/// A place in the register, given up on drop.
#[derive(Debug)]
pub(super) struct Age<'e> {
    elders: &'e Elders,
    age: u64,
    #[cfg(any(brigade_loom, brigade_shuttle))]
    call: u64,
}

impl Age<'_> {
    /// To be asked after each failure.
    pub(super) fn is_eldest(&mut self) -> bool {
        let mut register = self.elders.register.lock();
        if mutant(Mutant::AgedAgain) {
            register.ages.remove(&self.age);
            self.age = register.enter();
        }
        #[cfg(any(brigade_loom, brigade_shuttle))]
        self.elders.note(Event::Failed(self.call));
        register.ages.first() == Some(&self.age)
    }
}

impl Drop for Age<'_> {
    fn drop(&mut self) {
        let mut register = self.elders.register.lock();
        register.ages.remove(&self.age);
        #[cfg(any(brigade_loom, brigade_shuttle))]
        self.elders.note(Event::Ended(self.call));
    }
}
