//! The samples: made once, left alone after that, and runnable.

use serde_json::{Value, json};
use turbocat_core::{AgentDescription, Catalog, Workflow, compile};
use turbocat_storage::StorageErrorKind;
use turbocat_storage::platform::{
    AgentFilter, AgentPatch, Hidden, NewUser, PageRequest, Platform, TemplateFilter, TemplateType,
    WorkflowFilter,
};
use turbocat_storage::testing::on_each_database;
use uuid::Uuid;

fn id(number: u128) -> Uuid {
    Uuid::from_u128(0x0000_0000_0000_4000_8000_0000_0000_0000 + number)
}

#[tokio::test]
async fn samples_are_made_once_and_left_alone() {
    on_each_database(|database| async move {
        let platform = Platform::new(database);
        let first = platform.seed(None).await.unwrap();
        assert_eq!((first.users, first.agents, first.workflows, first.templates), (2, 5, 2, 6));
        let scraper = platform.agents().get(id(0x1001)).await.unwrap().unwrap();
        assert_eq!((scraper.name.as_str(), scraper.is_template), ("Web Scraper", true));
        let patch = AgentPatch { name: Some("mine".to_owned()), ..AgentPatch::default() };
        platform.agents().update(scraper.id, patch, None).await.unwrap();
        platform.workflows().delete(id(0x2001)).await.unwrap();

        let second = platform.seed(Some(Hidden::new("$argon2id$1"))).await.unwrap();
        assert_eq!((second.users, second.agents, second.workflows, second.templates), (0, 0, 0, 0));
        assert_eq!(platform.agents().get(scraper.id).await.unwrap().unwrap().name, "mine");
        assert_eq!(platform.workflows().get(id(0x2001)).await.unwrap(), None);
        platform.seed(Some(Hidden::new("$argon2id$2"))).await.unwrap();
        let admin = platform.users().get(id(1)).await.unwrap().unwrap();
        assert_eq!(admin.password_hash.unwrap().reveal(), "$argon2id$1", "the first one stays");
        assert_eq!(platform.users().get(id(2)).await.unwrap().unwrap().password_hash, None);
    })
    .await;
}

#[tokio::test]
async fn an_address_that_somebody_has_is_a_conflict_and_nothing_is_made() {
    on_each_database(|database| async move {
        let platform = Platform::new(database);
        platform.users().create(NewUser::new("demo@turbocat.dev")).await.unwrap();
        assert_eq!(platform.seed(None).await.unwrap_err().kind(), StorageErrorKind::Conflict);
        assert_eq!(platform.users().get(id(1)).await.unwrap(), None);
    })
    .await;
}

/// The agents of the samples, by their ids, with what they must be given.
struct Samples(Vec<(String, AgentDescription)>);

impl Catalog for Samples {
    fn agent(&self, name: &str) -> Option<&AgentDescription> {
        self.0.iter().find(|(id, _)| id == name).map(|(_, description)| description)
    }

    fn agent_names(&self) -> Vec<&str> {
        self.0.iter().map(|(id, _)| id.as_str()).collect()
    }

    fn workflow(&self, _: &str) -> Option<Option<&Value>> {
        None
    }

    fn workflow_names(&self) -> Vec<&str> {
        Vec::new()
    }
}

/// A JSON Schema of the parameters of an agent.
fn schema(parameters: &Value) -> Value {
    let all = parameters.as_object().unwrap();
    let required: Vec<&String> =
        all.iter().filter(|(_, of)| of["required"] == json!(true)).map(|(name, _)| name).collect();
    let types: serde_json::Map<String, Value> = all
        .iter()
        .map(|(name, of)| (name.clone(), of.get("type").map_or(json!({}), |kind| json!({ "type": kind }))))
        .collect();
    json!({ "type": "object", "properties": types, "required": required, "additionalProperties": false })
}

async fn samples(platform: &Platform) -> Samples {
    let agents = platform.agents().list(&AgentFilter::default(), PageRequest::default()).await.unwrap();
    let describe = |agent: &turbocat_storage::platform::Agent| {
        let mut description = AgentDescription::default();
        description.input = Some(schema(&agent.parameters));
        (agent.id.to_string(), description)
    };
    Samples(agents.items.iter().map(describe).collect())
}

fn compiles(definition: &Value, catalog: &Samples) {
    let workflow = Workflow::from_value(definition).unwrap_or_else(|wrong| panic!("{wrong}\n{definition:#}"));
    if let Err(wrong) = compile(&workflow, catalog) {
        panic!("{wrong}\n{definition:#}");
    }
}

#[tokio::test]
async fn sample_workflows_load_and_compile() {
    on_each_database(|database| async move {
        let platform = Platform::new(database);
        platform.seed(None).await.unwrap();
        let catalog = samples(&platform).await;
        let page =
            platform.workflows().list(&WorkflowFilter::default(), PageRequest::default()).await.unwrap();
        for workflow in &page.items {
            let steps = platform.workflows().steps(workflow.id).await.unwrap();
            assert!(steps.len() >= 3);
            compiles(&workflow.compose(&steps), &catalog);
        }
        let filter = TemplateFilter { kind: Some(TemplateType::Workflow), ..TemplateFilter::default() };
        let page = platform.templates().list(&filter, PageRequest::default()).await.unwrap();
        for template in &page.items {
            let mut definition = template.template_data["definition"].clone();
            definition["steps"] = template.template_data["steps"].clone();
            compiles(&definition, &catalog);
        }
        assert_eq!(page.total, 1);
    })
    .await;
}

#[tokio::test]
async fn the_configurations_of_sample_agents_are_valid_templates() {
    on_each_database(|database| async move {
        let platform = Platform::new(database);
        platform.seed(None).await.unwrap();
        let agents = platform.agents().list(&AgentFilter::default(), PageRequest::default()).await.unwrap();
        for agent in &agents.items {
            let mut config = agent.config.clone();
            // Code is no template.
            config.as_object_mut().unwrap().remove("code");
            let step = json!({ "agent": agent.id.to_string(), "config": config });
            let known = Samples(vec![(agent.id.to_string(), AgentDescription::default())]);
            compiles(&json!({ "steps": { "one": step } }), &known);
            let has = |key: &str| agent.config.get(key).is_some();
            assert!(has("code") || has("url") || has("operation") || has("promptTemplate"), "{}", agent.name);
        }
    })
    .await;
}

#[tokio::test]
async fn without_rows_of_steps_the_column_is_the_definition() {
    on_each_database(|database| async move {
        let platform = Platform::new(database);
        platform.seed(None).await.unwrap();
        let mut workflow = platform.workflows().get(id(0x2001)).await.unwrap().unwrap();
        let steps = platform.workflows().steps(workflow.id).await.unwrap();
        workflow.definition = json!({ "nodes": [{ "id": "a", "type": "agent" }], "edges": [] });
        compiles(&workflow.compose(&[]), &Samples(vec![]));
        let composed = workflow.compose(&steps);
        assert_eq!((composed.get("nodes"), composed["steps"].as_array().unwrap().len()), (None, 3));
    })
    .await;
}
