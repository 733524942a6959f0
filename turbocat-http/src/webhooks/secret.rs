//! Secrets of webhooks and what is signed with them, as <https://www.standardwebhooks.com> has it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use turbocat_storage::platform::{Hidden, Webhook};
use turbocat_storage::vault::Place;
use uuid::Uuid;

use crate::api::Api;
use crate::error::{Error, Result};
use crate::secure;

/// What every secret begins with; the rest is base64.
const PREFIX: &str = "whsec_";

/// A new secret.
pub(super) fn made_up() -> String {
    format!("{PREFIX}{}", STANDARD.encode(secure::random::<32>()))
}

/// Whether a text can be a secret: 24 to 64 bytes.
pub(super) fn is_good(text: &str) -> bool {
    bytes(text).is_some_and(|bytes| (24..=64).contains(&bytes.len()))
}

fn bytes(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text.strip_prefix(PREFIX)?).ok()
}

fn place(webhook: Uuid) -> Place {
    Place::new("webhooks", "secret", webhook)
}

/// A secret as it is kept.
pub(super) fn sealed(api: &Api, webhook: Uuid, secret: &str) -> Result<Hidden> {
    Ok(Hidden::new(api.keyring().seal(&place(webhook), secret)?))
}

/// The secret of a webhook.
pub(super) fn open(api: &Api, webhook: &Webhook) -> Result<Vec<u8>> {
    let text = api.keyring().open(&place(webhook.id), webhook.secret.reveal())?;
    bytes(&text).ok_or_else(|| Error::internal("the secret of a webhook is none"))
}

/// The signature of something that is sent: `v1,` and base64.
pub(super) fn sign(secret: &[u8], id: &str, seconds: i64, body: &str) -> Result<String> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).map_err(Error::internal)?;
    mac.update(format!("{id}.{seconds}.{body}").as_bytes());
    Ok(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_that_of_the_standard() {
        // The sample of the specification.
        let secret = bytes("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let body = r#"{"test": 2432232314}"#;
        let signed = sign(&secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body).unwrap();
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn a_secret_is_long_enough_and_well_formed() {
        assert!(is_good(&made_up()) && made_up() != made_up());
        for bad in ["", "whsec_", "whsec_c2hvcnQ=", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_***"] {
            assert!(!is_good(bad), "{bad}");
        }
    }
}
