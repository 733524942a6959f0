//! Nested workflows: tasks of this engine where nothing is written down, executions of their own
//! in the journal where there is one.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use super::driver::{Driver, End};
use super::error::{Error, ErrorKind};
use super::journal::JournalErrorKind;
use super::letter::{Letter, Message};
use super::news::{Ask, Child, News, Stop};
use super::shared::{Active, Nested, Shared};
use super::writer::Enclosed;
use crate::event::{ExecutionStatus, Fact, Work};
use crate::failure::StepFailure;
use crate::scheduler::{Action, ChildOutcome, Input, Scheduler, Turn};
use crate::time::ExecutionId;
use crate::usage::Usage;

/// How long to wait before a nested workflow that could not be claimed is asked for again.
const AGAIN: Duration = Duration::from_secs(1);

/// What a turn sends to other executions.
#[derive(Default)]
pub(super) struct Outgoing {
    /// What is written together with the turn.
    pub(super) enclosed: Enclosed,
    /// The executions that begin with it.
    begun: Vec<(Driver, Turn)>,
    /// Those that cannot begin, and why.
    refused: Vec<(ExecutionId, StepFailure)>,
    /// Those that began before, and are perhaps not driven by anybody.
    adopted: Vec<Adopted>,
}

impl Outgoing {
    /// Nobody knows whether it was written: whoever reads back what is there goes on with it.
    pub(super) fn abandon(self) {
        self.begun.into_iter().for_each(|(driver, _)| driver.abandon());
    }
}

struct Adopted {
    execution: ExecutionId,
    workflow: Box<str>,
    inputs: Arc<Value>,
    wait: bool,
}

impl Driver {
    /// Where executions are written down: takes out of a turn what concerns other executions.
    pub(super) fn outgoing(&self, turn: &Turn, letter: Option<Uuid>) -> Outgoing {
        let mut outgoing = Outgoing::default();
        outgoing.enclosed.read = letter;
        let concerns_others =
            |action: &Action| matches!(action, Action::StartChild { .. } | Action::CancelChild { .. });
        if turn.actions.iter().any(concerns_others) {
            let fresh: std::collections::BTreeSet<ExecutionId> =
                turn.events.iter().filter_map(|event| started(&event.fact)).collect();
            for action in &turn.actions {
                match action {
                    Action::StartChild { execution, workflow, inputs, wait } => {
                        let (execution, workflow, wait) = (*execution, workflow.clone(), *wait);
                        let child = Adopted { execution, workflow, inputs: inputs.clone(), wait };
                        if fresh.contains(&execution) {
                            self.begin_child(&mut outgoing, child);
                        } else {
                            outgoing.adopted.push(child);
                        }
                    }
                    Action::CancelChild { execution } => {
                        let reason = self.no_longer_needed();
                        outgoing.enclosed.sends.push(Letter::new(*execution, Message::Cancel { reason }));
                    }
                    _ => {}
                }
            }
        }
        // Nested workflows of attempts that are stopped by this turn, or were by their time limits.
        let stopped = turn.actions.iter().filter_map(|action| match action {
            Action::Abort { step, attempt } => Some((*step, *attempt)),
            _ => None,
        });
        for execution in self.surrounding.forsaken(stopped) {
            let reason = self.no_longer_needed();
            outgoing.enclosed.sends.push(Letter::new(execution, Message::Cancel { reason }));
        }
        if self.scheduler.status().is_ended()
            && let Some(parent) = self.writer.as_ref().and_then(super::writer::Writer::parent)
        {
            outgoing.enclosed.sends.push(end_of(&self.scheduler, parent));
        }
        outgoing
    }

    fn no_longer_needed(&self) -> Box<str> {
        format!("its parent {} no longer needs it", self.context.id).into()
    }

    fn begin_child(&self, outgoing: &mut Outgoing, child: Adopted) {
        let Adopted { execution, workflow, inputs, wait } = child;
        let nested = self.nested(execution, workflow, inputs, wait);
        match self.shared.begin_durable_child(nested) {
            Ok((driver, first, new)) => {
                outgoing.enclosed.starts.push(new);
                outgoing.begun.push((driver, first));
            }
            Err(failure) => {
                tracing::warn!(%failure, "a nested workflow could not be started");
                outgoing.refused.push((execution, failure));
            }
        }
    }

    fn nested(&self, id: ExecutionId, workflow: Box<str>, inputs: Arc<Value>, wait: bool) -> Nested {
        let waited_by = wait.then_some(self.context.id);
        Nested { id, workflow, inputs, within: self.lineage.clone(), waited_by, parent: self.context.id }
    }

    /// What was sent was written down; sees to it that it arrives soon.
    pub(super) fn sent(&mut self, outgoing: Outgoing) {
        let Some(durable) = self.shared.durable.clone() else { return };
        for letter in &outgoing.enclosed.sends {
            durable.nudge(letter.to);
        }
        for (mut driver, first) in outgoing.begun {
            if outgoing.enclosed.sends.iter().any(|letter| letter.to == driver.id()) {
                driver = driver.has_mail();
            }
            tokio::spawn(driver.taken_in().drive(first));
        }
        let news = Self::channel(&mut self.news).0.clone();
        for (execution, failure) in outgoing.refused {
            let _ = news.send(News::Child { execution, outcome: Box::new(refused(failure)) });
        }
        for child in outgoing.adopted {
            let Adopted { execution, workflow, inputs, wait } = child;
            let nested = self.nested(execution, workflow, inputs, wait);
            let (shared, news) = (self.shared.clone(), news.clone());
            let active = Active::new(&shared);
            tokio::spawn(async move {
                if let Err(failure) = shared.adopt(nested).await {
                    let _ = news.send(News::Child { execution, outcome: Box::new(refused(failure)) });
                }
                drop(active);
            });
        }
    }

    pub(super) fn cancel_child(&mut self, execution: ExecutionId) {
        if let Some(child) = self.children.remove(&execution) {
            let reason = self.no_longer_needed();
            let (answer, _) = oneshot::channel();
            // The task is let go, not stopped: it ends by itself, and says how.
            child.stop.release();
            let ask = Box::new(Ask::Input(Input::Cancel { reason }));
            drop(child.news.send(News::Ask { ask, answer }));
        }
    }

    /// Where nothing is written down: does it on a task of its own.
    pub(super) fn start_child(
        &mut self,
        execution: ExecutionId,
        workflow: &str,
        inputs: Arc<Value>,
        wait: bool,
    ) {
        if self.writer.is_some() {
            return;
        }
        let parent = Self::channel(&mut self.news).0.clone();
        let (news, receiver) = mpsc::unbounded_channel();
        let nested = self.nested(execution, workflow.into(), inputs, wait);
        let channel = (news.clone(), receiver);
        // Counts as active from now on, so that a shutdown does not overlook it.
        let active = Active::new(&self.shared);
        let shared = self.shared.clone();
        let task = tokio::spawn(async move {
            let started = shared.begin_child(nested, channel);
            drop(active);
            let outcome = match started {
                Ok((driver, turn)) => child_outcome(Box::pin(driver.drive(turn)).await),
                Err(failure) => {
                    tracing::warn!(%failure, "a nested workflow could not be started");
                    Ok(refused(failure))
                }
            };
            if let (true, Ok(outcome)) = (wait, outcome) {
                drop(parent.send(News::Child { execution, outcome: Box::new(outcome) }));
            }
        });
        if wait {
            self.children.insert(execution, Child { news, stop: Stop::with(task.abort_handle()) });
        }
    }
}

impl Shared {
    /// A nested workflow began before: sees to it that somebody goes on with it.
    pub(super) async fn adopt(self: &Arc<Self>, nested: Nested) -> Result<(), StepFailure> {
        let Some(durable) = &self.durable else { return Ok(()) };
        let claimed = loop {
            match self.claim_only(nested.id, false).await {
                Ok(claimed) => break claimed,
                Err(error) => tracing::warn!(%error, execution = %nested.id, "it could not be claimed"),
            }
            // Nobody else may ever look after it.
            tokio::select! {
                biased;
                () = self.stopping() => return Ok(()),
                () = self.clock.sleep_until(self.clock.now().after(AGAIN)) => {}
            }
        };
        if let Some(job) = claimed {
            self.take_up(job).await;
            return Ok(());
        }
        if !matches!(super::writer::load(&durable.journal, nested.id, &self.clock).await, Ok(None)) {
            // Somebody else drives it, or it has ended and its letter is on the way, or it is
            // damaged: then whoever claims it gives it up, for a person to look at.
            return Ok(());
        }
        // It was refused, and the one who was to be told is gone; or nobody has begun it.
        let (driver, first, new) = self.begin_durable_child(nested)?;
        match durable.journal.create(&[new]).await {
            Ok(()) => drop(tokio::spawn(driver.taken_in().drive(first))),
            // Somebody else was faster, and drives it.
            Err(error) if error.kind() == JournalErrorKind::Conflict => driver.abandon(),
            Err(error) => {
                // It may be there all the same, held by this worker.
                driver.abandon();
                durable.doubts();
                return Err(StepFailure::error(error.to_string()));
            }
        }
        Ok(())
    }
}

/// The nested workflow that begins with a fact.
fn started(fact: &Fact) -> Option<ExecutionId> {
    match fact {
        Fact::StepStarted { work, .. } => match &**work {
            Work::Child { execution, .. } => Some(*execution),
            _ => None,
        },
        _ => None,
    }
}

/// The letter that tells of an execution's end. There is one for each execution.
pub(super) fn end_of(scheduler: &Scheduler, parent: ExecutionId) -> Letter {
    let outcome = ChildOutcome {
        status: scheduler.status(),
        output: scheduler.output(),
        failure: scheduler.failure().cloned(),
        usage: used(scheduler.usage()),
    };
    let id = scheduler.id();
    Letter { id: *id.as_uuid(), to: parent, message: Message::child_ended(id, outcome) }
}

/// How a child ended; the error if it was left for the next engine, which is no end.
pub(super) fn child_outcome(ended: Result<End, Error>) -> Result<ChildOutcome, Error> {
    match ended {
        Ok(End::Ended(execution)) => Ok(ChildOutcome {
            status: execution.status(),
            output: execution.shared_output().clone(),
            failure: execution.failure().cloned(),
            usage: used(execution.usage()),
        }),
        Ok(End::Parked) => Err(Error::new(ErrorKind::Closed, "the execution was parked")),
        Err(error) if error.kind() == ErrorKind::Closed => Err(error),
        Err(error) => Ok(refused(StepFailure::error(error.to_string()))),
    }
}

fn used(usage: &Usage) -> Option<Box<Usage>> {
    (!usage.is_nothing()).then(|| Box::new(usage.clone()))
}

pub(super) fn refused(failure: StepFailure) -> ChildOutcome {
    ChildOutcome {
        status: ExecutionStatus::Failed,
        output: Arc::new(Value::Null),
        failure: Some(failure),
        usage: None,
    }
}
