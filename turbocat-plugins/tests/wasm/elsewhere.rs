//! Another runtime runs the code: the host holds it to the same grants and limits. The runtime here
//! runs nothing, and does what the name of the function says.

use std::error::Error;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::json;
use turbocat_plugins::wasm::{Ended, Grants, Plugin, Plugins, Runnable, Runtime, Session};

use crate::fixture::Fixture;
use crate::hosts::{Vault, call, fails};

struct Scripted;

impl Runtime for Scripted {
    fn prepare(&self, _: &[u8]) -> Result<Arc<dyn Runnable>, Box<dyn Error + Send + Sync>> {
        Ok(Arc::new(Self))
    }
}

#[async_trait]
impl Runnable for Scripted {
    async fn run(
        &self,
        function: &str,
        input: Vec<u8>,
        mut session: Session,
    ) -> Result<(Session, Ended), String> {
        let ended = match function {
            "turbocat_manifest" => Ended::Returned(0, manifest().into_bytes()),
            "echo" => Ended::Returned(0, input),
            "secret" => match session.secret(b"KEY".to_vec()).await {
                Ok(secret) => Ended::Returned(0, json!(secret).to_string().into_bytes()),
                // It says that all went well, and is not believed.
                Err(_) => Ended::Returned(0, b"1".to_vec()),
            },
            "panic" => {
                session.fail(Some(br#"{"kind":"panic","message":"index 3 of 2"}"#.to_vec()));
                Ended::Trapped("unreachable".to_owned())
            }
            "trap" => Ended::Trapped("unreachable".to_owned()),
            "code" => Ended::Returned(7, Vec::new()),
            "large" => Ended::Returned(0, vec![b'1'; 17 << 20]),
            "late" => Ended::TimedOut,
            "hog" => Ended::OutOfMemory,
            _ => return Err("it is gone".to_owned()),
        };
        Ok((session, ended))
    }
}

const AGENTS: [&str; 9] = ["echo", "secret", "panic", "trap", "code", "large", "late", "hog", "gone"];

fn manifest() -> String {
    let agents: Vec<_> = AGENTS.iter().map(|name| json!({ "name": name })).collect();
    json!({ "name": "demo", "version": "1.0.0", "agents": agents }).to_string()
}

async fn load(grants: &[&str]) -> Plugin {
    let vault = Vault(Arc::default());
    let plugins = Plugins::builder().pool_size(2).runtime(Scripted).secrets(vault).build().unwrap();
    let code = AGENTS
        .iter()
        .fold(Fixture::new().function("turbocat_manifest", ""), |code, name| code.function(name, ""));
    code.load_with(&plugins, Grants::parse(grants).unwrap()).await.unwrap()
}

#[tokio::test]
async fn what_another_runtime_runs_has_the_same_grants() {
    let denied = fails(&load(&[]).await, "secret", "denied").await;
    assert_eq!(denied.detail.unwrap()["grant"], "secret KEY");
    // Granted it is read, and does not come out.
    assert_eq!(call(&load(&["secret KEY"]).await, "secret", json!({})).await.unwrap(), json!("[secret]"));
}

#[tokio::test]
async fn what_another_runtime_says_of_a_call_is_told_as_ever() {
    let plugin = load(&[]).await;
    assert_eq!(call(&plugin, "echo", json!([1, "ä"])).await.unwrap(), json!([1, "ä"]));
    let panic = fails(&plugin, "panic", "panic").await;
    assert_eq!((panic.message.as_str(), panic.retryable), ("index 3 of 2", false));
    assert_eq!(fails(&plugin, "trap", "trap").await.detail.unwrap()["trap"], "unreachable");
    assert_eq!(fails(&plugin, "code", "error").await.detail.unwrap()["code"], 7);
    assert_eq!(fails(&plugin, "large", "limit").await.detail.unwrap()["limit"], "output");
    assert_eq!(fails(&plugin, "hog", "limit").await.detail.unwrap()["limit"], "memory");
    fails(&plugin, "late", "timeout").await;
    assert_eq!(fails(&plugin, "gone", "error").await.message, "it is gone");
}
