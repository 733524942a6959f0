//! The wire formats of the providers: what is sent, what comes back, whole or as a stream. Pure
//! functions over bytes; who sends them is no matter of theirs.

mod complaint;
mod stream;
mod openai;
mod anthropic;
mod google;
mod ollama;

use reqwest::Url;
use serde_json::Value;

use super::answer::{Answer, Fault};
use super::conversation::Conversation;

use stream::Assemble;
pub use stream::StreamReader;

/// Who answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Provider {
    /// `OpenAI`, and whoever speaks its language: `/chat/completions`.
    OpenAi,
    /// Anthropic: `/v1/messages`.
    Anthropic,
    /// Google's Gemini: `/v1beta/models/…:generateContent`.
    Google,
    /// Ollama, on a machine of one's own: `/api/chat`.
    Ollama,
    /// Nobody: answers are written in the configuration.
    Mock,
}

/// A request, ready to be sent.
#[derive(Clone, PartialEq)]
pub struct Call {
    /// Where to, with POST.
    pub url: Url,
    /// What it says besides; the key is in it.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: Value,
}

impl std::fmt::Debug for Call {
    /// Without the headers: the key is in them.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Call")
            .field("url", &self.url.as_str())
            .field("body", &self.body)
            .finish_non_exhaustive()
    }
}

/// One provider's language.
trait Wire: Sync {
    /// The part of the address that says the version, where a base address may leave it out.
    fn version(&self) -> &'static str;
    /// The rest of the address, with a query if it needs one.
    fn path(&self, model: &str, stream: bool) -> (String, Option<&'static str>);
    /// What the request says besides.
    fn headers(&self, key: Option<&str>) -> Vec<(&'static str, String)>;
    /// What the model is told.
    fn body(&self, model: &str, conversation: &Conversation, stream: bool) -> Value;
    /// What it answered.
    fn read(&self, body: &[u8]) -> Result<Answer, Fault>;
    /// Puts the pieces of a streamed answer together.
    fn stream(&self) -> Box<dyn Assemble>;
}

impl Provider {
    /// All there are, in the order of the documents.
    pub const ALL: [Self; 5] = [Self::OpenAi, Self::Anthropic, Self::Google, Self::Ollama, Self::Mock];

    /// Its name in configurations.
    pub const fn name(self) -> &'static str {
        match self {
            Self::OpenAi => "openai",
            Self::Anthropic => "anthropic",
            Self::Google => "google",
            Self::Ollama => "ollama",
            Self::Mock => "mock",
        }
    }

    /// The one of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|provider| provider.name() == name)
    }

    /// The names of all, as a sentence says them.
    pub(crate) fn names() -> String {
        Self::ALL.map(|provider| format!("`{}`", provider.name())).join(", ")
    }

    /// Where it is when nobody says otherwise.
    pub const fn home(self) -> &'static str {
        match self {
            Self::OpenAi => "https://api.openai.com",
            Self::Anthropic => "https://api.anthropic.com",
            Self::Google => "https://generativelanguage.googleapis.com",
            Self::Ollama => "http://localhost:11434",
            Self::Mock => "",
        }
    }

    /// The variables its key is looked for in; none, if it needs no key.
    pub const fn key_names(self) -> &'static [&'static str] {
        match self {
            Self::OpenAi => &["OPENAI_API_KEY"],
            Self::Anthropic => &["ANTHROPIC_API_KEY"],
            Self::Google => &["GEMINI_API_KEY", "GOOGLE_API_KEY"],
            Self::Ollama | Self::Mock => &[],
        }
    }

    /// The request for an answer of `model`, or nothing if the provider needs no request.
    ///
    /// `base` is the address of the provider, with the version in its path or without: that part
    /// is added where it is missing.
    pub fn call(
        self,
        base: &Url,
        key: Option<&str>,
        model: &str,
        conversation: &Conversation,
        stream: bool,
    ) -> Option<Call> {
        let wire = self.wire()?;
        let (path, query) = wire.path(model, stream);
        Some(Call {
            url: address(base, wire.version(), &path, query, self == Self::OpenAi),
            headers: wire.headers(key),
            body: wire.body(model, conversation, stream),
        })
    }

    /// What it answered with a status of success.
    ///
    /// # Errors
    /// It is no answer, or the model will not give one.
    pub fn read(self, body: &[u8]) -> Result<Answer, Fault> {
        match self.wire() {
            Some(wire) => wire.read(body),
            None => Err(Fault::reply("the mock sends nothing")),
        }
    }

    /// Reads an answer that comes piece by piece. `None` if the provider sends nothing.
    pub fn stream(self) -> Option<StreamReader> {
        self.wire().map(|wire| StreamReader::new(wire.stream()))
    }

    /// What a reply with another status means.
    pub fn fault(self, status: u16, body: &[u8]) -> Fault {
        complaint::read(status, body)
    }

    fn wire(self) -> Option<&'static dyn Wire> {
        match self {
            Self::OpenAi => Some(&openai::OpenAi),
            Self::Anthropic => Some(&anthropic::Anthropic),
            Self::Google => Some(&google::Google),
            Self::Ollama => Some(&ollama::Ollama),
            Self::Mock => None,
        }
    }
}

/// Puts an address together. The version goes between the base and the path, unless the base has
/// one; whoever speaks like `OpenAI` may have any path instead (`/api/v1`, `/openai`), so there it
/// is only added to a base without path.
fn address(base: &Url, version: &str, path: &str, query: Option<&str>, any_path: bool) -> Url {
    let mut url = base.clone();
    let root = base.path().trim_end_matches('/');
    let last = root.rsplit('/').next().unwrap_or_default();
    let has_version = last.len() > 1 && last.starts_with('v') && last.as_bytes()[1].is_ascii_digit();
    let needs = !version.is_empty() && !has_version && (!any_path || root.is_empty());
    let full = if needs { format!("{root}/{version}/{path}") } else { format!("{root}/{path}") };
    url.set_path(&full);
    if let Some(query) = query {
        url.query_pairs_mut().extend_pairs(query.split('&').filter_map(|pair| pair.split_once('=')));
    }
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_added_where_a_base_leaves_it_out() {
        let check = |provider: Provider, base: &str, expected: &str| {
            let base = Url::parse(base).unwrap();
            let call = provider.call(&base, None, "m/x", &Conversation::default(), true).unwrap();
            assert_eq!(call.url.as_str(), expected);
        };
        check(Provider::OpenAi, Provider::OpenAi.home(), "https://api.openai.com/v1/chat/completions");
        check(Provider::OpenAi, "http://a/v1/", "http://a/v1/chat/completions");
        check(Provider::OpenAi, "http://a/api/v1", "http://a/api/v1/chat/completions");
        check(Provider::OpenAi, "http://a/openai", "http://a/openai/chat/completions");
        check(Provider::OpenAi, "http://a/d?api-version=2", "http://a/d/chat/completions?api-version=2");
        check(Provider::Anthropic, "http://a", "http://a/v1/messages");
        check(Provider::Anthropic, "http://a/v1", "http://a/v1/messages");
        check(Provider::Anthropic, "http://a/anthropic", "http://a/anthropic/v1/messages");
        check(Provider::Google, "http://a", "http://a/v1beta/models/m%2Fx:streamGenerateContent?alt=sse");
        check(Provider::Google, "http://a/v1", "http://a/v1/models/m%2Fx:streamGenerateContent?alt=sse");
        check(Provider::Ollama, "http://a", "http://a/api/chat");
        let escape = Provider::Google.call(
            &Url::parse("http://a").unwrap(),
            None,
            r"a\..\..\b?c#d%2F",
            &Conversation::default(),
            false,
        );
        assert_eq!(
            escape.unwrap().url.as_str(),
            "http://a/v1beta/models/a%5C..%5C..%5Cb%3Fc%23d%252F:generateContent"
        );
        check(Provider::Ollama, "http://a/ollama/", "http://a/ollama/api/chat");
    }

    #[test]
    fn a_call_does_not_show_its_key() {
        let base = Url::parse(Provider::OpenAi.home()).unwrap();
        let call = Provider::OpenAi.call(&base, Some("sk-1"), "m", &Conversation::default(), false).unwrap();
        assert!(!format!("{call:?}").contains("sk-1"));
    }
}
