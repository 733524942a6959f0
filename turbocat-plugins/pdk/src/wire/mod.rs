//! What host and plugin say to each other: the manifest of a plugin, what it may be allowed, the
//! context of a call, and how a call fails.
//!
//! Compiled by both sides. Knows no WASM, no memory, no files: texts and JSON in, types out.

mod name;

mod capability;
mod failure;
mod manifest;

mod context;

pub use capability::{Capability, CapabilityError, HostPattern, HttpCapability, MethodPattern, PortPattern};
pub use context::Context;
pub use failure::GuestFailure;
pub use manifest::{Limits, Manifest, ManifestAgent, ManifestError, StateKind};
pub use name::is_agent_name;

/// The export that answers with the [`Manifest`] of a plugin.
pub const MANIFEST_EXPORT: &str = "turbocat_manifest";

/// The configuration key under which a plugin finds the [`Context`] of its call.
pub const CONTEXT_KEY: &str = "turbocat.context";

/// The import module of what only Turbocat serves: progress, secrets, state.
pub const HOST_MODULE: &str = "extism:host/user";
