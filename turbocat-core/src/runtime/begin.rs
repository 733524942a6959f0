//! Begins attempts: right here first; what is not done at once goes on elsewhere.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tracing::Instrument;

use super::attempt;
use super::driver::Driver;
use super::news::{News, Stop};
use super::registry::Registered;
use super::shared::Shared;
use crate::agent::AttemptFuture;
use crate::event::StepRef;
use crate::failure::StepFailure;
use crate::request::{AttemptPlace, AttemptRequest};
use crate::scheduler::Input;

impl Driver {
    /// Begins an attempt. If it is done at once, what it came to; else it goes on elsewhere.
    pub(super) fn begin(&mut self, cx: &mut Context<'_>, step: StepRef, attempt: u32) -> Option<Input> {
        let launched = self.scheduler.launched(step, attempt)?;
        let failed = |failure| Some(Input::AttemptFailed { step, attempt, failure });
        let number = launched.agent;
        let agent = &self.agents[number];
        let limit = launched.timeout;
        let place = AttemptPlace {
            execution: self.context.clone(),
            frame: step.frame,
            step: step.step,
            around: self.scheduler.around(step),
        };
        let quick = agent.is_quick();
        let limited = self.shared.durable.as_ref().is_some_and(|durable| durable.journal.limits(&agent.name));
        let plain = agent.limit.is_none() && !limited && !launched.wants_secrets();
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
                self.feed_outcome(step, attempt, outcome);
                return None;
            }
        }
        let limit = limit.filter(|_| plain);
        let clock = self.shared.clock.clone();
        let news = Self::channel(&mut self.news).0.clone();
        let task = async move {
            let outcome = attempt::finish(work, limit, &clock).await;
            drop(news.send(News::Attempt { step, attempt, outcome: Box::new(outcome) }));
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
            let request = snapshot
                .evaluate(&secrets)
                .map(|parts| AttemptRequest::at(place, attempt, parts.inputs, parts.config));
            let request = match names.is_empty() {
                true => request,
                false => request.map(|request| request.with_secrets(secrets.clone())),
            };
            let taken = match (&shared.durable, &request) {
                (Some(durable), Ok(request)) if durable.journal.limits(&agent.name) => {
                    Some(super::places::take(durable, &agent.name, request, clock).await)
                }
                _ => None,
            };
            let begun = request.and_then(|request| call(&shared, &agent, request));
            let outcome = match begun {
                // What a panic says is blacked out as well.
                Ok(work) => attempt::finish(work, limit, clock).await,
                Err(failure) => Err(failure),
            };
            drop((permit, taken));
            if names.is_empty() { outcome } else { attempt::redact(outcome, &secrets) }
        })
    }
}

/// Hands an attempt to its agent, here or elsewhere.
pub(super) fn call(
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
