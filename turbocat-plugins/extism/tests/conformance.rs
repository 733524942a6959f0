//! The official runtime, held against what any host must do.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

use async_trait::async_trait;
use turbocat_core::Secrets;
use turbocat_extism::ExtismPlugins;
use turbocat_plugins::wasm::Grants;

#[path = "../../tests/wasm/fixture.rs"]
mod fixture;

#[macro_use]
#[path = "../../tests/wasm/conformance.rs"]
#[expect(dead_code, reason = "some checks are not for this host")]
mod conformance;

use conformance::{Agents, Host, LIMITS};

struct Official(ExtismPlugins);

struct Vault;

#[async_trait]
impl Secrets for Vault {
    async fn secret(&self, name: &str) -> Option<String> {
        Some(format!("hidden-{}", name.to_lowercase()))
    }
}

impl Official {
    fn new() -> Self {
        Self(ExtismPlugins::new(LIMITS.0, LIMITS.1).secrets(Vault))
    }
}

#[async_trait]
impl Host for Official {
    async fn load(&self, wasm: Vec<u8>, grants: &[&str]) -> Result<Agents, String> {
        let grants = Grants::parse(grants).map_err(|error| error.to_string())?;
        self.0.load(wasm, None, grants).await.map_err(|error| error.to_string())
    }
}

// All but `an_ordinary_plugin_works`: the runtime does not tell what a plugin exports.
conforms! { Official::new();
    a_value_comes_back_as_it_went
    no_output_is_null
    an_output_that_is_no_json_is_a_failure
    a_failure_is_what_the_plugin_says
    a_panic_is_told_in_the_plugins_words
    a_trap_is_a_failure_that_names_it
    memory_and_time_are_limited
    a_call_begins_with_a_clean_memory
    schemas_are_kept
    what_was_not_granted_is_denied_by_name
    what_was_granted_can_be_had
    variables_and_allocations_work
    a_bad_offset_ends_the_call
    lies_are_refused
    the_example_plugins_pass_their_cases
}
