//! What the models see of an edge.

#![allow(missing_docs, missing_debug_implementations)]

use std::sync::Arc;

use super::control::Core;
use super::edge::{Edge as Inner, Giver as Giving, Taker as Taking};
use super::error::Failure;
use super::freight::{Numbered, Piece, Stop, Taken};
use super::gauge::{Gauge, Size};
use super::seat::{Post, Seat as Place};

/// Edges that one switch turns off.
pub struct Wires(Arc<Core>);

pub struct Edge(Inner<u64>);

/// The end of one that gives.
pub struct Giver(Giving<u64>);

/// The end of one that takes.
pub struct Taker(Taking<u64>);

pub struct Seat(Place);

/// What a taker got.
#[derive(Debug, PartialEq, Eq)]
pub enum Took {
    Items(Vec<u64>),
    Ended,
    Failed(u64),
    Off,
}

/// How a batch ends.
#[derive(Debug, Clone, Copy)]
pub enum End {
    More,
    Last,
    Failed,
}

impl Wires {
    #[allow(clippy::new_without_default)]
    pub fn new() -> Self {
        Self(Arc::new(Core::new()))
    }

    pub fn edge(&self, index: usize, capacity: usize, senders: usize, receivers: usize) -> Edge {
        let size = Size { capacity, senders, receivers };
        Edge(Inner::new(index, size, Arc::clone(&self.0.switch), Arc::new(Gauge::default())))
    }

    pub fn seat(&self) -> Seat {
        Seat(Place::new(&self.0, &Arc::new(Post::new())))
    }

    pub fn turn_off(&self, edges: usize) {
        self.0.switch.turn_off(edges);
    }
}

fn failure(number: u64) -> Box<Failure> {
    Box::new(Failure::panic("model", Some(number), Box::new(())))
}

fn numbered(values: &[u64]) -> Vec<Numbered<u64>> {
    values.iter().map(|&item| Numbered { number: item, item }).collect()
}

impl Edge {
    pub fn giver(&self, seat: &Seat) -> Giver {
        Giver(self.0.giver(&seat.0))
    }

    pub fn taker(&self) -> Taker {
        Taker(self.0.taker())
    }
}

impl Giver {
    pub fn give_one(&mut self, value: u64, seat: &Seat) -> bool {
        self.0.give_one(Numbered { number: value, item: value }, &seat.0).is_ok()
    }

    pub fn give(&mut self, values: &[u64], seat: &Seat) -> bool {
        self.0.give(&mut numbered(values), &seat.0).is_ok()
    }

    /// A failure has the number of its batch.
    pub fn give_in_turn(&mut self, number: u64, values: &[u64], end: End, seat: &Seat) -> bool {
        let piece = match end {
            End::More => Piece::More,
            End::Last => Piece::Last,
            End::Failed => Piece::Failed(failure(number)),
        };
        match self.0.give_in_turn(number, &mut numbered(values), piece, &seat.0) {
            Ok(_) => true,
            Err(Stop) => false,
        }
    }

    pub fn fail(&mut self, number: u64) {
        self.0.fail(failure(number));
    }

    /// How many items nobody will take.
    pub fn leave(self) -> usize {
        self.0.leave().len()
    }
}

impl Taker {
    /// An item must come with its own number.
    pub fn take(&mut self, most: usize, seat: &Seat) -> Took {
        let mut items: Vec<Numbered<u64>> = Vec::new();
        match self.0.take(&mut items, most, &seat.0, None) {
            Taken::Items(_) => {
                assert!(items.iter().all(|item| item.number == item.item), "misnumbered");
                Took::Items(items.into_iter().map(|item| item.item).collect())
            }
            Taken::Ended | Taken::Late => Took::Ended,
            Taken::Failed(_, failure) => failure.item.map_or(Took::Ended, Took::Failed),
            Taken::Off => Took::Off,
        }
    }

    /// How many items nobody took.
    pub fn desert(&mut self) -> usize {
        self.0.desert().len()
    }
}
