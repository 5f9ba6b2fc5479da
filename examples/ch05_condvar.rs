//! Five people, eleven servings of soup, and a rule: whose number is the servings left, modulo
//! five, takes the next one.
//!
//! Waiting for one's turn takes a condition variable and two habits. Whoever wakes up looks again
//! whether it is its turn: `while`, not `if`. Whoever changes something that several wait for in
//! different ways wakes all of them: `notify_all`, not `notify_one`. Both lapses are shown here; a model
//! finds them too (`tests/model/course.rs`). A `Monitor` needs neither habit.
//!
//! ```text
//! cargo run --release --example ch05_condvar
//! ```

#[path = "support/scene.rs"]
pub mod scene;

use std::fmt;
use std::process::ExitCode;
use std::thread;

use brigade::monitor::Monitor;
use brigade::mutex::{FairCondvar, FairMutex};
use brigade::semaphore::Semaphore;
use clap::Parser;
use scene::figures::counted;
use scene::watch::{CalledOff, Member, Signal, Stuck, Watch, Watched};
use scene::{Flags, Recorder, Row, Seen};

/// Five people share a pot of soup and take turns by the number of servings left
#[derive(Debug, Clone, Parser)]
#[command(name = "ch05_condvar")]
pub struct Options {
    /// What every scene takes.
    #[command(flatten)]
    pub flags: Flags,

    /// Servings in the pot
    #[arg(long, value_name = "N", default_value_t = 11,
          value_parser = clap::value_parser!(u32).range(6..=10_000))]
    pub servings: u32,
}

/// How many people there are.
pub const PEOPLE: u32 = 5;

/// The pot, and who has taken from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pot {
    /// What is left.
    pub servings: u32,
    /// Who took, in order.
    pub order: Vec<u32>,
}

impl Pot {
    fn new(servings: u32) -> Self {
        Self { servings, order: Vec::new() }
    }

    /// Whose turn it is; nobody's, if the pot is empty.
    fn turn(&self) -> Option<u32> {
        (self.servings > 0).then_some(self.servings % PEOPLE)
    }

    fn take(&mut self, me: u32) {
        self.servings -= 1;
        self.order.push(me);
    }
}

/// Who took soup, and who still waits for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Servings at the start.
    pub servings: u32,
    /// The pot at the end.
    pub pot: Pot,
    /// Who waited for what when nobody could go on.
    pub stuck: Option<Stuck>,
    /// What is to be seen.
    claim: Claim,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Claim {
    OutOfTurn,
    Hang,
    InTurn,
}

/// `if` where `while` is needed: whoever wakes up takes soup, whose turn it may be.
pub fn broken(options: &Options, recorder: &Recorder) -> Outcome {
    let first = Pot::new(options.servings).turn().unwrap_or(0);
    // The next turn is that of `first - 1`, and this one waits already.
    let early = (first + 1) % PEOPLE;
    let door = Semaphore::new(0);
    let seats = Seats { waiting: &[early], first, door: Some(&door) };
    watched(options, recorder, Claim::OutOfTurn, seats, |me, pot, turn| {
        let number = number_of(me);
        loop {
            let mut pot = me.lock(pot)?;
            if pot.turn().is_some_and(|next| next != number) {
                turn.wait(&mut pot)?;
            }
            if pot.servings == 0 {
                return Ok(());
            }
            pot.take(number);
            turn.notify_all();
            if pot.order.len() == 2 {
                door.add_permits(PEOPLE as usize);
            }
        }
    })
}

/// `notify_one` where all have to look: the one who wakes up may be the wrong one.
pub fn forgetful(options: &Options, recorder: &Recorder) -> Outcome {
    let first = Pot::new(options.servings).turn().unwrap_or(0);
    // The next turn is that of `first + 4`, but this one waits longest.
    let waiting = [2, 1, 3, 4].map(|further| (first + further) % PEOPLE);
    let seats = Seats { waiting: &waiting, first, door: None };
    watched(options, recorder, Claim::Hang, seats, |me, pot, turn| {
        let number = number_of(me);
        loop {
            let mut pot = me.lock(pot)?;
            while pot.turn().is_some_and(|next| next != number) {
                turn.wait(&mut pot)?;
            }
            if pot.servings == 0 {
                return Ok(());
            }
            pot.take(number);
            turn.notify_one();
        }
    })
}

/// How a broken run begins.
struct Seats<'a> {
    /// They sit down first, each when the one before waits.
    waiting: &'a [u32],
    /// Comes then; it is its turn.
    first: u32,
    /// All others come through it, if there are any.
    door: Option<&'a Semaphore>,
}

fn number_of(me: &Member<'_>) -> u32 {
    u32::try_from(me.index()).unwrap_or(PEOPLE)
}

fn watched(
    options: &Options,
    recorder: &Recorder,
    claim: Claim,
    seats: Seats<'_>,
    eat: impl Fn(&Member<'_>, &Watched<Pot>, &Signal<'_>) -> Result<(), CalledOff> + Sync,
) -> Outcome {
    let pot = Watched::new("the pot", Pot::new(options.servings));
    let watch = Watch::new(recorder, (0..PEOPLE).map(|number| format!("person {number}")));
    {
        let turn = watch.signal("its turn");
        let mut people: Vec<_> = watch.members().into_iter().map(Some).collect();
        thread::scope(|threads| {
            let mut seat = |number: u32, behind_the_door: bool| {
                let Some(person) = people[number as usize].take() else { return };
                let (eat, pot, turn) = (&eat, &pot, &turn);
                let door = seats.door.filter(|_| behind_the_door);
                threads.spawn(move || {
                    let _in = door.map(Semaphore::acquire);
                    // Called off means that nobody will ever eat again.
                    let _ = eat(&person, pot, turn);
                });
            };
            for (before, &number) in seats.waiting.iter().enumerate() {
                seat(number, false);
                watch.until_waiting(before + 1);
            }
            seat(seats.first, false);
            (0..PEOPLE).for_each(|number| seat(number, true));
        });
    }
    let stuck = watch.into_stuck();
    Outcome { servings: options.servings, pot: pot.into_inner(), stuck, claim }
}

/// `while` and `notify_all`, both in one place.
pub fn fixed(options: &Options, recorder: &Recorder) -> Outcome {
    let (pot, changed) = (FairMutex::new(Pot::new(options.servings)), FairCondvar::new());
    thread::scope(|threads| {
        for number in 0..PEOPLE {
            let (pot, changed) = (&pot, &changed);
            let lane = recorder.lane(format!("person {number}"));
            threads.spawn(move || {
                let mut pot = pot.lock();
                while pot.servings > 0 {
                    let waiting = lane.wait("its turn");
                    changed
                        .wait_while(&mut pot, |pot| pot.turn().is_some_and(|next| next != number));
                    drop(waiting);
                    if pot.servings > 0 {
                        let _eating = lane.hold("the pot");
                        pot.take(number);
                        changed.notify_all();
                    }
                }
            });
        }
    });
    in_turn(options, pot.into_inner())
}

/// A monitor: the condition is said once, and whoever changes the pot looks at it for the others.
pub fn monitored(options: &Options, recorder: &Recorder) -> Outcome {
    let pot = Monitor::new(Pot::new(options.servings));
    thread::scope(|threads| {
        for number in 0..PEOPLE {
            let pot = &pot;
            let lane = recorder.lane(format!("person {number}"));
            threads.spawn(move || {
                let mut hungry = true;
                while hungry {
                    let waiting = lane.wait("its turn");
                    hungry = pot.when(
                        move |pot| pot.turn().is_none_or(|next| next == number),
                        |pot| {
                            drop(waiting);
                            let _eating = lane.hold("the pot");
                            let some = pot.servings > 0;
                            if some {
                                pot.take(number);
                            }
                            some
                        },
                    );
                }
            });
        }
    });
    in_turn(options, pot.into_inner())
}

fn in_turn(options: &Options, pot: Pot) -> Outcome {
    Outcome { servings: options.servings, pot, stuck: None, claim: Claim::InTurn }
}

impl Outcome {
    /// Who should have taken.
    #[must_use]
    pub fn due(&self) -> Vec<u32> {
        (1..=self.servings).rev().map(|left| left % PEOPLE).collect()
    }

    /// The first who took out of turn: the number of the serving from 1, and who.
    #[must_use]
    pub fn out_of_turn(&self) -> Option<(usize, u32)> {
        let wrong = self.pot.order.iter().zip(self.due()).position(|(who, due)| *who != due);
        wrong.map(|at| (at + 1, self.pot.order[at]))
    }
}

/// At most twenty of them.
fn listed(numbers: &[u32]) -> String {
    let shown: Vec<_> = numbers.iter().take(20).map(u32::to_string).collect();
    let more = if numbers.len() > 20 { " ..." } else { "" };
    shown.join(" ") + more
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { servings, pot, stuck, .. } = self;
        write!(f, "{}", Row("due", listed(&self.due())))?;
        write!(f, "{}", Row("took", listed(&pot.order)))?;
        write!(f, "{}", Row("eaten", format_args!("{} of {servings}", pot.order.len())))?;
        stuck.as_ref().map_or(Ok(()), |stuck| stuck.fmt(f))
    }
}

impl Seen for Outcome {
    fn verdict(&self) -> Result<String, String> {
        let eaten = self.pot.order.len();
        match (self.claim, self.out_of_turn(), &self.stuck) {
            (Claim::OutOfTurn, Some((serving, who)), None) => Ok(format!(
                "Person {who} woke up, did not look again, and took serving {serving} out of turn."
            )),
            (Claim::Hang, None, Some(_)) if eaten > 0 => Ok(format!(
                "After {} the wrong one was woken: all five wait, and nobody is left to wake them.",
                counted(eaten as u64, "serving")
            )),
            (Claim::InTurn, None, None) if self.pot.servings == 0 => {
                Ok(format!("All {eaten} servings were taken, each by the one whose turn it was."))
            }
            (_, Some((serving, who)), _) => {
                Err(format!("person {who} took serving {serving} out of turn."))
            }
            (_, None, _) => Err(format!("{} of {} were eaten in turn.", eaten, self.servings)),
        }
    }
}

fn main() -> ExitCode {
    let options = Options::parse();
    let servings = options.servings;
    options
        .flags
        .show(format_args!(
            "{PEOPLE} people, {servings} servings: left modulo {PEOPLE} says whose turn"
        ))
        .broken("if it is not my turn, wait; then take", |recorder| broken(&options, recorder))
        .broken("take, then wake one", |recorder| forgetful(&options, recorder))
        .fixed("while it is not my turn, wait; take, wake all", |recorder| {
            fixed(&options, recorder)
        })
        .fixed("a monitor: when it is my turn, take", |recorder| monitored(&options, recorder))
        .end()
}
