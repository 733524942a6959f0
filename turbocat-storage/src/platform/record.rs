//! Rows as types: what a row is, what a new one needs, what may be changed.

use std::fmt;

use crate::db::{Arg, Args, FromColumn, IntoArg, Row, Sql};
use crate::error::StorageError;

/// A row of a table that has an `id`.
pub(super) trait Record: Sized {
    /// The table.
    const TABLE: &'static str;
    /// What one is called in messages.
    const NOUN: &'static str;
    /// The columns that are read.
    const COLUMNS: &'static str;

    fn read(row: &Row) -> Result<Self, StorageError>;
}

/// What some columns of a row shall be.
pub(super) trait Columns {
    /// Names and values, those that are given.
    fn columns(self) -> Vec<(&'static str, Arg)>;
}

/// `a = $1, b = $2`.
pub(super) fn assignments(columns: Vec<(&'static str, Arg)>, sql: &mut Sql, args: &mut Args) {
    for (at, (column, value)) in columns.into_iter().enumerate() {
        let place = args.push(value);
        sql.push(if at == 0 { "" } else { ", " }).push(column).push(" = ").push_place(place);
    }
}

/// A text that is not shown by `Debug`: a hash, a token.
#[derive(Clone, PartialEq, Eq)]
pub struct Hidden(String);

impl Hidden {
    /// Hides a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(hidden)")
    }
}

impl IntoArg for Hidden {
    fn into_arg(self) -> Arg {
        self.0.into_arg()
    }

    fn absent() -> Arg {
        String::absent()
    }
}

impl FromColumn for Hidden {
    fn from_column(row: &Row, column: &str) -> Result<Self, StorageError> {
        row.get(column).map(Self)
    }
}

/// The name of a field's column: its own, unless another is given.
macro_rules! column {
    ($field:ident) => {
        stringify!($field)
    };
    ($field:ident $column:literal) => {
        $column
    };
}

/// A row: the type, its columns and how it is read.
macro_rules! record {
    (
        $(#[$doc:meta])*
        $name:ident is $noun:literal in $table:literal {
            $($(#[$of:meta])* $field:ident $(= $column:literal)? : $type:ty),+ $(,)?
        }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq)]
        #[non_exhaustive]
        pub struct $name { $($(#[$of])* pub $field: $type),+ }

        impl $crate::platform::record::Record for $name {
            const TABLE: &'static str = $table;
            const NOUN: &'static str = $noun;
            const COLUMNS: &'static str =
                $crate::platform::record::list!($(column!($field $($column)?)),+);

            fn read(row: &$crate::db::Row) -> Result<Self, $crate::error::StorageError> {
                Ok(Self { $($field: row.get(column!($field $($column)?))?),+ })
            }
        }
    };
}

/// Names with commas between them.
macro_rules! list {
    ($first:expr $(, $rest:expr)*) => { concat!($first $(, ", ", $rest)*) };
}
pub(super) use list;

/// What a new row needs: every field is written.
macro_rules! draft {
    (
        $(#[$doc:meta])*
        $name:ident { $($(#[$of:meta])* $field:ident $(= $column:literal)? : $type:ty),+ $(,)? }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq)]
        pub struct $name { $($(#[$of])* pub $field: $type),+ }

        impl $crate::platform::record::Columns for $name {
            fn columns(self) -> Vec<(&'static str, $crate::db::Arg)> {
                vec![$((column!($field $($column)?), $crate::db::IntoArg::into_arg(self.$field))),+]
            }
        }
    };
}

/// What may be changed: a field that is `None` stays as it is.
macro_rules! patch {
    (
        $(#[$doc:meta])*
        $name:ident { $($(#[$of:meta])* $field:ident $(= $column:literal)? : $type:ty),+ $(,)? }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq)]
        pub struct $name { $($(#[$of])* pub $field: Option<$type>),+ }

        impl $crate::platform::record::Columns for $name {
            fn columns(self) -> Vec<(&'static str, $crate::db::Arg)> {
                let mut columns = Vec::new();
                $(if let Some(value) = self.$field {
                    columns.push((column!($field $($column)?), $crate::db::IntoArg::into_arg(value)));
                })+
                columns
            }
        }
    };
}
