//! For tests: a fresh database for each, SQLite and PostgreSQL.
//!
//! ```
//! use turbocat_storage::testing::on_each_database;
//! use turbocat_storage::args;
//!
//! # tokio::runtime::Runtime::new()?.block_on(async {
//! on_each_database(|database| async move {
//!     let row = database.fetch_one("select $1 as one", args![1i64]).await.expect("it reads");
//!     assert_eq!(row.get::<i64>("one").expect("a number"), 1);
//! })
//! .await;
//! # });
//! # Ok::<(), std::io::Error>(())
//! ```

mod folder;
mod binaries;
mod server;
mod each;

pub use each::{fresh_postgres, on_each_database, on_each_store, on_each_store_with, on_postgres, on_sqlite};
pub use folder::TempFolder;
pub use server::PrivatePostgres;
