//! For tests of programs that embed Turbocat: a clock that is turned by hand, agents that answer
//! by a script, and a check of what an execution recorded. With the feature `testing`.
//!
//! A workflow that waits for a day, with an agent that fails once, tested in no time:
//!
//! ```
//! use serde_json::json;
//! use turbocat_core::testing::{ManualClock, ScriptedAgent};
//! use turbocat_core::{Engine, Workflow};
//!
//! let clock = ManualClock::new();
//! let shop = ScriptedAgent::new()
//!     .step("remind")
//!     .then_fail("the line is busy")
//!     .then(json!({ "reminded": true }));
//! let engine = Engine::builder().agent("shop", shop.clone()).clock(clock.clone()).build();
//! let workflow = Workflow::from_yaml("
//! steps:
//!   sleep:  { wait: 24h }
//!   remind: { agent: shop, dependsOn: sleep, retry: { max: 1, delay: 5s, jitter: 0 } }
//! ")?;
//!
//! let execution = clock.block_on(engine.run(&workflow, json!({})))?;
//!
//! assert_eq!(execution.output()["remind"], json!({ "reminded": true }));
//! assert_eq!(shop.calls_of("remind").len(), 2);
//! assert_eq!(clock.elapsed().as_secs(), 24 * 60 * 60 + 5);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod agent;
mod clock;
mod faulty;
mod journal;
mod ledger;
mod script;

pub use agent::{ScriptedAgent, ScriptedFailure};
pub use clock::ManualClock;
pub use faulty::{Calls, Fault, FaultyJournal};
pub use journal::{check_journal, check_recorded};
pub use script::{Call, CallEnd};
