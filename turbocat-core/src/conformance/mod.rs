//! The contract of [`Journal`](crate::Journal) as checks that every store passes: those of this
//! workspace and those of others. With the feature `conformance`.
//!
//! Each [`Check`] has a sentence as its name, takes a fresh journal and says what is wrong with it.
//! They know the port and nothing else: no check looks into a store.
//!
//! ```
//! use std::sync::Arc;
//! use std::time::Duration;
//! use turbocat_core::MemoryJournal;
//! use turbocat_core::conformance::{Subject, assert_conforms};
//! use turbocat_core::testing::ManualClock;
//!
//! # tokio::runtime::Runtime::new()?.block_on(async {
//! assert_conforms(async || {
//!     let clock = ManualClock::new();
//!     let journal = MemoryJournal::leased(Duration::from_secs(30), clock.clone());
//!     journal.limit_agent("scarce", 2);
//!     Subject::new(Arc::new(journal)).clock(clock).agent_places("scarce", 2)
//! })
//! .await;
//! # });
//! # Ok::<(), std::io::Error>(())
//! ```

#[macro_use]
mod complaint;
mod subject;
mod claim;
mod commit;
mod concurrent;
mod create;
mod ending;
mod hints;
mod letters;
mod load;
mod places;
mod release;
mod renew;
mod stalls;
mod starts;
mod values;
mod check;

pub use check::{Check, Failed, assert_conforms, checks, run, run_one};
pub use complaint::Complaint;
pub use subject::Subject;
