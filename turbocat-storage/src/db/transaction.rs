//! Several statements that are all done or not at all.

use sqlx::{Postgres, Sqlite};

use super::args::Args;
use super::encode::{for_postgres, for_sqlite};
use super::row::Row;
use super::settings::Kind;
use super::sql::Sql;
use crate::error::StorageError;

/// A transaction. Undone when it is dropped without [`commit`](Self::commit).
pub struct Transaction(pub(super) Inner);

pub(super) enum Inner {
    Sqlite(sqlx::Transaction<'static, Sqlite>),
    Postgres(sqlx::Transaction<'static, Postgres>),
}

impl std::fmt::Debug for Transaction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Transaction").field(&self.kind()).finish()
    }
}

impl Transaction {
    /// Which database it is.
    pub const fn kind(&self) -> Kind {
        match self.0 {
            Inner::Sqlite(_) => Kind::Sqlite,
            Inner::Postgres(_) => Kind::Postgres,
        }
    }

    /// All rows.
    ///
    /// # Errors
    /// What the database says.
    pub async fn fetch_all(&mut self, sql: impl Into<Sql>, args: Args) -> Result<Vec<Row>, StorageError> {
        let sql = prepare(sql, &args)?;
        Ok(match &mut self.0 {
            Inner::Sqlite(inner) => {
                let query = sqlx::query_with(sql.into_safe(), for_sqlite(args)?);
                query.fetch_all(&mut **inner).await?.into_iter().map(Row::from).collect()
            }
            Inner::Postgres(inner) => {
                let query = sqlx::query_with(sql.into_safe(), for_postgres(args)?);
                query.fetch_all(&mut **inner).await?.into_iter().map(Row::from).collect()
            }
        })
    }

    /// The first row, if there is one.
    ///
    /// # Errors
    /// What the database says.
    pub async fn fetch_optional(
        &mut self,
        sql: impl Into<Sql>,
        args: Args,
    ) -> Result<Option<Row>, StorageError> {
        Ok(self.fetch_all(sql, args).await?.into_iter().next())
    }

    /// The first row.
    ///
    /// # Errors
    /// [`NotFound`](crate::StorageErrorKind::NotFound) if there is none.
    pub async fn fetch_one(&mut self, sql: impl Into<Sql>, args: Args) -> Result<Row, StorageError> {
        self.fetch_optional(sql, args).await?.ok_or_else(|| StorageError::not_found("row"))
    }

    /// How many rows were changed.
    ///
    /// # Errors
    /// What the database says.
    pub async fn execute(&mut self, sql: impl Into<Sql>, args: Args) -> Result<u64, StorageError> {
        let sql = prepare(sql, &args)?;
        Ok(match &mut self.0 {
            Inner::Sqlite(inner) => {
                let query = sqlx::query_with(sql.into_safe(), for_sqlite(args)?);
                query.execute(&mut **inner).await?.rows_affected()
            }
            Inner::Postgres(inner) => {
                let query = sqlx::query_with(sql.into_safe(), for_postgres(args)?);
                query.execute(&mut **inner).await?.rows_affected()
            }
        })
    }

    /// Several statements without arguments, separated by semicolons.
    pub(crate) async fn script(&mut self, text: String) -> Result<(), StorageError> {
        let script = sqlx::raw_sql(super::sql::safe(text));
        match &mut self.0 {
            Inner::Sqlite(inner) => script.execute(&mut **inner).await.map(drop)?,
            Inner::Postgres(inner) => script.execute(&mut **inner).await.map(drop)?,
        }
        Ok(())
    }

    /// Makes it all true.
    ///
    /// # Errors
    /// What the database says. The connection may break when everything is done but not yet said.
    pub async fn commit(self) -> Result<(), StorageError> {
        match self.0 {
            Inner::Sqlite(inner) => inner.commit().await?,
            Inner::Postgres(inner) => inner.commit().await?,
        }
        Ok(())
    }

    /// Undoes it all.
    ///
    /// # Errors
    /// What the database says; it is undone all the same.
    pub async fn rollback(self) -> Result<(), StorageError> {
        match self.0 {
            Inner::Sqlite(inner) => inner.rollback().await?,
            Inner::Postgres(inner) => inner.rollback().await?,
        }
        Ok(())
    }
}

pub(super) fn prepare(sql: impl Into<Sql>, args: &Args) -> Result<Sql, StorageError> {
    let sql = sql.into();
    args.expect_all_of(sql.as_str())?;
    Ok(sql)
}
