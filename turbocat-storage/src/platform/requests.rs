//! What was asked of deployments, a row a minute, and how they are by that.

use std::time::Duration;

use turbocat_core::Timestamp;
use uuid::Uuid;

use super::agents::counted;
use super::deployments::Deployments;
use crate::args;
use crate::error::StorageError;

impl Deployments<'_> {
    /// Looks how those are that run and were not looked at for `age`: healthy with a target in use,
    /// degraded if more than half of the requests of the last five minutes failed, else unhealthy.
    /// Gives how many were looked at.
    ///
    /// # Errors
    /// What the database says.
    pub async fn check_health(&self, age: Duration) -> Result<u64, StorageError> {
        let now = self.0.now();
        let ago = |age: Duration| {
            let millis = i64::try_from(age.as_millis()).unwrap_or(i64::MAX);
            Timestamp::from_millis(now.as_millis().saturating_sub(millis).max(0))
        };
        let sql = "update deployments set last_health_check_at = $1, health_status = case
                when not (exists (select 1 from workflows as w where w.id = deployments.workflow_id
                        and w.status = 'active' and w.deleted_at is null)
                    or exists (select 1 from agents as a where a.id = deployments.agent_id
                        and a.status in ('active', 'draft') and a.deleted_at is null)) then 'unhealthy'
                when (select 2 * sum(m.errors) > sum(m.requests) from deployment_minutes as m
                        where m.deployment_id = deployments.id and m.minute >= $3) then 'degraded'
                else 'healthy' end
            where status = 'running' and deleted_at is null
                and (last_health_check_at is null or last_health_check_at <= $2)";
        self.0.database.execute(sql, args![now, ago(age), ago(Duration::from_secs(300))]).await
    }

    /// Counts a request to a deployment, and how long it took: in all, and in its minute.
    ///
    /// # Errors
    /// What the database says.
    pub async fn count_request(&self, id: Uuid, succeeded: bool, took: Duration) -> Result<(), StorageError> {
        let minute = Timestamp::from_millis(self.0.now().as_millis().div_euclid(60_000) * 60_000);
        let millis = i64::try_from(took.as_millis()).unwrap_or(i64::MAX >> 32).min(i64::MAX >> 32);
        let minutes = "insert into deployment_minutes (deployment_id, minute, requests, errors, duration_ms)
            values ($1, $2, 1, $3, $4)
            on conflict (deployment_id, minute) do update set requests = deployment_minutes.requests + 1,
                errors = deployment_minutes.errors + $3,
                duration_ms = deployment_minutes.duration_ms + $4";
        let mut transaction = self.0.database.begin().await?;
        transaction.execute(minutes, args![id, minute, i64::from(!succeeded), millis]).await?;
        let sql = "update deployments set total_requests = total_requests + $2 + $3,
                total_errors = total_errors + $3,
                avg_response_time_ms = (2 * (avg_response_time_ms * total_requests + $4) + total_requests + 1)
                    / (2 * (total_requests + 1))
            where id = $1";
        transaction.execute(sql, counted(id, succeeded, took)).await?;
        transaction.commit().await
    }

    /// Forgets minutes before then, some at a time. Gives how many.
    ///
    /// # Errors
    /// What the database says.
    pub async fn forget_minutes_before(&self, moment: Timestamp) -> Result<u64, StorageError> {
        let sql = "delete from deployment_minutes where minute < $1 and deployment_id in (
            select deployment_id from deployment_minutes where minute < $1 limit 10)";
        self.0.database.execute(sql, args![moment]).await
    }
}
