//! The `code` agent: JavaScript and TypeScript in a sandbox.
//!
//! Code is evaluated by QuickJS, which is itself compiled to WASM and lives inside the host of
//! plugins: it has no files, no network, nothing to wait on and no way to outlive its limits. Each
//! attempt starts from the same snapshot of a fresh engine, so nothing is left of the one before.
//!
//! What code may be, what it finds and what becomes of its value is told in `docs/code-agent.md`.
//! This room must not know how a module is called or ended: that is the host's.

mod limits;
mod nesting;
mod place;
mod room;

mod program;
mod runtime;
mod shape;
mod strip;

mod prepare;

mod cache;
mod console;
mod frame;
mod report;
mod settings;

mod sandbox;

mod agent;

pub use agent::{CodeAgent, CodeAgentBuilder};
