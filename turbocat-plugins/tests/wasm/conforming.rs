//! The host of this crate, held against what any host must do.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use turbocat_plugins::wasm::{Grants, Limits, Plugins, Source};

use crate::conformance::{Agents, Host, LIMITS};
use crate::hosts::Vault;

/// The host of this crate.
struct Own(Plugins);

impl Own {
    fn new() -> Self {
        let limits = Limits::default().memory_bytes(LIMITS.0).time(LIMITS.1);
        let vault = Vault(Arc::<Mutex<Vec<String>>>::default());
        Self(Plugins::builder().pool_size(4).limits(limits).secrets(vault).build().unwrap())
    }
}

#[async_trait]
impl Host for Own {
    async fn load(&self, wasm: Vec<u8>, grants: &[&str]) -> Result<Agents, String> {
        let grants = Grants::parse(grants).map_err(|error| error.to_string())?;
        let plugin = self.0.load(Source::bytes("fixture", wasm), grants).await;
        plugin.map(|plugin| plugin.agents()).map_err(|error| error.to_string())
    }
}

conforms!(Own::new());

mod more {
    //! What only this host does.

    use super::Own;
    use crate::conformance;

    #[tokio::test]
    async fn a_plugin_is_configured_by_the_step() {
        conformance::a_plugin_is_configured_by_the_step(&Own::new()).await;
    }
}
