//! Claims: which executions a worker is given.
//!
//! What has become due is made ready first, in a statement of its own; then ready ones are given
//! away. On PostgreSQL rows that somebody else is taking are passed over. On SQLite nobody waits for
//! the disk: who opens the file next makes ready what was held.

use turbocat_core::{Claim, Claimed, ExecutionId, Job, Timestamp};

use super::open::Store;
use crate::db::{Arg, Kind, Row, Transaction};
use crate::error::StorageError;

/// Parked and delayed ones whose moment has come, held ones whose lease has ended: so many at a time
/// that nobody waits long for it.
const DUE: [&str; 2] = [
    "update jobs set state = 0, worker = null, stalls = stalls + case when state = 1 then 1 else 0 end
where execution_id in (
    select execution_id from jobs where state in (1, 2, 4) and due_ms <= $1 order by due_ms limit 1000)",
    "update jobs set state = 0, worker = null, stalls = stalls + case when state = 1 then 1 else 0 end
where execution_id in (
    select execution_id from jobs where state in (1, 2, 4) and due_ms <= $1
    order by due_ms limit 1000 for update skip locked)",
];

/// Gives jobs `j` to the worker `$1` until `$2`. Failures and stalls count as long as the execution
/// gets nowhere.
macro_rules! give {
    ($more:literal, $which:expr, $returning:literal) => {
        concat!(
            "update jobs as j set state = 1, worker = $1, due_ms = $2, seen = x.seq,
    failures = case when x.seq > j.seen then 0 else j.failures end,
    stalls = case when x.seq > j.seen then 0 else j.stalls",
            $more,
            " end
from executions as x where x.id = j.execution_id and ",
            $which,
            $returning
        )
    };
}

macro_rules! give_on_each {
    ($more:literal, $which:literal) => {
        [
            give!($more, $which, " returning execution_id, priority, failures, stalls"),
            give!($more, $which, " returning j.execution_id, j.priority, j.failures, j.stalls"),
        ]
    };
}

/// `$3` how many.
const CLAIM: [&str; 2] = [
    give!(
        "",
        "j.execution_id in (select execution_id from jobs where state = 0 order by priority, due_ms limit $3)",
        " returning execution_id, priority, failures, stalls"
    ),
    give!(
        "",
        "j.execution_id = any(array(
    select execution_id from jobs where state = 0 order by priority, due_ms limit $3 for update skip locked))",
        " returning j.execution_id, j.priority, j.failures, j.stalls"
    ),
];

/// The first of those that are ready, as many of each workflow as it has places left.
macro_rules! within_limits {
    () => {
        "select r.execution_id from (
        select execution_id, workflow_name, priority, due_ms,
            row_number() over (partition by workflow_name order by priority, due_ms) as place
        from jobs where state = 0
    ) as r left join concurrency_limits as l on l.kind = 'workflow' and l.name = r.workflow_name
    where l.places is null or r.place <= l.places - (
        select count(*) from jobs as h where h.state = 1 and h.workflow_name = r.workflow_name)
    order by r.priority, r.due_ms limit $3"
    };
}

/// As above, with limits on workflows. Whoever does this has locked the controls, so that nobody
/// else counts at the same time; what somebody else is changing just now is passed over.
const CLAIM_LIMITED: [&str; 2] = [
    give!(
        "",
        concat!("j.state = 0 and j.execution_id in (", within_limits!(), ")"),
        " returning execution_id, priority, failures, stalls"
    ),
    give!(
        "",
        concat!(
            "j.execution_id = any(array(
    select execution_id from jobs where state = 0 and execution_id in (",
            within_limits!(),
            ") order by execution_id for update skip locked))"
        ),
        " returning j.execution_id, j.priority, j.failures, j.stalls"
    ),
];

/// `$3` the execution, `$4` whether to take it over, `$5` the time.
const CLAIM_ONE: [&str; 2] = give_on_each!(
    " + case when j.state = 1 and j.worker <> $1 then 1 else 0 end",
    "j.execution_id = $3 and (j.state <> 1 or j.worker = $1 or j.due_ms <= $5 or $4)"
);

const fn of(kind: Kind, texts: [&'static str; 2]) -> &'static str {
    match kind {
        Kind::Sqlite => texts[0],
        Kind::Postgres => texts[1],
    }
}

impl Store {
    pub(super) async fn claim_jobs(&self, claim: Claim) -> Result<Claimed, StorageError> {
        let (database, now) = (&self.0.database, self.0.time.now());
        let until = Arg::Int(self.until(now));
        let worker = *claim.worker.as_uuid();
        if let Some(only) = claim.only {
            let take_over = claim.take_over && self.0.lease.is_none();
            let args = crate::args![worker, until, only, take_over, now];
            let rows = database.returning_soon(of(database.kind(), CLAIM_ONE), args).await?;
            return Ok(Claimed { jobs: jobs(&rows)?, next_at: None });
        }
        let controls = database
            .fetch_one(
                "select paused, rate_limit, (select count(*) from concurrency_limits where kind = 'workflow') as limits
                from queue_controls",
                crate::args![],
            )
            .await?;
        if controls.get("paused")? {
            return Ok(Claimed::default());
        }
        if self.is_due(now).await? {
            database.returning_soon(of(database.kind(), DUE), crate::args![now]).await?;
        }
        let limit = i64::try_from(claim.limit).unwrap_or(i64::MAX);
        let limited = controls.get::<i64>("limits")? > 0;
        let (rows, more) = if limited || controls.get::<Option<i64>>("rate_limit")?.is_some() {
            let mut transaction = database.begin().await?;
            let (limit, more) = allowed(&mut transaction, limit, now).await?;
            let args = crate::args![worker, until, limit];
            let rows = transaction.fetch_all(of(database.kind(), CLAIM_LIMITED), args).await?;
            count(&mut transaction, rows.len()).await?;
            transaction.commit().await?;
            (rows, more)
        } else {
            let args = crate::args![worker, until, limit];
            (database.returning_soon(of(database.kind(), CLAIM), args).await?, None)
        };
        let jobs = jobs(&rows)?;
        let next_at = if jobs.len() < claim.limit {
            let due = self.next_due(now).await?;
            due.into_iter().chain(more).min()
        } else {
            None
        };
        Ok(Claimed { jobs, next_at: next_at.map(Timestamp::from_millis) })
    }

    async fn is_due(&self, now: i64) -> Result<bool, StorageError> {
        Ok(self.first_due().await?.is_some_and(|due| due <= now))
    }

    async fn next_due(&self, now: i64) -> Result<Option<i64>, StorageError> {
        Ok(self.first_due().await?.map(|due| due.max(now)))
    }

    async fn first_due(&self) -> Result<Option<i64>, StorageError> {
        let text = "select min(due_ms) as due from jobs where state in (1, 2, 4) and due_ms is not null";
        self.0.database.fetch_one(text, crate::args![]).await?.get("due")
    }
}

/// How many may be claimed now under the rate limit, and when there may be more.
async fn allowed(
    transaction: &mut Transaction,
    limit: i64,
    now: i64,
) -> Result<(i64, Option<i64>), StorageError> {
    let text = match transaction.kind() {
        Kind::Sqlite => "select * from queue_controls",
        Kind::Postgres => "select * from queue_controls for update",
    };
    let row = transaction.fetch_one(text, crate::args![]).await?;
    let (Some(rate), Some(window)) =
        (row.get::<Option<i64>>("rate_limit")?, row.get::<Option<i64>>("rate_window_ms")?)
    else {
        return Ok((limit, None));
    };
    let began = row.get::<i64>("window_began_ms")?;
    if now >= began + window || now < began {
        let text = "update queue_controls set window_began_ms = $1, window_claims = 0";
        transaction.execute(text, crate::args![now]).await?;
        return Ok((limit.min(rate), Some(now + window)));
    }
    let left = rate - row.get::<i64>("window_claims")?;
    Ok((limit.min(left.max(0)), Some(began + window)))
}

async fn count(transaction: &mut Transaction, claimed: usize) -> Result<(), StorageError> {
    if claimed > 0 {
        let claimed = i64::try_from(claimed).unwrap_or(i64::MAX);
        let text = "update queue_controls set window_claims = window_claims + $1";
        transaction.execute(text, crate::args![claimed]).await?;
    }
    Ok(())
}

/// What was claimed, the most urgent first.
fn jobs(rows: &[Row]) -> Result<Vec<Job>, StorageError> {
    let mut jobs = Vec::with_capacity(rows.len());
    for row in rows {
        let execution: ExecutionId = row.get("execution_id")?;
        let job = Job { execution, failures: row.get("failures")?, stalls: row.get("stalls")? };
        jobs.push((row.get::<i32>("priority")?, job));
    }
    jobs.sort_by_key(|(priority, job)| (*priority, job.execution));
    Ok(jobs.into_iter().map(|(_, job)| job).collect())
}
