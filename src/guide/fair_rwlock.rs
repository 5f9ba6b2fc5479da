#![doc = include_str!("../../docs/design/fair_rwlock.md")]
