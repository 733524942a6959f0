//! Whether what programs did, what they acknowledged and what is recorded fit together.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::path::Path;

use serde_json::Value;
use turbocat_core::testing::check_recorded;
use turbocat_core::{ExecutionId, Plan};
use turbocat_storage::{Store, args};

use crate::program::{execution, lines, reader};
use crate::recorded::{Step, steps};
use crate::workflows::{WORKFLOWS, ends_of, name_of, nested_in, parsed, workflow_of};

/// What is known after a while; more is known each time one looks.
#[derive(Default)]
pub(crate) struct Evidence {
    /// The keys of steps that had completed when one looked, with how many attempts had been
    /// written down by then.
    completed: HashMap<String, usize>,
}

/// What was seen, to be told.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) executions: usize,
    pub(crate) attempts: usize,
    pub(crate) lost: usize,
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { executions, attempts, lost } = self;
        write!(f, "{executions} executions, {attempts} attempts begun, {lost} lost")
    }
}

impl Evidence {
    /// Looks at what has completed by now: it must not be done again from now on.
    pub(crate) async fn look(&mut self, store: &Store, folder: &Path) {
        // In this order: what is written down between the two looks is not held against anybody.
        let mut completed = Vec::new();
        for (id, _, _, _) in executions(store).await {
            let steps = steps(id, &store.events(id, 0).await.unwrap());
            completed.extend(steps.into_iter().filter(|(_, step)| step.completed).map(|(key, _)| key));
        }
        let attempts = lines(folder, "attempts").len();
        for key in completed {
            self.completed.entry(key).or_insert(attempts);
        }
    }

    /// Compares everything after all has ended. `counts`: how many executions each node took in.
    /// `fenced`: whether no program can have acted for another one after that took over from it.
    pub(crate) async fn compare(&self, store: &Store, folder: &Path, counts: &[u64], fenced: bool) -> Seen {
        self.nothing_is_left(store, fenced).await;
        let engine = reader();
        let plans: HashMap<&str, Plan> =
            WORKFLOWS.map(|text| (name_of(text), engine.compile(&parsed(text)).unwrap())).into();
        let executions = executions(store).await;
        let mut recorded: BTreeMap<String, Step> = BTreeMap::new();
        for (id, workflow, status, _) in &executions {
            let events = store.events(*id, 0).await.unwrap();
            if events.is_empty() {
                assert_eq!((&**workflow, &**status), ("endless", "cancelled"), "{id} never began");
                continue;
            }
            let wrong = check_recorded(&plans[&**workflow], &events);
            assert!(wrong.is_empty(), "{workflow} {id}: {wrong:#?}");
            let last = &events[events.len() - 1];
            assert_eq!(
                (&last["type"], &last["status"]),
                (&"executionEnded".into(), &(&**status).into()),
                "{id}"
            );
            recorded.extend(steps(*id, &events));
        }
        self.what_was_acknowledged_ended(store, folder, counts, &executions).await;
        let attempts = self.what_was_done_was_recorded(folder, &recorded, fenced);
        Seen { executions: executions.len(), attempts, lost: recorded.values().map(|step| step.lost).sum() }
    }

    async fn nothing_is_left(&self, store: &Store, fenced: bool) {
        let jobs = "select count(*) as count from jobs";
        let letters = "select count(*) as count from letters";
        // Who stood still may have taken one for an execution that had ended: it counts for nothing.
        let places = "select count(*) as count from agent_places";
        for table in [jobs, letters, places].into_iter().take(if fenced { 3 } else { 2 }) {
            let row = store.database().fetch_one(table, args![]).await.unwrap();
            assert_eq!(row.get::<i64>("count").unwrap(), 0, "{table}");
        }
    }

    async fn what_was_acknowledged_ended(
        &self,
        store: &Store,
        folder: &Path,
        counts: &[u64],
        executions: &[(ExecutionId, String, String, Option<ExecutionId>)],
    ) {
        let statuses: HashMap<ExecutionId, &str> =
            executions.iter().map(|(id, _, status, _)| (*id, &**status)).collect();
        let mut children: HashMap<ExecutionId, usize> = HashMap::new();
        for parent in executions.iter().filter_map(|(_, _, _, parent)| *parent) {
            *children.entry(parent).or_default() += 1;
        }
        for (node, count) in (0..).zip(counts) {
            let acknowledged = lines(folder, &format!("acknowledged-{node}"));
            assert_eq!(acknowledged.len() as u64, *count, "node {node}");
            for number in acknowledged {
                let number = number.parse().unwrap();
                let (id, workflow) = (execution(node, number), workflow_of(number));
                let status = statuses.get(&id).unwrap_or_else(|| panic!("{workflow} {id} was lost"));
                let output = store.output(id).await.unwrap().unwrap_or_default();
                let ends = ends_of(number);
                let is_one = |(ended, gave): &(&str, Value)| {
                    ended == status && (*gave == output || *ended == "cancelled")
                };
                assert!(ends.iter().any(is_one), "{workflow} {id}: {status} {output} and not {ends:?}");
                assert_eq!(children.remove(&id).unwrap_or_default(), nested_in(workflow), "{workflow} {id}");
            }
        }
        let outermost = executions.iter().filter(|(_, _, _, parent)| parent.is_none()).count();
        assert_eq!(outermost as u64, counts.iter().sum::<u64>(), "an execution was made up");
    }

    /// No attempt without an event that starts it, none twice, none after its step completed.
    fn what_was_done_was_recorded(
        &self,
        folder: &Path,
        recorded: &BTreeMap<String, Step>,
        fenced: bool,
    ) -> usize {
        let mut done = HashSet::new();
        let log = lines(folder, "attempts");
        for (at, line) in log.iter().enumerate() {
            let (attempt, key) = line.split_once(' ').unwrap();
            let attempt = attempt.parse().unwrap();
            let step = recorded.get(key).unwrap_or_else(|| panic!("{key} was done and is not recorded"));
            assert!(step.started.contains(&attempt), "attempt {attempt} of {key} was done and not recorded");
            assert!(done.insert((attempt, key)), "attempt {attempt} of {key} was done twice");
            let before = self.completed.get(key).is_some_and(|looked| at >= *looked);
            // Whoever lost its lease may act once more before it learns of it, in an attempt that
            // counts as lost already.
            let stale = !fenced && Some(&attempt) != step.started.last();
            assert!(!before || stale, "attempt {attempt} of {key} was done after it completed");
        }
        log.len()
    }
}

/// Name, workflow, status and parent of every execution.
async fn executions(store: &Store) -> Vec<(ExecutionId, String, String, Option<ExecutionId>)> {
    let text = "select id, workflow_name, status, parent_id from executions order by id";
    let rows = store.database().fetch_all(text, args![]).await.unwrap();
    rows.iter()
        .map(|row| {
            let get = |column| row.get::<String>(column).unwrap();
            (row.get("id").unwrap(), get("workflow_name"), get("status"), row.get("parent_id").unwrap())
        })
        .collect()
}
