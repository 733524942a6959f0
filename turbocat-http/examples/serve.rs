//! How is the platform nested in an axum application of your own?
//!
//! `router` gives an axum router with everything in it; `Api` holds what it needs. Here it stands
//! beside a page of the application, on a database in memory.
//!
//! ```text
//! cargo run --example serve -p turbocat-http
//! ```
//!
//! Prints:
//! ```text
//! the application says: hello
//! the platform says: alive
//! ```

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::net::SocketAddr;

use axum::Router;
use axum::routing::get;
use turbocat_core::WorkOptions;
use turbocat_http::{Api, router};
use turbocat_storage::Store;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let store = Store::open("sqlite::memory:").await?;
    let api = Api::builder(store).build()?;
    // This process does the work as well.
    api.engine().work(WorkOptions::new())?;

    let application = Router::new().route("/", get(async || "hello")).merge(router(&api));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let service = application.into_make_service_with_connect_info::<SocketAddr>();
    let served = tokio::spawn(async move { axum::serve(listener, service).await });

    println!("the application says: {}", ask(address, "/").await?);
    let health: serde_json::Value = serde_json::from_str(&ask(address, "/health/live").await?)?;
    println!("the platform says: {}", health["status"].as_str().unwrap_or("nothing"));

    served.abort();
    api.shutdown(std::time::Duration::from_secs(5)).await;
    Ok(())
}

/// A request, without a client library.
async fn ask(address: SocketAddr, path: &str) -> std::io::Result<String> {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = tokio::net::TcpStream::connect(address).await?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default())
}
