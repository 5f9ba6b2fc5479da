#![doc = include_str!("../../docs/design/barrier.md")]
