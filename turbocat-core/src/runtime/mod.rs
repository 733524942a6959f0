//! The engine on tokio: drives executions, does their attempts, keeps what it is told to keep.

mod ports;
mod clock;
mod letter;
mod journal;
mod memory;
mod log;
mod execution;
mod error;
mod registry;
mod attempt;
mod lineage;
mod news;
mod options;
mod plans;
mod durable;
mod writer;
mod driver;
mod places;
mod shared;
mod surround;
mod begin;
mod recover;
mod nested;
mod work;
mod handle;
mod engine;
mod steer;
mod agent_fn;

pub use agent_fn::{AgentFn, WithRequest, agent_fn, agent_fn_with};
pub use clock::{Clock, Sleep};
pub use engine::{Engine, EngineBuilder, Runnable};
pub use error::{Error, ErrorKind};
pub use execution::Execution;
pub use handle::ExecutionHandle;
pub use journal::{
    AgentPlace, Claim, Claimed, Commit, Hint, Job, Journal, JournalError, JournalErrorKind, NewExecution,
    Recorded, Release, Renewed, Sent, Standing, TriggerKind, WorkerId,
};
pub use letter::{Letter, Message};
pub use log::{Events, ReportStream};
pub use memory::MemoryJournal;
pub use options::WorkOptions;
pub use ports::{Dispatch, Observer, Secrets};
pub use steer::Enqueue;
