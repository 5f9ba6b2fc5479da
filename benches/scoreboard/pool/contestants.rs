//! Four ways to have a number computed on another thread.

use std::ops::Range;
use std::sync::mpsc::channel;
use std::time::Duration;

use brigade::pool::{Claims, Pool};

use super::WORKERS;
use crate::Outcome;

pub(super) trait Contestant {
    /// Submits a job for each number, and sums up what they give back.
    fn jobs(&self, numbers: Range<u64>) -> Outcome<u64>;
}

fn gather<H>(
    numbers: Range<u64>,
    submit: impl Fn(u64) -> H,
    result: impl Fn(H) -> Outcome<u64>,
) -> Outcome<u64> {
    if numbers.end - numbers.start == 1 {
        return result(submit(numbers.start));
    }
    let handles: Vec<H> = numbers.map(submit).collect();
    handles.into_iter().map(result).sum()
}

/// As it comes: whoever waits runs what has not begun.
pub(super) struct Brigade(Pool);

impl Brigade {
    pub(super) fn new() -> Outcome<Self> {
        Ok(Self(Pool::builder().workers(WORKERS).build()?))
    }
}

impl Contestant for Brigade {
    fn jobs(&self, numbers: Range<u64>) -> Outcome<u64> {
        gather(numbers, |n| self.0.submit(move |_| n), |future| Ok(future.result()?))
    }
}

/// Every job goes to a worker.
pub(super) struct Strict(Pool);

impl Strict {
    pub(super) fn new() -> Outcome<Self> {
        Ok(Self(Pool::builder().workers(WORKERS).claims(Claims::Never).build()?))
    }
}

impl Contestant for Strict {
    fn jobs(&self, numbers: Range<u64>) -> Outcome<u64> {
        gather(numbers, |n| self.0.submit(move |_| n), |future| Ok(future.result()?))
    }
}

pub(super) struct Threadpool(threadpool::ThreadPool);

impl Threadpool {
    pub(super) fn new() -> Self {
        Self(threadpool::ThreadPool::new(WORKERS))
    }
}

impl Contestant for Threadpool {
    fn jobs(&self, numbers: Range<u64>) -> Outcome<u64> {
        let submit = |n| {
            let (tell, told) = channel();
            self.0.execute(move || {
                let _ = tell.send(n);
            });
            told
        };
        gather(numbers, submit, |told| Ok(told.recv()?))
    }
}

pub(super) struct RustyPool(rusty_pool::ThreadPool);

impl RustyPool {
    pub(super) fn new() -> Self {
        Self(rusty_pool::ThreadPool::new(WORKERS, WORKERS, Duration::from_secs(60)))
    }
}

impl Contestant for RustyPool {
    fn jobs(&self, numbers: Range<u64>) -> Outcome<u64> {
        let result = |handle: rusty_pool::JoinHandle<u64>| Ok(handle.try_await_complete()?);
        gather(numbers, |n| self.0.evaluate(move || n), result)
    }
}
