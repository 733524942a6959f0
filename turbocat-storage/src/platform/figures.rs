//! Figures: how many, how fast, how well; counted by the database from rows of executions and of
//! their logs.
//!
//! Percentiles are interpolated between the two nearest values, as `percentile_cont` does. Both
//! databases are asked with one text, so that they cannot differ.

use std::collections::BTreeMap;

use turbocat_core::Timestamp;
use uuid::Uuid;

use super::Platform;
use crate::args;
use crate::db::{Kind, Row, Sql};
use crate::error::StorageError;

/// A period: from the first moment, before the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    /// The first moment.
    pub from: Timestamp,
    /// The moment after the last.
    pub to: Timestamp,
}

/// How long the spans of a series are. All are in UTC; weeks begin on Sunday.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Group {
    /// Hours.
    Hour,
    /// Days.
    #[default]
    Day,
    /// Weeks.
    Week,
    /// Months.
    Month,
}

/// Whose figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// The executions of a workflow.
    Workflow(Uuid),
    /// The steps an agent did.
    Agent(Uuid),
    /// The executions a user started, and those of the user's workflows.
    User(Uuid),
}

/// How many of what a user has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Owned {
    /// Agents.
    pub agents: u64,
    /// Agents in use.
    pub active_agents: u64,
    /// Workflows.
    pub workflows: u64,
    /// Workflows in use.
    pub active_workflows: u64,
    /// Deployments.
    pub deployments: u64,
    /// Deployments that run.
    pub running_deployments: u64,
    /// Templates.
    pub templates: u64,
}

/// How many ended how.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Totals {
    /// How many there are of each status.
    pub by_status: BTreeMap<String, u64>,
    /// All of them.
    pub total: u64,
}

impl Totals {
    /// How many there are of a status.
    pub fn of(&self, status: &str) -> u64 {
        self.by_status.get(status).copied().unwrap_or_default()
    }

    /// How many failed; by a time limit too.
    pub fn failed(&self) -> u64 {
        self.of("failed") + self.of("timeout")
    }
}

/// How long it took, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Spread {
    /// How many took any time.
    pub count: u64,
    /// On average.
    pub avg: f64,
    /// At least.
    pub min: f64,
    /// At most.
    pub max: f64,
    /// Half of them.
    pub p50: f64,
    /// 95 of 100.
    pub p95: f64,
    /// 99 of 100.
    pub p99: f64,
}

/// A span of a series.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Bucket {
    /// When it begins.
    pub at: Timestamp,
    /// How many.
    pub count: u64,
    /// How many ended well.
    pub completed: u64,
    /// How many failed.
    pub failed: u64,
    /// How long they took on average.
    pub avg: f64,
}

/// A step of a workflow.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct StepFigures {
    /// Its name in the workflow.
    pub key: String,
    /// Its name for people.
    pub name: String,
    /// How often it ended well.
    pub completed: u64,
    /// How often it failed.
    pub failed: u64,
    /// How often it was not done.
    pub skipped: u64,
    /// How long it took on average.
    pub avg: f64,
}

/// The figures.
#[derive(Clone, Copy, Debug)]
pub struct Figures<'a>(pub(super) &'a Platform);

impl Figures<'_> {
    /// How many of what a user has.
    ///
    /// # Errors
    /// What the database says.
    pub async fn owned(&self, user: Uuid) -> Result<Owned, StorageError> {
        let sql = "select
            (select count(*) from agents where user_id = $1 and deleted_at is null) as agents,
            (select count(*) from agents where user_id = $1 and deleted_at is null and status = 'active') as active_agents,
            (select count(*) from workflows where user_id = $1 and deleted_at is null) as workflows,
            (select count(*) from workflows where user_id = $1 and deleted_at is null and status = 'active') as active_workflows,
            (select count(*) from deployments where user_id = $1 and deleted_at is null) as deployments,
            (select count(*) from deployments where user_id = $1 and deleted_at is null and status = 'running') as running_deployments,
            (select count(*) from templates where user_id = $1 and deleted_at is null) as templates";
        let row = self.0.database.fetch_one(sql, args![user]).await?;
        Ok(Owned {
            agents: row.get("agents")?,
            active_agents: row.get("active_agents")?,
            workflows: row.get("workflows")?,
            active_workflows: row.get("active_workflows")?,
            deployments: row.get("deployments")?,
            running_deployments: row.get("running_deployments")?,
            templates: row.get("templates")?,
        })
    }

    /// How many ended how, of those that began in the period.
    ///
    /// # Errors
    /// What the database says.
    pub async fn totals(&self, subject: Subject, period: Period) -> Result<Totals, StorageError> {
        let sql = over(subject, "select status, count(*) as n from seen group by status");
        let mut totals = Totals::default();
        for row in self.ask(sql, subject, period).await? {
            let n: u64 = row.get("n")?;
            totals.total += n;
            totals.by_status.insert(row.get("status")?, n);
        }
        Ok(totals)
    }

    /// How long it took, of those that ended.
    ///
    /// # Errors
    /// What the database says.
    pub async fn spread(&self, subject: Subject, period: Period) -> Result<Spread, StorageError> {
        // The weights of the two values around a place: the nearer, the more.
        let mut sql = over(
            subject,
            "select count(*) as n, cast(avg(took) as double precision) as mean,
                cast(min(took) as double precision) as least, cast(max(took) as double precision) as most",
        );
        for (name, place) in [("p50", "0.5"), ("p95", "0.95"), ("p99", "0.99")] {
            sql.push(", cast(sum(case when abs(place - ")
                .push(place)
                .push(" * (total - 1)) < 1.0 then took * (1.0 - abs(place - ");
            sql.push(place).push(" * (total - 1))) else 0.0 end) as double precision) as ").push(name);
        }
        sql.push(
            " from (select took, row_number() over (order by took) - 1 as place, count(*) over () as total
                from seen where took is not null) as ranked",
        );
        let rows = self.ask(sql, subject, period).await?;
        let row = rows.first().ok_or_else(|| StorageError::corrupt("figures were not counted"))?;
        let float = |name: &str| row.get::<Option<f64>>(name).map(Option::unwrap_or_default);
        Ok(Spread {
            count: row.get("n")?,
            avg: float("mean")?,
            min: float("least")?,
            max: float("most")?,
            p50: float("p50")?,
            p95: float("p95")?,
            p99: float("p99")?,
        })
    }

    /// The same as a series, without spans in which nothing was.
    ///
    /// # Errors
    /// What the database says.
    pub async fn series(
        &self,
        subject: Subject,
        period: Period,
        group: Group,
    ) -> Result<Vec<Bucket>, StorageError> {
        let mut sql = over(subject, "select cast(");
        sql.push(span(group, self.0.database.kind())).push(
            " as bigint) as span, count(*) as n,
                count(case when status = 'completed' then 1 end) as completed,
                count(case when status in ('failed', 'timeout') then 1 end) as failed,
                cast(avg(took) as double precision) as mean
            from seen group by 1 order by 1",
        );
        let read = |row: &Row| {
            Ok(Bucket {
                at: Timestamp::from_millis(row.get("span")?),
                count: row.get("n")?,
                completed: row.get("completed")?,
                failed: row.get("failed")?,
                avg: row.get::<Option<f64>>("mean")?.unwrap_or_default(),
            })
        };
        self.ask(sql, subject, period).await?.iter().map(read).collect()
    }

    /// Of which kinds the failures were.
    ///
    /// # Errors
    /// What the database says.
    pub async fn failures(
        &self,
        subject: Subject,
        period: Period,
    ) -> Result<BTreeMap<String, u64>, StorageError> {
        let sql = over(
            subject,
            "select reason, count(*) as n from seen where status in ('failed', 'timeout') group by reason",
        );
        let rows = self.ask(sql, subject, period).await?;
        rows.iter().map(|row| Ok((row.get("reason")?, row.get("n")?))).collect()
    }

    /// The steps of a workflow in their order, as they are now; figures of the period.
    ///
    /// # Errors
    /// What the database says.
    pub async fn steps(&self, workflow: Uuid, period: Period) -> Result<Vec<StepFigures>, StorageError> {
        let sql = "select s.step_key, s.step_name, s.position,
                count(case when l.step_status = 'completed' then 1 end) as completed,
                count(case when l.step_status = 'failed' then 1 end) as failed,
                count(case when l.step_status = 'skipped' then 1 end) as skipped,
                cast(avg(case when l.step_status in ('completed', 'failed') then l.step_duration_ms end) as double precision) as mean
            from workflow_steps as s
            left join execution_logs as l on l.workflow_step_id = s.id
                and l.created_at >= $2 and l.created_at < $3
            where s.workflow_id = $1
            group by s.id, s.step_key, s.step_name, s.position
            order by s.position, s.step_key";
        let rows = self.0.database.fetch_all(sql, args![workflow, period.from, period.to]).await?;
        let read = |row: &Row| {
            Ok(StepFigures {
                key: row.get("step_key")?,
                name: row.get("step_name")?,
                completed: row.get("completed")?,
                failed: row.get("failed")?,
                skipped: row.get("skipped")?,
                avg: row.get::<Option<f64>>("mean")?.unwrap_or_default(),
            })
        };
        rows.iter().map(read).collect()
    }

    async fn ask(&self, sql: Sql, subject: Subject, period: Period) -> Result<Vec<Row>, StorageError> {
        let (Subject::Workflow(id) | Subject::Agent(id) | Subject::User(id)) = subject;
        self.0.database.fetch_all(sql, args![id, period.from, period.to]).await
    }
}

/// A statement over what is counted: when it began, how it stands, how long it took, why it failed.
fn over(subject: Subject, select: &'static str) -> Sql {
    let mut sql = Sql::new("with seen as (");
    sql.push(match subject {
        Subject::Workflow(_) => {
            "select created_at, status, duration_ms as took, status as reason from executions
            where workflow_id = $1 and created_at >= $2 and created_at < $3"
        }
        Subject::User(_) => {
            "select created_at, status, duration_ms as took, status as reason from executions
            where (user_id = $1 or workflow_id in (select id from workflows where user_id = $1))
                and created_at >= $2 and created_at < $3"
        }
        Subject::Agent(_) => {
            "select created_at, step_status as status, step_duration_ms as took,
                coalesce(metadata->>'kind', step_status) as reason
            from execution_logs
            where workflow_step_id in (select id from workflow_steps where agent_id = $1)
                and step_status in ('completed', 'failed') and created_at >= $2 and created_at < $3"
        }
    });
    sql.push(") ").push(select);
    sql
}

/// When the span of `created_at` begins, in milliseconds since 1970.
const fn span(group: Group, kind: Kind) -> &'static str {
    match (kind, group) {
        (Kind::Sqlite, Group::Hour) => "created_at / 3600000 * 3600000",
        (Kind::Sqlite, Group::Day) => "created_at / 86400000 * 86400000",
        // The first day of 1970 was a Thursday, the fourth after a Sunday.
        (Kind::Sqlite, Group::Week) => "(created_at / 86400000 - (created_at / 86400000 + 4) % 7) * 86400000",
        (Kind::Sqlite, Group::Month) => "unixepoch(created_at / 1000, 'unixepoch', 'start of month') * 1000",
        (Kind::Postgres, Group::Hour) => {
            "extract(epoch from date_trunc('hour', created_at at time zone 'UTC')) * 1000"
        }
        (Kind::Postgres, Group::Day) => {
            "extract(epoch from date_trunc('day', created_at at time zone 'UTC')) * 1000"
        }
        (Kind::Postgres, Group::Week) => {
            "extract(epoch from date_trunc('week', created_at at time zone 'UTC' + interval '1 day') - interval '1 day') * 1000"
        }
        (Kind::Postgres, Group::Month) => {
            "extract(epoch from date_trunc('month', created_at at time zone 'UTC')) * 1000"
        }
    }
}
