//! Places of agents that have a limited number of them on all nodes together.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::broadcast::error::RecvError;

use super::clock::EngineClock;
use super::durable::Durable;
use super::journal::{AgentPlace, Hint};
use crate::request::AttemptRequest;

/// How long to wait for a hint that a place is free before asking again.
const AGAIN: Duration = Duration::from_secs(1);

/// How long to wait at most before giving a place back is tried again.
const PAUSE: Duration = Duration::from_secs(10);

/// A place that is held, or was asked for. Given back when it is dropped.
pub(crate) struct Taken {
    durable: Arc<Durable>,
    clock: EngineClock,
    agent: Box<str>,
    place: AgentPlace,
}

/// Waits for a place of an agent for an attempt.
pub(crate) async fn take(
    durable: &Arc<Durable>,
    agent: &str,
    request: &AttemptRequest,
    clock: &EngineClock,
) -> Taken {
    let place =
        AgentPlace { worker: durable.worker, execution: request.execution(), attempt: request.attempt_key() };
    // Before it is asked for: whoever asks may be stopped before the answer is there.
    let taken = Taken { durable: durable.clone(), clock: clock.clone(), agent: agent.into(), place };
    let mut hints = durable.journal.hints();
    loop {
        match durable.journal.take_place(agent, &taken.place).await {
            Ok(true) => return taken,
            Ok(false) => {}
            Err(error) => tracing::warn!(%error, agent, "no place could be taken"),
        }
        let freed = async {
            loop {
                match hints.recv().await {
                    Ok(Hint::Place) | Err(RecvError::Lagged(_)) => return,
                    Ok(_) => {}
                    Err(RecvError::Closed) => std::future::pending().await,
                }
            }
        };
        tokio::select! {
            biased;
            () = freed => {}
            () = clock.sleep_until(clock.now().after(AGAIN)) => {}
        }
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        let Ok(runtime) = Handle::try_current() else { return };
        let (journal, clock) = (self.durable.journal.clone(), self.clock.clone());
        let (agent, place) = (std::mem::take(&mut self.agent), self.place.clone());
        runtime.spawn(async move {
            let mut pause = AGAIN;
            // However long it takes: as long as the execution is held, nobody else would free it,
            // and it may itself be what waits for a place.
            while let Err(error) = journal.give_place(&agent, &place).await {
                tracing::warn!(%error, %agent, "a place could not be given back");
                clock.sleep_until(clock.now().after(pause)).await;
                pause = (pause * 2).min(PAUSE);
            }
        });
    }
}
