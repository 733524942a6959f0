//! Why a plugin cannot be loaded, replaced or trusted. Failures of calls are not here: they are
//! `StepFailure`s.

use std::error::Error;
use std::fmt;

/// What kind of thing is wrong with a plugin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PluginErrorKind {
    /// It cannot be fetched or read.
    Source,
    /// It is not the file that was pinned, or the pin is none.
    Digest,
    /// It is no WASM module, or one that this host does not take.
    Module,
    /// It needs an import that this host does not have.
    Import,
    /// What it says of itself cannot be true.
    Manifest,
    /// It asks for more than this host gives to anybody.
    Limits,
    /// It cannot take the place of what is loaded.
    Incompatible,
    /// A text is no capability.
    Capability,
    /// The lock file cannot be read or written.
    Lock,
    /// The host itself cannot be set up.
    Host,
}

/// Why a plugin cannot be loaded, replaced or trusted.
#[derive(Debug)]
pub struct PluginError {
    kind: PluginErrorKind,
    message: String,
    help: Option<String>,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl PluginError {
    pub(super) fn new(kind: PluginErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), help: None, source: None }
    }

    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    pub(super) fn caused_by(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// What kind of thing is wrong.
    pub const fn kind(&self) -> PluginErrorKind {
        self.kind
    }

    /// What would be right, if that is known.
    pub fn advice(&self) -> Option<&str> {
        self.help.as_deref()
    }

    /// Whether the same may succeed later: a source may be back then.
    pub fn is_retryable(&self) -> bool {
        self.kind == PluginErrorKind::Source
    }
}

impl fmt::Display for PluginError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for PluginError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn Error + 'static))
    }
}
