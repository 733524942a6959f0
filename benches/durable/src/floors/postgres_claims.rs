//! PostgreSQL as a queue: a bare loop of claiming fifty jobs and ending them, in separate statements.

use std::sync::Arc;

use async_trait::async_trait;
use sqlx::postgres::PgPoolOptions;
use sqlx::{PgPool, Row as _};
use tokio::task::JoinSet;

use super::event::BODY;
use super::postgres_commits::settings;
use crate::contestant::{Can, Contestant, Engine, Promise, Result};
use crate::workload::{Database, Workload};

/// Jobs a statement claims or ends.
const BATCH: i64 = 50;

/// Connections at most.
const MOST: u32 = 8;

const SCHEMA: &str = "create table if not exists claims (
    id bigint generated always as identity primary key, queue smallint not null default 0,
    priority smallint not null default 0, run_at timestamptz not null default now(),
    state smallint not null default 0, attempt smallint not null default 0, lease timestamptz,
    worker bigint, body text not null) with (fillfactor = 50);
    create index if not exists claims_ready on claims (queue, priority desc, id) where state = 0;";
const FILL: &str = "insert into claims (body) select $1 from generate_series(1, $2)";
const CLAIM: &str = "update claims
    set state = 1, attempt = attempt + 1, worker = $1, lease = now() + interval '30 seconds'
    where id = any(array(select id from claims where queue = 0 and state = 0 and run_at <= now()
        order by priority desc, id limit $2 for update skip locked))
    returning id, attempt, body";
const END: &str = "update claims set state = 2, lease = null
    where id = any($1) and worker = $2 and attempt = 1 and state = 1";

/// Claims, and nothing else.
pub(crate) struct Floor;

#[async_trait]
impl Contestant for Floor {
    fn name(&self) -> &'static str {
        "floor: skip locked"
    }

    fn database(&self) -> Database {
        Database::Postgres
    }

    fn promise(&self) -> Promise {
        Promise::SyncedInGroups
    }

    fn remarks(&self) -> &'static str {
        "sqlx; `for update skip locked`, fifty jobs claimed and then ended in a statement of its own, fenced \
         by worker and attempt"
    }

    fn can(&self, workload: Workload) -> Can {
        if let Workload::Claims { .. } = workload { Can::Yes } else { Can::NotMeant }
    }

    async fn open(&self, place: &str) -> Result<Arc<dyn Engine>> {
        let pool = PgPoolOptions::new().max_connections(MOST).connect(place).await?;
        sqlx::raw_sql(SCHEMA).execute(&pool).await?;
        Ok(Arc::new(Claims { pool }))
    }
}

struct Claims {
    pool: PgPool,
}

#[async_trait]
impl Engine for Claims {
    async fn settings(&self) -> Result<String> {
        settings(&mut *self.pool.acquire().await?).await
    }

    async fn fill(&self, jobs: usize) -> Result<()> {
        sqlx::query(FILL).bind(BODY).bind(i64::try_from(jobs)?).execute(&self.pool).await?;
        sqlx::query("analyze claims").execute(&self.pool).await?;
        Ok(())
    }

    async fn claim(&self, connections: usize) -> Result<usize> {
        let mut workers: JoinSet<Result<usize>> = JoinSet::new();
        for worker in 0..i64::try_from(connections)? {
            workers.spawn(claim_all(self.pool.clone(), worker));
        }
        let mut claimed = 0;
        while let Some(worker) = workers.join_next().await {
            claimed += worker??;
        }
        Ok(claimed)
    }

    async fn close(&self) -> Result<()> {
        self.pool.close().await;
        Ok(())
    }
}

async fn claim_all(pool: PgPool, worker: i64) -> Result<usize> {
    let mut connection = pool.acquire().await?;
    let mut claimed = 0;
    loop {
        let rows = sqlx::query(CLAIM).bind(worker).bind(BATCH).fetch_all(&mut *connection).await?;
        if rows.is_empty() {
            return Ok(claimed);
        }
        let ids = rows.iter().map(|row| row.try_get(0)).collect::<sqlx::Result<Vec<i64>>>()?;
        let end = sqlx::query(END).bind(ids).bind(worker);
        if end.execute(&mut *connection).await?.rows_affected() != rows.len() as u64 {
            return Err("a job was taken twice".into());
        }
        claimed += rows.len();
    }
}
