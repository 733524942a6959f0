//! Turbocat, as a program that links it uses it.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use turbocat_core::{
    Claim, Commit, Engine as Turbocat, Enqueue, ExecutionStatus, Journal, NewExecution, Plan, Standing,
    WorkOptions, WorkerId, Workflow, agent_fn,
};
use turbocat_storage::{Database as Tables, Kind, Store, args};

use crate::contestant::{Can, Contestant, Engine, Promise, Result};
use crate::payload::{Digest, value};
use crate::workload::{Database, EXECUTION_STEPS, Workload};

/// Executions that a claim asks for, as the floor does.
const BATCH: usize = 50;

/// Items of a map that are worked on at a time.
const AT_ONCE: usize = 1000;

/// Turbocat, in one of two ways, on one of two databases.
struct Ours {
    name: &'static str,
    remarks: &'static str,
    database: Database,
    queued: bool,
}

/// All ways.
pub fn contestants() -> Vec<Box<dyn Contestant>> {
    let ours = |name, database, queued, remarks| -> Box<dyn Contestant> {
        Box::new(Ours { name, remarks, database, queued })
    };
    let run = "`Engine::run`: the caller waits; a row and its job when it begins, a row of events a turn, \
               each synced before the next step starts";
    let queued = "`Engine::enqueue`, claimed by `Engine::work` of the same engine, `Engine::wait`";
    vec![
        ours("Turbocat", Database::Sqlite, false, run),
        ours("Turbocat, queued", Database::Sqlite, true, queued),
        ours("Turbocat", Database::Postgres, false, run),
        ours("Turbocat, queued", Database::Postgres, true, queued),
    ]
}

#[async_trait]
impl Contestant for Ours {
    fn name(&self) -> &'static str {
        self.name
    }

    fn database(&self) -> Database {
        self.database
    }

    fn promise(&self) -> Promise {
        Promise::SyncedInGroups
    }

    fn remarks(&self) -> &'static str {
        self.remarks
    }

    fn can(&self, workload: Workload) -> Can {
        match workload {
            Workload::Throughput { .. } => Can::Yes,
            Workload::Claims { .. } if self.database == Database::Sqlite => Can::NotMeant,
            _ if self.queued => Can::NotMeant,
            _ => Can::Yes,
        }
    }

    async fn open(&self, place: &str) -> Result<Arc<dyn Engine>> {
        let url = match self.database {
            Database::Sqlite => format!("sqlite:{}", Path::new(place).join("turbocat.db").display()),
            Database::Postgres => place.to_owned(),
        };
        let store = Store::open(&url).await?;
        let engine = Turbocat::builder()
            .agent("add", agent_fn(|input: Value| async move { Ok(number(&input["n"]) + 1) }))
            .agent("make", agent_fn(|input: Value| async move { Ok(value(size(&input["bytes"]))) }))
            .agent(
                "digest",
                agent_fn(|input: Value| async move {
                    let Digest { length, sum } = Digest::of(input["value"].as_str().unwrap_or_default());
                    Ok(json!([length, sum]))
                }),
            )
            .store(store.clone())
            .build();
        if self.queued {
            engine.work(WorkOptions::new())?;
        }
        let map = Workflow::from_value(&json!({
            "steps": { "map": { "loop": "{{ inputs.items }}", "agent": "add",
                                "inputs": { "n": "{{ item }}" }, "maxParallel": AT_ONCE } },
        }))?;
        let payload = Workflow::from_value(&json!({
            "steps": {
                "make": { "agent": "make", "inputs": { "bytes": "{{ inputs.bytes }}" } },
                "digest": { "agent": "digest", "inputs": { "value": "{{ make }}" } },
            },
            "outputs": { "digest": "{{ digest }}" },
        }))?;
        let (map, payload) = (engine.compile(&map)?, engine.compile(&payload)?);
        Ok(Arc::new(Open { store, engine, queued: self.queued, map, payload, chains: Mutex::default() }))
    }
}

struct Open {
    store: Store,
    engine: Turbocat,
    queued: bool,
    map: Plan,
    payload: Plan,
    chains: Mutex<HashMap<usize, Plan>>,
}

impl Open {
    fn chain_of(&self, steps: usize) -> Result<Plan> {
        let mut chains = self.chains.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(plan) = chains.get(&steps) {
            return Ok(plan.clone());
        }
        let mut all = serde_json::Map::new();
        for at in 0..steps {
            let before = if at == 0 { "inputs.start".to_owned() } else { format!("s{}", at - 1) };
            all.insert(
                format!("s{at}"),
                json!({ "agent": "add", "inputs": { "n": format!("{{{{ {before} }}}}") } }),
            );
        }
        let last = format!("{{{{ s{} }}}}", steps - 1);
        let workflow = Workflow::from_value(&json!({ "steps": all, "outputs": { "last": last } }))?;
        let plan = self.engine.compile(&workflow)?;
        chains.insert(steps, plan.clone());
        Ok(plan)
    }
}

#[async_trait]
impl Engine for Open {
    async fn settings(&self) -> Result<String> {
        settings(self.store.database()).await
    }

    async fn chain(&self, start: i64, steps: usize) -> Result<i64> {
        let (plan, inputs) = (self.chain_of(steps)?, json!({ "start": start }));
        let execution = if self.queued {
            let execution = self.engine.enqueue(&plan, inputs, Enqueue::new()).await?;
            self.engine.wait(execution).await?
        } else {
            self.engine.run(&plan, inputs).await?
        };
        Ok(number(&execution.output()["last"]))
    }

    async fn map(&self, items: usize) -> Result<i64> {
        let items: Vec<usize> = (0..items).collect();
        let execution = self.engine.run(&self.map, json!({ "items": items })).await?;
        let results = execution.output()["map"]["results"].as_array().ok_or("no results")?;
        Ok(results.iter().map(number).sum())
    }

    async fn payload(&self, bytes: usize) -> Result<Digest> {
        let execution = self.engine.run(&self.payload, json!({ "bytes": bytes })).await?;
        let digest = &execution.output()["digest"];
        Ok(Digest { length: size(&digest[0]), sum: digest[1].as_u64().ok_or("no sum")? })
    }

    async fn fill(&self, jobs: usize) -> Result<()> {
        let plan = self.chain_of(EXECUTION_STEPS)?;
        let prepare = |_| self.engine.prepare(&plan, json!({ "start": 1 }), Enqueue::new());
        let all = (0..jobs).map(prepare).collect::<std::result::Result<Vec<NewExecution>, _>>()?;
        for some in all.chunks(1000) {
            self.store.create(some).await?;
        }
        self.store.database().execute("analyze jobs", args![]).await?;
        Ok(())
    }

    async fn claim(&self, connections: usize) -> Result<usize> {
        let mut workers: JoinSet<Result<usize>> = JoinSet::new();
        for _ in 0..connections {
            workers.spawn(claim_all(self.store.clone()));
        }
        let mut claimed = 0;
        while let Some(worker) = workers.join_next().await {
            claimed += worker??;
        }
        Ok(claimed)
    }

    async fn close(&self) -> Result<()> {
        self.engine.shutdown(std::time::Duration::from_secs(5)).await;
        self.store.close().await;
        Ok(())
    }
}

/// Claims, and ends what was claimed, until there is nothing left.
async fn claim_all(store: Store) -> Result<usize> {
    let worker = WorkerId::generate();
    let mut all = 0;
    loop {
        let claimed = store.claim(Claim { worker, limit: BATCH, only: None, take_over: false }).await?;
        if claimed.jobs.is_empty() {
            return Ok(all);
        }
        all += claimed.jobs.len();
        let ends = claimed.jobs.iter().map(|job| {
            let standing = Standing { status: ExecutionStatus::Completed, ..Standing::default() };
            store.commit(Commit::new(job.execution, 0, &[]).standing(standing))
        });
        futures::future::try_join_all(ends).await?;
    }
}

/// Asked of the connections that write.
async fn settings(tables: &Tables) -> Result<String> {
    let mut parts = Vec::new();
    match tables.kind() {
        Kind::Sqlite => {
            let mode: String =
                tables.returning("pragma journal_mode", args![]).await?[0].get("journal_mode")?;
            parts.push(format!("journal_mode={mode}"));
            for (name, pragma) in
                [("synchronous", "pragma synchronous"), ("wal_autocheckpoint", "pragma wal_autocheckpoint")]
            {
                let number: i64 = tables.returning(pragma, args![]).await?[0].get(name)?;
                parts.push(format!("{name}={number}"));
            }
        }
        Kind::Postgres => {
            for (name, show) in [("fsync", "show fsync"), ("synchronous_commit", "show synchronous_commit")] {
                let word: String = tables.returning(show, args![]).await?[0].get(name)?;
                parts.push(format!("{name}={word}"));
            }
        }
    }
    Ok(parts.join(", "))
}

fn number(value: &Value) -> i64 {
    value.as_i64().unwrap_or_default()
}

fn size(value: &Value) -> usize {
    value.as_u64().and_then(|size| usize::try_from(size).ok()).unwrap_or_default()
}
