//! Any JSON as the configuration of the `api` agent: it is checked and used without a panic, and
//! what the check and the schema say comes true.

use std::sync::LazyLock;

use serde_json::Value;
use turbocat_core::{AgentExecutor, AttemptRequest};
use turbocat_plugins::api::{ApiAgent, config_schema};
use turbocat_plugins::net::{Egress, HostRule};

/// One that may reach nobody, so that nothing leaves this machine.
static AGENT: LazyLock<ApiAgent> = LazyLock::new(|| {
    let nobody = HostRule::list([""; 0]);
    ApiAgent::new(Egress::builder().only(nobody).build().unwrap())
});

static SCHEMA: LazyLock<jsonschema::Validator> =
    LazyLock::new(|| jsonschema::validator_for(&config_schema()).unwrap());

/// Reads a configuration in every way there is.
pub(crate) fn check(data: &[u8]) {
    let Ok(config) = serde_json::from_slice::<Value>(data) else { return };
    let wrong = AGENT.check(&config);
    for bad in &wrong {
        assert!(bad.at.is_empty() || bad.at.starts_with('/'), "`{}` is no place", bad.at);
        assert!(!bad.message.is_empty());
    }
    let written = config.to_string();
    let fits = SCHEMA.is_valid(&config);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let request = AttemptRequest::new(Value::Null).with_config(config);
    let failure = runtime.block_on(AGENT.execute(request)).err();
    let kind = failure.as_ref().map(|failure| failure.kind.as_str());
    if written.contains("{{") {
        return;
    }
    // nobody is ever asked; and what only the schema minds may stand where nobody looks
    let expected: &[&str] = match (wrong.is_empty(), fits) {
        (false, _) => &["input"],
        (true, true) => &["network.refused"],
        (true, false) => &["input", "network.refused"],
    };
    let met = kind.is_some_and(|kind| expected.contains(&kind));
    assert!(met, "{written}: {failure:?}, the check said {wrong:?}, and the schema {fits}");
}
