//! Sees to workers that die while nobody has a job for them, so that they do not stay as zombies.
//!
//! One thread sleeps until a worker hangs up, a new one comes, or the crew is no more. It looks at all
//! workers, for those at work come and go too often to be told of; whoever has one at work sees to its
//! death, and may not give it back.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use rustix::event::{PollFd, PollFlags, poll};

use super::worker::{Process, Worker, lock};

/// A worker that is looked after.
type Charge = (Arc<UnixStream>, Arc<Process>);

/// The workers that wait for a job.
pub(super) type Bench = Mutex<Vec<Worker>>;

#[derive(Debug)]
pub(super) struct Reaper {
    /// A byte is a new worker, the end is the end.
    bell: Option<UnixStream>,
    charges: Sender<Charge>,
    thread: Option<JoinHandle<()>>,
}

impl Reaper {
    pub(super) fn start(bench: Arc<Bench>) -> io::Result<Self> {
        let (bell, listens) = UnixStream::pair()?;
        bell.set_nonblocking(true)?;
        listens.set_nonblocking(true)?;
        let (charges, news) = channel();
        let thread = thread::Builder::new()
            .name("process-reaper".into())
            .spawn(move || look_after(&bench, &listens, &news))?;
        Ok(Self { bell: Some(bell), charges, thread: Some(thread) })
    }

    pub(super) fn look_after(&self, worker: &Worker) {
        let charge = (Arc::clone(&worker.wire.socket), Arc::clone(&worker.process));
        let _ = self.charges.send(charge);
        // If there is no room for one more byte, it rings already.
        let _ = self.bell.as_ref().map(|mut bell| bell.write(&[0]));
    }
}

impl Drop for Reaper {
    fn drop(&mut self) {
        self.bell = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn look_after(bench: &Bench, mut bell: &UnixStream, news: &Receiver<Charge>) {
    let mut charges: Vec<Charge> = Vec::new();
    loop {
        let mut ends = vec![PollFd::new(bell, PollFlags::IN)];
        ends.extend(charges.iter().map(|(socket, _)| PollFd::new(&**socket, PollFlags::empty())));
        match poll(&mut ends, None) {
            Ok(_) => {}
            Err(rustix::io::Errno::INTR) => continue,
            // Whoever wants the next worker finds the dead ones.
            Err(_) => return,
        }
        let rings = !ends[0].revents().is_empty();
        let over: Vec<bool> = ends[1..].iter().map(|end| !end.revents().is_empty()).collect();
        let mut at = 0;
        charges.retain(|(_, process)| {
            at += 1;
            if over[at - 1] {
                bury(bench, process);
            }
            !over[at - 1]
        });
        if rings {
            match bell.read(&mut [0; 64]) {
                Ok(0) => return,
                Err(error) if error.kind() != io::ErrorKind::WouldBlock => return,
                _ => charges.extend(news.try_iter()),
            }
        }
    }
}

/// Takes a worker that is no more off the bench. One that is at work cannot get there any more.
fn bury(bench: &Bench, process: &Arc<Process>) {
    let mut workers = lock(bench);
    process.condemn();
    let at = workers.iter().position(|worker| Arc::ptr_eq(&worker.process, process));
    let dead = at.map(|at| workers.swap_remove(at));
    drop(workers);
    drop(dead);
}
