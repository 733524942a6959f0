//! The testing kit: what each piece does, and that each can say no.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod agent;
mod clock;
mod journal;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use serde_json::{Value, json};
use turbocat_core::testing::{CallEnd, ManualClock, ScriptedAgent, check_journal, check_recorded};
use turbocat_core::{
    AgentExecutor, AnyAgent, Approval, AttemptRequest, Clock, Effect, Engine, Event, ExecutionId, Fact,
    Input, Plan, Scheduler, SkipReason, StepFailure, StepRef, Timestamp, Workflow, compile,
};
