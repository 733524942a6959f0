//! The `llm` agent against providers on this machine that speak the real ones' wire formats.
#![cfg(feature = "llm")]
#![expect(clippy::unwrap_used, unreachable_pub, reason = "tests may panic, and share modules")]

#[path = "../server/mod.rs"]
mod server;

mod kit;

mod requests;
mod replies;
mod faults;
mod fallback;
mod tools;
mod structured;
mod progress;
mod budget;
mod mock;
mod engine;
mod hostile;
mod documents;

#[path = "../fuzz-cases/llm_repair.rs"]
mod llm_repair;
#[path = "../fuzz-cases/llm_reply.rs"]
mod llm_reply;
