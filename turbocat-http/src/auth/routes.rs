//! `/auth`: new accounts, signing in and out, forgotten passwords.

use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use turbocat_storage::platform::{Hidden, NewToken, NewUser, Rotation, TokenPurpose, User, UserPatch};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::identity::By;
use super::password::{self, Verdict};
use super::permission::{Caller, ProfileRead, SignOut};
use super::session::{self, SignedIn, UserView};
use crate::api::Api;
use crate::edge::context;
use crate::error::{Error, Result};
use crate::events::Note;
use crate::secure;
use crate::wire::{Body, Envelope, Reply, Time};

/// How long a token for a new password is good.
const RESET_LIFE: Duration = Duration::from_secs(60 * 60);

pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(register))
        .routes(routes!(login))
        .routes(routes!(refresh))
        .routes(routes!(logout))
        .routes(routes!(forgot_password))
        .routes(routes!(reset_password))
        .routes(routes!(validate))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Register {
    #[schema(format = "email", max_length = 255, example = "ann@example.com")]
    email: String,
    #[schema(min_length = 8, max_length = 128, format = "password", example = "Correct-Horse-7")]
    password: String,
    #[schema(min_length = 1, max_length = 255, pattern = r"\S", example = "Ann Lee")]
    full_name: Option<String>,
}

/// Makes an account and signs in.
#[utoipa::path(post, path = "/auth/register", tag = "auth", request_body = Register, responses(
    (status = 201, description = "The account and its tokens", body = Envelope<SignedIn>),
))]
async fn register(State(api): State<Api>, Body(given): Body<Register>) -> Result<Reply<SignedIn>> {
    limit(&api, "register", &ip(), |limits| limits.register).await?;
    let name = given.full_name.as_deref().map(str::trim).map(str::to_owned);
    let wrong =
        password::judge(&given.password, "password", &[&given.email, name.as_deref().unwrap_or_default()]);
    if !wrong.is_empty() {
        return Err(Error::invalid(wrong));
    }
    if api.platform().users().email_taken(&given.email).await? {
        return Err(Error::conflict("somebody has that e-mail address already"));
    }
    let mut new = NewUser::new(given.email);
    new.password_hash = Some(Hidden::new(password::hash(&given.password).await?));
    new.full_name = name;
    let user = api.platform().users().create(new).await.map_err(|error| match Error::from(error) {
        error if error.is_conflict() => Error::conflict("somebody has that e-mail address already"),
        error => error,
    })?;
    let id = user.id;
    let signed_in = session::open(&api, user).await?;
    api.events().note(Note::action("user_registered", "user", Some(id), Some(id))).await;
    Ok(Reply::created(signed_in))
}

#[derive(Debug, Deserialize, ToSchema)]
struct Login {
    #[schema(min_length = 1, max_length = 255, example = "ann@example.com")]
    email: String,
    #[schema(min_length = 1, max_length = 1024, format = "password", example = "Correct-Horse-7")]
    password: String,
}

/// Signs in.
#[utoipa::path(post, path = "/auth/login", tag = "auth", request_body = Login, responses(
    (status = 200, description = "The account and its tokens", body = Envelope<SignedIn>),
))]
async fn login(State(api): State<Api>, Body(given): Body<Login>) -> Result<Reply<SignedIn>> {
    let (ip, email) = (ip(), given.email.trim().to_lowercase());
    let failing = Failing { address: format!("login:{ip}"), account: format!("lock:{email}:{ip}") };
    failing.look(&api).await?;
    let user = api.platform().users().by_email(&email).await?;
    let kept = user.as_ref().and_then(|user| user.password_hash.as_ref()).map(Hidden::reveal);
    let verdict = password::verify(&given.password, kept).await?;
    let Some(user) = user.filter(|_| verdict != Verdict::Wrong) else {
        let id = api.platform().users().by_email(&email).await?.map(|user| user.id);
        failing.count(&api, id).await?;
        api.events().note(Note::action("login_failed", "user", id, id)).await;
        return Err(Error::unauthorized("the e-mail address or the password is wrong"));
    };
    if !user.is_active {
        return Err(Error::forbidden("the account is deactivated"));
    }
    failing.forget(&api).await?;
    let mut patch = UserPatch { last_login_at: Some(Some(api.now())), ..UserPatch::default() };
    if verdict == Verdict::RightAndOld {
        patch.password_hash = Some(Some(Hidden::new(password::hash(&given.password).await?)));
    }
    let user = api.platform().users().update(user.id, patch, None).await?;
    let id = user.id;
    let signed_in = session::open(&api, user).await?;
    api.events().note(Note::action("login", "user", Some(id), Some(id))).await;
    Ok(Reply::ok(signed_in))
}

/// Sign-ins that failed: an address may not try many accounts, and not one account for long.
struct Failing {
    address: String,
    account: String,
}

impl Failing {
    async fn look(&self, api: &Api) -> Result<()> {
        let now = api.now();
        let too_many = |count: u64, limit: u32| count >= u64::from(limit);
        if let Some(limits) = api.limiter().limits()
            && let Some((count, ends_at)) = api.limiter().look(&self.address).await?
            && too_many(count, limits.login)
        {
            return Err(Error::too_many(crate::edge::limit::seconds_until(ends_at, now)));
        }
        if let Some((count, ends_at)) = api.limiter().look(&self.account).await?
            && too_many(count, api.settings().lockout_after)
        {
            return Err(Error::too_many(crate::edge::limit::seconds_until(ends_at, now)));
        }
        Ok(())
    }

    async fn count(&self, api: &Api, user: Option<uuid::Uuid>) -> Result<()> {
        api.limiter().more(&self.address, Duration::from_secs(60)).await?;
        let (count, _) = api.limiter().more(&self.account, api.settings().lockout_time).await?;
        if count == u64::from(api.settings().lockout_after) {
            api.events().note(Note::action("account_locked", "user", user, user)).await;
        }
        Ok(())
    }

    async fn forget(&self, api: &Api) -> Result<()> {
        api.limiter().forget(&self.account).await
    }
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Refresh {
    #[schema(min_length = 1, max_length = 4096)]
    refresh_token: String,
}

/// Another access token, and the refresh token to use from now on.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Refreshed {
    access_token: String,
    expires_in: u64,
    access_token_expires_at: Time,
    /// Absent if another request just got it.
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token_expires_at: Option<Time>,
    #[schema(example = "Bearer")]
    token_type: &'static str,
}

/// Changes a refresh token for an access token and another refresh token. One that was used before
/// ends its session.
#[utoipa::path(post, path = "/auth/refresh", tag = "auth", request_body = Refresh, responses(
    (status = 200, description = "Another access token", body = Envelope<Refreshed>),
))]
async fn refresh(State(api): State<Api>, Body(given): Body<Refresh>) -> Result<Reply<Refreshed>> {
    let now = api.now();
    let claim = api.tokens().read_refresh(&given.refresh_token, now)?;
    let ended = || Error::unauthorized("the session has ended");
    let user =
        api.platform().users().get(claim.user).await?.filter(|user| user.is_active).ok_or_else(ended)?;
    let next = api.tokens().refresh(user.id, claim.session, now)?;
    let settings = api.settings();
    let presented = secure::digest(&given.refresh_token);
    let (sessions, following) = (api.platform().sessions(), secure::digest(&next.text));
    let rotation =
        sessions.rotate(claim.session, &presented, &following, settings.refresh_grace, settings.session_life);
    let next = match rotation.await? {
        Rotation::Rotated(session) if session.user_id == user.id => Some(next),
        Rotation::Crossed(session) if session.user_id == user.id => None,
        Rotation::Reused(session) => {
            let note =
                Note::action("refresh_token_reused", "session", Some(session.id), Some(session.user_id));
            api.events().note(note).await;
            return Err(ended());
        }
        _ => return Err(ended()),
    };
    let access = api.tokens().access(&user, claim.session, now)?;
    Ok(Reply::ok(Refreshed {
        access_token: access.text,
        expires_in: api.tokens().access_seconds(),
        access_token_expires_at: access.expires_at.into(),
        refresh_token_expires_at: next.as_ref().map(|next| next.expires_at.into()),
        refresh_token: next.map(|next| next.text),
        token_type: "Bearer",
    }))
}

/// Signs out: the session ends.
#[utoipa::path(post, path = "/auth/logout", tag = "auth", responses((status = 204, description = "Signed out")))]
async fn logout(State(api): State<Api>, caller: Caller<SignOut>) -> Result<StatusCode> {
    if let By::Session(session) = caller.by {
        api.platform().sessions().end(session).await?;
    }
    api.events().note(Note::action("logout", "user", Some(caller.id()), Some(caller.id()))).await;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Debug, Deserialize, ToSchema)]
struct Forgot {
    #[schema(format = "email", max_length = 255, example = "ann@example.com")]
    email: String,
}

/// Something to say.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Message {
    pub(crate) message: &'static str,
}

/// Sends a mail with which a new password can be set, if there is such an account.
#[utoipa::path(post, path = "/auth/forgot-password", tag = "auth", request_body = Forgot, responses(
    (status = 200, description = "Always the same", body = Envelope<Message>),
))]
async fn forgot_password(State(api): State<Api>, Body(given): Body<Forgot>) -> Result<Reply<Message>> {
    let email = given.email.trim().to_lowercase();
    limit(&api, "forgot", &email, |limits| limits.forgot).await?;
    // Known or not, it takes the same time: what is done for the known is done elsewhere.
    let note = Note::action("password_reset_requested", "user", None, None);
    let later = api.clone();
    tokio::spawn(async move {
        if let Err(error) = send_reset(&later, &email, note).await {
            tracing::error!(?error, "a mail for a new password was not sent");
        }
    });
    Ok(Reply::ok(Message { message: "if there is such an account, a mail is on its way" }))
}

async fn send_reset(api: &Api, email: &str, note: Note) -> Result<()> {
    let Some(user) = api.platform().users().by_email(email).await?.filter(|user| user.is_active) else {
        return Ok(());
    };
    let token = secure::random_url_safe::<32>();
    let kept = NewToken {
        hash: Hidden::new(secure::digest(&token)),
        purpose: TokenPurpose::PasswordReset,
        user_id: Some(user.id),
        data: serde_json::json!({}),
    };
    api.platform().one_time_tokens().keep(kept, RESET_LIFE).await?;
    let text = format!(
        "Somebody, we hope you, asked for a new password.\n\nSet it within an hour:\n{}/reset-password?token={token}\n\n\
         If it was not you, nothing has happened and nothing will.\n",
        api.settings().frontend_url
    );
    api.mailer().post(&user.email, "A new password", text);
    api.events().note(note.of(user.id)).await;
    Ok(())
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Reset {
    #[schema(min_length = 1, max_length = 200)]
    token: String,
    #[schema(min_length = 8, max_length = 128, format = "password", example = "Correct-Horse-8")]
    new_password: String,
}

/// Sets a new password with the token of a mail. All sessions end.
#[utoipa::path(post, path = "/auth/reset-password", tag = "auth", request_body = Reset, responses(
    (status = 200, description = "The password is set", body = Envelope<Message>),
))]
async fn reset_password(State(api): State<Api>, Body(given): Body<Reset>) -> Result<Reply<Message>> {
    limit(&api, "reset", &ip(), |limits| limits.reset).await?;
    let wrong = password::judge(&given.new_password, "newPassword", &[]);
    if !wrong.is_empty() {
        return Err(Error::invalid(wrong));
    }
    let hash = secure::digest(&given.token);
    let token = api.platform().one_time_tokens().take(TokenPurpose::PasswordReset, &hash).await?;
    let bad = || Error::bad_request("the token is not good, or not any more; ask for another mail");
    let user = token.and_then(|token| token.user_id).ok_or_else(bad)?;
    set_password(&api, user, &given.new_password).await.map_err(|error| match error {
        error if error.is_server_side() => error,
        _ => bad(),
    })?;
    api.events().note(Note::action("password_reset_completed", "user", Some(user), Some(user))).await;
    Ok(Reply::ok(Message { message: "the password is set; sign in with it" }))
}

/// Whose an access token is.
#[derive(Debug, Serialize, ToSchema)]
struct Valid {
    /// Always true; a token that is not good is answered with 401.
    valid: bool,
    user: UserView,
}

/// Whether an access token is good, and whose it is.
#[utoipa::path(get, path = "/auth/validate", tag = "auth", responses(
    (status = 200, description = "It is good", body = Envelope<Valid>),
))]
async fn validate(caller: Caller<ProfileRead>) -> Reply<Valid> {
    Reply::ok(Valid { valid: true, user: caller.user.clone().into() })
}

/// Sets a password and ends all sessions.
pub(crate) async fn set_password(api: &Api, user: uuid::Uuid, new: &str) -> Result<User> {
    let hash = Hidden::new(password::hash(new).await?);
    let patch = UserPatch { password_hash: Some(Some(hash)), ..UserPatch::default() };
    let user = api.platform().users().update(user, patch, None).await?;
    api.platform().sessions().end_all(user.id, None).await?;
    Ok(user)
}

/// Whence a request came, in words.
pub(crate) fn ip() -> String {
    context::current().and_then(|context| context.ip).map(|ip| ip.to_string()).unwrap_or_default()
}

/// Counts one more of what may not be done often.
pub(crate) async fn limit(
    api: &Api,
    what: &str,
    who: &str,
    of: impl Fn(&crate::settings::Limits) -> u32,
) -> Result<()> {
    let Some(limits) = api.limiter().limits() else { return Ok(()) };
    api.limiter().count(&format!("{what}:{who}"), of(limits)).await?.allow(api.now())
}
