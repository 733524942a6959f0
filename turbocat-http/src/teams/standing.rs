//! How somebody stands to a team.

use turbocat_storage::platform::Team;
use uuid::Uuid;

use crate::api::Api;
use crate::auth::Caller;
use crate::error::{Error, Result};

/// A team that the caller may see: its owner, its members, administrators.
pub(super) async fn seen<P>(api: &Api, caller: &Caller<P>, id: Uuid) -> Result<Team> {
    let hidden = || Error::not_found("team");
    let team = api.platform().teams().get(id).await?.ok_or_else(hidden)?;
    if caller.owns(team.owner_id) || api.platform().teams().is_member(id, caller.id()).await? {
        return Ok(team);
    }
    Err(hidden())
}

/// A team that the caller may change: its owner, administrators.
pub(super) async fn owned<P>(api: &Api, caller: &Caller<P>, id: Uuid) -> Result<Team> {
    let team = seen(api, caller, id).await?;
    if caller.owns(team.owner_id) {
        return Ok(team);
    }
    Err(Error::forbidden("only the owner may change the team"))
}
