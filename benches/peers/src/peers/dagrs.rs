//! dagrs: nodes that send values over channels; all are spawned at once and wait for their inputs.
//!
//! A graph runs again after `reset`, which makes its channels anew.

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use dagrs::{
    Action, CompletionStatus, Content, DefaultNode, EnvVar, Graph, InChannels, Node as _, NodeTable,
    OutChannels, Output,
};
use futures::future::BoxFuture;
use serde_json::Value;

use crate::contestant::{Building, Case, Contestant, Prepared, Unable, at_once};
use crate::graph;
use crate::step::{Count, Shared, Work};

/// dagrs, with or without the reset that every run needs.
#[derive(Debug)]
pub(super) struct Dagrs {
    pub(super) building: Building,
}

impl Contestant for Dagrs {
    fn name(&self) -> &'static str {
        match self.building {
            Building::OnTheClock => "dagrs 0.9 (reset + run)",
            Building::OffTheClock => "dagrs 0.9 (run only)",
        }
    }

    fn prepare(&self, case: &Case) -> Result<Box<dyn Prepared>, Unable> {
        let graphs = (0..case.executions).map(|_| build(&case.graph, case.work)).collect();
        Ok(Box::new(Graphs { graphs, count: case.full_count(), building: self.building }))
    }
}

struct Graphs {
    graphs: Vec<Graph>,
    count: Count,
    building: Building,
}

impl Prepared for Graphs {
    fn count(&self) -> Count {
        self.count
    }

    fn run(&mut self, times: usize) -> BoxFuture<'_, Duration> {
        Box::pin(async move {
            let mut elapsed = Duration::ZERO;
            for _ in 0..times {
                let mut clock = Instant::now();
                self.reset().await;
                if self.building == Building::OffTheClock {
                    clock = Instant::now();
                }
                self.start().await;
                elapsed += clock.elapsed();
            }
            elapsed
        })
    }
}

impl Graphs {
    async fn reset(&mut self) {
        for graph in &mut self.graphs {
            graph.reset().await.expect("a graph that is not running can be reset");
        }
    }

    async fn start(&mut self) {
        if let [graph] = &mut self.graphs[..] {
            start(graph).await;
            return;
        }
        let run = |mut graph: Graph| async move {
            start(&mut graph).await;
            graph
        };
        self.graphs = at_once(self.graphs.drain(..).map(run)).await;
    }
}

async fn start(graph: &mut Graph) {
    let report = graph.async_start().await.expect("no step fails");
    assert_eq!(report.status, CompletionStatus::Succeeded);
    black_box(report);
}

fn build(described: &graph::Graph, work: Work) -> Graph {
    let mut table = NodeTable::new();
    let mut graph = Graph::new();
    let mut ids = Vec::with_capacity(described.steps.len());
    let mut dependents = vec![Vec::new(); described.steps.len()];
    for step in &described.steps {
        let node = DefaultNode::with_action(step.key.clone(), Step(work), &mut table);
        let id = node.id();
        graph.add_node(node).expect("every node has its own id");
        for &dep in &step.deps {
            dependents[dep].push(id);
        }
        ids.push(id);
    }
    for (&id, dependents) in ids.iter().zip(dependents) {
        graph.add_edge(id, dependents).expect("all nodes are in the graph");
    }
    graph.set_env(EnvVar::new(table));
    graph
}

struct Step(Work);

#[async_trait]
impl Action for Step {
    async fn run(&self, inputs: &mut InChannels, outputs: &mut OutChannels, _: Arc<EnvVar>) -> Output {
        let received = inputs.map(|content| content.ok().and_then(Content::into_inner::<Value>));
        let values: Vec<Shared> = received.await.into_iter().flatten().collect();
        let value = self.0.run(&values);
        outputs.broadcast(Content::from_arc(Arc::clone(&value))).await;
        Output::Out(Some(Content::from_arc(value)))
    }
}
