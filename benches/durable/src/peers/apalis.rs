//! apalis: a step is a task in a queue, its output the input of the task that it queues for the next step.

mod flow;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use ::apalis::prelude::*;
use apalis_postgres::{PostgresStorage, Pubsub};
use apalis_sqlite::SqliteStorage;
use async_trait::async_trait;
use sqlx::{AssertSqlSafe, Row as _};
use tokio::sync::{OnceCell, watch};

use self::flow::{Job, Kind, Push, Waiting, start};
use crate::contestant::{Can, Contestant, Engine, Promise, Result};
use crate::payload::Digest;
use crate::workload::{Database, Workload};

/// Tasks a worker takes from the queue together.
const BATCH: usize = 50;

/// Wakes a worker that missed a push.
const POLL: Duration = Duration::from_millis(10);

/// For connections to end that nobody gives back.
const CLOSING: Duration = Duration::from_millis(500);

/// apalis on one of its databases.
pub(crate) struct Peer {
    database: Database,
    remarks: &'static str,
}

impl Peer {
    pub(crate) const SQLITE: Self = Self {
        database: Database::Sqlite,
        remarks: "not by its `setup`, which turns `synchronous` off for one connection of its pool, but its \
                  migrations on a pool with SQLite's defaults; woken by the update hook and every 10 ms, \
                  tasks taken by 50, 64 at once; a next step is pushed in a commit of its own before the \
                  last is acknowledged, the last step's result is written after the caller has it; a chain \
                  is `repeat_until`, which hands no values on",
    };
    pub(crate) const POSTGRES: Self = Self {
        database: Database::Postgres,
        remarks: "woken by its `Pubsub` and every 10 ms; else as on SQLite",
    };
}

#[async_trait]
impl Contestant for Peer {
    fn name(&self) -> &'static str {
        "apalis-workflow 1.0"
    }

    fn database(&self) -> Database {
        self.database
    }

    fn promise(&self) -> Promise {
        Promise::Synced
    }

    fn remarks(&self) -> &'static str {
        self.remarks
    }

    fn can(&self, workload: Workload) -> Can {
        if let Workload::Claims { .. } = workload { Can::NotMeant } else { Can::Yes }
    }

    async fn open(&self, place: &str) -> Result<Arc<dyn Engine>> {
        let store = match self.database {
            Database::Sqlite => {
                let file = Path::new(place).join("apalis.db");
                let url = format!("sqlite:{}?mode=rwc", file.display());
                let (pool, pushed) = SqliteStorage::connect_with_callback(&url)?;
                sqlx::query("pragma journal_mode = wal").execute(&pool).await?;
                SqliteStorage::migrations().run(&pool).await?;
                Store::Sqlite { pool, pushed }
            }
            Database::Postgres => {
                let pool = sqlx::postgres::PgPoolOptions::new().max_connections(20).connect(place).await?;
                PostgresStorage::<()>::setup(&pool).await?;
                Store::Postgres { pool }
            }
        };
        Ok(Arc::new(Apalis {
            store,
            waiting: Waiting::default(),
            pushes: std::array::from_fn(|_| OnceCell::new()),
            stop: watch::Sender::new(()),
            jobs: AtomicU64::new(1),
        }))
    }
}

enum Store {
    Sqlite { pool: apalis_sqlite::SqlitePool, pushed: apalis_sqlite::callback::HookCallbackListener },
    Postgres { pool: sqlx::PgPool },
}

struct Apalis {
    store: Store,
    waiting: Waiting,
    /// One for each kind, since each has a worker, which is started when it is first needed.
    pushes: [OnceCell<Push>; Kind::COUNT],
    stop: watch::Sender<()>,
    jobs: AtomicU64,
}

impl Apalis {
    async fn run(&self, kind: Kind, first: i64, second: i64) -> Result<[i64; 2]> {
        let push = self.pushes[kind as usize].get_or_try_init(async || self.start(kind)).await?;
        let id = self.jobs.fetch_add(1, Relaxed);
        let told = self.waiting.wait_for(id);
        push(Job { id, first, second }).await?;
        Ok(told.await?)
    }

    fn start(&self, kind: Kind) -> Result<Push> {
        let queue = format!("{kind:?}");
        let (waiting, stop) = (&self.waiting, self.stop.subscribe());
        Ok(match &self.store {
            Store::Sqlite { pool, pushed } => {
                let config = apalis_sqlite::Config::default().queue(&queue).batch_size(BATCH);
                let strategy = Strategy::new().stream(pushed.clone()).interval(POLL);
                let storage = SqliteStorage::<Job>::new(pool).with_config(config);
                start!(storage.poll_with_strategy(strategy), kind, waiting, stop)
            }
            Store::Postgres { pool } => {
                let config = apalis_postgres::Config::default().queue(&queue).batch_size(BATCH);
                let strategy = Strategy::new().stream(Pubsub::new(pool.clone(), queue)).interval(POLL);
                let storage = PostgresStorage::<Job>::new(pool).with_config(config);
                start!(storage.poll_with_strategy(strategy), kind, waiting, stop)
            }
        })
    }
}

#[async_trait]
impl Engine for Apalis {
    async fn settings(&self) -> Result<String> {
        let mut parts = Vec::new();
        match &self.store {
            Store::Sqlite { pool, .. } => {
                let mut connection = pool.acquire().await?;
                let mode = sqlx::query("pragma journal_mode").fetch_one(&mut *connection).await?;
                parts.push(format!("journal_mode={}", mode.try_get::<String, _>(0)?));
                for pragma in ["synchronous", "wal_autocheckpoint"] {
                    let sql = AssertSqlSafe(format!("pragma {pragma}"));
                    let row = sqlx::query(sql).fetch_one(&mut *connection).await?;
                    parts.push(format!("{pragma}={}", row.try_get::<i64, _>(0)?));
                }
            }
            Store::Postgres { pool } => {
                for name in ["fsync", "synchronous_commit"] {
                    let row = sqlx::query("select current_setting($1)").bind(name).fetch_one(pool).await?;
                    parts.push(format!("{name}={}", row.try_get::<String, _>(0)?));
                }
            }
        }
        Ok(parts.join(", "))
    }

    async fn chain(&self, start: i64, steps: usize) -> Result<i64> {
        Ok(self.run(Kind::Chain, start, i64::try_from(steps)?).await?[0])
    }

    async fn execution(&self, start: i64) -> Result<i64> {
        Ok(self.run(Kind::Execution, start, 0).await?[0])
    }

    async fn map(&self, items: usize) -> Result<i64> {
        Ok(self.run(Kind::Map, 0, i64::try_from(items)?).await?[0])
    }

    async fn payload(&self, bytes: usize) -> Result<Digest> {
        let [length, sum] = self.run(Kind::Payload, 0, i64::try_from(bytes)?).await?;
        Ok(Digest { length: usize::try_from(length)?, sum: sum.cast_unsigned() })
    }

    async fn close(&self) -> Result<()> {
        // Workers that were never started do not listen.
        let _ = self.stop.send(());
        // They acknowledge what they have done before they end.
        tokio::time::sleep(Duration::from_millis(200)).await;
        match &self.store {
            Store::Sqlite { pool, .. } => pool.close().await,
            // A clone of its `Pubsub` may keep a connection, for which the pool would wait.
            Store::Postgres { pool } => drop(tokio::time::timeout(CLOSING, pool.close()).await),
        }
        Ok(())
    }
}
