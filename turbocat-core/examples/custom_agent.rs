//! How do I write an agent that has a configuration and a state of its own?
//!
//! Implement `AgentExecutor`: describe the inputs and outputs, check the configuration when a
//! workflow is compiled, do the work. The future is dropped when an attempt times out or is
//! cancelled, and the idempotency key lets the other side see that a second attempt is no second
//! order.
//!
//! ```text
//! cargo run --example custom_agent
//! ```
//!
//! Prints:
//! ```text
//! refused: step `cat`: agent `shop` refuses its configuration: `currency` must be one of EUR, USD
//! refused: step `tea`: agent `shop` refuses its configuration: `currency` must be one of EUR, USD
//! order 1: 3 x tea for 12 EUR
//! order 2: 1 x cat for 900 EUR
//! the till holds 912
//! ```

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Value, json};
use turbocat_core::{
    AgentDescription, AgentExecutor, AttemptRequest, BadConfig, Engine, FailureKind, StepFailure, StepOutput,
    Workflow,
};

/// Sells things and keeps the money.
#[derive(Default)]
struct Shop {
    till: AtomicU64,
    orders: AtomicU64,
}

#[derive(Deserialize)]
struct Order {
    item: String,
    count: u64,
}

#[async_trait]
impl AgentExecutor for Shop {
    fn describe(&self) -> AgentDescription {
        let mut description = AgentDescription::default();
        description.description = Some("Sells things".to_owned());
        description.input = Some(json!({
            "type": "object",
            "properties": { "item": { "type": "string" }, "count": { "type": "integer" } },
            "required": ["item", "count"],
        }));
        description.output = Some(json!({
            "type": "object",
            "properties": { "receipt": { "type": "string" }, "price": { "type": "integer" } },
        }));
        // No more customers at once than there is room for, over all executions.
        description.max_concurrent = Some(2);
        description
    }

    fn check(&self, config: &Value) -> Vec<BadConfig> {
        match config["currency"].as_str() {
            Some("EUR" | "USD") => Vec::new(),
            _ => vec![BadConfig::at("/currency", "`currency` must be one of EUR, USD")],
        }
    }

    async fn execute(&self, request: AttemptRequest) -> Result<StepOutput, StepFailure> {
        let order: Order = request.parse()?;
        let price = match &*order.item {
            "tea" => 4,
            "cat" => 900,
            other => {
                let failure = StepFailure::new(FailureKind::new("shop.unknown"), format!("no {other} here"));
                return Err(failure.permanent()); // another attempt would find none either
            }
        };
        // A real shop would look `request.idempotency_key()` up first.
        let price = price * order.count;
        self.till.fetch_add(price, Ordering::Relaxed);
        let number = self.orders.fetch_add(1, Ordering::Relaxed) + 1;
        let currency = request.config()["currency"].as_str().unwrap_or_default();
        let receipt = format!("order {number}: {} x {} for {price} {currency}", order.count, order.item);
        Ok(json!({ "receipt": receipt, "price": price }).into())
    }
}

const WORKFLOW: &str = "
agents: { shop: { type: shop, config: { currency: EUR } } }
steps:
  tea: { agent: shop, inputs: { item: tea, count: 3 } }
  cat: { agent: shop, inputs: { item: cat, count: 1 }, dependsOn: tea }
";

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let shop = Arc::new(Shop::default());
    let engine = Engine::builder().shared_agent("shop", shop.clone()).build();

    let wrong = Workflow::from_yaml(&WORKFLOW.replace("EUR", "cowries"))?;
    for diagnostic in engine.check(&wrong).iter() {
        println!("refused: {}", diagnostic.message);
    }

    let execution = engine.run(&Workflow::from_yaml(WORKFLOW)?, json!({})).await?;
    for step in ["tea", "cat"] {
        println!("{}", execution.output()[step]["receipt"].as_str().unwrap_or_default());
    }
    println!("the till holds {}", shop.till.load(Ordering::Relaxed));
    Ok(())
}
