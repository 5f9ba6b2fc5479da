//! The queue, and the threads that take from it: one protocol under one lock.
//!
//! Every job in the line has a free worker that will come for it, or all workers are busy and the
//! first to be done will. `free` counts the workers that are on their way to the line: those that
//! look for work, have been told to wake up, or are being started. A submission that finds fewer
//! free workers than jobs wakes or starts one more; a worker sleeps or ends only under the lock and
//! only if it finds no job.
//!
//! Whoever waits for a job may take it out of the line and run it. What stays behind is a *husk*: it
//! does not count, and goes when it is at an end of the line or husks are in the majority.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool as PlainBool, AtomicUsize as PlainUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use super::builder::{Claims, Overflow, Shutdown};
use super::error::{Refusal, TaskError};
use crate::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use crate::sync::{Condvar, Mutant, Mutex, Patience, mutant, thread};
use crate::waits::{self, End, GiveUp, Inside};

/// Something that waits in the line.
pub(super) trait Run: Send + Sync {
    /// Runs it, unless somebody else has claimed it.
    fn run(&self);
    /// Ends it without running it, unless somebody else has claimed it.
    fn refuse(&self, error: TaskError);
    /// Tells it its number in the line.
    fn number(&self, ticket: u64);
}

type Task<'env> = Arc<dyn Run + 'env>;

/// Starts a thread for `core.work(id, number)`; gives its handle, if somebody has to join it.
pub(super) type Spawn<'env> = Box<
    dyn Fn(Arc<Core<'env>>, u64, usize) -> io::Result<Option<thread::JoinHandle<()>>>
        + Send
        + Sync
        + 'env,
>;

type Interrupt = Box<dyn FnOnce() + Send>;

/// What a pool was built with.
#[derive(Debug, Clone)]
pub(super) struct Limits {
    pub(super) workers: usize,
    pub(super) bound: usize,
    pub(super) overflow: Overflow,
    pub(super) claims: Claims,
    pub(super) keep_alive: Option<Duration>,
    pub(super) name: String,
}

/// What became of a submission.
pub(super) enum Admitted<'env> {
    Queued,
    /// The caller is to run it, and then to call `end_inline`.
    Yours,
    /// Queued, in the place of another.
    Displacing(Task<'env>),
}

pub(super) struct Core<'env> {
    pub(super) id: usize,
    pub(super) limits: Limits,
    queue: Mutex<Queue<'env>>,
    /// Workers: there is a job, or it is all over.
    work: Condvar,
    /// Submitters: there is a place.
    room: Condvar,
    /// Whoever ends the pool: a worker is done.
    gone: Condvar,
    /// The length of the line, for those who look without the lock.
    length: AtomicUsize,
    cancelling: AtomicBool,
    /// Twice the threads that run a job, or try to claim one, without being workers; odd if somebody is
    /// to be told when there are none.
    inline: AtomicUsize,
    interrupts: Mutex<Vec<(u64, Interrupt)>>,
    spawn: Spawn<'env>,
    threads: Mutex<Vec<(u64, thread::JoinHandle<()>)>>,
}

struct Queue<'env> {
    line: VecDeque<(u64, Option<Task<'env>>)>,
    husks: usize,
    next_ticket: u64,
    alive: usize,
    free: usize,
    asleep: usize,
    /// Workers that were told to wake up and have not yet.
    calls: usize,
    /// Submitters that wait for a place.
    blocked: usize,
    /// Which numbers are taken by workers; it grows as workers come, up to `most`.
    numbers: Vec<bool>,
    most: usize,
    started: u64,
    /// Threads that have left and wait to be joined.
    ended: Vec<u64>,
    ending: bool,
    closed: bool,
}

enum Call {
    Nobody,
    Wake,
    Start { id: u64, number: usize, ended: Vec<u64> },
}

impl<'env> Queue<'env> {
    fn len(&self) -> usize {
        self.line.len() - self.husks
    }

    fn pop(&mut self) -> Option<Task<'env>> {
        while let Some((_, task)) = self.line.pop_front() {
            match task {
                Some(task) => return Some(task),
                None => self.husks -= 1,
            }
        }
        None
    }

    /// Leaves a husk where the job was; `None` if a worker has taken it off the line.
    fn forget(&mut self, ticket: u64) -> Option<Task<'env>> {
        let (first, _) = self.line.front()?;
        // Nearly always the numbers are without a gap.
        let guess = usize::try_from(ticket.checked_sub(*first)?).ok()?;
        let at = match self.line.get(guess) {
            Some((there, _)) if *there == ticket => guess,
            _ => self.line.binary_search_by_key(&ticket, |(ticket, _)| *ticket).ok()?,
        };
        let task = self.line[at].1.take()?;
        self.husks += 1;
        while let Some((_, None)) = self.line.front() {
            self.line.pop_front();
            self.husks -= 1;
        }
        while let Some((_, None)) = self.line.back() {
            self.line.pop_back();
            self.husks -= 1;
        }
        if self.husks > 32 && self.husks > self.len() {
            self.line.retain(|(_, task)| task.is_some());
            self.husks = 0;
        }
        Some(task)
    }

    /// Makes sure that somebody comes for what is in the line.
    fn call(&mut self) -> Call {
        if self.len() <= self.free {
            return Call::Nobody;
        }
        if self.asleep > 0 {
            self.asleep -= 1;
            self.calls += 1;
            self.free += 1;
            return Call::Wake;
        }
        let number = self.numbers.iter().position(|taken| !taken);
        let number = number.unwrap_or(self.numbers.len());
        if number == self.most {
            return Call::Nobody;
        }
        if number == self.numbers.len() {
            self.numbers.push(true);
        } else {
            self.numbers[number] = true;
        }
        self.alive += 1;
        self.free += 1;
        self.started += 1;
        Call::Start { id: self.started, number, ended: std::mem::take(&mut self.ended) }
    }

    /// Nothing is in the line, and no worker is inside a job.
    fn is_quiet(&self) -> bool {
        let at_work = self.alive > self.free + self.asleep;
        self.len() == 0 && (!at_work || mutant(Mutant::PoolFinishLooksAtTheLine))
    }
}

impl<'env> Core<'env> {
    pub(super) fn new(limits: Limits, spawn: Spawn<'env>) -> Arc<Self> {
        static NEXT: PlainUsize = PlainUsize::new(1);
        let queue = Queue {
            line: VecDeque::new(),
            husks: 0,
            next_ticket: 0,
            alive: 0,
            free: 0,
            asleep: 0,
            calls: 0,
            blocked: 0,
            numbers: Vec::new(),
            most: limits.workers,
            started: 0,
            ended: Vec::new(),
            ending: false,
            closed: false,
        };
        Arc::new(Self {
            id: NEXT.fetch_add(1, Relaxed),
            limits,
            queue: Mutex::new(queue),
            work: Condvar::new(),
            room: Condvar::new(),
            gone: Condvar::new(),
            length: AtomicUsize::new(0),
            cancelling: AtomicBool::new(false),
            inline: AtomicUsize::new(0),
            interrupts: Mutex::new(Vec::new()),
            spawn,
            threads: Mutex::new(Vec::new()),
        })
    }

    /// Puts a job in the line, or says why not. Without a policy it never waits.
    pub(super) fn admit(
        self: &Arc<Self>,
        task: &Task<'env>,
        policy: Option<Overflow>,
    ) -> Result<Admitted<'env>, Refusal> {
        if mutant(Mutant::PoolAdmitUnchecked) && self.is_closed() {
            return Err(Refusal::Closed);
        }
        let mut queue = self.queue.lock();
        let mut displaced = None;
        while queue.len() >= self.limits.bound || queue.closed {
            if queue.closed {
                if mutant(Mutant::PoolAdmitUnchecked) {
                    break;
                }
                return Err(Refusal::Closed);
            }
            match policy {
                None | Some(Overflow::Reject) => return Err(Refusal::Full),
                Some(Overflow::DropOldest) => {
                    displaced = queue.pop();
                    break;
                }
                // Whoever is part of the pool would wait for those who wait for it.
                Some(Overflow::Block) if !self.is_part_of() => {
                    queue.blocked += 1;
                    self.room.wait(&mut queue);
                    queue.blocked -= 1;
                }
                Some(Overflow::Block | Overflow::CallerRuns) => {
                    task.number(queue.next_ticket);
                    queue.next_ticket += 1;
                    self.begin_inline();
                    return Ok(Admitted::Yours);
                }
            }
        }
        let ticket = queue.next_ticket;
        queue.next_ticket += 1;
        task.number(ticket);
        queue.line.push_back((ticket, Some(Arc::clone(task))));
        let call = queue.call();
        self.show_length(&queue);
        drop(queue);
        match call {
            Call::Nobody => {}
            Call::Wake => {
                self.work.notify_one();
            }
            Call::Start { id, number, ended } => {
                if let Err(refusal) = self.start(id, number, &ended, ticket) {
                    if let Some(displaced) = displaced {
                        displaced.refuse(TaskError::Displaced);
                        discard(displaced);
                    }
                    return Err(refusal);
                }
            }
        }
        Ok(displaced.map_or(Admitted::Queued, Admitted::Displacing))
    }

    /// Starts a worker. That it cannot be started matters only if there is no other: then nobody would
    /// come for what is in the line, and all of it is refused.
    #[cold]
    fn start(
        self: &Arc<Self>,
        id: u64,
        number: usize,
        ended: &[u64],
        ticket: u64,
    ) -> Result<(), Refusal> {
        // They have let go of the queue's lock for the last time, so this takes no time.
        self.join_those(|id| ended.contains(&id));
        match (self.spawn)(Arc::clone(self), id, number) {
            Ok(None) => Ok(()),
            Ok(Some(handle)) => {
                self.threads.lock().push((id, handle));
                Ok(())
            }
            Err(error) => {
                let mut queue = self.queue.lock();
                queue.alive -= 1;
                queue.free -= 1;
                queue.numbers[number] = false;
                let mut stranded = Vec::new();
                let lost = if queue.alive == 0 { queue.forget(ticket) } else { None };
                if queue.alive == 0 {
                    stranded.extend(std::iter::from_fn(|| queue.pop()));
                }
                self.show_length(&queue);
                drop(queue);
                self.room.notify_all();
                self.gone.notify_all();
                for task in stranded {
                    let again = io::Error::new(error.kind(), error.to_string());
                    task.refuse(TaskError::NoThread(again));
                    discard(task);
                }
                lost.map_or(Ok(()), |_| Err(Refusal::NoThread(error)))
            }
        }
    }

    fn join_those(&self, mut which: impl FnMut(u64) -> bool) {
        let mut chosen = Vec::new();
        let mut threads = self.threads.lock();
        for at in (0..threads.len()).rev() {
            if which(threads[at].0) {
                chosen.push(threads.swap_remove(at).1);
            }
        }
        drop(threads);
        for thread in chosen {
            // Every job's panic is caught, so there is nothing to be learnt.
            let _ = thread.join();
        }
    }

    /// What a worker does all its life.
    pub(super) fn work(&self, id: u64, number: usize) {
        waits::enter(Inside::Worker(self.id));
        let mut returning = false;
        while let Some(task) = self.next(id, number, returning) {
            task.run();
            // The result may be dropped here, if nobody wants it, and panic.
            discard(task);
            returning = true;
        }
    }

    fn next(&self, id: u64, number: usize, returning: bool) -> Option<Task<'env>> {
        let mut patience = Patience::among(self.limits.workers.saturating_add(1));
        let mut idle_until = None;
        let mut queue = self.queue.lock();
        if returning {
            queue.free += 1;
            if queue.ending && queue.is_quiet() && !mutant(Mutant::PoolQuietUnannounced) {
                self.gone.notify_all();
            }
        }
        loop {
            if let Some(task) = queue.pop() {
                queue.free -= 1;
                self.show_length(&queue);
                let blocked = queue.blocked > 0;
                drop(queue);
                if blocked {
                    self.room.notify_one();
                }
                return Some(task);
            }
            if queue.closed {
                return self.leave(&mut queue, id, number);
            }
            drop(queue);
            if self.look(&mut patience) || mutant(Mutant::PoolSleepUnchecked) {
                queue = self.queue.lock();
                if !mutant(Mutant::PoolSleepUnchecked) {
                    continue;
                }
            } else {
                queue = self.queue.lock();
                if queue.len() > 0 || queue.closed {
                    continue;
                }
            }
            if let Some(limit) = self.limits.keep_alive {
                idle_until = idle_until.or_else(|| Instant::now().checked_add(limit));
            }
            queue.free -= 1;
            queue.asleep += 1;
            loop {
                let expired = match idle_until {
                    Some(at) => self.work.wait_until(&mut queue, at).timed_out(),
                    None => {
                        self.work.wait(&mut queue);
                        false
                    }
                };
                // Whoever wakes first takes a call, also if it was meant for another.
                if queue.calls > 0 && !(expired && mutant(Mutant::PoolExpiredIgnoresCall)) {
                    queue.calls -= 1;
                    break;
                }
                if expired || queue.closed {
                    if !mutant(Mutant::PoolExpiredStaysAsleep) {
                        queue.asleep -= 1;
                    }
                    queue.free += 1;
                    if expired {
                        // Nobody called, so each job in the line has a worker that will come.
                        return self.leave(&mut queue, id, number);
                    }
                    break;
                }
            }
        }
    }

    /// Waits a moment for a job to appear, before the trouble of falling asleep.
    fn look(&self, patience: &mut Patience) -> bool {
        while self.length.load(Ordering::Relaxed) == 0 {
            if !patience.spend() {
                return false;
            }
        }
        true
    }

    fn leave(&self, queue: &mut Queue<'env>, id: u64, number: usize) -> Option<Task<'env>> {
        queue.free -= 1;
        queue.alive -= 1;
        queue.numbers[number] = false;
        queue.ended.push(id);
        self.gone.notify_all();
        None
    }

    fn show_length(&self, queue: &Queue<'env>) {
        self.length.store(queue.len(), Ordering::Relaxed);
    }

    /// Takes a job that was claimed by somebody else than a worker off the line.
    pub(super) fn forget(&self, ticket: u64) {
        if mutant(Mutant::PoolClaimKeepsPlace) {
            return;
        }
        let mut queue = self.queue.lock();
        let husk = queue.forget(ticket);
        self.show_length(&queue);
        let blocked = queue.blocked > 0 && husk.is_some();
        if queue.ending && queue.is_quiet() {
            self.gone.notify_all();
        }
        drop(queue);
        if blocked {
            self.room.notify_one();
        }
    }

    /// Whether this thread, which is about to wait for a job, may run it.
    pub(super) fn may_claim(&self) -> bool {
        match self.limits.claims {
            Claims::Anywhere => true,
            Claims::InWorkers => self.is_part_of(),
            Claims::Never => false,
        }
    }

    /// Refuses what is submitted from here on.
    pub(super) fn close(&self, how: Shutdown) {
        let mut queue = self.queue.lock();
        queue.closed = true;
        let mut cancelled = Vec::new();
        if how == Shutdown::CancelPending {
            self.cancelling.store(true, Ordering::Release);
            cancelled.extend(std::iter::from_fn(|| queue.pop()));
            self.show_length(&queue);
        }
        drop(queue);
        self.work.notify_all();
        self.room.notify_all();
        for task in cancelled {
            task.refuse(TaskError::Cancelled);
            discard(task);
        }
        if how == Shutdown::CancelPending {
            self.interrupt(|_| true);
        }
    }

    /// Announces a thread that is about to claim a job and to run it if it may. It does so before it
    /// claims: whoever finds the line empty and the workers gone then knows of it.
    pub(super) fn begin_inline(&self) {
        self.inline.fetch_add(2, Ordering::AcqRel);
    }

    pub(super) fn end_inline(&self) {
        let before = self.inline.fetch_sub(2, Ordering::AcqRel);
        if before & 1 == 1 && !mutant(Mutant::PoolInlineUnannounced) {
            // Whoever is to be told looks under the lock.
            drop(self.queue.lock());
            self.gone.notify_all();
        }
    }

    /// Whether a job may be running outside of the workers; if so, `gone` will tell of its end.
    fn runs_inline(&self) -> bool {
        self.inline.fetch_or(1, Ordering::AcqRel) > 1 && !mutant(Mutant::PoolInlineForgotten)
    }

    /// Whether others of the pool may be waiting for this thread: it is a worker, or inside a job, or
    /// what it is part of is.
    fn is_part_of(&self) -> bool {
        waits::is_inside(End::Pool(self.id))
    }

    /// Waits until all jobs are done, and what they have submitted in turn, and closes.
    pub(super) fn finish(&self) {
        let mut queue = self.queue.lock();
        queue.ending = true;
        while !queue.is_quiet() || self.runs_inline() {
            self.gone.wait(&mut queue);
        }
        queue.closed = true;
        drop(queue);
        self.work.notify_all();
        self.room.notify_all();
    }

    pub(super) fn is_closed(&self) -> bool {
        self.queue.lock().closed
    }

    pub(super) fn queued(&self) -> usize {
        self.queue.lock().len()
    }

    pub(super) fn threads(&self) -> usize {
        self.queue.lock().alive
    }

    fn interrupt(&self, mut which: impl FnMut(u64) -> bool) {
        let mut interrupts = self.interrupts.lock();
        let mut chosen = Vec::new();
        for at in (0..interrupts.len()).rev() {
            if which(interrupts[at].0) {
                chosen.push(interrupts.remove(at).1);
            }
        }
        drop(interrupts);
        for interrupt in chosen.into_iter().rev() {
            shielded(interrupt);
        }
    }
}

impl Core<'static> {
    /// Waits for the workers of a closed pool, and for those who run one of its jobs in their stead,
    /// unless one of them waits for the caller.
    pub(super) fn join(self: &Arc<Self>) {
        let ending = Arc::new(Ending { core: Arc::clone(self), given_up: PlainBool::new(false) });
        let gives_up = Arc::clone(&ending) as Arc<dyn GiveUp>;
        let Ok(_posted) = waits::wait_for_end(End::Pool(self.id), Some(gives_up)) else { return };
        let mut queue = self.queue.lock();
        while queue.alive > 0 || self.runs_inline() {
            if ending.given_up.load(Relaxed) {
                return;
            }
            self.gone.wait(&mut queue);
        }
        drop(queue);
        self.join_those(|_| true);
    }
}

/// Somebody who waits for the end of a pool.
struct Ending {
    core: Arc<Core<'static>>,
    /// Who waits is waited for. The queue's lock guards it.
    given_up: PlainBool,
}

impl GiveUp for Ending {
    fn give_up(&self) {
        let queue = self.core.queue.lock();
        self.given_up.store(true, Relaxed);
        drop(queue);
        self.core.gone.notify_all();
    }
}

impl fmt::Debug for Core<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Core").field("limits", &self.limits).finish_non_exhaustive()
    }
}

/// What a running job sees of its pool.
pub(super) trait Surroundings {
    fn is_cancelling(&self) -> bool;
    /// Calls `interrupt` once the job or the pool is cancelled, if it has not been `asked` already.
    fn on_cancel(&self, ticket: u64, asked: &AtomicBool, interrupt: Interrupt);
    /// Calls what the job has left, now that it is asked to end.
    fn interrupt_one(&self, ticket: u64);
    /// Forgets what the job has left.
    fn calm(&self, ticket: u64);
}

impl Surroundings for Core<'_> {
    fn is_cancelling(&self) -> bool {
        self.cancelling.load(Ordering::Acquire)
    }

    fn on_cancel(&self, ticket: u64, asked: &AtomicBool, interrupt: Interrupt) {
        let mut interrupts = self.interrupts.lock();
        // Whoever asks sets the flag first and locks second.
        let asked = asked.load(Ordering::Acquire) || self.is_cancelling();
        if asked && !mutant(Mutant::PoolInterruptUnchecked) {
            drop(interrupts);
            shielded(interrupt);
        } else {
            interrupts.push((ticket, interrupt));
        }
    }

    fn interrupt_one(&self, ticket: u64) {
        self.interrupt(|of| of == ticket);
    }

    fn calm(&self, ticket: u64) {
        let mut interrupts = self.interrupts.lock();
        let (mine, others) =
            std::mem::take(&mut *interrupts).into_iter().partition(|(of, _)| *of == ticket);
        *interrupts = others;
        drop(interrupts);
        discard::<Vec<_>>(mine);
    }
}

/// Drops a value whose `Drop` may panic, where nobody could catch it.
pub(super) fn discard<T>(value: T) {
    shielded(|| drop(value));
}

/// Calls what must not take its thread along when it panics. What it panics with is leaked, for its
/// `Drop` could panic in turn.
pub(super) fn shielded(call: impl FnOnce()) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(call)) {
        std::mem::forget(payload);
    }
}

#[cfg(all(test, not(any(brigade_loom, brigade_shuttle))))]
mod tests {
    use super::*;
    use std::sync::Mutex as Notes;

    #[derive(Default)]
    struct Noted(Notes<Vec<TaskError>>);

    impl Run for Noted {
        fn run(&self) {}

        fn refuse(&self, error: TaskError) {
            self.0.lock().unwrap().push(error);
        }

        fn number(&self, _: u64) {}
    }

    impl Noted {
        fn is_refused(&self, as_said: fn(&TaskError) -> bool) -> bool {
            matches!(&self.0.lock().unwrap()[..], [error] if as_said(error))
        }
    }

    fn limits(overflow: Overflow, bound: usize) -> Limits {
        let name = String::from("test");
        Limits { workers: 1, bound, overflow, claims: Claims::Never, keep_alive: None, name }
    }

    /// A worker that is about to come keeps others from starting one, so they go with it.
    #[test]
    fn a_thread_that_cannot_be_started_strands_nobody() {
        let (first, second) = (Arc::new(Noted::default()), Arc::new(Noted::default()));
        let also = Arc::clone(&second);
        let core = Core::new(
            limits(Overflow::Block, 4),
            Box::new(move |core, _, _| {
                let task: Task<'_> = also.clone();
                assert!(matches!(core.admit(&task, None), Ok(Admitted::Queued)));
                Err(io::Error::other("no threads today"))
            }),
        );
        let task: Task<'_> = first.clone();
        assert!(matches!(core.admit(&task, None), Err(Refusal::NoThread(_))));
        assert!(first.0.lock().unwrap().is_empty(), "it is told by the refusal");
        assert!(second.is_refused(|error| matches!(error, TaskError::NoThread(_))));
        assert_eq!((core.queued(), core.threads()), (0, 0));
        core.join();
    }

    #[test]
    fn who_had_to_give_way_to_it_is_told() {
        let core = Core::new(
            limits(Overflow::DropOldest, 1),
            Box::new(|_, _, _| Err(io::Error::other("no threads today"))),
        );
        let (old, new) = (Arc::new(Noted::default()), Arc::new(Noted::default()));
        core.queue.lock().line.push_back((0, Some(old.clone())));
        core.queue.lock().next_ticket = 1;
        let task: Task<'_> = new;
        let admitted = core.admit(&task, Some(Overflow::DropOldest));
        assert!(matches!(admitted, Err(Refusal::NoThread(_))));
        assert!(old.is_refused(|error| matches!(error, TaskError::Displaced)));
    }
}
