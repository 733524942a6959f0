//! An execution that goes on by itself: watched, steered and waited for from outside.

use std::fmt;
use std::sync::Arc;

use serde_json::Value;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::driver::End;
use super::error::{Error, ErrorKind};
use super::execution::Execution;
use super::log::{EventLog, Events, ReportStream, Watch};
use super::news::{Ask, News, NewsSender};
use crate::plan::Plan;
use crate::scheduler::{Approval, Input, Scheduler, StepExplanation, StepReport};
use crate::time::ExecutionId;
use crate::usage::Usage;

/// An execution that goes on by itself, also when this handle is dropped.
pub struct ExecutionHandle {
    id: ExecutionId,
    plan: Plan,
    news: NewsSender,
    watch: Watch,
    task: JoinHandle<Result<End, Error>>,
}

impl ExecutionHandle {
    pub(crate) fn new(
        id: ExecutionId,
        plan: Plan,
        news: NewsSender,
        log: Arc<EventLog>,
        task: JoinHandle<Result<End, Error>>,
    ) -> Self {
        let watch = Watch::new(log, news.clone());
        Self { id, plan, news, watch, task }
    }

    /// Its name.
    pub const fn id(&self) -> ExecutionId {
        self.id
    }

    /// The plan it follows.
    pub const fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Its events from the first on, then live, to its end.
    pub fn events(&self) -> Events {
        self.events_after(0)
    }

    /// Its events after the one of that number, then live, to its end.
    pub fn events_after(&self, seq: u64) -> Events {
        Events::new(self.watch.clone(), seq)
    }

    /// What its attempts say from now on, until it has ended: logs and progress.
    pub fn reports(&self) -> ReportStream {
        ReportStream::new(self.watch.clone())
    }

    /// What its attempts have used so far; nothing if it has ended.
    pub async fn usage(&self) -> Usage {
        self.look(|scheduler| scheduler.usage().clone()).await.unwrap_or_default()
    }

    /// Waits for its end, whatever that is.
    ///
    /// # Errors
    /// If it could not be driven to an end: the engine shut down, or the journal failed.
    pub async fn wait(self) -> Result<Execution, Error> {
        match self.task.await {
            Ok(Ok(End::Ended(execution))) => Ok(*execution),
            Ok(Ok(End::Parked)) => Err(Error::new(ErrorKind::Closed, "the execution was parked")),
            Ok(Err(error)) => Err(error),
            Err(error) => Err(Error::caused(ErrorKind::Closed, "the execution's task was stopped", error)),
        }
    }

    /// Stops everything that is being done and ends the execution as cancelled.
    ///
    /// # Errors
    /// If it has ended.
    pub async fn cancel(&self, reason: &str) -> Result<(), Error> {
        self.tell(Input::Cancel { reason: reason.into() }).await
    }

    /// Starts nothing new until it is resumed. What is being done goes on.
    ///
    /// # Errors
    /// If it has ended or is paused already.
    pub async fn pause(&self, reason: &str) -> Result<(), Error> {
        self.tell(Input::Pause { reason: reason.into() }).await
    }

    /// Starts steps again.
    ///
    /// # Errors
    /// If it has ended or is not paused.
    pub async fn resume(&self) -> Result<(), Error> {
        self.tell(Input::Resume).await
    }

    /// Sends a signal. If no step waits for it yet, it is kept for the first that will.
    ///
    /// # Errors
    /// If it has ended.
    pub async fn signal(&self, name: &str, payload: impl Into<Value>) -> Result<(), Error> {
        self.tell(Input::Signal { name: name.into(), payload: Arc::new(payload.into()) }).await
    }

    /// Gives a person's answer to the waiting step of that path.
    ///
    /// # Errors
    /// If no such step waits for one.
    pub async fn approve(&self, step: &str, approval: Approval) -> Result<(), Error> {
        let done = self.ask(Ask::Approve(step.to_owned(), approval)).await;
        if done {
            return Ok(());
        }
        Err(Error::new(ErrorKind::NotWaiting, format!("no step `{step}` waits for an approval")))
    }

    /// How every outermost step stands, in the order of their keys; nothing if it has ended.
    pub async fn steps(&self) -> Vec<StepReport> {
        self.look(|scheduler| scheduler.steps().collect()).await.unwrap_or_default()
    }

    /// Why a step stands as it does; nothing if there is no such step or the execution has ended.
    pub async fn explain(&self, step: &str) -> Option<StepExplanation> {
        let step = step.to_owned();
        self.look(move |scheduler| scheduler.explain(&step)).await.flatten()
    }

    async fn look<T: Send + 'static>(&self, see: impl FnOnce(&Scheduler) -> T + Send + 'static) -> Option<T> {
        let (answer, seen) = oneshot::channel();
        let look = Box::new(move |scheduler: &Scheduler| drop(answer.send(see(scheduler))));
        self.news.send(News::Look(look)).ok()?;
        seen.await.ok()
    }

    async fn tell(&self, input: Input) -> Result<(), Error> {
        if self.ask(Ask::Input(input)).await {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::NotWaiting,
            format!("execution {} has ended, or stands like that already", self.id),
        ))
    }

    /// False if it made no difference.
    async fn ask(&self, ask: Ask) -> bool {
        let (answer, answered) = oneshot::channel();
        self.news.send(News::Ask { ask: Box::new(ask), answer }).is_ok() && answered.await.unwrap_or(false)
    }
}

impl fmt::Debug for ExecutionHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExecutionHandle").field("id", &self.id).finish_non_exhaustive()
    }
}
