//! The trigger that follows the schedule of a workflow's row.
//!
//! It is written by the same transaction as the row, so that there is never a schedule that nothing
//! starts, nor a start that nobody asked for.

use serde_json::Value;
use sha2::{Digest, Sha256};
use turbocat_core::Timestamp;
use uuid::Uuid;

use crate::args;
use crate::cron::Cron;
use crate::db::{Sql, Transaction};
use crate::error::StorageError;

/// The priority of what schedules start: people, who wait, go before.
const PRIORITY: i32 = 10;

/// What of a workflow's row its trigger follows.
#[derive(Debug)]
pub(super) struct Schedule<'a> {
    pub(super) workflow: Uuid,
    pub(super) enabled: bool,
    /// Whether the workflow can be started.
    pub(super) active: bool,
    pub(super) cron: Option<&'a str>,
    pub(super) timezone: &'a str,
    pub(super) inputs: Value,
}

impl Schedule<'_> {
    /// Whether it can be followed.
    fn check(&self) -> Result<(), StorageError> {
        match (self.cron, self.enabled) {
            (_, false) => Ok(()),
            (Some(cron), true) => Cron::new(cron, self.timezone).map(drop),
            (None, true) => Err(StorageError::invalid("a schedule that is enabled has no times")),
        }
    }
}

/// The id of the trigger that follows a workflow.
pub(super) fn trigger_of(workflow: Uuid) -> Uuid {
    let digest = Sha256::new().chain_update("schedule").chain_update(workflow.as_bytes()).finalize();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

/// Brings the trigger of a workflow up to date with its row.
///
/// It starts something only while the workflow is active. Its next time is kept if the times are
/// the same, and found anew if they are not.
pub(super) async fn follow(
    transaction: &mut Transaction,
    schedule: Schedule<'_>,
    now: Timestamp,
) -> Result<(), StorageError> {
    schedule.check()?;
    let Schedule { workflow, enabled, active, cron, timezone, inputs } = schedule;
    let trigger = trigger_of(workflow);
    let Some(cron) = cron else {
        transaction.execute("delete from triggers where id = $1", args![trigger]).await?;
        return Ok(());
    };
    let text = "insert into triggers (
            id, workflow_id, kind, name, cron, timezone, enabled, priority, inputs, created_at, updated_at)
        values ($1, $2, 'cron', 'schedule', $3, $4, $5, $6, $7, $8, $8)
        on conflict (id) do update set
            cron = excluded.cron, timezone = excluded.timezone, enabled = excluded.enabled,
            inputs = excluded.inputs, deleted_at = null, updated_at = {later:triggers.updated_at,$8},
            next_at = case
                when triggers.enabled and triggers.deleted_at is null and triggers.cron = excluded.cron
                    and triggers.timezone = excluded.timezone
                then triggers.next_at end";
    let text = Sql::new(text).render(transaction.kind())?;
    let enabled = enabled && active;
    let args = args![trigger, workflow, cron, timezone, enabled, PRIORITY, inputs, now];
    transaction.execute(text, args).await?;
    Ok(())
}

/// Has the trigger of a workflow start nothing any more, until the workflow is restored.
pub(super) async fn rest(
    transaction: &mut Transaction,
    workflow: Uuid,
    now: Timestamp,
) -> Result<(), StorageError> {
    let text = "update triggers set deleted_at = $2 where id = $1 and deleted_at is null";
    transaction.execute(text, args![trigger_of(workflow), now]).await?;
    Ok(())
}
