//! Rows as they are exported: what is kept, without what is secret.

use serde_json::{Value, json};
use turbocat_storage::platform::{
    Deployment, ExecutionLog, ExecutionRow, Session, Template, Workflow, WorkflowStep,
};

use crate::wire::Time;

pub(super) fn session(session: Session) -> Value {
    json!({
        "id": session.id, "ipAddress": session.ip_address, "userAgent": session.user_agent,
        "createdAt": Time(session.created_at), "lastUsedAt": Time(session.last_used_at),
        "expiresAt": Time(session.expires_at),
    })
}

pub(super) fn workflow(workflow: Workflow, steps: Vec<WorkflowStep>) -> Value {
    json!({
        "id": workflow.id, "name": workflow.name, "description": workflow.description,
        "status": workflow.status.word(), "version": workflow.version, "parentId": workflow.parent_id,
        "definition": workflow.definition, "triggerConfig": workflow.trigger_config,
        "scheduleEnabled": workflow.schedule_enabled, "scheduleCron": workflow.schedule_cron,
        "scheduleTimezone": workflow.schedule_timezone, "tags": workflow.tags,
        "isPublic": workflow.is_public, "totalExecutions": workflow.total_executions,
        "successfulExecutions": workflow.successful_executions,
        "failedExecutions": workflow.failed_executions,
        "lastExecutionAt": workflow.last_execution_at.map(Time),
        "createdAt": Time(workflow.created_at), "updatedAt": Time(workflow.updated_at),
        "steps": steps.into_iter().map(step).collect::<Vec<_>>(),
    })
}

fn step(step: WorkflowStep) -> Value {
    json!({
        "id": step.id, "stepKey": step.step_key, "stepName": step.step_name,
        "stepType": step.step_type.word(), "position": step.position, "agentId": step.agent_id,
        "config": step.config, "inputs": step.inputs, "outputs": step.outputs,
        "dependsOn": step.depends_on, "retryCount": step.retry_count,
        "retryDelayMs": step.retry_delay_ms, "timeoutMs": step.timeout_ms,
        "onError": step.on_error.word(),
    })
}

pub(super) fn template(template: Template) -> Value {
    json!({
        "id": template.id, "name": template.name, "description": template.description,
        "category": template.category, "type": template.kind.word(),
        "templateData": template.template_data, "tags": template.tags,
        "isPublic": template.is_public, "usageCount": template.usage_count,
        "createdAt": Time(template.created_at), "updatedAt": Time(template.updated_at),
    })
}

/// The names of its variables, not what they are.
pub(super) fn deployment(deployment: Deployment) -> Value {
    let names: Vec<&String> =
        deployment.environment_vars.as_object().into_iter().flat_map(|vars| vars.keys()).collect();
    json!({
        "id": deployment.id, "name": deployment.name, "description": deployment.description,
        "workflowId": deployment.workflow_id, "agentId": deployment.agent_id,
        "environment": deployment.environment.word(), "status": deployment.status.word(),
        "config": deployment.config, "environmentVars": names,
        "createdAt": Time(deployment.created_at), "updatedAt": Time(deployment.updated_at),
    })
}

pub(super) fn execution(row: ExecutionRow) -> Value {
    json!({
        "id": row.id.to_string(), "workflowId": row.workflow_id, "workflowName": row.workflow_name,
        "status": row.status.word(), "triggerType": row.trigger_type.word(),
        "triggerData": row.trigger_data, "inputData": row.input_data, "outputData": row.output_data,
        "errorMessage": row.error_message, "stepsTotal": row.steps_total,
        "stepsCompleted": row.steps_completed, "stepsFailed": row.steps_failed,
        "startedAt": row.started_at.map(Time), "completedAt": row.completed_at.map(Time),
        "durationMs": row.duration_ms, "createdAt": Time(row.created_at),
    })
}

pub(super) fn line(line: ExecutionLog) -> Value {
    json!({
        "executionId": line.execution_id.to_string(), "level": line.level.word(), "message": line.message,
        "metadata": line.metadata, "stepKey": line.step_key, "createdAt": Time(line.created_at),
    })
}
