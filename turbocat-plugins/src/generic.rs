//! The agent that gives back what it is given: for steps that only gather values, and to try a
//! workflow out.

use async_trait::async_trait;
use serde_json::json;
use turbocat_core::{AgentDescription, AgentExecutor, AttemptRequest, StepFailure, StepOutput};

/// Answers `{executed: true, inputs}`.
#[derive(Clone, Copy, Debug, Default)]
pub struct GenericAgent;

#[async_trait]
impl AgentExecutor for GenericAgent {
    fn describe(&self) -> AgentDescription {
        let mut description = AgentDescription::default();
        description.description = Some("gives back its inputs".to_owned());
        description.output = Some(json!({
            "type": "object",
            "required": ["executed", "inputs"],
            "properties": {
                "executed": { "const": true, "description": "always true" },
                "inputs": { "description": "the inputs of the step" },
            },
        }));
        description
    }

    async fn execute(&self, request: AttemptRequest) -> Result<StepOutput, StepFailure> {
        Ok(json!({ "executed": true, "inputs": &*request.inputs }).into())
    }
}
