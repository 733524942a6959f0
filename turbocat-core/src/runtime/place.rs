//! One of the places that an agent has on all nodes together: waited for, held, given back.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::broadcast::Receiver;

use super::clock::EngineClock;
use super::durable::Durable;
use super::journal::{AgentPlace, Hint};

/// How long to wait for the hint that a place is free before asking again: it may be missed.
const PATIENCE: Duration = Duration::from_secs(1);

/// How often a place that cannot be given back is tried to be. Then it is free when the execution
/// is not held any more.
const TRIES: u32 = 10;

/// A place that is held, or was asked for. Given back when it is dropped.
pub(super) struct Place {
    durable: Arc<Durable>,
    clock: EngineClock,
    agent: Arc<str>,
    place: AgentPlace,
}

impl Place {
    /// Returns when it has a place.
    pub(super) async fn take(
        durable: &Arc<Durable>,
        clock: &EngineClock,
        agent: &Arc<str>,
        place: AgentPlace,
    ) -> Self {
        // Before it is asked for: whoever asks may be stopped before the answer is there.
        let held = Self { durable: durable.clone(), clock: clock.clone(), agent: agent.clone(), place };
        let mut hints = durable.journal.hints();
        loop {
            match durable.journal.take_place(agent, &held.place).await {
                Ok(true) => return held,
                Ok(false) => {}
                Err(error) => tracing::warn!(%error, %agent, "no place could be asked for"),
            }
            let later = clock.sleep_until(clock.now().after(PATIENCE));
            tokio::select! {
                biased;
                () = free(&mut hints) => {}
                () = later => {}
            }
        }
    }
}

/// Returns when a place may be free.
async fn free(hints: &mut Receiver<Hint>) {
    use tokio::sync::broadcast::error::RecvError;
    loop {
        match hints.recv().await {
            Ok(Hint::Place) | Err(RecvError::Lagged(_)) => return,
            Ok(_) => {}
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Ok(runtime) = Handle::try_current() else { return };
        let (durable, clock) = (self.durable.clone(), self.clock.clone());
        let (agent, place) = (self.agent.clone(), self.place.clone());
        runtime.spawn(async move {
            for _ in 0..TRIES {
                match durable.journal.give_place(&agent, &place).await {
                    Ok(()) => return,
                    Err(error) => tracing::warn!(%error, %agent, "a place could not be given back"),
                }
                clock.sleep_until(clock.now().after(PATIENCE)).await;
            }
        });
    }
}
