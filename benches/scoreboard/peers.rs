//! What the field offers for the same jobs, one file each.

pub(crate) mod appender;
pub(crate) mod channel;
pub(crate) mod heap;
pub(crate) mod kmerge;
