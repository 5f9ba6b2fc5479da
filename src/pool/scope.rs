//! Jobs that borrow.
//!
//! A job on the pool's own threads may outlive whoever submitted it, so it cannot borrow from there;
//! to let it, one has to promise the compiler what the compiler cannot see. A scope needs no such
//! promise: it is a pool of its own, with the same protocol, on threads of `std::thread::scope`.

use std::fmt;
use std::sync::Arc;
use std::thread;

use super::core::{Core, Limits, Spawn};
use super::error::SubmitError;
use super::future::ScopedFuture;
use super::task::Plain;
use super::{Pool, Shutdown, TaskCx, submit, try_submit};
use crate::waits;

/// Where jobs that borrow are submitted: see [`Pool::scope`].
#[derive(Clone)]
pub struct Scope<'scope, 'env> {
    core: Arc<Core<'scope>>,
    threads: &'scope thread::Scope<'scope, 'env>,
}

impl<'scope> Scope<'scope, '_> {
    /// Submits a job that may borrow what was there before the scope: see [`Pool::submit`].
    ///
    /// A job that submits others takes a clone of the scope along.
    ///
    /// # Examples
    ///
    /// ```
    /// use brigade::pool::Pool;
    ///
    /// let pool = Pool::new()?;
    /// let words = ["wash", "chop", "cook"];
    /// let letters = pool.scope(|s| {
    ///     let first = s.submit(|_| words[0].len());
    ///     let others = s.submit({
    ///         let s = s.clone();
    ///         move |_| Ok::<_, brigade::pool::TaskError>(
    ///             s.submit(move |_| words[1].len()).result()? + words[2].len()
    ///         )
    ///     });
    ///     Ok::<_, brigade::pool::TaskError>(first.result()? + others.result()??)
    /// });
    /// assert_eq!(letters?, 12);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn submit<T, F>(&self, job: F) -> ScopedFuture<'scope, T>
    where
        F: FnOnce(&TaskCx<'_>) -> T + Send + 'scope,
        T: Send + 'scope,
    {
        submit(&self.core, Plain(job))
    }

    /// Submits a job if that is possible at once: see [`Pool::try_submit`].
    ///
    /// # Errors
    ///
    /// [`SubmitError`], with the job.
    pub fn try_submit<T, F>(&self, job: F) -> Result<ScopedFuture<'scope, T>, SubmitError<F>>
    where
        F: FnOnce(&TaskCx<'_>) -> T + Send + 'scope,
        T: Send + 'scope,
    {
        try_submit(&self.core, job)
    }
}

impl fmt::Debug for Scope<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope").field("threads", &self.threads).finish_non_exhaustive()
    }
}

impl Pool {
    /// Runs jobs that borrow, and comes back when all of them are done.
    ///
    /// The scope has the pool's options, and a queue and threads of its own: started when there is
    /// work, at most [`workers`](Pool::workers), and ended with the scope. So it costs the start of a
    /// thread or two, some ten microseconds each, and runs beside the pool's jobs.
    ///
    /// Jobs whose futures are dropped still run. A panic in a job is in its future. If `body` panics,
    /// what has not begun is cancelled, and the panic goes on when the rest is done.
    ///
    /// # Examples
    ///
    /// ```
    /// use brigade::pool::Pool;
    ///
    /// let pool = Pool::new()?;
    /// let mut numbers = [3, 1, 2];
    /// let sum = pool.scope(|s| {
    ///     let (left, right) = numbers.split_at_mut(1);
    ///     let sorted = s.submit(move |_| { right.sort(); right[0] });
    ///     sorted.result().map(|least| least + left[0])
    /// })?;
    /// assert_eq!((sum, numbers), (4, [3, 1, 2]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// What is borrowed outlives the scope, or it does not compile:
    ///
    /// ```compile_fail,E0373
    /// # let pool = brigade::pool::Pool::new()?;
    /// pool.scope(|s| {
    ///     let inside = String::from("too short a life");
    ///     s.submit(|_| inside.len())
    /// });
    /// # Ok::<(), brigade::pool::BuildError>(())
    /// ```
    pub fn scope<'env, F, R>(&self, body: F) -> R
    where
        F: for<'scope> FnOnce(&Scope<'scope, 'env>) -> R,
    {
        /// Ends the scope's threads, however its body ends.
        struct End<'a, 'scope>(&'a Core<'scope>);
        impl Drop for End<'_, '_> {
            fn drop(&mut self) {
                if thread::panicking() {
                    self.0.close(Shutdown::CancelPending);
                } else {
                    self.0.finish();
                }
            }
        }
        thread::scope(|threads| {
            let core = Core::new(self.core.limits.clone(), spawn_in(threads, &self.core.limits));
            let scope = Scope { core, threads };
            let _end = End(&scope.core);
            body(&scope)
        })
    }
}

fn spawn_in<'scope>(threads: &'scope thread::Scope<'scope, '_>, limits: &Limits) -> Spawn<'scope> {
    let name = limits.name.clone();
    let place = waits::here();
    Box::new(move |core: Arc<Core<'scope>>, id, number| {
        let place = place.clone();
        thread::Builder::new()
            .name(format!("{name}-{number}"))
            .spawn_scoped(threads, move || {
                waits::inherit(place);
                core.work(id, number);
            })
            .map(|_joined_by_the_scope| None)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pool::TaskError;

    #[test]
    fn a_refusal_is_a_result_too() {
        let pool = Pool::builder().workers(1).build().expect("one worker");
        pool.scope(|s| {
            s.core.close(Shutdown::Drain);
            assert!(matches!(s.submit(|_| 1).result(), Err(TaskError::PoolClosed)));
        });
    }
}
