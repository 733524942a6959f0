//! Versions of agents: a tree of copies, each a draft of its own.

use serde_json::Value;
use turbocat_core::Timestamp;
use uuid::Uuid;

use super::agents::{Agent, Agents, NewAgent};
use super::filter::Filter;
use super::table;
use super::words::AgentStatus;
use crate::args;
use crate::db::Sql;
use crate::error::{StorageError, StorageErrorKind};
use crate::vault::{Keyring, Place, has_marked};

record! {
    /// A version of an agent, in short. Deleted ones are among them.
    AgentVersion is "agent" in "agents" {
        /// The id.
        id: Uuid,
        /// What it is called.
        name: String,
        /// Which version it is.
        version: i32,
        /// The first version.
        parent_id: Option<Uuid>,
        /// How far it is.
        status: AgentStatus,
        /// When it was made.
        created_at: Timestamp,
        /// When it was last changed.
        updated_at: Timestamp,
    }
}

impl Agents<'_> {
    /// Makes the next version of an agent: a draft of its own, with the highest version of the tree
    /// and one more. Secrets in its configuration are sealed anew for the copy.
    ///
    /// # Errors
    /// [`NotFound`](StorageErrorKind::NotFound);
    /// [`Secret`](StorageErrorKind::Secret) if there are secrets and no keys to them.
    pub async fn duplicate(
        &self,
        id: Uuid,
        user: Uuid,
        name: Option<String>,
        keyring: Option<&Keyring>,
    ) -> Result<Agent, StorageError> {
        let mut transaction = self.0.database.begin().await?;
        let mut sql = table::select::<Agent>();
        sql.push(" where id = $1 and deleted_at is null");
        let row = transaction.fetch_optional(sql, args![id]).await?;
        let agent: Agent = table::first(row.as_slice())?;
        let root = agent.parent_id.unwrap_or(agent.id);
        // Whoever makes a version of the same tree at the same time waits here.
        let lock = Sql::new("select id from agents where id = $1 {for_update}");
        transaction.fetch_all(lock.render(transaction.kind())?, args![root]).await?;
        let highest = "select max(version) as version from agents where id = $1 or parent_id = $1";
        let highest: i32 = transaction.fetch_one(highest, args![root]).await?.get("version")?;
        let copy = Uuid::now_v7();
        let mut config = agent.config;
        move_secrets(keyring, agent.id, copy, &mut config)?;
        let draft = NewAgent {
            name: name.unwrap_or_else(|| copy_of(&agent.name)),
            description: agent.description,
            kind: agent.kind,
            status: AgentStatus::Draft,
            version: highest + 1,
            parent_id: Some(root),
            user_id: user,
            config,
            capabilities: agent.capabilities,
            parameters: agent.parameters,
            max_execution_time: agent.max_execution_time,
            max_memory_mb: agent.max_memory_mb,
            max_concurrent_executions: agent.max_concurrent_executions,
            tags: agent.tags,
            is_public: false,
            is_template: false,
            system_prompt: agent.system_prompt,
            tools: agent.tools,
        };
        let (sql, args) = table::insertion::<Agent>(draft, table::born(copy, self.0.now()));
        let made = table::first(&transaction.fetch_all(sql, args).await?)?;
        transaction.commit().await?;
        Ok(made)
    }

    /// All versions of an agent's tree, the newest first, deleted ones too.
    ///
    /// # Errors
    /// What the database says.
    pub async fn versions(&self, id: Uuid) -> Result<Vec<AgentVersion>, StorageError> {
        let tree = "in (select coalesce(parent_id, id) from agents where id = ";
        let mut filter = Filter::new();
        let place = filter.args.push(id);
        let mut condition = Sql::new("(id ");
        condition
            .push(tree)
            .push_place(place)
            .push(") or parent_id ")
            .push(tree)
            .push_place(place)
            .push("))");
        filter.add(condition);
        table::all(&self.0.database, filter, " order by version desc, created_at desc, id desc").await
    }
}

fn move_secrets(
    keyring: Option<&Keyring>,
    from: Uuid,
    to: Uuid,
    config: &mut Value,
) -> Result<(), StorageError> {
    if !has_marked(config) {
        return Ok(());
    }
    let Some(keyring) = keyring else {
        let message = "the agent has secrets, and there are no keys to them; help: set the encryption key";
        return Err(StorageError::new(StorageErrorKind::Secret, message));
    };
    let place = |id| Place::new("agents", "config", id);
    keyring.move_marked(&place(from), &place(to), config)
}

/// A name for a copy, not longer than names may be.
fn copy_of(name: &str) -> String {
    format!("Copy of {name}").chars().take(255).collect()
}
