//! `turbocat serve`, as its users see it: begun, asked, stopped, begun again.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

struct Served {
    program: Child,
    url: String,
}

fn turbocat() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_turbocat"));
    command.arg("serve").env_clear().env("HOME", "/nonexistent").stdin(Stdio::null());
    command
}

impl Served {
    fn begin(folder: &Path) -> Self {
        let mut command = turbocat();
        command.args(["--port", "0", "--database", "sqlite:app.db", "--set", "RATE_LIMITS=false"]);
        command.env("ADMIN_PASSWORD", "Correct-Horse-7").current_dir(folder);
        let mut program = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut url = String::new();
        BufReader::new(program.stdout.take().unwrap()).read_line(&mut url).unwrap();
        Self { program, url: url.trim().to_owned() }
    }

    /// As an operator would, and it has to end well.
    fn stop(mut self) {
        let id = self.program.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        assert!(self.program.wait().unwrap().success());
    }

    async fn ask(&self, client: &reqwest::Client, path: &str, body: Option<Value>, token: &str) -> Value {
        let url = format!("{}{path}", self.url);
        let request = match body {
            Some(body) => client.post(url).json(&body),
            None => client.get(url),
        };
        let answer = request.bearer_auth(token).send().await.unwrap();
        let status = answer.status();
        let body: Value = answer.json().await.unwrap();
        assert!(status.is_success(), "{path}: {status} {body}");
        body["data"].clone()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

#[tokio::test]
async fn a_workflow_is_executed_and_everything_is_there_after_a_restart() {
    // Only the first of a process is taken.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let folder = tempfile::tempdir().unwrap();
    let client = reqwest::Client::new();
    let served = Served::begin(folder.path());
    let login = json!({ "email": "admin@turbocat.dev", "password": "Correct-Horse-7" });
    let token = served.ask(&client, "/auth/login", Some(login), "").await;
    let token = token["tokens"]["accessToken"].as_str().unwrap().to_owned();
    let agent = json!({
        "name": "adder", "type": "code",
        "config": { "code": "(inputs) => ({ sum: inputs.a + inputs.b })" },
    });
    let agent = served.ask(&client, "/agents", Some(agent), &token).await;
    let workflow = json!({
        "name": "sums",
        "steps": [{
            "stepKey": "add", "stepName": "Add", "stepType": "agent", "position": 0, "agentId": agent["id"],
            "inputs": { "a": "{{ inputs.a }}", "b": 2 },
        }],
    });
    let workflow = served.ask(&client, "/workflows", Some(workflow), &token).await;
    let id = workflow["id"].as_str().unwrap();
    let activated = client
        .patch(format!("{}/workflows/{id}", served.url))
        .bearer_auth(&token)
        .json(&json!({ "status": "active" }));
    let activated = activated.send().await.unwrap();
    assert!(activated.status().is_success(), "{}", activated.text().await.unwrap());
    let begun = served
        .ask(&client, &format!("/workflows/{id}/execute"), Some(json!({ "inputs": { "a": 1 } })), &token)
        .await;
    let path = format!("/executions/{}", begun["id"].as_str().unwrap());
    let mut seen = Value::Null;
    for _ in 0..600 {
        seen = served.ask(&client, &path, None, &token).await;
        if seen["status"] == "completed" || seen["status"] == "failed" {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(seen["status"], "completed", "{seen}");
    assert!(seen["outputData"].to_string().contains("\"sum\":3"), "{seen}");
    served.stop();

    let served = Served::begin(folder.path());
    let again = served.ask(&client, &path, None, &token).await;
    assert_eq!(again["outputData"], seen["outputData"]);
    served.stop();
}

#[test]
fn production_refuses_missing_secrets_and_unknown_settings_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |command: &mut Command| {
        let output = command.current_dir(folder.path()).output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        String::from_utf8(output.stderr).unwrap()
    };
    let said = refused(turbocat().env("NODE_ENV", "production"));
    for name in ["JWT_ACCESS_SECRET", "JWT_REFRESH_SECRET", "ENCRYPTION_KEY"] {
        assert!(said.contains(&format!("{name} must be set in production")), "{said}");
    }
    let said = refused(turbocat().args(["--set", "PROT=1"]));
    assert!(said.contains("PROT; did you mean port?"), "{said}");
    assert!(std::fs::read_dir(folder.path()).unwrap().next().is_none(), "nothing was made");
}
