//! Executions of an engine over the store.

use std::time::Duration;

use serde_json::{Value, json};
use turbocat_core::testing::ScriptedAgent;
use turbocat_core::{
    Engine, EngineBuilder, Enqueue, ErrorKind, ExecutionStatus, Journal, Letter, Message, WorkOptions,
    Workflow,
};
use turbocat_storage::args;
use turbocat_storage::testing::on_each_store;
use uuid::Uuid;

const WORKFLOW: &str = "
name: main
steps:
  a: { agent: a, inputs: { n: '{{ inputs.n }}' } }
  each:
    loop: '{{ [1, 2, 3] }}'
    steps: { one: { agent: a, inputs: { n: '{{ item }}' } } }
  child: { workflow: child, inputs: { n: 1 }, dependsOn: a }
  last: { agent: a, dependsOn: [each, child], inputs: { text: '{{ inputs.text }}' } }
";

const CHILD: &str = "
name: child
steps: { inner: { agent: a, inputs: { n: '{{ inputs.n }}' } }, nap: { wait: 5ms, dependsOn: inner } }
";

fn builder(agent: &ScriptedAgent) -> EngineBuilder {
    Engine::builder()
        .agent("a", agent.clone())
        .workflow("main", Workflow::from_yaml(WORKFLOW).unwrap())
        .workflow("child", Workflow::from_yaml(CHILD).unwrap())
}

fn expected(text: &str) -> Value {
    json!({
        "a": { "n": 7 },
        "each": { "results": [{ "one": { "n": 1 } }, { "one": { "n": 2 } }, { "one": { "n": 3 } }],
            "itemCount": 3, "loopCompleted": true },
        "child": { "inner": { "n": 1 }, "nap": {} },
        "last": { "text": text },
    })
}

#[tokio::test]
async fn an_execution_is_written_down_and_can_be_read_back() {
    on_each_store(async |store| {
        let agent = ScriptedAgent::new().echo();
        let engine = builder(&agent).store(store.clone()).build();
        for text in ["short", &"long ".repeat(2000)] {
            let inputs = json!({ "n": 7, "text": text });
            let execution = engine.run("main", inputs).await.unwrap();
            let mut output = execution.output().clone();
            output["child"]["nap"] = json!({});
            assert_eq!(output, expected(text));
            let id = execution.id();
            assert_eq!(store.output(id).await.unwrap().as_ref(), Some(execution.output()));
            let again = engine.resume(id).await.unwrap().wait().await.unwrap();
            assert_eq!(again.output(), execution.output());
            assert_eq!(engine.wait(id).await.unwrap().output(), execution.output());
            let events = store.events(id, 0).await.unwrap();
            let seqs: Vec<_> = events.iter().map(|event| event["seq"].as_u64().unwrap()).collect();
            assert_eq!(seqs, (1..=seqs.len() as u64).collect::<Vec<_>>());
            assert_eq!(store.events(id, 5).await.unwrap(), events[5..]);
        }
        assert_eq!(engine.unfinished().await.unwrap(), []);
    })
    .await;
}

#[tokio::test]
async fn what_is_enqueued_is_done_by_whoever_works() {
    on_each_store(async |store| {
        let agent = ScriptedAgent::new().echo();
        let engine = builder(&agent).store(store.clone()).build();
        let mut ids = Vec::new();
        for n in 0..20 {
            let inputs = json!({ "n": 7, "text": format!("text {n}") });
            ids.push(engine.enqueue("main", inputs, Enqueue::new()).await.unwrap());
        }
        let cancelled = engine.enqueue("main", json!({ "n": 7, "text": "" }), Enqueue::new()).await.unwrap();
        engine.cancel(cancelled, "not needed").await.unwrap();
        let worker = builder(&agent).store(store.clone()).build();
        worker.work(WorkOptions::new()).unwrap();
        for (n, id) in ids.into_iter().enumerate() {
            let execution = engine.wait(id).await.unwrap();
            let mut output = execution.output().clone();
            output["child"]["nap"] = json!({});
            assert_eq!(output, expected(&format!("text {n}")));
        }
        let execution = engine.wait(cancelled).await.unwrap();
        assert_eq!(execution.status(), ExecutionStatus::Cancelled);
        assert_eq!(engine.unfinished().await.unwrap(), []);
        worker.shutdown(Duration::from_secs(5)).await;
    })
    .await;
}

const ASKS: &str = "steps: { ask: { wait: { signal: go } } }";

fn nested(levels: usize) -> Value {
    (0..levels).fold(json!(1), |inner, _| json!([inner]))
}

#[tokio::test]
async fn no_letter_keeps_others_from_being_read() {
    on_each_store(async |store| {
        let engine = builder(&ScriptedAgent::new().echo()).store(store.clone()).build();
        let id = engine.start(Workflow::from_yaml(ASKS).unwrap(), json!({})).unwrap().id();
        while store.load(id).await.unwrap().is_none_or(|recorded| recorded.events.len() < 2) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let error = engine.signal(id, "other", nested(120)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInputs);
        assert!(error.to_string().contains("nested too deep"), "{error}");
        // As another program might have written it.
        let text = "insert into letters (id, execution_id, message) values ($1, $2, $3)";
        let message = "{\"no\": \"message\"}".to_owned();
        store.database().execute(text, args![Uuid::now_v7(), *id.as_uuid(), message]).await.unwrap();
        engine.signal(id, "other", nested(90)).await.unwrap();
        engine.cancel(id, "enough").await.unwrap();
        let ended = tokio::time::timeout(Duration::from_secs(20), engine.wait(id)).await.unwrap().unwrap();
        assert_eq!(ended.status(), ExecutionStatus::Cancelled);
        assert!(store.letters(id).await.unwrap().is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_letter_is_heard_although_its_sender_did_not_wait_until_it_was_written() {
    on_each_store(async |store| {
        let engine = builder(&ScriptedAgent::new().echo()).store(store.clone()).build();
        for polls in 0..6 {
            let id = engine.start(Workflow::from_yaml(ASKS).unwrap(), json!({})).unwrap().id();
            while store.load(id).await.unwrap().is_none_or(|recorded| recorded.events.len() < 2) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            {
                let letter = Letter::new(id, Message::Cancel { reason: "enough".into() });
                let mut sending = std::pin::pin!(store.send(&letter));
                for _ in 0..=polls {
                    if poll_once(sending.as_mut()).await.is_ready() {
                        break;
                    }
                    tokio::task::yield_now().await;
                }
            }
            let ended = tokio::time::timeout(Duration::from_secs(20), engine.wait(id)).await;
            assert_eq!(ended.unwrap().unwrap().status(), ExecutionStatus::Cancelled, "after {polls} polls");
        }
    })
    .await;
}

/// Polls once.
async fn poll_once<F: Future>(mut future: std::pin::Pin<&mut F>) -> std::task::Poll<()> {
    std::future::poll_fn(|cx| std::task::Poll::Ready(future.as_mut().poll(cx).map(drop))).await
}

#[tokio::test]
async fn an_execution_of_somebody_who_is_not_there_is_not_said_to_exist() {
    on_each_store(async |store| {
        let engine = builder(&ScriptedAgent::new().echo()).store(store.clone()).build();
        let how = Enqueue::new().belongs_to(Some(Uuid::now_v7()), None);
        let error = engine.enqueue(Workflow::from_yaml(ASKS).unwrap(), json!({}), how).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Journal, "{error}");
        assert!(!error.to_string().contains("of that name"), "{error}");
    })
    .await;
}
