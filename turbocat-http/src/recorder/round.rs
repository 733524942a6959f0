//! One round: of some executions, all that is to be told.

use std::collections::{BTreeSet, HashMap};

use turbocat_core::{ExecutionId, Timestamp};
use turbocat_storage::platform::{Behind, MAX_LOG_BATCH, NewExecutionLog, Platform, Progress, WorkflowStep};
use turbocat_storage::{StorageError, StorageErrorKind, Store};
use uuid::Uuid;

use super::lines::Teller;
use super::{LEFT, announce};
use crate::events::Bus;
use crate::reports::Line;

/// How many executions are told of in one transaction.
const TOGETHER: usize = 50;
/// How many events of one execution are told of in one transaction.
const EVENTS: usize = 1000;
/// Of how many executions it is remembered when their steps began.
const REMEMBERED: usize = 10_000;

/// What rounds need.
pub(super) struct Round {
    store: Store,
    platform: Platform,
    events: Bus,
    /// When the steps of executions began that have not ended.
    begun: HashMap<ExecutionId, HashMap<String, Timestamp>>,
}

/// A workflow as lines tell of it.
pub(super) struct Told {
    pub(super) name: Option<String>,
    pub(super) steps: HashMap<String, WorkflowStep>,
}

impl Round {
    pub(super) fn new(store: Store, platform: Platform, events: Bus) -> Self {
        Self { store, platform, events, begun: HashMap::new() }
    }

    /// Tells of these executions, and of those that were left behind if some were missed. What was told
    /// is taken out.
    pub(super) async fn tell(
        &mut self,
        executions: &mut BTreeSet<Uuid>,
        lines: &mut Vec<Line>,
        missed: &mut bool,
    ) -> Result<(), StorageError> {
        self.write(lines).await?;
        if *missed {
            let left = self.platform.executions().all_behind(LEFT).await?;
            // Those that cannot be told of now are looked for the next time.
            *missed =
                left.len() >= LEFT as usize && left.iter().any(|one| !executions.contains(one.id.as_uuid()));
            executions.extend(left.iter().map(|one| *one.id.as_uuid()));
        }
        while !executions.is_empty() {
            let some: Vec<Uuid> = executions.iter().take(TOGETHER).copied().collect();
            let behind = self.platform.executions().behind(some.clone()).await?;
            let (mut all, mut more) = (Vec::new(), BTreeSet::new());
            let workflows = self.workflows(&behind).await?;
            for one in &behind {
                let told = one.workflow_id.and_then(|id| workflows.get(&id));
                let (progress, is_all) = self.progress(one, told).await?;
                all.push(progress);
                if !is_all {
                    more.insert(*one.id.as_uuid());
                }
            }
            let ended = all.iter().any(|progress| progress.announced == 2);
            self.advance(all).await?;
            if ended {
                self.store.count_ended().await?;
            }
            for id in some {
                executions.remove(&id);
            }
            executions.append(&mut more);
        }
        Ok(())
    }

    /// Lines that attempts said. Those of executions that are gone are lost.
    async fn write(&self, lines: &mut Vec<Line>) -> Result<(), StorageError> {
        while !lines.is_empty() {
            let some: Vec<Line> = lines.iter().take(MAX_LOG_BATCH).cloned().collect();
            let count = some.len();
            match self.platform.execution_logs().append_at(some.clone()).await {
                Err(error) if error.kind() == StorageErrorKind::Constraint => {
                    for line in some {
                        if let Err(error) = self.platform.execution_logs().append_at(vec![line]).await {
                            tracing::warn!(%error, "a line of an execution was not written");
                        }
                    }
                }
                other => other?,
            }
            lines.drain(..count);
        }
        Ok(())
    }

    async fn workflows(&self, behind: &[Behind]) -> Result<HashMap<Uuid, Told>, StorageError> {
        let ids: BTreeSet<Uuid> = behind.iter().filter_map(|one| one.workflow_id).collect();
        let mut told = HashMap::new();
        for id in ids {
            let row = self.platform.workflows().get_even_deleted(id).await?;
            let steps = self.platform.workflows().steps(id).await?;
            let steps = steps.into_iter().map(|step| (step.step_key.clone(), step)).collect();
            told.insert(id, Told { name: row.map(|row| row.name), steps });
        }
        Ok(told)
    }

    /// What is to be told of an execution; and whether that is all for now.
    async fn progress(
        &mut self,
        one: &Behind,
        told: Option<&Told>,
    ) -> Result<(Progress, bool), StorageError> {
        let mut events = self.store.events(one.id, one.logged_seq).await?;
        let is_all = events.len() <= EVENTS;
        events.truncate(EVENTS);
        let logged = events.last().and_then(|event| event["seq"].as_u64()).unwrap_or(one.logged_seq);
        if one.logged_seq > 0 && !self.begun.contains_key(&one.id) {
            // An earlier process told of its beginning.
            let before = self.store.events(one.id, 0).await?;
            let before = before.iter().filter(|event| event["seq"].as_u64() <= Some(one.logged_seq));
            self.begun.insert(one.id, super::lines::beginnings(before));
        }
        if self.begun.len() >= REMEMBERED {
            self.begun.clear();
        }
        let begun = self.begun.entry(one.id).or_default();
        let mut teller = Teller::new(one, told, begun);
        events.iter().for_each(|event| teller.event(event));
        let (mut lines, done) = teller.told();
        let (announced, happenings) =
            if is_all { announce::announce(one, told) } else { (one.announced, Vec::new()) };
        if announced == 2 && one.announced < 2 {
            lines.push(super::lines::end(one, told));
            self.begun.remove(&one.id);
        }
        let progress = Progress {
            execution: one.id,
            was_logged: one.logged_seq,
            was_announced: one.announced,
            logged,
            announced,
            lines,
            happenings,
            done,
        };
        Ok((progress, is_all))
    }

    async fn advance(&self, all: Vec<Progress>) -> Result<(), StorageError> {
        let together = self.platform.executions().advance(all.clone()).await;
        match together {
            Ok(told) => told.into_iter().for_each(|happening| self.events.tell(happening)),
            // A step or a user is gone since it was read; of whom is found out one by one.
            Err(error) if error.kind() == StorageErrorKind::Constraint && !all.is_empty() => {
                for mut progress in all {
                    let id = progress.execution;
                    let told = match self.platform.executions().advance(vec![progress.clone()]).await {
                        Err(error) if error.kind() == StorageErrorKind::Constraint => {
                            tracing::warn!(%error, execution = %id, "an execution is told of without what is gone");
                            let apart =
                                |(line, _): &mut (NewExecutionLog, Timestamp)| line.workflow_step_id = None;
                            progress.lines.iter_mut().for_each(apart);
                            progress.happenings.iter_mut().for_each(|happening| happening.user_id = None);
                            self.platform.executions().advance(vec![progress]).await?
                        }
                        told => told?,
                    };
                    told.into_iter().for_each(|happening| self.events.tell(happening));
                }
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }
}
