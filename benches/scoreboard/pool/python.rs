//! The same in Python, in an interpreter that is started once and measures itself.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use crate::Outcome;

pub(super) struct Python {
    child: Child,
    ask: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Python {
    /// Starts an executor of `kind`; nothing if there is no Python.
    pub(super) fn start(kind: &str, workers: usize) -> Outcome<Option<Self>> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("pool/executor.py");
        let started = Command::new("python3")
            .arg(script)
            .args([kind, &workers.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        let Ok(mut child) = started else {
            eprintln!("  without Python: there is no python3");
            return Ok(None);
        };
        let (ask, answers) = (child.stdin.take(), child.stdout.take());
        let answers = BufReader::new(answers.ok_or("Python has no output")?);
        Ok(Some(Self { child, ask, answers }))
    }

    /// Lets it do so many jobs, so many at a time.
    pub(super) fn time(&mut self, jobs: u64, burst: u64) -> Outcome<Duration> {
        let ask = self.ask.as_mut().ok_or("Python is gone")?;
        writeln!(ask, "{jobs} {burst}")?;
        let mut answer = String::new();
        self.answers.read_line(&mut answer)?;
        Ok(Duration::from_secs_f64(answer.trim().parse()?))
    }
}

impl Drop for Python {
    fn drop(&mut self) {
        drop(self.ask.take());
        let _ = self.child.wait();
    }
}
