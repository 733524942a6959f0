//! Teams: who works together, and with which agents.

use turbocat_core::Timestamp;
use uuid::Uuid;

use super::filter::Filter;
use super::page::{Page, PageRequest, sort};
use super::words::TeamStatus;
use super::{Platform, table};
use crate::args;
use crate::db::{Row, Sql};
use crate::error::StorageError;

record! {
    /// A team.
    Team is "team" in "teams" {
        /// The id.
        id: Uuid,
        /// What it is called.
        name: String,
        /// What it is for.
        description: Option<String>,
        /// Whose it is.
        owner_id: Uuid,
        /// Whether it is in use.
        status: TeamStatus,
        /// When it was made.
        created_at: Timestamp,
        /// When it was last changed.
        updated_at: Timestamp,
        /// When it was deleted.
        deleted_at: Option<Timestamp>,
    }
}

draft! {
    /// A new team.
    NewTeam {
        /// What it is called.
        name: String,
        /// What it is for.
        description: Option<String>,
        /// Whose it is.
        owner_id: Uuid,
        /// Whether it is in use.
        status: TeamStatus,
    }
}

patch! {
    /// What of a team changes.
    TeamPatch {
        /// What it is called.
        name: String,
        /// What it is for.
        description: Option<String>,
        /// Whether it is in use.
        status: TeamStatus,
    }
}

/// Somebody in a team.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TeamMember {
    /// Who.
    pub user_id: Uuid,
    /// What they do in it.
    pub role: String,
    /// Since when.
    pub joined_at: Timestamp,
    /// Their address.
    pub email: String,
    /// What they are called.
    pub full_name: Option<String>,
}

/// An agent in a team.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TeamAgent {
    /// Which.
    pub agent_id: Uuid,
    /// Since when.
    pub added_at: Timestamp,
    /// What it is called.
    pub name: String,
}

sort! {
    /// What teams can be sorted by.
    TeamSort {
        /// When they were made.
        #[default] CreatedAt = "created_at" ["createdAt", "created"],
        /// What they are called.
        Name = "name" ["name"],
    }
}

/// The teams.
#[derive(Clone, Copy, Debug)]
pub struct Teams<'a>(pub(super) &'a Platform);

impl Teams<'_> {
    /// Makes a team.
    ///
    /// # Errors
    /// [`Constraint`](crate::StorageErrorKind::Constraint) if there is no such owner.
    pub async fn create(&self, team: NewTeam) -> Result<Team, StorageError> {
        table::insert(&self.0.database, team, table::born(Uuid::now_v7(), self.0.now())).await
    }

    /// A team.
    ///
    /// # Errors
    /// What the database says.
    pub async fn get(&self, id: Uuid) -> Result<Option<Team>, StorageError> {
        table::find(&self.0.database, table::by_id(id)).await
    }

    /// A page of the teams that a user owns or is in.
    ///
    /// # Errors
    /// [`Invalid`](crate::StorageErrorKind::Invalid) for a page that cannot be.
    pub async fn of_user(&self, user: Uuid, page: PageRequest<TeamSort>) -> Result<Page<Team>, StorageError> {
        let mut filter = Filter::alive();
        let place = filter.args.push(user);
        let mut mine = Sql::new("(owner_id = ");
        mine.push_place(place).push(" or id in (select m.team_id from team_members m where m.user_id = ");
        mine.push_place(place).push("))");
        filter.add(mine);
        table::page(&self.0.database, filter, page).await
    }

    /// Changes a team; with `expected` only if it was last changed then.
    ///
    /// # Errors
    /// [`Conflict`](crate::StorageErrorKind::Conflict) if not.
    pub async fn update(
        &self,
        id: Uuid,
        patch: TeamPatch,
        expected: Option<Timestamp>,
    ) -> Result<Team, StorageError> {
        table::update(&self.0.database, id, patch, expected, self.0.now()).await
    }

    /// Deletes a team, to be restored until it is gone for good.
    ///
    /// # Errors
    /// [`NotFound`](crate::StorageErrorKind::NotFound).
    pub async fn delete(&self, id: Uuid) -> Result<(), StorageError> {
        table::delete::<Team>(&self.0.database, id, self.0.now()).await
    }

    /// Brings a deleted team back.
    ///
    /// # Errors
    /// [`NotFound`](crate::StorageErrorKind::NotFound) if none is deleted.
    pub async fn restore(&self, id: Uuid) -> Result<Team, StorageError> {
        table::restore(&self.0.database, id, self.0.now()).await
    }

    /// Takes somebody in, or gives who is in another role.
    ///
    /// # Errors
    /// [`Constraint`](crate::StorageErrorKind::Constraint) if there is no such team or user.
    pub async fn add_member(&self, team: Uuid, user: Uuid, role: &str) -> Result<(), StorageError> {
        let sql = "insert into team_members (team_id, user_id, role, joined_at) values ($1, $2, $3, $4)
            on conflict (team_id, user_id) do update set role = excluded.role";
        self.0.database.execute(sql, args![team, user, role, self.0.now()]).await.map(drop)
    }

    /// Whether somebody is in a team.
    ///
    /// # Errors
    /// What the database says.
    pub async fn is_member(&self, team: Uuid, user: Uuid) -> Result<bool, StorageError> {
        let sql = "select 1 as one from team_members where team_id = $1 and user_id = $2";
        Ok(self.0.database.fetch_optional(sql, args![team, user]).await?.is_some())
    }

    /// Lets somebody go.
    ///
    /// # Errors
    /// [`NotFound`](crate::StorageErrorKind::NotFound) if they were not in it.
    pub async fn remove_member(&self, team: Uuid, user: Uuid) -> Result<(), StorageError> {
        let sql = "delete from team_members where team_id = $1 and user_id = $2";
        match self.0.database.execute(sql, args![team, user]).await? {
            0 => Err(StorageError::not_found("member")),
            _ => Ok(()),
        }
    }

    /// Who is in a team, in the order of their coming.
    ///
    /// # Errors
    /// What the database says.
    pub async fn members(&self, team: Uuid) -> Result<Vec<TeamMember>, StorageError> {
        let sql = "select m.user_id, m.role, m.joined_at, u.email, u.full_name
            from team_members m join users u on u.id = m.user_id
            where m.team_id = $1 and u.deleted_at is null order by m.joined_at, m.user_id";
        let rows = self.0.database.fetch_all(sql, args![team]).await?;
        rows.iter().map(member).collect()
    }

    /// Adds an agent. To add it again changes nothing. False if it was in the team.
    ///
    /// # Errors
    /// [`Constraint`](crate::StorageErrorKind::Constraint) if there is no such team or agent.
    pub async fn add_agent(&self, team: Uuid, agent: Uuid) -> Result<bool, StorageError> {
        let sql = "insert into team_agents (team_id, agent_id, added_at) values ($1, $2, $3)
            on conflict (team_id, agent_id) do nothing";
        Ok(self.0.database.execute(sql, args![team, agent, self.0.now()]).await? > 0)
    }

    /// Takes an agent away.
    ///
    /// # Errors
    /// [`NotFound`](crate::StorageErrorKind::NotFound) if it was not in it.
    pub async fn remove_agent(&self, team: Uuid, agent: Uuid) -> Result<(), StorageError> {
        let sql = "delete from team_agents where team_id = $1 and agent_id = $2";
        match self.0.database.execute(sql, args![team, agent]).await? {
            0 => Err(StorageError::not_found("agent of the team")),
            _ => Ok(()),
        }
    }

    /// The agents of a team, in the order of their coming.
    ///
    /// # Errors
    /// What the database says.
    pub async fn agents(&self, team: Uuid) -> Result<Vec<TeamAgent>, StorageError> {
        let sql =
            "select t.agent_id, t.added_at, a.name from team_agents t join agents a on a.id = t.agent_id
            where t.team_id = $1 and a.deleted_at is null order by t.added_at, t.agent_id";
        let rows = self.0.database.fetch_all(sql, args![team]).await?;
        rows.iter()
            .map(|row| {
                Ok(TeamAgent {
                    agent_id: row.get("agent_id")?,
                    added_at: row.get("added_at")?,
                    name: row.get("name")?,
                })
            })
            .collect()
    }
}

fn member(row: &Row) -> Result<TeamMember, StorageError> {
    Ok(TeamMember {
        user_id: row.get("user_id")?,
        role: row.get("role")?,
        joined_at: row.get("joined_at")?,
        email: row.get("email")?,
        full_name: row.get("full_name")?,
    })
}
