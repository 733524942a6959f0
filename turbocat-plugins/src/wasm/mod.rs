//! The host of plugins: WASM modules with agents, called in a sandbox.
//!
//! A plugin is a module built with `turbocat-pdk` or with any kit of Extism. [`Plugins`] loads it;
//! [`Plugin::register`] gives its agents to an engine. What a plugin can do:
//!
//! - compute, within its [`Limits`]: memory, time, sizes. What it takes too much of ends the call with
//!   a failure of kind `limit` or `timeout` that names the limit;
//! - what its [`Grants`] say: HTTP to certain hosts, certain secrets, state of its own. Anything else
//!   ends the call with a failure of kind `denied` that names the missing grant;
//! - nothing else: it has no files, no sockets, no environment, no memory but its own.
//!
//! Each call has a clean instance, unless the plugin's manifest asks for one that lives as long as
//! the execution. Two executions never share one. A call stops within milliseconds when its attempt
//! is cancelled, and takes nobody along.

mod digest;
mod error;
mod limits;
mod own_limits;
mod grants;
mod state;
mod claims;
mod blackout;
mod json;
mod blocks;
mod stop;
mod guest;
mod report;
mod serve;
mod request;
mod runtime;
mod abi;
mod ticker;
mod pool;
mod cache;
mod weigh;
mod schema;
mod module;
mod code;
mod source;
mod outcome;
mod kept;
mod host;
mod call;
mod load;
mod loaded;
mod agent;
mod plugin;
mod locked;
mod lock;
mod plugins;

pub use agent::Call;
pub use digest::Digest;
pub use error::{PluginError, PluginErrorKind};
pub use grants::Grants;
pub use limits::Limits;
pub use lock::{Lock, Verdict};
pub use locked::Locked;
pub use own_limits::OwnLimits;
pub use plugin::Plugin;
pub use plugins::{Plugins, PluginsBuilder};
pub use runtime::{Ended, Runnable, Runtime, Session, Stopped};
pub use source::Source;
pub use state::{MemoryState, StateStore};

pub use turbocat_pdk::wire::{Capability, Manifest, ManifestAgent, StateKind};
