//! Samples: two users, five agents, two workflows and six templates, with ids that stay the same.
//! What they are stands in `seeds/`.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use uuid::Uuid;

use super::agents::{Agent, NewAgent};
use super::record::{Columns, Hidden, Record};
use super::steps::{NewStep, WorkflowStep};
use super::templates::{NewTemplate, Template};
use super::users::{NewUser, User};
use super::words::{AgentStatus, AgentType, ErrorHandling, StepType, TemplateType, UserRole, WorkflowStatus};
use super::workflows::{NewWorkflow, Workflow};
use super::{Platform, table};
use crate::args;
use crate::db::{Arg, Transaction};
use crate::error::{StorageError, StorageErrorKind};

/// The administrator among the samples, who owns them.
const ADMIN: Uuid = Uuid::from_u128(0x0000_0000_0000_4000_8000_0000_0000_0001);

/// How many rows were made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Seeded {
    /// Users.
    pub users: u64,
    /// Agents.
    pub agents: u64,
    /// Workflows.
    pub workflows: u64,
    /// Templates.
    pub templates: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct UserSeed {
    id: Uuid,
    email: String,
    full_name: String,
    role: String,
    preferences: Value,
}

#[derive(Deserialize)]
struct AgentSeed {
    id: Uuid,
    name: String,
    #[serde(rename = "type")]
    kind: String,
    description: String,
    config: Value,
    parameters: Value,
    capabilities: Value,
    tags: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WorkflowSeed {
    id: Uuid,
    name: String,
    description: String,
    definition: Value,
    trigger_config: Value,
    schedule_cron: Option<String>,
    tags: Vec<String>,
    steps: Vec<StepSeed>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct StepSeed {
    id: Uuid,
    step_key: String,
    step_name: String,
    step_type: String,
    position: i32,
    agent_id: Option<Uuid>,
    depends_on: Vec<String>,
    config: Value,
    inputs: Value,
    outputs: Value,
    retry_count: i32,
    retry_delay_ms: i32,
    timeout_ms: i32,
    on_error: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TemplateSeed {
    id: Uuid,
    name: String,
    description: String,
    category: String,
    #[serde(rename = "type")]
    kind: String,
    tags: Vec<String>,
    template_data: Value,
}

impl Platform {
    /// Makes the samples that are not there, all or none. What is there stays as it is, whatever was
    /// made of it, deleted ones too.
    ///
    /// The administrator gets the password whose hash is given, unless there is one already; without a
    /// hash nobody can sign in with a password.
    ///
    /// # Errors
    /// [`Conflict`](StorageErrorKind::Conflict) if somebody else has an address of the samples.
    pub async fn seed(&self, admin_password: Option<Hidden>) -> Result<Seeded, StorageError> {
        let mut seeded = Seeded::default();
        let mut transaction = self.database().begin().await?;
        for seed in read::<UserSeed>(include_str!("../../seeds/users.json"))? {
            let (id, user) = user(seed)?;
            seeded.users += self.plant::<User>(&mut transaction, id, user, vec![]).await?;
        }
        if let Some(hash) = admin_password {
            let sql = "update users set password_hash = $2 where id = $1 and password_hash is null";
            transaction.execute(sql, args![ADMIN, hash]).await?;
        }
        for seed in read::<AgentSeed>(include_str!("../../seeds/agents.json"))? {
            let (id, agent) = agent(seed)?;
            seeded.agents += self.plant::<Agent>(&mut transaction, id, agent, vec![]).await?;
        }
        for mut seed in read::<WorkflowSeed>(include_str!("../../seeds/workflows.json"))? {
            let steps = std::mem::take(&mut seed.steps);
            let (id, workflow) = workflow(seed);
            let made = self.plant::<Workflow>(&mut transaction, id, workflow, vec![]).await?;
            seeded.workflows += made;
            // The steps of a workflow that was there are its owner's.
            for seed in steps.into_iter().filter(|_| made == 1) {
                let (step_id, step) = step(seed)?;
                let more = vec![("workflow_id", Arg::Uuid(Some(id)))];
                self.plant::<WorkflowStep>(&mut transaction, step_id, step, more).await?;
            }
        }
        for seed in read::<TemplateSeed>(include_str!("../../seeds/templates.json"))? {
            let (id, template) = template(seed)?;
            seeded.templates += self.plant::<Template>(&mut transaction, id, template, vec![]).await?;
        }
        transaction.commit().await?;
        Ok(seeded)
    }

    /// A new row, unless there is one of that id. The answer is one or zero.
    async fn plant<R: Record>(
        &self,
        transaction: &mut Transaction,
        id: Uuid,
        draft: impl Columns,
        mut more: Vec<(&'static str, Arg)>,
    ) -> Result<u64, StorageError> {
        more.append(&mut table::born(id, self.now()));
        let (sql, args) = table::planting::<R>(draft, more);
        transaction.execute(sql, args).await
    }
}

fn user(seed: UserSeed) -> Result<(Uuid, NewUser), StorageError> {
    let mut user = NewUser::new(seed.email);
    user.full_name = Some(seed.full_name);
    user.role = word(UserRole::of_word(&seed.role), &seed.role)?;
    user.email_verified = true;
    user.preferences = seed.preferences;
    Ok((seed.id, user))
}

fn agent(seed: AgentSeed) -> Result<(Uuid, NewAgent), StorageError> {
    let mut agent = NewAgent::new(ADMIN, seed.name, word(AgentType::of_word(&seed.kind), &seed.kind)?);
    agent.description = Some(seed.description);
    agent.status = AgentStatus::Active;
    agent.config = seed.config;
    agent.parameters = seed.parameters;
    agent.capabilities = seed.capabilities;
    agent.tags = seed.tags;
    agent.is_public = true;
    agent.is_template = true;
    Ok((seed.id, agent))
}

fn workflow(seed: WorkflowSeed) -> (Uuid, NewWorkflow) {
    let mut workflow = NewWorkflow::new(ADMIN, seed.name);
    workflow.description = Some(seed.description);
    workflow.status = WorkflowStatus::Active;
    workflow.definition = seed.definition;
    workflow.trigger_config = seed.trigger_config;
    workflow.schedule_cron = seed.schedule_cron;
    workflow.tags = seed.tags;
    workflow.is_public = true;
    (seed.id, workflow)
}

fn step(seed: StepSeed) -> Result<(Uuid, super::steps::Given), StorageError> {
    let kind = word(StepType::of_word(&seed.step_type), &seed.step_type)?;
    let mut step = NewStep::new(seed.step_key, kind, seed.position);
    step.step_name = seed.step_name;
    step.agent_id = seed.agent_id;
    step.depends_on = seed.depends_on;
    step.config = seed.config;
    step.inputs = seed.inputs;
    step.outputs = seed.outputs;
    step.retry_count = seed.retry_count;
    step.retry_delay_ms = seed.retry_delay_ms;
    step.timeout_ms = seed.timeout_ms;
    step.on_error = word(ErrorHandling::of_word(&seed.on_error), &seed.on_error)?;
    Ok((seed.id, super::steps::without_id(step)))
}

fn template(seed: TemplateSeed) -> Result<(Uuid, NewTemplate), StorageError> {
    let kind = word(TemplateType::of_word(&seed.kind), &seed.kind)?;
    let template = NewTemplate {
        name: seed.name,
        description: Some(seed.description),
        category: seed.category,
        kind,
        user_id: Some(ADMIN),
        template_data: seed.template_data,
        tags: seed.tags,
        is_official: true,
        is_public: true,
    };
    Ok((seed.id, template))
}

fn read<T: DeserializeOwned>(text: &str) -> Result<Vec<T>, StorageError> {
    serde_json::from_str(text).map_err(|error| {
        StorageError::new(StorageErrorKind::Internal, "the samples cannot be read").because(error)
    })
}

fn word<T>(found: Option<T>, word: &str) -> Result<T, StorageError> {
    found.ok_or_else(|| {
        StorageError::new(StorageErrorKind::Internal, format!("the samples have an unknown word, `{word}`"))
    })
}
