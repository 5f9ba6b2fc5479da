//! Programs that are not what a pool expects, played by this one.

use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

use brigade::pool::BuildError;
use brigade::process::ProcessPool;

use crate::jobs::{HANG, LEAVE, PRINT, Then, tell};

/// A worker's greeting: a mark, its kind, a length, two checksums, the version.
pub(crate) const HELLO: &[u8] = b"brg\x01\x01\0\0\0\xa5\xa0-Aa\xd6\xb0\x01\x03";
/// The same from a worker of another version.
const HELLO_OF_OLD: &[u8] = b"brg\x01\x01\0\0\0\xc73\xeb \x98\x09I-c";
/// What was the result 4 when it was sent.
const ALTERED: &[u8] = b"brg\x03\x01\0\0\0N\xc4\xe7\x95D\x02WD\x05";
/// A worker that has got a call which is not as it was sent.
const CALL_ALTERED: &[u8] = b"brg\x09\0\0\0\0\0\0\0\0\xd7\xd4\xd9\xb5";
/// A call of the job that never ends.
pub(crate) const CALL_HANG: &[u8] = b"brg\x02\x06\0\0\0\x1d!\xb7\x98W\xf7\xb3\x83\x04hang\0";
/// From a worker that is at a job.
pub(crate) const BEAT: &[u8] = b"brg\x0a\0\0\0\0\0\0\0\0\xfe\xd8v\xac";

fn part() -> Option<String> {
    std::env::args().nth(1).filter(|part| part.starts_with("part-"))
}

/// Until it is killed; at the latest, until the test is gone.
fn stay() {
    let parent = std::os::unix::process::parent_id();
    while std::os::unix::process::parent_id() == parent {
        std::thread::park_timeout(std::time::Duration::from_secs(1));
    }
}

pub(crate) fn plays_before_init() -> bool {
    let socket = || {
        let input = std::io::stdin().as_fd().try_clone_to_owned();
        UnixStream::from(input.expect("an input"))
    };
    match part().as_deref() {
        Some("part-ends") => std::process::exit(7),
        Some("part-silent") => {
            let _ = socket().read_to_end(&mut Vec::new());
        }
        Some("part-liar") => {
            let mut socket = socket();
            socket.write_all(HELLO).expect("a greeting");
            let _ = socket.read(&mut [0; 1024]);
            let _ = socket.write_all(b"this is no answer");
            let _ = socket.read_to_end(&mut Vec::new());
        }
        Some("part-alters") => {
            let path = std::env::args().nth(2).expect("a path");
            let tries = std::fs::read(&path).map_or(0, |tries| tries.len());
            std::fs::write(&path, vec![b'x'; tries + 1]).expect("a file");
            let Some(answer) = [ALTERED, CALL_ALTERED].get(tries) else { return false };
            let mut socket = socket();
            socket.write_all(HELLO).expect("a greeting");
            let _ = socket.read(&mut [0; 1024]);
            let _ = socket.write_all(answer);
            let _ = socket.read_to_end(&mut Vec::new());
        }
        Some("part-deaf") => {
            let mut socket = socket();
            socket.write_all(HELLO).expect("a greeting");
            // Reads nothing, so that what is written does not fit.
            stay();
        }
        Some("part-old") => {
            let mut socket = socket();
            let _ = socket.write_all(HELLO_OF_OLD);
            let _ = socket.read_to_end(&mut Vec::new());
        }
        Some("part-late") => {
            let told = std::env::args().nth(2).map(PathBuf::from).expect("a path");
            tell(&told);
            // Gets to `init` only when nobody waits for it any more.
            let _ = socket().read_to_end(&mut Vec::new());
            return false;
        }
        Some("part-forgetful") => match ProcessPool::builder().build() {
            Err(BuildError::NotInitialised) => std::process::exit(3),
            other => unreachable!("{other:?}"),
        },
        _ => return false,
    }
    true
}

pub(crate) fn plays_after_init() -> bool {
    let pool = || ProcessPool::builder().workers(2).build().expect("a sound pool");
    match part().as_deref() {
        Some("part-no-worker") => print!("no worker"),
        Some("part-parent") => {
            let path = std::env::args().nth(2).map(PathBuf::from);
            let _ = pool().submit(&HANG, path).result();
        }
        Some("part-parent-of-leaver") => {
            let pipe = std::env::args().nth(2).map(PathBuf::from).expect("a path");
            let _ = pool().submit(&LEAVE, (pipe, Then::Stay)).result();
        }
        Some("part-late") => {
            let told = std::env::args().nth(2).map(PathBuf::from).expect("a path");
            std::fs::write(told.with_extension("went-on"), "").expect("a file");
        }
        Some("part-parent-of-idle-leaver") => {
            let pipe = std::env::args().nth(2).map(PathBuf::from).expect("a path");
            let pool = pool();
            pool.submit(&LEAVE, (pipe.clone(), Then::Return)).result().expect("it returns");
            tell(&pipe.with_extension("idle"));
            stay();
        }
        Some("part-parent-of-late") => {
            let path = std::env::args().nth(2).expect("a path");
            let this = std::env::current_exe().expect("a path");
            let late = ProcessPool::builder().workers(1).program(this, ["part-late", &path]);
            let _ = late.build().expect("a sound pool").submit(&HANG, None).result();
        }
        Some("part-printer") => {
            let printed = pool().submit(&PRINT, "from a worker".into()).result();
            println!("{} bytes from a worker", printed.expect("a number"));
        }
        _ => return false,
    }
    true
}
