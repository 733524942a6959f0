//! Places of agents that have a limited number of them on all nodes together.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::broadcast::error::RecvError;

use super::clock::EngineClock;
use super::durable::Durable;
use super::journal::{AgentPlace, Hint};
use crate::agent::AttemptRequest;

/// How long to wait for a hint that a place is free before asking again.
const AGAIN: Duration = Duration::from_secs(1);

/// A place, given back when it is dropped.
pub(crate) struct Taken {
    durable: Arc<Durable>,
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
    let place = AgentPlace {
        worker: durable.worker,
        execution: request.execution(),
        attempt: format!("{}/{}", request.path(), request.attempt),
    };
    let mut hints = durable.journal.hints();
    loop {
        match durable.journal.take_place(agent, &place).await {
            Ok(true) => return Taken { durable: durable.clone(), agent: agent.into(), place },
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
            () = freed => {}
            () = clock.sleep_until(clock.now().after(AGAIN)) => {}
        }
    }
}

impl Taken {
    async fn give(durable: &Durable, agent: &str, place: &AgentPlace) {
        if let Err(error) = durable.journal.give_place(agent, place).await {
            // It is free when the execution is not held any more.
            tracing::warn!(%error, agent, "a place could not be given back");
        }
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        if let Ok(runtime) = Handle::try_current() {
            let (durable, agent, place) = (self.durable.clone(), self.agent.clone(), self.place.clone());
            runtime.spawn(async move { Self::give(&durable, &agent, &place).await });
        }
    }
}
