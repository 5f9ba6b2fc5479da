#![doc = include_str!("../../docs/design/pool.md")]
