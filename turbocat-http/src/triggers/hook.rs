//! `/hooks/{id}`: requests from outside that start a workflow. Who sends them knows the secret of the
//! trigger, and is known by nothing else.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, header};
use hmac::{Hmac, KeyInit, Mac};
use serde::Serialize;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use turbocat_core::{Enqueue, ErrorKind, ExecutionId, TriggerKind};
use turbocat_storage::platform::{self, Trigger};
use turbocat_storage::vault::Place;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::api::Api;
use crate::error::{Error, Result};
use crate::events::Note;
use crate::secure::{hex, same};
use crate::wire::{Envelope, Id, Reply, body};
use crate::workflows::{compile, of_engine};

/// Headers in which senders name a delivery, so that it is known when it comes again.
const NAMES: [&str; 4] = ["idempotency-key", "webhook-id", "x-delivery-id", "x-github-delivery"];
/// The most signs of such a name.
const NAME: usize = 255;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(call))
}

/// Where the secret of a trigger stands.
pub(super) const fn place(trigger: Uuid) -> Place {
    Place::new("triggers", "secret_hash", trigger)
}

/// What was started.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Called {
    execution_id: Uuid,
    /// Whether the same delivery had started it before.
    duplicate: bool,
}

/// Starts a workflow. The secret of the trigger signs the body, `X-Turbocat-Signature: sha256=…`
/// (HMAC-SHA256 in hexadecimal), or is sent itself, `Authorization: Bearer …`. What is sent is given to
/// the workflow. A delivery that is named, by `Idempotency-Key` or one of the usual headers, starts it
/// once however often it comes.
#[utoipa::path(post, path = "/hooks/{id}", tag = "triggers", security(()), params(("id" = Uuid, Path)),
    request_body = Value, responses(
    (status = 202, description = "It was started", body = Envelope<Called>),
))]
async fn call(State(api): State<Api>, Id(id): Id, request: Request) -> Result<Reply<Called>> {
    let headers = request.headers().clone();
    let bytes = body::bytes(request, api.settings().body_limit, api.settings().body_timeout).await?;
    let trigger = api.platform().triggers().get(id).await?;
    let waits = |trigger: &Trigger| trigger.enabled && trigger.kind == platform::TriggerKind::Webhook;
    let trigger = trigger.filter(waits).ok_or_else(|| Error::not_found("hook"))?;
    check(&api, &trigger, &headers, &bytes)?;
    let workflow = trigger.workflow_id.ok_or_else(|| Error::not_found("hook"))?;
    let workflow = api.platform().workflows().get(workflow).await?;
    let workflow = workflow.ok_or_else(|| Error::not_found("hook"))?;
    let sent = read(&headers, &bytes)?;
    let plan = compile::plan(&api, &workflow).await?;
    let mut how = Enqueue::new()
        .belongs_to(Some(workflow.id), Some(workflow.user_id))
        .priority(trigger.priority)
        .trigger(TriggerKind::Webhook, json!({ "triggerId": id, "triggerName": trigger.name, "body": sent }));
    let named = delivery(id, &headers);
    if let Some(named) = named {
        how = how.id(named);
    }
    let inputs = Value::Object(inputs(trigger.inputs, sent));
    let (execution, duplicate) = match (api.engine().enqueue(plan, inputs, how).await, named) {
        (Ok(execution), _) => (execution, false),
        (Err(error), Some(named)) if error.kind() == ErrorKind::Conflict => (named, true),
        (Err(error), _) => return Err(of_engine(error)),
    };
    if !duplicate {
        let note = Note::action("workflow_executed", "workflow", Some(workflow.id), None);
        api.events().note(note).await;
    }
    Ok(Reply::accepted(Called { execution_id: *execution.as_uuid(), duplicate }))
}

/// Whether whoever sent this knows the secret.
fn check(api: &Api, trigger: &Trigger, headers: &HeaderMap, body: &[u8]) -> Result<()> {
    let refused = || Error::unauthorized("the signature or the secret is not right");
    let sealed = trigger.secret_hash.as_ref().ok_or_else(refused)?;
    let secret = api.keyring().open(&place(trigger.id), sealed.reveal()).map_err(Error::internal)?;
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(signature) = text("x-turbocat-signature") {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).map_err(Error::internal)?;
        mac.update(body);
        let expected = format!("sha256={}", hex(&mac.finalize().into_bytes()));
        return if same(&expected, &signature.trim().to_ascii_lowercase()) { Ok(()) } else { Err(refused()) };
    }
    let sent = text(header::AUTHORIZATION.as_str()).and_then(|text| text.split_once(' '));
    match sent {
        Some((scheme, sent)) if scheme.eq_ignore_ascii_case("bearer") && same(sent.trim(), &secret) => Ok(()),
        _ => Err(refused()),
    }
}

/// What was sent: JSON, or a form.
fn read(headers: &HeaderMap, bytes: &[u8]) -> Result<Value> {
    if bytes.is_empty() {
        return Ok(Value::Object(Map::new()));
    }
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if kind.to_ascii_lowercase().starts_with("application/x-www-form-urlencoded") {
        return Ok(crate::wire::query::pairs(&String::from_utf8_lossy(bytes)));
    }
    serde_json::from_slice(bytes).map_err(|_| Error::bad_request("the body is no JSON"))
}

/// What the workflow is given: what the trigger gives, and what was sent laid over it.
fn inputs(given: Value, sent: Value) -> Map<String, Value> {
    let Value::Object(mut inputs) = given else { return Map::new() };
    match sent {
        Value::Object(sent) => inputs.extend(sent),
        other => drop(inputs.insert("body".to_owned(), other)),
    }
    inputs
}

/// The execution that a named delivery of a trigger starts: there is one.
fn delivery(trigger: Uuid, headers: &HeaderMap) -> Option<ExecutionId> {
    let name = NAMES.iter().find_map(|name| headers.get(*name))?.as_bytes();
    if name.is_empty() || name.len() > NAME {
        return None;
    }
    let digest = Sha256::new().chain_update(trigger.as_bytes()).chain_update(name).finalize();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    Some(ExecutionId::from_uuid(uuid::Builder::from_custom_bytes(bytes).into_uuid()))
}
