//! Proving an address: a token by mail, good for a day and once.

use std::time::Duration;

use axum::extract::State;
use serde::Deserialize;
use turbocat_storage::platform::{Hidden, UserPatch};
use utoipa::ToSchema;

use crate::api::Api;
use crate::auth::Caller;
use crate::auth::permission::ProfileWrite;
use crate::auth::routes::{Message, ip, limit};
use crate::auth::session::UserView;
use crate::error::{Error, Result};
use crate::events::Note;
use crate::secure;
use crate::wire::{Body, Envelope, Id, Reply};

/// How long a token is good.
const LIFE: Duration = Duration::from_secs(24 * 60 * 60);

/// Sends a mail with which one's own address is proven. Mails sent before are good no more.
#[utoipa::path(post, path = "/users/{id}/send-verification", tag = "users", params(("id" = Uuid, Path)),
    responses((status = 200, description = "A mail is on its way", body = Envelope<Message>)))]
pub(super) async fn send(
    State(api): State<Api>,
    caller: Caller<ProfileWrite>,
    Id(id): Id,
) -> Result<Reply<Message>> {
    if caller.id() != id {
        return Err(Error::forbidden("only they themselves may prove that address"));
    }
    if caller.user.email_verified {
        return Err(Error::bad_request("the address is proven already"));
    }
    limit(&api, "verify", &id.to_string(), |limits| limits.forgot).await?;
    let token = secure::random_hex::<32>();
    let patch = UserPatch {
        verification_token: Some(Some(Hidden::new(secure::digest(&token)))),
        verification_token_expiry: Some(Some(api.now().after(LIFE))),
        ..UserPatch::default()
    };
    let user = api.platform().users().update(id, patch, None).await?;
    let text = format!(
        "Prove that this address is yours, within a day:\n{}/verify-email?token={token}\n\n\
         If you have no account here, nothing needs to be done.\n",
        api.settings().frontend_url
    );
    api.mailer().post(&user.email, "Is this your address?", text);
    api.events().note(Note::action("verification_sent", "user", Some(id), Some(id))).await;
    Ok(Reply::ok(Message { message: "a mail is on its way" }))
}

#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct VerifyEmail {
    /// The token of the mail.
    #[schema(
        pattern = "^[0-9a-fA-F]{64}$",
        example = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
    )]
    token: String,
}

/// Proves an address with the token of a mail.
#[utoipa::path(post, path = "/users/verify-email", tag = "users", security(()), request_body = VerifyEmail,
    responses((status = 200, description = "The user", body = Envelope<UserView>)))]
pub(super) async fn verify(
    State(api): State<Api>,
    Body(given): Body<VerifyEmail>,
) -> Result<Reply<UserView>> {
    limit(&api, "verify", &ip(), |limits| limits.reset).await?;
    let bad = || Error::bad_request("the token is not good, or not any more; ask for another mail");
    let hash = secure::digest(&given.token.to_ascii_lowercase());
    let user = api.platform().users().by_verification_token(&hash).await?.ok_or_else(bad)?;
    let patch = UserPatch {
        email_verified: Some(true),
        email_verified_at: Some(Some(api.now())),
        verification_token: Some(None),
        verification_token_expiry: Some(None),
        ..UserPatch::default()
    };
    // Only as it was read: of two who come at once with the token, one is late.
    let verified = api.platform().users().update(user.id, patch, Some(user.updated_at)).await;
    let user = verified.map_err(|error| match Error::from(error) {
        error if error.is_server_side() => error,
        _ => bad(),
    })?;
    api.events().note(Note::change("user", "verified", user.id, user.id, user.id)).await;
    Ok(Reply::ok(user.into()))
}
