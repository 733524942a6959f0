//! Secrets in the configurations of agents: sealed when they are written, masked when they are shown,
//! opened within an attempt and nowhere else.
//!
//! A definition, which is written down with every execution, holds their sealed form as the name of a
//! secret: `{{ secrets["agents/<agent>/<sealed>"] }}`. Only who has read the row can name it, and only
//! the keyring opens it.

use async_trait::async_trait;
use serde_json::{Value, json};
use turbocat_core::Secrets;
use turbocat_storage::vault::{Keyring, Place, mask};
use uuid::Uuid;

use crate::error::{Error, Result};

/// The names of settings whose texts are secrets, in lower case and without `-` and `_`.
const NAMES: [&str; 22] = [
    "accesskey",
    "accesstoken",
    "apikey",
    "apitoken",
    "authorization",
    "authtoken",
    "bearertoken",
    "clientsecret",
    "cookie",
    "credentials",
    "passphrase",
    "passwd",
    "password",
    "privatekey",
    "proxyauthorization",
    "refreshtoken",
    "secret",
    "secretkey",
    "signingsecret",
    "token",
    "webhooksecret",
    "xapikey",
];
/// How a secret stands in a configuration.
const MARK: &str = "$secret";
/// What is shown of a secret to which there is no key.
const UNREADABLE: &str = "********";

fn place(agent: Uuid) -> Place {
    Place::new("agents", "config", agent)
}

fn is_secret(name: &str) -> bool {
    let name: String =
        name.chars().filter(|c| !matches!(c, '-' | '_')).map(|c| c.to_ascii_lowercase()).collect();
    NAMES.contains(&&*name)
}

/// The sealed text, if that is what this is.
fn sealed(value: &Value) -> Option<&str> {
    let map = value.as_object().filter(|map| map.len() == 1)?;
    map.get(MARK)?.as_str()
}

/// Seals the secrets of a configuration that is given. A mask that was shown means what it stands
/// for: the secret that was `before` in the same place.
pub(crate) fn seal(keyring: &Keyring, agent: Uuid, config: &mut Value, before: Option<&Value>) -> Result<()> {
    match config {
        Value::Object(map) => {
            for (name, value) in map.iter_mut() {
                let before = before.and_then(|before| before.get(name));
                match value {
                    // A template holds no secret; what it names is found when an attempt begins.
                    Value::String(text) if is_secret(name) && !text.contains("{{") && !text.is_empty() => {
                        let kept = before.filter(|before| {
                            sealed(before).is_some_and(|sealed| *text == shown(keyring, agent, sealed))
                        });
                        *value = match kept {
                            Some(kept) => kept.clone(),
                            None => {
                                let sealed = keyring.seal(&place(agent), text).map_err(Error::internal)?;
                                json!({ MARK: sealed })
                            }
                        };
                    }
                    _ => seal(keyring, agent, value, before)?,
                }
            }
            Ok(())
        }
        Value::Array(items) => items
            .iter_mut()
            .enumerate()
            .try_for_each(|(at, item)| seal(keyring, agent, item, before.and_then(|before| before.get(at)))),
        _ => Ok(()),
    }
}

fn shown(keyring: &Keyring, agent: Uuid, sealed: &str) -> String {
    match keyring.open(&place(agent), sealed) {
        Ok(text) => mask(&text),
        // The others of its configuration can still be seen and changed.
        Err(_) => UNREADABLE.to_owned(),
    }
}

/// A configuration as it may be shown.
pub(crate) fn masked(keyring: &Keyring, agent: Uuid, config: &mut Value) {
    replace(config, &|sealed| shown(keyring, agent, sealed));
}

/// A configuration as it may be written down: secrets are named in it.
pub(crate) fn named(agent: Uuid, config: &mut Value) {
    replace(config, &|sealed| format!("{{{{ secrets[\"{PREFIX}{agent}/{sealed}\"] }}}}"));
}

/// Whether a configuration has secrets in it.
pub(crate) fn has_secrets(config: &Value) -> bool {
    match config {
        Value::Object(map) => sealed(config).is_some() || map.values().any(has_secrets),
        Value::Array(items) => items.iter().any(has_secrets),
        _ => false,
    }
}

fn replace(config: &mut Value, by: &dyn Fn(&str) -> String) {
    if let Some(sealed) = sealed(config) {
        *config = Value::from(by(sealed));
        return;
    }
    match config {
        Value::Object(map) => map.values_mut().for_each(|value| replace(value, by)),
        Value::Array(items) => items.iter_mut().for_each(|value| replace(value, by)),
        _ => {}
    }
}

const PREFIX: &str = "agents/";

/// Opens the secrets that definitions of the platform name.
#[derive(Clone, Debug)]
pub struct PlatformSecrets {
    keyring: Keyring,
}

impl PlatformSecrets {
    /// With those keys.
    pub const fn new(keyring: Keyring) -> Self {
        Self { keyring }
    }
}

#[async_trait]
impl Secrets for PlatformSecrets {
    async fn secret(&self, name: &str) -> Option<String> {
        let (agent, sealed) = name.strip_prefix(PREFIX)?.split_once('/')?;
        // Only what this program sealed: imported texts are not bound to a place.
        let sealed = Some(sealed).filter(|sealed| !sealed.starts_with('{'))?;
        let opened = self.keyring.open(&place(agent.parse().ok()?), sealed);
        opened
            .inspect_err(|error| tracing::warn!(%error, agent, "a secret of an agent cannot be opened"))
            .ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keyring() -> Keyring {
        Keyring::new("k", &"5a".repeat(32)).unwrap()
    }

    #[test]
    fn secrets_are_known_by_their_names_however_written() {
        for name in ["apiKey", "api_key", "X-API-Key", "PASSWORD", "client-secret", "Authorization"] {
            assert!(is_secret(name), "{name}");
        }
        for name in ["maxTokens", "tokens", "url", "key", "secrets", "apiKeyHeader"] {
            assert!(!is_secret(name), "{name}");
        }
    }

    #[test]
    fn what_is_sealed_is_masked_named_and_opened_for_its_agent_only() {
        let (keyring, agent) = (keyring(), Uuid::new_v4());
        let mut config = json!({
            "auth": { "token": "sk-1234567890" }, "models": [{ "apiKey": "{{ inputs.key }}" }], "url": "u",
        });
        seal(&keyring, agent, &mut config, None).unwrap();
        assert!(has_secrets(&config) && !config.to_string().contains("sk-1234567890"));
        assert_eq!(config["models"][0]["apiKey"], "{{ inputs.key }}");
        let mut shown = config.clone();
        masked(&keyring, agent, &mut shown);
        assert_eq!(shown["auth"]["token"], "sk-1*****7890");
        let mut again = shown.clone();
        seal(&keyring, agent, &mut again, Some(&config)).unwrap();
        assert_eq!(again, config, "a mask that is sent back keeps the secret");
        let mut written = config.clone();
        named(agent, &mut written);
        let text = written["auth"]["token"].as_str().unwrap();
        let name = text.strip_prefix("{{ secrets[\"").unwrap().strip_suffix("\"] }}").unwrap();
        let secrets = PlatformSecrets::new(keyring);
        let open = |name: String| {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            runtime.block_on(secrets.secret(&name))
        };
        assert_eq!(open(name.to_owned()).as_deref(), Some("sk-1234567890"));
        assert_eq!(open(name.replace(&agent.to_string(), &Uuid::new_v4().to_string())), None);
        assert_eq!(open("PATH".to_owned()), None);
    }
}
