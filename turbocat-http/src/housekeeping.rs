//! Forgets what is kept no longer: sessions, tokens, windows, keys of requests that are over; what
//! was told long ago. Every node does it; what one has done the others find done.

use std::time::Duration;

use turbocat_core::Timestamp;
use turbocat_storage::StorageError;

use crate::api::Api;
use crate::background::Watch;

/// How often it is looked.
const EVERY: Duration = Duration::from_secs(10 * 60);
/// How long it is kept what happened, what of it was delivered, and the minutes of deployments.
const KEPT: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// How many rounds are done at most, each of some hundred rows: the rest is for the next time.
const ROUNDS: usize = 200;

/// Does it until the platform ends.
pub(crate) async fn keep_house(mut watch: Watch) {
    while let Some(api) = watch.api() {
        if let Err(error) = forget(&api).await {
            tracing::warn!(%error, "what is kept no longer could not be forgotten");
        }
        drop(api);
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            () = watch.ended() => return,
        }
    }
}

/// Until nothing is left.
macro_rules! all {
    ($some:expr) => {
        for _ in 0..ROUNDS {
            if $some.await? == 0 {
                break;
            }
        }
    };
}

async fn forget(api: &Api) -> Result<(), StorageError> {
    let platform = api.platform();
    let kept = i64::try_from(KEPT.as_millis()).unwrap_or(i64::MAX);
    let before = Timestamp::from_millis(api.now().as_millis().saturating_sub(kept).max(0));
    all!(platform.sessions().sweep());
    all!(platform.one_time_tokens().sweep());
    all!(platform.rate_windows().sweep());
    all!(platform.idempotency().sweep());
    all!(platform.deliveries().forget_before(before));
    all!(platform.feed().forget_before(before));
    all!(platform.deployments().forget_minutes_before(before));
    Ok(())
}
