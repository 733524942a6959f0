//! One thin layer over both databases: connections, arguments, rows, transactions, SQL text.
//! It knows no table.

mod settings;
mod sql;
mod args;
mod encode;
mod row;
mod lock;
mod sqlite;
mod postgres;
mod transaction;
mod database;

pub use args::{Arg, Args, IntoArg};
pub use database::{Connections, Database};
pub use row::{FromColumn, Row};
pub use settings::{Durability, Kind, PostgresSettings, Settings, SqliteSettings};
pub use sql::Sql;
pub use transaction::Transaction;

#[cfg(feature = "testing")]
pub(crate) use postgres::connect_once;
pub(crate) use sql::render;
#[cfg(feature = "testing")]
pub(crate) use sql::safe;
