//! Ends a run that hangs by design, and says who waits for whom.
//!
//! The threads of a broken scene tell a [`Watch`] what they hold and what they wait for. It does not
//! measure time: as soon as all of them wait for each other, or for somebody who is gone, it calls
//! the run off. Each blocked call then returns [`CalledOff`], so no thread is left behind.
//!
//! A thread that waits for something else, such as a barrier, counts as one that moves.

use std::fmt;
use std::time::{Duration, Instant};

use brigade::mutex::{FairCondvar, FairMutex, FairMutexGuard};
use brigade::timeline::{Lane, OpenSpan, Recorder};

use super::Row;

/// How long a blocked thread sleeps before it looks whether the run has been called off.
const NAP: Duration = Duration::from_millis(20);

/// Knows who holds what and who waits for what.
#[derive(Debug)]
pub struct Watch<'r> {
    recorder: &'r Recorder,
    board: FairMutex<Board>,
    /// Somebody has begun to wait, is gone, or has noticed that the run is called off.
    waits: FairCondvar,
}

#[derive(Debug)]
struct Board {
    cast: Vec<Entry>,
    waits_so_far: u64,
    stuck: Option<Stuck>,
}

#[derive(Debug)]
struct Entry {
    name: String,
    holds: Vec<Thing>,
    waits: Option<Wait>,
    gone: bool,
    /// That the run is called off.
    noticed: bool,
}

impl Entry {
    fn waits_for_a_signal(&self) -> bool {
        matches!(self.waits, Some(Wait::ForSignal { .. }))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Thing {
    name: &'static str,
    address: usize,
}

#[derive(Debug, Clone, Copy)]
enum Wait {
    ForLock(Thing),
    ForSignal {
        signal: Thing,
        /// Grows, so that the first to come is the first to be woken.
        number: u64,
        /// What is to be locked again then.
        lock: Thing,
    },
}

impl<'r> Watch<'r> {
    /// Watches over threads with these names: all that take part, so that none is counted out
    /// before it has come.
    pub fn new<N: Into<String>>(recorder: &'r Recorder, cast: impl IntoIterator<Item = N>) -> Self {
        let entry = |name: N| Entry {
            name: name.into(),
            holds: Vec::new(),
            waits: None,
            gone: false,
            noticed: false,
        };
        let cast = cast.into_iter().map(entry).collect();
        let board = FairMutex::new(Board { cast, waits_so_far: 0, stuck: None });
        Self { recorder, board, waits: FairCondvar::new() }
    }

    /// The parts, in order, each to be taken along by its thread. A part that is dropped is played.
    pub fn members(&self) -> Vec<Member<'_>> {
        let names: Vec<_> = self.board.lock().cast.iter().map(|e| e.name.clone()).collect();
        let member = |(index, name)| Member { watch: self, index, lane: self.recorder.lane(name) };
        names.into_iter().enumerate().map(member).collect()
    }

    /// A condition variable whose waiters are known.
    pub fn signal(&self, name: &'static str) -> Signal<'_> {
        Signal { watch: self, name, condvar: FairCondvar::new() }
    }

    /// Blocks until so many of them wait for a signal, or the run is called off: for a scene that has
    /// to begin with a line of known order.
    pub fn until_waiting(&self, members: usize) {
        // Who waits for a lock has not looked yet, and may still find that it need not wait.
        let waiting =
            |board: &Board| board.cast.iter().filter(|entry| entry.waits_for_a_signal()).count();
        let mut board = self.board.lock();
        while waiting(&board) < members && board.stuck.is_none() {
            self.waits.wait(&mut board);
        }
    }

    /// Who could never go on, if that is how it ended.
    pub fn into_stuck(self) -> Option<Stuck> {
        self.board.into_inner().stuck
    }

    fn wait(&self, board: &mut Board, member: usize, wait: Wait) -> Result<(), CalledOff> {
        board.cast[member].waits = Some(wait);
        board.judge();
        self.waits.notify_all();
        if board.stuck.is_some() { Err(CalledOff) } else { Ok(()) }
    }

    /// Lets everybody who waits for a lock see that the run is called off before anybody lets go of
    /// one: in a timeline all waits then end together.
    fn curtain(&self, member: usize) {
        let deadline = Instant::now() + 2 * NAP;
        let mut board = self.board.lock();
        board.cast[member].noticed = true;
        self.waits.notify_all();
        let unaware = |board: &Board| board.cast.iter().any(|e| !e.gone && !e.noticed);
        while unaware(&board) && !self.waits.wait_until(&mut board, deadline).timed_out() {}
    }

    fn going_on(&self) -> Result<(), CalledOff> {
        if self.board.lock().stuck.is_some() { Err(CalledOff) } else { Ok(()) }
    }
}

impl Board {
    fn leave(&mut self, member: usize) {
        self.cast[member].gone = true;
        self.judge();
    }

    fn holder(&self, thing: Thing) -> Option<usize> {
        self.cast.iter().position(|entry| entry.holds.contains(&thing))
    }

    /// Calls the run off if everybody waits or is gone, and nobody waits for what is free.
    fn judge(&mut self) {
        let still = |entry: &Entry| match entry.waits {
            _ if entry.gone => true,
            None => false,
            Some(Wait::ForLock(thing)) => self.holder(thing).is_some(),
            Some(Wait::ForSignal { .. }) => true,
        };
        if self.stuck.is_none() && self.cast.iter().all(still) {
            let lost: Vec<_> = (0..self.cast.len()).filter_map(|who| self.told(who)).collect();
            if lost.iter().any(|lost| lost.waits_for.is_some()) {
                self.stuck = Some(Stuck { lost });
            }
        }
    }

    fn told(&self, member: usize) -> Option<Lost> {
        let entry = &self.cast[member];
        let (waits_for, held_by) = match entry.waits.filter(|_| !entry.gone) {
            Some(Wait::ForLock(thing)) => (Some(thing.name), self.holder(thing)),
            Some(Wait::ForSignal { signal, .. }) => (Some(signal.name), None),
            None if entry.holds.is_empty() => return None,
            None => (None, None),
        };
        Some(Lost {
            name: entry.name.clone(),
            holds: entry.holds.iter().map(|thing| thing.name).collect(),
            waits_for,
            held_by: held_by.map(|holder| self.cast[holder].name.clone()),
        })
    }
}

/// The part of one thread. Dropped, it counts as gone, with whatever it still holds.
#[derive(Debug)]
pub struct Member<'w> {
    watch: &'w Watch<'w>,
    index: usize,
    lane: Lane,
}

impl<'w> Member<'w> {
    /// The thread's name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.lane.name()
    }

    /// Where it stands in the cast.
    #[must_use]
    pub fn index(&self) -> usize {
        self.index
    }

    /// The lane of this thread in the timeline.
    #[must_use]
    pub fn lane(&self) -> &Lane {
        &self.lane
    }

    /// Locks, as [`FairMutex::lock`] does, unless the run is called off.
    pub fn lock<'a, T>(&'a self, lock: &'a Watched<T>) -> Result<Held<'a, T>, CalledOff> {
        let thing = lock.thing();
        let wait = self.lane.wait(lock.name);
        let guard = match lock.mutex.try_lock() {
            Some(guard) => guard,
            None => {
                let wait = Wait::ForLock(thing);
                let mut going_on = self.watch.wait(&mut self.watch.board.lock(), self.index, wait);
                loop {
                    if let Err(called_off) = going_on {
                        self.watch.curtain(self.index);
                        return Err(called_off);
                    }
                    if let Some(guard) = lock.mutex.try_lock_for(NAP) {
                        break guard;
                    }
                    going_on = self.watch.going_on();
                }
            }
        };
        let mut board = self.watch.board.lock();
        board.cast[self.index].waits = None;
        if board.stuck.is_some() {
            return Err(CalledOff);
        }
        board.cast[self.index].holds.push(thing);
        drop(wait);
        Ok(Held { hold: Some(self.lane.hold(lock.name)), guard, member: self, thing })
    }
}

impl Drop for Member<'_> {
    fn drop(&mut self) {
        self.watch.board.lock().leave(self.index);
        self.watch.waits.notify_all();
    }
}

/// A fair mutex with a name, whose holder and waiters are known.
#[derive(Debug)]
pub struct Watched<T> {
    name: &'static str,
    mutex: FairMutex<T>,
}

impl<T> Watched<T> {
    /// Names a lock.
    pub const fn new(name: &'static str, value: T) -> Self {
        Self { name, mutex: FairMutex::new(value) }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// What it protected.
    pub fn into_inner(self) -> T {
        self.mutex.into_inner()
    }

    fn thing(&self) -> Thing {
        Thing { name: self.name, address: (&raw const self.mutex).addr() }
    }
}

/// What a thread has locked; unlocked as it is dropped.
#[derive(Debug)]
pub struct Held<'a, T> {
    // Ends before the lock is free, so that no two threads are seen to hold it.
    hold: Option<OpenSpan<'a>>,
    guard: FairMutexGuard<'a, T>,
    member: &'a Member<'a>,
    thing: Thing,
}

impl<T> std::ops::Deref for Held<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.guard
    }
}

impl<T> std::ops::DerefMut for Held<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.guard
    }
}

impl<T> Drop for Held<'_, T> {
    /// Told before it happens: nobody is thought to hold what is free.
    fn drop(&mut self) {
        let mut board = self.member.watch.board.lock();
        board.cast[self.member.index].holds.retain(|thing| *thing != self.thing);
    }
}

/// A condition variable whose waiters are known. Who has waited longest is woken first, and nobody is
/// woken without a notification.
#[derive(Debug)]
pub struct Signal<'w> {
    watch: &'w Watch<'w>,
    name: &'static str,
    condvar: FairCondvar,
}

impl Signal<'_> {
    /// Lets go of the lock and sleeps until it is notified, unless the run is called off.
    pub fn wait<T>(&self, held: &mut Held<'_, T>) -> Result<(), CalledOff> {
        let Held { hold, guard, member, thing } = held;
        *hold = None;
        let _wait = member.lane.wait(self.name);
        let mut board = self.watch.board.lock();
        board.waits_so_far += 1;
        let wait =
            Wait::ForSignal { signal: self.thing(), number: board.waits_so_far, lock: *thing };
        board.cast[member.index].holds.retain(|held| held != thing);
        let mut result = self.watch.wait(&mut board, member.index, wait);
        while result.is_ok() && board.cast[member.index].waits_for_a_signal() {
            drop(board);
            self.condvar.wait_for(guard, NAP);
            board = self.watch.board.lock();
            if board.stuck.is_some() {
                result = Err(CalledOff);
            }
        }
        let entry = &mut board.cast[member.index];
        entry.waits = None;
        entry.holds.push(*thing);
        *hold = Some(member.lane.hold(thing.name));
        result
    }

    /// Wakes the thread that has waited longest.
    pub fn notify_one(&self) {
        self.notify(1);
    }

    /// Wakes all threads that wait now.
    pub fn notify_all(&self) {
        self.notify(usize::MAX);
    }

    fn notify(&self, most: usize) {
        let mut board = self.watch.board.lock();
        let mut waiting: Vec<_> = board
            .cast
            .iter_mut()
            .filter_map(|entry| match entry.waits {
                Some(Wait::ForSignal { signal, number, lock }) if signal == self.thing() => {
                    Some((number, lock, entry))
                }
                _ => None,
            })
            .collect();
        waiting.sort_by_key(|(number, ..)| *number);
        for (_, lock, entry) in waiting.into_iter().take(most) {
            entry.waits = Some(Wait::ForLock(lock));
        }
        drop(board);
        self.condvar.notify_all();
    }

    fn thing(&self) -> Thing {
        Thing { name: self.name, address: (&raw const self.condvar).addr() }
    }
}

/// The run was called off because somebody can never go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CalledOff;

impl fmt::Display for CalledOff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("called off: somebody could never go on")
    }
}

impl std::error::Error for CalledOff {}

/// Those who can never go on, and those who are gone with what the others wait for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stuck {
    /// In the order of the cast.
    pub lost: Vec<Lost>,
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lost {
    /// Who.
    pub name: String,
    /// What it holds.
    pub holds: Vec<&'static str>,
    /// What it waits for; nothing if it is gone.
    pub waits_for: Option<&'static str>,
    /// Who has that; nobody if it is a signal.
    pub held_by: Option<String>,
}

impl Stuck {
    /// Who waits for whom in a circle, if there is one; from the first of the cast on.
    #[must_use]
    pub fn circle(&self) -> Option<Vec<&str>> {
        let of = |name: &str| self.lost.iter().find(|lost| lost.name == name);
        self.lost.iter().find_map(|first| {
            let mut names = vec![&*first.name];
            let mut next = first.held_by.as_deref()?;
            while next != first.name {
                if names.contains(&next) {
                    return None;
                }
                names.push(next);
                next = of(next)?.held_by.as_deref()?;
            }
            Some(names)
        })
    }
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let holds = self.holds.join(" and ");
        match (self.waits_for, &self.held_by) {
            (None, _) => write!(f, "is gone and holds {holds}"),
            (Some(thing), holder) => {
                if !holds.is_empty() {
                    write!(f, "holds {holds}, ")?;
                }
                write!(f, "waits for {thing}")?;
                match holder {
                    Some(name) if *name == self.name => f.write_str(", which it holds itself"),
                    Some(name) => write!(f, ", which {name} holds"),
                    None => f.write_str(", which nobody is left to give"),
                }
            }
        }
    }
}

impl fmt::Display for Stuck {
    /// Who waits for whom, a row each, and the circle, if it is one.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for lost in &self.lost {
            write!(f, "{}", Row(&lost.name, lost))?;
        }
        if let Some(mut names) = self.circle() {
            names.push(names[0]);
            write!(f, "{}", Row("circle", names.join(" -> ")))?;
        }
        Ok(())
    }
}
