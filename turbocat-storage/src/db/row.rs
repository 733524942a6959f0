//! A row of an answer, read by the names of its columns.

use serde_json::Value;
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, ValueRef};
use turbocat_core::{ExecutionId, Timestamp};
use uuid::Uuid;

use super::encode::POSTGRES_EPOCH;
use crate::error::{StorageError, StorageErrorKind};

/// A row of an answer.
pub struct Row(Inner);

enum Inner {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

impl std::fmt::Debug for Row {
    /// Without its values: they may be anybody's.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Row").finish_non_exhaustive()
    }
}

impl From<SqliteRow> for Row {
    fn from(row: SqliteRow) -> Self {
        Self(Inner::Sqlite(row))
    }
}

impl From<PgRow> for Row {
    fn from(row: PgRow) -> Self {
        Self(Inner::Postgres(row))
    }
}

impl Row {
    /// The value of a column.
    ///
    /// # Errors
    /// Names the column, if there is no such column or its value is of another type.
    pub fn get<T: FromColumn>(&self, column: &str) -> Result<T, StorageError> {
        T::from_column(self, column)
    }

    fn is_null(&self, column: &str) -> Result<bool, StorageError> {
        match &self.0 {
            Inner::Sqlite(row) => row.try_get_raw(column).map(|value| value.is_null()),
            Inner::Postgres(row) => row.try_get_raw(column).map(|value| value.is_null()),
        }
        .map_err(|error| unreadable(column, error))
    }

    fn read<T>(&self, column: &str) -> Result<T, StorageError>
    where
        T: for<'r> sqlx::Decode<'r, sqlx::Sqlite> + sqlx::Type<sqlx::Sqlite>,
        T: for<'r> sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres>,
    {
        // Null would be read as zero or as an empty text by the driver of SQLite.
        if self.is_null(column)? {
            return Err(StorageError::corrupt(format!("column `{column}` has no value")));
        }
        match &self.0 {
            Inner::Sqlite(row) => row.try_get_unchecked(column),
            Inner::Postgres(row) => row.try_get_unchecked(column),
        }
        .map_err(|error| unreadable(column, error))
    }
}

fn unreadable(column: &str, error: sqlx::Error) -> StorageError {
    let (kind, what) = match &error {
        sqlx::Error::ColumnNotFound(_) => (StorageErrorKind::Internal, "is not in the answer"),
        _ => (StorageErrorKind::Corrupt, "has a value of another type"),
    };
    StorageError::new(kind, format!("column `{column}` {what}")).because(error)
}

/// What can be read from a column.
pub trait FromColumn: Sized {
    /// The value of that column.
    ///
    /// # Errors
    /// Names the column.
    fn from_column(row: &Row, column: &str) -> Result<Self, StorageError>;
}

macro_rules! from_column {
    ($($type:ty),+) => {$(
        impl FromColumn for $type {
            fn from_column(row: &Row, column: &str) -> Result<Self, StorageError> {
                row.read(column)
            }
        }
    )+};
}

from_column!(bool, i64, f64, String, Vec<u8>);

macro_rules! from_number {
    ($($type:ty),+) => {$(
        impl FromColumn for $type {
            fn from_column(row: &Row, column: &str) -> Result<Self, StorageError> {
                let number = row.read::<i64>(column)?;
                Self::try_from(number)
                    .map_err(|error| StorageError::corrupt(format!("column `{column}` is out of range")).because(error))
            }
        }
    )+};
}

from_number!(i32, u32, u64);

impl<T: FromColumn> FromColumn for Option<T> {
    fn from_column(row: &Row, column: &str) -> Result<Self, StorageError> {
        if row.is_null(column)? { Ok(None) } else { T::from_column(row, column).map(Some) }
    }
}

impl FromColumn for Uuid {
    fn from_column(row: &Row, column: &str) -> Result<Self, StorageError> {
        row.read(column)
    }
}

impl FromColumn for ExecutionId {
    fn from_column(row: &Row, column: &str) -> Result<Self, StorageError> {
        Uuid::from_column(row, column).map(Self::from_uuid)
    }
}

impl FromColumn for Timestamp {
    fn from_column(row: &Row, column: &str) -> Result<Self, StorageError> {
        let number = row.read::<i64>(column)?;
        Ok(Self::from_millis(match &row.0 {
            Inner::Sqlite(_) => number,
            Inner::Postgres(_) => number.div_euclid(1000).saturating_add(POSTGRES_EPOCH),
        }))
    }
}

impl FromColumn for Value {
    fn from_column(row: &Row, column: &str) -> Result<Self, StorageError> {
        let wrong =
            |error| StorageError::corrupt(format!("column `{column}` has no valid JSON")).because(error);
        match &row.0 {
            Inner::Sqlite(_) => serde_json::from_str(&row.read::<String>(column)?).map_err(wrong),
            Inner::Postgres(_) => Ok(row.read::<sqlx::types::Json<Self>>(column)?.0),
        }
    }
}

impl FromColumn for Vec<String> {
    fn from_column(row: &Row, column: &str) -> Result<Self, StorageError> {
        match &row.0 {
            Inner::Sqlite(_) => {
                let text = row.read::<String>(column)?;
                serde_json::from_str(&text).map_err(|error| {
                    StorageError::corrupt(format!("column `{column}` has no list of texts")).because(error)
                })
            }
            Inner::Postgres(inner) => {
                inner.try_get_unchecked(column).map_err(|error| unreadable(column, error))
            }
        }
    }
}
