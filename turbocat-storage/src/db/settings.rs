//! Where a database is and how it is spoken to. Plain data.

use std::path::PathBuf;
use std::time::Duration;

use crate::error::StorageError;

/// Which database it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// SQLite, in this process.
    Sqlite,
    /// A PostgreSQL server.
    Postgres,
}

/// Where a database is and how it is spoken to.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Settings {
    /// `sqlite:path`, `sqlite::memory:` or `postgres://…`.
    pub url: String,
    /// What takes longer is logged as a warning. Default: one second.
    pub slow_statement: Duration,
    /// What only SQLite asks for.
    pub sqlite: SqliteSettings,
    /// What only PostgreSQL asks for.
    pub postgres: PostgresSettings,
}

/// How SQLite is used.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SqliteSettings {
    /// What a commit promises. Default: [`Durability::Full`].
    pub durability: Durability,
    /// How many connections read, beside the one that writes. Default: 4, because a read is short
    /// and few machines that embed a database have more cores to spare.
    pub readers: u32,
    /// How long a statement waits for a lock. Default: 10 seconds. Only a backup tool can hold one.
    pub busy_timeout: Duration,
    /// How long to wait for a connection. Default: 30 seconds, because one connection writes for all.
    pub acquire_timeout: Duration,
}

/// What a commit promises on SQLite.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Durability {
    /// What was committed survives a crash of the process, of the system, and a power cut.
    #[default]
    Full,
    /// What was committed survives a crash of the process. A crash of the system or a power cut may
    /// take the last commits; the file stays whole.
    Normal,
}

/// How PostgreSQL is used.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PostgresSettings {
    /// The most connections. Default: 10.
    pub connections: u32,
    /// How long to wait for a free connection. Default: 10 seconds.
    pub acquire_timeout: Duration,
    /// How long the first connection may take. Default: 5 seconds.
    pub connect_timeout: Duration,
    /// How long a statement may take. Default: 30 seconds. Migrations have no limit.
    pub statement_timeout: Duration,
}

impl Settings {
    /// The defaults for a database at that address.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            slow_statement: Duration::from_secs(1),
            sqlite: SqliteSettings {
                durability: Durability::Full,
                readers: 4,
                busy_timeout: Duration::from_secs(10),
                acquire_timeout: Duration::from_secs(30),
            },
            postgres: PostgresSettings {
                connections: 10,
                acquire_timeout: Duration::from_secs(10),
                connect_timeout: Duration::from_secs(5),
                statement_timeout: Duration::from_secs(30),
            },
        }
    }

    pub(crate) fn place(&self) -> Result<Place, StorageError> {
        let url = self.url.as_str();
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return Ok(Place::Postgres);
        }
        match url.strip_prefix("sqlite:") {
            Some(":memory:") => Ok(Place::Memory),
            Some(rest) => {
                let path = rest.strip_prefix("//").unwrap_or(rest);
                if path.is_empty() || path.contains('?') {
                    let help = "write `sqlite:path/to/app.db` or `sqlite::memory:`; other settings are not read from it";
                    return Err(StorageError::invalid(format!(
                        "the address of the database is not complete; help: {help}"
                    )));
                }
                Ok(Place::File(PathBuf::from(path)))
            }
            None => {
                let scheme = match url.split_once(':') {
                    Some((scheme, _)) if scheme.chars().all(|c| c.is_ascii_alphanumeric()) => scheme,
                    _ => "",
                };
                Err(StorageError::invalid(format!(
                    "a database at `{scheme}:` is not supported; help: use `sqlite:path/to/app.db`, `sqlite::memory:` or `postgres://user@host/name`"
                )))
            }
        }
    }
}

/// An address that was read.
#[derive(Debug)]
pub(crate) enum Place {
    Memory,
    File(PathBuf),
    Postgres,
}
