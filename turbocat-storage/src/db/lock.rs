//! One process a file: a lock beside it, held as long as the database is open.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

use crate::error::{StorageError, StorageErrorKind};

/// Holds the lock until it is dropped.
#[derive(Debug)]
pub(super) struct FileLock {
    _file: File,
}

impl FileLock {
    /// Locks the file beside `database`.
    ///
    /// The system gives the lock back when the process ends, however it ends, so that there is
    /// nothing to clean up after a crash. The file itself stays: to delete it would let two
    /// processes lock two files of the same name.
    pub(super) fn take(database: &Path) -> Result<Self, StorageError> {
        let path = beside(database);
        let name = path.display();
        let file =
            OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(|error| {
                let kind = match error.kind() {
                    std::io::ErrorKind::PermissionDenied | std::io::ErrorKind::ReadOnlyFilesystem => {
                        StorageErrorKind::ReadOnly
                    }
                    std::io::ErrorKind::StorageFull => StorageErrorKind::Full,
                    _ => StorageErrorKind::Unavailable,
                };
                StorageError::new(kind, format!("the lock file `{name}` cannot be opened")).because(error)
            })?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(StorageError::new(
                StorageErrorKind::Locked,
                format!(
                    "the database `{}` is open already, here or in another process; help: stop the other one, or use PostgreSQL for several",
                    database.display()
                ),
            )),
            Err(TryLockError::Error(error)) => {
                let message = format!("the lock file `{name}` cannot be locked");
                Err(StorageError::new(StorageErrorKind::Unavailable, message).because(error))
            }
        }
    }
}

fn beside(database: &Path) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(".lock");
    PathBuf::from(name)
}
