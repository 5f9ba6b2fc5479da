//! Three philosophers at a round table, three chopsticks, and a circle of waits.
//!
//! Each picks up the chopstick on the left, then the one on the right. If all pick up the left
//! one before anybody has the right one, each waits for the next, for ever. Two ways out are shown.
//! Take chopsticks by rank: then no circle can close, and whoever breaks the rule is told at once.
//! Or wait only so long, put back what you have, and try again after a pause of random length.
//!
//! ```text
//! cargo run --release --example ch04_deadlock
//! ```

#[path = "support/scene.rs"]
pub mod scene;

use std::fmt;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use brigade::barrier::Barrier;
use brigade::lock::{Attempt, Jitter, Rank, Ranked, WrongOrder, lock_ranks};
use brigade::mutex::FairMutex;
use brigade::timeline::{Lane, Recorder};
use clap::Parser;
use scene::watch::{CalledOff, Member, Stuck, Watch, Watched};
use scene::{Flags, Row, Seen};

/// Three philosophers each hold a chopstick and wait for the next one's
#[derive(Debug, Clone, Parser)]
#[command(name = "ch04_deadlock")]
pub struct Options {
    /// What every scene takes.
    #[command(flatten)]
    pub flags: Flags,

    /// Pieces of sushi
    #[arg(long, value_name = "N", default_value_t = 500,
          value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub pieces: u32,
}

/// The philosophers, each with the chopsticks on the left and on the right.
pub const TABLE: [(&str, [&str; 2]); 3] =
    [("barron", ["a", "b"]), ("olivia", ["b", "c"]), ("steve", ["c", "a"])];

/// What became of the sushi.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Pieces at the start.
    pub pieces: u32,
    /// Pieces that each philosopher ate.
    pub eaten: [u32; 3],
    /// How often somebody put a chopstick back without having eaten; nothing if nobody would.
    pub put_back: Option<u32>,
    /// What the ranks say to steve when he takes the left chopstick first.
    pub refused: Option<WrongOrder>,
    /// Who waited for whom when nobody could go on.
    pub stuck: Option<Stuck>,
    claim: Claim,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Claim {
    Circle,
    ByRank,
    ByDeadline,
}

/// The pieces on the plate. Chopsticks do not protect it: philosophers who share none may eat at
/// the same time.
struct Plate(AtomicU32);

impl Plate {
    fn take(&self) -> bool {
        self.0.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1)).is_ok()
    }
}

/// Everybody takes the left chopstick, and then waits for the right one.
pub fn broken(options: &Options, recorder: &Recorder) -> Outcome {
    let chopsticks = ["a", "b", "c"].map(|name| Watched::new(name, ()));
    let plate = Plate(options.pieces.into());
    let watch = Watch::new(recorder, TABLE.map(|(name, _)| name));
    // The unlucky moment, every time: nobody reaches to the right before all have the left one.
    let all_have_one = Barrier::new(3);
    let eat = |me: &Member<'_>| {
        let (left, right) = (&chopsticks[me.index()], &chopsticks[(me.index() + 1) % 3]);
        let mut eaten = 0;
        let end: Result<(), CalledOff> = (|| {
            loop {
                let _left = me.lock(left)?;
                if eaten == 0 {
                    // Nobody breaks it.
                    let _ = all_have_one.wait();
                }
                let _right = me.lock(right)?;
                if !plate.take() {
                    return Ok(());
                }
                eaten += 1;
            }
        })();
        // Called off means that nobody could ever eat again: what was eaten stays eaten.
        end.map_or(eaten, |()| eaten)
    };
    let eaten = thread::scope(|threads| {
        let eat = &eat;
        let seats: Vec<_> =
            watch.members().into_iter().map(|me| threads.spawn(move || eat(&me))).collect();
        joined(seats)
    });
    let stuck = watch.into_stuck();
    let (put_back, refused) = (None, None);
    Outcome { pieces: options.pieces, eaten, put_back, refused, stuck, claim: Claim::Circle }
}

lock_ranks! { CHOPSTICK_A < CHOPSTICK_B < CHOPSTICK_C }

type Chopstick<R> = Ranked<FairMutex<()>, R>;

/// Chopsticks have ranks, and each philosopher takes the lower one first.
pub fn fixed(options: &Options, recorder: &Recorder) -> Outcome {
    let a = Chopstick::named("a", CHOPSTICK_A, FairMutex::new(()));
    let b = Chopstick::named("b", CHOPSTICK_B, FairMutex::new(()));
    let c = Chopstick::named("c", CHOPSTICK_C, FairMutex::new(()));
    let plate = Plate(options.pieces.into());

    // Nobody else has to be at the table for a wrong order to be found.
    let refused = {
        let _left = c.lock();
        a.checked_lock().err()
    };

    fn eat<R: Rank, S: Rank>(
        plate: &Plate,
        lane: &Lane,
        (first, one): (&'static str, &Chopstick<R>),
        (second, other): (&'static str, &Chopstick<S>),
    ) -> u32 {
        for eaten in 0.. {
            let _one = lane.lock(first, || one.lock());
            let _other = lane.lock(second, || other.lock());
            if !plate.take() {
                return eaten;
            }
        }
        0
    }
    let eaten = thread::scope(|threads| {
        let [barron, olivia, steve] = TABLE.map(|(name, _)| recorder.lane(name));
        let (a, b, c, plate) = (&a, &b, &c, &plate);
        joined([
            threads.spawn(move || eat(plate, &barron, ("a", a), ("b", b))),
            threads.spawn(move || eat(plate, &olivia, ("b", b), ("c", c))),
            threads.spawn(move || eat(plate, &steve, ("a", a), ("c", c))), // not the left one
        ])
    });
    let (put_back, stuck) = (None, None);
    Outcome { pieces: options.pieces, eaten, put_back, refused, stuck, claim: Claim::ByRank }
}

/// How long a philosopher waits for the second chopstick before putting back the first one.
const PATIENCE: Duration = Duration::from_millis(1);

/// Left first, as before: but nobody waits for ever, and nobody tries again at once.
pub fn patient(options: &Options, recorder: &Recorder) -> Outcome {
    let chopsticks = ["a", "b", "c"].map(|name| (name, FairMutex::new(())));
    let (plate, put_back) = (Plate(options.pieces.into()), AtomicU32::new(0));
    let all_have_one = Barrier::new(3);
    let eat = |seat: usize, lane: &Lane| {
        let [(left, one), (right, other)] = [&chopsticks[seat], &chopsticks[(seat + 1) % 3]];
        let first = AtomicBool::new(true);
        let attempt = Attempt::within(Duration::MAX)
            .backoff(Duration::from_micros(50), Duration::from_millis(2))
            .jitter(Jitter::Full)
            .seed(options.flags.seed.wrapping_add(seat as u64));
        for eaten in 0.. {
            let both = attempt.run(|| {
                let one = lane.lock(*left, || one.lock());
                if first.swap(false, Relaxed) {
                    // The same unlucky moment as in the broken scene.
                    let _ = all_have_one.wait();
                }
                let other = lane.try_lock(*right, || other.try_lock_for(PATIENCE));
                if other.is_none() {
                    put_back.fetch_add(1, Relaxed);
                }
                Some((other?, one))
            });
            if both.is_err() || !plate.take() {
                return eaten;
            }
        }
        0
    };
    let eaten = thread::scope(|threads| {
        let eat = &eat;
        let seat = |(seat, (name, _)): (usize, (&str, _))| {
            let lane = recorder.lane(name);
            threads.spawn(move || eat(seat, &lane))
        };
        joined(TABLE.into_iter().enumerate().map(seat).collect::<Vec<_>>())
    });
    let (put_back, pieces) = (Some(put_back.into_inner()), options.pieces);
    Outcome { pieces, eaten, put_back, refused: None, stuck: None, claim: Claim::ByDeadline }
}

fn joined<'s>(seats: impl IntoIterator<Item = thread::ScopedJoinHandle<'s, u32>>) -> [u32; 3] {
    let mut eaten = [0; 3];
    for (eaten, seat) in eaten.iter_mut().zip(seats) {
        *eaten = seat.join().expect("eating does not panic");
    }
    eaten
}

impl Outcome {
    /// Pieces that were eaten.
    #[must_use]
    pub fn total(&self) -> u32 {
        self.eaten.iter().sum()
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Row("eaten", format_args!("{} of {}", self.total(), self.pieces)))?;
        if let Some(put_back) = self.put_back {
            write!(f, "{}", Row("put back", format_args!("{put_back} times")))?;
        }
        if let Some(refused) = &self.refused {
            write!(f, "{}", Row("left first", refused))?;
        }
        self.stuck.as_ref().map_or(Ok(()), |stuck| stuck.fmt(f))
    }
}

impl Seen for Outcome {
    fn verdict(&self) -> Result<String, String> {
        let total = self.total();
        let circle = self.stuck.as_ref().and_then(Stuck::circle).map(|names| names.len());
        match (self.claim, circle, total == self.pieces) {
            (Claim::Circle, Some(3), _) if total == 0 => {
                Ok("Everybody has one chopstick and waits for the next one's: nobody ever eats."
                    .into())
            }
            (Claim::ByRank, None, true) if self.refused.is_some() => Ok(format!(
                "Lower rank first: no circle can close, and all {total} pieces were eaten."
            )),
            (Claim::ByDeadline, None, true) if self.put_back > Some(0) => Ok(format!(
                "Nobody waited for ever, somebody gave way, and all {total} pieces were eaten."
            )),
            _ => Err(format!("{total} of {} pieces were eaten, circle: {circle:?}.", self.pieces)),
        }
    }
}

fn main() -> ExitCode {
    let options = Options::parse();
    let (pieces, seed) = (options.pieces, options.flags.seed);
    options
        .flags
        .show(format_args!("3 philosophers, 3 chopsticks, {pieces} pieces of sushi (seed {seed})"))
        .broken("the left chopstick first", |recorder| broken(&options, recorder))
        .fixed("the chopstick of lower rank first", |recorder| fixed(&options, recorder))
        .fixed("the left one first, a deadline, a random pause", |recorder| {
            patient(&options, recorder)
        })
        .end()
}
