//! Who claims executions: kept for those who look after the queue. Nothing else depends on it.

use turbocat_core::{Timestamp, WorkerId};

use super::open::Store;
use crate::error::StorageError;

/// A worker that was not heard of for this long is forgotten.
const FORGOTTEN: i64 = 60 * 60 * 1000;

/// Somebody who claims executions, or did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Worker {
    /// Its name.
    pub id: WorkerId,
    /// Whether it goes on: it has not said that it stops, and was heard of within a lease.
    pub is_running: bool,
    /// Since when it claims.
    pub since: Timestamp,
    /// When it was last heard of. On SQLite, where workers end with the process, when it began.
    pub seen_at: Timestamp,
    /// How many executions it holds.
    pub holds: u64,
}

impl Store {
    pub(super) async fn see(&self, worker: WorkerId, works: bool) -> Result<(), StorageError> {
        let now = self.0.time.now();
        let text = "insert into workers (id, works, began_ms, seen_ms) values ($1, $2, $3, $3)
            on conflict (id) do update set works = excluded.works, seen_ms = excluded.seen_ms";
        self.0.database.execute(text, crate::args![*worker.as_uuid(), works, now]).await?;
        if self.0.lease.is_some() {
            let text = "delete from workers where seen_ms < $1";
            self.0.database.execute(text, crate::args![now - FORGOTTEN]).await?;
        }
        Ok(())
    }

    /// Who claims executions of this store, on all nodes.
    ///
    /// # Errors
    /// What the database says.
    pub async fn workers(&self) -> Result<Vec<Worker>, StorageError> {
        let now = self.0.time.now();
        let text = "select w.id, w.works, w.began_ms, w.seen_ms,
                (select count(*) from jobs as j where j.state = 1 and j.worker = w.id) as holds
            from workers as w order by w.began_ms, w.id";
        let rows = self.0.database.fetch_all(text, crate::args![]).await?;
        let worker = |row: &crate::db::Row| {
            let seen: i64 = row.get("seen_ms")?;
            let fresh = self.until(seen).is_none_or(|until| until > now);
            Ok(Worker {
                id: WorkerId::from_uuid(row.get("id")?),
                is_running: row.get("works")? && fresh,
                since: Timestamp::from_millis(row.get("began_ms")?),
                seen_at: Timestamp::from_millis(seen),
                holds: row.get("holds")?,
            })
        };
        rows.iter().map(worker).collect()
    }
}
