//! Turbocat's storage: one layer over SQLite and PostgreSQL, and what stands on it.
//!
//! [`Database`] speaks to both databases with one SQL text. Its [migrations](Migrations) are
//! embedded. Nothing in this crate knows HTTP, plugins or how an execution decides.
//!
//! ```
//! use turbocat_storage::{Database, args};
//!
//! # tokio::runtime::Runtime::new()?.block_on(async {
//! let database = Database::open("sqlite::memory:").await?;
//! let row = database.fetch_one("select $1 as word", args!["hello"]).await?;
//! assert_eq!(row.get::<String>("word")?, "hello");
//! # Ok::<(), Box<dyn std::error::Error>>(()) })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Features
//!
//! | feature | default | adds |
//! |---|---|---|
//! | `testing` | no | a private PostgreSQL server and a fresh database for each test |

mod error;
mod db;
mod migrations;
mod cron;
pub mod vault;
pub mod platform;
mod store;
mod triggers;
pub mod queue;
mod upkeep;
#[cfg(feature = "testing")]
pub mod testing;

pub use cron::Cron;
pub use db::{
    Arg, Args, Connections, Database, Durability, FromColumn, IntoArg, Kind, PostgresSettings, Row, Settings,
    Sql, SqliteSettings, Transaction,
};
pub use error::{StorageError, StorageErrorKind};
pub use migrations::{Migration, Migrations};
pub use store::{Store, StoreSettings, Worker};
pub use triggers::{Planner, Tick, Ticker, Unplanned};
pub use upkeep::{Caretaker, Cleared, Tended};

/// The document, so that its samples are compiled.
#[cfg(doctest)]
mod documents {
    #[doc = include_str!("../../docs/storage.md")]
    struct Storage;
}
