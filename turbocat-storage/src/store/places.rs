//! Places of agents that have a limited number of them on all nodes together.

use std::sync::PoisonError;

use turbocat_core::{AgentPlace, Hint};

use super::open::Store;
use crate::db::Kind;
use crate::error::StorageError;

impl Store {
    pub(super) fn is_limited(&self, agent: &str) -> bool {
        self.0.limited.read().unwrap_or_else(PoisonError::into_inner).contains(agent)
    }

    /// A place is held as long as its execution is: what a dead worker held is free when the
    /// execution's lease has ended.
    pub(super) async fn take(&self, agent: &str, place: &AgentPlace) -> Result<bool, StorageError> {
        let mut transaction = self.0.database.begin().await?;
        let text = match transaction.kind() {
            Kind::Sqlite => "select places from concurrency_limits where kind = 'agent' and name = $1",
            Kind::Postgres => {
                "select places from concurrency_limits where kind = 'agent' and name = $1 for update"
            }
        };
        let Some(limit) = transaction.fetch_optional(text, crate::args![agent]).await? else {
            transaction.rollback().await?;
            return Ok(true);
        };
        let text = "delete from agent_places where agent = $1 and not exists (
                select 1 from jobs as j
                where j.execution_id = agent_places.execution_id and j.worker = agent_places.worker
                    and j.state = 1 and (j.due_ms is null or j.due_ms > $2))";
        transaction.execute(text, crate::args![agent, self.0.time.now()]).await?;
        let (worker, execution) = (*place.worker.as_uuid(), place.execution);
        let text = "insert into agent_places (agent, execution_id, attempt, worker)
            select $1, $2, $3, $4 where (select count(*) from agent_places where agent = $1) < $5
                and exists (
                    select 1 from jobs as j where j.execution_id = $2 and j.worker = $4
                        and j.state = 1 and (j.due_ms is null or j.due_ms > $6))
            on conflict do nothing";
        let limit: i64 = limit.get("places")?;
        let args = crate::args![agent, execution, &*place.attempt, worker, limit, self.0.time.now()];
        let taken = transaction.execute(text, args).await? > 0;
        let text = "select 1 as one from agent_places
            where agent = $1 and execution_id = $2 and attempt = $3 and worker = $4";
        let args = crate::args![agent, execution, &*place.attempt, worker];
        let taken = taken || transaction.fetch_optional(text, args).await?.is_some();
        transaction.commit().await?;
        Ok(taken)
    }

    pub(super) async fn free(&self, agent: &str, place: &AgentPlace) -> Result<(), StorageError> {
        let text = "delete from agent_places where agent = $1 and execution_id = $2 and attempt = $3 and worker = $4";
        let args = crate::args![agent, place.execution, &*place.attempt, *place.worker.as_uuid()];
        if self.0.database.execute(text, args).await? > 0 {
            self.0.hints.give(Hint::Place);
        }
        Ok(())
    }
}
