//! What is told to everybody of an execution: that it began, that it ended.

use serde_json::json;
use turbocat_core::Timestamp;
use turbocat_storage::platform::{Behind, ExecutionState, NewHappening};
use uuid::Uuid;

use super::round::Told;

/// As what it is announced from now on, and what happened.
pub(super) fn announce(one: &Behind, told: Option<&Told>) -> (i32, Vec<NewHappening>) {
    let mut happenings = Vec::new();
    let mut announced = one.announced;
    if announced == 0
        && let Some(at) = one.started_at
    {
        happenings.push(happening(one, told, "execution.started", at));
        announced = 1;
    }
    if announced < 2
        && let Some(at) = one.completed_at
    {
        let name = match one.status {
            ExecutionState::Completed => "execution.completed",
            ExecutionState::Cancelled => "execution.cancelled",
            _ => "execution.failed",
        };
        happenings.push(happening(one, told, name, at));
        announced = 2;
    }
    if announced == 0 && one.status != ExecutionState::Pending {
        announced = 1;
    }
    (announced, happenings)
}

fn happening(one: &Behind, told: Option<&Told>, name: &str, at: Timestamp) -> NewHappening {
    let mut data = json!({
        "executionId": one.id.to_string(),
        "workflowId": one.workflow_id,
        "workflowName": told.and_then(|told| told.name.as_deref()).or(one.workflow_name.as_deref()),
        "triggerType": one.trigger_type.word(),
        "status": if name == "execution.started" { "running" } else { one.status.word() },
        "stepsTotal": one.steps_total,
    });
    if name != "execution.started" {
        data["durationMs"] = json!(one.duration_ms);
        data["stepsCompleted"] = json!(one.steps_completed);
        data["stepsFailed"] = json!(one.steps_failed);
        data["stepsSkipped"] = json!(one.steps_skipped);
        data["error"] = json!(one.error_message);
    }
    NewHappening {
        id: Uuid::now_v7(),
        name: name.to_owned(),
        resource_type: "execution".to_owned(),
        resource_id: *one.id.as_uuid(),
        user_id: one.user_id,
        data,
        at,
    }
}
