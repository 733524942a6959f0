//! Limits that whoever grants has set, as far as they are set: the rest is the host's to say.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::limits::Limits;

/// Limits in place of the host's and of what a plugin asks for, each as far as it is set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[non_exhaustive]
pub struct OwnLimits {
    /// As [`Limits::memory_bytes`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<u64>,
    /// As [`Limits::time`], in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_ms: Option<u64>,
    /// As [`Limits::input_bytes`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_bytes: Option<u64>,
    /// As [`Limits::output_bytes`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_bytes: Option<u64>,
    /// As [`Limits::allocations`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allocations: Option<u64>,
    /// As [`Limits::log_bytes`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_bytes: Option<u64>,
    /// As [`Limits::state_bytes`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state_bytes: Option<u64>,
    /// As [`Limits::http_bytes`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_bytes: Option<u64>,
}

impl OwnLimits {
    /// All of them, as far as a file can hold them: what is more is as good as no limit.
    pub(super) fn all(limits: &Limits) -> Self {
        const MOST: u64 = i64::MAX as u64;
        let written = |limit: u64| Some(limit.min(MOST));
        Self {
            memory_bytes: written(limits.memory_bytes),
            time_ms: written(u64::try_from(limits.time.as_millis()).unwrap_or(MOST)),
            input_bytes: written(limits.input_bytes),
            output_bytes: written(limits.output_bytes),
            allocations: written(limits.allocations),
            log_bytes: written(limits.log_bytes),
            state_bytes: written(limits.state_bytes),
            http_bytes: written(limits.http_bytes),
        }
    }

    /// Whether none is set.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// These where they are set, and the others' where not.
    pub(super) fn over(&self, others: &Limits) -> Limits {
        let mut limits = others.clone();
        limits.time = self.time_ms.map_or(limits.time, Duration::from_millis);
        for (limit, own) in [
            (&mut limits.memory_bytes, self.memory_bytes),
            (&mut limits.input_bytes, self.input_bytes),
            (&mut limits.output_bytes, self.output_bytes),
            (&mut limits.allocations, self.allocations),
            (&mut limits.log_bytes, self.log_bytes),
            (&mut limits.state_bytes, self.state_bytes),
            (&mut limits.http_bytes, self.http_bytes),
        ] {
            *limit = own.unwrap_or(*limit);
        }
        limits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_limits_are_kept_and_what_is_not_set_is_the_hosts() {
        let own = Limits::default()
            .memory_bytes(1)
            .time(Duration::from_millis(2))
            .input_bytes(3)
            .output_bytes(4)
            .allocations(5)
            .log_bytes(6)
            .state_bytes(7)
            .http_bytes(8);
        let written = toml::to_string(&OwnLimits::all(&own)).unwrap();
        let read: OwnLimits = toml::from_str(&written).unwrap();
        assert_eq!(read.over(&Limits::default()), own);
        let host = Limits::default().log_bytes(99);
        let some: OwnLimits = toml::from_str("stateBytes = 12").unwrap();
        assert_eq!(some.over(&host), host.clone().state_bytes(12));
        assert!(OwnLimits::default().is_empty() && !some.is_empty());
        let endless = Limits::default().allocations(u64::MAX).time(Duration::MAX);
        assert!(toml::to_string(&OwnLimits::all(&endless)).is_ok());
    }
}
