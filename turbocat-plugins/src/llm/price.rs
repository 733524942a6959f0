//! What tokens cost: a table as data, with its date, and what its owner knows better.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use super::answer::Tokens;
use super::provider::Provider;

/// What a model's tokens cost, in US dollars per million.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct Price {
    /// A million tokens told.
    pub input: f64,
    /// A million tokens answered.
    pub output: f64,
    /// A million tokens told that were in the provider's cache; as the others, if not said.
    pub cached: Option<f64>,
    /// A million tokens told that the provider put into its cache; as the others, if not said.
    pub written: Option<f64>,
    /// What longer conversations cost.
    over: Option<Over>,
}

/// What conversations cost that are longer than a limit, all of their tokens.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
struct Over {
    tokens: u64,
    input: f64,
    output: f64,
    cached: f64,
    written: Option<f64>,
}

impl Price {
    /// A price per million tokens told and answered.
    pub const fn per_million(input: f64, output: f64) -> Self {
        Self { input, output, cached: None, written: None, over: None }
    }

    /// The same with a price for tokens that were in the provider's cache.
    #[must_use]
    pub const fn cached(mut self, cached: f64) -> Self {
        self.cached = Some(cached);
        self
    }

    /// The same with a price for tokens that the provider put into its cache.
    #[must_use]
    pub const fn written(mut self, written: f64) -> Self {
        self.written = Some(written);
        self
    }

    /// What a call cost.
    pub fn of(&self, tokens: Tokens) -> f64 {
        let over = self.over.filter(|over| tokens.input > over.tokens);
        let (input, output, cached, written) = match over {
            Some(over) => (over.input, over.output, over.cached, over.written),
            None => (self.input, self.output, self.cached.unwrap_or(self.input), self.written),
        };
        let from_cache = tokens.cached.min(tokens.input);
        let into_cache = tokens.written.min(tokens.input - from_cache);
        let read = count(tokens.input - from_cache - into_cache) * input
            + count(from_cache) * cached
            + count(into_cache) * written.unwrap_or(input);
        (read + count(tokens.output) * output) / 1e6
    }
}

#[expect(clippy::cast_precision_loss, reason = "no conversation has 2^53 tokens")]
const fn count(tokens: u64) -> f64 {
    tokens as f64
}

/// What is known of prices.
#[derive(Clone, Debug, Default)]
pub(crate) struct Prices {
    /// What whoever set the agent up said, by `provider/model`.
    said: BTreeMap<String, Price>,
}

#[derive(Deserialize)]
struct Table {
    date: String,
    models: BTreeMap<String, Price>,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    // A table that is no table is found by the test below, before anybody is asked for a price.
    serde_json::from_str(include_str!("prices.json"))
        .unwrap_or_else(|_| Table { date: "never".to_owned(), models: BTreeMap::new() })
});

impl Prices {
    pub(crate) fn say(&mut self, model: &str, price: Price) {
        self.said.insert(model.to_owned(), price);
    }

    /// When the prices that come along were looked up.
    pub(crate) fn date() -> &'static str {
        &TABLE.date
    }

    /// What a model costs; `own` says whether it is asked at its provider's own address: what it
    /// costs elsewhere only its owner knows.
    pub(crate) fn of(&self, provider: Provider, model: &str, own: bool) -> Option<Price> {
        let name = format!("{}/{model}", provider.name());
        let table = own.then(|| find(&TABLE.models, &name)).flatten();
        find(&self.said, &name).or(table).or(match provider {
            // A machine of one's own sends no bill.
            Provider::Ollama | Provider::Mock => Some(Price::per_million(0.0, 0.0)),
            _ => None,
        })
    }
}

/// The price of a model or of the family it is a version of: the longest name that fits.
fn find(prices: &BTreeMap<String, Price>, name: &str) -> Option<Price> {
    let fits = |known: &str| name.strip_prefix(known).is_some_and(is_version);
    prices
        .iter()
        .filter(|(known, _)| fits(known))
        .max_by_key(|(known, _)| known.len())
        .map(|(_, price)| *price)
}

/// Whether what follows a model's name is a version of it (`-2024-07-18`, `-001`, `-latest`), not
/// another model (`-mini`, `-4-5`).
fn is_version(rest: &str) -> bool {
    let Some(version) = rest.strip_prefix(['-', '@']) else { return rest.is_empty() };
    let first = version.split('-').next().unwrap_or_default();
    version == "latest"
        || (first.len() >= 3 && version.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(name: &str) -> Option<f64> {
        find(&TABLE.models, name).map(|price| price.input)
    }

    #[test]
    fn a_version_costs_what_its_model_costs_and_another_model_does_not() {
        let check = |name: &str, expected: Option<f64>| assert_eq!(table(name), expected, "{name}");
        check("openai/gpt-4o", Some(2.5));
        check("openai/gpt-4o-2024-08-06", Some(2.5));
        check("openai/gpt-4o-mini-2024-07-18", Some(0.15));
        check("openai/gpt-4-0613", Some(30.0));
        check("openai/gpt-4o-audio-preview", None);
        check("openai/gpt-9", None);
        check("anthropic/claude-sonnet-4-20250514", Some(3.0));
        check("anthropic/claude-opus-4-5-20251101", Some(5.0));
        check("anthropic/claude-opus-4-9", None);
        check("anthropic/claude-3-5-haiku-latest", Some(0.8));
        check("google/gemini-2.0-flash-001", Some(0.1));
        check("openai/claude-3-haiku", None);
    }

    #[test]
    fn a_call_costs_what_its_tokens_cost() {
        let check = |price: Price, input: u64, output: u64, cached: u64, expected: f64| {
            let cost = price.of(Tokens { input, output, cached, written: 0 });
            assert!((cost - expected).abs() < 1e-12, "{cost} is not {expected}");
        };
        let price = Price::per_million(2.0, 10.0);
        check(price, 1_000_000, 0, 0, 2.0);
        check(price, 1000, 500, 0, 0.007);
        check(price, 1000, 0, 1000, 0.002);
        check(price.cached(0.5), 1000, 0, 400, 0.0014);
        check(price.cached(0.5), 10, 0, 4000, 0.000_005);
        let caches = |price: Price| price.of(Tokens { input: 1000, output: 0, cached: 100, written: 400 });
        assert!((caches(price.cached(0.5)) - 0.001_85).abs() < 1e-12);
        assert!((caches(price.cached(0.5).written(2.5)) - 0.002_05).abs() < 1e-12);
        let Some(long) = find(&TABLE.models, "google/gemini-2.5-pro") else { panic!("gone") };
        check(long, 200_000, 0, 0, 0.25);
        check(long, 200_001, 0, 0, 0.500_002_5);
        let Some(dear) = find(&TABLE.models, "anthropic/claude-sonnet-4-5") else { panic!("gone") };
        let writes = |written: u64| dear.of(Tokens { input: written, written, ..Tokens::default() });
        assert!((writes(100_000) - 0.375).abs() < 1e-9 && (writes(300_000) - 2.25).abs() < 1e-9);
    }

    #[test]
    fn all_of_anthropics_models_have_a_price_for_what_is_put_into_the_cache() {
        for (name, price) in TABLE.models.iter().filter(|(name, _)| name.starts_with("anthropic/")) {
            let written = price.written.unwrap_or_else(|| panic!("{name}"));
            assert!((written - 1.25 * price.input).abs() < 1e-9, "{name}");
        }
    }

    #[test]
    fn what_is_said_goes_before_the_table_and_only_own_addresses_have_known_prices() {
        let mut prices = Prices::default();
        let input =
            |prices: &Prices, provider, model, own| prices.of(provider, model, own).map(|price| price.input);
        assert_eq!(input(&prices, Provider::OpenAi, "gpt-4o", true), Some(2.5));
        assert_eq!(input(&prices, Provider::OpenAi, "gpt-4o", false), None);
        assert_eq!(input(&prices, Provider::Ollama, "llama3.2", false), Some(0.0));
        prices.say("openai/gpt-4o", Price::per_million(7.0, 7.0));
        assert_eq!(input(&prices, Provider::OpenAi, "gpt-4o", true), Some(7.0));
        assert_eq!(input(&prices, Provider::OpenAi, "gpt-4o-2024-08-06", false), Some(7.0));
    }
}
