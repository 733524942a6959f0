//! Requests that may be sent again: who is at one, and what was answered.

use std::time::Duration;

use turbocat_core::Timestamp;

use super::Platform;
use crate::args;
use crate::error::StorageError;

/// That a key is held, and until when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held(Timestamp);

/// What became of asking for a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// It is yours: do it, then [`finish`](IdempotencyKeys::finish) or
    /// [`release`](IdempotencyKeys::release).
    Yours(Held),
    /// Somebody is at it.
    Busy,
    /// It was done.
    Answered {
        /// With which status.
        status: u16,
        /// What was answered, as it was given to `finish`.
        answer: String,
    },
    /// The key is that of another request.
    Different,
}

/// The keys.
#[derive(Clone, Copy, Debug)]
pub struct IdempotencyKeys<'a>(pub(super) &'a Platform);

impl IdempotencyKeys<'_> {
    /// Asks for a key for a request. Of several who ask at once one gets it, and holds it for `hold`
    /// if they neither finish nor release.
    ///
    /// # Errors
    /// What the database says.
    pub async fn claim(&self, name: &str, request: &str, hold: Duration) -> Result<Claim, StorageError> {
        let now = self.0.now();
        let until = now.after(hold);
        let sql = "insert into idempotency_keys (name, request, expires_at, created_at)
            values ($1, $2, $4, $3)
            on conflict (name) do update set request = $2, status = null, answer = null,
                expires_at = $4, created_at = $3
            where idempotency_keys.expires_at <= $3
            returning name";
        let database = &self.0.database;
        if !database.returning(sql, args![name, request, now, until]).await?.is_empty() {
            return Ok(Claim::Yours(Held(until)));
        }
        let sql = "select request, status, answer from idempotency_keys where name = $1";
        let Some(row) = database.fetch_optional(sql, args![name]).await? else {
            // Given back in this moment.
            return Ok(Claim::Busy);
        };
        if row.get::<String>("request")? != request {
            return Ok(Claim::Different);
        }
        match (row.get::<Option<i64>>("status")?, row.get::<Option<String>>("answer")?) {
            (Some(status), Some(answer)) => {
                let status = u16::try_from(status)
                    .map_err(|_| StorageError::corrupt("an answer has a status that is none"))?;
                Ok(Claim::Answered { status, answer })
            }
            _ => Ok(Claim::Busy),
        }
    }

    /// Keeps what was answered for `keep`. Nothing is kept if the key is held by somebody else by now.
    ///
    /// # Errors
    /// What the database says.
    pub async fn finish(
        &self,
        name: &str,
        held: Held,
        status: u16,
        answer: &str,
        keep: Duration,
    ) -> Result<(), StorageError> {
        let sql = "update idempotency_keys set status = $3, answer = $4, expires_at = $5
            where name = $1 and expires_at = $2 and answer is null";
        let until = self.0.now().after(keep);
        let args = args![name, held.0, i64::from(status), answer, until];
        self.0.database.execute(sql, args).await.map(drop)
    }

    /// Gives a key back: the request may be sent again.
    ///
    /// # Errors
    /// What the database says.
    pub async fn release(&self, name: &str, held: Held) -> Result<(), StorageError> {
        let sql = "delete from idempotency_keys where name = $1 and expires_at = $2 and answer is null";
        self.0.database.execute(sql, args![name, held.0]).await.map(drop)
    }

    /// Forgets what is kept no longer, some at a time. Gives how many.
    ///
    /// # Errors
    /// What the database says.
    pub async fn sweep(&self) -> Result<u64, StorageError> {
        let sql = "delete from idempotency_keys where name in (
            select name from idempotency_keys where expires_at <= $1 limit 500)";
        self.0.database.execute(sql, args![self.0.now()]).await
    }
}
