//! How often something was done in a window of time, counted for all nodes.

use std::time::Duration;

use turbocat_core::Timestamp;

use super::Platform;
use crate::args;
use crate::error::StorageError;

/// What a window says after one more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rated {
    /// How often, this time included.
    pub count: u64,
    /// When the window ends and counting begins anew.
    pub ends_at: Timestamp,
}

/// The windows.
#[derive(Clone, Copy, Debug)]
pub struct RateWindows<'a>(pub(super) &'a Platform);

impl RateWindows<'_> {
    /// Counts one more under a name. A window begins with the first and is not made longer by others.
    ///
    /// # Errors
    /// What the database says.
    pub async fn count(&self, name: &str, window: Duration) -> Result<Rated, StorageError> {
        let now = self.0.now();
        let sql = "insert into rate_windows (name, count, ends_at) values ($1, 1, $3)
            on conflict (name) do update set
                count = case when rate_windows.ends_at <= $2 then 1 else rate_windows.count + 1 end,
                ends_at = case when rate_windows.ends_at <= $2 then $3 else rate_windows.ends_at end
            returning count, ends_at";
        let rows = self.0.database.returning(sql, args![name, now, now.after(window)]).await?;
        let row = rows.first().ok_or_else(|| StorageError::corrupt("a window was not counted"))?;
        Ok(Rated { count: row.get("count")?, ends_at: row.get("ends_at")? })
    }

    /// What a window says, without counting.
    ///
    /// # Errors
    /// What the database says.
    pub async fn look(&self, name: &str) -> Result<Option<Rated>, StorageError> {
        let sql = "select count, ends_at from rate_windows where name = $1 and ends_at > $2";
        let row = self.0.database.fetch_optional(sql, args![name, self.0.now()]).await?;
        row.map(|row| Ok(Rated { count: row.get("count")?, ends_at: row.get("ends_at")? })).transpose()
    }

    /// Begins anew.
    ///
    /// # Errors
    /// What the database says.
    pub async fn forget(&self, name: &str) -> Result<(), StorageError> {
        self.0.database.execute("delete from rate_windows where name = $1", args![name]).await.map(drop)
    }

    /// Forgets windows that ended, some at a time. Gives how many.
    ///
    /// # Errors
    /// What the database says.
    pub async fn sweep(&self) -> Result<u64, StorageError> {
        let sql = "delete from rate_windows where name in (
            select name from rate_windows where ends_at <= $1 limit 500)";
        self.0.database.execute(sql, args![self.0.now()]).await
    }
}
