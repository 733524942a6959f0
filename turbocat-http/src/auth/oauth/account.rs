//! The account of somebody who signed in elsewhere: the one they made there, or a new one.

use turbocat_storage::platform::{Hidden, NewUser, User, UserPatch};
use turbocat_storage::vault::Place;

use super::profile::{Granted, Profile};
use super::provider::Provider;
use crate::api::Api;
use crate::error::{Error, Result};
use crate::events::Note;

/// Whose account it is, or why it is nobody's.
#[derive(Debug)]
pub(super) enum Found {
    User(Box<User>),
    /// Somebody made an account with that address in another way.
    EmailTaken,
    /// The account may not be used.
    Deactivated,
    /// The address or the id is none that can be kept.
    Unusable,
}

/// Finds or makes the account, and keeps what opens the one there.
pub(super) async fn account(
    api: &Api,
    provider: Provider,
    profile: Profile,
    granted: Option<&Granted>,
) -> Result<Found> {
    let email = profile.email.trim().to_lowercase();
    let zero = [&profile.id, &email].iter().any(|text| text.contains('\0'));
    if zero || profile.id.is_empty() || !(3..=255).contains(&email.chars().count()) || !email.contains('@') {
        return Ok(Found::Unusable);
    }
    let user = match known(api, provider, &profile.id).await? {
        Some(user) => Some(user),
        // It may be they themselves, who came twice at once.
        None if api.platform().users().email_taken(&email).await? => {
            known(api, provider, &profile.id).await?
        }
        None => make(api, provider, email, &profile).await?,
    };
    let Some(user) = user else { return Ok(Found::EmailTaken) };
    if !user.is_active {
        return Ok(Found::Deactivated);
    }
    let mut patch = UserPatch { last_login_at: Some(Some(api.now())), ..UserPatch::default() };
    if profile.proven && user.email_verified && user.email_verified_at.is_none() {
        patch.email_verified_at = Some(Some(api.now()));
    }
    if let Some(granted) = granted {
        let seal = |column: &'static str, text: &str| -> Result<_> {
            let sealed = api.keyring().seal(&Place::new("users", column, user.id), text);
            Ok(Some(Some(Hidden::new(sealed.map_err(Error::internal)?))))
        };
        patch.oauth_access_token = seal("oauth_access_token", &granted.access_token)?;
        // One that was given before stays good when none is given now.
        if let Some(token) = &granted.refresh_token {
            patch.oauth_refresh_token = seal("oauth_refresh_token", token)?;
        }
    }
    let user = api.platform().users().update(user.id, patch, None).await?;
    Ok(Found::User(Box::new(user)))
}

async fn known(api: &Api, provider: Provider, id: &str) -> Result<Option<User>> {
    let users = api.platform().users();
    match users.by_oauth(provider.word(), id).await? {
        Some(user) => Ok(Some(user)),
        None if provider == Provider::Google => Ok(users.by_google_id(id).await?),
        None => Ok(None),
    }
}

/// Makes an account; none if somebody has the address after all.
async fn make(api: &Api, provider: Provider, email: String, profile: &Profile) -> Result<Option<User>> {
    let mut new = NewUser::new(email);
    let name = profile.name.as_deref().map(|name| name.replace('\0', "")).unwrap_or_default();
    let name: String = name.trim().chars().take(255).collect();
    new.full_name = Some(name).filter(|name| !name.is_empty());
    let picture = profile.picture.clone();
    new.avatar_url =
        picture.filter(|url| url.starts_with("https://") && url.len() <= 2048 && !url.contains('\0'));
    new.email_verified = profile.proven;
    new.oauth_provider = Some(provider.word().to_owned());
    new.oauth_id = Some(profile.id.clone());
    new.google_id = (provider == Provider::Google).then(|| profile.id.clone());
    match api.platform().users().create(new).await.map_err(Error::from) {
        Ok(user) => {
            let id = Some(user.id);
            api.events().note(Note::action("user_registered", "user", id, id)).await;
            Ok(Some(user))
        }
        // Two came at once, and the other one was first; or the account was deleted.
        Err(error) if error.is_conflict() => known(api, provider, &profile.id).await,
        Err(error) => Err(error),
    }
}
