//! What engines are measured against: the same rows, written by hand.
//!
//! The order is that of the rows in a table, so the first that is meant for a workload is its floor.

mod event;
mod group;
mod sqlite_commits;
mod sqlite_groups;
mod sqlx_sqlite;
mod postgres_commits;
mod postgres_groups;
mod postgres_claims;

use crate::contestant::Contestant;

/// All of them.
pub fn contestants() -> Vec<Box<dyn Contestant>> {
    vec![
        Box::new(sqlite_commits::Floor),
        Box::new(sqlite_groups::Floor::WAITS),
        Box::new(sqlite_groups::Floor::AT_ONCE),
        Box::new(sqlx_sqlite::Floor),
        Box::new(postgres_commits::Floor),
        Box::new(postgres_groups::Floor::WAITS),
        Box::new(postgres_groups::Floor::AT_ONCE),
        Box::new(postgres_claims::Floor),
    ]
}
