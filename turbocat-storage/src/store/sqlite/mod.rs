//! A group of turns as one transaction on SQLite, in one call to its thread.

mod pieces;

use self::pieces::{Group, Piece, Script};
use super::turn::{New, Turn};
use crate::db::{Database, Transaction};
use crate::error::{StorageError, StorageErrorKind};

pub(super) const BLOB: &str = "insert into blobs (digest, body) values ($1, $2) on conflict do nothing";
pub(super) const BLOB_USE: &str =
    "insert into execution_blobs (execution_id, digest) values ($1, $2) on conflict do nothing";

/// Writes a group, or nothing of it.
pub(super) async fn write(database: &Database, turns: &[&Turn], now: i64) -> Result<(), StorageError> {
    let (script, group) = (Script::of(turns), Group::of(turns, now));
    let has_blobs = turns.iter().any(|turn| !turn.blobs.is_empty());
    if let (false, Some(rows)) = (has_blobs, group.rows()) {
        return database.raw(script.text(rows), group.args(script, rows)).await;
    }
    let mut transaction = database.begin().await?;
    for (execution, blob) in turns.iter().flat_map(|turn| &turn.blobs) {
        transaction.execute(BLOB, crate::args![&blob.digest[..], &*blob.text]).await?;
        transaction.execute(BLOB_USE, crate::args![execution, &blob.digest[..]]).await?;
    }
    portions(&mut transaction, &group, script.pieces()).await?;
    transaction.commit().await
}

/// Takes executions in; a conflict if one of them is there.
pub(super) async fn take_in(
    transaction: &mut Transaction,
    new: &[&New],
    now: i64,
) -> Result<(), StorageError> {
    let pieces = [Piece::Definitions, Piece::Executions, Piece::Jobs];
    portions(transaction, &Group::taking_in(new, now), &pieces).await
}

async fn portions(
    transaction: &mut Transaction,
    group: &Group<'_>,
    pieces: &[Piece],
) -> Result<(), StorageError> {
    for piece in pieces {
        for (text, args) in group.portions(*piece) {
            transaction.execute(text, args).await?;
        }
    }
    Ok(())
}

/// A check or a unique key refused the group: one of its turns is not the next of its execution.
pub(super) fn is_conflict(error: &StorageError) -> bool {
    matches!(error.kind(), StorageErrorKind::Constraint | StorageErrorKind::Conflict)
}
