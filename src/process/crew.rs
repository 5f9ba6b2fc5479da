//! The workers of a pool: who is idle, who is at work, and what is done about those who die.

use std::os::unix::process::ExitStatusExt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::frame::Kind;
use super::job::Job;
use super::worker::{Failure, Process, Program, Worker};
use crate::pool::{Panic, TaskCx, TaskError, WorkerError};
use crate::semaphore::Semaphore;

/// A call that got to no worker is tried so often, with a new worker each time.
const DELIVERIES: u32 = 3;

/// What a call is about.
#[derive(Debug, Clone, Copy)]
pub(super) struct Order {
    pub(super) job: &'static str,
    pub(super) retries: u32,
    pub(super) limit: Option<Duration>,
}

impl Order {
    pub(super) fn of<A, R>(job: &Job<A, R>) -> Self {
        Self { job: job.name, retries: job.retries, limit: job.timeout }
    }
}

#[derive(Debug)]
pub(super) struct Crew {
    program: Program,
    most_served: u64,
    /// One permit a process. Whoever waits for a result may make the call itself, so there can be
    /// more callers than processes.
    places: Semaphore,
    idle: Mutex<Vec<Worker>>,
}

/// What cancels a call: the process, while it is at this call.
type Target = Arc<Mutex<Option<Arc<Process>>>>;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Crew {
    pub(super) fn new(program: Program, workers: usize, most_served: u64) -> Arc<Self> {
        let places = Semaphore::new(workers.min(Semaphore::MAX_PERMITS));
        Arc::new(Self { program, most_served, places, idle: Mutex::new(Vec::new()) })
    }

    /// Has a worker do it, whatever happens to workers on the way.
    pub(super) fn call(
        &self,
        cx: &TaskCx<'_>,
        order: Order,
        call: &[u8],
    ) -> Result<Vec<u8>, TaskError> {
        let target = Target::default();
        let mut listens = false;
        let (mut attempts, mut deliveries) = (0, 0);
        loop {
            let Ok(_place) = self.places.acquire() else { return Err(TaskError::PoolClosed) };
            let mut worker = self.worker()?;
            *lock(&target) = Some(Arc::clone(&worker.process));
            if !listens {
                listens = true;
                let target = Arc::clone(&target);
                cx.on_cancel(move || {
                    if let Some(process) = &*lock(&target) {
                        process.kill();
                    }
                });
            }
            // Asked before it was the target, or while there was none.
            if cx.is_cancelled() {
                self.give_back(worker, &target);
                return Err(TaskError::Cancelled);
            }
            let answer = worker.call(call.to_vec(), order.limit);
            let failure = match answer {
                Ok((kind, body)) => match understand(order.job, kind, body) {
                    Ok(outcome) => {
                        self.give_back(worker, &target);
                        return outcome;
                    }
                    Err(failure) => failure,
                },
                Err(failure) => failure,
            };
            *lock(&target) = None;
            drop(worker);
            if cx.is_cancelled() {
                return Err(TaskError::Cancelled);
            }
            let job = order.job;
            let error = match failure {
                Failure::Undelivered if deliveries < DELIVERIES => {
                    deliveries += 1;
                    continue;
                }
                Failure::TimedOut => {
                    WorkerError::TimedOut { job, limit: order.limit.unwrap_or_default() }
                }
                Failure::Garbage(bytes) => WorkerError::Garbage { job, found: hex(&bytes) },
                Failure::Undelivered | Failure::Died(_) => {
                    attempts += 1;
                    if attempts <= order.retries {
                        continue;
                    }
                    let status = match failure {
                        Failure::Died(status) => status,
                        _ => None,
                    };
                    WorkerError::Died {
                        job,
                        status: status.and_then(|status| status.code()),
                        signal: status.and_then(|status| status.signal()),
                        attempts,
                    }
                }
            };
            return Err(TaskError::Worker(error));
        }
    }

    /// An idle worker that is alive, or a new one.
    fn worker(&self) -> Result<Worker, TaskError> {
        loop {
            let idle = lock(&self.idle).pop();
            match idle {
                Some(worker) if worker.is_gone() => {}
                Some(worker) => return Ok(worker),
                None => return Worker::start(&self.program).map_err(TaskError::Worker),
            }
        }
    }

    fn give_back(&self, worker: Worker, target: &Target) {
        // From here on, whoever cancels the call does not kill a worker that is at another.
        *lock(target) = None;
        if worker.served >= self.most_served {
            worker.retire();
        } else {
            lock(&self.idle).push(worker);
        }
    }

    /// Sees the idle ones go.
    pub(super) fn retire(&self) {
        let idle = std::mem::take(&mut *lock(&self.idle));
        idle.into_iter().for_each(Worker::retire);
    }

    pub(super) fn idle(&self) -> usize {
        lock(&self.idle).len()
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        self.retire();
    }
}

fn understand(
    job: &'static str,
    kind: Kind,
    body: Vec<u8>,
) -> Result<Result<Vec<u8>, TaskError>, Failure> {
    let text = |body: Vec<u8>| String::from_utf8_lossy(&body).into_owned();
    match kind {
        Kind::Done => Ok(Ok(body)),
        Kind::Panicked => Ok(Err(TaskError::Panicked(Panic::new(Box::new(text(body)))))),
        Kind::PanickedSilently => Ok(Err(TaskError::Panicked(Panic::new(Box::new(()))))),
        Kind::Unknown => Ok(Err(TaskError::Worker(WorkerError::UnknownJob { job }))),
        Kind::Misfit => Ok(Err(TaskError::Worker(WorkerError::Decode { job, why: text(body) }))),
        Kind::Hello | Kind::Call => Err(Failure::Garbage(vec![kind as u8])),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ")
}
