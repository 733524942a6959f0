//! The journal of the engine on SQLite and PostgreSQL.
//!
//! ```text
//! commit --> turn (texts, large values apart) --> a writer that gathers --> one transaction
//!             in the caller's task                 what waits               for all of them
//! ```
//! Everything goes through `Database`; what is read or claimed is one SQL text for both databases.
//! How a group of turns is written differs: SQLite takes several statements in one call and reads
//! its rows from JSON, PostgreSQL takes arrays.

mod moment;
mod value;
mod turn;
mod hints;
mod sqlite;
mod postgres;
mod group;
mod settings;
mod open;
mod read;
mod claim;
mod release;
mod post;
mod places;
mod workers;
mod journal;

pub use open::Store;
pub(crate) use post::to_the_end;
pub use settings::StoreSettings;
pub(crate) use value::hex;
pub use workers::Worker;
