//! Deletes large values and definitions that nothing refers to any more.
//!
//! They are kept under their digest, so that one may be about to be referred to again by a
//! transaction that nobody sees yet. Whoever refers to one has written to its table before, in the
//! same transaction, even if the row was there. So the table is locked against writing for the
//! moment in which rows are looked at again and deleted: SQLite does that by itself.

use std::time::Instant;

use crate::args;
use crate::db::Kind;
use crate::error::{StorageError, StorageErrorKind};
use crate::store::Store;

/// How many rows are looked at.
const LOOK: i64 = 500;
/// How many are deleted in one transaction.
const DELETE: usize = 100;

/// A table of what is kept under its digest, and the statements about it: `$1` digests as
/// hexadecimal texts.
struct Kept {
    look: &'static str,
    lock: &'static str,
    delete: [&'static str; 2],
}

macro_rules! kept {
    ($table:literal, $unused:literal) => {
        Kept {
            // `$1` where to begin, `$2` how many.
            look: concat!(
                "select k.digest, ",
                $unused,
                " as unused from ",
                $table,
                " as k where k.digest > $1 order by k.digest limit $2"
            ),
            lock: concat!("lock table ", $table, " in share row exclusive mode"),
            delete: [
                concat!(
                    "delete from ",
                    $table,
                    " as k where k.digest in (select unhex(value) from json_each($1)) and ",
                    $unused
                ),
                concat!(
                    "delete from ",
                    $table,
                    " as k where k.digest in (select decode(d, 'hex') from unnest($1::text[]) as t (d)) and ",
                    $unused
                ),
            ],
        }
    };
}

const VALUES: Kept =
    kept!("blobs", "not exists (select 1 from execution_blobs as u where u.digest = k.digest)");
const DEFINITIONS: Kept =
    kept!("definitions", "not exists (select 1 from executions as u where u.definition = k.digest)");

pub(super) async fn values(store: &Store) -> Result<u64, StorageError> {
    sweep(store, &VALUES).await
}

pub(super) async fn definitions(store: &Store) -> Result<u64, StorageError> {
    sweep(store, &DEFINITIONS).await
}

async fn sweep(store: &Store, kept: &Kept) -> Result<u64, StorageError> {
    let (mut count, mut last): (u64, Vec<u8>) = (0, Vec::new());
    loop {
        let rows = store.database().fetch_all(kept.look, args![last, LOOK]).await?;
        let Some(row) = rows.last() else { return Ok(count) };
        last = row.get("digest")?;
        let mut unused: Vec<String> = Vec::new();
        for row in &rows {
            if row.get("unused")? {
                unused.push(crate::store::hex(&row.get::<Vec<u8>>("digest")?));
            }
        }
        for part in unused.chunks(DELETE) {
            match delete(store, kept, part).await {
                Ok(deleted) => count += deleted,
                // Somebody writes for long. There is another time.
                Err(error) if error.kind() == StorageErrorKind::Busy => {}
                Err(error) => return Err(error),
            }
        }
    }
}

async fn delete(store: &Store, kept: &Kept, digests: &[String]) -> Result<u64, StorageError> {
    let began = Instant::now();
    let mut transaction = store.database().begin().await?;
    let text = match transaction.kind() {
        Kind::Sqlite => kept.delete[0],
        Kind::Postgres => {
            // Whoever wants to write waits behind this lock, so it must not wait for long itself.
            transaction.execute("set local lock_timeout = 1000", args![]).await?;
            transaction.execute(kept.lock, args![]).await?;
            kept.delete[1]
        }
    };
    let deleted = transaction.execute(text, args![digests]).await?;
    transaction.commit().await?;
    tokio::time::sleep(began.elapsed()).await;
    Ok(deleted)
}
