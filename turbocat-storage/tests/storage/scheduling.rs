//! The schedule of a workflow's row, and what follows it.

use serde_json::json;
use turbocat_core::testing::ScriptedAgent;
use turbocat_core::{Engine, Timestamp, WorkOptions};
use turbocat_storage::platform::{
    NewStep, NewUser, NewWorkflow, Platform, StepType, Trigger, Workflow, WorkflowPatch, WorkflowStatus,
};
use turbocat_storage::testing::on_each_store;
use turbocat_storage::{StorageErrorKind, Ticker, args};

use crate::setting::{Setting, on_each};

async fn trigger(setting: &Setting, workflow: &Workflow) -> Option<Trigger> {
    setting.platform.triggers().get(Workflow::schedule_trigger(workflow.id)).await.unwrap()
}

async fn change(setting: &Setting, workflow: &Workflow, patch: WorkflowPatch) {
    setting.pass(5);
    setting.platform.workflows().update(workflow.id, patch, None, None).await.unwrap();
}

#[tokio::test]
async fn the_trigger_of_a_workflow_follows_its_row() {
    on_each(|setting| async move {
        let workflows = setting.platform.workflows();
        let new = NewWorkflow::new(setting.user.id, "plain");
        let (plain, _) = workflows.create(new, vec![]).await.unwrap();
        assert_eq!(trigger(&setting, &plain).await, None);

        let mut new = NewWorkflow::new(setting.user.id, "daily");
        new.schedule_cron = Some("0 9 * * *".to_owned());
        new.schedule_timezone = "Europe/Berlin".to_owned();
        new.schedule_enabled = true;
        new.trigger_config = json!({ "inputs": { "n": 1 } });
        let (daily, _) = workflows.create(new, vec![]).await.unwrap();
        let made = trigger(&setting, &daily).await.unwrap();
        assert_eq!((made.cron.as_deref(), &*made.timezone), (Some("0 9 * * *"), "Europe/Berlin"));
        assert_eq!(
            (made.workflow_id, made.enabled, &made.inputs),
            (Some(daily.id), false, &json!({ "n": 1 }))
        );

        let status = |status| WorkflowPatch { status: Some(status), ..WorkflowPatch::default() };
        change(&setting, &daily, status(WorkflowStatus::Active)).await;
        assert!(trigger(&setting, &daily).await.unwrap().enabled, "it starts something while it is active");

        let next = Timestamp::from_millis(setting.platform.now().as_millis() + 1000);
        let set = "update triggers set next_at = $2 where id = $1";
        let plan = async || setting.platform.database().execute(set, args![made.id, next]).await.unwrap();
        plan().await;
        let name = WorkflowPatch { name: Some("each day".to_owned()), ..WorkflowPatch::default() };
        change(&setting, &daily, name).await;
        change(&setting, &daily, status(WorkflowStatus::Active)).await;
        assert_eq!(trigger(&setting, &daily).await.unwrap().next_at, Some(next), "the times are the same");
        let cron = |cron: Option<&str>| WorkflowPatch {
            schedule_cron: Some(cron.map(str::to_owned)),
            ..WorkflowPatch::default()
        };
        change(&setting, &daily, cron(Some("0 10 * * *"))).await;
        let changed = trigger(&setting, &daily).await.unwrap();
        assert_eq!(
            (changed.cron.as_deref(), changed.next_at),
            (Some("0 10 * * *"), None),
            "it is found anew"
        );

        plan().await;
        workflows.delete(daily.id).await.unwrap();
        assert_eq!(trigger(&setting, &daily).await, None);
        workflows.restore(daily.id).await.unwrap();
        let restored = trigger(&setting, &daily).await.unwrap();
        assert_eq!((restored.enabled, restored.next_at), (true, None));
        change(&setting, &daily, status(WorkflowStatus::Inactive)).await;
        assert!(!trigger(&setting, &daily).await.unwrap().enabled);

        let off = WorkflowPatch { schedule_enabled: Some(false), ..cron(None) };
        change(&setting, &daily, off).await;
        assert_eq!(trigger(&setting, &daily).await, None, "without times there is none");
    })
    .await;
}

#[tokio::test]
async fn a_schedule_that_cannot_be_followed_is_refused_and_nothing_is_written() {
    on_each(|setting| async move {
        let workflows = setting.platform.workflows();
        for (cron, zone) in [(None, "UTC"), (Some("0 25 * * *"), "UTC"), (Some("0 9 * * *"), "Mars/Olympus")]
        {
            let mut new = NewWorkflow::new(setting.user.id, "wrong");
            new.schedule_enabled = true;
            new.schedule_cron = cron.map(str::to_owned);
            new.schedule_timezone = zone.to_owned();
            let error = workflows.create(new.clone(), vec![]).await.unwrap_err();
            assert_eq!(error.kind(), StorageErrorKind::Invalid, "{error}");
            new.schedule_enabled = false;
            let (draft, _) = workflows.create(new, vec![]).await.unwrap();
            let patch = WorkflowPatch { schedule_enabled: Some(true), ..WorkflowPatch::default() };
            let error = workflows.update(draft.id, patch, None, None).await.unwrap_err();
            assert_eq!(error.kind(), StorageErrorKind::Invalid);
            assert!(!workflows.get(draft.id).await.unwrap().unwrap().schedule_enabled);
        }
    })
    .await;
}

#[tokio::test]
async fn a_workflow_of_rows_is_started_at_its_times() {
    on_each_store(async |store| {
        let platform = Platform::new(store.database().clone());
        let user = platform.users().create(NewUser::new("ada@example.org")).await.unwrap();
        let mut new = NewWorkflow::new(user.id, "minutely");
        new.schedule_cron = Some("* * * * *".to_owned());
        new.schedule_enabled = true;
        new.status = WorkflowStatus::Active;
        let mut nap = NewStep::new("nap", StepType::Wait, 0);
        nap.config = json!({ "duration": 1 });
        let (workflow, _) = platform.workflows().create(new, vec![nap]).await.unwrap();
        let agent = ScriptedAgent::new().echo();
        let engine = Engine::builder().agent("a", agent).store(store.clone()).build();
        let ticker = Ticker::new(store.clone(), engine.clone());
        assert_eq!(ticker.tick().await.unwrap(), [], "its time is planned, and has not come");
        let text = "update triggers set next_at = $1 where next_at is not null";
        let minute = Timestamp::from_millis(store.now().as_millis() / 60_000 * 60_000);
        assert_eq!(store.database().execute(text, args![minute]).await.unwrap(), 1);
        let ticks = ticker.tick().await.unwrap();
        assert_eq!((ticks.len(), ticks[0].trigger), (1, Workflow::schedule_trigger(workflow.id)));
        engine.work(WorkOptions::new()).unwrap();
        assert!(engine.wait(ticks[0].execution).await.unwrap().is_completed());
        let row = platform.executions().get(ticks[0].execution).await.unwrap().unwrap();
        assert_eq!((row.workflow_id, row.user_id), (Some(workflow.id), Some(user.id)));
        engine.shutdown(std::time::Duration::from_secs(5)).await;
    })
    .await;
}
