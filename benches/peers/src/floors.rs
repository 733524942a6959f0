//! Floors: the work of each case written by hand, with no engine in between.
//!
//! The first one that is meant for a case is the one ratios refer to.

mod in_order;
mod join_set;
mod looped;

use crate::contestant::Contestant;

/// All floors, the one that ratios refer to ahead of the others.
pub fn contestants() -> Vec<Box<dyn Contestant>> {
    vec![Box::new(looped::Looped), Box::new(join_set::JoinSets), Box::new(in_order::InOrder)]
}
