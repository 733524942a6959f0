//! `/executions/{id}/events`: an execution as it goes on.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use axum::response::sse::Event;
use serde_json::{Value, json};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use turbocat_core::{ExecutionId, Report, Said, Timestamp};
use turbocat_storage::platform::ExecutionState;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Source, event, last_seen, look, stream};
use crate::api::Api;
use crate::auth::Caller;
use crate::auth::permission::ExecutionsRead;
use crate::error::Result;
use crate::executions::{Stranger, find};
use crate::wire::Id;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(watch))
}

/// The events of an execution from the first on, or after the one that `Last-Event-ID` names, then live
/// to its end, which is the event `end`. What its attempts say comes in between, without an id: only who
/// watches hears it.
#[utoipa::path(get, path = "/executions/{id}/events", tag = "executions",
    params(("id" = Uuid, Path), ("Last-Event-ID" = Option<u64>, Header)), responses(
    (status = 200, description = "Server-sent events", content_type = "text/event-stream", body = String),
))]
async fn watch(
    State(api): State<Api>,
    caller: Caller<ExecutionsRead>,
    Id(id): Id,
    headers: HeaderMap,
) -> Result<Response> {
    let id = find(&api, &caller, id, Stranger::Hidden).await?.id;
    let seq = last_seen(&headers)?.unwrap_or_default();
    let (turns, reports, look) = (api.store().turns(), api.reports().listen(), look(&api));
    Ok(stream(&api, Watched { api: api.clone(), id, seq, turns, reports, look }))
}

struct Watched {
    api: Api,
    id: ExecutionId,
    /// The last event that was sent.
    seq: u64,
    turns: Receiver<ExecutionId>,
    reports: Receiver<Arc<Report>>,
    look: Duration,
}

impl Source for Watched {
    async fn read(&mut self, events: &mut VecDeque<Event>) -> Result<bool> {
        // How it stands first: what it does before it ends is then among the events.
        let row = self.api.platform().executions().get(self.id).await?;
        let goes_on =
            row.is_some_and(|row| matches!(row.status, ExecutionState::Pending | ExecutionState::Running));
        for mut one in self.api.store().events(self.id, self.seq).await? {
            self.seq = one["seq"].as_u64().unwrap_or(self.seq + 1);
            let name = one["type"].as_str().unwrap_or("event").to_owned();
            if let Some(at) = one["at"].as_i64() {
                one["at"] = Value::from(Timestamp::from_millis(at).to_string());
            }
            events.push_back(event(&name, &one).id(self.seq.to_string()));
        }
        if !goes_on {
            events.push_back(event("end", &json!({ "lastSeq": self.seq })));
        }
        Ok(goes_on)
    }

    async fn wait(&mut self, events: &mut VecDeque<Event>) {
        let look = tokio::time::sleep(self.look);
        tokio::pin!(look);
        loop {
            tokio::select! {
                biased;
                turn = self.turns.recv() => match turn {
                    Ok(id) if id != self.id => {}
                    // One of its own, or one that was missed.
                    Ok(_) | Err(RecvError::Lagged(_)) => return,
                    Err(RecvError::Closed) => return look.await,
                },
                report = self.reports.recv() => match report {
                    Ok(report) if report.execution == self.id => {
                        events.push_back(said(&report));
                        return;
                    }
                    Ok(_) => {}
                    Err(RecvError::Lagged(count)) => {
                        events.push_back(event("missed", &json!({ "count": count })));
                        return;
                    }
                    Err(RecvError::Closed) => return look.await,
                },
                () = &mut look => return,
            }
        }
    }
}

fn said(report: &Report) -> Event {
    let mut data = json!({ "step": report.step, "attempt": report.attempt, "at": report.at.to_string() });
    let name = match &report.said {
        Said::Log { level, message, data: more } => {
            data["level"] = json!(level.word());
            data["message"] = json!(message);
            data["data"] = json!(more);
            "log"
        }
        Said::Progress { value } => {
            data["value"] = value.clone();
            "progress"
        }
        Said::Missed { count } => {
            data["count"] = json!(count);
            "missed"
        }
        _ => "report",
    };
    event(name, &data)
}
