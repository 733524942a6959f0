//! Why the store could not do something: one opaque error, and the one place that reads the
//! databases' own errors. No message quotes a value.

use std::error::Error;
use std::fmt;

use sqlx::error::{DatabaseError, ErrorKind};

/// Why the store could not do something. Opaque: ask [`kind`](Self::kind).
#[derive(Debug)]
pub struct StorageError {
    kind: StorageErrorKind,
    message: String,
    retryable: bool,
    source: Option<Box<dyn Error + Send + Sync>>,
}

/// The kinds of storage errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StorageErrorKind {
    /// There is no such thing.
    NotFound,
    /// There is such a thing already, or it changed since it was read.
    Conflict,
    /// A rule of a table was broken: a reference to nothing, a value that is not allowed.
    Constraint,
    /// What was asked for cannot be: a wrong address, a value that the database cannot hold.
    Invalid,
    /// The database does not answer, or has no connection left; what was asked may have been done
    /// all the same.
    Unavailable,
    /// Another transaction stood in the way; nothing was done.
    Busy,
    /// A statement took longer than it may.
    Timeout,
    /// The database or its file may only be read.
    ReadOnly,
    /// The disk is full.
    Full,
    /// Another process has the file open.
    Locked,
    /// The database was made by a newer version of the program.
    NewerSchema,
    /// The schema of the database is not the one that was recorded.
    WrongSchema,
    /// What was read is not what was written.
    Corrupt,
    /// A secret cannot be opened: the key is missing, or the text was changed.
    Secret,
    /// A mistake in this crate: a statement that the database does not understand.
    Internal,
}

impl StorageError {
    pub(crate) fn new(kind: StorageErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), retryable: false, source: None }
    }

    pub(crate) fn because(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    pub(crate) fn not_found(noun: &str) -> Self {
        Self::new(StorageErrorKind::NotFound, format!("there is no such {noun}"))
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(StorageErrorKind::Invalid, message)
    }

    pub(crate) fn corrupt(message: impl Into<String>) -> Self {
        Self::new(StorageErrorKind::Corrupt, message)
    }

    /// What kind of error it is.
    pub const fn kind(&self) -> StorageErrorKind {
        self.kind
    }

    /// Whether the same may succeed when it is tried again in a moment.
    pub const fn is_retryable(&self) -> bool {
        self.retryable
    }

    const fn retryable(mut self) -> Self {
        self.retryable = true;
        self
    }
}

impl fmt::Display for StorageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for StorageError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn Error + 'static))
    }
}

impl From<sqlx::Error> for StorageError {
    fn from(error: sqlx::Error) -> Self {
        use StorageErrorKind::{Corrupt, Internal, Invalid, NotFound, Unavailable};
        let read = match &error {
            sqlx::Error::Database(database) => of_database(database.as_ref()),
            sqlx::Error::RowNotFound => Self::new(NotFound, "there is no such row"),
            sqlx::Error::Io(_) => Self::new(Unavailable, "the connection to the database broke").retryable(),
            sqlx::Error::PoolTimedOut => {
                Self::new(Unavailable, "no connection to the database became free in time").retryable()
            }
            sqlx::Error::PoolClosed => Self::new(Unavailable, "the database is closed"),
            sqlx::Error::WorkerCrashed => Self::new(Unavailable, "the thread of the database is gone"),
            sqlx::Error::Tls(_) => {
                Self::new(Unavailable, "the connection to the database cannot be encrypted")
            }
            sqlx::Error::Configuration(_) | sqlx::Error::InvalidArgument(_) => {
                Self::new(Invalid, "the address or the settings of the database are wrong")
            }
            sqlx::Error::Encode(_) => Self::new(Invalid, "a value cannot be written to the database"),
            sqlx::Error::ColumnDecode { index, .. } => {
                Self::new(Corrupt, format!("column {index} has a value of another type"))
            }
            sqlx::Error::ColumnNotFound(name) => Self::new(Internal, format!("there is no column `{name}`")),
            sqlx::Error::Decode(_) => Self::new(Corrupt, "a value has another type"),
            sqlx::Error::Protocol(_) => {
                Self::new(Unavailable, "the database said something unexpected").retryable()
            }
            _ => Self::new(Internal, "the database cannot do that"),
        };
        read.because(error)
    }
}

fn of_database(error: &dyn DatabaseError) -> StorageError {
    let rule = error.constraint().map(|name| format!(" (`{name}`)")).unwrap_or_default();
    match error.kind() {
        ErrorKind::UniqueViolation => {
            return StorageError::new(StorageErrorKind::Conflict, format!("there is one already{rule}"));
        }
        ErrorKind::ForeignKeyViolation => {
            let message =
                format!("it refers to something that does not exist, or something refers to it{rule}");
            return StorageError::new(StorageErrorKind::Constraint, message);
        }
        ErrorKind::NotNullViolation | ErrorKind::CheckViolation | ErrorKind::ExclusionViolation => {
            let message = format!("a value is not allowed there{rule}");
            return StorageError::new(StorageErrorKind::Constraint, message);
        }
        _ => {}
    }
    let code = error.code().unwrap_or_default();
    match code.parse::<i32>() {
        Ok(number) if code.len() < 5 => of_sqlite(number),
        _ => of_sqlstate(&code),
    }
}

/// <https://www.sqlite.org/rescode.html>; the lowest byte is the primary code.
fn of_sqlite(code: i32) -> StorageError {
    use StorageErrorKind::{Busy, Constraint, Corrupt, Full, Internal, Invalid, ReadOnly, Unavailable};
    match code & 0xff {
        5 | 6 => StorageError::new(Busy, "the database is busy with another transaction").retryable(),
        8 => StorageError::new(ReadOnly, "the database may only be read"),
        10 => StorageError::new(Unavailable, "the database file cannot be read or written"),
        11 | 26 => StorageError::new(Corrupt, "the file is damaged, or is no database"),
        13 => StorageError::new(Full, "the disk is full"),
        14 => StorageError::new(Unavailable, "the database file cannot be opened"),
        18 => StorageError::new(Invalid, "a value is too large for the database"),
        19 => StorageError::new(Constraint, "a value is not allowed there"),
        20 | 25 => StorageError::new(Invalid, "a value has the wrong type"),
        _ => StorageError::new(Internal, "the database does not understand the statement"),
    }
}

/// <https://www.postgresql.org/docs/current/errcodes-appendix.html>
fn of_sqlstate(code: &str) -> StorageError {
    use StorageErrorKind::{
        Busy, Constraint, Corrupt, Full, Internal, Invalid, ReadOnly, Timeout, Unavailable,
    };
    match code {
        "40001" | "40P01" | "55P03" => {
            StorageError::new(Busy, "another transaction stood in the way").retryable()
        }
        "57014" => StorageError::new(Timeout, "the statement took too long"),
        "53100" => StorageError::new(Full, "the disk of the database is full"),
        "25006" => StorageError::new(ReadOnly, "the database may only be read"),
        "3D000" => StorageError::new(Unavailable, "there is no database of that name on the server"),
        _ if code.starts_with("53") || code.starts_with("08") || code.starts_with("57P") => {
            StorageError::new(Unavailable, "the database does not answer now").retryable()
        }
        _ if code.starts_with("28") => StorageError::new(Unavailable, "the database refused the user"),
        _ if code.starts_with("22") => StorageError::new(Invalid, "the database cannot hold that value"),
        _ if code.starts_with("23") => StorageError::new(Constraint, "a value is not allowed there"),
        _ if code.starts_with("XX") || code.starts_with("58") => {
            StorageError::new(Corrupt, "the database reports damage")
        }
        _ => StorageError::new(Internal, "the database does not understand the statement"),
    }
}
