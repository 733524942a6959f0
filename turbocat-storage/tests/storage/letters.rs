//! Letters to executions that end or are parked at the same moment.

use std::time::Duration;

use serde_json::{Value, json};
use turbocat_core::{
    Commit, Definition, ExecutionId, ExecutionStatus, Journal, Letter, Message, NewExecution, Release,
    Standing, WorkerId,
};
use turbocat_storage::testing::on_each_store;
use turbocat_storage::{Store, args};

fn new_execution() -> NewExecution {
    let definition = Definition::new(&json!({ "steps": {} }));
    let mut new = NewExecution::new(ExecutionId::generate(), definition, Value::Null.into());
    new.held_by = Some(WorkerId::generate());
    new
}

/// Ends an execution, and tells another one.
async fn end(store: &Store, execution: ExecutionId, tells: Option<ExecutionId>) {
    let standing = Standing { status: ExecutionStatus::Completed, ..Standing::default() };
    let message = Message::ChildEnded {
        execution,
        status: ExecutionStatus::Completed,
        output: Value::Null.into(),
        failure: None,
    };
    let letters: Vec<Letter> = tells.into_iter().map(|to| Letter::new(to, message.clone())).collect();
    let events = [json!({ "seq": 1 })];
    let commit = Commit::new(execution, 0, &events).standing(standing).sends(&letters);
    store.commit(commit).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn no_letter_is_left_to_an_execution_that_ends_while_it_is_sent() {
    on_each_store(async |store| {
        for _ in 0..20 {
            let pairs: Vec<_> = (0..10).map(|_| [new_execution(), new_execution()]).collect();
            store.create(pairs.as_flattened()).await.unwrap();
            let ends = pairs.iter().flat_map(|[parent, child]| {
                let (parent, child) = (parent.execution, child.execution);
                [(child, Some(parent)), (parent, None)].map(|(execution, tells)| {
                    let store = store.clone();
                    tokio::spawn(async move { end(&store, execution, tells).await })
                })
            });
            for ended in ends.collect::<Vec<_>>() {
                ended.await.unwrap();
            }
        }
        for table in ["select count(*) as count from letters", "select count(*) as count from jobs"] {
            let row = store.database().fetch_one(table, args![]).await.unwrap();
            assert_eq!(row.get::<i64>("count").unwrap(), 0, "{table}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_execution_that_is_parked_while_a_letter_comes_is_woken() {
    on_each_store(async |store| {
        for round in 0..100 {
            let pairs: Vec<_> = (0..4).map(|_| [new_execution(), new_execution()]).collect();
            store.create(pairs.as_flattened()).await.unwrap();
            let turns = pairs.iter().flat_map(|[parent, child]| {
                let (to, worker, child) = (parent.execution, parent.held_by.unwrap(), child.execution);
                let (sends, parks) = (store.clone(), store.clone());
                [
                    tokio::spawn(async move { end(&sends, child, Some(to)).await }),
                    tokio::spawn(async move {
                        // At another moment of the other's transaction each time.
                        tokio::time::sleep(Duration::from_micros(round * 40)).await;
                        parks.release(worker, to, Release::Park { until: None }).await.unwrap();
                    }),
                ]
            });
            for turn in turns.collect::<Vec<_>>() {
                turn.await.unwrap();
            }
            let text = "select count(*) as count from jobs where state = 2";
            let row = store.database().fetch_one(text, args![]).await.unwrap();
            assert_eq!(row.get::<i64>("count").unwrap(), 0, "it waits, and its letter waits for it");
        }
    })
    .await;
}
