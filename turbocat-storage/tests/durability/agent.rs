//! The agent of the flows: does what its inputs say, and remembers what it was asked.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use serde_json::{Value, json};
use turbocat_core::{AgentExecutor, AttemptRequest, ExecutionId, StepFailure, StepOutput};

/// A step of an execution, by its tag.
pub(super) type Place = (ExecutionId, String);

/// One attempt that was begun.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Call {
    pub(super) place: Place,
    pub(super) key: String,
    pub(super) attempt: u32,
    /// In which engine's life.
    pub(super) life: u32,
}

/// The agent. Clones remember together.
#[derive(Clone, Default)]
pub(super) struct Obedient {
    calls: Arc<Mutex<Vec<Call>>>,
    life: u32,
}

impl Obedient {
    /// The same agent in the life of another engine.
    pub(super) fn in_life(&self, life: u32) -> Self {
        Self { calls: self.calls.clone(), life }
    }

    pub(super) fn calls(&self) -> Vec<Call> {
        self.calls.lock().unwrap().clone()
    }
}

#[async_trait]
impl AgentExecutor for Obedient {
    async fn execute(&self, request: AttemptRequest) -> Result<StepOutput, StepFailure> {
        let mut inputs = Value::clone(&request.inputs);
        let tag = inputs["tag"].as_str().unwrap().to_owned();
        let (key, attempt, life) = (request.idempotency_key(), request.attempt, self.life);
        let call = Call { place: (request.execution(), tag), key, attempt, life };
        self.calls.lock().unwrap().push(call);
        tokio::task::yield_now().await;
        if inputs["hang"] == true {
            std::future::pending::<()>().await;
        }
        if inputs["fail"].as_u64().is_some_and(|times| u64::from(attempt) <= times) {
            return Err(StepFailure::error("not yet"));
        }
        if let Some(size) = inputs["size"].as_u64() {
            inputs["text"] = json!("large ".repeat(size as usize / 6));
        }
        Ok(StepOutput::shared(Arc::new(inputs)))
    }
}
