//! How much there is and how fast it goes, without counting the history.

use std::time::Duration;

use turbocat_core::Timestamp;

use super::view::Queue;
use crate::args;
use crate::error::StorageError;

const HOUR: Duration = Duration::from_secs(60 * 60);
/// What has ended is counted as far back as this, and up to 1000 and 5000. Those numbers stand in
/// the statements: a plan for a number that is not known sorts all there are.
const COMPLETED: Duration = Duration::from_secs(24 * 60 * 60);
const FAILED: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// The most executions that are looked at to know how fast it goes.
const SAMPLE: i64 = 100_000;
/// The last ones, to know how long one takes.
const LAST: i64 = 1000;

/// How many executions there are of each kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Counts {
    /// To be claimed now, with priority 0.
    pub waiting: u64,
    /// Held by a worker.
    pub active: u64,
    /// Completed within the last 24 hours; 1000 at most.
    pub completed: u64,
    /// Failed within the last seven days; 5000 at most.
    pub failed: u64,
    /// Those whose time has not come: delayed ones, and those to be tried again.
    pub delayed: u64,
    /// To be claimed when the queue is no longer paused; while it is, none is waiting or
    /// prioritized.
    pub paused: u64,
    /// To be claimed now, with another priority.
    pub prioritized: u64,
    /// Those that wait for a nested workflow and nobody holds.
    pub waiting_children: u64,
    /// Those that wait for something else: a moment, a signal, a person.
    pub parked: u64,
    /// Those that were given up.
    pub dead: u64,
    /// All of these.
    pub total: u64,
}

/// How fast it goes.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Throughput {
    /// How far back it was looked: an hour, or the time in which the last 100,000 ended.
    pub period_ms: u64,
    /// How many completed in it.
    pub completed: u64,
    /// How many failed in it.
    pub failed: u64,
    /// How many of both in a minute.
    pub throughput_per_minute: f64,
    /// Which part completed; 1 if nothing ended.
    pub success_rate: f64,
    /// How long the last thousand that completed took on average, from when each began.
    pub avg_processing_time_ms: u64,
}

impl Queue<'_> {
    /// How many executions there are of each kind. What has ended long ago costs nothing.
    ///
    /// # Errors
    /// What the database says.
    pub async fn counts(&self) -> Result<Counts, StorageError> {
        let paused = self.is_paused().await?;
        let mut counts = Counts::default();
        let text = "select state, case when priority = 0 then 0 else 1 end as urgent, count(*) as n
            from jobs group by 1, 2";
        for row in self.0.database().fetch_all(text, args![]).await? {
            let n: u64 = row.get("n")?;
            let place = match (row.get::<i64>("state")?, row.get::<i64>("urgent")?) {
                (0, _) if paused => &mut counts.paused,
                (0, 0) => &mut counts.waiting,
                (0, _) => &mut counts.prioritized,
                (1, _) => &mut counts.active,
                (2, _) => &mut counts.parked,
                (3, _) => &mut counts.dead,
                _ => &mut counts.delayed,
            };
            *place += n;
            counts.total += n;
        }
        if counts.parked > 0 {
            let text = "select count(*) as n from jobs as j where j.state = 2 and exists (
                    select 1 from executions as c
                    where c.parent_id = j.execution_id and c.awaited and c.status in ('pending', 'running'))";
            let n: u64 = self.0.database().fetch_one(text, args![]).await?.get("n")?;
            counts.waiting_children = n.min(counts.parked);
            counts.parked -= counts.waiting_children;
        }
        // The orders name the indexes to be read.
        let text = "select count(*) as n from (
                select 1 as one from executions
                where status = 'completed' and completed_at is not null and completed_at > $1
                order by completed_at desc limit 1000) as e";
        counts.completed = self.ended(text, COMPLETED).await?;
        let text = "select count(*) as n from (
                select 1 as one from executions
                where status in ('failed', 'timeout') and completed_at > $1
                order by completed_at desc limit 5000) as e";
        counts.failed = self.ended(text, FAILED).await?;
        counts.total += counts.completed + counts.failed;
        Ok(counts)
    }

    async fn ended(&self, text: &'static str, age: Duration) -> Result<u64, StorageError> {
        self.0.database().fetch_one(text, args![self.before(age)]).await?.get("n")
    }

    fn before(&self, age: Duration) -> Timestamp {
        let millis = i64::try_from(age.as_millis()).unwrap_or(i64::MAX);
        Timestamp::from_millis(self.0.now().as_millis().saturating_sub(millis).max(0))
    }

    /// How fast it went in the last hour.
    ///
    /// # Errors
    /// What the database says.
    pub async fn throughput(&self) -> Result<Throughput, StorageError> {
        let begin = self.before(HOUR);
        let text = "select status, count(*) as n, min(completed_at) as oldest from (
                select status, completed_at from executions
                where completed_at > $1 and completed_at is not null
                order by completed_at desc limit $2) as e
            group by status";
        let rows = self.0.database().fetch_all(text, args![begin, SAMPLE]).await?;
        let (mut completed, mut failed, mut all) = (0, 0, 0);
        let mut oldest = self.0.now();
        for row in &rows {
            let n: u64 = row.get("n")?;
            match row.get::<String>("status")?.as_str() {
                "completed" => completed += n,
                "failed" | "timeout" => failed += n,
                _ => {}
            }
            all += n;
            oldest = oldest.min(row.get("oldest")?);
        }
        let whole = i64::try_from(all).unwrap_or(i64::MAX) < SAMPLE;
        let period = if whole { HOUR } else { self.0.now().since(oldest).max(Duration::from_secs(1)) };
        let ended = completed + failed;
        #[expect(clippy::cast_precision_loss, reason = "there are not that many")]
        let (rate, success) = (
            ended as f64 * 60.0 / period.as_secs_f64(),
            if ended == 0 { 1.0 } else { completed as f64 / ended as f64 },
        );
        let text = "select cast(sum(duration_ms) as bigint) as took, count(duration_ms) as n from (
                select duration_ms from executions
                where completed_at > $1 and completed_at is not null and status = 'completed'
                order by completed_at desc limit $2) as e";
        let row = self.0.database().fetch_one(text, args![begin, LAST]).await?;
        let took = row.get::<Option<i64>>("took")?.unwrap_or_default().max(0).unsigned_abs();
        Ok(Throughput {
            period_ms: u64::try_from(period.as_millis()).unwrap_or(u64::MAX),
            completed,
            failed,
            throughput_per_minute: rate,
            success_rate: success,
            avg_processing_time_ms: took.checked_div(row.get("n")?).unwrap_or_default(),
        })
    }
}
