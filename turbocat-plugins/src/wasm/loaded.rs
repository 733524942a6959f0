//! The code of a loaded plugin, which its handle and its agents share, and which may be exchanged.

use std::sync::{Arc, PoisonError, RwLock, RwLockWriteGuard};

use super::code::Code;
use super::host::Host;

/// The code of a loaded plugin.
pub(super) struct Loaded {
    pub(super) host: Arc<Host>,
    code: RwLock<Arc<Code>>,
}

impl Loaded {
    pub(super) fn new(host: Arc<Host>, code: Code) -> Self {
        Self { host, code: RwLock::new(Arc::new(code)) }
    }

    /// What calls that begin now use.
    pub(super) fn code(&self) -> Arc<Code> {
        self.code.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// To put another in its place.
    pub(super) fn replacing(&self) -> RwLockWriteGuard<'_, Arc<Code>> {
        self.code.write().unwrap_or_else(PoisonError::into_inner)
    }
}
