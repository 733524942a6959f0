//! The database goes away while executions are driven, and comes back: nothing is lost, nothing is
//! done twice, and the engine goes on by itself.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use turbocat_core::{Engine, Enqueue, ExecutionId, Journal, WorkOptions};
use turbocat_storage::Store;

use super::agent::Obedient;
use super::flows::{FLOWS, Flow};
use super::live::{PATIENCE, count, engine, most};
use super::look;
use super::quick::QuickClock;
use super::tell::tell_all;

/// Engines that work over a store, and what they are to do.
pub(super) struct Crowd {
    pub(super) engine: Engine,
    agent: Obedient,
    store: Store,
    journal: Arc<dyn Journal>,
    executions: Vec<(ExecutionId, &'static Flow)>,
}

impl Crowd {
    pub(super) fn over(store: &Store, clock: &QuickClock) -> Self {
        let (agent, journal): (_, Arc<dyn Journal>) = (Obedient::default(), Arc::new(store.clone()));
        let engine = engine(journal.clone(), agent.clone(), clock);
        engine.work(WorkOptions::new()).unwrap();
        Self { engine, agent, store: store.clone(), journal, executions: Vec::new() }
    }

    /// Every flow once more. Whoever asks is told when it cannot be taken in, and asks again.
    pub(super) async fn enqueue(&mut self) {
        for flow in FLOWS {
            let id = ExecutionId::generate();
            loop {
                let how = Enqueue::new().id(id);
                match self.engine.enqueue(flow.workflow(), (flow.inputs)(), how).await {
                    Ok(_) => break,
                    Err(error) => {
                        assert!(error.to_string().starts_with("the journal did not take it: "), "{error}");
                        if self.journal.load(id).await.is_ok_and(|found| found.is_some()) {
                            break;
                        }
                    }
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            self.executions.push((id, flow));
        }
    }

    /// Waits until all have ended, and looks at what is recorded. Gives how each flow ended.
    pub(super) async fn end(self) -> BTreeMap<&'static str, look::Ends> {
        let all = async {
            for (id, flow) in &self.executions {
                tell_all(flow.tells, &self.engine, *id, &self.journal).await;
                while self.engine.wait(*id).await.is_err() {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            }
            while self.engine.active() > 0
                || !self.journal.unfinished().await.is_ok_and(|open| open.is_empty())
            {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let ended = tokio::time::timeout(PATIENCE * 2, all).await;
        let mut ends = BTreeMap::new();
        for (id, flow) in &self.executions {
            let family = look::family(&self.journal, *id).await;
            assert!(
                ended.is_ok() || family.values().all(|one| one.status.is_ended()),
                "{}",
                look::tell(&family)
            );
            assert_eq!(look::complaints(&family), Vec::<String>::new());
            let found = look::ends(&family);
            assert_eq!(ends.entry(flow.name).or_insert_with(|| found.clone()), &found, "{}", flow.name);
        }
        ended.unwrap();
        // The engine did not go away: what it did it knows.
        for (tag, times) in most(&count(&self.agent.calls())) {
            assert!(times <= 3, "{tag} was done {times} times");
        }
        for text in ["select count(*) as n from jobs", "select count(*) as n from letters"] {
            let row = self.store.database().fetch_one(text, turbocat_storage::args![]).await.unwrap();
            assert_eq!(row.get::<i64>("n").unwrap(), 0, "{text}");
        }
        assert!(self.engine.shutdown(PATIENCE).await);
        ends
    }
}

/// How all flows end when nothing goes wrong.
pub(super) async fn expected(store: &Store, clock: &QuickClock) -> BTreeMap<&'static str, look::Ends> {
    let mut crowd = Crowd::over(store, clock);
    crowd.enqueue().await;
    crowd.end().await
}
