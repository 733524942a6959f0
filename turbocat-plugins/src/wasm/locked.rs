//! One plugin that was agreed to, as the lock file has it.

use serde::{Deserialize, Serialize};
use turbocat_pdk::wire::Capability;

use super::digest::Digest;
use super::grants::Grants;
use super::own_limits::OwnLimits;
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
    /// How much a call of it may take, in place of what it asks for; what is not set is the host's.
    #[serde(default, skip_serializing_if = "OwnLimits::is_empty")]
    pub limits: OwnLimits,
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
        if self.limits.is_empty() { grants } else { grants.some_limits(self.limits.clone()) }
    }
}
