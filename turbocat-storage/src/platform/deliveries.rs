//! Deliveries: rows, made in the transaction that tells what happened, and tried until they are taken
//! or given up. Whoever tries holds one for a while; a process that ends in the middle loses none.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use turbocat_core::Timestamp;
use uuid::Uuid;

use super::feed::Happening;
use super::filter::Filter;
use super::page::{Page, PageRequest, sort};
use super::record::Record;
use super::words::DeliveryStatus;
use super::{Platform, table, webhooks};
use crate::args;
use crate::db::{Kind, Sql, Transaction};
use crate::error::StorageError;

/// How many deliveries in a row are given up until nobody tries any more.
const PATIENCE: i64 = 5;

record! {
    /// Something that somebody is told.
    Delivery is "delivery" in "webhook_deliveries" {
        /// The id.
        id: Uuid,
        /// Who is told.
        webhook_id: Uuid,
        /// What happened: the id under which it is told, the same each time.
        event_id: Uuid,
        /// What happened, in a word.
        event_name: String,
        /// What is sent.
        payload: Value,
        /// What became of it.
        status: DeliveryStatus,
        /// How often it was tried.
        attempts: i32,
        /// When it is tried next.
        next_at: Option<Timestamp>,
        /// What was answered last.
        last_status: Option<i32>,
        /// What went wrong last.
        last_error: Option<String>,
        /// How long it took last.
        last_duration_ms: Option<u64>,
        /// When it was taken.
        delivered_at: Option<Timestamp>,
        /// When it was made.
        created_at: Timestamp,
        /// When it was last changed.
        updated_at: Timestamp,
    }
}

/// Which deliveries.
#[derive(Clone, Debug, Default)]
pub struct DeliveryFilter {
    /// Those to this webhook.
    pub webhook_id: Option<Uuid>,
    /// Those that stand so.
    pub status: Option<DeliveryStatus>,
    /// Those of such events.
    pub event_name: Option<String>,
}

sort! {
    /// What deliveries can be sorted by.
    DeliverySort {
        /// When they were made.
        #[default] CreatedAt = "created_at" ["createdAt", "created"],
        /// When they were last changed.
        UpdatedAt = "updated_at" ["updatedAt", "updated"],
        /// How they stand.
        Status = "status" ["status"],
    }
}

/// What trying came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was taken.
    Delivered,
    /// Not now: it is tried again after that time.
    Again(Duration),
    /// It is given up.
    GivenUp,
}

/// How trying went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempted {
    /// What it came to.
    pub outcome: Outcome,
    /// What was answered.
    pub status: Option<u16>,
    /// What went wrong.
    pub error: Option<String>,
    /// How long it took.
    pub took: Duration,
}

/// The deliveries.
#[derive(Clone, Copy, Debug)]
pub struct Deliveries<'a>(pub(super) &'a Platform);

impl Deliveries<'_> {
    /// Makes a delivery of something that stands in no feed: to try a webhook, to send something
    /// again. It is due now.
    ///
    /// # Errors
    /// [`Constraint`](crate::StorageErrorKind::Constraint) if there is no such webhook.
    pub async fn create(
        &self,
        webhook: Uuid,
        event: Uuid,
        name: &str,
        payload: &Value,
    ) -> Result<Delivery, StorageError> {
        let mut sql = Sql::new(INSERT);
        sql.push(" returning ").push(Delivery::COLUMNS);
        let args = args![Uuid::now_v7(), webhook, event, name, payload, self.0.now()];
        table::first(&self.0.database.returning(sql, args).await?)
    }

    /// A delivery.
    ///
    /// # Errors
    /// What the database says.
    pub async fn get(&self, id: Uuid) -> Result<Option<Delivery>, StorageError> {
        table::find(&self.0.database, Filter::new().by("id = ", id, "")).await
    }

    /// A page of deliveries.
    ///
    /// # Errors
    /// [`Invalid`](crate::StorageErrorKind::Invalid) for a page that cannot be.
    pub async fn list(
        &self,
        filter: &DeliveryFilter,
        page: PageRequest<DeliverySort>,
    ) -> Result<Page<Delivery>, StorageError> {
        let conditions = Filter::new()
            .maybe("webhook_id = ", filter.webhook_id, "")
            .maybe("status = ", filter.status, "")
            .maybe("event_name = ", filter.event_name.as_deref(), "");
        table::page(&self.0.database, conditions, page).await
    }

    /// Takes some deliveries that are due, at most `each` to one webhook and none to those in
    /// `busy`, and holds them for `hold`: nobody else takes them before. Those to webhooks that are
    /// not active wait.
    ///
    /// # Errors
    /// What the database says.
    pub async fn claim(
        &self,
        limit: u32,
        each: u32,
        busy: Vec<Uuid>,
        hold: Duration,
    ) -> Result<Vec<Delivery>, StorageError> {
        let now = self.0.now();
        // Mostly nothing is: then nothing is written, and nobody waits.
        let some =
            "select 1 as one from webhook_deliveries where status = 'pending' and next_at <= $1 limit 1";
        if self.0.database.fetch_optional(some, args![now]).await?.is_none() {
            return Ok(Vec::new());
        }
        let mut sql = Sql::new(
            "update webhook_deliveries set attempts = attempts + 1, next_at = $2, updated_at = $1 where id ",
        );
        // Once and not for each row: what is locked by others is passed over a single time.
        let postgres = self.0.database.kind() == Kind::Postgres;
        sql.push(if postgres { "= any(array(" } else { "in (" }).push(
            "select id from webhook_deliveries where status = 'pending' and next_at <= $1
                and id in (select id from (
                    select d.id, row_number() over (partition by d.webhook_id order by d.next_at, d.id) as place
                    from webhook_deliveries as d join webhooks as w on w.id = d.webhook_id
                    where d.status = 'pending' and d.next_at <= $1 and w.is_active and w.deleted_at is null
                        and not (d.webhook_id {any_uuid:$5})) as ranked
                    where place <= $4)
                order by next_at, id limit $3",
        );
        sql.push(if postgres { " for update skip locked))" } else { ")" });
        sql.push(" returning ").push(Delivery::COLUMNS);
        let sql = sql.render(self.0.database.kind())?;
        let rows = self.0.database.returning(sql, args![now, now.after(hold), limit, each, busy]).await?;
        rows.iter().map(Delivery::read).collect()
    }

    /// Notes how trying went, unless somebody else tries it by now. A webhook whose deliveries are
    /// given up one after the other is not told any more.
    ///
    /// # Errors
    /// What the database says.
    pub async fn note(&self, delivery: &Delivery, attempted: &Attempted) -> Result<(), StorageError> {
        let now = self.0.now();
        let (word, next) = match attempted.outcome {
            Outcome::Delivered => (DeliveryStatus::Delivered, None),
            Outcome::Again(pause) => (DeliveryStatus::Pending, Some(now.after(pause))),
            Outcome::GivenUp => (DeliveryStatus::Failed, None),
        };
        let delivered = (attempted.outcome == Outcome::Delivered).then_some(now);
        let took = i64::try_from(attempted.took.as_millis()).unwrap_or(i64::MAX);
        let sql =
            "update webhook_deliveries set status = $3, next_at = $4, last_status = $5, last_error = $6,
                last_duration_ms = $7, delivered_at = $8, updated_at = $9
            where id = $1 and attempts = $2 and status = 'pending'";
        let mut transaction = self.0.database.begin().await?;
        let args = args![
            delivery.id,
            delivery.attempts,
            word,
            next,
            attempted.status.map(i32::from),
            attempted.error.as_deref().map(|text| text.replace('\0', "\u{fffd}")),
            took,
            delivered,
            now
        ];
        if transaction.execute(sql, args).await? == 0 {
            return Ok(());
        }
        match attempted.outcome {
            Outcome::Again(_) => {}
            Outcome::Delivered => {
                let sql = "update webhooks set failures = 0 where id = $1 and failures <> 0";
                transaction.execute(sql, args![delivery.webhook_id]).await?;
            }
            Outcome::GivenUp => {
                let sql = Sql::new(
                    "update webhooks set failures = failures + 1,
                        disabled_reason = case when is_active and failures + 1 >= $2 then $3 else disabled_reason end,
                        is_active = is_active and failures + 1 < $2,
                        updated_at = {later:updated_at,$4}
                    where id = $1",
                );
                let reason = format!("{PATIENCE} deliveries in a row were given up");
                let args = args![delivery.webhook_id, PATIENCE, reason, now];
                transaction.execute(sql.render(transaction.kind())?, args).await?;
            }
        }
        transaction.commit().await
    }

    /// Forgets deliveries made before then that are not tried any more, some at a time. Gives how
    /// many.
    ///
    /// # Errors
    /// What the database says.
    pub async fn forget_before(&self, moment: Timestamp) -> Result<u64, StorageError> {
        let sql = "delete from webhook_deliveries where id in (
            select id from webhook_deliveries where created_at < $1 and status <> 'pending' limit 500)";
        self.0.database.execute(sql, args![moment]).await
    }
}

const INSERT: &str = "insert into webhook_deliveries
    (id, webhook_id, event_id, event_name, payload, next_at, created_at, updated_at)
    values ($1, $2, $3, $4, $5, $6, $6, $6)";

/// Writes what is to be delivered of what happened, as part of the transaction that tells it.
pub(super) async fn prepare(
    transaction: &mut Transaction,
    happenings: &[Happening],
) -> Result<(), StorageError> {
    let mut owners: Vec<Uuid> = happenings.iter().filter_map(|happening| happening.user_id).collect();
    owners.sort_unstable();
    owners.dedup();
    if owners.is_empty() {
        return Ok(());
    }
    let sql = Sql::new(
        "select id, user_id, events from webhooks
        where is_active and deleted_at is null and user_id {any_uuid:$1} order by id",
    );
    let sql = sql.render(transaction.kind())?;
    let mut told: BTreeMap<Uuid, Vec<(Uuid, Vec<String>)>> = BTreeMap::new();
    for row in transaction.fetch_all(sql, args![owners]).await? {
        told.entry(row.get("user_id")?).or_default().push((row.get("id")?, row.get("events")?));
    }
    for happening in happenings {
        let webhooks = happening.user_id.and_then(|user| told.get(&user));
        for (webhook, patterns) in webhooks.into_iter().flatten() {
            if webhooks::wants(patterns, &happening.name) {
                let payload = happening.payload();
                let args =
                    args![Uuid::now_v7(), webhook, happening.id, &happening.name, payload, happening.at];
                transaction.execute(INSERT, args).await?;
            }
        }
    }
    Ok(())
}

impl Happening {
    /// As it is told to those outside.
    pub fn payload(&self) -> Value {
        json!({
            "id": self.id,
            "type": self.name,
            "timestamp": self.at.to_string(),
            "at": self.at.to_string(),
            "userId": self.user_id,
            "resourceType": self.resource_type,
            "resourceId": self.resource_id,
            "data": self.data,
        })
    }
}
