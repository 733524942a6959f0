//! Turbocat plugins on the official runtime of Extism.
//!
//! The host stays Turbocat's: sources, pins, manifests, schemas, grants, secrets, state and the one way
//! out. What is the official runtime's: the code of the plugin, its memory, its input and output, its
//! variables, its WASI and its clock.
//!
//! ```no_run
//! use turbocat_extism::Extism;
//! use turbocat_plugins::wasm::Plugins;
//!
//! let plugins = Plugins::builder().runtime(Extism::new()).build()?;
//! # Ok::<_, turbocat_plugins::wasm::PluginError>(())
//! ```
//!
//! It passes the checks that Turbocat's own runtime passes (`conformance.rs`, `dropping.rs` and
//! `grants.rs` of `turbocat-plugins/tests/wasm`).
//! What it does otherwise is listed, and asserted, in `tests/wasm/otherwise.rs`:
//!
//! - A call holds a thread, and is not stopped where it runs but asked to stop, some milliseconds later.
//!   A clock of the official runtime that stops one call stops all calls of the same compiled code, so
//!   calls at once are compiled apart: the second at a time waits for the compiler, once.
//! - What runs before the first function (`start`, `_initialize`) runs under no clock. It ends when it has
//!   used up what a call could have computed in its time.
//! - An instance does not outlive its call, whatever the manifest says.
//! - Tables that grow too far are not a failure: the plugin is told that they did not grow.
//! - Allocations are not counted, the peak of the memory is not told, and a trap names no functions.
//! - What is printed through WASI goes nowhere.
//! - The stack is an eighth of our own.
//! - A setting, a secret or a value that is empty is none.
//!
//! It believes what a plugin writes into the memory that both share, where it keeps its own records as
//! well: a plugin that forges them can take the program down. Run plugins of strangers on our own runtime.

mod desk;
mod take;
mod functions;
mod ended;
mod compile;
mod runtime;

pub use runtime::Extism;
