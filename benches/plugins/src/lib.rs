//! What a call of a plugin costs: how it is measured, and against what.

mod measure;
mod floor;
#[cfg(feature = "official")]
mod official;

pub use floor::Floor;
pub use measure::{Figure, side_by_side};
#[cfg(feature = "official")]
pub use official::Official;

/// An ordinary plugin, built with the kit of Extism: `plugins/plain` of this repository.
pub const PLAIN: &[u8] = include_bytes!("../../../plugins/built/plain.wasm");
