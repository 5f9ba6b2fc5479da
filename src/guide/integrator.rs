//! [integrate]: crate::integrate
//! [F64x8]: crate::integrate::F64x8
//! [Sum]: crate::integrate::Sum
//! [Status]: crate::integrate::Status
//! [gamma]: crate::guide::transcripts
#![doc = include_str!("../../docs/design/integrator.md")]
