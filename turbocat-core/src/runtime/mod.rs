//! The engine on tokio: drives executions, does their attempts, keeps their events.

mod ports;
mod clock;
mod log;
mod execution;
mod error;
mod registry;
mod attempt;
mod writer;
mod driver;
mod handle;
mod engine;
mod agent_fn;

pub use agent_fn::{AgentFn, WithRequest, agent_fn, agent_fn_with};
pub use clock::{Clock, Sleep};
pub use engine::{Engine, EngineBuilder, Runnable};
pub use error::{Error, ErrorKind};
pub use execution::Execution;
pub use handle::ExecutionHandle;
pub use log::Events;
pub use ports::{
    Commit, Dispatch, Journal, JournalError, JournalErrorKind, MemoryJournal, Recorded, Secrets,
};
