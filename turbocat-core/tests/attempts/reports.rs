//! What attempts say while they are being done.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use serde_json::{Value, json};
use turbocat_core::{Engine, Level, Observer, Report, Said, Secrets, StepFailure, agent_fn_with};

use crate::workflow;

#[derive(Clone, Default)]
struct Ear(Arc<Mutex<Vec<Report>>>);

impl Observer for Ear {
    fn report(&self, report: &Report) {
        self.0.lock().unwrap().push(report.clone());
    }
}

struct Vault(BTreeMap<&'static str, &'static str>);

#[async_trait]
impl Secrets for Vault {
    async fn secret(&self, name: &str) -> Option<String> {
        self.0.get(name).map(|secret| (*secret).to_owned())
    }
}

fn engine(ear: &Ear) -> Engine {
    let talker = agent_fn_with(|input: Value, request| async move {
        let key = input["key"].as_str().unwrap_or("none").to_owned();
        request.log(Level::Info, format!("using {key}"), Some(json!({ "key": key })));
        for part in 0..3 {
            request.progress(json!({ "part": part, "key": key }));
            tokio::task::yield_now().await;
        }
        Ok::<_, StepFailure>(json!({ "told": request.redact(&key) }))
    });
    Engine::builder()
        .agent("talker", talker)
        .secrets(Vault(BTreeMap::from([("KEY", "hunter2")])))
        .observer(ear.clone())
        .build()
}

const TEXT: &str = "
steps:
  each:
    loop: '{{ [1] }}'
    steps: { say: { agent: talker, inputs: { key: '{{ secrets.KEY }}' } } }
";

#[tokio::test]
async fn the_observer_hears_logs_and_progress_in_order_without_secrets() {
    let ear = Ear::default();
    let execution = engine(&ear).run(&workflow(TEXT), json!({})).await.unwrap();
    let heard = ear.0.lock().unwrap();
    assert_eq!(heard.len(), 4);
    assert!(heard.iter().all(|report| {
        report.step == "each[0].say" && report.attempt == 1 && report.execution == execution.id()
    }));
    let (message, data) = ("using [secret]".to_owned(), Some(json!({ "key": "[secret]" })));
    assert_eq!(heard[0].said, Said::Log { level: Level::Info, message, data });
    let last = Said::Progress { value: json!({ "part": 2, "key": "[secret]" }) };
    assert_eq!(heard[3].said, last);
    let told = &execution.output()["each"]["results"][0]["say"]["told"];
    assert_eq!(*told, "[secret]");
    let json = serde_json::to_value(&heard[3]).unwrap();
    assert_eq!((&json["type"], &json["step"]), (&json!("progress"), &json!("each[0].say")));
}

#[tokio::test]
async fn a_handle_gives_the_reports_of_its_execution_until_it_ends() {
    let engine = engine(&Ear::default());
    let handle = engine.start(workflow(TEXT), json!({})).unwrap();
    let mut reports = handle.reports();
    let mut count = 0;
    while let Some(report) = reports.next().await {
        assert_eq!(report.execution, handle.id());
        count += 1;
    }
    assert_eq!(count, 4);
    handle.wait().await.unwrap();
}

#[tokio::test]
async fn a_reader_that_is_too_slow_is_told_how_much_it_missed() {
    let talker = agent_fn_with(|_: Value, request| async move {
        for part in 0..3000 {
            request.progress(part);
        }
        Ok::<_, StepFailure>(Value::Null)
    });
    let engine = Engine::builder().agent("talker", talker).build();
    let handle = engine.start(workflow("steps: { a: { agent: talker } }"), json!({})).unwrap();
    let mut reports = handle.reports();
    handle.wait().await.unwrap();
    let (mut seen, mut missed) = (0, 0);
    while let Some(report) = reports.next().await {
        match report.said {
            Said::Missed { count } => missed += count,
            _ => seen += 1,
        }
    }
    assert_eq!(seen + missed, 3000);
    assert!(missed > 0 && seen > 0, "{seen} seen, {missed} missed");
}
