//! What is kept, and for how long.

use std::time::Duration;

use turbocat_storage::args;
use turbocat_storage::platform::{
    Ages, LogFilter, LogLevel, NewAuditEntry, NewExecutionLog, NewWorkflow, PageRequest, Pruned,
};

use crate::setting::on_each;

const DAY: i64 = 24 * 60 * 60 * 1000;

#[tokio::test]
async fn what_is_old_goes_and_nothing_else() {
    on_each(|setting| async move {
        let platform = &setting.platform;
        let (old, kept) = (setting.agent("old").await, setting.agent("kept").await);
        platform.agents().delete(old.id).await.unwrap();
        let new = NewWorkflow::new(setting.user.id, "flow");
        let (workflow, _) = platform.workflows().create(new, vec![]).await.unwrap();
        setting.execution(1, Some(workflow.id)).await;
        platform.workflows().delete(workflow.id).await.unwrap();
        let execution = setting.execution(2, None).await;
        platform.audit().append(NewAuditEntry::new("login", "user")).await.unwrap();
        platform
            .execution_logs()
            .append(vec![NewExecutionLog::new(execution, LogLevel::Info, "old")])
            .await
            .unwrap();
        assert_eq!(platform.prune(Ages::default()).await.unwrap(), Pruned::default());

        setting.pass(31 * DAY);
        platform
            .execution_logs()
            .append(vec![NewExecutionLog::new(execution, LogLevel::Info, "new")])
            .await
            .unwrap();
        let pruned = platform.prune(Ages::default()).await.unwrap();
        assert_eq!((pruned.execution_logs, pruned.deleted, pruned.audit), (1, 0, 0));
        let left =
            platform.execution_logs().list(&LogFilter::default(), PageRequest::default()).await.unwrap();
        assert_eq!((left.total, left.items[0].message.as_str()), (1, "new"));

        setting.pass(60 * DAY);
        let pruned = platform.prune(Ages::default()).await.unwrap();
        assert_eq!((pruned.deleted, pruned.audit), (1, 0), "an execution of the workflow goes on");
        let end = "update executions set status = 'completed' where workflow_id = $1";
        platform.database().execute(end, args![workflow.id]).await.unwrap();
        let pruned = platform.prune(Ages::default()).await.unwrap();
        assert_eq!((pruned.deleted, pruned.audit), (1, 0));
        assert!(platform.agents().restore(old.id).await.is_err());
        assert!(platform.agents().get(kept.id).await.unwrap().is_some());
        let id = turbocat_core::ExecutionId::from_uuid(uuid::Uuid::from_u128(1));
        assert_eq!(platform.executions().get(id).await.unwrap(), None, "it went with its workflow");

        setting.pass(300 * DAY);
        let ages = Ages { audit: Duration::from_secs(400 * 24 * 60 * 60), ..Ages::default() };
        assert_eq!(platform.prune(ages).await.unwrap().audit, 0);
        assert_eq!(platform.prune(Ages::default()).await.unwrap().audit, 1);
    })
    .await;
}

#[tokio::test]
async fn more_than_a_batch_goes_in_batches() {
    on_each(|setting| async move {
        let execution = setting.execution(1, None).await;
        let logs = setting.platform.execution_logs();
        for _ in 0..11 {
            logs.append(vec![NewExecutionLog::new(execution, LogLevel::Info, "x"); 100]).await.unwrap();
        }
        setting.pass(31 * DAY);
        assert_eq!(setting.platform.prune(Ages::default()).await.unwrap().execution_logs, 1100);
    })
    .await;
}
