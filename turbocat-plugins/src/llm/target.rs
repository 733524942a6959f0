//! A model that can be asked: its address, its key, its price.

use std::collections::BTreeMap;
use std::fmt;

use reqwest::Url;
use turbocat_core::{FailureKind, StepFailure};

use super::config::{Choice, Key};
use super::keys::Keys;
use super::price::{Price, Prices};
use super::provider::Provider;

/// What whoever set the agent up knows of providers.
#[derive(Clone, Debug)]
pub(crate) struct Directory {
    pub(crate) keys: Keys,
    pub(crate) prices: Prices,
    pub(crate) bases: BTreeMap<&'static str, Url>,
}

/// A model that can be asked.
pub(crate) struct Target {
    pub(crate) choice: Choice,
    pub(crate) base: Url,
    pub(crate) key: Option<Key>,
    pub(crate) price: Option<Price>,
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Target").field("model", &self.choice.name()).finish_non_exhaustive()
    }
}

impl Directory {
    /// Looks up what a model needs to be asked.
    ///
    /// A key of the directory goes to the provider's own address, and to the address the directory
    /// has for it, but never to one of a configuration: whoever writes a workflow could have it
    /// sent home.
    ///
    /// # Errors
    /// There is no key.
    pub(crate) fn find(&self, choice: Choice) -> Result<Target, StepFailure> {
        let provider = choice.provider;
        let home = self.home(provider)?;
        let own = choice.base.as_ref().is_none_or(|base| base.origin() == home.origin());
        let key = match &choice.key {
            Some(key) => Some(key.clone()),
            None if own => self.keys.first(provider.key_names()).map(Key),
            None => None,
        };
        if let Some(name) = provider.key_names().first().filter(|_| key.is_none() && own) {
            // A gateway of one's own may have the key itself.
            if !self.bases.contains_key(provider.name()) {
                let message = format!(
                    "`{}` needs a key: set `{name}` in the environment, or `apiKey` to a secret in the configuration",
                    choice.name()
                );
                return Err(StepFailure::new(FailureKind::new("llm.key"), message).permanent());
            }
        }
        let price = choice.price.or_else(|| self.prices.of(provider, &choice.model, own));
        let base = choice.base.clone().unwrap_or(home);
        Ok(Target { choice, base, key, price })
    }

    fn home(&self, provider: Provider) -> Result<Url, StepFailure> {
        if let Some(base) = self.bases.get(provider.name()) {
            return Ok(base.clone());
        }
        // The mock is nowhere; an address that is never used is as good as none.
        let home = if provider == Provider::Mock { "http://mock.invalid" } else { provider.home() };
        Ok(Url::parse(home)?)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::llm::config::Config;

    fn directory(base: Option<&str>) -> Directory {
        let keys = Keys::from_fn(|name| (name == "OPENAI_API_KEY").then(|| "sk-env".to_owned()));
        let bases = base.map(|base| ("openai", Url::parse(base).unwrap())).into_iter().collect();
        Directory { keys, prices: Prices::default(), bases }
    }

    fn find(directory: &Directory, config: &Value) -> Result<(String, Option<String>, bool), String> {
        let choice = Config::read(config).unwrap().models.remove(0);
        match directory.find(choice) {
            Ok(target) => Ok((target.base.to_string(), target.key.map(|key| key.0), target.price.is_some())),
            Err(failure) => Err(failure.to_string()),
        }
    }

    #[test]
    fn a_key_of_the_environment_goes_to_nobody_a_workflow_names() {
        let check = |base: Option<&str>, config: Value, expected: (&str, Option<&str>, bool)| {
            let (address, key, priced) = find(&directory(base), &config).unwrap();
            assert_eq!((&*address, key.as_deref(), priced), expected, "{config}");
        };
        let model = "gpt-4o";
        check(None, json!({ "model": model }), ("https://api.openai.com/", Some("sk-env"), true));
        check(
            None,
            json!({ "model": model, "apiKey": "mine" }),
            ("https://api.openai.com/", Some("mine"), true),
        );
        check(
            None,
            json!({ "model": model, "baseUrl": "https://api.openai.com/v1" }),
            ("https://api.openai.com/v1", Some("sk-env"), true),
        );
        check(
            None,
            json!({ "model": model, "baseUrl": "http://api.openai.com/v1" }),
            ("http://api.openai.com/v1", None, false),
        );
        check(
            None,
            json!({ "model": model, "baseUrl": "https://evil.example" }),
            ("https://evil.example/", None, false),
        );
        check(
            None,
            json!({ "model": model, "baseUrl": "https://evil.example", "apiKey": "mine" }),
            ("https://evil.example/", Some("mine"), false),
        );
        check(
            Some("https://gateway.internal"),
            json!({ "model": model }),
            ("https://gateway.internal/", Some("sk-env"), true),
        );
        check(
            Some("https://gateway.internal"),
            json!({ "model": model, "baseUrl": "https://api.openai.com" }),
            ("https://api.openai.com/", None, false),
        );
        check(
            None,
            json!({ "provider": "ollama", "model": "llama3.2" }),
            ("http://localhost:11434/", None, true),
        );
    }

    #[test]
    fn a_missing_key_is_named() {
        let failure = find(&directory(None), &json!({ "model": "anthropic/claude-haiku" })).unwrap_err();
        assert!(failure.contains("`ANTHROPIC_API_KEY`") && failure.ends_with("(llm.key)"), "{failure}");
        let failure = find(&directory(None), &json!({ "model": "google/gemini-2.5-pro" })).unwrap_err();
        assert!(failure.contains("`GEMINI_API_KEY`"), "{failure}");
        // a gateway may have the keys itself
        let mut with_gateway = directory(Some("https://gateway.internal"));
        with_gateway.keys = Keys::none();
        assert_eq!(find(&with_gateway, &json!({ "model": "gpt-4o" })).unwrap().1, None);
    }
}
