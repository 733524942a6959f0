//! What attempts use, say, and have done by others.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod asking;
mod budgets;
mod configuration;
mod reports;
mod usage;

use turbocat_core::Workflow;

fn workflow(text: &str) -> Workflow {
    Workflow::from_yaml(text).unwrap()
}
