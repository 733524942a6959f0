//! Turbocat: the SQLite of workflow engines.
//!
//! This package puts the others together. Today it is the core: see [`turbocat_core`].

pub use turbocat_core::*;
