//! What a plugin may do, and how a call is refused.

use serde_json::json;
use turbocat_core::{FailureKind, StepFailure};
use turbocat_pdk::wire::Capability;

use super::error::{PluginError, PluginErrorKind};
use super::limits::Limits;
use super::own_limits::OwnLimits;

/// What a plugin may do: nothing, unless it is named here. And how much a call of it may take, if
/// that is not left to the plugin.
///
/// ```
/// use turbocat_plugins::wasm::Grants;
/// let grants = Grants::parse(["http GET api.example.com", "secret API_KEY"])?;
/// assert!(grants.allow(&"http GET api.example.com".parse().unwrap()));
/// assert!(!grants.allow(&"http POST api.example.com".parse().unwrap()));
/// # Ok::<_, turbocat_plugins::wasm::PluginError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grants {
    capabilities: Vec<Capability>,
    limits: Option<OwnLimits>,
}

impl Grants {
    /// Nothing.
    pub const fn none() -> Self {
        Self { capabilities: Vec::new(), limits: None }
    }

    /// These capabilities.
    pub fn new(capabilities: impl IntoIterator<Item = Capability>) -> Self {
        let mut capabilities: Vec<_> = capabilities.into_iter().collect();
        capabilities.sort();
        capabilities.dedup();
        Self { capabilities, limits: None }
    }

    /// The same with limits in place of those the plugin asks for.
    #[must_use]
    #[expect(clippy::needless_pass_by_value, reason = "limits are built in the call")]
    pub fn limits(self, limits: Limits) -> Self {
        self.some_limits(OwnLimits::all(&limits))
    }

    /// The same with some limits in place of the host's.
    #[must_use]
    pub(super) fn some_limits(mut self, limits: OwnLimits) -> Self {
        self.limits = Some(limits);
        self
    }

    /// The limits in place of those the plugin asks for.
    pub(super) const fn own_limits(&self) -> Option<&OwnLimits> {
        self.limits.as_ref()
    }

    /// These capabilities, as they are written in manifests, lock files and on the command line.
    ///
    /// # Errors
    /// If a text is no capability.
    pub fn parse<T: AsRef<str>>(texts: impl IntoIterator<Item = T>) -> Result<Self, PluginError> {
        let read = |text: T| {
            text.as_ref().parse().map_err(|error: turbocat_pdk::wire::CapabilityError| {
                PluginError::new(PluginErrorKind::Capability, error.to_string()).help(error.help())
            })
        };
        Ok(Self::new(texts.into_iter().map(read).collect::<Result<Vec<Capability>, _>>()?))
    }

    /// The capabilities, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Capability> {
        self.capabilities.iter()
    }

    /// Whether it may do nothing.
    pub const fn is_empty(&self) -> bool {
        self.capabilities.is_empty()
    }

    /// Whether they cover a capability.
    pub fn allow(&self, capability: &Capability) -> bool {
        self.capabilities.iter().any(|grant| grant.covers(capability))
    }

    /// Which of those that are wanted they do not cover.
    pub fn missing<'a>(&self, wanted: impl IntoIterator<Item = &'a Capability>) -> Vec<Capability> {
        wanted.into_iter().filter(|wanted| !self.allow(wanted)).cloned().collect()
    }

    pub(super) fn allow_http(&self, method: &str, host: &str, port: u16) -> bool {
        self.capabilities.iter().any(|grant| grant.allows_http(method, host, port))
    }
}

impl FromIterator<Capability> for Grants {
    fn from_iter<I: IntoIterator<Item = Capability>>(capabilities: I) -> Self {
        Self::new(capabilities)
    }
}

/// The failure of a call that did what it may not.
pub(super) fn denied(plugin: &str, capability: &Capability) -> StepFailure {
    let act = match capability {
        Capability::Secret(name) => format!("read the secret `{name}`"),
        Capability::State => "keep state".to_owned(),
        http => format!("do `{http}`"),
    };
    StepFailure::new(
        FailureKind::new("denied"),
        format!("plugin `{plugin}` may not {act}; grant it `{capability}`"),
    )
    .permanent()
    .detail(json!({ "grant": capability.to_string() }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grants_know_what_is_missing() {
        let grants = Grants::parse(["http * *.example.com", "state"]).unwrap();
        let wanted = Grants::parse(["http GET a.example.com", "secret KEY", "state"]).unwrap();
        assert_eq!(grants.missing(wanted.iter()), [Capability::Secret("KEY".to_owned())]);
        assert!(Grants::none().is_empty());
        let error = Grants::parse(["files /"]).unwrap_err();
        assert_eq!(error.kind(), PluginErrorKind::Capability);
        assert!(error.advice().is_some());
    }
}
