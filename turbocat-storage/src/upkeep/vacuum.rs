//! Gives space back that nothing uses any more.

use std::time::Instant;

use crate::args;
use crate::db::Kind;
use crate::error::StorageError;
use crate::store::Store;

/// How many pages are given back in one transaction: 2 MiB.
const PAGES: u64 = 500;
/// Which part of a file may be free, in percent, before the caretaker gives it back: what is free
/// is used again by what comes next.
const LOOSE: u64 = 20;

impl Store {
    /// Gives the free pages of a SQLite file back to the system, a few at a time, and brings the
    /// statistics of its indexes up to date. Gives how many bytes. Others go on meanwhile.
    ///
    /// PostgreSQL does this by itself: there it does nothing and gives 0.
    ///
    /// # Errors
    /// What the database says.
    pub async fn vacuum(&self) -> Result<u64, StorageError> {
        if self.database().kind() == Kind::Postgres {
            return Ok(0);
        }
        let before = self.pragma("pragma page_count").await?;
        let mut free = self.pragma("pragma freelist_count").await?;
        while free > 0 {
            let began = Instant::now();
            self.database().returning("pragma incremental_vacuum(500)", args![]).await?;
            let left = self.pragma("pragma freelist_count").await?;
            if left >= free {
                break;
            }
            free = left;
            if free > PAGES {
                tokio::time::sleep(began.elapsed()).await;
            }
        }
        let after = self.pragma("pragma page_count").await?;
        // The file gets shorter when its log is moved into it, as far as readers allow now.
        self.database().returning("pragma wal_checkpoint(passive)", args![]).await?;
        self.database().returning("pragma optimize", args![]).await?;
        Ok(before.saturating_sub(after) * self.pragma("pragma page_size").await?)
    }

    /// The same, if it is worth it.
    pub(super) async fn vacuum_if_loose(&self) -> Result<u64, StorageError> {
        if self.database().kind() == Kind::Postgres {
            return Ok(0);
        }
        let (free, all) =
            (self.pragma("pragma freelist_count").await?, self.pragma("pragma page_count").await?);
        if free * 100 > all * LOOSE {
            return self.vacuum().await;
        }
        self.database().returning("pragma optimize", args![]).await?;
        Ok(0)
    }

    /// Asked of the connection that writes, which knows best.
    async fn pragma(&self, ask: &'static str) -> Result<u64, StorageError> {
        let rows = self.database().returning(ask, args![]).await?;
        let name = ask.trim_start_matches("pragma ");
        rows.first().map_or(Ok(0), |row| row.get(name))
    }
}
