//! The notes of those who sleep.
//!
//! A thread that is to sleep may be woken by the end of any of the things it waits for, and a thing
//! ends when all threads have gone on that are inside of it. So a sleeper is stuck if each of its
//! things has somebody stuck inside; and to find out whether there is a way out, all are taken for
//! stuck until one is seen who waits for something that nobody stuck is inside of. A thread that waits
//! with a time limit leaves no note: it wakes up by itself. (Knots in wait-for graphs: Holt, 1972; graphs
//! with *and* and *or*: Knapp, 1987.)
//!
//! Who pulls from a pipeline waits for an item and not for the end, and there is no error for it to
//! be told. Its notes therefore count only against those who wait for the end of a pipeline or a pool:
//! they can do without. They are refused or, if they sleep already, woken up.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::End;
use super::place::{self, Inside};
use crate::sync::{Mutant, mutant};

/// Somebody who sleeps and can be told to give up.
pub(crate) trait GiveUp: Send + Sync {
    fn give_up(&self);
}

struct Note {
    number: u64,
    inside: Vec<Inside>,
    waits_for: Vec<End>,
    pulls: bool,
    gives_up: Option<Arc<dyn GiveUp>>,
}

struct Board {
    next: u64,
    notes: Vec<Note>,
}

// Not a lock of the facade: nothing that a model could interleave happens under it.
static BOARD: Mutex<Board> = Mutex::new(Board { next: 0, notes: Vec::new() });

fn board() -> MutexGuard<'static, Board> {
    BOARD.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Board {
    fn post(&mut self, note: Note) -> Posted {
        if mutant(Mutant::WaitPostsNothing) && !note.pulls {
            return Posted(None);
        }
        let number = self.next;
        self.next += 1;
        self.notes.push(Note { number, ..note });
        Posted(Some(number))
    }
}

/// The wait would never end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Knot;

/// A note on the board; it is taken down when the wait is over. Empty where no knot can pass.
#[derive(Debug)]
pub(crate) struct Posted(Option<u64>);

/// Begins a wait, without a time limit, for the first of these to end.
pub(crate) fn wait_for(ends: impl Iterator<Item = End>) -> Result<Posted, Knot> {
    let inside = place::here();
    if inside.is_empty() {
        return Ok(Posted(None));
    }
    let waits_for: Vec<End> = ends.collect();
    let mut board = board();
    if never_ends(&board.notes, &inside, &waits_for, Pulls::DoNotCount) {
        return Err(Knot);
    }
    let posted = board.post(Note { number: 0, inside, waits_for, pulls: false, gives_up: None });
    if !mutant(Mutant::WaitTellsNobody) {
        tell_who_can_do_without(board);
    }
    Ok(posted)
}

/// Begins a wait for an end that one can do without; with a time limit if nobody can be told to give up.
pub(crate) fn wait_for_end(end: End, gives_up: Option<Arc<dyn GiveUp>>) -> Result<Posted, Knot> {
    let inside = place::here();
    if inside.is_empty() {
        return Ok(Posted(None));
    }
    let waits_for = vec![end];
    let mut board = board();
    if never_ends(&board.notes, &inside, &waits_for, Pulls::Count) {
        return Err(Knot);
    }
    if gives_up.is_none() {
        return Ok(Posted(None));
    }
    Ok(board.post(Note { number: 0, inside, waits_for, pulls: false, gives_up }))
}

/// Begins a wait, without a time limit, for an item of a pipeline.
pub(crate) fn pull_from(run: usize) -> Posted {
    let inside = place::here();
    if inside.is_empty() {
        return Posted(None);
    }
    let mut board = board();
    let note =
        Note { number: 0, inside, waits_for: vec![End::Run(run)], pulls: true, gives_up: None };
    let posted = board.post(note);
    if !mutant(Mutant::WaitPullTellsNobody) {
        tell_who_can_do_without(board);
    }
    posted
}

/// A note was posted that cannot be refused: it may have closed a ring for those who sleep already.
fn tell_who_can_do_without(mut board: MutexGuard<'static, Board>) {
    let stuck = |notes: &[Note]| {
        let closed = |note: &Note| {
            note.gives_up.is_some()
                && never_ends(notes, &note.inside, &note.waits_for, Pulls::Count)
        };
        notes.iter().position(closed)
    };
    let mut told = Vec::new();
    while let Some(at) = stuck(&board.notes) {
        told.push(board.notes.swap_remove(at));
    }
    drop(board);
    for waiter in told.into_iter().filter_map(|note| note.gives_up) {
        waiter.give_up();
    }
}

impl Drop for Posted {
    fn drop(&mut self) {
        let Some(number) = self.0 else { return };
        let mut board = board();
        // It is gone where its owner was told.
        let at = board.notes.iter().position(|note| note.number == number);
        let taken_down = at.map(|at| board.notes.swap_remove(at));
        drop(board);
        drop(taken_down);
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pulls {
    Count,
    DoNotCount,
}

fn never_ends(notes: &[Note], inside: &[Inside], waits_for: &[End], pulls: Pulls) -> bool {
    let holds_up = |inside: &[Inside], end: End| inside.iter().any(|of| of.holds_up(end));
    // Who asks, and all on whom it depends, the nearest first.
    let mut asleep = vec![(inside, waits_for)];
    let mut met = vec![false; notes.len()];
    let mut at = 0;
    while let Some(&(_, ends)) = asleep.get(at) {
        for end in ends {
            let mut held = holds_up(inside, *end);
            for (note, met) in notes.iter().zip(&mut met) {
                let counts = pulls == Pulls::Count || !note.pulls;
                if counts && holds_up(&note.inside, *end) {
                    held = true;
                    if !std::mem::replace(met, true) {
                        asleep.push((&note.inside, &note.waits_for));
                    }
                }
            }
            // Nobody who sleeps is inside of it: it is running, over, or yet to begin.
            if !held && at == 0 {
                return false;
            }
        }
        at += 1;
    }
    let mut stuck = vec![true; asleep.len()];
    loop {
        let before = stuck.clone();
        // The farthest first: on a chain once is enough.
        for at in (0..asleep.len()).rev() {
            stuck[at] = stuck[at]
                && asleep[at].1.iter().all(|end| {
                    asleep
                        .iter()
                        .zip(&stuck)
                        .any(|(other, stuck)| *stuck && holds_up(other.0, *end))
                });
        }
        if !stuck[0] || stuck == before {
            return stuck[0];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Inside::{Run, Worker};

    fn note(inside: &[usize], waits_for: &[usize]) -> Note {
        let waits_for = waits_for.iter().map(|job| End::Job(*job)).collect();
        Note { number: 0, inside: jobs(inside), waits_for, pulls: false, gives_up: None }
    }

    fn jobs(inside: &[usize]) -> Vec<Inside> {
        inside.iter().map(|task| Inside::Job { task: *task, pool: 0 }).collect()
    }

    fn never(notes: &[Note], inside: &[usize], waits_for: &[usize]) -> bool {
        let asks = note(inside, waits_for);
        never_ends(notes, &asks.inside, &asks.waits_for, Pulls::DoNotCount)
    }

    #[test]
    fn a_job_that_waits_for_itself_never_ends() {
        assert!(never(&[], &[1], &[1]));
        assert!(!never(&[], &[1], &[2]));
    }

    #[test]
    fn a_ring_is_found_and_a_chain_is_not() {
        let chain = [note(&[2], &[3]), note(&[3], &[4])];
        assert!(!never(&chain, &[1], &[2]));
        let ring = [note(&[2], &[3]), note(&[3], &[1])];
        assert!(never(&ring, &[1], &[2]));
    }

    #[test]
    fn a_job_below_another_on_one_thread_waits_with_it() {
        let notes = [note(&[2, 3], &[1])];
        assert!(never(&notes, &[1], &[2]));
    }

    #[test]
    fn one_way_out_is_enough() {
        let notes = [note(&[2], &[1, 5])];
        assert!(!never(&notes, &[1], &[2]));
        let knot = [note(&[2], &[1, 3]), note(&[3], &[1])];
        assert!(never(&knot, &[1], &[2]));
    }

    /// Two threads are inside of job 2, as where it runs a pipeline: it ends when both have gone on.
    #[test]
    fn of_many_inside_one_that_is_stuck_is_enough() {
        let free = note(&[2], &[9]);
        let stuck = note(&[2], &[1]);
        assert!(never(&[free, stuck], &[1], &[2]));
        assert!(!never(&[note(&[2], &[9]), note(&[2], &[8])], &[1], &[2]));
        let notes = [note(&[2], &[3]), note(&[3], &[2]), note(&[4], &[9])];
        assert!(!never(&notes, &[1], &[4]));
        assert!(never(&notes, &[1], &[2]), "a ring that it is no part of");
    }

    #[test]
    fn a_pool_ends_after_its_workers_and_after_its_jobs_wherever_they_run() {
        let mut asks = note(&[1], &[]);
        asks.waits_for = vec![End::Pool(7)];
        let never = |inside: Inside| {
            let mut waits = note(&[], &[1]);
            waits.inside = vec![inside];
            never_ends(&[waits], &asks.inside, &asks.waits_for, Pulls::DoNotCount)
        };
        assert!(never(Worker(7)) && never(Inside::Job { task: 2, pool: 7 }));
        assert!(!never(Worker(8)) && !never(Run(7)) && !never(Inside::Job { task: 7, pool: 1 }));
    }

    #[test]
    fn who_pulls_counts_against_those_who_can_do_without() {
        let mut pulls = note(&[], &[]);
        (pulls.inside, pulls.waits_for, pulls.pulls) = (vec![Run(1)], vec![End::Run(2)], true);
        for (count, never) in [(Pulls::Count, true), (Pulls::DoNotCount, false)] {
            let notes = std::slice::from_ref(&pulls);
            assert_eq!(never_ends(notes, &[Run(2)], &[End::Run(1)], count), never);
        }
    }

    /// A stage of one pipeline pulls from a second one, a job waits for the end of the first, and a
    /// stage of the second for the job.
    #[test]
    #[cfg(all(feature = "pipeline", feature = "pool"))]
    fn in_whatever_order_a_ring_is_closed_who_can_do_without_is_told() {
        use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

        struct Told(AtomicBool);
        impl GiveUp for Told {
            fn give_up(&self) {
                assert!(!self.0.swap(true, Relaxed), "told twice");
            }
        }
        let (first, second, job) = (usize::MAX, usize::MAX - 1, usize::MAX);
        for order in ["PEJ", "EPJ", "PJE", "EJP", "JPE", "JEP"] {
            let told = Arc::new(Told(AtomicBool::new(false)));
            let mut refused = Vec::new();
            let mut posted = Vec::new();
            for who in order.chars() {
                let began = match who {
                    'P' => {
                        place::inherit(vec![Run(first)]);
                        Ok(pull_from(second))
                    }
                    'E' => {
                        place::inherit(jobs(&[job]));
                        wait_for_end(End::Run(first), Some(Arc::clone(&told) as Arc<dyn GiveUp>))
                    }
                    _ => {
                        place::inherit(vec![Run(second)]);
                        wait_for(std::iter::once(End::Job(job)))
                    }
                };
                match began {
                    Ok(note) => posted.push(note),
                    Err(Knot) => refused.push(who),
                }
            }
            place::inherit(Vec::new());
            let last = order.ends_with('E');
            assert_eq!(refused, if last { vec!['E'] } else { vec![] }, "{order}");
            assert_eq!(told.0.load(Relaxed), !last, "{order}");
        }
    }
}
