//! The schema's history: SQL texts that are part of the program, and the runner that brings a
//! database up to date with them.
//!
//! # To add one
//! 1. Write `migrations/000N_what.sql`, once for both databases: with the words of
//!    [`Sql::render`](crate::Sql::render), such as `{uuid}` and `{time}`, and, where the databases
//!    differ, with sections: a line `-- sqlite:` or `-- postgres:` begins one, `-- both:` ends it.
//! 2. Add its line to [`Migrations::embedded`].
//! 3. Never change it after a release: databases remember its checksum. Write another one.

mod sections;
mod run;

use sha2::{Digest, Sha256};

use crate::db::{Kind, Sql};
use crate::error::StorageError;

/// A step of the schema's history.
#[derive(Clone, Debug)]
pub struct Migration {
    version: i64,
    name: &'static str,
    text: &'static str,
}

impl Migration {
    /// A migration. Versions count from one without a gap.
    pub const fn new(version: i64, name: &'static str, text: &'static str) -> Self {
        Self { version, name, text }
    }

    /// Its number.
    pub const fn version(&self) -> i64 {
        self.version
    }

    /// Its name.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// SHA-256 of its text, in hexadecimal; the same whatever the ends of lines.
    pub fn checksum(&self) -> String {
        let digest = Sha256::digest(self.text.replace("\r\n", "\n"));
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Its text for that database.
    ///
    /// # Errors
    /// For a word that does not exist.
    pub fn render(&self, kind: Kind) -> Result<String, StorageError> {
        let text = sections::of(self.text, kind);
        crate::db::render(&text, kind)
    }
}

/// Migrations in their order.
#[derive(Clone, Debug)]
pub struct Migrations(Vec<Migration>);

impl Migrations {
    /// Those of this program.
    pub fn embedded() -> Self {
        Self::new(vec![
            Migration::new(1, "platform", include_str!("../../migrations/0001_platform.sql")),
            Migration::new(2, "journal", include_str!("../../migrations/0002_journal.sql")),
            Migration::new(3, "serving", include_str!("../../migrations/0003_serving.sql")),
        ])
    }

    /// Others, for tests.
    ///
    /// # Panics
    /// If the versions do not count from one without a gap: two branches took the same number.
    pub fn new(migrations: Vec<Migration>) -> Self {
        for (at, migration) in migrations.iter().enumerate() {
            let expected = i64::try_from(at).unwrap_or(i64::MAX) + 1;
            assert_eq!(migration.version, expected, "versions of migrations count from one without a gap");
        }
        Self(migrations)
    }

    /// The version they lead to.
    pub fn latest(&self) -> i64 {
        self.0.last().map_or(0, Migration::version)
    }

    /// All of them, the oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Migration> {
        self.0.iter()
    }
}

/// The table of what was done. Never changed: older programs read it to know that they are older.
const TABLE: Sql = Sql::fixed(
    "create table if not exists schema_migrations (
        version {bigint} primary key,
        name text not null,
        checksum text not null,
        applied_at {time} not null default {now}
    )",
);
