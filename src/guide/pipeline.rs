#![doc = include_str!("../../docs/design/pipeline.md")]
