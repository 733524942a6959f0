//! The agent of the simulation: takes its time, answers what the reference answers, and notes that
//! it was asked.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
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
    /// as far as the one who begins it may drive the execution.
    async fn begin(&self, request: &AttemptRequest) {
        let (id, path, attempt) = (request.execution(), request.path(), request.attempt);
        let name = self.seen.name(id);
        let what = format!("{} begins attempt {attempt} of {name} {path}", self.life);
        self.seen.note(&what);
        if !self.seen.begins(id, &path, attempt) {
            self.seen.complain(&format!("{what}, which was begun before"));
        }
        let recorded = self.seen.journal.load(id).await.unwrap().unwrap();
        let plan = plan_of(&recorded.workflow);
        let events: Vec<_> = recorded.events.iter().map(|event| plan.decode(event).unwrap()).collect();
        let Ok(scheduler) = Scheduler::replay(&plan, &events) else {
            return self.seen.complain(&format!("{what}, and the journal cannot be replayed"));
        };
        let report = scheduler.explain(&path).map(|found| found.report);
        let stands = report.as_ref().map(|report| (report.status, report.attempts));
        let written = stands.is_some_and(|(_, attempts)| attempts >= attempt);
        if !written {
            self.seen.complain(&format!("{what}, which is not written down: {stands:?}"));
        }
        if self.seen.is_holder(self.life, id) && stands != Some((StepStatus::Running, attempt)) {
            self.seen.complain(&format!("{what}, but that stands at {stands:?}"));
        }
    }
}

#[async_trait]
impl AgentExecutor for Hands {
    async fn execute(&self, request: AttemptRequest) -> Result<StepOutput, StepFailure> {
        self.begin(&request).await;
        let place = self.few.then(|| self.seen.enters(self.life, request.execution()));
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
