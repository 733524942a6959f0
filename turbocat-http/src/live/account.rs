//! `/events`: what happens to all that is the caller's.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use axum::response::sse::Event;
use serde_json::json;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use turbocat_storage::platform::Happening;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::{Source, event, last_seen, look, stream};
use crate::api::Api;
use crate::auth::Caller;
use crate::auth::permission::EventsRead;
use crate::error::Result;

/// How many are read at once.
const SOME: u32 = 200;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(watch))
}

/// What happens to the caller's agents, workflows, executions and all else that is theirs, from now on,
/// or after the event that `Last-Event-ID` names.
#[utoipa::path(get, path = "/events", tag = "events", params(("Last-Event-ID" = Option<u64>, Header)),
    responses(
    (status = 200, description = "Server-sent events", content_type = "text/event-stream", body = String),
))]
async fn watch(State(api): State<Api>, caller: Caller<EventsRead>, headers: HeaderMap) -> Result<Response> {
    // Listens before it looks, so that nothing falls in between.
    let (told, look) = (api.events().listen(), look(&api));
    let seq = match last_seen(&headers)? {
        Some(seq) => i64::try_from(seq).unwrap_or(i64::MAX),
        None => api.platform().feed().last().await?,
    };
    Ok(stream(&api, Account { api: api.clone(), user: caller.id(), seq, told, look }))
}

struct Account {
    api: Api,
    user: Uuid,
    /// The last event that was sent.
    seq: i64,
    told: Receiver<Arc<Happening>>,
    look: Duration,
}

impl Source for Account {
    async fn read(&mut self, events: &mut VecDeque<Event>) -> Result<bool> {
        for one in self.api.platform().feed().after(self.seq, Some(self.user), SOME).await? {
            self.seq = one.seq;
            let data = json!({
                "id": one.id, "name": one.name, "resourceType": one.resource_type,
                "resourceId": one.resource_id, "data": one.data, "at": one.at.to_string(),
            });
            events.push_back(event(&one.name, &data).id(one.seq.to_string()));
        }
        Ok(true)
    }

    async fn wait(&mut self, _: &mut VecDeque<Event>) {
        let look = tokio::time::sleep(self.look);
        tokio::pin!(look);
        loop {
            tokio::select! {
                biased;
                told = self.told.recv() => match told {
                    Ok(one) if one.user_id != Some(self.user) => {}
                    Ok(_) | Err(RecvError::Lagged(_)) => return,
                    Err(RecvError::Closed) => return look.await,
                },
                () = &mut look => return,
            }
        }
    }
}
