//! Which model is asked, where, and with which key.

use reqwest::Url;
use serde_json::{Map, Value};
use turbocat_core::BadConfig;

use super::mock::{self, Reply};
use super::reader::{Fields, Node, Reader};
use crate::llm::price::Price;
use crate::llm::provider::Provider;

/// A model, and how to ask it.
#[derive(Clone, Debug)]
pub(crate) struct Choice {
    pub(crate) provider: Provider,
    pub(crate) model: String,
    pub(crate) base: Option<Url>,
    pub(crate) key: Option<Key>,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) price: Option<Price>,
    pub(crate) extra: Map<String, Value>,
    /// What the mock answers; `None`: what it is told.
    pub(crate) replies: Option<Vec<Reply>>,
}

/// A key. It is never shown.
#[derive(Clone)]
pub(crate) struct Key(pub(crate) String);

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

/// The settings that belong to a model.
pub(super) const OWN: [&str; 7] = ["provider", "model", "baseUrl", "apiKey", "headers", "price", "extra"];

impl Choice {
    /// `provider/model`, as it is written in configurations and outputs.
    pub(crate) fn name(&self) -> String {
        format!("{}/{}", self.provider.name(), self.model)
    }
}

impl Reader {
    /// The models to ask, in order. Empty only if something is wrong or comes later.
    pub(super) fn models(&mut self, fields: &mut Fields<'_>) -> Vec<Choice> {
        let Some(node) = fields.take("models") else { return self.choice(fields).into_iter().collect() };
        for name in OWN {
            if let Some(own) = fields.take(name) {
                let message = format!("`{name}` and `models` exclude each other");
                self.fault(BadConfig::at(own.at, message).help("say it in the entries of `models`"));
            }
        }
        let Some(list) = self.list(&node, "a list such as `[openai/gpt-4o-mini, anthropic/claude-haiku]`")
        else {
            return Vec::new();
        };
        if list.is_empty() {
            self.fault(BadConfig::at(&node.at, "`models` is empty"));
        }
        list.iter().filter_map(|node| self.entry(node)).collect()
    }

    fn entry(&mut self, node: &Node<'_>) -> Option<Choice> {
        if self.is_template(node.value) {
            return None;
        }
        if let Value::String(text) = node.value {
            return self.short(node, text);
        }
        let mut fields = self.object(node, "`provider/model` or an object with `provider` and `model`")?;
        let mut choice = self.choice(&mut fields);
        if let Some(node) = fields.take("mock") {
            let replies = mock::replies(self, &node);
            if let Some(choice) = &mut choice {
                choice.replies = replies;
            }
        }
        self.finish(&fields);
        choice
    }

    /// `provider/model`.
    fn short(&mut self, node: &Node<'_>, text: &str) -> Option<Choice> {
        let Some((provider, model)) = text.split_once('/') else {
            let fault = BadConfig::at(&node.at, format!("`{text}` does not say whose model it is"));
            self.fault(fault.help(format!("write `openai/{text}`, or another of {}", Provider::names())));
            return None;
        };
        if model.trim().is_empty() {
            self.fault(BadConfig::at(&node.at, format!("`{text}` names no model")));
            return None;
        }
        let provider = self.provider(&node.at, provider)?;
        Some(plain(provider, model))
    }

    fn provider(&mut self, at: &str, name: &str) -> Option<Provider> {
        let known = Provider::named(name);
        if known.is_none() {
            let message = format!("unknown provider `{name}`: it may be {}", Provider::names());
            let names = Provider::ALL.map(Provider::name);
            let close = BadConfig::at(at, message).suggest(name, names);
            let other = "say `provider: openai` and its `baseUrl` for others that speak OpenAI's language";
            let help = close.help.clone().filter(|help| help.starts_with("did you mean"));
            self.fault(close.help(help.unwrap_or_else(|| other.to_owned())));
        }
        known
    }

    /// A model as fields say it.
    fn choice(&mut self, fields: &mut Fields<'_>) -> Option<Choice> {
        let at = fields.at.clone();
        let provider = fields.take("provider");
        let model = fields.take("model");
        let said = provider.as_ref().and_then(|node| self.name(node).map(|name| (node.at.clone(), name)));
        let base = fields.take("baseUrl").and_then(|node| self.base(&node));
        let key = fields.take("apiKey").and_then(|node| self.name(&node)).map(Key);
        let headers = fields.take("headers").map(|node| self.headers(&node)).unwrap_or_default();
        let price = fields.take("price").and_then(|node| self.price(&node));
        let extra = fields.take("extra").and_then(|node| match node.value {
            Value::Object(map) => Some(map.clone()),
            _ => self.object(&node, "an object with more fields of the request").and(None),
        });
        let known = match &said {
            Some((at, name)) => Some(self.provider(at, name)?),
            None => None,
        };
        let Some(node) = model else {
            if known == Some(Provider::Mock) {
                return Some(Choice {
                    base,
                    key,
                    headers,
                    price,
                    extra: extra.unwrap_or_default(),
                    ..plain(Provider::Mock, "mock")
                });
            }
            let fault = BadConfig::at(at, "`model` is missing");
            self.fault(
                fault.help(
                    "say `model: gpt-4o-mini`, or `models: [openai/gpt-4o-mini, anthropic/claude-haiku]`",
                ),
            );
            return None;
        };
        let name = self.name(&node)?;
        // A provider that comes later is none to guess at.
        if provider.is_some() && known.is_none() {
            return None;
        }
        let (provider, name) = match (known, name.split_once('/')) {
            (Some(provider), _) => (provider, name),
            (None, Some((prefix, rest)))
                if base.is_none() && Provider::named(prefix).is_some() && !rest.is_empty() =>
            {
                (Provider::named(prefix).unwrap_or(Provider::OpenAi), rest.to_owned())
            }
            (None, _) => (Provider::OpenAi, name),
        };
        Some(Choice { base, key, headers, price, extra: extra.unwrap_or_default(), ..plain(provider, &name) })
    }

    fn base(&mut self, node: &Node<'_>) -> Option<Url> {
        let text = self.name(node)?;
        match Url::parse(&text) {
            Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Some(url),
            _ => {
                let message = "`baseUrl` must be an address such as `https://llm.example/v1`";
                self.fault(BadConfig::at(&node.at, message));
                None
            }
        }
    }

    fn headers(&mut self, node: &Node<'_>) -> Vec<(String, String)> {
        let Value::Object(map) = node.value else {
            self.object(node, "an object of names and texts");
            return Vec::new();
        };
        let mut headers = Vec::new();
        for (name, value) in map {
            let at = format!("{}/{}", node.at, name.replace('~', "~0").replace('/', "~1"));
            if http::HeaderName::from_bytes(name.as_bytes()).is_err() {
                self.fault(BadConfig::at(&at, format!("`{name}` is no name of a header")));
            }
            let Some(text) = self.text(&Node { at: at.clone(), value }) else { continue };
            if http::HeaderValue::from_str(&text).is_err() {
                self.fault(BadConfig::at(&at, format!("the value of `{name}` cannot stand in a header")));
            }
            headers.push((name.clone(), text));
        }
        headers
    }

    fn price(&mut self, node: &Node<'_>) -> Option<Price> {
        let mut fields =
            self.object(node, "`{ input: 0.15, output: 0.6 }`, in US dollars per million tokens")?;
        let input = fields.take("input").map(|node| self.number(&node, 0.0, 1e6));
        let output = fields.take("output").map(|node| self.number(&node, 0.0, 1e6));
        let cached = fields.take("cached").and_then(|node| self.number(&node, 0.0, 1e6));
        let written = fields.take("written").and_then(|node| self.number(&node, 0.0, 1e6));
        self.finish(&fields);
        let (Some(input), Some(output)) = (input, output) else {
            let message = "`price` needs `input` and `output`, in US dollars per million tokens";
            self.fault(BadConfig::at(&node.at, message));
            return None;
        };
        let mut price = Price::per_million(input?, output?);
        price.cached = cached;
        price.written = written;
        Some(price)
    }
}

fn plain(provider: Provider, model: &str) -> Choice {
    // Short names stay what they were when they were written down here: see the documents.
    let model = match (provider, model) {
        (Provider::Anthropic, "claude-haiku") => "claude-haiku-4-5",
        (Provider::Anthropic, "claude-sonnet") => "claude-sonnet-4-5",
        (Provider::Anthropic, "claude-opus") => "claude-opus-4-5",
        (_, model) => model,
    };
    Choice {
        provider,
        model: model.to_owned(),
        base: None,
        key: None,
        headers: Vec::new(),
        price: None,
        extra: Map::new(),
        replies: None,
    }
}
