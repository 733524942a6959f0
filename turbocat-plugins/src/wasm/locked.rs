//! One plugin that was agreed to, as the lock file has it.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use turbocat_pdk::wire::{self, Capability};

use super::digest::Digest;
use super::grants::Grants;
use super::limits::Limits;
use super::source::Source;

/// A plugin that was agreed to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct Locked {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Where it came from: a path, a URL, or `bytes:NAME`.
    pub source: String,
    /// The digest of its file.
    pub digest: Digest,
    /// What it may do.
    #[serde(default)]
    pub grants: Vec<Capability>,
    /// How much a call of it may take, in place of what it asks for.
    #[serde(default, skip_serializing_if = "wire::Limits::is_empty")]
    pub limits: wire::Limits,
}

impl Locked {
    /// Where it comes from, pinned to the digest that was agreed to. `None` if it was loaded from
    /// bytes of the program.
    pub fn source(&self) -> Option<Source> {
        let source = match self.source.split_once(':') {
            Some(("bytes", _)) => return None,
            Some(("http" | "https", _)) => Source::url(&self.source),
            _ => Source::file(&self.source),
        };
        Some(source.pinned(&self.digest.to_string()))
    }

    /// What it may do.
    pub fn grants(&self) -> Grants {
        let grants = Grants::new(self.grants.iter().cloned());
        if self.limits.is_empty() {
            return grants;
        }
        let mut limits = Limits::default();
        limits.memory_bytes = self.limits.memory_bytes.unwrap_or(limits.memory_bytes);
        limits.time = self.limits.time_ms.map_or(limits.time, Duration::from_millis);
        limits.output_bytes = self.limits.output_bytes.unwrap_or(limits.output_bytes);
        grants.limits(limits)
    }
}

/// The limits as far as they are written.
pub(super) fn written_limits(limits: &Limits) -> wire::Limits {
    wire::Limits {
        memory_bytes: Some(limits.memory_bytes),
        time_ms: Some(u64::try_from(limits.time.as_millis()).unwrap_or(u64::MAX)),
        output_bytes: Some(limits.output_bytes),
    }
}
