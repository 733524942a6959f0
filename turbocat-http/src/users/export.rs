//! Everything that is kept of somebody, as one JSON text that is written while it is sent: nobody
//! has so much that it would not go.

use std::io;

use axum::body::Body;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream::unfold;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use turbocat_storage::platform::{
    AgentFilter, AuditFilter, DeploymentFilter, Direction, ExecutionFilter, LogFilter, MAX_PAGE_SIZE,
    PageRequest, TemplateFilter, User, Visibility, WorkflowFilter,
};

use super::rows;
use crate::agents::AgentView;
use crate::api::Api;
use crate::auth::Caller;
use crate::auth::permission::ProfileRead;
use crate::auth::session::UserView;
use crate::error::{Error, Result};
use crate::events::Note;
use crate::wire::reply::Meta;

/// Everything that is kept of oneself: profile, sessions, keys, agents, workflows, templates,
/// deployments, executions with what was said, teams, and what one did. Secrets are left out.
#[utoipa::path(get, path = "/users/me/export", tag = "users", responses(
    (status = 200, description = "All of it", content_type = "application/json", body = serde_json::Value),
))]
pub(super) async fn export(State(api): State<Api>, caller: Caller<ProfileRead>) -> Response {
    let id = caller.id();
    api.events().note(Note::action("user_exported", "user", Some(id), Some(id))).await;
    let (sender, receiver) = mpsc::channel(4);
    let (user, meta) = (caller.user.clone(), json!(Meta::now()));
    tokio::spawn(async move {
        let mut out = Out { sender, text: String::new(), first: true };
        if let Err(error) = write(&api, user, meta, &mut out).await {
            tracing::error!(?error, "an export was broken off");
            // The connection ends before the text does, so that nobody takes it for whole. Whoever
            // asked may have gone.
            let _ = out.sender.send(Err(io::Error::other("broken off"))).await;
        }
    });
    let chunks = unfold(receiver, async |mut receiver| receiver.recv().await.map(|chunk| (chunk, receiver)));
    let headers = [
        (header::CONTENT_TYPE, "application/json"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"turbocat-export.json\""),
    ];
    (headers, Body::from_stream(chunks)).into_response()
}

/// A text that is sent a part at a time.
struct Out {
    sender: mpsc::Sender<io::Result<Bytes>>,
    text: String,
    first: bool,
}

/// How long a part is, about.
const PART: usize = 32 * 1024;

impl Out {
    fn open(&mut self, name: &str) {
        self.text.push_str(&format!(",\"{name}\":["));
        self.first = true;
    }

    async fn item(&mut self, item: &Value) -> Result<()> {
        if !std::mem::replace(&mut self.first, false) {
            self.text.push(',');
        }
        self.text.push_str(&item.to_string());
        if self.text.len() >= PART { self.send().await } else { Ok(()) }
    }

    fn close(&mut self) {
        self.text.push(']');
    }

    async fn send(&mut self) -> Result<()> {
        let part = Bytes::from(std::mem::take(&mut self.text));
        self.sender.send(Ok(part)).await.map_err(|_| Error::bad_request("who asked has gone"))
    }
}

/// A list of a table, a page at a time, from the first that was made.
macro_rules! chapter {
    ($out:ident, $name:literal, $page:ident => $fetch:expr, $show:expr) => {{
        $out.open($name);
        pages!($page => $fetch, |item| $out.item(&$show(item)).await?);
        $out.close();
    }};
}

macro_rules! pages {
    ($page:ident => $fetch:expr, |$item:ident| $act:expr) => {{
        let mut number = 1;
        loop {
            let $page = PageRequest {
                page: number,
                page_size: MAX_PAGE_SIZE,
                direction: Direction::Ascending,
                ..PageRequest::default()
            };
            let found = $fetch.await?;
            let more = found.has_next();
            for $item in found.items {
                $act;
            }
            if !more {
                break;
            }
            number += 1;
        }
    }};
}

async fn write(api: &Api, user: User, meta: Value, out: &mut Out) -> Result<()> {
    let (tables, id) = (api.platform(), user.id);
    let tutorial = json!({ "isComplete": user.tutorial_completed, "progress": user.tutorial_progress });
    let elsewhere = json!({
        "provider": user.oauth_provider, "id": user.oauth_id, "googleId": user.google_id,
    });
    out.text = format!(
        "{{\"success\":true,\"data\":{{\"user\":{},\"tutorial\":{tutorial},\"signsInElsewhere\":{elsewhere}",
        json!(UserView::from(user))
    );
    out.open("sessions");
    for session in tables.sessions().of_user(id).await? {
        out.item(&rows::session(session)).await?;
    }
    out.close();
    out.open("apiKeys");
    for key in tables.api_keys().of_user(id).await? {
        out.item(&json!(crate::keys::KeyView::from(key))).await?;
    }
    out.close();
    let agents = AgentFilter { user_id: Some(id), ..AgentFilter::default() };
    chapter!(out, "agents", page => tables.agents().list(&agents, page), |agent| json!(AgentView::from(agent)));
    let workflows = WorkflowFilter { user_id: Some(id), ..WorkflowFilter::default() };
    out.open("workflows");
    pages!(page => tables.workflows().list(&workflows, page), |workflow| {
        let steps = tables.workflows().steps(workflow.id).await?;
        out.item(&rows::workflow(workflow, steps)).await?;
    });
    out.close();
    let templates = TemplateFilter { visibility: Visibility::Of(id), ..TemplateFilter::default() };
    out.open("templates");
    pages!(page => tables.templates().list(&templates, page), |template| {
        if template.user_id == Some(id) {
            out.item(&rows::template(template)).await?;
        }
    });
    out.close();
    let deployments = DeploymentFilter { user_id: Some(id), ..DeploymentFilter::default() };
    chapter!(out, "deployments", page => tables.deployments().list(&deployments, page), rows::deployment);
    let executions = ExecutionFilter { user_id: Some(id), ..ExecutionFilter::default() };
    chapter!(out, "executions", page => tables.executions().list(&executions, page), rows::execution);
    out.open("executionLogs");
    pages!(page => tables.executions().list(&executions, page), |execution| {
        let lines = LogFilter { execution_id: Some(execution.id), ..LogFilter::default() };
        pages!(page => tables.execution_logs().list(&lines, page), |line| {
            out.item(&rows::line(line)).await?;
        });
    });
    out.close();
    chapter!(out, "teams", page => tables.teams().of_user(id, page), |team| json!(crate::teams::TeamView::from(team)));
    let audit = AuditFilter { user_id: Some(id), ..AuditFilter::default() };
    chapter!(out, "auditLogs", page => tables.audit().list(&audit, page), |entry| json!(crate::audit::AuditView::from(entry)));
    out.text.push_str(&format!("}},\"meta\":{meta}}}"));
    out.send().await
}
