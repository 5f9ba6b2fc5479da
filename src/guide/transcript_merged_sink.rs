#![doc = include_str!("../../examples/merged_sink.md")]
