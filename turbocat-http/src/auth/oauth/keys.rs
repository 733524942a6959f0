//! The keys a provider signs with: fetched once, and again when one is not known.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jsonwebtoken::jwk::{Jwk, JwkSet};
use reqwest::Client;

use super::ask::{self, AskError};

/// How long keys are believed to be all there are.
const FRESH: Duration = Duration::from_secs(60 * 60);
/// Who makes up names of keys does not make this ask again and again.
const PATIENCE: Duration = Duration::from_secs(10);

/// Keys that were fetched.
#[derive(Debug, Default)]
pub(super) struct Keys(Mutex<Held>);

#[derive(Debug, Default)]
struct Held {
    keys: Arc<JwkSet>,
    fetched: Option<Instant>,
    /// When one was looked for in vain.
    missed: Option<Instant>,
}

impl Keys {
    /// The key of that name. If it is not known, all are fetched once more.
    pub(super) async fn find(&self, http: &Client, url: &str, name: &str) -> Result<Option<Jwk>, AskError> {
        {
            let held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let within = |moment: Option<Instant>, time| moment.is_some_and(|at| at.elapsed() < time);
            if within(held.fetched, FRESH) {
                if let Some(key) = held.keys.find(name) {
                    return Ok(Some(key.clone()));
                }
                if within(held.missed, PATIENCE) {
                    return Ok(None);
                }
            }
        }
        let keys = Arc::new(ask::get::<JwkSet>(http, url, None).await?);
        let found = keys.find(name).cloned();
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        *held = Held { keys, fetched: Some(now), missed: found.is_none().then_some(now) };
        Ok(found)
    }
}
