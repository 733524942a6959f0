//! Other engines, each as its documentation recommends to use it, each behind a feature of its own.

use crate::contestant::Contestant;

/// All that are built in.
pub fn contestants() -> Vec<Box<dyn Contestant>> {
    vec![]
}
