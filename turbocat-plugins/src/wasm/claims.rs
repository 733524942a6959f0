//! Which plugins keep state under which names: two that are not the same must not share one, or the
//! second would read what the first keeps.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use turbocat_pdk::wire::Capability;

use super::digest::Digest;
use super::error::{PluginError, PluginErrorKind};
use super::grants::Grants;

/// A loaded plugin, with all versions that take each other's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Owner(u64);

impl Owner {
    /// One that is nobody else.
    pub(super) fn new() -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        Self(COUNT.fetch_add(1, Ordering::Relaxed))
    }
}

/// Names whose state is in use.
#[derive(Debug, Default)]
pub(super) struct Claims(Mutex<Vec<Entry>>);

#[derive(Clone, Debug, PartialEq)]
struct Entry {
    name: String,
    owner: Owner,
    digest: Digest,
}

/// The right to the state of a name, as long as it lives.
#[derive(Debug)]
pub(super) struct Claim {
    claims: Arc<Claims>,
    entry: Entry,
}

impl Claims {
    /// Claims the state of a name, if the grants give any.
    pub(super) fn claim(
        self: &Arc<Self>,
        name: &str,
        owner: Owner,
        digest: Digest,
        grants: &Grants,
    ) -> Result<Option<Claim>, PluginError> {
        if !grants.allow(&Capability::State) {
            return Ok(None);
        }
        let entry = Entry { name: name.to_owned(), owner, digest };
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_rival = |other: &Entry| other.name == name && other.owner != owner && other.digest != digest;
        if all.iter().any(is_rival) {
            let message =
                format!("plugin `{name}` may not keep state: another plugin of that name does so already");
            return Err(PluginError::new(PluginErrorKind::Incompatible, message)
                .help("give one of them another name, replace the first, or do not grant it `state`"));
        }
        all.push(entry.clone());
        Ok(Some(Claim { claims: self.clone(), entry }))
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let mut all = self.claims.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = all.iter().position(|entry| *entry == self.entry) {
            all.swap_remove(at);
        }
    }
}
