//! Where keys of providers are found.

use std::fmt;
use std::sync::Arc;

/// Finds keys by the names of the variables they are normally kept in, such as `OPENAI_API_KEY`.
#[derive(Clone)]
pub struct Keys(Arc<Find>);

type Find = dyn Fn(&str) -> Option<String> + Send + Sync;

impl Keys {
    /// The variables of the environment.
    pub fn environment() -> Self {
        Self::from_fn(|name| std::env::var(name).ok())
    }

    /// No keys: every configuration has to bring its own.
    pub fn none() -> Self {
        Self::from_fn(|_| None)
    }

    /// Whatever a function finds.
    pub fn from_fn(find: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        Self(Arc::new(find))
    }

    /// The first of these that there is.
    pub(crate) fn first(&self, names: &[&str]) -> Option<String> {
        names
            .iter()
            .find_map(|name| (self.0)(name).map(|key| key.trim().to_owned()).filter(|key| !key.is_empty()))
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys")
    }
}
