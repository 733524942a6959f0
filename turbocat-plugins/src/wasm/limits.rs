//! How much a call of a plugin may take, and what it is told when it takes more.

use std::time::Duration;

use serde_json::json;
use turbocat_core::{FailureKind, StepFailure};
use turbocat_pdk::wire;

use super::error::{PluginError, PluginErrorKind};

/// How much one call of a plugin may take.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Memory: the plugin's own, and what lies between it and the host. Default 64 MiB: enough for
    /// documents of some megabytes, and a thousand calls at once still fit a server.
    pub memory_bytes: u64,
    /// Time, from the first instruction, waiting for HTTP included. Default 10 s.
    pub time: Duration,
    /// The inputs as JSON. Default 16 MiB.
    pub input_bytes: u64,
    /// The output as JSON. Default 16 MiB.
    pub output_bytes: u64,
    /// How often memory between plugin and host may be asked for. Default 1,000,000: each costs the
    /// host a few dozen bytes of its own.
    pub allocations: u64,
    /// All log messages and progress together. Default 1 MiB: they are kept with the execution.
    pub log_bytes: u64,
    /// Everything kept by `var_set`, and one value of the key-value state. Default 1 MiB.
    pub state_bytes: u64,
    /// The answer to one HTTP request. Default 10 MiB.
    pub http_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory_bytes: 64 << 20,
            time: Duration::from_secs(10),
            input_bytes: 16 << 20,
            output_bytes: 16 << 20,
            allocations: 1_000_000,
            log_bytes: 1 << 20,
            state_bytes: 1 << 20,
            http_bytes: 10 << 20,
        }
    }
}

impl Limits {
    /// The same with that much memory.
    #[must_use]
    pub const fn memory_bytes(mut self, bytes: u64) -> Self {
        self.memory_bytes = bytes;
        self
    }

    /// The same with that much time.
    #[must_use]
    pub const fn time(mut self, time: Duration) -> Self {
        self.time = time;
        self
    }

    /// The same with inputs of that size.
    #[must_use]
    pub const fn input_bytes(mut self, bytes: u64) -> Self {
        self.input_bytes = bytes;
        self
    }

    /// The same with an output of that size.
    #[must_use]
    pub const fn output_bytes(mut self, bytes: u64) -> Self {
        self.output_bytes = bytes;
        self
    }

    /// The same with that many allocations.
    #[must_use]
    pub const fn allocations(mut self, allocations: u64) -> Self {
        self.allocations = allocations;
        self
    }

    /// The same with that much to log.
    #[must_use]
    pub const fn log_bytes(mut self, bytes: u64) -> Self {
        self.log_bytes = bytes;
        self
    }

    /// The same with that much to keep.
    #[must_use]
    pub const fn state_bytes(mut self, bytes: u64) -> Self {
        self.state_bytes = bytes;
        self
    }

    /// The same with answers of that size.
    #[must_use]
    pub const fn http_bytes(mut self, bytes: u64) -> Self {
        self.http_bytes = bytes;
        self
    }

    /// These limits with what a plugin asks for in their place, if the ceiling allows it.
    pub(super) fn asked(
        &self,
        plugin: &str,
        asked: &wire::Limits,
        ceiling: &Self,
    ) -> Result<Self, PluginError> {
        let too_much = |what: &str, wanted: u64, most: u64, setting: &str| {
            PluginError::new(
                PluginErrorKind::Limits,
                format!("plugin `{plugin}` asks for {wanted} {what}, and this host gives {most} at most"),
            )
            .help(format!("raise `{setting}` of the host's ceiling if the plugin deserves it"))
        };
        let mut limits = self.clone();
        if let Some(wanted) = asked.memory_bytes {
            if wanted > ceiling.memory_bytes {
                return Err(too_much("bytes of memory", wanted, ceiling.memory_bytes, "memory_bytes"));
            }
            limits.memory_bytes = wanted;
        }
        if let Some(wanted) = asked.time_ms {
            let most = u64::try_from(ceiling.time.as_millis()).unwrap_or(u64::MAX);
            if wanted > most {
                return Err(too_much("ms a call", wanted, most, "time"));
            }
            limits.time = Duration::from_millis(wanted);
        }
        if let Some(wanted) = asked.output_bytes {
            if wanted > ceiling.output_bytes {
                return Err(too_much("bytes of output", wanted, ceiling.output_bytes, "output_bytes"));
            }
            limits.output_bytes = wanted;
        }
        Ok(limits)
    }

    /// The smaller of each.
    #[must_use]
    pub(super) fn at_most(&self, ceiling: &Self) -> Self {
        Self {
            memory_bytes: self.memory_bytes.min(ceiling.memory_bytes),
            time: self.time.min(ceiling.time),
            input_bytes: self.input_bytes.min(ceiling.input_bytes),
            output_bytes: self.output_bytes.min(ceiling.output_bytes),
            allocations: self.allocations.min(ceiling.allocations),
            log_bytes: self.log_bytes.min(ceiling.log_bytes),
            state_bytes: self.state_bytes.min(ceiling.state_bytes),
            http_bytes: self.http_bytes.min(ceiling.http_bytes),
        }
    }
}

/// The failure of a call that took more than it may.
pub(super) fn exceeded(plugin: &str, limit: &str, what: &str, most: u64) -> StepFailure {
    StepFailure::new(FailureKind::LIMIT, format!("plugin `{plugin}` {what}; the limit is {most}"))
        .permanent()
        .detail(json!({ "limit": limit, "most": most }))
}

/// The failure of a call that took too long.
pub(super) fn timed_out(plugin: &str, time: Duration) -> StepFailure {
    let ms = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    StepFailure::new(FailureKind::TIMEOUT, format!("plugin `{plugin}` took longer than {ms} ms"))
        .detail(json!({ "limit": "time", "most": ms }))
}
