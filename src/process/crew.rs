//! The workers of a pool: who is idle, who is at work, and what is done about those who die.

use std::os::unix::process::ExitStatusExt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::frame::Kind;
use super::job::Job;
use super::reaper::{Bench, Reaper};
use super::worker::{Failure, Process, Program, Worker, lock};
use crate::monitor::Monitor;
use crate::pool::{Panic, TaskCx, TaskError, WorkerError};

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
    /// How many more processes there may be. Whoever waits for a result may make the call itself, so
    /// there can be more callers than processes.
    places: Arc<Monitor<usize>>,
    idle: Arc<Bench>,
    reaper: Mutex<Option<Reaper>>,
}

/// What a call is at, for whoever cancels it.
#[derive(Debug, Default)]
struct Target(Mutex<Aim>);

#[derive(Debug, Default)]
struct Aim {
    is_off: bool,
    process: Option<Arc<Process>>,
}

impl Target {
    /// Calls it off, and kills the process that is at it.
    fn call_off(&self) {
        let mut aim = lock(&self.0);
        aim.is_off = true;
        if let Some(process) = &aim.process {
            process.kill();
        }
    }

    /// From here on the process is killed if the call is called off; `false` if it is already.
    fn set(&self, process: &Arc<Process>) -> bool {
        let mut aim = lock(&self.0);
        if !aim.is_off {
            aim.process = Some(Arc::clone(process));
        }
        !aim.is_off
    }

    /// From here on the process is at another call, or none.
    fn clear(&self) {
        lock(&self.0).process = None;
    }

    fn is_off(&self) -> bool {
        lock(&self.0).is_off
    }
}

/// The right to have a process.
struct Place<'a>(&'a Monitor<usize>);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.with(|places| *places += 1);
    }
}

impl Crew {
    pub(super) fn new(program: Program, workers: usize, most_served: u64) -> Arc<Self> {
        Arc::new(Self {
            program,
            most_served,
            places: Arc::new(Monitor::new(workers)),
            idle: Arc::default(),
            reaper: Mutex::new(None),
        })
    }

    /// Has a worker do it, whatever happens to workers on the way.
    pub(super) fn call(
        &self,
        cx: &TaskCx<'_>,
        order: Order,
        call: &[u8],
    ) -> Result<Vec<u8>, TaskError> {
        let target = Arc::new(Target::default());
        cx.on_cancel({
            let (target, places) = (Arc::clone(&target), Arc::clone(&self.places));
            move || {
                target.call_off();
                // It may wait for a place.
                places.with(|_| ());
            }
        });
        let (mut attempts, mut deliveries) = (0, 0);
        loop {
            let Some(_place) = self.place(&target) else { return Err(TaskError::Cancelled) };
            let mut worker = self.worker(&target)?;
            // It has been killed then, while it started or since.
            if target.is_off() {
                return Err(TaskError::Cancelled);
            }
            let answer = worker.call(call.to_vec(), order.limit);
            let failure = match answer {
                Ok((kind, body)) => match understand(order.job, kind, body) {
                    Ok(outcome) => {
                        target.clear();
                        self.give_back(worker);
                        return outcome;
                    }
                    Err(failure) => failure,
                },
                Err(failure) => failure,
            };
            target.clear();
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
                Failure::Altered { may_have_run } => WorkerError::Altered { job, may_have_run },
                Failure::Undelivered | Failure::Died(_) | Failure::NoBeat => {
                    attempts += 1;
                    if attempts <= order.retries {
                        continue;
                    }
                    let limit = self.program.heartbeat.unwrap_or_default();
                    let status = match failure {
                        Failure::NoBeat => {
                            let error = WorkerError::Silent { job, limit, attempts };
                            return Err(TaskError::Worker(error));
                        }
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

    /// Waits for the right to have a process; there is none for a call that is called off.
    fn place(&self, target: &Arc<Target>) -> Option<Place<'_>> {
        let waits = Arc::clone(target);
        self.places.when(
            move |places| *places > 0 || waits.is_off(),
            |places| {
                let free = places.checked_sub(1).filter(|_| !target.is_off())?;
                *places = free;
                Some(Place(&self.places))
            },
        )
    }

    /// An idle worker that is alive, or a new one.
    fn worker(&self, target: &Target) -> Result<Worker, TaskError> {
        loop {
            let idle = lock(&self.idle).pop();
            match idle {
                Some(worker) if worker.is_gone() => {}
                Some(worker) if target.set(&worker.process) => return Ok(worker),
                Some(worker) => {
                    self.give_back(worker);
                    return Err(TaskError::Cancelled);
                }
                None => break,
            }
        }
        self.start(target).map_err(|error| match error {
            _ if target.is_off() => TaskError::Cancelled,
            error => TaskError::Worker(error),
        })
    }

    fn start(&self, target: &Target) -> Result<Worker, WorkerError> {
        let mut reaper = lock(&self.reaper);
        if reaper.is_none() {
            *reaper = Some(Reaper::start(Arc::clone(&self.idle)).map_err(WorkerError::Start)?);
        }
        drop(reaper);
        let worker = Worker::start(&self.program, |process| {
            if !target.set(process) {
                process.kill();
            }
        })?;
        if let Some(reaper) = &*lock(&self.reaper) {
            reaper.look_after(&worker);
        }
        Ok(worker)
    }

    /// Lets others have it, if it lives. Whoever cancels the call does not aim at it any more.
    fn give_back(&self, worker: Worker) {
        if worker.served >= self.most_served {
            return worker.retire();
        }
        let mut idle = lock(&self.idle);
        // Asked under the lock under which the dead are taken away.
        if worker.process.is_condemned() {
            drop(idle);
            drop(worker);
        } else {
            idle.push(worker);
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

pub(super) fn understand(
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
        Kind::TooLong => Ok(Err(TaskError::Worker(WorkerError::TooLong { job }))),
        Kind::Misfit => Ok(Err(TaskError::Worker(WorkerError::Decode { job, why: text(body) }))),
        Kind::Altered => Err(Failure::Altered { may_have_run: false }),
        Kind::Hello | Kind::Call | Kind::Beat => Err(Failure::Garbage(vec![kind as u8])),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::frame::{VERSION, begin, send};

    /// Greets, and answers to nothing.
    fn crew() -> Arc<Crew> {
        let mut hello = begin(Kind::Hello);
        hello.push(VERSION);
        let mut sent = Vec::new();
        send(hello, &mut sent).unwrap();
        let octal: String = sent.iter().map(|byte| format!("\\{byte:03o}")).collect();
        let script = format!("printf '{octal}' >&0; exec cat >/dev/null");
        let patience = Duration::from_secs(60);
        let program = Program {
            path: Some("/bin/sh".into()),
            args: vec!["-c".into(), script.into()],
            patience,
            heartbeat: None,
        };
        Crew::new(program, 1, u64::MAX)
    }

    #[test]
    fn a_worker_that_was_killed_is_not_used_again() {
        let (crew, target) = (crew(), Target::default());
        let worker = crew.worker(&target).unwrap();
        let process = Arc::clone(&worker.process);
        crew.give_back(worker);
        let worker = crew.worker(&target).unwrap();
        assert!(Arc::ptr_eq(&worker.process, &process));
        // Its answer was read, and then it was cancelled: it dies as it is given back.
        target.call_off();
        crew.give_back(worker);
        assert_eq!(crew.idle(), 0);
    }

    #[test]
    fn a_worker_that_has_died_with_its_answer_is_not_used_again() {
        let (crew, target) = (crew(), Target::default());
        let worker = crew.worker(&target).unwrap();
        let id = worker.process.id().to_string();
        let killed = std::process::Command::new("kill").args(["-9", &id]).status();
        assert!(killed.unwrap().success());
        while !worker.process.is_condemned() {
            std::thread::yield_now();
        }
        crew.give_back(worker);
        assert_eq!(crew.idle(), 0);
    }

    #[test]
    fn a_call_that_is_called_off_gets_no_worker_and_hurts_none() {
        let (crew, target) = (crew(), Target::default());
        let worker = crew.worker(&target).unwrap();
        target.clear();
        crew.give_back(worker);
        target.call_off();
        assert!(matches!(crew.worker(&target), Err(TaskError::Cancelled)));
        assert_eq!(crew.idle(), 1);
        assert!(crew.place(&Arc::new(target)).is_none());
        assert_eq!(crew.places.read(|places| *places), 1);
    }
}
