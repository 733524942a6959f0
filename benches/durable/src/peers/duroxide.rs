//! duroxide: orchestrations are functions replayed from a history, activities are queued to workers.

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use duroxide::providers::sqlite::SqliteProvider;
use duroxide::runtime::registry::ActivityRegistry;
use duroxide::runtime::{OrchestrationStatus, Runtime, RuntimeOptions};
use duroxide::{ActivityContext, Client, OrchestrationContext, OrchestrationRegistry};
use tokio::sync::oneshot;

use crate::contestant::{Can, Contestant, Engine, Promise, Result};
use crate::payload::{Digest, value};
use crate::workload::{Database, Workload};

/// duroxide, in one of two ways.
pub(crate) struct Peer {
    name: &'static str,
    remarks: &'static str,
    tuned: bool,
}

impl Peer {
    pub(crate) const TUNED: Self = Self {
        name: "duroxide 0.1, polling every ms",
        remarks: "its provider asks for `synchronous = WAL`, which is no setting, and gets NORMAL: commits \
                  are not synced; 2 dispatchers of each kind, its default",
        tuned: true,
    };
    pub(crate) const AS_IT_COMES: Self = Self {
        name: "duroxide 0.1 as it comes",
        remarks: "as above, with its default options: dispatchers poll every 100 ms",
        tuned: false,
    };
}

#[async_trait]
impl Contestant for Peer {
    fn name(&self) -> &'static str {
        self.name
    }

    fn database(&self) -> Database {
        Database::Sqlite
    }

    fn promise(&self) -> Promise {
        Promise::NotSynced
    }

    fn remarks(&self) -> &'static str {
        self.remarks
    }

    fn can(&self, workload: Workload) -> Can {
        match workload {
            Workload::Claims { .. } => Can::NotMeant,
            Workload::Chain { steps } if !self.tuned && steps > 100 => {
                Can::No("not measured, since a step takes a tenth of a second: see the chain of 100")
            }
            Workload::Map { .. } if !self.tuned => Can::No("not measured, since its options are too slow"),
            _ => Can::Yes,
        }
    }

    async fn open(&self, place: &str) -> Result<Arc<dyn Engine>> {
        let file = Path::new(place).join("duroxide.db");
        let url = format!("sqlite:{}?mode=rwc", file.display());
        let store = Arc::new(SqliteProvider::new(&url, None).await?);
        let ended = Ended::default();
        let options = if self.tuned {
            RuntimeOptions {
                dispatcher_min_poll_interval: Duration::from_millis(1),
                ..RuntimeOptions::default()
            }
        } else {
            RuntimeOptions::default()
        };
        let runtime =
            Runtime::start_with_options(store.clone(), activities(), orchestrations(&ended), options);
        let runtime = Mutex::new(Some(runtime.await));
        let client = Client::new(store.clone());
        Ok(Arc::new(Duroxide { runtime, store, client, ended, instances: AtomicUsize::new(0) }))
    }
}

fn activities() -> ActivityRegistry {
    ActivityRegistry::builder()
        .register("add", |_: ActivityContext, number: String| async move {
            let number: i64 = number.parse().map_err(|_| "not a number")?;
            Ok((number + 1).to_string())
        })
        .register("make", |_: ActivityContext, bytes: String| async move {
            Ok(value(bytes.parse().map_err(|_| "not a number")?))
        })
        .register("digest", |_: ActivityContext, value: String| async move {
            let Digest { length, sum } = Digest::of(&value);
            Ok(format!("{length} {sum}"))
        })
        .build()
}

/// The input of each is two numbers and the name of its instance.
fn orchestrations(ended: &Ended) -> OrchestrationRegistry {
    OrchestrationRegistry::builder()
        .register(
            "chain",
            ended.telling(|ctx, start, steps| async move {
                let mut number = start.to_string();
                for _ in 0..steps {
                    number = ctx.schedule_activity("add", number).await?;
                }
                Ok(number)
            }),
        )
        .register(
            "map",
            ended.telling(|ctx, _, items| async move {
                let outputs = (0..items).map(|item| ctx.schedule_activity("add", item.to_string())).collect();
                let mut sum = 0;
                for output in ctx.join(outputs).await {
                    sum += output?.parse::<i64>().map_err(|_| "not a number")?;
                }
                Ok(sum.to_string())
            }),
        )
        .register(
            "payload",
            ended.telling(|ctx, _, bytes| async move {
                let value = ctx.schedule_activity("make", bytes.to_string()).await?;
                ctx.schedule_activity("digest", value).await
            }),
        )
        .build()
}

/// Tells the caller when an orchestration is about to complete, so that asking for its state need not be
/// done often: its client can only poll, between 5 and 100 ms apart.
#[derive(Clone, Default)]
struct Ended(Arc<Mutex<HashMap<String, oneshot::Sender<()>>>>);

type Output = std::result::Result<String, String>;
type Running = std::pin::Pin<Box<dyn Future<Output = Output> + Send>>;

impl Ended {
    fn telling<F, Fut>(&self, run: F) -> impl Fn(OrchestrationContext, String) -> Running + use<F, Fut>
    where
        F: Fn(OrchestrationContext, i64, i64) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Output> + Send + 'static,
    {
        let ended = self.clone();
        move |ctx, input| {
            let mut words = input.split(' ').map(str::to_owned);
            let mut number = || words.next()?.parse().ok();
            let numbers = number().zip(number());
            let instance = words.next().unwrap_or_default();
            let running = numbers.map(|(first, second)| run(ctx, first, second));
            let ended = ended.clone();
            Box::pin(async move {
                let output = running.ok_or("not two numbers")?.await;
                ended.tell(&instance);
                output
            })
        }
    }

    fn tell(&self, instance: &str) {
        let sender = self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(instance);
        if let Some(sender) = sender {
            // Whoever no longer waits need not be told.
            let _ = sender.send(());
        }
    }
}

struct Duroxide {
    runtime: Mutex<Option<Arc<Runtime>>>,
    store: Arc<SqliteProvider>,
    client: Client,
    ended: Ended,
    instances: AtomicUsize,
}

impl Duroxide {
    async fn run(&self, orchestration: &str, first: i64, second: usize) -> Result<String> {
        let instance = format!("i{}-{}", std::process::id(), self.instances.fetch_add(1, Relaxed));
        let (sender, told) = oneshot::channel();
        self.ended.0.lock().unwrap_or_else(PoisonError::into_inner).insert(instance.clone(), sender);
        let input = format!("{first} {second} {instance}");
        self.client.start_orchestration(&instance, orchestration, input).await?;
        told.await?;
        loop {
            match self.client.get_orchestration_status(&instance).await? {
                OrchestrationStatus::Completed { output, .. } => return Ok(output),
                OrchestrationStatus::Failed { details, .. } => return Err(details.display_message().into()),
                _ => tokio::time::sleep(Duration::from_millis(1)).await,
            }
        }
    }
}

#[async_trait]
impl Engine for Duroxide {
    async fn settings(&self) -> Result<String> {
        // With the generation of sqlx that the provider is built on, on one of its own connections.
        let mut connection = self.store.get_pool().acquire().await?;
        let mut parts = Vec::new();
        for pragma in ["journal_mode", "synchronous", "wal_autocheckpoint"] {
            parts.push(format!("{pragma}={}", read_back(&mut connection, pragma).await?));
        }
        Ok(parts.join(", "))
    }

    async fn chain(&self, start: i64, steps: usize) -> Result<i64> {
        Ok(self.run("chain", start, steps).await?.parse()?)
    }

    async fn map(&self, items: usize) -> Result<i64> {
        Ok(self.run("map", 0, items).await?.parse()?)
    }

    async fn payload(&self, bytes: usize) -> Result<Digest> {
        let output = self.run("payload", 0, bytes).await?;
        let (length, sum) = output.split_once(' ').ok_or("not a digest")?;
        Ok(Digest { length: length.parse()?, sum: sum.parse()? })
    }

    async fn close(&self) -> Result<()> {
        let runtime = self.runtime.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(runtime) = runtime {
            runtime.shutdown(None).await;
        }
        self.store.get_pool().close().await;
        Ok(())
    }
}

async fn read_back(connection: &mut sqlx_08::SqliteConnection, pragma: &str) -> Result<String> {
    use sqlx_08::{Row as _, ValueRef as _};
    let row = sqlx_08::query(&format!("pragma {pragma}")).fetch_one(connection).await?;
    let text = row.try_get_raw(0)?.type_info().to_string() == "TEXT";
    Ok(if text { row.try_get(0)? } else { row.try_get::<i64, _>(0)?.to_string() })
}
