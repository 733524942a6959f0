//! How many executions of a workflow, and how many attempts of an agent, go on at a time, on all
//! nodes together.

use turbocat_core::Hint;

use super::view::Queue;
use crate::args;
use crate::error::StorageError;

/// What is limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub enum LimitKind {
    /// The executions of a workflow that are held by workers. Those that wait and were given back
    /// do not count, nor are those held back that somebody starts and drives himself.
    Workflow,
    /// The attempts that an agent is at.
    Agent,
}

impl LimitKind {
    const fn word(self) -> &'static str {
        match self {
            Self::Workflow => "workflow",
            Self::Agent => "agent",
        }
    }
}

/// A limit.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ConcurrencyLimit {
    /// What is limited.
    pub kind: LimitKind,
    /// The name of the workflow or the agent.
    pub name: String,
    /// How many at a time; none at all if zero.
    pub places: u32,
    /// How many there are now.
    pub taken: u64,
}

impl Queue<'_> {
    /// Sets a limit, or another in its place. What goes on already goes on. Other nodes know of a
    /// first limit of an agent within seconds.
    ///
    /// # Errors
    /// [`Constraint`](crate::StorageErrorKind::Constraint) for an empty name, or a very long one.
    pub async fn set_limit(&self, kind: LimitKind, name: &str, places: u32) -> Result<(), StorageError> {
        let text = "insert into concurrency_limits (kind, name, places) values ($1, $2, $3)
            on conflict (kind, name) do update set places = excluded.places";
        self.0.database().execute(text, args![kind.word(), name, places]).await?;
        self.limits_changed().await
    }

    /// Removes a limit; false if there was none.
    ///
    /// # Errors
    /// What the database says.
    pub async fn remove_limit(&self, kind: LimitKind, name: &str) -> Result<bool, StorageError> {
        let text = "delete from concurrency_limits where kind = $1 and name = $2";
        let removed = self.0.database().execute(text, args![kind.word(), name]).await? > 0;
        self.limits_changed().await?;
        Ok(removed)
    }

    async fn limits_changed(&self) -> Result<(), StorageError> {
        self.0.look_at_limits().await?;
        self.0.hint(Hint::Ready);
        self.0.hint(Hint::Place);
        Ok(())
    }

    /// All limits, by kind and name.
    ///
    /// # Errors
    /// What the database says.
    pub async fn limits(&self) -> Result<Vec<ConcurrencyLimit>, StorageError> {
        let text = "select l.kind, l.name, l.places, case l.kind
                when 'agent' then (select count(*) from agent_places as p where p.agent = l.name)
                else (select count(*) from jobs as j where j.state = 1 and j.workflow_name = l.name)
                end as taken
            from concurrency_limits as l order by l.kind, l.name";
        let rows = self.0.database().fetch_all(text, args![]).await?;
        let limit = |row: &crate::db::Row| {
            let agent = row.get::<String>("kind")? == LimitKind::Agent.word();
            Ok(ConcurrencyLimit {
                kind: if agent { LimitKind::Agent } else { LimitKind::Workflow },
                name: row.get("name")?,
                places: row.get("places")?,
                taken: row.get("taken")?,
            })
        };
        rows.iter().map(limit).collect()
    }
}
