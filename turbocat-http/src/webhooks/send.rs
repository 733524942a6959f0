//! One attempt to tell somebody something.

use std::time::{Duration, Instant};

use turbocat_plugins::net::{HeaderName, HeaderValue, Outgoing, Url, header};
use turbocat_storage::platform::{Attempted, Delivery, Outcome, Webhook, WebhookPatch};

use super::secret;
use crate::api::Api;
use crate::error::Result;

/// How long a receiver may take.
const TIMEOUT: Duration = Duration::from_secs(15);
/// How long it is waited after each attempt: eight attempts within two days.
const PAUSES: [u64; 7] = [5, 5 * 60, 30 * 60, 2 * 3600, 5 * 3600, 10 * 3600, 14 * 3600];
/// What a receiver says that wants to be told nothing any more.
const GONE: u16 = 410;

/// Sends it, and notes how that went.
pub(super) async fn send(api: &Api, delivery: &Delivery) -> Result<()> {
    let Some(webhook) = api.platform().webhooks().get(delivery.webhook_id).await? else { return Ok(()) };
    let began = Instant::now();
    let sent = attempt(api, &webhook, delivery).await;
    let took = began.elapsed();
    let attempted = match sent {
        Ok(status) if (200..300).contains(&status) => {
            Attempted { outcome: Outcome::Delivered, status: Some(status), error: None, took }
        }
        Ok(status) => Attempted {
            outcome: if status == GONE { Outcome::GivenUp } else { again(delivery.attempts) },
            status: Some(status),
            error: Some(format!("the receiver answered {status}")),
            took,
        },
        Err(Failed { message, for_good }) => Attempted {
            outcome: if for_good { Outcome::GivenUp } else { again(delivery.attempts) },
            status: None,
            error: Some(message),
            took,
        },
    };
    api.platform().deliveries().note(delivery, &attempted).await?;
    api.metrics().delivered(match attempted.outcome {
        Outcome::Delivered => "delivered",
        Outcome::Again(_) => "again",
        Outcome::GivenUp => "given_up",
    });
    if attempted.status == Some(GONE) {
        let reason = Some("the receiver said that it is gone".to_owned());
        let patch =
            WebhookPatch { is_active: Some(false), disabled_reason: Some(reason), ..WebhookPatch::default() };
        api.platform().webhooks().update(webhook.id, patch, None).await?;
    }
    Ok(())
}

/// What follows from an attempt that failed, by its number.
fn again(attempt: i32) -> Outcome {
    let pause = usize::try_from(attempt - 1).ok().and_then(|at| PAUSES.get(at));
    pause.map_or(Outcome::GivenUp, |seconds| Outcome::Again(Duration::from_secs(*seconds)))
}

struct Failed {
    message: String,
    /// Whether trying again is of no use.
    for_good: bool,
}

impl Failed {
    fn for_good(message: &str) -> Self {
        Self { message: message.to_owned(), for_good: true }
    }
}

async fn attempt(api: &Api, webhook: &Webhook, delivery: &Delivery) -> std::result::Result<u16, Failed> {
    let url: Url = webhook.url.parse().map_err(|_| Failed::for_good("the address is no URL"))?;
    let secret = secret::open(api, webhook).map_err(|error| {
        tracing::error!(?error, webhook = %webhook.id, "the secret of a webhook cannot be opened");
        Failed::for_good("the secret cannot be opened")
    })?;
    let (id, body) = (delivery.event_id.to_string(), delivery.payload.to_string());
    let seconds = api.now().as_millis().div_euclid(1000);
    let signature = secret::sign(&secret, &id, seconds, &body)
        .map_err(|_| Failed::for_good("the secret cannot be signed with"))?;
    let mut outgoing = Outgoing::post(url)
        .timeout(TIMEOUT)
        // Nothing of the answer is read but its status.
        .max_bytes(u64::MAX)
        .header(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let headers =
        [("webhook-id", id), ("webhook-timestamp", seconds.to_string()), ("webhook-signature", signature)];
    for (name, value) in headers {
        let value = HeaderValue::from_str(&value).map_err(|_| Failed::for_good("a header cannot be sent"))?;
        outgoing = outgoing.header(HeaderName::from_static(name), value);
    }
    match api.egress().send(outgoing.body(body)).await {
        Ok(answer) => Ok(answer.status().as_u16()),
        Err(error) => Err(Failed { message: error.to_string(), for_good: !error.is_retryable() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_eighth_attempt_is_the_last() {
        assert_eq!(again(1), Outcome::Again(Duration::from_secs(5)));
        assert_eq!(again(7), Outcome::Again(Duration::from_secs(14 * 3600)));
        assert_eq!(again(8), Outcome::GivenUp);
        let all: u64 = PAUSES.iter().sum();
        assert!(all < 48 * 3600);
    }
}
