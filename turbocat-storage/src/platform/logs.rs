//! What was said while executions went on.

use serde_json::{Value, json};
use turbocat_core::{ExecutionId, Timestamp};
use uuid::Uuid;

use super::filter::Filter;
use super::page::{Page, PageRequest, sort};
use super::record::{Columns, Record};
use super::words::{LogLevel, StepState};
use super::{Platform, table};
use crate::db::{Arg, Args, Sql};
use crate::error::StorageError;

/// The most lines that are written at once.
pub const MAX_LOG_BATCH: usize = 100;
/// The most characters of metadata, as JSON. What is longer is replaced by a marker.
pub const MAX_METADATA: usize = 10_000;

record! {
    /// A line.
    ExecutionLog is "line of the log" in "execution_logs" {
        /// The id.
        id: Uuid,
        /// In which execution.
        execution_id: ExecutionId,
        /// About which step, as a row.
        workflow_step_id: Option<Uuid>,
        /// How grave it is.
        level: LogLevel,
        /// What was said.
        message: String,
        /// More about it.
        metadata: Value,
        /// About which step.
        step_key: Option<String>,
        /// How the step stands.
        step_status: Option<StepState>,
        /// When it began.
        step_started_at: Option<Timestamp>,
        /// When it ended.
        step_completed_at: Option<Timestamp>,
        /// How long it took.
        step_duration_ms: Option<u64>,
        /// When it was said.
        created_at: Timestamp,
    }
}

draft! {
    /// A new line.
    NewExecutionLog {
        /// In which execution.
        execution_id: ExecutionId,
        /// About which step, as a row.
        workflow_step_id: Option<Uuid>,
        /// How grave it is.
        level: LogLevel,
        /// What was said.
        message: String,
        /// More about it.
        metadata: Value,
        /// About which step.
        step_key: Option<String>,
        /// How the step stands.
        step_status: Option<StepState>,
        /// When it began.
        step_started_at: Option<Timestamp>,
        /// When it ended.
        step_completed_at: Option<Timestamp>,
        /// How long it took.
        step_duration_ms: Option<u64>,
    }
}

impl NewExecutionLog {
    /// A line about an execution.
    pub fn new(execution: ExecutionId, level: LogLevel, message: impl Into<String>) -> Self {
        Self {
            execution_id: execution,
            workflow_step_id: None,
            level,
            message: message.into(),
            metadata: json!({}),
            step_key: None,
            step_status: None,
            step_started_at: None,
            step_completed_at: None,
            step_duration_ms: None,
        }
    }

    /// What a database can hold: no zero in a text, no metadata without end.
    fn fit(mut self) -> Self {
        if self.message.contains('\0') {
            self.message = self.message.replace('\0', "\u{fffd}");
        }
        let length = self.metadata.to_string().chars().count();
        if length > MAX_METADATA {
            self.metadata = json!({ "truncated": true, "length": length });
        }
        self
    }
}

/// Which lines.
#[derive(Clone, Debug, Default)]
pub struct LogFilter {
    /// Those of this execution.
    pub execution_id: Option<ExecutionId>,
    /// Those that are so grave.
    pub level: Option<LogLevel>,
    /// Those about this step.
    pub step_key: Option<String>,
    /// Those said then or later.
    pub from: Option<Timestamp>,
    /// Those said before.
    pub to: Option<Timestamp>,
}

sort! {
    /// What lines can be sorted by.
    LogSort {
        /// When they were said.
        #[default] CreatedAt = "created_at" ["createdAt"],
        /// How grave they are, as words.
        Level = "level" ["level"],
        /// The step.
        StepKey = "step_key" (nullable) ["stepKey"],
    }
}

/// The lines.
#[derive(Clone, Copy, Debug)]
pub struct ExecutionLogs<'a>(pub(super) &'a Platform);

impl ExecutionLogs<'_> {
    /// Writes lines, all or none, in their order.
    ///
    /// # Errors
    /// [`Invalid`](crate::StorageErrorKind::Invalid) for more than [`MAX_LOG_BATCH`],
    /// [`Constraint`](crate::StorageErrorKind::Constraint) if there is no such execution.
    pub async fn append(&self, lines: Vec<NewExecutionLog>) -> Result<(), StorageError> {
        let now = self.0.now();
        self.append_at(lines.into_iter().map(|line| (line, now)).collect()).await
    }

    /// The same, each line with when it was said.
    ///
    /// # Errors
    /// As [`append`](Self::append).
    pub async fn append_at(&self, lines: Vec<(NewExecutionLog, Timestamp)>) -> Result<(), StorageError> {
        if lines.len() > MAX_LOG_BATCH {
            let message = format!("{} lines are too many at once; the most is {MAX_LOG_BATCH}", lines.len());
            return Err(StorageError::invalid(message));
        }
        if lines.is_empty() {
            return Ok(());
        }
        let (sql, args) = insertion(lines.into_iter());
        self.0.database.execute(sql, args).await.map(drop)
    }

    /// A page of lines.
    ///
    /// # Errors
    /// [`Invalid`](crate::StorageErrorKind::Invalid) for a page that cannot be.
    pub async fn list(
        &self,
        filter: &LogFilter,
        page: PageRequest<LogSort>,
    ) -> Result<Page<ExecutionLog>, StorageError> {
        table::page(&self.0.database, conditions(filter), page).await
    }

    /// The last lines of all executions of a workflow, the newest first; 1000 at most.
    ///
    /// # Errors
    /// What the database says.
    pub async fn tail(
        &self,
        workflow: Uuid,
        filter: &LogFilter,
        lines: u32,
    ) -> Result<Vec<ExecutionLog>, StorageError> {
        let filter = conditions(filter).by(
            "execution_id in (select e.id from executions e where e.workflow_id = ",
            workflow,
            ")",
        );
        let mut sql = table::select::<ExecutionLog>();
        filter.append(&mut sql);
        let mut args = filter.args;
        let place = args.push(lines.clamp(1, 1000));
        sql.push(" order by created_at desc, id desc limit ").push_place(place);
        let rows = self.0.database.fetch_all(sql, args).await?;
        rows.iter().map(ExecutionLog::read).collect()
    }
}

/// Lines, each with when it was said, as one statement.
pub(super) fn insertion(lines: impl Iterator<Item = (NewExecutionLog, Timestamp)>) -> (Sql, Args) {
    let (mut sql, mut args) = (Sql::new("insert into execution_logs ("), Args::new());
    let mut values = Sql::new(") values ");
    for (row, (line, at)) in lines.enumerate() {
        let mut columns = line.fit().columns();
        // Ids count up within a millisecond: lines of one moment stay in their order.
        columns.push(("id", Arg::Uuid(Some(Uuid::now_v7()))));
        columns.push(("created_at", Arg::Time(Some(at))));
        values.push(if row == 0 { "(" } else { ", (" });
        for (at, (column, value)) in columns.into_iter().enumerate() {
            let comma = if at == 0 { "" } else { ", " };
            if row == 0 {
                sql.push(comma).push(column);
            }
            let place = args.push(value);
            values.push(comma).push_place(place);
        }
        values.push(")");
    }
    sql.push_sql(&values);
    (sql, args)
}

fn conditions(filter: &LogFilter) -> Filter {
    Filter::new()
        .maybe("execution_id = ", filter.execution_id, "")
        .maybe("level = ", filter.level, "")
        .maybe("step_key = ", filter.step_key.as_deref(), "")
        .between(filter.from, filter.to)
}
