//! What a plugin is told of the attempt that calls it.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What a plugin is told of the attempt that calls it, under the configuration key
/// [`CONTEXT_KEY`](super::CONTEXT_KEY).
///
/// A plugin reads it: what it does not know it passes over, so that an older plugin works on a
/// newer host.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Context {
    /// The identity of the execution.
    pub execution: String,
    /// The key of the step, such as `summarise`.
    pub step: String,
    /// The path of the step, such as `perStory[3].summarise`.
    pub path: String,
    /// Which attempt of the step this is, from one.
    pub attempt: u32,
    /// The same for every attempt of this step in this execution, and for nothing else.
    pub idempotency_key: String,
    /// The configuration of the agent, with all templates evaluated.
    #[serde(default)]
    pub config: Value,
}
