//! `itertools::kmerge_by` over sorted runs.

use crate::sink::merge::Rec;

/// Visits the records of `runs`, each sorted, in the total order.
pub(crate) fn visit<'a>(runs: impl Iterator<Item = &'a [Rec]>, each: impl FnMut(&'a Rec)) {
    let before = |a: &&Rec, b: &&Rec| (a.stamp, a.producer) < (b.stamp, b.producer);
    itertools::kmerge_by(runs, before).for_each(each);
}
