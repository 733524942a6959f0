//! What one may do: a table of permissions, and the extractor that asks for one.
//!
//! A handler takes `Caller<AgentsRead>`; there is no other way to the caller, so none can forget to
//! ask.

use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::Arc;

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use turbocat_storage::platform::UserRole::{self, Admin, Agent, User};
use uuid::Uuid;

use super::identity::{By, Identity, Known};
use crate::api::Api;
use crate::error::{Error, Result};

/// Something one may do.
pub(crate) trait Permission: Send + Sync + 'static {
    /// The scope an API key needs, `resource:action`; `None`: keys may not.
    const SCOPE: Option<&'static str>;
    /// Who may.
    const ROLES: &'static [UserRole];
}

macro_rules! permissions {
    ($($(#[$doc:meta])* $name:ident: $scope:expr, $roles:expr;)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub(crate) struct $name;

        impl Permission for $name {
            const SCOPE: Option<&'static str> = $scope;
            const ROLES: &'static [UserRole] = $roles;
        }
    )+};
}

const ALL: &[UserRole] = &[Admin, User, Agent];
const PEOPLE: &[UserRole] = &[Admin, User];
const ADMINS: &[UserRole] = &[Admin];

permissions! {
    /// To know who one is.
    ProfileRead: None, ALL;
    /// To change who one is.
    ProfileWrite: None, PEOPLE;
    /// To end one's own session.
    SignOut: None, ALL;
    /// To look after others.
    UsersManage: None, ADMINS;
    /// Agents: to see.
    AgentsRead: Some("agents:read"), ALL;
    /// Agents: to make and change.
    AgentsWrite: Some("agents:write"), PEOPLE;
    /// Workflows: to see.
    WorkflowsRead: Some("workflows:read"), ALL;
    /// Workflows: to make and change.
    WorkflowsWrite: Some("workflows:write"), PEOPLE;
    /// Workflows: to start.
    WorkflowsExecute: Some("workflows:execute"), ALL;
    /// Executions: to see.
    ExecutionsRead: Some("executions:read"), ALL;
    /// Executions: to cancel, to signal.
    ExecutionsExecute: Some("executions:execute"), ALL;
    /// Templates: to see.
    TemplatesRead: Some("templates:read"), ALL;
    /// Templates: to make something of.
    TemplatesExecute: Some("templates:execute"), PEOPLE;
    /// Deployments: to see.
    DeploymentsRead: Some("deployments:read"), ALL;
    /// Deployments: to make, change, start and stop.
    DeploymentsWrite: Some("deployments:write"), PEOPLE;
    /// Figures.
    AnalyticsRead: Some("analytics:read"), ALL;
    /// How everything is.
    SystemHealth: None, ADMINS;
    /// Keys: a key must not manage keys.
    KeysManage: None, PEOPLE;
    /// Teams: to see.
    TeamsRead: Some("teams:read"), PEOPLE;
    /// Teams: to make and change.
    TeamsWrite: Some("teams:write"), PEOPLE;
    /// Webhooks and triggers: to see, make and change.
    WebhooksManage: None, PEOPLE;
    /// Deployments: to ask.
    DeploymentsExecute: Some("deployments:execute"), ALL;
    /// Who did what.
    AuditRead: None, ADMINS;
    /// What happens to what is one's own.
    EventsRead: None, ALL;
}

/// Resources and actions of scopes.
pub(crate) const RESOURCES: [&str; 7] =
    ["agents", "workflows", "executions", "templates", "deployments", "analytics", "teams"];
/// See [`RESOURCES`].
pub(crate) const ACTIONS: [&str; 3] = ["read", "write", "execute"];

/// A scope in its usual form: `resource:action`, `resource` or `*`; written either way round.
pub(crate) fn scope(text: &str) -> Option<String> {
    let text = text.trim().to_ascii_lowercase();
    if text == "*" || RESOURCES.contains(&&*text) {
        return Some(text);
    }
    let (one, other) = text.split_once(':')?;
    match () {
        () if RESOURCES.contains(&one) && (ACTIONS.contains(&other) || other == "*") => {
            Some(if other == "*" { one.to_owned() } else { text })
        }
        () if ACTIONS.contains(&one) && RESOURCES.contains(&other) => Some(format!("{other}:{one}")),
        () => None,
    }
}

fn grants(scopes: &[String], wanted: &str) -> bool {
    let resource = wanted.split(':').next().unwrap_or_default();
    scopes.iter().any(|scope| scope == "*" || scope == resource || scope == wanted)
}

/// Somebody who may do that.
#[derive(Clone, Debug)]
pub(crate) struct Caller<P> {
    known: Arc<Known>,
    permission: PhantomData<P>,
}

impl<P> Deref for Caller<P> {
    type Target = Known;

    fn deref(&self) -> &Known {
        &self.known
    }
}

impl<P> Caller<P> {
    /// Who.
    pub(crate) fn id(&self) -> Uuid {
        self.known.user.id
    }

    /// Whether what belongs to that user is theirs to see and change.
    pub(crate) fn owns(&self, user: Uuid) -> bool {
        self.known.user.id == user || self.known.is_admin()
    }
}

fn allow<P: Permission>(known: &Known) -> Result<()> {
    if !P::ROLES.contains(&known.user.role) {
        return Err(Error::forbidden("your role may not do that"));
    }
    if let By::Key(key) = &known.by {
        match P::SCOPE {
            None => return Err(Error::forbidden("an API key may not do that; sign in")),
            Some(wanted) if !grants(&key.scopes, wanted) => {
                return Err(Error::forbidden(format!("the API key lacks the scope {wanted}")));
            }
            Some(_) => {}
        }
    }
    Ok(())
}

fn caller<P: Permission>(parts: &Parts) -> Result<Option<Caller<P>>> {
    match parts.extensions.get::<Identity>() {
        Some(Identity::Known(known)) => {
            allow::<P>(known)?;
            Ok(Some(Caller { known: known.clone(), permission: PhantomData }))
        }
        Some(Identity::Refused(error)) => Err(error.again()),
        Some(Identity::Anonymous) | None => Ok(None),
    }
}

impl<P: Permission> FromRequestParts<Api> for Caller<P> {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &Api) -> std::result::Result<Self, Response> {
        let anonymous = || Error::unauthorized("sign in, or send an API key");
        caller(parts).and_then(|caller| caller.ok_or_else(anonymous)).map_err(IntoResponse::into_response)
    }
}

impl<P: Permission> OptionalFromRequestParts<Api> for Caller<P> {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &Api) -> std::result::Result<Option<Self>, Response> {
        caller(parts).map_err(IntoResponse::into_response)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_written_either_way_round() {
        assert_eq!(scope("agents:read").as_deref(), Some("agents:read"));
        assert_eq!(scope("read:agents").as_deref(), Some("agents:read"));
        assert_eq!(scope("execute:workflows").as_deref(), Some("workflows:execute"));
        assert_eq!(scope("agents:*").as_deref(), Some("agents"));
        assert_eq!(scope(" * ").as_deref(), Some("*"));
        assert_eq!(scope("read:everything"), None);
        assert_eq!(scope("users:read"), None);
    }

    #[test]
    fn a_parent_grants_all_under_it() {
        let scopes = |list: &[&str]| list.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>();
        assert!(grants(&scopes(&["agents"]), "agents:write"));
        assert!(grants(&scopes(&["*"]), "teams:read"));
        assert!(!grants(&scopes(&["agents:read"]), "agents:write"));
        assert!(!grants(&scopes(&["agent"]), "agents:read"));
    }
}
