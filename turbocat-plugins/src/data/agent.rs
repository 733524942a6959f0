//! The agent itself: what the engine asks, answered by the rest of this room.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use serde_json::Value;
use tokio::sync::Semaphore;
use turbocat_core::{
    AgentDescription, AgentExecutor, AttemptRequest, BadConfig, FailureKind, StepFailure, StepOutput,
};

use super::perform::{check, is_heavy, perform};
use super::{schema, thread};

/// Filters, shapes, joins and sums up data: 13 operations and `jq`, alone or in a pipeline.
///
/// ```
/// use serde_json::json;
/// use turbocat_core::{AgentExecutor, AttemptRequest};
/// use turbocat_plugins::data::DataAgent;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let request = AttemptRequest::new(json!({ "data": [{ "n": 1 }, { "n": 2 }, { "n": 3 }] }))
///     .with_config(json!({ "operation": "filter", "operationConfig": { "condition": "item.n > 1" } }));
/// let output = DataAgent::new().execute(request).await.unwrap();
/// assert_eq!(output.value["result"], json!([{ "n": 2 }, { "n": 3 }]));
/// # }
/// ```
///
/// Small data are worked through at once; large ones, and filters of jq, on a thread of their own
/// that stops when nobody waits for it any more.
#[derive(Debug)]
pub struct DataAgent {
    threads: Semaphore,
}

impl Default for DataAgent {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        // Twice the cores: more would only take memory from each other.
        Self { threads: Semaphore::new(2 * cores) }
    }
}

impl DataAgent {
    /// The agent. It has no settings but those of its steps.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

/// Says to the thread that nobody waits any more.
struct Waiting(Arc<AtomicBool>);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[async_trait]
impl AgentExecutor for DataAgent {
    fn describe(&self) -> AgentDescription {
        let mut description = AgentDescription::default();
        description.description =
            Some("Filters, maps, sorts, groups, joins and sums up data; or a filter of jq".to_owned());
        description.config = Some(schema::config());
        description.output = Some(schema::output());
        description
    }

    fn check(&self, config: &Value) -> Vec<BadConfig> {
        check(config)
    }

    async fn execute(&self, mut request: AttemptRequest) -> Result<StepOutput, StepFailure> {
        let stop = Arc::new(AtomicBool::new(false));
        let heavy = is_heavy(&request.inputs, request.config());
        // Taken, so that the data can be moved into the output if nobody else has them.
        let inputs = std::mem::take(&mut request.inputs);
        if !heavy {
            return perform(inputs, request.config(), stop).map(StepOutput::from);
        }
        let waiting = Waiting(stop.clone());
        let permit = self.threads.acquire().await;
        let done = thread::apart(move || perform(inputs, request.config(), stop)).await;
        drop((permit, waiting));
        match done {
            Ok(done) => done.map(StepOutput::from),
            Err(error) => {
                Err(StepFailure::new(FailureKind::ERROR, format!("no thread could be started: {error}")))
            }
        }
    }
}
