//! Turbocat's core: workflows, plans, the scheduler and the engine that runs executions.
//!
//! A [`Workflow`] is a graph of steps, read from YAML or JSON or built in code. An [`Engine`]
//! knows agents by name, checks workflows against them and runs executions. Steps run as soon as
//! what they refer to is there, side by side where they can.
//!
//! ```
//! # #[cfg(feature = "runtime")]
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use serde_json::{Value, json};
//! use turbocat_core::{Engine, Workflow, agent_fn};
//!
//! # tokio::runtime::Runtime::new()?.block_on(async {
//! let engine = Engine::builder()
//!     .agent("fetch", agent_fn(|_: Value| async move { Ok(json!({ "stories": ["a", "b"] })) }))
//!     .agent("shout", agent_fn(|text: String| async move { Ok(text.to_uppercase()) }))
//!     .build();
//! let workflow = Workflow::from_yaml("
//! steps:
//!   fetch: { agent: fetch }
//!   each:
//!     loop: '{{ fetch.stories }}'
//!     maxParallel: 2
//!     agent: shout
//!     inputs: '{{ item }}'
//! outputs: '{{ each.results }}'
//! ")?;
//! let execution = engine.run(&workflow, json!({})).await?;
//! assert_eq!(*execution.output(), json!(["A", "B"]));
//! assert!(execution.explain("each").unwrap().to_string().starts_with("each COMPLETED"));
//! # Ok::<(), Box<dyn std::error::Error>>(()) })
//! # }
//! # #[cfg(not(feature = "runtime"))]
//! # fn main() {}
//! ```
//!
//! # The way of a workflow
//!
//! ```text
//! text --> Workflow --> Plan --> Scheduler --> Turn { events, actions, wake_at }
//!           read         check      ^               |  events written down first,
//!           or build     once       +---- Input <---+  then actions done
//! ```
//!
//! | to | use |
//! |---|---|
//! | read or build a workflow | [`Workflow`], [`Reader`], [`WorkflowBuilder`] |
//! | check one | [`Engine::check`], [`compile`] with a [`Catalog`] |
//! | do the work of steps | [`agent_fn`], [`agent_fn_with`], [`AgentExecutor`] |
//! | run to the end | [`Engine::run`] |
//! | watch and steer | [`Engine::start`], [`ExecutionHandle`] |
//! | know why | [`Execution::explain`], [`Event`], [`Diagnostics`] |
//! | survive a crash | [`Journal`], [`Engine::resume`] |
//! | run without the engine | [`Scheduler`] |
//!
//! # Features
//!
//! | feature | default | adds |
//! |---|---|---|
//! | `runtime` | yes | the engine on tokio; without it there is no clock, no thread, no file and no randomness in the crate |
//! | `testing` | no | a manual clock, scripted agents and journal checks, for tests of programs that embed Turbocat |
//! | `conformance` | no | the contract of journals as checks, for stores of others as well |

#![cfg_attr(
    not(feature = "runtime"),
    expect(dead_code, reason = "the engine asks the scheduler for more than others do")
)]

mod diagnostic;
mod duration;
mod time;
mod usage;
mod failure;
mod definition;
mod template;
mod event;
mod catalog;
mod plan;
mod output;
mod report;
mod redact;
mod request;
mod agent;
mod scheduler;
#[cfg(feature = "runtime")]
mod runtime;
#[cfg(feature = "testing")]
pub mod testing;
#[cfg(feature = "conformance")]
pub mod conformance;
#[cfg(feature = "bench-internals")]
#[doc(hidden)]
pub mod bench;

pub use agent::{AgentExecutor, AttemptFuture};
pub use catalog::{AgentDescription, AnyAgent, BadConfig, Catalog};
pub use definition::*;
pub use diagnostic::{Code, Diagnostic, Diagnostics, Place, Pointer, Segment, Severity, Source};
pub use duration::{format_duration, parse_duration};
pub use event::{
    Decision, Effect, Event, ExecutionStatus, Fact, FrameOutcome, SkipReason, StepRef, StepStatus,
    StopReason, Work,
};
pub use failure::{FailureKind, StepFailure};
pub use output::StepOutput;
pub use plan::{Plan, check, compile};
pub use report::{Level, Report, Said};
pub use request::{AttemptRequest, Surroundings};
#[cfg(feature = "runtime")]
pub use runtime::*;
pub use scheduler::{
    Action, Approval, AttemptParts, ChildOutcome, Input, ReplayError, Scheduler, StepExplanation, StepReport,
    Turn,
};
pub use template::Explanation;
pub use time::{ExecutionId, Timestamp};
pub use usage::Usage;

/// The documents, so that their samples are compiled and run.
#[cfg(all(doctest, feature = "runtime"))]
mod documents {
    #[doc = include_str!("../../README.md")]
    struct Readme;
    #[doc = include_str!("../../docs/embedding.md")]
    struct Embedding;
}
