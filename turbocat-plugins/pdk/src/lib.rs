//! The guest kit of Turbocat: an agent in Rust is a function, and a few of them are a plugin.
//!
//! ```
//! use schemars::JsonSchema;
//! use serde::{Deserialize, Serialize};
//! use turbocat_pdk::{Context, Failure, agent, plugin};
//!
//! #[derive(Deserialize, JsonSchema)]
//! struct Hello {
//!     name: String,
//! }
//!
//! #[derive(Serialize, JsonSchema)]
//! struct Greeting {
//!     text: String,
//! }
//!
//! /// Greets somebody by name.
//! #[agent]
//! fn greet(hello: Hello, cx: &Context) -> Result<Greeting, Failure> {
//!     cx.info(format!("greeting {}", hello.name));
//!     Ok(Greeting { text: format!("Hello, {}!", hello.name) })
//! }
//!
//! plugin! { agents: [greet] }
//!
//! // An agent is still a function, and a context for tests is at hand.
//! let greeting = greet(Hello { name: "Ada".into() }, &Context::test()).unwrap();
//! assert_eq!(greeting.text, "Hello, Ada!");
//! ```
//!
//! Compiled as a `cdylib` for `wasm32-unknown-unknown` this is a plugin: with the manifest inside,
//! with schemas made of the types, with panics that become failures with message and place.
//! `docs/plugins.md` has the whole way, other languages, and the wire format.
//!
//! The feature `guest` (default) is the kit. Without it there is only [`wire`], for hosts.

pub mod wire;

#[cfg(feature = "guest")]
mod failure;
#[cfg(feature = "guest")]
mod http;

#[cfg(feature = "guest")]
mod context;
#[cfg(feature = "guest")]
mod testing;

#[cfg(feature = "guest")]
#[doc(hidden)]
pub mod agent;

#[cfg(all(feature = "guest", target_arch = "wasm32"))]
mod abi;
#[cfg(all(feature = "guest", target_arch = "wasm32"))]
#[doc(hidden)]
pub mod export;

#[cfg(feature = "guest")]
pub use context::{Context, Level, State};
#[cfg(feature = "guest")]
pub use failure::Failure;
#[cfg(feature = "guest")]
pub use http::{Request, Response};
#[cfg(feature = "guest")]
pub use testing::TestContext;
#[cfg(feature = "guest")]
pub use turbocat_pdk_macros::{agent, plugin};

/// The document, so that its samples are compiled and run.
#[cfg(all(doctest, feature = "guest"))]
mod documents {
    #[doc = include_str!("../../../docs/plugins.md")]
    struct Plugins;
}
