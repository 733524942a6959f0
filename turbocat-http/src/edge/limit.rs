//! How often what may be done. One process counts in memory, several in the database.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use turbocat_core::Timestamp;
use turbocat_storage::Kind;
use turbocat_storage::platform::Platform;

use crate::error::{Error, Result};
use crate::settings::Limits;

const WINDOW: Duration = Duration::from_secs(60);
/// How many windows are kept in memory before those that ended are looked for.
const MANY: usize = 10_000;

/// Counts.
#[derive(Debug)]
pub(crate) struct Limiter {
    limits: Option<Limits>,
    platform: Platform,
    /// On SQLite, whose file only one process writes.
    here: Option<Mutex<HashMap<String, (u64, Timestamp)>>>,
}

/// What a limit says after one more: sent in headers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Standing {
    limit: u64,
    count: u64,
    ends_at: Timestamp,
}

impl Limiter {
    pub(crate) fn new(platform: &Platform, limits: Option<Limits>) -> Self {
        let alone = platform.database().kind() == Kind::Sqlite;
        Self { limits, platform: platform.clone(), here: alone.then(Mutex::default) }
    }

    /// The limits, if there are any.
    pub(crate) const fn limits(&self) -> Option<&Limits> {
        self.limits.as_ref()
    }

    /// Counts one more under a name within a minute.
    pub(crate) async fn count(&self, name: &str, limit: u32) -> Result<Standing> {
        let (count, ends_at) = self.more(name, WINDOW).await?;
        Ok(Standing { limit: limit.into(), count, ends_at })
    }

    /// Counts one more within a window; gives how often, and when the window ends.
    pub(crate) async fn more(&self, name: &str, window: Duration) -> Result<(u64, Timestamp)> {
        let Some(here) = &self.here else {
            let rated = self.platform.rate_windows().count(name, window).await?;
            return Ok((rated.count, rated.ends_at));
        };
        let now = self.platform.now();
        let mut here = here.lock().unwrap_or_else(PoisonError::into_inner);
        if here.len() >= MANY && !here.contains_key(name) {
            here.retain(|_, (_, ends_at)| *ends_at > now);
        }
        let seen = here.entry(name.to_owned()).or_insert_with(|| (0, now.after(window)));
        if seen.1 <= now {
            *seen = (0, now.after(window));
        }
        seen.0 += 1;
        Ok(*seen)
    }

    /// How often so far, and when the window ends; without counting.
    pub(crate) async fn look(&self, name: &str) -> Result<Option<(u64, Timestamp)>> {
        let Some(here) = &self.here else {
            let rated = self.platform.rate_windows().look(name).await?;
            return Ok(rated.map(|rated| (rated.count, rated.ends_at)));
        };
        let here = here.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(here.get(name).copied().filter(|(_, ends_at)| *ends_at > self.platform.now()))
    }

    /// Begins anew.
    pub(crate) async fn forget(&self, name: &str) -> Result<()> {
        let Some(here) = &self.here else { return Ok(self.platform.rate_windows().forget(name).await?) };
        here.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
        Ok(())
    }
}

impl Standing {
    /// An error, if it was one too many.
    pub(crate) fn allow(&self, now: Timestamp) -> Result<()> {
        if self.count > self.limit { Err(Error::too_many(seconds_until(self.ends_at, now))) } else { Ok(()) }
    }

    /// The headers that tell how it stands.
    pub(crate) fn tell(&self, headers: &mut HeaderMap) {
        let reset = self.ends_at.as_millis().div_euclid(1000) + 1;
        let left = self.limit.saturating_sub(self.count);
        headers.insert(HeaderName::from_static("x-ratelimit-limit"), HeaderValue::from(self.limit));
        headers.insert(HeaderName::from_static("x-ratelimit-remaining"), HeaderValue::from(left));
        headers.insert(HeaderName::from_static("x-ratelimit-reset"), HeaderValue::from(reset));
    }
}

/// Whole seconds, at least one.
pub(crate) fn seconds_until(moment: Timestamp, now: Timestamp) -> u64 {
    u64::try_from(moment.since(now).as_millis().div_ceil(1000)).unwrap_or(u64::MAX).max(1)
}
