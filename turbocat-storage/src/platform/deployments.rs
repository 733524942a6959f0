//! Deployments: a workflow or an agent that is kept ready, and how it stands.

use serde_json::{Value, json};
use turbocat_core::Timestamp;
use uuid::Uuid;

use super::filter::Filter;
use super::page::{Page, PageRequest, sort};
use super::record::{Hidden, Record};
use super::words::{DeploymentStatus, Environment, HealthStatus};
use super::{Platform, table};
use crate::args;
use crate::db::{Arg, IntoArg, Sql};
use crate::error::{StorageError, StorageErrorKind};

record! {
    /// A deployment.
    Deployment is "deployment" in "deployments" {
        /// The id.
        id: Uuid,
        /// What it is called.
        name: String,
        /// What it is for.
        description: Option<String>,
        /// Whose it is.
        user_id: Uuid,
        /// The workflow that is kept ready.
        workflow_id: Option<Uuid>,
        /// The agent that is kept ready.
        agent_id: Option<Uuid>,
        /// Where it is used.
        environment: Environment,
        /// How it stands.
        status: DeploymentStatus,
        /// How it is set up.
        config: Value,
        /// What it finds in its environment; every value is encrypted.
        environment_vars: Value,
        /// Where it is reached.
        endpoint_url: Option<String>,
        /// How its key is checked.
        api_key_hash: Option<Hidden>,
        /// How much memory it may take.
        allocated_memory_mb: i32,
        /// Its share of the processor.
        allocated_cpu_shares: i32,
        /// When it last came up.
        deployed_at: Option<Timestamp>,
        /// When somebody last looked.
        last_health_check_at: Option<Timestamp>,
        /// How well it was then.
        health_status: HealthStatus,
        /// How often it was asked.
        total_requests: u64,
        /// How often it failed.
        total_errors: u64,
        /// How long it took on average.
        avg_response_time_ms: u64,
        /// When it was made.
        created_at: Timestamp,
        /// When it was last changed.
        updated_at: Timestamp,
        /// When it was deleted.
        deleted_at: Option<Timestamp>,
    }
}

/// What is kept ready: exactly one of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeploymentTarget {
    /// A workflow.
    Workflow(Uuid),
    /// An agent.
    Agent(Uuid),
}

impl DeploymentTarget {
    /// From two fields of which exactly one must be set.
    ///
    /// # Errors
    /// [`Invalid`](StorageErrorKind::Invalid) if none or both are.
    pub fn of(workflow: Option<Uuid>, agent: Option<Uuid>) -> Result<Self, StorageError> {
        match (workflow, agent) {
            (Some(id), None) => Ok(Self::Workflow(id)),
            (None, Some(id)) => Ok(Self::Agent(id)),
            _ => Err(StorageError::invalid("a deployment has a workflow or an agent, and not both")),
        }
    }
}

draft! {
    /// A new deployment.
    NewDeployment {
        /// What it is called.
        name: String,
        /// What it is for.
        description: Option<String>,
        /// Whose it is.
        user_id: Uuid,
        /// Where it is used.
        environment: Environment,
        /// How it is set up.
        config: Value,
        /// What it finds in its environment; every value is encrypted.
        environment_vars: Value,
        /// How much memory it may take.
        allocated_memory_mb: i32,
        /// Its share of the processor.
        allocated_cpu_shares: i32,
    }
}

impl NewDeployment {
    /// A deployment for everybody, with 512 MB and 1024 shares.
    pub fn new(user_id: Uuid, name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            description: None,
            user_id,
            environment: Environment::Production,
            config: json!({}),
            environment_vars: json!({}),
            allocated_memory_mb: 512,
            allocated_cpu_shares: 1024,
        }
    }
}

patch! {
    /// What of a deployment changes.
    DeploymentPatch {
        /// What it is called.
        name: String,
        /// What it is for.
        description: Option<String>,
        /// Where it is used.
        environment: Environment,
        /// How it is set up.
        config: Value,
        /// What it finds in its environment; every value is encrypted.
        environment_vars: Value,
        /// Where it is reached.
        endpoint_url: Option<String>,
        /// How its key is checked.
        api_key_hash: Option<Hidden>,
        /// How much memory it may take.
        allocated_memory_mb: i32,
        /// Its share of the processor.
        allocated_cpu_shares: i32,
        /// When somebody last looked.
        last_health_check_at: Option<Timestamp>,
        /// How well it was then.
        health_status: HealthStatus,
    }
}

/// Which deployments.
#[derive(Clone, Debug, Default)]
pub struct DeploymentFilter {
    /// Those of this user.
    pub user_id: Option<Uuid>,
    /// Those used there.
    pub environment: Option<Environment>,
    /// Those that stand so.
    pub status: Option<DeploymentStatus>,
    /// Those that are so well.
    pub health_status: Option<HealthStatus>,
    /// Those of this workflow.
    pub workflow_id: Option<Uuid>,
    /// Those of this agent.
    pub agent_id: Option<Uuid>,
    /// Those with this in their name or description.
    pub search: Option<String>,
}

sort! {
    /// What deployments can be sorted by.
    DeploymentSort {
        /// When they were made.
        #[default] CreatedAt = "created_at" ["createdAt", "created"],
        /// When they were last changed.
        UpdatedAt = "updated_at" ["updatedAt", "updated"],
        /// When they last came up.
        DeployedAt = "deployed_at" (nullable) ["deployedAt"],
        /// What they are called.
        Name = "name" ["name"],
        /// Where they are used.
        Environment = "environment" ["environment"],
        /// How they stand.
        Status = "status" ["status"],
        /// How well they are.
        HealthStatus = "health_status" ["healthStatus"],
    }
}

/// A change of how a deployment stands. Each may only follow on some.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transition {
    /// Stopped or failed: starting, with unknown health.
    Start,
    /// Starting: running, healthy, deployed now.
    Started,
    /// Running, in maintenance or starting: stopping.
    Stop,
    /// Stopping: stopped, with unknown health.
    Stopped,
    /// Starting, running or stopping: failed, unhealthy.
    Fail,
    /// Running: in maintenance.
    Maintain,
}

impl Transition {
    /// How a deployment must stand.
    pub const fn from(self) -> &'static [DeploymentStatus] {
        use DeploymentStatus::{Failed, Maintenance, Running, Starting, Stopped, Stopping};
        match self {
            Self::Start => &[Stopped, Failed],
            Self::Started => &[Starting],
            Self::Stop => &[Running, Maintenance, Starting],
            Self::Stopped => &[Stopping],
            Self::Fail => &[Starting, Running, Stopping],
            Self::Maintain => &[Running],
        }
    }

    /// How it stands then.
    pub const fn to(self) -> DeploymentStatus {
        match self {
            Self::Start => DeploymentStatus::Starting,
            Self::Started => DeploymentStatus::Running,
            Self::Stop => DeploymentStatus::Stopping,
            Self::Stopped => DeploymentStatus::Stopped,
            Self::Fail => DeploymentStatus::Failed,
            Self::Maintain => DeploymentStatus::Maintenance,
        }
    }

    /// How well it is then, if that changes.
    const fn health(self) -> Option<HealthStatus> {
        match self {
            Self::Start | Self::Stopped => Some(HealthStatus::Unknown),
            Self::Started => Some(HealthStatus::Healthy),
            Self::Fail => Some(HealthStatus::Unhealthy),
            Self::Stop | Self::Maintain => None,
        }
    }
}

/// The deployments.
#[derive(Clone, Copy, Debug)]
pub struct Deployments<'a>(pub(super) &'a Platform);

impl Deployments<'_> {
    /// Makes a deployment.
    ///
    /// # Errors
    /// [`Constraint`](StorageErrorKind::Constraint) if there is no such user, workflow or agent.
    pub async fn create(
        &self,
        deployment: NewDeployment,
        target: DeploymentTarget,
    ) -> Result<Deployment, StorageError> {
        self.create_as(Uuid::now_v7(), deployment, target).await
    }

    /// Makes a deployment of that id: what is sealed in its environment is bound to it.
    ///
    /// # Errors
    /// [`Constraint`](StorageErrorKind::Constraint) if there is no such user, workflow or agent.
    pub async fn create_as(
        &self,
        id: Uuid,
        deployment: NewDeployment,
        target: DeploymentTarget,
    ) -> Result<Deployment, StorageError> {
        let mut more = table::born(id, self.0.now());
        more.push(match target {
            DeploymentTarget::Workflow(id) => ("workflow_id", id.into_arg()),
            DeploymentTarget::Agent(id) => ("agent_id", id.into_arg()),
        });
        table::insert(&self.0.database, deployment, more).await
    }

    /// A deployment.
    ///
    /// # Errors
    /// What the database says.
    pub async fn get(&self, id: Uuid) -> Result<Option<Deployment>, StorageError> {
        table::find(&self.0.database, table::by_id(id)).await
    }

    /// A page of deployments.
    ///
    /// # Errors
    /// [`Invalid`](StorageErrorKind::Invalid) for a page that cannot be.
    pub async fn list(
        &self,
        filter: &DeploymentFilter,
        page: PageRequest<DeploymentSort>,
    ) -> Result<Page<Deployment>, StorageError> {
        let conditions = Filter::alive()
            .maybe("user_id = ", filter.user_id, "")
            .maybe("environment = ", filter.environment, "")
            .maybe("status = ", filter.status, "")
            .maybe("health_status = ", filter.health_status, "")
            .maybe("workflow_id = ", filter.workflow_id, "")
            .maybe("agent_id = ", filter.agent_id, "")
            .search(filter.search.as_deref());
        table::page(&self.0.database, conditions, page).await
    }

    /// Changes a deployment; with `expected` only if it was last changed then.
    ///
    /// # Errors
    /// [`Conflict`](StorageErrorKind::Conflict) if not.
    pub async fn update(
        &self,
        id: Uuid,
        patch: DeploymentPatch,
        expected: Option<Timestamp>,
    ) -> Result<Deployment, StorageError> {
        table::update(&self.0.database, id, patch, expected, self.0.now()).await
    }

    /// Changes how a deployment stands, if it stands so that it may: of two who try, one succeeds.
    ///
    /// # Errors
    /// [`Conflict`](StorageErrorKind::Conflict) if it does not,
    /// [`NotFound`](StorageErrorKind::NotFound).
    pub async fn transition(&self, id: Uuid, transition: Transition) -> Result<Deployment, StorageError> {
        let now = self.0.now();
        let started = transition == Transition::Started;
        let from: Vec<String> = transition.from().iter().map(|status| status.word().to_owned()).collect();
        let mut sql = Sql::new(
            "update deployments set status = $2, health_status = coalesce($3, health_status),
                deployed_at = coalesce($4, deployed_at),
                last_health_check_at = coalesce($4, last_health_check_at),
                updated_at = {later:updated_at,$5}
            where id = $1 and status {any_text:$6} and deleted_at is null returning ",
        );
        sql.push(Deployment::COLUMNS);
        let args =
            args![id, transition.to(), transition.health(), Arg::Time(started.then_some(now)), now, from];
        let rows = self.0.database.returning(sql.render(self.0.database.kind())?, args).await?;
        if let Some(row) = rows.first() {
            return Deployment::read(row);
        }
        match self.get(id).await? {
            Some(deployment) => {
                let message = format!(
                    "a deployment that is `{}` cannot become `{}`",
                    deployment.status,
                    transition.to()
                );
                Err(StorageError::new(StorageErrorKind::Conflict, message))
            }
            None => Err(StorageError::not_found(Deployment::NOUN)),
        }
    }

    /// The deployment with that key.
    ///
    /// # Errors
    /// What the database says.
    pub async fn by_key_hash(&self, hash: &str) -> Result<Option<Deployment>, StorageError> {
        table::find(&self.0.database, Filter::alive().by("api_key_hash = ", hash, "")).await
    }

    /// Those that are on their way up or down; 100 at most, those that are so for the longest first.
    ///
    /// # Errors
    /// What the database says.
    pub async fn on_their_way(&self) -> Result<Vec<Deployment>, StorageError> {
        let filter = Filter::alive().with("status in ('starting', 'stopping')");
        table::all(&self.0.database, filter, " order by updated_at, id limit 100").await
    }

    /// Deletes a deployment, to be restored until it is gone for good. It is stopped from then on,
    /// whatever was going on: no transition finds it any more.
    ///
    /// # Errors
    /// [`NotFound`](StorageErrorKind::NotFound).
    pub async fn delete(&self, id: Uuid) -> Result<(), StorageError> {
        let sql = Sql::new(
            "update deployments set deleted_at = $2, updated_at = {later:updated_at,$2},
                status = 'stopped', health_status = 'unknown'
            where id = $1 and deleted_at is null",
        );
        let sql = sql.render(self.0.database.kind())?;
        table::done::<Deployment>(self.0.database.execute(sql, args![id, self.0.now()]).await?)
    }

    /// Brings a deleted deployment back, stopped.
    ///
    /// # Errors
    /// [`NotFound`](StorageErrorKind::NotFound) if none is deleted.
    pub async fn restore(&self, id: Uuid) -> Result<Deployment, StorageError> {
        table::restore(&self.0.database, id, self.0.now()).await
    }
}
