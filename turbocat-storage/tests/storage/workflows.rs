//! Workflows with their steps.

use serde_json::json;
use turbocat_storage::platform::{
    LogLevel, NewExecutionLog, NewStep, NewWorkflow, PageRequest, StepType, WorkflowFilter, WorkflowPatch,
    WorkflowStep,
};
use turbocat_storage::{StorageErrorKind, args};
use uuid::Uuid;

use crate::setting::{Setting, on_each};

fn step(key: &str, position: i32) -> NewStep {
    NewStep::new(key, StepType::Agent, position)
}

fn keys(steps: &[WorkflowStep]) -> Vec<&str> {
    steps.iter().map(|step| step.step_key.as_str()).collect()
}

async fn with_steps(setting: &Setting, steps: Vec<NewStep>) -> (Uuid, Vec<WorkflowStep>) {
    let new = NewWorkflow::new(setting.user.id, "flow");
    let (workflow, steps) = setting.platform.workflows().create(new, steps).await.unwrap();
    (workflow.id, steps)
}

#[tokio::test]
async fn a_workflow_comes_with_its_steps_or_not_at_all() {
    on_each(|setting| async move {
        let workflows = setting.platform.workflows();
        let agent = setting.agent("worker").await;
        let mut second = step("second", 1);
        second.agent_id = Some(agent.id);
        second.depends_on = vec!["first".to_owned()];
        second.inputs = json!({ "z": "{{ first }}", "a": 1 });
        let (id, steps) = with_steps(&setting, vec![second, step("first", 0)]).await;
        assert_eq!(keys(&steps), ["first", "second"]);
        assert_eq!((steps[1].depends_on[0].as_str(), steps[1].timeout_ms), ("first", 30_000));
        assert_eq!(steps[1].inputs.to_string(), r#"{"z":"{{ first }}","a":1}"#);

        let new = NewWorkflow::new(setting.user.id, "twice");
        let error = workflows.create(new, vec![step("a", 0), step("a", 1)]).await.unwrap_err();
        assert_eq!(error.kind(), StorageErrorKind::Conflict);
        let mut lost = step("a", 0);
        lost.agent_id = Some(Uuid::nil());
        let error =
            workflows.create(NewWorkflow::new(setting.user.id, "lost"), vec![lost]).await.unwrap_err();
        assert_eq!(error.kind(), StorageErrorKind::Constraint);
        let all = workflows.list(&WorkflowFilter::default(), PageRequest::default()).await.unwrap();
        assert_eq!((all.total, all.items[0].id), (1, id));
    })
    .await;
}

#[tokio::test]
async fn steps_are_replaced_as_a_set_and_keep_their_ids() {
    on_each(|setting| async move {
        let workflows = setting.platform.workflows();
        let (id, before) = with_steps(&setting, vec![step("a", 0), step("b", 1), step("c", 2)]).await;
        let execution = setting.execution(1, Some(id)).await;
        let mut line = NewExecutionLog::new(execution, LogLevel::Info, "said");
        line.workflow_step_id = Some(before[1].id);
        setting.platform.execution_logs().append(vec![line]).await.unwrap();

        // `a` and `b` change places, `c` goes, `d` comes.
        let (mut a, mut b) = (step("b", 0), step("a", 1));
        (a.id, b.id) = (Some(before[0].id), Some(before[1].id));
        a.retry_count = 3;
        let changed = workflows
            .update(id, WorkflowPatch::default(), Some(vec![a, b, step("d", 2)]), None)
            .await
            .unwrap();
        assert_eq!(keys(&changed.1), ["b", "a", "d"]);
        assert_eq!((changed.1[0].id, changed.1[1].id), (before[0].id, before[1].id));
        assert_eq!(changed.1[0].retry_count, 3);
        let row = setting
            .platform
            .database()
            .fetch_one("select workflow_step_id from execution_logs", args![])
            .await
            .unwrap();
        assert_eq!(row.get::<Option<Uuid>>("workflow_step_id").unwrap(), Some(before[1].id));

        // Without ids, the key says which one it is.
        let again =
            workflows.update(id, WorkflowPatch::default(), Some(vec![step("d", 0)]), None).await.unwrap();
        assert_eq!((again.1.len(), again.1[0].id), (1, changed.1[2].id));
        let untouched = workflows.update(id, WorkflowPatch::default(), None, None).await.unwrap();
        assert_eq!(untouched.1, again.1);
    })
    .await;
}

#[tokio::test]
async fn a_change_of_a_workflow_is_all_or_nothing() {
    on_each(|setting| async move {
        let workflows = setting.platform.workflows();
        let (id, before) = with_steps(&setting, vec![step("a", 0)]).await;
        let made = workflows.get(id).await.unwrap().unwrap();
        let rename = || WorkflowPatch { name: Some("renamed".to_owned()), ..WorkflowPatch::default() };
        let mut stranger = step("x", 0);
        stranger.id = Some(Uuid::nil());
        let (mut one, mut other) = (step("x", 0), step("y", 1));
        one.id = Some(before[0].id);
        other.id = Some(before[0].id);
        for (steps, expected, kind) in [
            (vec![step("b", 0), step("b", 1)], None, StorageErrorKind::Conflict),
            (vec![stranger], None, StorageErrorKind::NotFound),
            (vec![one, other], None, StorageErrorKind::Invalid),
            (vec![step("b", 0)], Some(turbocat_core::Timestamp::from_millis(5)), StorageErrorKind::Conflict),
        ] {
            let error = workflows.update(id, rename(), Some(steps), expected).await.unwrap_err();
            assert_eq!(error.kind(), kind, "{error}");
            assert_eq!(workflows.get(id).await.unwrap().unwrap(), made);
            assert_eq!(workflows.steps(id).await.unwrap(), before);
        }
        let error = workflows.update(Uuid::nil(), rename(), None, None).await.unwrap_err();
        assert_eq!(error.kind(), StorageErrorKind::NotFound);
    })
    .await;
}

#[tokio::test]
async fn a_deleted_workflow_is_found_by_those_who_ask_for_it() {
    on_each(|setting| async move {
        let workflows = setting.platform.workflows();
        let (id, _) = with_steps(&setting, vec![step("a", 0)]).await;
        workflows.delete(id).await.unwrap();
        assert_eq!(workflows.get(id).await.unwrap(), None);
        assert!(workflows.get_even_deleted(id).await.unwrap().unwrap().deleted_at.is_some());
        workflows.restore(id).await.unwrap();
        assert_eq!(workflows.steps(id).await.unwrap().len(), 1);
    })
    .await;
}
