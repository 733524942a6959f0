//! How do I call an API from a workflow?
//!
//! The `api` agent sends the request: templates fill the address, the query and the body, and what
//! they give is encoded. The second step reads the answer by path. A server that is busy at first
//! is asked again. Nothing inside is reached unless it is allowed by name, as this machine is here.
//!
//! ```text
//! cargo run -p turbocat-plugins --example fetch
//! ```
//!
//! Prints:
//! ```text
//! the server sees GET /users/ada%20l?fields=name&fields=city
//! the server sees GET /users/ada%20l?fields=name&fields=city
//! Ada lives in London (status 200, tried again 1 time)
//! ```

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use serde_json::json;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use turbocat_core::{Engine, Workflow};
use turbocat_plugins::net::Egress;
use turbocat_plugins::{Builtin, builtin};

const WORKFLOW: &str = r#"
steps:
  user:
    agent: api
    config:
      url: "{{ inputs.base }}/users/{{ inputs.name }}"
      queryParams: { fields: [name, city] }
      retryCount: 2
      retryDelayMs: 10
      failOnStatus: 4xx
  line:
    agent: generic
    inputs:
      text: "{{ user.data.name }} lives in {{ user.data.city }}"
      status: "{{ user.statusCode }}"
      again: "{{ user.retryCount }}"
"#;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let base = format!("http://{}", listener.local_addr()?);
    tokio::spawn(serve(listener));

    let egress = Egress::builder().allow("127.0.0.1").build()?;
    let engine = builtin(Engine::builder(), &Builtin::new().egress(egress)).build();
    let workflow = Workflow::from_yaml(WORKFLOW)?;
    let execution = engine.run(&workflow, json!({ "base": base, "name": "ada l" })).await?;

    let line = &execution.output()["line"]["inputs"];
    let text = line["text"].as_str().unwrap_or_default();
    println!("{text} (status {}, tried again {} time)", line["status"], line["again"]);
    Ok(())
}

/// Busy at first, then a user.
async fn serve(listener: TcpListener) -> std::io::Result<()> {
    let body = r#"{"name":"Ada","city":"London"}"#;
    let user =
        format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len());
    let busy = "HTTP/1.1 503 Busy\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".to_owned();
    for answer in [busy, user] {
        let (mut socket, _) = listener.accept().await?;
        let mut lines = BufReader::new(&mut socket).lines();
        let request = lines.next_line().await?.unwrap_or_default();
        println!("the server sees {}", request.trim_end_matches(" HTTP/1.1"));
        while lines.next_line().await?.is_some_and(|line| !line.is_empty()) {}
        socket.write_all(answer.as_bytes()).await?;
    }
    Ok(())
}
