//! A database that is open, whichever it is.

use std::sync::Arc;

use sqlx::postgres::PgPool;
use sqlx::sqlite::SqlitePool;

use super::args::Args;
use super::encode::{for_postgres, for_sqlite};
use super::row::Row;
use super::settings::{Kind, Place, Settings};
use super::sql::Sql;
use super::transaction::{Inner as Begun, Transaction, prepare};
use super::{postgres, sqlite};
use crate::error::{StorageError, StorageErrorKind};
use crate::migrations::Migrations;

/// A database that is open. Cheap to clone; all clones are the same.
///
/// SQL is written with `$1`, `$2` for both databases, with times as
/// [`Timestamp`](turbocat_core::Timestamp), and with [`Sql::render`] where they differ. On SQLite
/// reads go to connections of their own, which see what was committed, and everything that writes
/// goes to the one connection that may.
///
/// In `sqlite::memory:` there is one connection for all: while a [`Transaction`] is open, everything
/// else waits for it.
#[derive(Clone, Debug)]
pub struct Database(Arc<Inner>);

/// How many connections there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Connections {
    /// All of them.
    pub open: u32,
    /// Those nobody uses now.
    pub idle: u32,
}

#[derive(Debug)]
enum Inner {
    Sqlite(sqlite::Open),
    Postgres(PgPool),
}

impl Database {
    /// Opens the database at `sqlite:path`, `sqlite::memory:` or `postgres://…` with the defaults of
    /// [`Settings`]. A file that does not exist is made. Tables are not: see
    /// [`migrate`](Self::migrate).
    ///
    /// # Errors
    /// [`Invalid`](StorageErrorKind::Invalid) for another address,
    /// [`Locked`](StorageErrorKind::Locked) if the file is open already, and whatever keeps it from
    /// being opened.
    pub async fn open(url: &str) -> Result<Self, StorageError> {
        Self::open_with(Settings::new(url)).await
    }

    /// Opens a database with settings.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub async fn open_with(settings: Settings) -> Result<Self, StorageError> {
        let inner = match settings.place()? {
            Place::Memory => Inner::Sqlite(sqlite::memory(&settings).await?),
            Place::File(path) => Inner::Sqlite(sqlite::file(&settings, &path).await?),
            Place::Postgres => Inner::Postgres(postgres::open(&settings).await?),
        };
        Ok(Self(Arc::new(inner)))
    }

    /// Brings the tables up to date with this program. Several nodes may do it at once.
    ///
    /// # Errors
    /// [`NewerSchema`](StorageErrorKind::NewerSchema) if a newer program was here,
    /// [`WrongSchema`](StorageErrorKind::WrongSchema) if a migration is not the one that was done.
    pub async fn migrate(&self) -> Result<(), StorageError> {
        Migrations::embedded().run(self).await.map(drop)
    }

    /// How many connections there are now.
    pub fn connections(&self) -> Connections {
        let idle = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        match &*self.0 {
            Inner::Sqlite(open) => Connections {
                open: open.readers.size() + open.writer.size(),
                idle: idle(open.readers.num_idle() + open.writer.num_idle()),
            },
            Inner::Postgres(pool) => Connections { open: pool.size(), idle: idle(pool.num_idle()) },
        }
    }

    /// Which database it is.
    pub fn kind(&self) -> Kind {
        match &*self.0 {
            Inner::Sqlite(_) => Kind::Sqlite,
            Inner::Postgres(_) => Kind::Postgres,
        }
    }

    /// Waits for what is going on and closes all connections. Everything else answers
    /// [`Unavailable`](StorageErrorKind::Unavailable) from now on.
    pub async fn close(&self) {
        match &*self.0 {
            Inner::Sqlite(open) => {
                open.readers.close().await;
                open.writer.close().await;
            }
            Inner::Postgres(pool) => pool.close().await,
        }
    }

    /// All rows of a statement that only reads.
    ///
    /// # Errors
    /// What the database says.
    pub async fn fetch_all(&self, sql: impl Into<Sql>, args: Args) -> Result<Vec<Row>, StorageError> {
        let sql = prepare(sql, &args)?;
        match &*self.0 {
            Inner::Sqlite(open) => sqlite_rows(&open.readers, sql, args).await,
            Inner::Postgres(pool) => postgres_rows(pool, sql, args).await,
        }
    }

    /// The first row of a statement that only reads, if there is one.
    ///
    /// # Errors
    /// What the database says.
    pub async fn fetch_optional(&self, sql: impl Into<Sql>, args: Args) -> Result<Option<Row>, StorageError> {
        Ok(self.fetch_all(sql, args).await?.into_iter().next())
    }

    /// The first row of a statement that only reads.
    ///
    /// # Errors
    /// [`NotFound`](StorageErrorKind::NotFound) if there is none.
    pub async fn fetch_one(&self, sql: impl Into<Sql>, args: Args) -> Result<Row, StorageError> {
        self.fetch_optional(sql, args).await?.ok_or_else(|| StorageError::not_found("row"))
    }

    /// The rows of a statement that writes and has `returning`.
    ///
    /// # Errors
    /// What the database says.
    pub async fn returning(&self, sql: impl Into<Sql>, args: Args) -> Result<Vec<Row>, StorageError> {
        let sql = prepare(sql, &args)?;
        match &*self.0 {
            Inner::Sqlite(open) => sqlite_rows(&open.writer, sql, args).await,
            Inner::Postgres(pool) => postgres_rows(pool, sql, args).await,
        }
    }

    /// How many rows a statement that writes has changed.
    ///
    /// # Errors
    /// What the database says.
    pub async fn execute(&self, sql: impl Into<Sql>, args: Args) -> Result<u64, StorageError> {
        let sql = prepare(sql, &args)?;
        Ok(match &*self.0 {
            Inner::Sqlite(open) => {
                let query = sqlx::query_with(sql.into_safe(), for_sqlite(args)?);
                query.execute(&open.writer).await?.rows_affected()
            }
            Inner::Postgres(pool) => {
                let query = sqlx::query_with(sql.into_safe(), for_postgres(args)?);
                query.execute(pool).await?.rows_affected()
            }
        })
    }

    /// Begins a transaction. On SQLite it is the only one that writes from the beginning, so that it
    /// never fails in the middle because of another.
    ///
    /// # Errors
    /// What the database says.
    pub async fn begin(&self) -> Result<Transaction, StorageError> {
        Ok(Transaction(match &*self.0 {
            Inner::Sqlite(open) => Begun::Sqlite(sqlite::begin(open).await?),
            Inner::Postgres(pool) => Begun::Postgres(pool.begin().await?),
        }))
    }

    /// Several statements with shared arguments as one transaction on SQLite, in one call to its
    /// thread: all of them or none. Rows they give are dropped.
    ///
    /// The call goes on when its future is dropped, because half a transaction would stay open on
    /// the only connection that writes.
    ///
    /// # Errors
    /// [`Internal`](StorageErrorKind::Internal) on PostgreSQL, which cannot do this; else what the
    /// database says.
    pub async fn raw(&self, statements: &'static str, args: Args) -> Result<(), StorageError> {
        let Some(writer) = self.sqlite_writer() else {
            return Err(StorageError::new(
                StorageErrorKind::Internal,
                "several statements in one are for SQLite",
            ));
        };
        args.expect_all_of(statements)?;
        let text = super::sql::safe(format!("begin immediate;\n{statements};\ncommit"));
        let (writer, args) = (writer.clone(), for_sqlite(args)?);
        let work = tokio::spawn(async move {
            let mut connection = writer.acquire().await?;
            let done = sqlx::query_with(text, args).execute(&mut *connection).await;
            if done.is_err() {
                // If it was the `begin` that failed there is nothing to undo, and this fails too.
                let _ = sqlx::query("rollback").execute(&mut *connection).await;
            }
            done.map(drop).map_err(StorageError::from)
        });
        work.await.map_err(|error| {
            StorageError::new(StorageErrorKind::Unavailable, "the thread of the database is gone")
                .because(error)
        })?
    }

    /// As [`returning`](Self::returning), for a change that may be lost with the power because
    /// whoever opens the database next does without it: on SQLite nobody waits for the disk. It is
    /// never lost while what was changed after it is kept.
    ///
    /// The call goes on when its future is dropped.
    pub(crate) async fn returning_soon(
        &self,
        statement: &'static str,
        args: Args,
    ) -> Result<Vec<Row>, StorageError> {
        let Inner::Sqlite(open) = &*self.0 else { return self.returning(statement, args).await };
        args.expect_all_of(statement)?;
        open.unsynced(statement, for_sqlite(args)?).await
    }

    /// Copies everything into a new file, as it is at one moment, on SQLite.
    pub(crate) async fn copy_into(&self, path: &str) -> Result<(), StorageError> {
        match &*self.0 {
            Inner::Sqlite(open) => open.copy_into(path).await,
            Inner::Postgres(_) => {
                Err(StorageError::new(StorageErrorKind::Internal, "copying into a file is for SQLite"))
            }
        }
    }

    /// The pool of the one connection that writes, on SQLite.
    pub(crate) fn sqlite_writer(&self) -> Option<&SqlitePool> {
        match &*self.0 {
            Inner::Sqlite(open) => Some(&open.writer),
            Inner::Postgres(_) => None,
        }
    }

    /// As if somebody had been stopped before commits waited for the disk again.
    #[cfg(test)]
    pub(super) fn left_unsynced(&self) {
        if let Inner::Sqlite(open) = &*self.0 {
            open.leave_unsynced();
        }
    }

    /// The pool of PostgreSQL.
    pub(crate) fn pg_pool(&self) -> Option<&PgPool> {
        match &*self.0 {
            Inner::Sqlite(_) => None,
            Inner::Postgres(pool) => Some(pool),
        }
    }
}

async fn sqlite_rows(pool: &SqlitePool, sql: Sql, args: Args) -> Result<Vec<Row>, StorageError> {
    let query = sqlx::query_with(sql.into_safe(), for_sqlite(args)?);
    Ok(query.fetch_all(pool).await?.into_iter().map(Row::from).collect())
}

async fn postgres_rows(pool: &PgPool, sql: Sql, args: Args) -> Result<Vec<Row>, StorageError> {
    let query = sqlx::query_with(sql.into_safe(), for_postgres(args)?);
    Ok(query.fetch_all(pool).await?.into_iter().map(Row::from).collect())
}
