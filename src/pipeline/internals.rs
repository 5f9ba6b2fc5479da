//! What the models see of an edge.

#![allow(missing_docs, missing_debug_implementations)]

use std::sync::Arc;

use super::control::Core;
use super::edge::{Edge as Inner, Gauge, Numbered, Piece, Size, Stop, Taken};
use super::error::Failure;
use super::seat::{Post, Seat as Place};

/// Edges that one switch turns off.
pub struct Wires(Arc<Core>);

pub struct Edge(Inner<u64>);

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

fn numbered(values: &[u64]) -> Vec<Numbered<u64>> {
    values.iter().map(|&item| Numbered { number: item, item }).collect()
}

impl Edge {
    pub fn give_one(&self, value: u64, seat: &Seat) -> bool {
        self.0.give_one(Numbered { number: value, item: value }, &seat.0).is_ok()
    }

    pub fn give(&self, values: &[u64], seat: &Seat) -> bool {
        self.0.give(&mut numbered(values), &seat.0).is_ok()
    }

    /// A failure has the number of its batch.
    pub fn give_in_turn(&self, number: u64, values: &[u64], end: End, seat: &Seat) -> bool {
        let piece = match end {
            End::More => Piece::More,
            End::Last => Piece::Last,
            End::Failed => {
                Piece::Failed(Box::new(Failure::panic("model", Some(number), Box::new(()))))
            }
        };
        match self.0.give_in_turn(number, &mut numbered(values), piece, &seat.0) {
            Ok(_) => true,
            Err(Stop) => false,
        }
    }

    pub fn take(&self, most: usize, seat: &Seat) -> Took {
        let mut items: Vec<Numbered<u64>> = Vec::new();
        match self.0.take(&mut items, most, &seat.0, None) {
            Taken::Items(_) => Took::Items(items.into_iter().map(|item| item.item).collect()),
            Taken::Ended | Taken::Late => Took::Ended,
            Taken::Failed(_, failure) => failure.item.map_or(Took::Ended, Took::Failed),
            Taken::Off => Took::Off,
        }
    }

    pub fn leave(&self) {
        self.0.leave();
    }

    pub fn desert(&self) -> usize {
        self.0.desert().len()
    }
}
