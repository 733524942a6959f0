//! What the next engine does about attempts that were being done when one went away.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::json;
use turbocat_core::testing::{ManualClock, ScriptedAgent, check_recorded};
use turbocat_core::{
    AgentExecutor, Approval, AttemptRequest, Engine, ExecutionId, ExecutionStatus, Journal, MemoryJournal,
    StepFailure, StepOutput, StepStatus, Workflow,
};

/// A scripted agent that notes the idempotency keys it is given.
struct Keyed {
    script: ScriptedAgent,
    keys: Arc<Mutex<Vec<String>>>,
}

#[async_trait]
impl AgentExecutor for Keyed {
    async fn execute(&self, request: AttemptRequest) -> Result<StepOutput, StepFailure> {
        self.keys.lock().unwrap().push(request.idempotency_key());
        self.script.execute(request).await
    }
}

struct World {
    journal: Arc<dyn Journal>,
    agent: ScriptedAgent,
    keys: Arc<Mutex<Vec<String>>>,
    clock: ManualClock,
}

impl World {
    fn engine(&self) -> Engine {
        let agent = Keyed { script: self.agent.clone(), keys: self.keys.clone() };
        Engine::builder()
            .agent("a", agent)
            .shared_store(self.journal.clone())
            .clock(self.clock.clone())
            .build()
    }

    /// Begins an execution and goes away in the middle of its first attempt.
    async fn crash(&self, yaml: &str) -> ExecutionId {
        let engine = self.engine();
        let workflow = Workflow::from_yaml(yaml).unwrap();
        let mut run = Box::pin(engine.run(&workflow, json!({})));
        tokio::select! {
            _ = &mut run => unreachable!(),
            () = self.agent.until_hanging(1) => {}
        }
        engine.unfinished().await.unwrap()[0]
    }

    async fn recorded_rightly(&self, id: ExecutionId, yaml: &str) {
        let plan = self.engine().compile(&Workflow::from_yaml(yaml).unwrap()).unwrap();
        let recorded = self.journal.load(id).await.unwrap().unwrap();
        assert_eq!(check_recorded(&plan, &recorded.events), Vec::<String>::new());
    }
}

fn world() -> World {
    World {
        journal: Arc::new(MemoryJournal::new()),
        agent: ScriptedAgent::new().then_hang().then("done"),
        keys: Arc::default(),
        clock: ManualClock::new(),
    }
}

#[test]
fn the_next_engine_does_it_again_at_once_with_the_same_key() {
    let world = world();
    world.clock.block_on(async {
        let yaml = "steps: { each: { loop: [1], agent: a } }";
        let id = world.crash(yaml).await;
        let execution = world.engine().resume(id).await.unwrap().wait().await.unwrap();
        assert_eq!(execution.output()["each"]["results"], json!(["done"]));
        assert_eq!(world.clock.elapsed().as_millis(), 0);
        let key = format!("{id}/each[0].do");
        assert_eq!(*world.keys.lock().unwrap(), [key.clone(), key]);
        world.recorded_rightly(id, yaml).await;
    });
}

#[test]
fn the_next_engine_asks_and_does_as_it_is_told() {
    let check = |approval: Approval, status: ExecutionStatus, calls: usize| {
        let world = world();
        world.clock.block_on(async {
            let yaml = "steps: { s: { agent: a, onLost: ask } }";
            let id = world.crash(yaml).await;
            // The one after it asks still.
            let second = world.engine();
            second.resume(id).await.unwrap().explain("s").await.unwrap();
            second.shutdown(Duration::ZERO).await;
            let handle = world.engine().resume(id).await.unwrap();
            let told = handle.explain("s").await.unwrap();
            assert_eq!(told.report.status, StepStatus::Waiting);
            assert!(
                told.cause.starts_with("it waits for a person: Attempt 1 of step `s` was lost"),
                "{told}"
            );
            handle.approve("s", approval).await.unwrap();
            assert_eq!(handle.wait().await.unwrap().status(), status);
            assert_eq!(world.agent.calls().len(), calls);
            world.recorded_rightly(id, yaml).await;
        });
    };
    check(Approval::yes(), ExecutionStatus::Completed, 2);
    check(Approval::no(), ExecutionStatus::Failed, 1);
}
