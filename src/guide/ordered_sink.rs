//! [sink]: crate::sink
//! [Report]: crate::sink::Report::restamped
//! [Refusal]: crate::sink::Refusal::Late
//! [Silence]: crate::sink::Silence
//! [Clock]: crate::clock::Clock
#![doc = include_str!("../../docs/img/ordered_sink.ref.md")]
#![doc = include_str!("../../docs/design/ordered_sink.md")]
