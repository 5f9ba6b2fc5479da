//! The pool from outside.

mod bad_input;
mod bounds;
mod cpython;
mod future;
mod gather;
mod oracle;
mod scope;
mod shutdown;
mod stress;
mod waits;

use brigade::pool::{Claims, Future, Pool};
use std::sync::mpsc::{Sender, channel};

/// A job that is running, until its gate is opened or dropped.
fn hold(pool: &Pool) -> (Future<bool>, Sender<()>) {
    let (open, gate) = channel::<()>();
    let (begin, begun) = channel();
    let held = pool.submit(move |_| {
        begin.send(()).expect("the test waits for it");
        gate.recv().is_ok()
    });
    begun.recv().expect("the job has begun");
    (held, open)
}

/// A pool whose jobs run on its own threads only, so that a test decides what is queued.
fn strict(workers: usize) -> Pool {
    Pool::builder().workers(workers).claims(Claims::InWorkers).build().expect("a sound pool")
}
