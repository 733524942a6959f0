//! Doing what has not been done.

use super::{Migration, Migrations, TABLE};
use crate::args;
use crate::db::{Database, Kind, Transaction};
use crate::error::{StorageError, StorageErrorKind};

/// The key of PostgreSQL's advisory lock: the letters "turbocat".
const LOCK: i64 = 0x7475_7262_6f63_6174;

impl Migrations {
    /// Does what has not been done, each in a transaction of its own. The answer says how many.
    ///
    /// Several nodes may do it at once: one does the work, the others wait and find it done.
    ///
    /// # Errors
    /// [`NewerSchema`](StorageErrorKind::NewerSchema) if a newer program was here,
    /// [`WrongSchema`](StorageErrorKind::WrongSchema) if a migration is not the one that was done.
    pub async fn run(&self, database: &Database) -> Result<usize, StorageError> {
        let mut count = 0;
        loop {
            let mut transaction = database.begin().await?;
            if database.kind() == Kind::Postgres {
                // The lock comes first: `create table if not exists` fails when two do it at once.
                transaction.execute("set local statement_timeout = 0", args![]).await?;
                transaction.fetch_one("select pg_advisory_xact_lock($1)::text", args![LOCK]).await?;
            }
            transaction.execute(TABLE.render(database.kind())?, args![]).await?;
            let done = self.verify(&mut transaction).await?;
            let Some(next) = self.0.get(done) else {
                transaction.commit().await?;
                return Ok(count);
            };
            apply(&mut transaction, next).await?;
            transaction.commit().await?;
            tracing::info!(version = next.version, name = next.name, "migrated");
            count += 1;
        }
    }

    /// How many were done, if they are ours.
    async fn verify(&self, transaction: &mut Transaction) -> Result<usize, StorageError> {
        let rows = transaction
            .fetch_all("select version, name, checksum from schema_migrations order by version", args![])
            .await?;
        if let Some(last) = rows.last() {
            let version: i64 = last.get("version")?;
            if version > self.latest() {
                let message = format!(
                    "the database has version {version}, this program knows versions up to {}; help: use the newer program",
                    self.latest()
                );
                return Err(StorageError::new(StorageErrorKind::NewerSchema, message));
            }
        }
        for (row, ours) in rows.iter().zip(&self.0) {
            let (version, name): (i64, String) = (row.get("version")?, row.get("name")?);
            if version != ours.version || row.get::<String>("checksum")? != ours.checksum() {
                let message = format!(
                    "migration {version} (`{name}`) of the database is not migration {} (`{}`) of this program; help: use the program that made the database",
                    ours.version, ours.name
                );
                return Err(StorageError::new(StorageErrorKind::WrongSchema, message));
            }
        }
        Ok(rows.len())
    }
}

async fn apply(transaction: &mut Transaction, migration: &Migration) -> Result<(), StorageError> {
    let text = migration.render(transaction.kind())?;
    transaction.script(text).await.map_err(|error| {
        let message = format!("migration {} (`{}`) failed: {error}", migration.version, migration.name);
        StorageError::new(error.kind(), message).because(error)
    })?;
    transaction
        .execute(
            "insert into schema_migrations (version, name, checksum) values ($1, $2, $3)",
            args![migration.version, migration.name, migration.checksum()],
        )
        .await?;
    Ok(())
}
