//! The guest kit of Turbocat, and the types that host and guest speak.

pub mod wire;
