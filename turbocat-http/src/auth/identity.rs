//! Who asks: found out once, before anything else is done, and counted.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use turbocat_core::Timestamp;
use turbocat_storage::platform::{ApiKey, User, UserRole};
use uuid::Uuid;

use crate::api::Api;
use crate::deployments::invoke;
use crate::edge::context;
use crate::error::{Error, Result};
use crate::events::Note;
use crate::secure;

/// Who asks.
#[derive(Clone, Debug)]
pub(crate) enum Identity {
    /// Nobody said.
    Anonymous,
    /// Somebody known.
    Known(Arc<Known>),
    /// Somebody whose credential is none.
    Refused(Arc<Error>),
}

/// Somebody known, and how.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    pub(crate) user: User,
    pub(crate) by: By,
}

/// By what somebody is known.
#[derive(Clone, Debug)]
pub(crate) enum By {
    /// A session.
    Session(Uuid),
    /// An API key.
    Key(ApiKey),
}

/// A session that was used is noted at most this often.
const NOTED: Duration = Duration::from_secs(60);

/// Finds out who asks and counts it. Health is not asked about who asks.
pub(crate) async fn identify(State(api): State<Api>, mut request: Request, next: Next) -> Response {
    let identity = match find(&api, request.headers()).await {
        Ok(Some(known)) => Identity::Known(Arc::new(known)),
        Ok(None) => Identity::Anonymous,
        // The database failed, which says nothing about who asks.
        Err(error) if error.is_server_side() => return error.into_response(),
        Err(error) => Identity::Refused(Arc::new(error)),
    };
    let standing = match count(&api, &identity, request.headers()).await {
        Ok(standing) => standing,
        Err(error) => return error.into_response(),
    };
    let allowed = standing.map_or(Ok(()), |standing| standing.allow(api.now()));
    let mut response = match allowed {
        Ok(()) => {
            request.extensions_mut().insert(identity.clone());
            next.run(request).await
        }
        Err(error) => error.into_response(),
    };
    if let Some(standing) = standing {
        standing.tell(response.headers_mut());
    }
    if let Identity::Known(known) = &identity
        && response.status() == StatusCode::FORBIDDEN
    {
        let note = Note::action("permission_denied", "request", None, Some(known.user.id));
        api.events().note(note).await;
    }
    if let Identity::Known(known) = identity
        && let By::Key(key) = &known.by
        && response.status().is_success()
    {
        let (platform, key) = (api.platform().clone(), key.id);
        tokio::spawn(async move {
            if let Err(error) = platform.api_keys().count_use(key).await {
                tracing::warn!(%error, "the use of a key was not counted");
            }
        });
    }
    response
}

async fn count(
    api: &Api,
    identity: &Identity,
    headers: &HeaderMap,
) -> Result<Option<crate::edge::limit::Standing>> {
    let limiter = api.limiter();
    let Some(limits) = limiter.limits() else { return Ok(None) };
    let (name, limit) = match identity {
        Identity::Known(known) => match &known.by {
            By::Session(_) => (format!("user:{}", known.user.id), limits.user),
            By::Key(key) => {
                (format!("key:{}", key.id), u32::try_from(key.rate_limit_per_minute).unwrap_or(1))
            }
        },
        Identity::Anonymous | Identity::Refused(_) => {
            // Who asks a deployment with its key is somebody, wherever they ask from.
            if let Some(hash) = invoke::key(headers)
                && let Some(deployment) = api.platform().deployments().by_key_hash(&hash).await?
            {
                let name = format!("deployment:{}", deployment.id);
                return limiter.count(&name, limits.user).await.map(Some);
            }
            let ip = context::current().and_then(|context| context.ip);
            (format!("ip:{}", ip.map(|ip| ip.to_string()).unwrap_or_default()), limits.anonymous)
        }
    };
    limiter.count(&name, limit).await.map(Some)
}

async fn find(api: &Api, headers: &HeaderMap) -> Result<Option<Known>> {
    if let Some(value) = headers.get(header::AUTHORIZATION) {
        let text = value.to_str().map_err(|_| Error::unauthorized("the credential is not valid"))?;
        return of_token(api, bearer(text)?).await.map(Some);
    }
    match headers.get("x-api-key") {
        Some(key) => {
            let key = key.to_str().map_err(|_| Error::unauthorized("the key is not valid"))?;
            of_key(api, key.trim()).await.map(Some)
        }
        None => Ok(None),
    }
}

/// `Bearer …`, whatever its case, or the token alone.
fn bearer(text: &str) -> Result<&str> {
    let text = text.trim();
    match text.split_once(char::is_whitespace) {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Ok(token.trim()),
        None if text.split('.').count() == 3 => Ok(text),
        _ => Err(Error::unauthorized("the credential must be a bearer token")),
    }
}

async fn of_token(api: &Api, token: &str) -> Result<Known> {
    let now = api.now();
    let claim = api.tokens().read_access(token, now)?;
    let found = api.platform().sessions().user_of(claim.session).await?;
    let ended = || Error::unauthorized("the session has ended");
    let (user, used_at) = found.filter(|(user, _)| user.id == claim.user).ok_or_else(ended)?;
    if !user.is_active {
        return Err(Error::forbidden("the account is deactivated"));
    }
    if now.since(used_at) > NOTED {
        api.platform().sessions().touch(claim.session, api.settings().session_life).await?;
    }
    Ok(Known { user, by: By::Session(claim.session) })
}

/// What every key begins with.
pub(crate) const PREFIXES: [&str; 2] = ["tk_live_", "tk_test_"];

async fn of_key(api: &Api, text: &str) -> Result<Known> {
    let bad = || Error::unauthorized("the API key is not valid");
    if !PREFIXES.iter().any(|prefix| text.starts_with(prefix)) || text.len() > 200 {
        return Err(bad());
    }
    let key = api.platform().api_keys().by_hash(&secure::digest(text)).await?.ok_or_else(bad)?;
    if !key.is_active {
        return Err(bad());
    }
    if key.expires_at.is_some_and(|end: Timestamp| end <= api.now()) {
        return Err(Error::unauthorized("the API key has expired"));
    }
    let user = api.platform().users().get(key.user_id).await?.filter(|user| user.is_active);
    Ok(Known { user: user.ok_or_else(bad)?, by: By::Key(key) })
}

impl Known {
    /// Whether they may see everything.
    pub(crate) fn is_admin(&self) -> bool {
        self.user.role == UserRole::Admin
    }
}

#[cfg(test)]
mod tests {
    use super::bearer;

    #[test]
    fn a_bearer_token_is_read_in_any_case_and_a_bare_one_too() {
        assert_eq!(bearer("bearer  a.b.c").unwrap(), "a.b.c");
        assert_eq!(bearer("a.b.c").unwrap(), "a.b.c");
        assert!(bearer("Basic abc").is_err());
        assert!(bearer("abc").is_err());
    }
}
