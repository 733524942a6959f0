//! Drives one execution: tells the scheduler what happened, writes down what it says, does what it
//! asks for.
//!
//! An attempt is first tried right here, on the driver's own thread: work that is done at once
//! never meets another task. What is not done at once moves to a task of its own.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tracing::Instrument;
use uuid::Uuid;

use super::attempt::Outcome;
use super::clock::Sleep;
use super::durable::{Durable, Residence};
use super::error::{Error, ErrorKind};
use super::execution::Execution;
use super::journal::Release;
use super::lineage::Lineage;
use super::log::EventLog;
use super::news::{Ask, Child, News, NewsSender, Stop};
use super::registry::Registered;
use super::shared::{Active, Shared};
use super::surround::Surrounding;
use super::writer::Writer;
use crate::event::StepRef;
use crate::request::ExecutionContext;
use crate::scheduler::{Action, Input, Scheduler, Turn};
use crate::time::{ExecutionId, Timestamp};

/// How long a driver goes on without giving other tasks of its thread a chance.
const BREATH: Duration = Duration::from_micros(200);

/// The same in attempts, where time is not real.
const COUNTED_BREATH: u32 = 64;

/// How much of what has happened is written down together, and how long the first of it waits for
/// more. Nothing lingers: these bound what is heard while attempts are being begun.
const TOGETHER: (usize, Duration) = (512, Duration::from_millis(5));

/// How long to wait before letters that could not be read are asked for again.
const AGAIN: Duration = Duration::from_secs(1);

/// How long a durable execution stays in memory when it has nothing to do but wait.
const PATIENCE: Duration = Duration::from_secs(2);

pub(crate) struct Driver {
    pub(super) shared: Arc<Shared>,
    pub(super) scheduler: Scheduler,
    pub(super) agents: Vec<Arc<Registered>>,
    pub(super) context: Arc<ExecutionContext>,
    pub(super) surrounding: Arc<Surrounding>,
    pub(super) lineage: Arc<Lineage>,
    pub(super) log: Option<Arc<EventLog>>,
    pub(super) writer: Option<Writer>,
    /// Made when the first news can come; a chain of quick steps never needs it.
    pub(super) news: Option<(NewsSender, mpsc::UnboundedReceiver<News>)>,
    /// Attempts that were started and not begun.
    pub(super) queue: VecDeque<(StepRef, u32)>,
    /// Attempts on tasks of their own.
    pub(super) running: BTreeMap<(StepRef, u32), Stop>,
    /// Nested workflows that are done here, where nothing is written down.
    pub(super) children: BTreeMap<ExecutionId, Child>,
    /// Attempts that were begun by an engine that is gone.
    pub(super) lost: Vec<(StepRef, u32)>,
    /// That it is driven here, where executions are kept.
    residence: Option<Residence>,
    /// Whether there may be letters.
    mail: bool,
    /// Whether somebody waits right here, so that it cannot be parked.
    awaited: bool,
    wake_at: Option<Timestamp>,
    /// The last reading of the clock.
    pub(super) instant: Instant,
    /// What was decided and is not written down yet; empty where nothing is written down.
    turn: Turn,
    /// What it answers.
    cause: Cause,
    /// Since when, if there is something.
    open_since: Option<Instant>,
    span: tracing::Span,
    _active: Active,
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

/// How driving came to an end.
pub(crate) enum End {
    /// The execution has ended.
    Ended(Box<Execution>),
    /// It waits, and was given back to its journal.
    Parked,
}

/// What a turn answers, kept in case it has to be told again.
#[derive(Default)]
pub(super) struct Cause {
    pub(super) inputs: Vec<Input>,
    /// The letter they came in.
    pub(super) letter: Option<Uuid>,
}

impl Driver {
    pub(crate) fn new(parts: Parts) -> Self {
        let Parts { shared, scheduler, agents, lineage, log, writer, news, lost, active } = parts;
        let plan = scheduler.plan();
        let span =
            tracing::info_span!("execution", id = %scheduler.id(), workflow = plan.name().unwrap_or("-"));
        let surrounding = Arc::new(Surrounding::of(&shared, &lineage, log.as_ref()));
        Self {
            context: Arc::new(ExecutionContext {
                id: scheduler.id(),
                plan: Some(plan.clone()),
                surroundings: Some(surrounding.clone()),
            }),
            surrounding,
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
            residence: None,
            mail: false,
            awaited: false,
            lost,
            wake_at: None,
            instant: Instant::now(),
            turn: Turn::default(),
            cause: Cause::default(),
            open_since: None,
            span,
            _active: active,
        }
    }

    /// It is driven here, and nowhere else in this engine.
    pub(crate) fn resides(mut self, residence: Option<Residence>) -> Self {
        self.residence = residence;
        self
    }

    /// It was taken in: if it is not driven to its end, it has to be given back.
    pub(crate) fn taken_in(mut self) -> Self {
        if let Some(residence) = &mut self.residence {
            residence.is_held();
        }
        self
    }

    /// It is in the journal already, so there may be letters.
    pub(crate) const fn has_mail(mut self) -> Self {
        self.mail = true;
        self
    }

    /// Nobody knows whether it has begun; it is not given back.
    pub(super) fn abandon(mut self) {
        if let Some(residence) = &mut self.residence {
            residence.keep();
        }
    }

    pub(crate) fn id(&self) -> ExecutionId {
        self.scheduler.id()
    }

    /// Drives the execution to its end for somebody who waits right here. `first` is the turn that
    /// the execution begins with.
    pub(crate) async fn run(mut self, first: Turn) -> Result<Execution, Error> {
        self.awaited = true;
        match self.drive(first).await? {
            End::Ended(execution) => Ok(*execution),
            End::Parked => unreachable!("an execution that is waited for is not parked"),
        }
    }

    /// Drives the execution to its end, or until it can be parked.
    pub(crate) async fn drive(mut self, first: Turn) -> Result<End, Error> {
        // A span that nobody looks at is none: one future serves both, and is not kept twice.
        let span = if self.span.is_disabled() { tracing::Span::none() } else { self.span.clone() };
        let driven = async {
            let mut residence = self.listen();
            let driven = self.until_ended(first, residence.as_mut()).await;
            // Nothing is begun or done here any more when others may go on with it.
            self.running.clear();
            if let Some(log) = &self.log {
                log.close();
            }
            if let Some(residence) = residence {
                // What happens once or seldom is kept apart: a driver that waits shall be small.
                Box::pin(self.leave(residence, &driven)).await;
            }
            if !driven? {
                return Ok(End::Parked);
            }
            let status = self.scheduler.status().word();
            tracing::info!(status, "execution ended");
            Ok(End::Ended(Box::new(Execution::new(self.scheduler))))
        };
        driven.instrument(span).await
    }

    fn durable(&self) -> Option<&Arc<Durable>> {
        self.shared.durable.as_ref()
    }

    /// From now on letters find it here.
    fn listen(&mut self) -> Option<Residence> {
        let residence = self.residence.take()?;
        self.durable()?.attend(&self.shared.clock);
        residence.listen(Self::channel(&mut self.news).0.clone());
        Some(residence)
    }

    /// What is not done is for others to do.
    async fn leave(&self, mut residence: Residence, driven: &Result<bool, Error>) {
        match driven {
            // Its job ended with it, or was given back.
            Ok(_) => residence.keep(),
            Err(error) if error.kind() == ErrorKind::Conflict => residence.doubt(),
            Err(error) if error.kind() == ErrorKind::Closed => {}
            Err(_) if self.writer.as_ref().is_some_and(|writer| writer.written() == 0) => {}
            Err(error) => residence.fails(Release::Failed { error: error.to_string(), retry_in: None }),
        }
        residence.leave().await;
    }

    /// True when the execution has ended, false when it was parked.
    async fn until_ended(
        &mut self,
        first: Turn,
        mut residence: Option<&mut Residence>,
    ) -> Result<bool, Error> {
        self.open(first);
        self.write_down().await?;
        let mut alarm: Option<(Timestamp, Sleep)> = None;
        let mut breath = self.instant + BREATH;
        let real = self.shared.clock.is_real();
        let mut begins = 0_u32;
        loop {
            if self.scheduler.status().is_ended() {
                if self.open_since.is_none() {
                    return Ok(true);
                }
                self.write_down().await?;
                continue;
            }
            if std::mem::take(&mut self.mail) {
                let _ = Box::pin(self.read_letters()).await?;
                continue;
            }
            if let Some((step, attempt)) = self.queue.pop_front() {
                let begun = std::future::poll_fn(|cx| Poll::Ready(self.begin(cx, step, attempt))).await;
                if let Some(input) = begun {
                    self.feed(input);
                }
                if self.is_much() {
                    self.write_down().await?;
                }
                begins = begins.wrapping_add(1);
                let tired = if real { self.instant > breath } else { begins.is_multiple_of(COUNTED_BREATH) };
                if tired {
                    tokio::task::yield_now().await;
                    self.hear_waiting_news().await?;
                    if self.shared.is_stopping() {
                        Box::pin(self.stop_for_shutdown()).await?;
                    }
                    breath = self.instant + BREATH;
                }
                continue;
            }
            if self.open_since.is_some() {
                self.write_down().await?;
                continue;
            }
            if self.is_out_of_reach() {
                self.instant = Instant::now();
                self.feed(Input::Cancel { reason: "it is paused, and nobody can resume it".into() });
                continue;
            }
            let now = self.now();
            if self.wake_at.is_some_and(|at| at <= now) {
                self.feed(Input::Timer);
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
            let patience = self.patience(now);
            let idle = async {
                match patience {
                    Some(idle) => idle.await,
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
                    Box::pin(self.stop_for_shutdown()).await?;
                    continue;
                }
                () = idle => {
                    let until = self.wake_at;
                    let Some(residence) = &mut residence else { continue };
                    let seq = self.scheduler.seq();
                    match residence.release(Release::Park { until, seq }).await {
                        Some(true) => return Ok(false),
                        // If it is still held and as it is known here, there are letters.
                        Some(false) if Box::pin(self.read_letters()).await? == Some(0) => {
                            return Err(self.taken_over());
                        }
                        _ => continue,
                    }
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
    }

    /// Whether it is paused and has no handle, no name that is kept: nobody could ever resume it.
    fn is_out_of_reach(&self) -> bool {
        self.writer.is_none() && self.log.is_none() && self.scheduler.is_paused() && self.running.is_empty()
    }

    /// How long it stays here though it has nothing to do, if it may leave at all.
    fn patience(&self, now: Timestamp) -> Option<Sleep> {
        let durable = self.durable()?;
        let watched = self.awaited
            || self.log.as_ref().is_some_and(|log| log.is_watched())
            || durable.is_wanted(self.context.id);
        let over = now.after(PATIENCE);
        let soon = self.wake_at.is_some_and(|at| at <= over);
        let leaves = durable.works() && !watched && self.running.is_empty() && !soon;
        leaves.then(|| self.shared.clock.sleep_until(over))
    }

    pub(super) fn channel(
        news: &mut Option<(NewsSender, mpsc::UnboundedReceiver<News>)>,
    ) -> &mut (NewsSender, mpsc::UnboundedReceiver<News>) {
        news.get_or_insert_with(mpsc::unbounded_channel)
    }

    pub(super) fn now(&mut self) -> Timestamp {
        self.instant = Instant::now();
        self.shared.clock.at(self.instant)
    }

    /// Tells the scheduler something. Where nothing is written down its answer is acted on at once,
    /// without waiting and without an allocation; else when it is [written
    /// down](Self::write_down), perhaps together with others. True if it made a difference.
    fn feed(&mut self, input: Input) -> bool {
        let now = self.shared.clock.at(self.instant);
        let before = self.turn.events.len();
        if self.writer.is_some() {
            self.cause.inputs.push(input.clone());
            self.open_since.get_or_insert(self.instant);
        }
        self.scheduler.apply_into(&mut self.turn, now, input);
        let difference = self.turn.events.len() > before;
        if self.writer.is_none() {
            self.perform_all();
        }
        difference
    }

    /// Tells the scheduler how an attempt ended, and before that what it used.
    pub(super) fn feed_outcome(&mut self, step: StepRef, attempt: u32, mut outcome: Outcome) {
        let usage = match &mut outcome {
            Ok(output) => output.usage.take(),
            Err(failure) => failure.usage.take(),
        };
        if let Some(usage) = usage {
            let usage = Box::new(usage.sound());
            self.feed(Input::AttemptUsed { step, attempt, usage });
        }
        self.feed(match outcome {
            Ok(output) => Input::AttemptCompleted { step, attempt, output: output.value },
            Err(failure) => Input::AttemptFailed { step, attempt, failure },
        });
    }

    /// A turn that the scheduler was not asked for here.
    fn open(&mut self, turn: Turn) {
        self.turn = turn;
        if self.writer.is_some() {
            self.open_since = Some(self.instant);
        } else {
            self.perform_all();
        }
    }

    /// Whether it is time to write down what was decided, although there is more to be begun.
    fn is_much(&self) -> bool {
        let Some(since) = self.open_since else { return false };
        let long = self.shared.clock.is_real() && self.instant.duration_since(since) > TOGETHER.1;
        long || self.cause.inputs.len() >= TOGETHER.0
    }

    /// Writes down what was decided, if there is something, then does what it asks for.
    async fn write_down(&mut self) -> Result<(), Error> {
        if self.open_since.take().is_none() {
            return Ok(());
        }
        let outgoing = loop {
            let outgoing = self.outgoing(&self.turn, self.cause.letter);
            let Some(writer) = &mut self.writer else { break outgoing };
            match writer.write(&self.scheduler, &self.turn.events, &outgoing.enclosed).await {
                Ok(()) => break outgoing,
                Err(error) => {
                    outgoing.abandon();
                    let (unsure, cause) = (std::mem::take(&mut self.turn), std::mem::take(&mut self.cause));
                    (self.turn, self.cause) = self.recover(error, cause, &unsure.events).await?;
                }
            }
        };
        self.cause.inputs.clear();
        self.cause.letter = None;
        self.sent(outgoing);
        // What the journal took is not to be blamed on the next agent.
        self.instant = Instant::now();
        self.perform_all();
        Ok(())
    }

    /// Does what a turn asks for, and keeps its room for the next.
    fn perform_all(&mut self) {
        let mut turn = std::mem::take(&mut self.turn);
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

    fn perform(&mut self, action: Action) {
        match action {
            Action::Launch { step, attempt } => self.queue.push_back((step, attempt)),
            Action::Abort { step, attempt } => drop(self.running.remove(&(step, attempt))),
            Action::StartChild { execution, workflow, inputs, wait } => {
                self.start_child(execution, &workflow, inputs, wait);
            }
            Action::CancelChild { execution } => self.cancel_child(execution),
        }
    }

    /// Reads what was told to the execution while it was not here, or by somebody else. Gives how
    /// many letters there were, if the journal says so.
    async fn read_letters(&mut self) -> Result<Option<usize>, Error> {
        self.write_down().await?;
        let Some(durable) = self.durable() else { return Ok(None) };
        let letters = match durable.journal.letters(self.scheduler.id()).await {
            Ok(letters) => letters,
            Err(error) => {
                tracing::warn!(%error, "letters could not be read");
                self.read_later();
                return Ok(None);
            }
        };
        let count = letters.len();
        for letter in letters {
            if self.scheduler.status().is_ended() {
                break;
            }
            self.instant = Instant::now();
            match letter.message.into_input(&self.scheduler) {
                Some(input) => drop(self.feed(input)),
                None => self.open(Turn { wake_at: self.wake_at, ..Turn::default() }),
            }
            self.cause.letter = Some(letter.id);
            self.write_down().await?;
        }
        Ok(Some(count))
    }

    /// Nobody may tell of these letters again.
    fn read_later(&mut self) {
        let (clock, news) = (self.shared.clock.clone(), Self::channel(&mut self.news).0.clone());
        tokio::spawn(async move {
            clock.sleep_until(clock.now().after(AGAIN)).await;
            let _ = news.send(News::Letters);
        });
    }

    /// Listens to everything that is waiting, without waiting.
    async fn hear_waiting_news(&mut self) -> Result<(), Error> {
        while !self.scheduler.status().is_ended()
            && let Some(news) = self.news.as_mut().and_then(|(_, news)| news.try_recv().ok())
        {
            self.hear(news).await?;
            if self.is_much() {
                self.write_down().await?;
            }
        }
        Ok(())
    }

    /// Tells the scheduler what was heard; it is to be written down by whoever calls.
    async fn hear(&mut self, news: News) -> Result<(), Error> {
        self.instant = Instant::now();
        match news {
            News::Attempt { step, attempt, outcome } => {
                self.running.remove(&(step, attempt));
                self.feed_outcome(step, attempt, *outcome);
            }
            News::Child { execution, outcome } => {
                self.children.remove(&execution);
                self.feed(Input::ChildEnded { execution, outcome: *outcome });
            }
            News::Ask { ask, answer } => {
                let input = match *ask {
                    Ask::Input(input) => Some(input),
                    Ask::Approve(path, approval) => {
                        self.scheduler.find(&path).map(|step| Input::Approval { step, approval })
                    }
                };
                let difference = input.is_some_and(|input| self.feed(input));
                // Whoever asked is told when it is certain.
                self.write_down().await?;
                let _ = answer.send(difference);
            }
            News::Letters => self.mail = true,
            News::Unwatched => {}
            News::TakenOver => return Err(self.taken_over()),
            News::Look(look) => {
                self.write_down().await?;
                look(&self.scheduler);
            }
        }
        Ok(())
    }

    fn taken_over(&self) -> Error {
        let message = format!("execution {} is driven by somebody else now", self.scheduler.id());
        Error::new(ErrorKind::Conflict, message)
    }

    /// The engine is shutting down and its patience is over: an execution in memory is cancelled,
    /// a durable one is left as it is, for the next engine to go on with.
    async fn stop_for_shutdown(&mut self) -> Result<(), Error> {
        if self.writer.is_some() {
            self.write_down().await?;
            return Err(left(self.context.id));
        }
        self.instant = Instant::now();
        self.feed(Input::Cancel { reason: "the engine is shutting down".into() });
        Ok(())
    }
}

/// An execution was left as it is.
pub(super) fn left(id: ExecutionId) -> Error {
    Error::new(
        ErrorKind::Closed,
        format!("execution {id} was left for the next engine: this one is shutting down"),
    )
}
