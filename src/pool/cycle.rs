//! Waits that would never end, found before they begin.
//!
//! A thread inside a job that goes to sleep for another job leaves a note: which jobs it is inside
//! of, and which jobs it waits for, any of which would wake it. A wait that is about to begin
//! follows the notes. If it only ever meets threads that sleep, the last of which waits for the job
//! that asks, nobody is left to wake anybody. A thread that waits with a time limit leaves no note:
//! it wakes up by itself. (Knots in wait-for graphs: Holt, 1972.)

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::place;

struct Note {
    number: u64,
    inside: Vec<usize>,
    waits_for: Vec<usize>,
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

/// The wait would never end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cycle;

/// A note on the board; it is taken down when the wait is over. Empty where no cycle can pass.
#[derive(Debug)]
pub(super) struct Posted(Option<u64>);

/// Begins a wait, without a time limit, for the first of these jobs to end.
pub(super) fn wait_for(tasks: impl Iterator<Item = usize>) -> Result<Posted, Cycle> {
    let inside = place::running();
    if inside.is_empty() {
        return Ok(Posted(None));
    }
    let waits_for: Vec<usize> = tasks.collect();
    let mut board = board();
    if never_ends(&board.notes, &inside, &waits_for) {
        return Err(Cycle);
    }
    let number = board.next;
    board.next += 1;
    board.notes.push(Note { number, inside, waits_for });
    Ok(Posted(Some(number)))
}

fn never_ends(notes: &[Note], inside: &[usize], waits_for: &[usize]) -> bool {
    let mut met = vec![false; notes.len()];
    let mut ahead: Vec<&[usize]> = vec![waits_for];
    while let Some(tasks) = ahead.pop() {
        for task in tasks {
            if inside.contains(task) {
                continue;
            }
            match notes.iter().position(|note| note.inside.contains(task)) {
                // Nobody who sleeps is inside of it: it is running, over, or yet to begin.
                None => return false,
                Some(at) if met[at] => {}
                Some(at) => {
                    met[at] = true;
                    ahead.push(&notes[at].waits_for);
                }
            }
        }
    }
    true
}

impl Drop for Posted {
    fn drop(&mut self) {
        if let Some(number) = self.0 {
            board().notes.retain(|note| note.number != number);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(inside: &[usize], waits_for: &[usize]) -> Note {
        Note { number: 0, inside: inside.into(), waits_for: waits_for.into() }
    }

    #[test]
    fn a_job_that_waits_for_itself_never_ends() {
        assert!(never_ends(&[], &[1], &[1]));
        assert!(!never_ends(&[], &[1], &[2]));
    }

    #[test]
    fn a_ring_is_found_and_a_chain_is_not() {
        let chain = [note(&[2], &[3]), note(&[3], &[4])];
        assert!(!never_ends(&chain, &[1], &[2]));
        let ring = [note(&[2], &[3]), note(&[3], &[1])];
        assert!(never_ends(&ring, &[1], &[2]));
    }

    #[test]
    fn a_job_below_another_on_one_thread_waits_with_it() {
        let notes = [note(&[2, 3], &[1])];
        assert!(never_ends(&notes, &[1], &[2]));
    }

    #[test]
    fn one_way_out_is_enough() {
        let notes = [note(&[2], &[1, 5])];
        assert!(!never_ends(&notes, &[1], &[2]));
        let knot = [note(&[2], &[1, 3]), note(&[3], &[1])];
        assert!(never_ends(&knot, &[1], &[2]));
    }
}
