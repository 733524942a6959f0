//! A copy of a SQLite file while everything goes on.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use uuid::Uuid;

use crate::db::Kind;
use crate::error::{StorageError, StorageErrorKind};
use crate::store::Store;

impl Store {
    /// Copies the database into a new file, as it is at one moment, while executions go on. When
    /// this returns the copy is complete and on the disk; before, there is no file of that name.
    ///
    /// To restore is to open the copy. Whatever was held when it was made is ready to be claimed
    /// there, and goes on from where it was. The key that seals secrets is not in it.
    ///
    /// # Errors
    /// [`Conflict`](StorageErrorKind::Conflict) if there is such a file,
    /// [`Invalid`](StorageErrorKind::Invalid) on PostgreSQL, whose own tools do this; whatever keeps
    /// it from being written.
    pub async fn backup(&self, path: impl AsRef<Path>) -> Result<(), StorageError> {
        let path = path.as_ref();
        if self.database().kind() == Kind::Postgres {
            return Err(StorageError::invalid(
                "a PostgreSQL database is not copied from here; help: use `pg_dump`, or archive its log for recovery to a point in time",
            ));
        }
        refuse_existing(path)?;
        let Some(name) = path.file_name() else {
            return Err(StorageError::invalid(format!("`{}` is no path of a file", path.display())));
        };
        let mut partial = std::ffi::OsString::from(".");
        partial.push(name);
        partial.push(format!(".{}.partial", Uuid::now_v7().simple()));
        let partial = Partial(path.with_file_name(partial));
        let Some(text) = partial.0.to_str() else {
            return Err(StorageError::invalid(format!("the path `{}` is not valid text", path.display())));
        };
        self.database().copy_into(text).await?;
        let path = path.to_owned();
        let finished = tokio::task::spawn_blocking(move || partial.finish(&path)).await;
        finished.map_err(|error| {
            StorageError::new(StorageErrorKind::Unavailable, "the copy was not finished").because(error)
        })?
    }
}

fn refuse_existing(path: &Path) -> Result<(), StorageError> {
    if path.symlink_metadata().is_ok() {
        let message = format!("there is a file `{}` already; help: give another name", path.display());
        return Err(StorageError::new(StorageErrorKind::Conflict, message));
    }
    Ok(())
}

/// A copy that is not finished; gone when it is dropped.
struct Partial(PathBuf);

impl Drop for Partial {
    fn drop(&mut self) {
        // It may not be there, or not any more.
        let _ = fs::remove_file(&self.0);
    }
}

impl Partial {
    fn finish(self, path: &Path) -> Result<(), StorageError> {
        let failed = |error: io::Error| {
            let kind = match error.kind() {
                io::ErrorKind::StorageFull => StorageErrorKind::Full,
                io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                    StorageErrorKind::ReadOnly
                }
                _ => StorageErrorKind::Unavailable,
            };
            StorageError::new(kind, format!("the copy `{}` cannot be written", path.display())).because(error)
        };
        // The database wrote it without waiting for the disk.
        File::options().write(true).open(&self.0).and_then(|file| file.sync_all()).map_err(failed)?;
        refuse_existing(path)?;
        fs::rename(&self.0, path).map_err(failed)?;
        #[cfg(unix)]
        if let Some(folder) = path.parent() {
            let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
            File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)?;
        }
        Ok(())
    }
}
