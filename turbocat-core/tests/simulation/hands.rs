//! The agent of the simulation: takes its time, answers what the reference answers, and notes that
//! it was asked.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;
use turbocat_core::{AgentExecutor, AttemptRequest, Journal, Scheduler, StepFailure, StepOutput, StepStatus};

use crate::flows::{answer, hangs, plan_of};
use crate::seen::{Life, Seen};

/// Does attempts for one engine.
pub(crate) struct Hands {
    pub(crate) life: Life,
    pub(crate) seen: Arc<Seen>,
    /// Whether its places on all nodes together are limited.
    pub(crate) few: bool,
}

impl Hands {
    /// An attempt is begun: it is written down, begun once, and its step has not ended; the last
    /// as far as the one who begins it drives the execution.
    async fn begin(&self, request: &AttemptRequest) {
        let (id, path, attempt) = (request.execution(), request.path(), request.attempt);
        let name = self.seen.name(id);
        let what = format!("{} begins attempt {attempt} of {name} {path}", self.life);
        self.seen.note(&what);
        if !self.seen.begins(id, &path, attempt) {
            self.seen.complain(&format!("{what}, which was begun before"));
        }
        let recorded = self.seen.journal.load(id).await.unwrap().unwrap();
        if !recorded.events.iter().any(|event| starts(event, &path, attempt)) {
            self.seen.complain(&format!("{what}, which is not written down"));
        }
        let plan = plan_of(&recorded.definition.workflow());
        let events: Vec<_> = recorded.events.iter().map(|event| plan.decode(event).unwrap()).collect();
        let Ok(scheduler) = Scheduler::replay(&plan, &events) else {
            return self.seen.complain(&format!("{what}, and the journal cannot be replayed"));
        };
        let report = scheduler.explain(&path).map(|found| found.report);
        let stands = report.map(|report| (report.status, report.attempts));
        if self.seen.drives(self.life, id) && stands != Some((StepStatus::Running, attempt)) {
            self.seen.complain(&format!("{what}, but that stands at {stands:?}"));
        }
    }
}

/// Whether an event starts an attempt at a step of that path, in whichever iteration.
fn starts(event: &Value, path: &str, attempt: u32) -> bool {
    let step = event["step"].as_str().unwrap_or_default();
    let plain: String =
        path.split('[').map(|part| part.split_once(']').map_or(part, |(_, rest)| rest)).collect();
    event["type"] == "attemptStarted"
        && event["attempt"] == attempt
        && step.split('#').next() == Some(&*plain)
}

#[async_trait]
impl AgentExecutor for Hands {
    async fn execute(&self, request: AttemptRequest) -> Result<StepOutput, StepFailure> {
        self.begin(&request).await;
        let place = self.few.then(|| {
            let attempt = format!("{}/{}", request.path(), request.attempt);
            self.seen.enters(self.life, request.execution(), attempt)
        });
        if hangs(&request.inputs, request.attempt) {
            std::future::pending::<()>().await;
        }
        let naps = request.inputs["naps"].as_u64().unwrap_or(0);
        let millis = if self.seen.hits(500) { 0 } else { self.seen.chance.lock().unwrap().between(0, 1500) };
        if naps + millis > 0 {
            self.seen.sleep(Duration::from_millis(naps + millis)).await;
        }
        drop(place);
        answer(&request.inputs, request.attempt).map(StepOutput::from)
    }
}
