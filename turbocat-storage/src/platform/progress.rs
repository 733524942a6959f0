//! How far executions were told of: which have gone on since, and what is told about them, once.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;
use turbocat_core::{ExecutionId, Timestamp};
use uuid::Uuid;

use super::executions::Executions;
use super::feed::{Happening, NewHappening, tell};
use super::logs::{MAX_LOG_BATCH, NewExecutionLog, insertion};
use super::record::Record;
use super::table;
use super::words::{ExecutionState, TriggerType};
use crate::args;
use crate::db::{Args, Sql};
use crate::error::StorageError;

record! {
    /// An execution of a workflow's row, and how far it was told of.
    Behind is "execution" in "executions" {
        /// The id.
        id: ExecutionId,
        /// Of which workflow.
        workflow_id: Option<Uuid>,
        /// What its workflow is called.
        workflow_name: Option<String>,
        /// Who started it.
        user_id: Option<Uuid>,
        /// How it stands.
        status: ExecutionState,
        /// What started it.
        trigger_type: TriggerType,
        /// When it began.
        started_at: Option<Timestamp>,
        /// When it ended.
        completed_at: Option<Timestamp>,
        /// How long it took.
        duration_ms: Option<u64>,
        /// How many steps it has.
        steps_total: i32,
        /// How many of them ended well.
        steps_completed: i32,
        /// How many of them failed.
        steps_failed: i32,
        /// How many of them were not done.
        steps_skipped: i32,
        /// Why it failed: a text.
        error_message: Option<Value>,
        /// The number of its last event.
        seq: u64,
        /// The last event of which a line was written.
        logged_seq: u64,
        /// 0 not at all, 1 as begun, 2 as ended.
        announced: i32,
    }
}

/// What is told of an execution that has gone on.
#[derive(Clone, Debug)]
pub struct Progress {
    /// Which, and how far it was told of before.
    pub execution: ExecutionId,
    /// The last event that was logged before.
    pub was_logged: u64,
    /// As what it was announced before.
    pub was_announced: i32,
    /// The last event that is logged now.
    pub logged: u64,
    /// As what it is announced now.
    pub announced: i32,
    /// Lines for its log, each with when it was said.
    pub lines: Vec<(NewExecutionLog, Timestamp)>,
    /// What happened.
    pub happenings: Vec<NewHappening>,
    /// The steps that agents have done.
    pub done: Vec<Done>,
}

/// A step that an agent has done.
#[derive(Clone, Copy, Debug)]
pub struct Done {
    /// Who.
    pub agent: Uuid,
    /// Whether it ended well.
    pub succeeded: bool,
    /// How long it took.
    pub took: Duration,
}

impl Executions<'_> {
    /// Those of these executions that have gone on since they were told of.
    ///
    /// # Errors
    /// What the database says.
    pub async fn behind(&self, among: Vec<Uuid>) -> Result<Vec<Behind>, StorageError> {
        let mut sql = table::select::<Behind>();
        sql.push(" where id {any_uuid:$1} and workflow_id is not null and ")
            .push(BEHIND)
            .push(" order by id");
        self.read_behind(sql, args![among]).await
    }

    /// Some executions that have gone on since they were told of, by whomever. It looks at all that have
    /// not ended, so it is for now and then.
    ///
    /// # Errors
    /// What the database says.
    pub async fn all_behind(&self, limit: u32) -> Result<Vec<Behind>, StorageError> {
        let mut ended = table::select::<Behind>();
        ended.push(
            " where workflow_id is not null
                and ((announced = 0 and status <> 'pending') or (announced < 2 and completed_at is not null))
            order by created_at limit $1",
        );
        let mut behind = self.read_behind(ended, args![limit]).await?;
        let mut going = table::select::<Behind>();
        going.push(
            " where id in (select j.execution_id from jobs as j where j.state in (1, 2))
                and workflow_id is not null and logged_seq < seq limit $1",
        );
        behind.extend(self.read_behind(going, args![limit]).await?);
        behind.sort_by_key(|one| one.id);
        behind.dedup_by_key(|one| one.id);
        Ok(behind)
    }

    async fn read_behind(&self, sql: Sql, args: Args) -> Result<Vec<Behind>, StorageError> {
        let database = &self.0.database;
        let rows = database.fetch_all(sql.render(database.kind())?, args).await?;
        rows.iter().map(Behind::read).collect()
    }

    /// Tells what is to be told of executions: all of it, in one transaction, and of each only if
    /// nobody else has told it meanwhile. Gives what happened, with its numbers.
    ///
    /// # Errors
    /// What the database says; then nothing was told.
    pub async fn advance(&self, mut all: Vec<Progress>) -> Result<Vec<Happening>, StorageError> {
        // In one order, so that two nodes do not wait for each other.
        all.sort_by_key(|progress| progress.execution);
        let (mut lines, mut happenings, mut done) = (Vec::new(), Vec::new(), Vec::new());
        let mut transaction = self.0.database.begin().await?;
        for progress in all {
            let text = "update executions set logged_seq = $2, announced = $3
                where id = $1 and logged_seq = $4 and announced = $5";
            let args = args![
                progress.execution,
                progress.logged,
                progress.announced,
                progress.was_logged,
                progress.was_announced
            ];
            if transaction.execute(text, args).await? == 1 {
                lines.extend(progress.lines);
                happenings.extend(progress.happenings);
                done.extend(progress.done);
            }
        }
        let mut lines = lines.into_iter().peekable();
        while lines.peek().is_some() {
            let (sql, args) = insertion(lines.by_ref().take(MAX_LOG_BATCH));
            transaction.execute(sql, args).await?;
        }
        for (agent, tally) in tallies(done) {
            let text = "update agents set total_executions = total_executions + $2,
                    successful_executions = successful_executions + $3,
                    failed_executions = failed_executions + $4,
                    avg_execution_time_ms = (2 * (avg_execution_time_ms * total_executions + $5) + total_executions + $2)
                        / (2 * (total_executions + $2))
                where id = $1";
            let Tally { all, succeeded, took } = tally;
            transaction.execute(text, args![agent, all, succeeded, all - succeeded, took]).await?;
        }
        // Last of all: on PostgreSQL others that tell something wait until this is committed.
        let told = tell(&mut transaction, happenings).await?;
        transaction.commit().await?;
        Ok(told)
    }
}

/// Of which something is to be told.
const BEHIND: &str = "(logged_seq < seq or (announced = 0 and status <> 'pending')
    or (announced < 2 and completed_at is not null))";

#[derive(Default)]
struct Tally {
    all: i64,
    succeeded: i64,
    took: i64,
}

/// By agents, in the order of their ids.
fn tallies(done: Vec<Done>) -> BTreeMap<Uuid, Tally> {
    let mut tallies: BTreeMap<Uuid, Tally> = BTreeMap::new();
    for Done { agent, succeeded, took } in done {
        let tally = tallies.entry(agent).or_default();
        tally.all += 1;
        tally.succeeded += i64::from(succeeded);
        tally.took += i64::try_from(took.as_millis()).unwrap_or(i64::MAX >> 32);
    }
    tallies
}
