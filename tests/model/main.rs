//! The models: what the shipped code does under every schedule that a checker can find.

#![cfg(any(brigade_loom, brigade_shuttle))]

mod mutex;
mod rwlock;
