//! A hundred vegetables on five workers.
//!
//! A thread for each vegetable works, and starts a hundred threads to do it. A pool starts five, and
//! uses them again. With `--processes` the workers are processes; one of them is killed with a
//! vegetable in its hands, and all hundred are chopped all the same.
//!
//! ```text
//! cargo run --release --example ch08_thread_pool
//! cargo run --release --example ch08_thread_pool -- --processes
//! ```

#[path = "support/scene.rs"]
pub mod scene;

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::io::{self, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::{Arc, Barrier};
use std::thread::{self, ThreadId};
use std::time::Duration;

use brigade::pool::{Claims, Pool, as_completed};
use brigade::process::{self, Job, ProcessPool};
use clap::Parser;
use scene::{Flags, Recorder, Row, Seen};

/// A hundred vegetables on five workers: threads, or processes of which one is killed
#[derive(Debug, Clone, Parser)]
#[command(name = "ch08_thread_pool")]
pub struct Options {
    /// What every scene takes.
    #[command(flatten)]
    pub flags: Flags,

    /// Chops in child processes, one of which is killed midway
    #[arg(long)]
    pub processes: bool,
}

/// How many are to be chopped.
pub const VEGETABLES: u32 = 100;

/// How many chop.
pub const WORKERS: usize = 5;

/// Who chopped how many.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Vegetables by worker, in the order of the workers' names.
    pub chopped: BTreeMap<String, u32>,
    /// Threads or processes that were started for it.
    pub started: usize,
    /// The process that was killed.
    pub killed: Option<u32>,
}

impl Outcome {
    fn total(&self) -> u32 {
        self.chopped.values().sum()
    }
}

/// A new thread for each vegetable.
pub fn broken(_: &Options, recorder: &Recorder) -> Outcome {
    let lane = recorder.lane("barron");
    let starting = lane.run("a thread each");
    let threads: Vec<_> =
        (0..VEGETABLES).map(|_| thread::spawn(|| thread::current().id())).collect();
    let ids: Vec<_> = threads.into_iter().map(|thread| thread.join().expect("no panic")).collect();
    drop(starting);
    let mut chopped = BTreeMap::<String, u32>::new();
    for id in &ids {
        *chopped.entry(format!("{id:?}")).or_default() += 1;
    }
    Outcome { started: chopped.len(), chopped, killed: None }
}

/// Five threads, each used again and again. The first five vegetables wait for one another, so that
/// all five cooks are seen.
pub fn fixed(_: &Options, recorder: &Recorder) -> Outcome {
    let pool = Pool::builder().workers(WORKERS).claims(Claims::Never).name("cook").build();
    let pool = pool.expect("five workers");
    let all_here = Arc::new(Barrier::new(WORKERS));
    let chop = |vegetable: u32| {
        let all_here = Arc::clone(&all_here);
        pool.submit(move |_| {
            if (vegetable as usize) < WORKERS {
                all_here.wait();
            }
            thread::sleep(Duration::from_micros(200)); // the work
            let cook = thread::current();
            (cook.name().unwrap_or("nobody").to_owned(), cook.id())
        })
    };
    let lane = recorder.lane("the kitchen");
    let _waiting = lane.wait("a hundred vegetables");
    let mut chopped = BTreeMap::<String, u32>::new();
    let mut ids = Vec::<ThreadId>::new();
    for piece in as_completed((0..VEGETABLES).map(chop)) {
        let Ok((cook, id)) = piece.result() else { continue };
        *chopped.entry(cook).or_default() += 1;
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    Outcome { started: ids.len(), chopped, killed: None }
}

/// A vegetable, and the folder where the kitchen can be met.
type Piece = (u32, PathBuf);

/// The vegetable whose cook is killed.
const FATAL: u32 = VEGETABLES / 2;

/// Where the first five wait for one another, and where a cook meets its end.
const PLACES: [&str; 2] = ["door", "knife"];

/// Chops, and says who. It does no harm to chop again what a cook has died over, so it may.
static CHOP: Job<Piece, u32> = Job::new("chop", chop).retries(3);

fn chop((vegetable, kitchen): Piece) -> u32 {
    let [door, knife] = PLACES.map(|place| kitchen.join(place));
    if (vegetable as usize) < WORKERS {
        // As the threads do: the first five wait until all five are here.
        let _ = meet(&door);
    }
    if vegetable == FATAL {
        // Until it is killed. When the vegetable is chopped again, nobody is there to do it.
        let _ = meet(&knife);
    }
    thread::sleep(Duration::from_micros(200)); // the work
    std::process::id()
}

/// Tells the kitchen who is here, and waits until it hangs up, as it does when it ends at the latest.
fn meet(place: &Path) -> io::Result<usize> {
    let mut kitchen = UnixStream::connect(place)?;
    kitchen.write_all(&std::process::id().to_le_bytes())?;
    kitchen.read_to_end(&mut Vec::new())
}

/// Waits for a cook to come to this place; it stays until the stream is dropped.
fn arrival(place: &UnixListener) -> io::Result<(u32, UnixStream)> {
    let (mut cook, _) = place.accept()?;
    let mut pid = [0; 4];
    cook.read_exact(&mut pid)?;
    Ok((u32::from_le_bytes(pid), cook))
}

/// Five processes, one of which is killed in the middle.
pub fn processes(_: &Options, recorder: &Recorder) -> Outcome {
    kitchen(recorder).unwrap_or_else(|error| {
        eprintln!("{error}");
        Outcome { chopped: BTreeMap::new(), started: 0, killed: None }
    })
}

fn kitchen(recorder: &Recorder) -> Result<Outcome, Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let pool = ProcessPool::builder().workers(WORKERS).build()?;
    let [at_door, at_knife] = PLACES.map(|place| folder.path().join(place));
    let (door, knife) = (UnixListener::bind(&at_door)?, UnixListener::bind(&at_knife)?);
    let lane = recorder.lane("the kitchen");
    let pieces: Vec<_> = (0..VEGETABLES)
        .map(|vegetable| {
            let piece = pool.submit(&CHOP, (vegetable, folder.path().into()));
            let places = [at_door.clone(), at_knife.clone()];
            // Who fails comes to no place, and nobody shall wait for them there.
            piece.on_done(move |outcome| {
                if outcome.is_err() {
                    places.iter().for_each(|place| drop(UnixStream::connect(place)));
                }
            });
            piece
        })
        .collect();
    let waiting = lane.wait("all five");
    let here: Vec<_> = (0..WORKERS).map(|_| arrival(&door)).collect::<Result<_, _>>()?;
    drop((waiting, door, here));
    let waiting = lane.wait("the middle");
    let (victim, _stays) = arrival(&knife)?;
    drop((waiting, knife));
    let killing = lane.run("kill -9");
    let killed = Command::new("kill").args(["-9", &victim.to_string()]).status()?.success();
    drop(killing);
    let _waiting = lane.wait("a hundred vegetables");
    let mut chopped = BTreeMap::<String, u32>::new();
    for piece in pieces {
        *chopped.entry(format!("process {}", piece.result()?)).or_default() += 1;
    }
    Ok(Outcome { started: chopped.len(), chopped, killed: killed.then_some(victim) })
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Row("chopped", format_args!("{} of {VEGETABLES}", self.total())))?;
        if self.chopped.len() <= 2 * WORKERS {
            for (cook, count) in &self.chopped {
                write!(f, "{}", Row(cook, count))?;
            }
        }
        match self.killed {
            Some(pid) => write!(f, "{}", Row("killed", format_args!("process {pid}"))),
            None => write!(f, "{}", Row("threads", self.started)),
        }
    }
}

impl Seen for Outcome {
    fn verdict(&self) -> Result<String, String> {
        match (self.total(), self.started, self.killed) {
            (VEGETABLES, WORKERS, None) => {
                Ok("Five threads chopped a hundred vegetables: each was used again and again."
                    .into())
            }
            (VEGETABLES, 100, None) => {
                Ok("A hundred threads were started, and each chopped one vegetable.".into())
            }
            (VEGETABLES, WORKERS.., Some(_)) => {
                Ok("One process was killed with a vegetable in hand, and all 100 are chopped."
                    .into())
            }
            (total, started, _) => Err(format!("{total} were chopped by {started}.")),
        }
    }
}

fn main() -> ExitCode {
    process::init(&[&CHOP]);
    let options = Options::parse();
    let show = options.flags.show("100 vegetables, 5 workers");
    if options.processes {
        let title = "processes: one of them is killed midway";
        return show.scene(title, |recorder| processes(&options, recorder)).end();
    }
    show.broken("a thread for each", |recorder| broken(&options, recorder))
        .fixed("a pool", |recorder| fixed(&options, recorder))
        .end()
}
