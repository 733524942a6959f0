//! Makes an agent or a workflow of a template.

use serde_json::{Map, Value};
use turbocat_storage::platform::{Agent, AgentStatus, NewAgent, NewWorkflow, Template, TemplateType};
use uuid::Uuid;

use super::shape::{self, AgentShape, Doer, broken};
use super::view::{Instantiated, Made, MadeWorkflow};
use crate::agents::{self, room_for_another};
use crate::api::Api;
use crate::error::{Error, Result};
use crate::sealed;
use crate::wire::Etag;

/// What is asked for besides.
pub(super) struct Wish {
    pub(super) owner: Uuid,
    pub(super) name: Option<String>,
    pub(super) description: Option<String>,
    pub(super) tags: Option<Vec<String>>,
    pub(super) is_public: bool,
    /// What is laid over the configuration of an agent, the definition of a workflow.
    pub(super) over: Map<String, Value>,
}

/// Makes it.
pub(super) async fn make(api: &Api, template: &Template, wish: Wish) -> Result<Made> {
    match template.kind {
        TemplateType::Agent => agent(api, template, wish).await,
        TemplateType::Workflow => workflow(api, template, wish).await,
        TemplateType::Step => {
            Err(Error::bad_request("a template of a step is part of a workflow and cannot be made alone"))
        }
    }
}

async fn agent(api: &Api, template: &Template, wish: Wish) -> Result<Made> {
    let mut shape = shape::agent(&template.template_data)?;
    shape::lay_over(&mut shape.config, wish.over);
    let mut new = new_agent(wish.owner, wish.name.as_deref().unwrap_or(&template.name), shape);
    new.description = wish.description.or_else(|| template.description.clone());
    new.tags = wish.tags.unwrap_or_else(|| template.tags.clone());
    new.is_public = wish.is_public;
    room_for_another(api, wish.owner).await?;
    let agent = create(api, new).await?;
    let (id, etag) = (agent.id, Etag(agent.updated_at));
    Ok(Made { id, etag, view: Instantiated::Agent(Box::new(agents::shown(api, agent))) })
}

/// Makes an agent; the secrets in its configuration are sealed.
async fn create(api: &Api, mut new: NewAgent) -> Result<Agent> {
    let id = Uuid::now_v7();
    sealed::seal(api.keyring(), id, &mut new.config, None)?;
    Ok(api.platform().agents().create_as(id, new).await?)
}

/// An agent that can be used at once: what comes of a template is whole.
fn new_agent(owner: Uuid, name: &str, shape: AgentShape) -> NewAgent {
    let mut new = NewAgent::new(owner, name, shape.kind);
    new.status = AgentStatus::Active;
    new.config = Value::Object(shape.config);
    new.parameters = shape.parameters;
    new.capabilities = shape.capabilities;
    new.system_prompt = shape.system_prompt;
    new.tools = shape.tools;
    new
}

async fn workflow(api: &Api, template: &Template, wish: Wish) -> Result<Made> {
    let data = &template.template_data;
    let mut shapes = shape::steps(data)?;
    let name = wish.name.unwrap_or_else(|| template.name.clone());
    // Before anything is made: of a template whose agents are gone nothing is left half made.
    for shape in &shapes {
        if let Doer::There(id) = shape.doer {
            let agent = api.platform().agents().get(id).await?;
            let usable = agent.is_some_and(|agent| agent.user_id == wish.owner || agent.is_public);
            if !usable {
                let message = format!("the agent of step `{}` is no longer there", shape.step.step_key);
                return Err(broken(message));
            }
        }
    }
    let mut made = Vec::new();
    let steps = async {
        for shape in &mut shapes {
            shape.step.agent_id = match &shape.doer {
                Doer::Nobody => None,
                Doer::There(id) => Some(*id),
                Doer::New(agent) => {
                    room_for_another(api, wish.owner).await?;
                    let called = agent.name.clone().unwrap_or_else(|| {
                        format!("{name}: {}", shape.step.step_name).chars().take(255).collect()
                    });
                    let agent = new_agent(wish.owner, &called, agent.as_ref().clone());
                    let agent = create(api, agent).await?;
                    made.push(agent.id);
                    Some(agent.id)
                }
            };
        }
        let mut definition = shape::definition(data);
        shape::lay_over(&mut definition, wish.over);
        let mut new = NewWorkflow::new(wish.owner, name.clone());
        new.description = wish.description.or_else(|| template.description.clone());
        new.definition = Value::Object(definition);
        if data["triggerConfig"].is_object() {
            new.trigger_config = data["triggerConfig"].clone();
        }
        new.tags = wish.tags.unwrap_or_else(|| template.tags.clone());
        new.is_public = wish.is_public;
        let steps = shapes.drain(..).map(|shape| shape.step).collect();
        Ok::<_, Error>(api.platform().workflows().create(new, steps).await?)
    };
    let created = steps.await;
    let (workflow, steps) = match created {
        Ok(created) => created,
        Err(error) => {
            for id in made {
                // Agents that no workflow needs.
                if let Err(error) = api.platform().agents().delete(id).await {
                    tracing::warn!(%error, %id, "an agent of a workflow that was not made is left");
                }
            }
            return Err(error);
        }
    };
    let (id, etag) = (workflow.id, Etag(workflow.updated_at));
    Ok(Made { id, etag, view: Instantiated::Workflow(Box::new(MadeWorkflow::of(workflow, steps))) })
}
