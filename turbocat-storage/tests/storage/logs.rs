//! What was said while executions went on, and who did what.

use serde_json::json;
use turbocat_storage::StorageErrorKind;
use turbocat_storage::platform::{
    AuditFilter, Direction, LogFilter, LogLevel, LogSort, MAX_LOG_BATCH, NewAuditEntry, NewExecutionLog,
    NewWorkflow, PageRequest, StepState,
};
use uuid::Uuid;

use crate::setting::on_each;

const FORWARD: PageRequest<LogSort> =
    PageRequest { page: 1, page_size: 100, sort: LogSort::CreatedAt, direction: Direction::Ascending };

#[tokio::test]
async fn lines_of_one_moment_stay_in_their_order() {
    on_each(|setting| async move {
        let execution = setting.execution(1, None).await;
        let logs = setting.platform.execution_logs();
        let lines = (0..100).map(|n| NewExecutionLog::new(execution, LogLevel::Info, format!("line {n}")));
        logs.append(lines.collect()).await.unwrap();
        let filter = LogFilter { execution_id: Some(execution), ..LogFilter::default() };
        let page = logs.list(&filter, FORWARD).await.unwrap();
        assert_eq!(page.total, 100);
        for (n, line) in page.items.iter().enumerate() {
            assert_eq!(line.message, format!("line {n}"));
        }
    })
    .await;
}

#[tokio::test]
async fn lines_are_found_by_what_they_are_about() {
    on_each(|setting| async move {
        let (one, other) = (setting.execution(1, None).await, setting.execution(2, None).await);
        let mut about = NewExecutionLog::new(one, LogLevel::Error, "failed");
        about.step_key = Some("fetch".to_owned());
        about.step_status = Some(StepState::Failed);
        about.step_duration_ms = Some(0);
        let lines = vec![
            NewExecutionLog::new(one, LogLevel::Info, "began"),
            about,
            NewExecutionLog::new(other, LogLevel::Info, "began"),
        ];
        let logs = setting.platform.execution_logs();
        logs.append(lines).await.unwrap();
        let all = LogFilter { execution_id: Some(one), ..LogFilter::default() };
        for (filter, total) in [
            (all.clone(), 2),
            (LogFilter { level: Some(LogLevel::Error), ..all.clone() }, 1),
            (LogFilter { step_key: Some("fetch".into()), ..all.clone() }, 1),
            (LogFilter { step_key: Some("other".into()), ..all.clone() }, 0),
            (LogFilter { to: Some(setting.platform.now()), ..all.clone() }, 0),
            (LogFilter { from: Some(setting.platform.now()), ..all }, 2),
        ] {
            assert_eq!(logs.list(&filter, FORWARD).await.unwrap().total, total, "{filter:?}");
        }
        let found = LogFilter { level: Some(LogLevel::Error), ..LogFilter::default() };
        let line = logs.list(&found, FORWARD).await.unwrap().items.remove(0);
        assert_eq!((line.step_status, line.step_duration_ms), (Some(StepState::Failed), Some(0)));
    })
    .await;
}

#[tokio::test]
async fn what_a_log_cannot_hold_is_marked() {
    on_each(|setting| async move {
        let execution = setting.execution(1, None).await;
        let mut line = NewExecutionLog::new(execution, LogLevel::Warn, "zero \0 and more");
        line.metadata = json!({ "output": "ä".repeat(10_000) });
        let mut fits = NewExecutionLog::new(execution, LogLevel::Warn, "fits");
        fits.metadata = json!("ä".repeat(9_998));
        let logs = setting.platform.execution_logs();
        logs.append(vec![line, fits.clone()]).await.unwrap();
        let page = logs.list(&LogFilter::default(), FORWARD).await.unwrap();
        assert_eq!(page.items[0].message, "zero \u{fffd} and more");
        assert_eq!(page.items[0].metadata, json!({ "truncated": true, "length": 10_013 }));
        assert_eq!(page.items[1].metadata, fits.metadata);
    })
    .await;
}

#[tokio::test]
async fn too_many_lines_and_lines_of_nothing_are_refused() {
    on_each(|setting| async move {
        let execution = setting.execution(1, None).await;
        let logs = setting.platform.execution_logs();
        let lines = vec![NewExecutionLog::new(execution, LogLevel::Info, "x"); MAX_LOG_BATCH + 1];
        assert_eq!(logs.append(lines).await.unwrap_err().kind(), StorageErrorKind::Invalid);
        logs.append(vec![]).await.unwrap();
        let nowhere = turbocat_core::ExecutionId::from_uuid(Uuid::from_u128(77));
        let lines = vec![
            NewExecutionLog::new(execution, LogLevel::Info, "x"),
            NewExecutionLog::new(nowhere, LogLevel::Info, "x"),
        ];
        assert_eq!(logs.append(lines).await.unwrap_err().kind(), StorageErrorKind::Constraint);
        assert_eq!(logs.list(&LogFilter::default(), FORWARD).await.unwrap().total, 0);
    })
    .await;
}

#[tokio::test]
async fn the_tail_of_a_workflow_is_the_newest_of_all_its_executions() {
    on_each(|setting| async move {
        let new = NewWorkflow::new(setting.user.id, "flow");
        let (workflow, _) = setting.platform.workflows().create(new, vec![]).await.unwrap();
        let logs = setting.platform.execution_logs();
        for number in 1..=3 {
            let execution = setting.execution(number, Some(workflow.id)).await;
            logs.append(vec![NewExecutionLog::new(execution, LogLevel::Info, format!("of {number}"))])
                .await
                .unwrap();
            setting.pass(1);
        }
        let stranger = setting.execution(9, None).await;
        logs.append(vec![NewExecutionLog::new(stranger, LogLevel::Info, "stranger")]).await.unwrap();
        let tail = logs.tail(workflow.id, &LogFilter::default(), 2).await.unwrap();
        let said: Vec<&str> = tail.iter().map(|line| line.message.as_str()).collect();
        assert_eq!(said, ["of 3", "of 2"]);
    })
    .await;
}

#[tokio::test]
async fn who_did_what_is_added_and_found() {
    on_each(|setting| async move {
        let audit = setting.platform.audit();
        let mut entry = NewAuditEntry::new("agent_created", "agent");
        entry.user_id = Some(setting.user.id);
        entry.resource_id = Some(Uuid::from_u128(5));
        entry.changes = json!({ "name": "x" });
        entry.user_agent = Some("odd\0program".to_owned());
        let made = audit.append(entry).await.unwrap();
        assert_eq!(made.user_agent.as_deref(), Some("odd\u{fffd}program"));
        setting.pass(10);
        audit.append(NewAuditEntry::new("login_failed", "user")).await.unwrap();
        let none = AuditFilter::default;
        for (filter, total) in [
            (none(), 2),
            (AuditFilter { user_id: Some(setting.user.id), ..none() }, 1),
            (AuditFilter { action: Some("login_failed".into()), ..none() }, 1),
            (
                AuditFilter {
                    resource_type: Some("agent".into()),
                    resource_id: Some(Uuid::from_u128(5)),
                    ..none()
                },
                1,
            ),
            (AuditFilter { from: Some(setting.platform.now()), ..none() }, 1),
            (AuditFilter { to: Some(setting.platform.now()), ..none() }, 1),
        ] {
            assert_eq!(audit.list(&filter, PageRequest::default()).await.unwrap().total, total, "{filter:?}");
        }
    })
    .await;
}
