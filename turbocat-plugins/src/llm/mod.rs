//! The `llm` agent: language models of several providers behind one configuration.
//!
//! - [`provider`] has the wire formats, as pure functions over bytes: [`Provider::call`] makes the
//!   request of a [`Conversation`](conversation::Conversation), [`Provider::read`] and
//!   [`Provider::stream`] read the [`Answer`](answer::Answer).
//! - [`repair`](mod@repair) finds JSON in what a model wrote.
//! - [`LlmAgent`] puts them together: models in order, tools, answers by schema, tokens as they
//!   come, what it cost.
//!
//! Images, other parts than text, and embeddings are not taken.

pub mod conversation;
pub mod answer;
pub mod sse;
pub mod provider;
pub mod repair;
mod keys;
mod price;
mod config;
mod target;
mod mock;
mod retry_after;
mod spent;
mod progress;
mod call;
mod fallback;
mod structured;
mod tools;
mod chat;
mod agent;

pub use agent::{LlmAgent, LlmAgentBuilder};
pub use keys::Keys;
pub use price::Price;
pub use provider::Provider;
