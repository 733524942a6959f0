//! A password asked for once more, before something grave is done.

use turbocat_storage::platform::{Hidden, User};

use crate::api::Api;
use crate::auth::password::{self, Verdict};
use crate::edge::limit::seconds_until;
use crate::error::{Error, Result};

/// Holds a password against the user's own. Who guesses waits, as at signing in: a session that was
/// stolen is no place to try passwords.
pub(super) async fn confirm(api: &Api, user: &User, given: &str) -> Result<()> {
    let (name, settings) = (format!("confirm:{}", user.id), api.settings());
    if let Some((count, ends_at)) = api.limiter().look(&name).await?
        && count >= u64::from(settings.lockout_after)
    {
        return Err(Error::too_many(seconds_until(ends_at, api.now())));
    }
    let kept = user.password_hash.as_ref().map(Hidden::reveal);
    if password::verify(given, kept).await? == Verdict::Wrong {
        api.limiter().more(&name, settings.lockout_time).await?;
        return Err(Error::unauthorized("the password is wrong"));
    }
    api.limiter().forget(&name).await
}
