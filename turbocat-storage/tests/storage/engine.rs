//! Executions of an engine over the store.

use serde_json::{Value, json};
use turbocat_core::testing::ScriptedAgent;
use turbocat_core::{Engine, EngineBuilder, Enqueue, ExecutionStatus, WorkOptions, Workflow};
use turbocat_storage::testing::on_each_store;

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
        worker.shutdown(std::time::Duration::from_secs(5)).await;
    })
    .await;
}
