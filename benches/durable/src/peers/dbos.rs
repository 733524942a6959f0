//! DBOS Transact: workflows are functions, steps are checkpoints in PostgreSQL.

use std::sync::Arc;

use async_trait::async_trait;
use dbos::{Config, DBOS, WorkflowRef, step};
use futures::StreamExt as _;
use sqlx::{Connection as _, PgConnection, Row as _};

use crate::contestant::{Can, Contestant, Engine, Promise, Result};
use crate::payload::{Digest, value};
use crate::workload::{Database, EXECUTION_STEPS, Workload};

const CONNECTIONS: u32 = 20;

/// Steps of a map that wait at the same time.
const AT_ONCE: usize = 50;

/// DBOS.
pub(crate) struct Peer;

#[async_trait]
impl Contestant for Peer {
    fn name(&self) -> &'static str {
        "dbos 0.5"
    }

    fn database(&self) -> Database {
        Database::Postgres
    }

    fn promise(&self) -> Promise {
        Promise::Synced
    }

    fn remarks(&self) -> &'static str {
        "a pool of 20; a commit a step and two an execution, the execution in the caller's process without \
         a queue; map: steps of one workflow, 50 polled at once"
    }

    fn can(&self, workload: Workload) -> Can {
        if let Workload::Claims { .. } = workload { Can::NotMeant } else { Can::Yes }
    }

    async fn open(&self, place: &str) -> Result<Arc<dyn Engine>> {
        let dbos = DBOS::new(Config {
            app_version: Some("1".to_owned()),
            max_connections: CONNECTIONS,
            ..Config::new("durable-bench", place)
        });
        let chain = dbos.register_workflow("chain", chain)?;
        let map = dbos.register_workflow("map", map)?;
        let payload = dbos.register_workflow("payload", payload)?;
        dbos.launch().await?;
        Ok(Arc::new(Dbos { dbos, chain, map, payload, url: place.to_owned() }))
    }
}

async fn chain((start, steps): (i64, usize)) -> dbos::Result<i64> {
    let mut number = start;
    for _ in 0..steps {
        number = step("add", || async move { Ok(number + 1) }).await?;
    }
    Ok(number)
}

async fn map(items: usize) -> dbos::Result<i64> {
    let steps = (0..items as i64).map(|item| step("add", move || async move { Ok(item + 1) }));
    let mut outputs = futures::stream::iter(steps).buffered(AT_ONCE);
    let mut sum = 0;
    while let Some(output) = outputs.next().await {
        sum += output?;
    }
    Ok(sum)
}

async fn payload(bytes: usize) -> dbos::Result<(usize, u64)> {
    let made = step("make", || async move { Ok(value(bytes)) }).await?;
    let made = &made;
    step("digest", || async move {
        let Digest { length, sum } = Digest::of(made);
        Ok((length, sum))
    })
    .await
}

struct Dbos {
    dbos: DBOS,
    chain: WorkflowRef<(i64, usize), i64>,
    map: WorkflowRef<usize, i64>,
    payload: WorkflowRef<usize, (usize, u64)>,
    url: String,
}

#[async_trait]
impl Engine for Dbos {
    async fn settings(&self) -> Result<String> {
        // Its pool is its own; its sources set neither for a session.
        let mut connection = PgConnection::connect(&self.url).await?;
        let sql = "select 'fsync=' || current_setting('fsync') || ', synchronous_commit=' \
                   || current_setting('synchronous_commit')";
        let row = sqlx::query(sql).fetch_one(&mut connection).await?;
        connection.close().await?;
        Ok(row.try_get(0)?)
    }

    async fn chain(&self, start: i64, steps: usize) -> Result<i64> {
        Ok(self.chain.run((start, steps)).await?)
    }

    async fn execution(&self, start: i64) -> Result<i64> {
        Ok(self.chain.run((start, EXECUTION_STEPS)).await?)
    }

    async fn map(&self, items: usize) -> Result<i64> {
        Ok(self.map.run(items).await?)
    }

    async fn payload(&self, bytes: usize) -> Result<Digest> {
        let (length, sum) = self.payload.run(bytes).await?;
        Ok(Digest { length, sum })
    }

    async fn close(&self) -> Result<()> {
        self.dbos.shutdown().await;
        Ok(())
    }
}
