//! The jobs of the tests: good ones, and such as die in every way.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use brigade::process::{Job, ProcessPool, Registered};
use serde::de::Error as _;
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub(crate) static ALL: &[&dyn Registered] = &[
    &SQUARE,
    &REVERSE,
    &COUNT,
    &PANIC,
    &PANIC_WITH,
    &EXIT,
    &ABORT,
    &KILL_9,
    &HANG,
    &SHORT_OF_TIME,
    &STOP,
    &LINGER,
    &PID,
    &PRINT,
    &INPUT,
    &ONCE,
    &TWICE,
    &TAKE,
    &GIVE,
    &NESTED,
    &GRANDCHILD,
    &LEAVE,
];

pub(crate) static SQUARE: Job<u64, u64> = Job::new("square", |n| n.wrapping_mul(n));
/// Not registered by this name.
pub(crate) static UNKNOWN: Job<u64, u64> = Job::new("unknown", |n| n);
/// Of another type than the one that is registered.
pub(crate) static SQUARE_OF_TEXT: Job<String, u64> = Job::new("square", |_| 0);
pub(crate) static SQUARE_TO_TEXT: Job<u64, String> = Job::new("square", |_| String::new());

pub(crate) static REVERSE: Job<Vec<u8>, Vec<u8>> = Job::new("reverse", |mut bytes| {
    bytes.reverse();
    bytes
});
pub(crate) static COUNT: Job<BTreeMap<String, Option<i64>>, Result<i64, String>> =
    Job::new("count", |map| match map.values().copied().flatten().sum() {
        0 => Err("nothing".into()),
        sum => Ok(sum),
    });
pub(crate) static PANIC: Job<String, ()> = Job::new("panic", |text| panic!("{text}"));
pub(crate) static PANIC_WITH: Job<u32, ()> = Job::new("panic with", |n| std::panic::panic_any(n));
pub(crate) static EXIT: Job<i32, ()> = Job::new("exit", |status| std::process::exit(status));
pub(crate) static ABORT: Job<(), ()> = Job::new("abort", |()| std::process::abort());
pub(crate) static KILL_9: Job<(), ()> = Job::new("kill -9", |()| {
    let killed = Command::new("sh").args(["-c", "kill -9 $PPID"]).status();
    unreachable!("killed: {killed:?}")
});

/// Says in a file who this is; in one step, so that who waits for it reads all of it.
pub(crate) fn tell(path: &Path) {
    let unfinished = path.with_extension("unfinished");
    std::fs::write(&unfinished, std::process::id().to_string()).expect("a file");
    std::fs::rename(unfinished, path).expect("a name");
}

fn hang(told: Option<PathBuf>) {
    if let Some(path) = told {
        tell(&path);
    }
    loop {
        std::thread::park();
    }
}

/// Says in a file who it is, and stays.
pub(crate) static HANG: Job<Option<PathBuf>, ()> = Job::new("hang", hang);
pub(crate) static SHORT_OF_TIME: Job<Option<PathBuf>, ()> =
    Job::new("short of time", hang).timeout(Duration::from_millis(30));

/// Stops its own process, which nobody wakes.
pub(crate) static STOP: Job<(), ()> = Job::new("stop", |()| {
    let _ = Command::new("sh").args(["-c", "kill -STOP $PPID"]).status();
    hang(None);
});
/// Is at it for longer than `LINGER_PATIENCE`.
pub(crate) static LINGER: Job<(), u32> = Job::new("linger", |()| {
    let begun = Instant::now();
    while begun.elapsed() < 3 * LINGER_PATIENCE {
        std::thread::park_timeout(LINGER_PATIENCE);
    }
    std::process::id()
})
.retries(50);
pub(crate) const LINGER_PATIENCE: Duration = Duration::from_millis(200);
/// Survives a machine that is so busy that it is late.
pub(crate) static PATIENT: Job<u64, u64> = Job::new("square", |n| n).retries(50);

pub(crate) static PID: Job<(), u32> = Job::new("pid", |()| std::process::id());
pub(crate) static PRINT: Job<String, usize> = Job::new("print", |text| {
    println!("{text}");
    text.len()
});
pub(crate) static INPUT: Job<(), usize> = Job::new("input", |()| {
    let mut input = Vec::new();
    std::io::stdin().read_to_end(&mut input).expect("an empty input")
});

fn die_first(path: PathBuf) -> &'static str {
    let tries = std::fs::read(&path).map_or(0, |tries| tries.len());
    std::fs::write(&path, vec![b'x'; tries + 1]).expect("a file");
    if tries < 2 {
        std::process::abort();
    }
    "survived"
}

/// Dies twice for each path.
pub(crate) static ONCE: Job<PathBuf, String> =
    Job::new("once", |path| die_first(path).to_owned()).retries(1);
pub(crate) static TWICE: Job<PathBuf, String> =
    Job::new("twice", |path| die_first(path).to_owned()).retries(2);

/// What goes wrong with a value, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Evil {
    RefusesToBeWritten,
    RefusesToBeRead,
    AbortsWhenRead,
    AbortsWhenWritten,
    PanicsWhenWritten,
}

const EVILS: [Evil; 5] = [
    Evil::RefusesToBeWritten,
    Evil::RefusesToBeRead,
    Evil::AbortsWhenRead,
    Evil::AbortsWhenWritten,
    Evil::PanicsWhenWritten,
];

impl Serialize for Evil {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let in_worker = std::env::var_os("BRIGADE_WORKER_OF").is_some();
        match self {
            Self::RefusesToBeWritten => return Err(S::Error::custom("it is secret")),
            Self::AbortsWhenWritten if in_worker => std::process::abort(),
            Self::PanicsWhenWritten if in_worker => panic!("while it was written"),
            _ => {}
        }
        let number = EVILS.iter().position(|evil| evil == self).unwrap_or(0);
        serializer.serialize_u8(u8::try_from(number).unwrap_or(0))
    }
}

impl<'de> Deserialize<'de> for Evil {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match EVILS[usize::from(u8::deserialize(deserializer)?)] {
            Self::RefusesToBeRead => Err(D::Error::custom("it is unreadable")),
            Self::AbortsWhenRead => std::process::abort(),
            evil => Ok(evil),
        }
    }
}

pub(crate) static TAKE: Job<Evil, ()> = Job::new("take", |_| ());
pub(crate) static GIVE: Job<u8, Evil> = Job::new("give", |n| EVILS[usize::from(n)]);

/// A worker that has workers of its own.
pub(crate) static NESTED: Job<u64, u64> = Job::new("nested", |n| {
    let pool = ProcessPool::builder().workers(1).build().expect("a sound pool");
    pool.submit(&SQUARE, n).result().expect("a square")
});

/// Starts a program that inherits the environment, and would be a worker if it only looked there.
pub(crate) static GRANDCHILD: Job<(), String> = Job::new("grandchild", |()| {
    let program = std::env::current_exe().expect("a path");
    let output = Command::new(program).arg("part-no-worker").output().expect("a grandchild");
    String::from_utf8_lossy(&output.stdout).into_owned()
});

/// Starts a process that never ends by itself, and says so in a pipe that the process holds open. Then
/// it stays, dies, or returns.
pub(crate) static LEAVE: Job<(PathBuf, Then), ()> = Job::new("leave", leave);

#[allow(clippy::zombie_processes, reason = "that is what it is about")]
fn leave((pipe, then): (PathBuf, Then)) {
    let endless = pipe.with_extension("endless");
    let out = OpenOptions::new().write(true).open(pipe).expect("a pipe");
    // It holds both ends, so there is no end to what it waits for.
    let input = OpenOptions::new().read(true).write(true).open(endless).expect("a pipe");
    let mut left = Command::new("sh")
        .args(["-c", "echo here; echo here >&2; exec cat 2>/dev/null"])
        .stdin(input)
        .stdout(out)
        .stderr(Stdio::piped())
        .spawn()
        .expect("a shell");
    // It has said so before this goes on.
    let said = left.stderr.take().map(|mut said| said.read_exact(&mut [0; 5]));
    said.expect("a pipe").expect("a line");
    match then {
        Then::Stay => hang(None),
        Then::Die => std::process::abort(),
        Then::Return => {}
    }
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) enum Then {
    Stay,
    Die,
    Return,
}
