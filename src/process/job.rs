//! Jobs by name: what both sides know.

use std::any::Any;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::frame::{Kind, LONGEST, Unwritten, begin, write};

/// A function that may run in another process, by name.
///
/// Both sides find it by its name, so it makes no difference where the system loads them. A closure
/// will do if it captures nothing.
///
/// # Examples
///
/// ```
/// use brigade::process::Job;
/// use std::time::Duration;
///
/// static SQUARE: Job<u64, u64> = Job::new("square", |n| n * n);
/// static FETCH: Job<String, Result<Vec<u8>, String>> =
///     Job::new("fetch", |_url| Err("no network".into())).retries(2).timeout(Duration::from_secs(30));
/// assert_eq!(SQUARE.name(), "square");
/// # let _ = &FETCH;
/// ```
pub struct Job<A, R> {
    pub(super) name: &'static str,
    run: fn(A) -> R,
    pub(super) retries: u32,
    pub(super) timeout: Option<Duration>,
}

impl<A, R> Job<A, R> {
    /// Names a function. The name is at most 255 bytes long, and no two jobs of a program share one.
    ///
    /// # Panics
    ///
    /// If the name is longer; in a `static`, that is an error of the compiler.
    #[must_use]
    pub const fn new(name: &'static str, run: fn(A) -> R) -> Self {
        assert!(name.len() <= 255, "a job's name has at most 255 bytes");
        Self { name, run, retries: 0, timeout: None }
    }

    /// Lets the job run again, so many times at most, if the process dies that is at it, or is killed for
    /// want of a [heartbeat](super::Builder::heartbeat).
    ///
    /// It may have run in part, or even to its end: only a job whose second run does no harm may
    /// have this. A panic is an outcome, and so is a time limit; they are not tried again.
    #[must_use]
    pub const fn retries(mut self, retries: u32) -> Self {
        self.retries = retries;
        self
    }

    /// Kills the process if the job takes longer. Waiting in the queue does not count.
    #[must_use]
    pub const fn timeout(mut self, limit: Duration) -> Self {
        self.timeout = Some(limit);
        self
    }

    /// Its name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }
}

impl<A, R> fmt::Debug for Job<A, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Job")
            .field("name", &self.name)
            .field("retries", &self.retries)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

mod sealed {
    pub trait Sealed {}
    impl<A, R> Sealed for super::Job<A, R> {}
}

/// Any [`Job`], whatever its types: what [`init`](super::init) takes.
pub trait Registered: sealed::Sealed + Sync {
    /// Its name.
    fn name(&self) -> &'static str;

    /// Runs it on serialized arguments, and gives the answer as a frame.
    #[doc(hidden)]
    fn answer(&self, arguments: &[u8]) -> Vec<u8>;
}

impl<A: DeserializeOwned, R: Serialize> Registered for Job<A, R> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn answer(&self, arguments: &[u8]) -> Vec<u8> {
        self.answer_within(arguments, LONGEST)
    }
}

impl<A: DeserializeOwned, R: Serialize> Job<A, R> {
    fn answer_within(&self, arguments: &[u8], longest: usize) -> Vec<u8> {
        let misfit = |why: String| {
            let mut frame = begin(Kind::Misfit);
            frame.extend(why.bytes());
            frame
        };
        let arguments = match decode(arguments) {
            Ok(arguments) => arguments,
            Err(why) => return misfit(why),
        };
        match catch_unwind(AssertUnwindSafe(|| {
            // A result is serialized by code of its own, which may panic too.
            write(&(self.run)(arguments), begin(Kind::Done), longest)
        })) {
            Ok(Ok(frame)) => frame,
            Ok(Err(Unwritten::TooLong)) => begin(Kind::TooLong),
            Ok(Err(Unwritten::Refused(why))) => misfit(why),
            Err(payload) => panicked(&*payload),
        }
    }
}

/// Reads a value that is all there is.
pub(super) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, String> {
    match postcard::take_from_bytes(bytes) {
        Ok((value, [])) => Ok(value),
        Ok((_, rest)) => Err(format!("{} bytes are left over", rest.len())),
        Err(error) => Err(error.to_string()),
    }
}

fn panicked(payload: &(dyn Any + Send)) -> Vec<u8> {
    let text = payload.downcast_ref::<&str>().copied();
    match text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)) {
        Some(text) => {
            let mut frame = begin(Kind::Panicked);
            frame.extend(text.bytes());
            frame
        }
        None => begin(Kind::PanickedSilently),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pool::{TaskError, WorkerError};
    use crate::process::crew::understand;
    use crate::process::frame::HEADER;

    #[test]
    fn a_result_that_does_not_fit_is_an_error() {
        let repeat: Job<u8, Vec<u8>> = Job::new("repeat", |times| vec![0; times.into()]);
        let answer = |times: u8| {
            let frame = repeat.answer_within(&[times], 100);
            let (kind, body) = (frame[3], frame[HEADER..].to_vec());
            let kind = [Kind::Done, Kind::TooLong].into_iter().find(|it| *it as u8 == kind);
            understand("repeat", kind.expect("one of these"), body).expect("it is an answer")
        };
        assert_eq!(answer(99).unwrap().len(), 100);
        match answer(100) {
            Err(TaskError::Worker(error @ WorkerError::TooLong { job: "repeat" })) => {
                assert!(error.to_string().ends_with("or in pieces"), "{error}");
            }
            other => panic!("{other:?}"),
        }
    }
}
