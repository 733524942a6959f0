//! What attempts used: calls, bytes, tokens, money. Reported by agents, recorded, and added up.

use std::ops::AddAssign;

use serde::{Deserialize, Serialize};

/// What an attempt used, or many of them together.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Usage {
    /// How many calls it made to somebody else.
    #[serde(skip_serializing_if = "is_zero")]
    pub api_calls: u64,
    /// How many bytes went over the network, both ways.
    #[serde(skip_serializing_if = "is_zero")]
    pub network_bytes: u64,
    /// How many tokens a language model read.
    #[serde(skip_serializing_if = "is_zero")]
    pub input_tokens: u64,
    /// How many tokens a language model wrote.
    #[serde(skip_serializing_if = "is_zero")]
    pub output_tokens: u64,
    /// What it cost, in US dollars.
    #[serde(skip_serializing_if = "is_nothing")]
    pub cost_usd: f64,
    /// How long it kept a processor busy, in milliseconds.
    #[serde(skip_serializing_if = "is_zero")]
    pub cpu_ms: u64,
    /// The most memory it had at once. Of many: the largest of them.
    #[serde(skip_serializing_if = "is_zero")]
    pub peak_memory_bytes: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
const fn is_zero(number: &u64) -> bool {
    *number == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_nothing(number: &f64) -> bool {
    *number <= 0.0
}

impl Usage {
    pub(crate) const NOTHING: Self = Self {
        api_calls: 0,
        network_bytes: 0,
        input_tokens: 0,
        output_tokens: 0,
        cost_usd: 0.0,
        cpu_ms: 0,
        peak_memory_bytes: 0,
    };

    /// Tokens read and written.
    pub const fn tokens(&self) -> u64 {
        self.input_tokens.saturating_add(self.output_tokens)
    }

    /// Whether nothing was used.
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }

    /// Adds what another attempt used.
    pub fn add(&mut self, other: &Self) {
        self.api_calls = self.api_calls.saturating_add(other.api_calls);
        self.network_bytes = self.network_bytes.saturating_add(other.network_bytes);
        self.input_tokens = self.input_tokens.saturating_add(other.input_tokens);
        self.output_tokens = self.output_tokens.saturating_add(other.output_tokens);
        // What cannot be is not counted: a sum that is not a number would be lost for ever.
        if other.cost_usd.is_finite() && other.cost_usd > 0.0 {
            self.cost_usd = (self.cost_usd + other.cost_usd).min(f64::MAX);
        }
        self.cpu_ms = self.cpu_ms.saturating_add(other.cpu_ms);
        self.peak_memory_bytes = self.peak_memory_bytes.max(other.peak_memory_bytes);
    }

    /// The same without what cannot be, as it is recorded.
    pub(crate) fn sound(mut self) -> Self {
        if !self.cost_usd.is_finite() || self.cost_usd < 0.0 {
            self.cost_usd = 0.0;
        }
        self
    }
}

impl AddAssign<&Self> for Usage {
    fn add_assign(&mut self, other: &Self) {
        self.add(other);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn usage_adds_up_and_keeps_the_largest_memory() {
        let mut sum = Usage { api_calls: 1, input_tokens: 10, peak_memory_bytes: 5, ..Usage::default() };
        sum += &Usage { output_tokens: 4, cost_usd: 0.25, peak_memory_bytes: 3, ..Usage::default() };
        sum += &Usage { cost_usd: f64::NAN, network_bytes: u64::MAX, ..Usage::default() };
        sum += &Usage { cost_usd: -1.0, network_bytes: 1, ..Usage::default() };
        assert_eq!(sum.tokens(), 14);
        let expected = json!({
            "apiCalls": 1, "networkBytes": u64::MAX, "inputTokens": 10, "outputTokens": 4,
            "costUsd": 0.25, "peakMemoryBytes": 5,
        });
        assert_eq!(serde_json::to_value(&sum).unwrap(), expected);
        assert_eq!(serde_json::from_value::<Usage>(expected).unwrap(), sum);
    }
}
