//! What a database needs over time: old executions deleted, space given back, a copy kept, counts
//! brought up to date; and a task that does it.
//!
//! Nothing here holds the writer for long, and nothing is lost if it stops in the middle.

mod prune;
mod sweep;
mod vacuum;
mod backup;
mod tally;
mod caretaker;

pub use caretaker::{Caretaker, Tended};
pub use prune::Cleared;
