//! Times that are due, and limits over all nodes.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use turbocat_core::testing::ScriptedAgent;
use turbocat_core::{Engine, Enqueue, Timestamp, WorkOptions, Workflow, agent_fn};
use turbocat_storage::testing::on_each_store;
use turbocat_storage::{Ticker, args};
use uuid::Uuid;

#[tokio::test]
async fn a_time_that_has_come_starts_its_workflow_once_whoever_looks() {
    on_each_store(async |store| {
        let agent = ScriptedAgent::new().echo();
        let workflow = "name: tick\nsteps: { a: { agent: a, inputs: { n: '{{ inputs.n }}' } } }";
        let engine = || {
            Engine::builder()
                .agent("a", agent.clone())
                .workflow("tick", Workflow::from_yaml(workflow).unwrap())
                .store(store.clone())
                .build()
        };
        let minute = store.now().as_millis() / 60_000 * 60_000;
        let add = async |missed: &str, minutes_ago: i64| {
            let id = Uuid::now_v7();
            let due = Timestamp::from_millis(minute - minutes_ago * 60_000);
            let text = "insert into triggers (id, workflow_name, kind, name, cron, missed, inputs, next_at)
                values ($1, 'tick', 'cron', 'every minute', '* * * * *', $2, $3, $4)";
            store.database().execute(text, args![id, missed, json!({ "n": 1 }), due]).await.unwrap();
            id
        };
        let (all, once, skip) = (add("all", 3).await, add("once", 3).await, add("skip", 0).await);
        let tickers = [Ticker::new(store.clone(), engine()), Ticker::new(store.clone(), engine())];
        let (one, two) = tokio::join!(tickers[0].tick(), tickers[1].tick());
        let ticks = [one.unwrap(), two.unwrap()].concat();
        let of = |trigger: Uuid| ticks.iter().filter(|tick| tick.trigger == trigger).count();
        assert!((4..=5).contains(&of(all)), "{ticks:?}");
        assert_eq!((of(once), of(skip)), (1, 1));
        let names: HashSet<_> = ticks.iter().map(|tick| tick.execution).collect();
        assert_eq!(names.len(), ticks.len());
        let text = "select count(*) as n from triggers where next_at > $1 and last_execution_id is not null";
        let row = store.database().fetch_one(text, args![Timestamp::from_millis(minute)]).await.unwrap();
        assert_eq!(row.get::<i64>("n").unwrap(), 3);
        let worker = engine();
        worker.work(WorkOptions::new()).unwrap();
        for tick in &ticks {
            assert!(worker.wait(tick.execution).await.unwrap().is_completed());
        }
        worker.shutdown(Duration::from_secs(5)).await;
    })
    .await;
}

#[tokio::test]
async fn a_node_that_is_shutting_down_leaves_the_time_that_has_come_to_others() {
    on_each_store(async |store| {
        let engine = || {
            Engine::builder()
                .agent("a", ScriptedAgent::new().echo())
                .workflow("tick", Workflow::from_yaml("name: tick\nsteps: { a: { agent: a } }").unwrap())
                .store(store.clone())
                .build()
        };
        let due = Timestamp::from_millis(store.now().as_millis() / 60_000 * 60_000);
        let text = "insert into triggers (id, workflow_name, kind, name, cron, missed, next_at)
            values ($1, 'tick', 'cron', 'every minute', '* * * * *', 'once', $2)";
        store.database().execute(text, args![Uuid::now_v7(), due]).await.unwrap();
        let leaving = engine();
        leaving.shutdown(Duration::ZERO).await;
        assert!(Ticker::new(store.clone(), leaving).tick().await.unwrap().is_empty());
        assert_eq!(Ticker::new(store.clone(), engine()).tick().await.unwrap().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn an_agent_has_no_more_attempts_on_all_nodes_than_its_limit() {
    on_each_store(async |store| {
        let text = "insert into concurrency_limits (kind, name, places) values ('agent', 'a', 2)";
        store.database().execute(text, args![]).await.unwrap();
        store.look_at_limits().await.unwrap();
        let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let engine = || {
            let (now, most) = (now.clone(), most.clone());
            let agent = agent_fn(move |_: Value| {
                let (now, most) = (now.clone(), most.clone());
                async move {
                    most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    tokio::time::sleep(Duration::from_millis(5)).await;
                    now.fetch_sub(1, Ordering::SeqCst);
                    Ok(json!(null))
                }
            });
            Engine::builder().agent("a", agent).store(store.clone()).build()
        };
        let workflow = Workflow::from_yaml("steps: { a: { agent: a }, b: { agent: a } }").unwrap();
        let nodes = [engine(), engine()];
        let mut ids = Vec::new();
        for _ in 0..8 {
            ids.push(nodes[0].enqueue(&workflow, json!({}), Enqueue::new()).await.unwrap());
        }
        for node in &nodes {
            node.work(WorkOptions::new()).unwrap();
        }
        for id in ids {
            assert!(nodes[1].wait(id).await.unwrap().is_completed());
        }
        assert_eq!(most.load(Ordering::SeqCst), 2);
        for node in &nodes {
            node.shutdown(Duration::from_secs(5)).await;
        }
    })
    .await;
}
