//! Executions that are kept, by name: taken in, told something, waited for. Whoever drives them,
//! and wherever.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::oneshot;
use uuid::Uuid;

use super::durable::Durable;
use super::engine::{Engine, Runnable, unreadable};
use super::error::{Error, ErrorKind};
use super::execution::Execution;
use super::journal::{NewExecution, Recorded, Sent, TriggerKind};
use super::letter::{Letter, Message};
use super::news::{Ask, News};
use super::options::WorkOptions;
use super::writer::read;
use crate::scheduler::depth::is_too_deep;
use crate::scheduler::{Approval, Scheduler};
use crate::time::{ExecutionId, Timestamp};

/// How an execution is taken in.
#[derive(Clone, Debug, Default)]
pub struct Enqueue {
    id: Option<ExecutionId>,
    priority: i32,
    delay: Option<Duration>,
    not_before: Option<Timestamp>,
    trigger: TriggerKind,
    trigger_data: Value,
    workflow_id: Option<Uuid>,
    user_id: Option<Uuid>,
}

impl Enqueue {
    /// At once, with priority 0.
    pub fn new() -> Self {
        Self::default()
    }

    /// Under a name of your own: the same one twice is a conflict, so that asking again after a
    /// doubtful answer does no harm. Default: a new one.
    #[must_use]
    pub const fn id(mut self, id: ExecutionId) -> Self {
        self.id = Some(id);
        self
    }

    /// Smaller ones are taken up first. Default 0.
    #[must_use]
    pub const fn priority(mut self, priority: i32) -> Self {
        self.priority = priority;
        self
    }

    /// Not before that much time has passed.
    #[must_use]
    pub const fn delay(mut self, delay: Duration) -> Self {
        self.delay = Some(delay);
        self
    }

    /// Not before that moment; one in the past means at once.
    #[must_use]
    pub const fn not_before(mut self, moment: Timestamp) -> Self {
        self.not_before = Some(moment);
        self
    }

    /// What begins it, and more about that. Default: manual, nothing.
    #[must_use]
    pub fn trigger(mut self, kind: TriggerKind, data: impl Into<Value>) -> Self {
        self.trigger = kind;
        self.trigger_data = data.into();
        self
    }

    /// The rows of the platform's tables it belongs to.
    #[must_use]
    pub const fn belongs_to(mut self, workflow: Option<Uuid>, user: Option<Uuid>) -> Self {
        self.workflow_id = workflow;
        self.user_id = user;
        self
    }
}

impl Engine {
    /// Takes an execution in, durably, to be driven by whoever [works](Self::work). When this
    /// returns it cannot be lost any more.
    ///
    /// # Errors
    /// If the workflow or its inputs cannot be used, or the execution could not be written down.
    pub async fn enqueue(
        &self,
        workflow: impl Runnable,
        inputs: impl Into<Value>,
        how: Enqueue,
    ) -> Result<ExecutionId, Error> {
        let new = self.prepare(workflow, inputs, how)?;
        self.durable()?.journal.create(std::slice::from_ref(&new)).await.map_err(unwritten)?;
        Ok(new.execution)
    }

    /// An execution as a journal takes it in, checked: for whoever takes it in together with
    /// something else.
    ///
    /// # Errors
    /// If the workflow or its inputs cannot be used.
    pub fn prepare(
        &self,
        workflow: impl Runnable,
        inputs: impl Into<Value>,
        how: Enqueue,
    ) -> Result<NewExecution, Error> {
        self.durable()?;
        self.shared.is_open()?;
        let plan = workflow.resolve(self)?;
        let inputs = self.shared.checked_inputs(&plan, inputs.into())?;
        let id = how.id.unwrap_or_else(ExecutionId::generate);
        let mut new = self.shared.new_execution(&plan, id, Arc::new(inputs))?;
        new.priority = how.priority;
        new.not_before =
            how.not_before.or_else(|| how.delay.map(|delay| self.shared.clock.now().after(delay)));
        new.trigger = how.trigger;
        new.trigger_data = how.trigger_data;
        new.workflow_id = how.workflow_id;
        new.user_id = how.user_id;
        Ok(new)
    }

    /// Takes executions up that nobody drives, from now until the engine is shut down: new ones,
    /// those whose moment or letter has come, and those whose worker is gone.
    ///
    /// # Errors
    /// If executions are not kept, the engine is shutting down, or works already.
    pub fn work(&self, work: WorkOptions) -> Result<(), Error> {
        let durable = self.durable()?;
        self.shared.is_open()?;
        if !durable.begin_to_work(work) {
            return Err(Error::new(ErrorKind::Conflict, "the engine works already"));
        }
        durable.attend(&self.shared.clock);
        tokio::spawn(self.shared.clone().work(work));
        Ok(())
    }

    /// Cancels an execution that is kept.
    ///
    /// # Errors
    /// If there is no such execution, it has ended, or could not be told.
    pub async fn cancel(&self, execution: ExecutionId, reason: &str) -> Result<(), Error> {
        self.tell(execution, Message::Cancel { reason: reason.into() }).await
    }

    /// Has an execution that is kept start nothing new until it [goes on](Self::unpause).
    ///
    /// # Errors
    /// If there is no such execution, it has ended, or could not be told.
    pub async fn pause(&self, execution: ExecutionId, reason: &str) -> Result<(), Error> {
        self.tell(execution, Message::Pause { reason: reason.into() }).await
    }

    /// Has a paused execution go on.
    ///
    /// # Errors
    /// If there is no such execution, it has ended, or could not be told.
    pub async fn unpause(&self, execution: ExecutionId) -> Result<(), Error> {
        self.tell(execution, Message::Resume).await
    }

    /// Sends a signal to an execution that is kept. If no step waits for it yet, it is kept for the
    /// first that will.
    ///
    /// # Errors
    /// If there is no such execution, it has ended, the payload is nested too deep to be recorded,
    /// or it could not be told.
    pub async fn signal(
        &self,
        execution: ExecutionId,
        name: &str,
        payload: impl Into<Value>,
    ) -> Result<(), Error> {
        let payload = Arc::new(payload.into());
        if is_too_deep(&payload) {
            let message = format!("the payload of signal `{name}` is nested too deep to be recorded");
            return Err(Error::new(ErrorKind::InvalidInputs, message));
        }
        self.tell(execution, Message::Signal { name: name.into(), payload }).await
    }

    /// Gives a person's answer to the waiting step of that path.
    ///
    /// # Errors
    /// If no such step waits for one, there is no such execution, or it could not be told.
    pub async fn approve(&self, execution: ExecutionId, step: &str, approval: Approval) -> Result<(), Error> {
        let no_step = || Error::new(ErrorKind::NotWaiting, format!("no step `{step}` waits for an approval"));
        if let Some(news) = self.durable()?.resident(execution) {
            let (answer, answered) = oneshot::channel();
            let ask = Box::new(Ask::Approve(step.to_owned(), approval.clone()));
            if news.send(News::Ask { ask, answer }).is_ok()
                && let Ok(difference) = answered.await
            {
                return if difference { Ok(()) } else { Err(no_step()) };
            }
        }
        let scheduler = self.seen(execution).await?;
        let asks = scheduler.as_ref().is_some_and(|scheduler| {
            scheduler.find(step).is_some_and(|step| scheduler.is_waiting_for_approval(step))
        });
        if !asks {
            return Err(no_step());
        }
        self.tell(execution, Message::approval(step, approval)).await
    }

    /// Waits for the end of an execution that is kept, whoever drives it.
    ///
    /// # Errors
    /// If there is no such execution, or the journal cannot be read.
    pub async fn wait(&self, execution: ExecutionId) -> Result<Execution, Error> {
        let durable = self.durable()?.clone();
        durable.attend(&self.shared.clock);
        let awaited = durable.await_end(execution);
        loop {
            let recorded = self.recorded(execution).await?;
            if recorded.status.is_ended() {
                let plan = match self.shared.plan_of(&recorded.definition) {
                    Ok(plan) => plan,
                    // It ended without having begun: that can be told without its agents.
                    Err(_) if recorded.events.is_empty() => return Err(cut_off(execution, &recorded)),
                    Err(error) => return Err(error),
                };
                if !recorded.events.is_empty() {
                    let scheduler = read(&plan, &recorded.events)?.0;
                    if scheduler.status().is_ended() {
                        return Ok(Execution::new(scheduler));
                    }
                }
                // It was cancelled before it began, or given up.
                return Ok(Execution::unbegun(&plan, execution, &recorded));
            }
            // A hint may be missed.
            let later = self.shared.clock.now().after(Duration::from_secs(1));
            let poll = async {
                match durable.journal.lease() {
                    Some(_) => self.shared.clock.sleep_until(later).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                () = awaited.ended() => {}
                () = poll => {}
            }
        }
    }

    /// An execution as its journal has it now; `None` if nobody has begun it.
    async fn seen(&self, execution: ExecutionId) -> Result<Option<Scheduler>, Error> {
        let recorded = self.recorded(execution).await?;
        if recorded.events.is_empty() {
            return Ok(None);
        }
        Ok(Some(read(&self.shared.plan_of(&recorded.definition)?, &recorded.events)?.0))
    }

    pub(super) async fn recorded(&self, execution: ExecutionId) -> Result<Recorded, Error> {
        let recorded = self.durable()?.journal.load(execution).await.map_err(unreadable)?;
        recorded.ok_or_else(|| unknown(execution))
    }

    fn durable(&self) -> Result<&Arc<Durable>, Error> {
        let none = || Error::new(ErrorKind::NotFound, "the engine has no journal");
        self.shared.durable.as_ref().ok_or_else(none)
    }

    /// Tells an execution something: at once if it is driven here, else by letter.
    async fn tell(&self, execution: ExecutionId, message: Message) -> Result<(), Error> {
        let durable = self.durable()?;
        let letter = Letter::new(execution, message);
        let sent = durable.journal.send(&letter).await.map_err(unwritten)?;
        durable.nudge(execution);
        match sent {
            Sent::Accepted => Ok(()),
            Sent::Unknown => Err(unknown(execution)),
            Sent::Ended => Err(Error::new(ErrorKind::NotWaiting, format!("execution {execution} has ended"))),
        }
    }
}

/// An execution was ended from outside.
pub(super) fn cut_off(execution: ExecutionId, recorded: &Recorded) -> Error {
    let why = recorded.error.as_deref().unwrap_or("nobody said why");
    let message = format!("execution {execution} was ended as {}: {why}", recorded.status.word());
    Error::new(ErrorKind::NotWaiting, message)
}

fn unknown(execution: ExecutionId) -> Error {
    Error::new(ErrorKind::NotFound, format!("there is no execution {execution}"))
}

fn unwritten(error: super::JournalError) -> Error {
    let conflict = error.kind() == super::JournalErrorKind::Conflict;
    let kind = if conflict { ErrorKind::Conflict } else { ErrorKind::Journal };
    Error::caused(kind, format!("the journal did not take it: {error}"), error)
}
