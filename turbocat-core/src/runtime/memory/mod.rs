//! A journal in memory: for tests, and as the model of what a journal does.

mod state;
mod journal;

pub use journal::MemoryJournal;
