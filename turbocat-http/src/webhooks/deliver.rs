//! Delivers what is due: rows, claimed by whichever node is free. A receiver that is slow or fails
//! holds up its own deliveries and nobody else's.

use std::collections::HashMap;
use std::time::Duration;

use tokio::task::JoinSet;
use turbocat_storage::platform::Delivery;
use uuid::Uuid;

use super::send::send;
use crate::api::Api;
use crate::background::Watch;

/// How many are sent at once, and how many of them to one webhook.
const MOST: usize = 64;
const EACH: usize = 4;
/// How long one is held by who sends it: longer than sending may take.
const HOLD: Duration = Duration::from_secs(60);
/// How often it is looked for those that are due of which nobody here was told.
const LOOK: Duration = Duration::from_secs(1);

/// Does it until the platform ends. What is being sent then is sent again by whoever comes after.
pub(crate) async fn deliver(mut watch: Watch) {
    let mut sending = Sending::default();
    let Some(api) = watch.api() else { return };
    let (due, mut told) = (api.due(), api.events().listen());
    drop(api);
    while let Some(api) = watch.api() {
        sending.more(&api).await;
        drop(api);
        tokio::select! {
            () = sending.one_less(), if !sending.is_empty() => {}
            _ = told.recv() => {}
            () = due.notified() => {}
            () = tokio::time::sleep(LOOK) => {}
            () = watch.ended() => return,
        }
    }
}

#[derive(Default)]
struct Sending {
    tasks: JoinSet<Uuid>,
    /// How many go to each webhook.
    to: HashMap<Uuid, usize>,
}

impl Sending {
    fn is_empty(&self) -> bool {
        self.tasks.is_empty()
    }

    async fn more(&mut self, api: &Api) {
        let free = MOST.saturating_sub(self.tasks.len());
        if free == 0 {
            return;
        }
        let busy = self.to.iter().filter(|(_, count)| **count >= EACH).map(|(id, _)| *id).collect();
        let (free, each) = (u32::try_from(free).unwrap_or(1), u32::try_from(EACH).unwrap_or(1));
        match api.platform().deliveries().claim(free, each, busy, HOLD).await {
            Ok(claimed) => claimed.into_iter().for_each(|delivery| self.begin(api.clone(), delivery)),
            Err(error) => tracing::warn!(%error, "it could not be looked for what is to be delivered"),
        }
    }

    fn begin(&mut self, api: Api, delivery: Delivery) {
        let webhook = delivery.webhook_id;
        *self.to.entry(webhook).or_default() += 1;
        self.tasks.spawn(async move {
            if let Err(error) = send(&api, &delivery).await {
                tracing::warn!(?error, delivery = %delivery.id, "how a delivery went could not be noted");
            }
            webhook
        });
    }

    async fn one_less(&mut self) {
        match self.tasks.join_next().await {
            Some(Ok(webhook)) => {
                if let Some(count) = self.to.get_mut(&webhook) {
                    *count = count.saturating_sub(1);
                    if *count == 0 {
                        self.to.remove(&webhook);
                    }
                }
            }
            Some(Err(error)) => {
                // Whose it was is not known any more; those that go on are counted anew when they end.
                tracing::error!(%error, "a delivery panicked");
                self.to.clear();
            }
            None => {}
        }
    }
}
