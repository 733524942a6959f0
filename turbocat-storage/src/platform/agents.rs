//! Agents as rows: what they are made of, and how often they did something.

use std::time::Duration;

use serde_json::{Value, json};
use turbocat_core::Timestamp;
use uuid::Uuid;

use super::filter::Filter;
use super::page::{Page, PageRequest, sort};
use super::words::{AgentStatus, AgentType};
use super::{Platform, table};
use crate::args;
use crate::db::{Args, Sql};
use crate::error::StorageError;

record! {
    /// An agent.
    Agent is "agent" in "agents" {
        /// The id.
        id: Uuid,
        /// What it is called.
        name: String,
        /// What it does.
        description: Option<String>,
        /// What it is made of.
        kind = "type": AgentType,
        /// How far it is.
        status: AgentStatus,
        /// Which version of its tree it is.
        version: i32,
        /// The first version of its tree; `None` for the first one.
        parent_id: Option<Uuid>,
        /// Whose it is.
        user_id: Uuid,
        /// How it does what it does. Secrets in it are encrypted.
        config: Value,
        /// What it can do, in words.
        capabilities: Value,
        /// What it is given.
        parameters: Value,
        /// How many seconds it may take.
        max_execution_time: Option<i32>,
        /// How much memory it may take.
        max_memory_mb: Option<i32>,
        /// How many steps it may do at once.
        max_concurrent_executions: Option<i32>,
        /// How many steps it has done.
        total_executions: u64,
        /// How many of them ended well.
        successful_executions: u64,
        /// How many of them failed.
        failed_executions: u64,
        /// How long they took on average.
        avg_execution_time_ms: u64,
        /// Words to find it by.
        tags: Vec<String>,
        /// Whether it is shown to others.
        is_public: bool,
        /// Whether it is one to make others from.
        is_template: bool,
        /// What a language model is told first.
        system_prompt: Option<String>,
        /// What a language model may use.
        tools: Value,
        /// When it was made.
        created_at: Timestamp,
        /// When it was last changed.
        updated_at: Timestamp,
        /// When it was deleted.
        deleted_at: Option<Timestamp>,
    }
}

draft! {
    /// A new agent.
    NewAgent {
        /// What it is called.
        name: String,
        /// What it does.
        description: Option<String>,
        /// What it is made of. It stays so.
        kind = "type": AgentType,
        /// How far it is.
        status: AgentStatus,
        /// Which version of its tree it is.
        version: i32,
        /// The first version of its tree.
        parent_id: Option<Uuid>,
        /// Whose it is.
        user_id: Uuid,
        /// How it does what it does.
        config: Value,
        /// What it can do, in words.
        capabilities: Value,
        /// What it is given.
        parameters: Value,
        /// How many seconds it may take.
        max_execution_time: Option<i32>,
        /// How much memory it may take.
        max_memory_mb: Option<i32>,
        /// How many steps it may do at once.
        max_concurrent_executions: Option<i32>,
        /// Words to find it by.
        tags: Vec<String>,
        /// Whether it is shown to others.
        is_public: bool,
        /// Whether it is one to make others from.
        is_template: bool,
        /// What a language model is told first.
        system_prompt: Option<String>,
        /// What a language model may use.
        tools: Value,
    }
}

impl NewAgent {
    /// A draft with the usual limits: 300 seconds, 512 MB, one step at once.
    pub fn new(user_id: Uuid, name: impl Into<String>, kind: AgentType) -> Self {
        Self {
            name: name.into(),
            description: None,
            kind,
            status: AgentStatus::Draft,
            version: 1,
            parent_id: None,
            user_id,
            config: json!({}),
            capabilities: json!([]),
            parameters: json!({}),
            max_execution_time: Some(300),
            max_memory_mb: Some(512),
            max_concurrent_executions: Some(1),
            tags: Vec::new(),
            is_public: false,
            is_template: false,
            system_prompt: None,
            tools: json!([]),
        }
    }
}

patch! {
    /// What of an agent changes.
    AgentPatch {
        /// What it is called.
        name: String,
        /// What it does.
        description: Option<String>,
        /// How far it is.
        status: AgentStatus,
        /// How it does what it does.
        config: Value,
        /// What it can do, in words.
        capabilities: Value,
        /// What it is given.
        parameters: Value,
        /// How many seconds it may take.
        max_execution_time: Option<i32>,
        /// How much memory it may take.
        max_memory_mb: Option<i32>,
        /// How many steps it may do at once.
        max_concurrent_executions: Option<i32>,
        /// Words to find it by.
        tags: Vec<String>,
        /// Whether it is shown to others.
        is_public: bool,
        /// What a language model is told first.
        system_prompt: Option<String>,
        /// What a language model may use.
        tools: Value,
    }
}

/// Which agents.
#[derive(Clone, Debug, Default)]
pub struct AgentFilter {
    /// Those of this user.
    pub user_id: Option<Uuid>,
    /// Those made of this.
    pub kind: Option<AgentType>,
    /// Those that are so far.
    pub status: Option<AgentStatus>,
    /// Those with this in their name or description.
    pub search: Option<String>,
    /// Those with one of these tags.
    pub tags: Vec<String>,
    /// Those that are shown to others, or not.
    pub is_public: Option<bool>,
}

sort! {
    /// What agents can be sorted by.
    AgentSort {
        /// When they were made.
        #[default] CreatedAt = "created_at" ["createdAt", "created"],
        /// When they were last changed.
        UpdatedAt = "updated_at" ["updatedAt", "updated"],
        /// What they are called.
        Name = "name" ["name"],
        /// What they are made of.
        Type = "type" ["type"],
        /// How far they are.
        Status = "status" ["status"],
        /// Their version.
        Version = "version" ["version"],
    }
}

/// The agents.
#[derive(Clone, Copy, Debug)]
pub struct Agents<'a>(pub(super) &'a Platform);

impl Agents<'_> {
    /// Makes an agent.
    ///
    /// # Errors
    /// [`Constraint`](crate::StorageErrorKind::Constraint) if there is no such user.
    pub async fn create(&self, agent: NewAgent) -> Result<Agent, StorageError> {
        self.create_as(Uuid::now_v7(), agent).await
    }

    /// Makes an agent of that id: what is secret in its configuration is bound to it.
    ///
    /// # Errors
    /// [`Constraint`](crate::StorageErrorKind::Constraint) if there is no such user.
    pub async fn create_as(&self, id: Uuid, agent: NewAgent) -> Result<Agent, StorageError> {
        table::insert(&self.0.database, agent, table::born(id, self.0.now())).await
    }

    /// An agent.
    ///
    /// # Errors
    /// What the database says.
    pub async fn get(&self, id: Uuid) -> Result<Option<Agent>, StorageError> {
        table::find(&self.0.database, table::by_id(id)).await
    }

    /// Some agents by their ids, those that there are.
    ///
    /// # Errors
    /// What the database says.
    pub async fn get_many(&self, ids: Vec<Uuid>) -> Result<Vec<Agent>, StorageError> {
        table::all(&self.0.database, Filter::alive().by("id {any_uuid:", ids, "}"), " order by id").await
    }

    /// A page of agents.
    ///
    /// # Errors
    /// [`Invalid`](crate::StorageErrorKind::Invalid) for a page that cannot be.
    pub async fn list(
        &self,
        filter: &AgentFilter,
        page: PageRequest<AgentSort>,
    ) -> Result<Page<Agent>, StorageError> {
        let conditions = Filter::alive()
            .maybe("user_id = ", filter.user_id, "")
            .maybe("type = ", filter.kind, "")
            .maybe("status = ", filter.status, "")
            .maybe("is_public = ", filter.is_public, "")
            .search(filter.search.as_deref())
            .tags(&filter.tags);
        table::page(&self.0.database, conditions, page).await
    }

    /// Changes an agent; with `expected` only if it was last changed then.
    ///
    /// # Errors
    /// [`Conflict`](crate::StorageErrorKind::Conflict) if not.
    pub async fn update(
        &self,
        id: Uuid,
        patch: AgentPatch,
        expected: Option<Timestamp>,
    ) -> Result<Agent, StorageError> {
        table::update(&self.0.database, id, patch, expected, self.0.now()).await
    }

    /// Deletes an agent, to be restored until it is gone for good.
    ///
    /// # Errors
    /// [`NotFound`](crate::StorageErrorKind::NotFound).
    pub async fn delete(&self, id: Uuid) -> Result<(), StorageError> {
        table::delete::<Agent>(&self.0.database, id, self.0.now()).await
    }

    /// Brings a deleted agent back.
    ///
    /// # Errors
    /// [`NotFound`](crate::StorageErrorKind::NotFound) if none is deleted.
    pub async fn restore(&self, id: Uuid) -> Result<Agent, StorageError> {
        table::restore(&self.0.database, id, self.0.now()).await
    }

    /// Counts a step that an agent has done, and how long it took.
    ///
    /// # Errors
    /// What the database says. An agent that is gone is no error: there is nothing to count.
    pub async fn count_execution(
        &self,
        id: Uuid,
        succeeded: bool,
        took: Duration,
    ) -> Result<(), StorageError> {
        let sql = Sql::new(
            "update agents set total_executions = total_executions + 1,
                successful_executions = successful_executions + $2,
                failed_executions = failed_executions + $3,
                avg_execution_time_ms = (2 * (avg_execution_time_ms * total_executions + $4) + total_executions + 1)
                    / (2 * (total_executions + 1))
            where id = $1",
        );
        self.0.database.execute(sql, counted(id, succeeded, took)).await.map(drop)
    }
}

/// The arguments of a statement that counts: which, one if well, one if not, the milliseconds. The
/// average is rounded in whole numbers, which both databases do the same way.
pub(super) fn counted(id: Uuid, succeeded: bool, took: Duration) -> Args {
    let millis = i64::try_from(took.as_millis()).unwrap_or(i64::MAX >> 32).min(i64::MAX >> 32);
    args![id, i64::from(succeeded), i64::from(!succeeded), millis]
}
