//! What lies between two stages: room for so many items, and the order kept.
//!
//! There are two kinds of edges. Where one thread gives, a [rail](super::rail) is enough, whose ends
//! do not meet as long as both have work; where several give, a [line](super::line) brings what
//! they give in order.

use std::sync::Arc;
use std::time::Instant;

use super::bell::Switch;
use super::error::Failure;
use super::freight::{Numbered, Piece, Stop, Taken};
use super::gauge::{Gauge, Size};
use super::line::Line;
use super::rail::{self, Rail};
use super::ring;
use super::seat::Seat;

/// Memory that a rail may take, all of it at its start; a line takes it as it needs it.
const MOST_BYTES: usize = 1 << 20;

#[derive(Debug)]
pub enum Edge<T> {
    Rail(Arc<Rail<T>>),
    Line(Arc<Line<T>>),
}

impl<T> Clone for Edge<T> {
    fn clone(&self) -> Self {
        match self {
            Self::Rail(rail) => Self::Rail(Arc::clone(rail)),
            Self::Line(line) => Self::Line(Arc::clone(line)),
        }
    }
}

impl<T> Edge<T> {
    pub(crate) fn new(index: usize, size: Size, switch: Arc<Switch>, gauge: Arc<Gauge>) -> Self {
        let fits = ring::bytes::<T>(size.capacity).is_some_and(|bytes| bytes <= MOST_BYTES);
        if size.senders == 1 && fits {
            Self::Rail(Arc::new(Rail::new(index, size, switch, gauge)))
        } else {
            Self::Line(Arc::new(Line::new(index, size, switch, gauge)))
        }
    }

    /// The end of one that gives.
    pub(crate) fn giver(&self, seat: &Seat) -> Giver<T> {
        match self {
            Self::Rail(rail) => Giver::Rail(rail.giver(seat)),
            Self::Line(line) => Giver::Line(Arc::clone(line)),
        }
    }

    /// The end of one that takes.
    pub(crate) fn taker(&self) -> Taker<T> {
        match self {
            Self::Rail(rail) => Taker::Rail(rail.taker()),
            Self::Line(line) => Taker::Line(Arc::clone(line)),
        }
    }
}

/// The end of an edge that gives.
#[derive(Debug)]
pub enum Giver<T> {
    Rail(rail::Giver<T>),
    Line(Arc<Line<T>>),
}

impl<T> Giver<T> {
    /// Gives one item; blocks while there is no room. Hands it back if nobody wants it.
    #[inline]
    pub(crate) fn give_one(&mut self, item: Numbered<T>, seat: &Seat) -> Result<(), Numbered<T>> {
        match self {
            Self::Rail(rail) => rail.give_one(item, seat),
            Self::Line(line) => line.give_one(item, seat),
        }
    }

    /// Gives all items, in whatever order the givers come; blocks while there is no room.
    /// What nobody wants any more stays in `items`.
    pub(crate) fn give(&mut self, items: &mut Vec<Numbered<T>>, seat: &Seat) -> Result<(), Stop> {
        match self {
            Self::Rail(rail) => rail.give(items, seat),
            Self::Line(line) => line.give(items, seat),
        }
    }

    /// Gives the results of batch `number` in their turn; blocks until its turn has come or it may
    /// be parked. What nobody wants any more stays in `items`.
    ///
    /// Also gives back the parked batches that nobody will see, if this one has failed.
    pub(crate) fn give_in_turn(
        &mut self,
        number: u64,
        items: &mut Vec<Numbered<T>>,
        piece: Piece,
        seat: &Seat,
    ) -> Result<Vec<Vec<Numbered<T>>>, Stop> {
        match self {
            Self::Line(line) => line.give_in_turn(number, items, piece, seat),
            // It is always the turn of one alone.
            Self::Rail(rail) => {
                rail.give(items, seat)?;
                if let Piece::Failed(failure) = piece {
                    rail.fail(failure);
                }
                Ok(Vec::new())
            }
        }
    }

    /// Says that `failure` follows what was given, and nothing else; for a giver that is alone.
    pub(crate) fn fail(&mut self, failure: Box<Failure>) {
        match self {
            Self::Rail(rail) => rail.fail(failure),
            Self::Line(line) => line.fail(failure),
        }
    }

    /// A giver is done; after the last one the takers find the end. What nobody will take is handed
    /// out.
    pub(crate) fn leave(self) -> Vec<Numbered<T>> {
        match self {
            Self::Rail(rail) => rail.leave(),
            Self::Line(line) => {
                line.leave();
                Vec::new()
            }
        }
    }
}

/// The end of an edge that takes.
#[derive(Debug)]
pub enum Taker<T> {
    Rail(rail::Taker<T>),
    Line(Arc<Line<T>>),
}

impl<T> Taker<T> {
    /// Takes at most `most` items, and no more than one taker's share; blocks while there are none.
    pub(crate) fn take(
        &mut self,
        into: &mut impl Extend<Numbered<T>>,
        most: usize,
        seat: &Seat,
        until: Option<Instant>,
    ) -> Taken {
        match self {
            Self::Rail(rail) => rail.take(into, most, seat, until),
            Self::Line(line) => line.take(into, most, seat, until),
        }
    }

    /// A taker is done; after the last one nobody wants what is here, and it is handed out.
    pub(crate) fn desert(&mut self) -> Vec<Numbered<T>> {
        match self {
            Self::Rail(rail) => rail.desert(),
            Self::Line(line) => line.desert(),
        }
    }
}
