//! Leases renewed, and executions given back.

use turbocat_core::{ExecutionId, Hint, Release, Renewed, Timestamp, WorkerId};
use uuid::Uuid;

use super::open::Store;
use super::post::to_the_end;
use crate::db::Kind;
use crate::error::StorageError;

impl Store {
    pub(super) async fn held_by(&self, worker: WorkerId) -> Result<Vec<ExecutionId>, StorageError> {
        let text = "select execution_id from jobs where state = 1 and worker = $1";
        let rows = self.0.database.fetch_all(text, crate::args![*worker.as_uuid()]).await?;
        rows.iter().map(|row| row.get("execution_id")).collect()
    }

    pub(super) async fn renew_leases(
        &self,
        worker: WorkerId,
        held: &[ExecutionId],
    ) -> Result<Renewed, StorageError> {
        let database = &self.0.database;
        let ids: Vec<Uuid> = held.iter().map(|id| *id.as_uuid()).collect();
        if let Some(until) = self.until(self.0.time.now()) {
            // In the order in which turns lock them.
            let text = "update jobs set due_ms = $1 where execution_id in (
                    select execution_id from jobs
                    where execution_id = any($2) and worker = $3 and state = 1
                    order by execution_id for update)";
            database.execute(text, crate::args![until, ids.clone(), *worker.as_uuid()]).await?;
        }
        let text = crate::db::Sql::new(
            "select j.execution_id, j.state = 1 and j.worker = $2 as held,
                exists (select 1 from letters as l where l.execution_id = j.execution_id) as letters
            from jobs as j where j.execution_id {any_uuid:$1}",
        );
        let mut renewed = Renewed::default();
        for row in
            database.fetch_all(text.render(database.kind())?, crate::args![ids, *worker.as_uuid()]).await?
        {
            let execution = row.get("execution_id")?;
            if !row.get::<Option<bool>>("held")?.unwrap_or(false) {
                renewed.lost.push(execution);
            }
            if row.get("letters")? {
                renewed.letters.push(execution);
            }
        }
        Ok(renewed)
    }

    pub(super) async fn give_back(
        &self,
        worker: WorkerId,
        execution: ExecutionId,
        release: Release,
    ) -> Result<bool, StorageError> {
        let store = self.clone();
        // Many may be parked at once: those that wait for their turn wait here, where it costs little.
        let _turn = self.0.releasing.acquire().await;
        to_the_end(async move { store.release_job(worker, execution, release).await }).await
    }

    async fn release_job(
        &self,
        worker: WorkerId,
        execution: ExecutionId,
        release: Release,
    ) -> Result<bool, StorageError> {
        let (database, now, worker) = (&self.0.database, self.0.time.now(), *worker.as_uuid());
        let changed = match release {
            Release::Ready => {
                let text = "update jobs set state = 0, worker = null, due_ms = $3
                    where execution_id = $1 and worker = $2 and state = 1 returning execution_id";
                database.returning_soon(text, crate::args![execution, worker, now]).await?.len()
            }
            Release::Park { until, seq } => {
                let text = "update jobs set state = 2, worker = null, due_ms = $3, failures = 0, stalls = 0
                    where execution_id = $1 and worker = $2 and state = 1
                        and not exists (select 1 from letters where execution_id = $1)
                        and exists (select 1 from executions where id = $1 and seq = $4)
                    returning execution_id";
                let until = until.map(|until| until.as_millis());
                let seq = i64::try_from(seq).unwrap_or(i64::MAX);
                let args = crate::args![execution, worker, until, seq];
                match database.kind() {
                    Kind::Sqlite => database.returning_soon(text, args).await?.len(),
                    Kind::Postgres => {
                        // A letter that is being put is there before the look, or finds it parked.
                        let lock = "select 1 as one from jobs where execution_id = $1 for update";
                        let mut transaction = database.begin().await?;
                        transaction.fetch_all(lock, crate::args![execution]).await?;
                        let changed = transaction.fetch_all(text, args).await?.len();
                        transaction.commit().await?;
                        changed
                    }
                }
            }
            Release::Failed { error, retry_in } => {
                let (state, due) = match retry_in {
                    Some(pause) => (4, Timestamp::from_millis(now).after(pause).as_millis()),
                    None => (3, now),
                };
                let text = "update jobs set state = $3, worker = null, due_ms = $4, error = $5,
                        failures = failures + 1
                    where execution_id = $1 and worker = $2 and state = 1";
                let error = serde_json::Value::from(error);
                let changed = database.execute(text, crate::args![execution, worker, state, due, error]);
                usize::from(changed.await? > 0)
            }
            other => return Err(StorageError::invalid(format!("a release that is not known: {other:?}"))),
        };
        self.0.hints.give(Hint::Ready);
        Ok(changed > 0)
    }
}
