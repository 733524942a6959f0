//! How does an execution survive the end of its program?
//!
//! Give the engine a store. Whatever happened is in it before anything is done about it, so the
//! next program goes on where the last one stopped: steps that are finished are not done again, and
//! the one that was being done is told so, with the key of its first attempt.
//!
//! Run it, kill it in the middle (Ctrl-C will do, and so will `kill -9`), run it again:
//!
//! ```text
//! cargo run --example durable
//! cargo run --example durable
//! ```
//!
//! Prints:
//! ```text
//! a trip begins
//! flight: attempt 1
//! hotel: attempt 1
//! ```
//!
//! And the second time:
//! ```text
//! the trip goes on
//! hotel: attempt 2
//! pay: attempt 1
//! tickets: attempt 1
//! the trip ended as completed
//!   flight: it completed
//!   hotel: it completed at attempt 2 (one was lost), after `flight` completed
//!   pay: it completed, after `flight` completed, `hotel` completed
//!   tickets: it completed, after `pay` completed
//! ```

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::time::Duration;

use serde_json::{Value, json};
use turbocat_core::{AttemptRequest, Engine, StepFailure, Workflow, agent_fn_with};
use turbocat_storage::Store;

const TRIP: &str = "
name: trip
inputs: { to: string }
steps:
  flight:  { agent: office, inputs: { to: '{{ inputs.to }}' } }
  hotel:   { agent: office, inputs: { to: '{{ inputs.to }}', from: '{{ flight.lands }}' } }
  pay:     { agent: office, inputs: { for: ['{{ flight.booked }}', '{{ hotel.booked }}'] } }
  tickets: { agent: office, inputs: { by: mail }, dependsOn: pay }
";

/// Books anything, slowly.
async fn office(_: Value, request: AttemptRequest) -> Result<Value, StepFailure> {
    println!("{}: attempt {}", request.step(), request.attempt);
    tokio::time::sleep(Duration::from_millis(800)).await;
    // The same for all attempts of this step: whoever books for us can see that it is no second order.
    Ok(json!({ "booked": request.idempotency_key(), "lands": "12:40" }))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let file = std::env::temp_dir().join("turbocat-trips.db").display().to_string();
    let store = Store::open(&format!("sqlite:{}", std::env::args().nth(1).unwrap_or(file))).await?;
    let engine = Engine::builder().agent("office", agent_fn_with(office)).store(store.clone()).build();

    let trip = match engine.unfinished().await?.first() {
        Some(trip) => {
            println!("the trip goes on");
            engine.resume(*trip).await?
        }
        None => {
            println!("a trip begins");
            engine.start(&Workflow::from_yaml(TRIP)?, json!({ "to": "Lisbon" }))?
        }
    };
    let trip = trip.wait().await?;

    println!("the trip ended as {}", trip.status().word());
    for step in trip.steps() {
        if let Some(explained) = trip.explain(&step.path) {
            println!("  {}: {}", step.path, explained.cause);
        }
    }
    store.close().await;
    Ok(())
}
