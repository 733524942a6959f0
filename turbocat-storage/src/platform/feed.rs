//! What happened, in one order for all nodes: written together with who did it.

use serde_json::Value;
use turbocat_core::Timestamp;
use uuid::Uuid;

use super::audit::{AuditEntry, NewAuditEntry};
use super::filter::Filter;
use super::record::Record;
use super::{Platform, deliveries, table};
use crate::args;
use crate::db::{Arg, Kind, Transaction};
use crate::error::StorageError;

record! {
    /// Something that happened.
    Happening is "event" in "feed" {
        /// Its number: later ones have greater ones, and none comes after a greater one was seen.
        seq: i64,
        /// Its id, the same wherever it is told.
        id: Uuid,
        /// What happened, such as `agent.created`.
        name: String,
        /// To what kind of thing.
        resource_type: String,
        /// To which.
        resource_id: Uuid,
        /// Whose it is.
        user_id: Option<Uuid>,
        /// More about it.
        data: Value,
        /// When.
        at: Timestamp,
    }
}

draft! {
    /// Something new that happened.
    NewHappening {
        /// Its id.
        id: Uuid,
        /// What happened, such as `agent.created`.
        name: String,
        /// To what kind of thing.
        resource_type: String,
        /// To which.
        resource_id: Uuid,
        /// Whose it is.
        user_id: Option<Uuid>,
        /// More about it.
        data: Value,
        /// When.
        at: Timestamp,
    }
}

/// The feed.
#[derive(Clone, Copy, Debug)]
pub struct Feed<'a>(pub(super) &'a Platform);

impl Feed<'_> {
    /// Writes who did what and what happened, all or nothing. Gives what happened with its numbers.
    ///
    /// # Errors
    /// What the database says.
    pub async fn append(
        &self,
        entries: Vec<NewAuditEntry>,
        happenings: Vec<NewHappening>,
    ) -> Result<Vec<Happening>, StorageError> {
        let now = self.0.now();
        let mut transaction = self.0.database.begin().await?;
        for mut entry in entries {
            entry.user_agent = entry.user_agent.map(|text| text.replace('\0', "\u{fffd}"));
            let more = vec![("id", Arg::Uuid(Some(Uuid::now_v7()))), ("created_at", Arg::Time(Some(now)))];
            let (sql, args) = table::insertion::<AuditEntry>(entry, more);
            transaction.execute(sql, args).await?;
        }
        let told = tell(&mut transaction, happenings).await?;
        transaction.commit().await?;
        Ok(told)
    }

    /// What happened after that number, the oldest first; of a user, or of all.
    ///
    /// # Errors
    /// What the database says.
    pub async fn after(
        &self,
        seq: i64,
        user: Option<Uuid>,
        limit: u32,
    ) -> Result<Vec<Happening>, StorageError> {
        let filter = Filter::new().by("seq > ", seq, "").maybe("user_id = ", user, "");
        let mut sql = table::select::<Happening>();
        filter.append(&mut sql);
        let mut args = filter.args;
        let place = args.push(limit);
        sql.push(" order by seq limit ").push_place(place);
        let rows = self.0.database.fetch_all(sql.render(self.0.database.kind())?, args).await?;
        rows.iter().map(Happening::read).collect()
    }

    /// The number of the last thing that happened; 0 if nothing did.
    ///
    /// # Errors
    /// What the database says.
    pub async fn last(&self) -> Result<i64, StorageError> {
        let row =
            self.0.database.fetch_one("select coalesce(max(seq), 0) as last from feed", args![]).await?;
        row.get("last")
    }

    /// Forgets what happened before then, some at a time. Gives how many.
    ///
    /// # Errors
    /// What the database says.
    pub async fn forget_before(&self, moment: Timestamp) -> Result<u64, StorageError> {
        let sql = "delete from feed where seq in (select seq from feed where at < $1 limit 500)";
        self.0.database.execute(sql, args![moment]).await
    }
}

/// Writes what happened as part of a transaction, and what is to be delivered of it.
pub(crate) async fn tell(
    transaction: &mut Transaction,
    happenings: Vec<NewHappening>,
) -> Result<Vec<Happening>, StorageError> {
    if happenings.is_empty() {
        return Ok(Vec::new());
    }
    if transaction.kind() == Kind::Postgres {
        // One at a time, so that numbers become visible in their order: who read up to a number has
        // missed nothing before it.
        transaction.fetch_all("select pg_advisory_xact_lock(7264100)::text as locked", args![]).await?;
    }
    let mut told = Vec::with_capacity(happenings.len());
    for happening in happenings {
        let (sql, args) = table::insertion::<Happening>(happening, Vec::new());
        told.push(table::first(&transaction.fetch_all(sql, args).await?)?);
    }
    deliveries::prepare(transaction, &told).await?;
    Ok(told)
}
