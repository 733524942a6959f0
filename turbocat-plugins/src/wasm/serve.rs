//! What a plugin is given when it asks: secrets, state, its configuration. Each is held against its
//! grants here and nowhere else. It does not know by which runtime the plugin asks.

use std::time::Duration;

use serde_json::Value;
use turbocat_core::StepFailure;
use turbocat_pdk::wire::{CONTEXT_KEY, Capability, Context};

use super::guest::Guest;
use super::stop::Stop;

impl Guest {
    /// The secret of that name, if there is one.
    pub(super) async fn secret(&mut self, name: &str) -> Result<Option<String>, Stop> {
        // The name that is judged is the name that is read.
        let Ok(wanted @ Capability::Secret(_)) = format!("secret {name}").parse::<Capability>() else {
            return Err(self.misused("asks for a secret by a name that is none"));
        };
        self.demand(&wanted)?;
        let Capability::Secret(name) = wanted else { return Ok(None) };
        let world = self.right.world.clone();
        let Some(secrets) = &world.secrets else { return Ok(None) };
        let value = self.in_time(secrets.secret(&name)).await?;
        if let Some(value) = &value {
            self.blackout.add(value);
        }
        Ok(value)
    }

    /// What is kept under this key.
    pub(super) async fn state_get(&mut self, key: &str) -> Result<Option<Vec<u8>>, Stop> {
        self.demand(&Capability::State)?;
        let right = self.right.clone();
        self.in_time(right.world.state.get(&right.name, key)).await?.map_err(Stop::failed)
    }

    /// Keeps a value under this key, or forgets it.
    pub(super) async fn state_set(&mut self, key: &str, value: Option<Vec<u8>>) -> Result<(), Stop> {
        self.demand(&Capability::State)?;
        let right = self.right.clone();
        let store = &right.world.state;
        let done: Result<(), StepFailure> = match value {
            None => self.in_time(store.delete(&right.name, key)).await?,
            Some(value) => {
                let most = self.limits.state_bytes;
                if (key.len() + value.len()) as u64 > most {
                    return Err(self.exceeded("state", "keeps a value that is too large", most));
                }
                self.in_time(store.set(&right.name, key, value)).await?
            }
        };
        done.map_err(Stop::failed)
    }

    /// The context under its own key, else a field of the configuration that is text: plugins that
    /// know nothing of Turbocat are configured that way.
    pub(super) fn setting(&self, key: &str) -> Result<Option<String>, Stop> {
        static NONE: Value = Value::Null;
        let config = match (&self.config, &self.request) {
            (Some(config), _) => config,
            (None, Some(request)) => request.config(),
            (None, None) => &NONE,
        };
        if key != CONTEXT_KEY {
            return Ok(config.get(key).and_then(Value::as_str).map(str::to_owned));
        }
        let mut context = Context { config: config.clone(), attempt: 1, ..Context::default() };
        if let Some(request) = &self.request {
            context.execution = request.execution().to_string();
            request.step().clone_into(&mut context.step);
            context.path = request.path();
            context.attempt = request.attempt;
            context.idempotency_key = request.idempotency_key();
        }
        serde_json::to_string(&context).map(Some).map_err(|error| self.broken(error))
    }

    /// Waits no longer than the call may take: while the host waits, the plugin's own clock stands.
    async fn in_time<T>(&self, work: impl Future<Output = T>) -> Result<T, Stop> {
        // what is ready needs no timer
        let left = self.time_left().unwrap_or(Duration::MAX);
        tokio::time::timeout(left, work).await.map_err(|_| self.timed_out())
    }
}
