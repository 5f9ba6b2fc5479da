//! What travels over an edge, and what a taker is told instead.

use super::error::Failure;

/// An item, and the number of the source's item it stems from.
#[derive(Debug)]
pub struct Numbered<T> {
    pub(crate) number: u64,
    pub(crate) item: T,
}

/// Nobody wants more: the edge is off, or its last item was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stop;

/// What a taker gets.
#[derive(Debug)]
pub enum Taken {
    /// At least one item, and the number of this batch.
    Items(u64),
    /// There will be no more.
    Ended,
    /// There will be no more because of a failure, which has this number.
    Failed(u64, Box<Failure>),
    /// The edge is off.
    Off,
    /// The time given has passed.
    Late,
}

/// How a batch ends.
#[derive(Debug)]
pub enum Piece {
    /// More of it comes.
    More,
    /// Nothing of it comes any more.
    Last,
    /// It failed, and nothing of what is behind it may be seen.
    Failed(Box<Failure>),
}
