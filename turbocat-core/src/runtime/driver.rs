//! Drives one execution: tells the scheduler what happened, writes down what it says, does what it
//! asks for.
//!
//! An attempt is first tried right here, on the driver's own thread: work that is done at once
//! never meets another task. What is not done at once moves to a task of its own.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::sync::{mpsc, oneshot};
use tokio::task::AbortHandle;
use tracing::Instrument;

use super::attempt::{self, Outcome};
use super::clock::Sleep;
use super::engine::{Active, Lineage, Nested, Shared, seed};
use super::error::{Error, ErrorKind};
use super::execution::Execution;
use super::log::EventLog;
use super::registry::Registered;
use super::writer::Writer;
use crate::agent::{AttemptFuture, AttemptPlace, AttemptRequest, ExecutionContext};
use crate::event::{ExecutionStatus, StepRef};
use crate::failure::StepFailure;
use crate::scheduler::{Action, ChildOutcome, Input, Scheduler, Turn};
use crate::time::{ExecutionId, Timestamp};

/// What a driver hears from outside.
pub(crate) enum News {
    /// An attempt ended on a task of its own.
    Attempt { step: StepRef, attempt: u32, outcome: Outcome },
    /// A nested workflow ended.
    Child { execution: ExecutionId, outcome: ChildOutcome },
    /// Somebody asks for something; the answer tells whether it made a difference.
    Ask { ask: Ask, answer: oneshot::Sender<bool> },
    /// Somebody wants to look.
    Look(Box<dyn FnOnce(&Scheduler) + Send>),
}

/// What can be asked of an execution.
pub(crate) enum Ask {
    Input(Input),
    /// A person's answer to the step of a path.
    Approve(String, crate::scheduler::Approval),
}

pub(crate) type NewsSender = mpsc::UnboundedSender<News>;

/// A task that is stopped when nobody wants it any more.
struct Stop(Option<AbortHandle>);

impl Stop {
    fn with(task: AbortHandle) -> Self {
        Self(Some(task))
    }

    /// Lets the task go on by itself.
    fn release(mut self) {
        self.0 = None;
    }
}

impl Drop for Stop {
    fn drop(&mut self) {
        if let Some(task) = &self.0 {
            task.abort();
        }
    }
}

/// How long a driver goes on without giving other tasks of its thread a chance.
const BREATH: Duration = Duration::from_micros(200);

/// The same in attempts, where time is not real.
const COUNTED_BREATH: u32 = 64;

pub(crate) struct Driver {
    shared: Arc<Shared>,
    scheduler: Scheduler,
    agents: Vec<Arc<Registered>>,
    context: Arc<ExecutionContext>,
    lineage: Arc<Lineage>,
    log: Option<Arc<EventLog>>,
    writer: Option<Writer>,
    /// Made when the first news can come; a chain of quick steps never needs it.
    news: Option<(NewsSender, mpsc::UnboundedReceiver<News>)>,
    /// Attempts that were started and not begun.
    queue: VecDeque<(StepRef, u32)>,
    /// Attempts on tasks of their own.
    running: BTreeMap<(StepRef, u32), Stop>,
    children: BTreeMap<ExecutionId, Child>,
    /// Attempts that were begun by an engine that is gone.
    lost: Vec<(StepRef, u32)>,
    /// Whether a nested workflow may have been started already.
    again: bool,
    wake_at: Option<Timestamp>,
    /// The last reading of the clock.
    instant: Instant,
    /// An empty turn with room for the next.
    turn: Turn,
    span: tracing::Span,
    _active: Active,
}

/// A nested workflow that is being done.
struct Child {
    news: NewsSender,
    stop: Stop,
}

/// What a driver is made of.
pub(crate) struct Parts {
    pub(crate) shared: Arc<Shared>,
    pub(crate) scheduler: Scheduler,
    pub(crate) agents: Vec<Arc<Registered>>,
    pub(crate) lineage: Arc<Lineage>,
    pub(crate) log: Option<Arc<EventLog>>,
    pub(crate) writer: Option<Writer>,
    pub(crate) news: Option<(NewsSender, mpsc::UnboundedReceiver<News>)>,
    /// Attempts that were begun by an engine that is gone.
    pub(crate) lost: Vec<(StepRef, u32)>,
    pub(crate) active: Active,
}

impl Driver {
    pub(crate) fn new(parts: Parts) -> Self {
        let Parts { shared, scheduler, agents, lineage, log, writer, news, lost, active } = parts;
        let plan = scheduler.plan();
        let writer_goes_on = writer.as_ref().is_some_and(|writer| writer.written() > 0);
        let span =
            tracing::info_span!("execution", id = %scheduler.id(), workflow = plan.name().unwrap_or("-"));
        Self {
            context: Arc::new(ExecutionContext { id: scheduler.id(), plan: Some(plan.clone()) }),
            shared,
            scheduler,
            agents,
            lineage,
            log,
            writer,
            news,
            queue: VecDeque::new(),
            running: BTreeMap::new(),
            children: BTreeMap::new(),
            again: writer_goes_on,
            lost,
            wake_at: None,
            instant: Instant::now(),
            turn: Turn::default(),
            span,
            _active: active,
        }
    }

    /// Drives the execution to its end. `first` is the turn that the execution begins with.
    pub(crate) async fn drive(mut self, first: Turn) -> Result<Execution, Error> {
        let span = self.span.clone();
        let driven = async {
            let driven = self.until_ended(first).await;
            if let Some(log) = &self.log {
                log.close();
            }
            driven.map(|()| {
                let status = self.scheduler.status().word();
                tracing::info!(status, "execution ended");
                Execution::new(self.scheduler)
            })
        };
        if span.is_disabled() { driven.await } else { driven.instrument(span).await }
    }

    async fn until_ended(&mut self, first: Turn) -> Result<(), Error> {
        self.act(first, None).await?;
        let mut alarm: Option<(Timestamp, Sleep)> = None;
        let mut breath = self.instant + BREATH;
        let real = self.shared.clock.is_real();
        let mut begins = 0_u32;
        while !self.scheduler.status().is_ended() {
            if let Some((step, attempt)) = self.queue.pop_front() {
                let begun = std::future::poll_fn(|cx| Poll::Ready(self.begin(cx, step, attempt))).await;
                match begun {
                    Some(input) if self.writer.is_none() => self.feed_in_memory(input),
                    Some(input) => drop(self.feed(input).await?),
                    None => {}
                }
                begins = begins.wrapping_add(1);
                let tired = if real { self.instant > breath } else { begins.is_multiple_of(COUNTED_BREATH) };
                if tired {
                    tokio::task::yield_now().await;
                    self.hear_waiting_news().await?;
                    if self.shared.is_stopping() {
                        self.stop_for_shutdown().await?;
                    }
                    breath = self.instant + BREATH;
                }
                continue;
            }
            let now = self.now();
            if self.wake_at.is_some_and(|at| at <= now) {
                self.feed(Input::Timer).await?;
                tokio::task::consume_budget().await;
                continue;
            }
            if alarm.as_ref().map(|(at, _)| *at) != self.wake_at {
                alarm = self.wake_at.map(|at| (at, self.shared.clock.sleep_until(at)));
            }
            let ring = async {
                match &mut alarm {
                    Some((_, sleep)) => sleep.await,
                    None => std::future::pending().await,
                }
            };
            let shared = self.shared.clone();
            let news = &mut Self::channel(&mut self.news).1;
            let heard = tokio::select! {
                biased;
                news = news.recv() => news,
                () = ring => None,
                () = shared.stopping() => {
                    self.stop_for_shutdown().await?;
                    continue;
                }
            };
            self.instant = Instant::now();
            breath = self.instant + BREATH;
            match heard {
                Some(news) => {
                    self.hear(news).await?;
                    self.hear_waiting_news().await?;
                }
                None => alarm = None,
            }
        }
        Ok(())
    }

    fn channel(
        news: &mut Option<(NewsSender, mpsc::UnboundedReceiver<News>)>,
    ) -> &mut (NewsSender, mpsc::UnboundedReceiver<News>) {
        news.get_or_insert_with(mpsc::unbounded_channel)
    }

    fn now(&mut self) -> Timestamp {
        self.instant = Instant::now();
        self.shared.clock.at(self.instant)
    }

    /// As [`feed`](Self::feed), where nothing is written down: no waiting, no allocation.
    fn feed_in_memory(&mut self, input: Input) {
        let now = self.shared.clock.at(self.instant);
        let mut turn = std::mem::take(&mut self.turn);
        self.scheduler.apply_into(&mut turn, now, input);
        self.wake_at = turn.wake_at;
        if turn.actions.len() > 8 {
            // A long turn must not count as the next agent's time.
            self.instant = Instant::now();
        }
        for action in turn.actions.drain(..) {
            self.perform(action);
        }
        match &self.log {
            Some(log) => log.append(turn.events.drain(..)),
            None => turn.events.clear(),
        }
        self.turn = turn;
    }

    /// Tells the scheduler something and acts on its answer. True if it made a difference.
    async fn feed(&mut self, input: Input) -> Result<bool, Error> {
        let now = self.shared.clock.at(self.instant);
        let kept = self.writer.is_some().then(|| input.clone());
        let turn = self.scheduler.apply(now, input);
        let difference = !turn.events.is_empty();
        self.act(turn, kept).await?;
        Ok(difference)
    }

    /// Writes a turn down, then does what it asks for. `input` is what the turn answers, kept in
    /// case it has to be told again.
    async fn act(&mut self, mut turn: Turn, input: Option<Input>) -> Result<(), Error> {
        while let Some(writer) = &mut self.writer {
            match writer.write(&self.scheduler, &turn).await {
                Ok(()) => break,
                Err(error) => turn = self.recover(error, input.clone()).await?,
            }
        }
        if self.writer.is_some() {
            // What the journal took is not to be blamed on the next agent.
            self.instant = Instant::now();
        }
        self.wake_at = turn.wake_at;
        for action in turn.actions {
            self.perform(action);
        }
        if let Some(log) = &self.log {
            log.append(turn.events);
        }
        Ok(())
    }

    /// Nobody knows what was written: what the journal has now is what is true. Tells the
    /// scheduler again what it may not have heard, and goes on with what is still being done here.
    async fn recover(&mut self, error: Error, input: Option<Input>) -> Result<Turn, Error> {
        tracing::warn!(%error, "the journal could not be written; reading it back");
        let known = self.log.as_ref().map(|log| log.len());
        let Some(writer) = &mut self.writer else { return Err(error) };
        let written = writer.written();
        let again = error.kind() == ErrorKind::Journal && self.lineage.is_nested();
        let cause = Error::new(error.kind(), error.to_string());
        let (plan, id) = (self.scheduler.plan().clone(), self.scheduler.id());
        let read = tokio::select! {
            biased;
            read = writer.read_back(&plan, id, error, &self.shared.clock) => read?,
            () = self.shared.stopping() => return Err(left(id)),
        };
        let Some((scheduler, events)) = read else {
            // The caller of a root is told and may ask again; nobody would ask again for a child.
            let begun = again.then(|| self.begin_again()).flatten();
            return begun.ok_or(cause);
        };
        // A turn is written whole or not at all: if it was, its input has been told.
        let input = input.filter(|_| scheduler.seq() == written);
        self.again = true;
        self.scheduler = scheduler;
        if let (Some(log), Some(known)) = (&self.log, known) {
            log.append(events.into_iter().skip(known));
        }
        let now = self.now();
        let mut turn = self.scheduler.apply(now, input.unwrap_or(Input::Timer));
        for (step, attempt) in self.lost.clone() {
            let lost = self.scheduler.apply(now, Input::AttemptLost { step, attempt });
            turn.events.extend(lost.events);
            turn.actions.extend(lost.actions);
            turn.wake_at = lost.wake_at;
        }
        let in_flight = self.scheduler.in_flight();
        self.running.retain(|attempt, _| in_flight.contains(attempt));
        self.queue.clear();
        let begun = |attempt: &(StepRef, u32), actions: &[Action]| {
            let (step, attempt) = *attempt;
            self.running.contains_key(&(step, attempt)) || actions.contains(&Action::Launch { step, attempt })
        };
        let missing: Vec<_> = in_flight.iter().filter(|attempt| !begun(attempt, &turn.actions)).collect();
        turn.actions.extend(
            missing.into_iter().map(|(step, attempt)| Action::Launch { step: *step, attempt: *attempt }),
        );
        for action in self.scheduler.open_children() {
            let Action::StartChild { execution, .. } = &action else { continue };
            if !self.children.contains_key(execution) && !turn.actions.contains(&action) {
                turn.actions.push(action);
            }
        }
        Ok(turn)
    }

    /// The first turn once more, of an execution of which nothing was written.
    fn begin_again(&mut self) -> Option<Turn> {
        let (plan, id) = (self.scheduler.plan().clone(), self.scheduler.id());
        let inputs = (**self.scheduler.inputs()).clone();
        let now = self.now();
        let (scheduler, turn) = Scheduler::start(&plan, id, now, seed(id), inputs).ok()?;
        self.scheduler = scheduler;
        Some(turn)
    }

    fn perform(&mut self, action: Action) {
        match action {
            Action::Launch { step, attempt } => self.queue.push_back((step, attempt)),
            Action::Abort { step, attempt } => drop(self.running.remove(&(step, attempt))),
            Action::StartChild { execution, workflow, inputs, wait } => {
                self.start_child(execution, &workflow, inputs, wait);
            }
            Action::CancelChild { execution } => {
                if let Some(child) = self.children.remove(&execution) {
                    let reason = format!("its parent {} no longer needs it", self.context.id).into();
                    let (answer, _) = oneshot::channel();
                    // The task is let go, not stopped: it ends by itself, and says how.
                    child.stop.release();
                    let ask = Ask::Input(Input::Cancel { reason });
                    drop(child.news.send(News::Ask { ask, answer }));
                }
            }
        }
    }

    fn start_child(&mut self, execution: ExecutionId, workflow: &str, inputs: Arc<Value>, wait: bool) {
        let parent = Self::channel(&mut self.news).0.clone();
        let (news, receiver) = mpsc::unbounded_channel();
        let nested = Nested {
            id: execution,
            workflow: workflow.into(),
            inputs,
            within: self.lineage.clone(),
            waited_by: wait.then_some(self.context.id),
            news: (news.clone(), receiver),
        };
        // Counts as active from now on, so that a shutdown does not overlook it.
        let active = Active::new(&self.shared);
        let (shared, again) = (self.shared.clone(), self.again);
        let task = tokio::spawn(async move {
            let started = if again { shared.go_on_with(nested).await } else { shared.start_child(nested) };
            drop(active);
            let outcome = match started {
                Ok((driver, turn)) => child_outcome(Box::pin(driver.drive(turn)).await),
                Err(failure) => {
                    tracing::warn!(%failure, "a nested workflow could not be started");
                    Ok(refused(failure))
                }
            };
            if let (true, Ok(outcome)) = (wait, outcome) {
                drop(parent.send(News::Child { execution, outcome }));
            }
        });
        if wait {
            self.children.insert(execution, Child { news, stop: Stop::with(task.abort_handle()) });
        }
    }

    /// Begins an attempt. If it is done at once, what it came to; else it goes on elsewhere.
    fn begin(&mut self, cx: &mut Context<'_>, step: StepRef, attempt: u32) -> Option<Input> {
        let launched = self.scheduler.launched(step, attempt)?;
        let failed = |failure| Some(Input::AttemptFailed { step, attempt, failure });
        let number = launched.agent;
        let agent = &self.agents[number];
        let limit = launched.timeout;
        let place = AttemptPlace {
            execution: self.context.clone(),
            step: step.step,
            around: self.scheduler.around(step),
        };
        let quick = agent.is_quick();
        let plain = agent.limit.is_none() && !launched.wants_secrets();
        let mut work = if plain {
            let parts = match launched.evaluate(None) {
                Ok(parts) => parts,
                Err(failure) => return failed(failure),
            };
            let request = AttemptRequest::at(place, attempt, parts.inputs, parts.config);
            if quick {
                match call(&self.shared, agent, request) {
                    Ok(work) => work,
                    Err(failure) => return failed(failure),
                }
            } else {
                let (agent, shared) = (agent.clone(), self.shared.clone());
                Box::pin(async move { call(&shared, &agent, request)?.await })
            }
        } else {
            let agent = agent.clone();
            self.prepared(step, attempt, place, agent, limit)
        };
        let agent = &self.agents[number];
        let span = tracing::debug_span!(
            "attempt",
            step = self.scheduler.plan().key(step.step),
            attempt,
            agent = &*agent.name
        );
        if quick {
            let began = self.instant;
            let entered = span.enter();
            let polled = attempt::poll(&mut work, cx);
            drop(entered);
            self.instant = Instant::now();
            if self.shared.clock.is_real() {
                agent.took(self.instant - began);
            }
            if let Poll::Ready(outcome) = polled {
                return Some(to_input(step, attempt, outcome));
            }
        }
        let limit = limit.filter(|_| plain);
        let clock = self.shared.clock.clone();
        let news = Self::channel(&mut self.news).0.clone();
        let task = async move {
            let outcome = attempt::finish(work, limit, &clock).await;
            drop(news.send(News::Attempt { step, attempt, outcome }));
        };
        let task = if span.is_disabled() { tokio::spawn(task) } else { tokio::spawn(task.instrument(span)) };
        self.running.insert((step, attempt), Stop::with(task.abort_handle()));
        None
    }

    /// An attempt that has to wait for a free place of its agent, or is given secrets. Its time
    /// limit begins when it has its place.
    fn prepared(
        &self,
        step: StepRef,
        attempt: u32,
        place: AttemptPlace,
        agent: Arc<Registered>,
        limit: Option<Duration>,
    ) -> AttemptFuture {
        let names = self.scheduler.secrets(step);
        let snapshot = self.scheduler.snapshot(step);
        let shared = self.shared.clone();
        Box::pin(async move {
            // A slow vault takes no place away from others.
            let clock = &shared.clock;
            let fetch = attempt::fetch(&names, shared.secrets.as_ref());
            let secrets = attempt::within(limit, clock, fetch).await?;
            let permit = match &agent.limit {
                Some(places) => places.clone().acquire_owned().await.ok(),
                None => None,
            };
            let begun = snapshot.evaluate(&secrets).and_then(|parts| {
                let request = AttemptRequest::at(place, attempt, parts.inputs, parts.config);
                call(&shared, &agent, request)
            });
            let outcome = match begun {
                // What a panic says is blacked out as well.
                Ok(work) => attempt::finish(work, limit, clock).await,
                Err(failure) => Err(failure),
            };
            drop(permit);
            if names.is_empty() { outcome } else { attempt::redact(outcome, &secrets) }
        })
    }

    /// Listens to everything that is waiting, without waiting.
    async fn hear_waiting_news(&mut self) -> Result<(), Error> {
        while let Some(news) = self.news.as_mut().and_then(|(_, news)| news.try_recv().ok()) {
            self.hear(news).await?;
            if self.scheduler.status().is_ended() {
                break;
            }
        }
        Ok(())
    }

    async fn hear(&mut self, news: News) -> Result<(), Error> {
        self.instant = Instant::now();
        match news {
            News::Attempt { step, attempt, outcome } => {
                self.running.remove(&(step, attempt));
                self.feed(to_input(step, attempt, outcome)).await?;
            }
            News::Child { execution, outcome } => {
                self.children.remove(&execution);
                self.feed(Input::ChildEnded { execution, outcome }).await?;
            }
            News::Ask { ask, answer } => {
                let input = match ask {
                    Ask::Input(input) => Some(input),
                    Ask::Approve(path, approval) => {
                        self.scheduler.find(&path).map(|step| Input::Approval { step, approval })
                    }
                };
                let difference = match input {
                    Some(input) => self.feed(input).await?,
                    None => false,
                };
                let _ = answer.send(difference);
            }
            News::Look(look) => look(&self.scheduler),
        }
        Ok(())
    }

    /// The engine is shutting down and its patience is over: an execution in memory is cancelled,
    /// a durable one is left as it is, for the next engine to go on with.
    async fn stop_for_shutdown(&mut self) -> Result<(), Error> {
        if self.writer.is_some() {
            return Err(left(self.context.id));
        }
        self.instant = Instant::now();
        self.feed(Input::Cancel { reason: "the engine is shutting down".into() }).await?;
        Ok(())
    }
}

/// Hands an attempt to its agent, here or elsewhere.
fn call(
    shared: &Arc<Shared>,
    agent: &Arc<Registered>,
    request: AttemptRequest,
) -> Result<AttemptFuture, StepFailure> {
    match &shared.dispatch {
        None => attempt::guard(|| agent.executor.begin(&agent.executor, request)),
        Some(dispatch) => {
            let (dispatch, agent) = (dispatch.clone(), agent.clone());
            Ok(Box::pin(async move { dispatch.dispatch(&agent.name, request).await }))
        }
    }
}

fn to_input(step: StepRef, attempt: u32, outcome: Outcome) -> Input {
    match outcome {
        Ok(output) => Input::AttemptCompleted { step, attempt, output: output.value },
        Err(failure) => Input::AttemptFailed { step, attempt, failure },
    }
}

/// What an execution that was read back begins with: nobody is at its attempts any more.
/// Gives those attempts, too.
pub(crate) fn resume(scheduler: &mut Scheduler, now: Timestamp) -> (Turn, Vec<(StepRef, u32)>) {
    let mut turn = Turn { actions: scheduler.open_children(), ..Turn::default() };
    let attempts = scheduler.in_flight();
    for &(step, attempt) in &attempts {
        let lost = scheduler.apply(now, Input::AttemptLost { step, attempt });
        turn.events.extend(lost.events);
        turn.actions.extend(lost.actions);
    }
    // Also tells when to wake up next.
    let due = scheduler.apply(now, Input::Timer);
    turn.events.extend(due.events);
    turn.actions.extend(due.actions);
    turn.wake_at = due.wake_at;
    // An attempt that was started and given up within these turns is not begun at all.
    (turn, attempts)
}

/// How a child ended; the error if it was left for the next engine, which is no end.
fn child_outcome(ended: Result<Execution, Error>) -> Result<ChildOutcome, Error> {
    match ended {
        Ok(execution) => Ok(ChildOutcome {
            status: execution.status(),
            output: execution.shared_output().clone(),
            failure: execution.failure().cloned(),
        }),
        Err(error) if error.kind() == ErrorKind::Closed => Err(error),
        Err(error) => Ok(refused(StepFailure::error(error.to_string()))),
    }
}

/// An execution was left as it is.
fn left(id: ExecutionId) -> Error {
    Error::new(
        ErrorKind::Closed,
        format!("execution {id} was left for the next engine: this one is shutting down"),
    )
}

fn refused(failure: StepFailure) -> ChildOutcome {
    ChildOutcome { status: ExecutionStatus::Failed, output: Arc::new(Value::Null), failure: Some(failure) }
}
