//! graph-flow: a path of tasks over a shared context; steps at the same time are children of one `FanOutTask`.
//!
//! Every run is a session of its own, kept in memory, as in the crate's quick start. Values are serialised
//! into the context and out of it.

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use futures::future::BoxFuture;
use graph_flow::fanout::FanOutTask;
use graph_flow::{
    Context, ExecutionStatus, FlowRunner, GraphBuilder, InMemorySessionStorage, NextAction, Session,
    SessionStorage, Task, TaskResult,
};
use serde_json::Value;

use crate::contestant::{Case, Contestant, Prepared, Unable, at_once};
use crate::graph::Graph;
use crate::step::{Count, Work};

/// graph-flow with its sessions in memory.
#[derive(Debug)]
pub(super) struct GraphFlow;

impl Contestant for GraphFlow {
    fn name(&self) -> &'static str {
        "graph-flow 0.8 (session + run)"
    }

    fn prepare(&self, case: &Case) -> Result<Box<dyn Prepared>, Unable> {
        let storage = Arc::new(InMemorySessionStorage::new());
        let (runner, start) = build(&case.graph, case.work, Arc::clone(&storage) as Arc<dyn SessionStorage>);
        let flow = Flow { runner, storage, start };
        Ok(Box::new(Sessions { flow, case: case.clone(), begun: 0 }))
    }
}

struct Sessions {
    flow: Flow,
    case: Case,
    begun: u64,
}

impl Prepared for Sessions {
    fn count(&self) -> Count {
        self.case.full_count()
    }

    fn run(&mut self, times: usize) -> BoxFuture<'_, Duration> {
        Box::pin(async move {
            let clock = Instant::now();
            for _ in 0..times {
                if self.case.executions == 1 {
                    self.begun += 1;
                    self.flow.execute(self.begun).await;
                    continue;
                }
                let ids = self.begun..self.begun + self.case.executions as u64;
                self.begun = ids.end;
                at_once(ids.map(|id| {
                    let flow = self.flow.clone();
                    async move { flow.execute(id).await }
                }))
                .await;
            }
            clock.elapsed()
        })
    }
}

#[derive(Clone)]
struct Flow {
    runner: FlowRunner,
    storage: Arc<InMemorySessionStorage>,
    start: String,
}

impl Flow {
    async fn execute(&self, session: u64) {
        let id = format!("session_{session}");
        let session = Session::new_from_task(id.clone(), &self.start);
        self.storage.save(session).await.expect("no other session has this id");
        let result = self.runner.run(&id).await.expect("no step fails");
        assert!(matches!(result.status, ExecutionStatus::Completed), "the last step ends the flow");
        black_box(result);
        self.storage.delete(&id).await.expect("the session exists");
    }
}

/// The runner, and the id of the task it starts with.
fn build(graph: &Graph, work: Work, storage: Arc<dyn SessionStorage>) -> (FlowRunner, String) {
    let levels = graph.levels();
    let mut builder = GraphBuilder::new("graph");
    let mut ids: Vec<String> = Vec::with_capacity(levels.len());
    for (index, level) in levels.iter().enumerate() {
        let next = if index + 1 == levels.len() { NextAction::End } else { NextAction::ContinueAndExecute };
        let mut steps = level.iter().map(|&step| Step::new(graph, step, work, next.clone()));
        let task: Arc<dyn Task> = match (steps.next(), level.len()) {
            (Some(step), 1) => Arc::new(step),
            (first, _) => {
                let steps = first.into_iter().chain(steps).map(|step| Arc::new(step) as Arc<dyn Task>);
                FanOutTask::new(format!("level_{index}"), steps.collect()).with_next_action(next)
            }
        };
        let id = task.id().to_owned();
        builder = builder.add_task(task);
        if let Some(former) = ids.last() {
            builder = builder.add_edge(former, &id);
        }
        ids.push(id);
    }
    let graph = builder.build().expect("every edge joins two tasks of the graph");
    (FlowRunner::new(Arc::new(graph), storage), ids.swap_remove(0))
}

struct Step {
    id: String,
    inputs: Vec<String>,
    work: Work,
    next: NextAction,
}

impl Step {
    fn new(graph: &Graph, index: usize, work: Work, next: NextAction) -> Self {
        let step = &graph.steps[index];
        let inputs = step.deps.iter().map(|&dep| graph.steps[dep].key.clone()).collect();
        Self { id: step.key.clone(), inputs, work, next }
    }
}

#[async_trait]
impl Task for Step {
    fn id(&self) -> &str {
        &self.id
    }

    async fn run(&self, context: Context) -> graph_flow::Result<TaskResult> {
        let inputs = self.inputs.iter().filter_map(|key| context.get::<Value>(key)).collect();
        context.set(self.id.as_str(), self.work.run_owned(inputs))?;
        Ok(TaskResult::new(None, self.next.clone()))
    }
}
