//! Facade of Turbocat.
pub use turbocat_core as core;
