//! Executions taken in and letters sent, by somebody who drives none.

use std::collections::HashSet;

use turbocat_core::{ExecutionId, Hint, Letter, NewExecution, Sent};
use uuid::Uuid;

use super::open::Store;
use super::turn::{New, Post, Turn};
use super::{postgres, sqlite};
use crate::db::{Args, Kind, Transaction};
use crate::error::{StorageError, StorageErrorKind};

/// Does something that others have to be told of, also when whoever wanted it does not wait any
/// more: half of it would be a change that nobody hears of.
pub(crate) async fn to_the_end<T: Send + 'static>(
    work: impl Future<Output = Result<T, StorageError>> + Send + 'static,
) -> Result<T, StorageError> {
    let gone = |error| {
        StorageError::new(StorageErrorKind::Unavailable, "the task of the store is gone").because(error)
    };
    tokio::spawn(work).await.map_err(gone)?
}

impl Store {
    pub(super) async fn take_in(&self, new: &[NewExecution]) -> Result<(), StorageError> {
        if self.0.database.kind() == Kind::Sqlite && !new.is_empty() {
            // Together with what others write.
            let now = self.0.time.now();
            let mut blobs = Vec::new();
            let new = new.iter().map(|new| New::of(new, now, self.until(now), &mut blobs)).collect();
            return self.write(Turn::taking_in(new, blobs)).await;
        }
        let (store, new) = (self.clone(), new.to_vec());
        to_the_end(async move {
            let mut transaction = store.0.database.begin().await?;
            store.take_in_within(&mut transaction, &new).await?;
            transaction.commit().await?;
            store.0.hints.give(Hint::Ready);
            Ok(())
        })
        .await
    }

    /// Takes executions in if a statement changes exactly one row, in one transaction with it.
    pub(crate) async fn take_in_if(
        &self,
        statement: &'static str,
        args: Args,
        new: &[NewExecution],
    ) -> Result<bool, StorageError> {
        let (store, new) = (self.clone(), new.to_vec());
        to_the_end(async move {
            let mut transaction = store.0.database.begin().await?;
            if transaction.execute(statement, args).await? != 1 {
                transaction.rollback().await?;
                return Ok(false);
            }
            if !new.is_empty() {
                store.take_in_within(&mut transaction, &new).await?;
            }
            transaction.commit().await?;
            store.0.hints.give(Hint::Ready);
            Ok(true)
        })
        .await
    }

    async fn take_in_within(
        &self,
        transaction: &mut Transaction,
        new: &[NewExecution],
    ) -> Result<(), StorageError> {
        let now = self.0.time.now();
        let until = self.until(now);
        let mut blobs = Vec::new();
        let new: Vec<New> = new.iter().map(|new| New::of(new, now, until, &mut blobs)).collect();
        let new: Vec<&New> = new.iter().collect();
        for (execution, blob) in &blobs {
            transaction.execute(sqlite::BLOB, crate::args![&blob.digest[..], &*blob.text]).await?;
            transaction.execute(sqlite::BLOB_USE, crate::args![execution, &blob.digest[..]]).await?;
        }
        let exists =
            || StorageError::new(StorageErrorKind::Conflict, "there is an execution of that name already");
        match self.0.database.kind() {
            Kind::Sqlite => sqlite::take_in(transaction, &new, now).await.map_err(|error| {
                if error.kind() == StorageErrorKind::Conflict { exists().because(error) } else { error }
            }),
            Kind::Postgres => {
                let known = postgres::take_in(transaction, &new, now).await?;
                let all: HashSet<Uuid> = new.iter().map(|new| new.execution).collect();
                if known.len() == new.len() && known == all { Ok(()) } else { Err(exists()) }
            }
        }
    }

    pub(super) async fn put(&self, letter: &Letter) -> Result<Sent, StorageError> {
        let (store, post) = (self.clone(), Post::new(letter)?);
        to_the_end(async move { store.put_post(post).await }).await
    }

    async fn put_post(&self, post: Post) -> Result<Sent, StorageError> {
        let mut transaction = self.0.database.begin().await?;
        let text = match transaction.kind() {
            Kind::Sqlite => "select state from jobs where execution_id = $1",
            // Whoever parks it waits until the letter is there, and sees it.
            Kind::Postgres => "select state from jobs where execution_id = $1 for update",
        };
        let job = transaction.fetch_optional(text, crate::args![post.to]).await?;
        let Some(job) = job else {
            let text = "select 1 as one from executions where id = $1";
            let known = transaction.fetch_optional(text, crate::args![post.to]).await?.is_some();
            transaction.rollback().await?;
            return Ok(if known { Sent::Ended } else { Sent::Unknown });
        };
        let text =
            "insert into letters (id, execution_id, message) values ($1, $2, $3) on conflict do nothing";
        transaction.execute(text, crate::args![post.id, post.to, post.message]).await?;
        let state: i64 = job.get("state")?;
        let wakes = state == 2 || state == 4 && post.cancels;
        if wakes {
            let text = "update jobs set state = 0, due_ms = $2 where execution_id = $1";
            transaction.execute(text, crate::args![post.to, self.0.time.now()]).await?;
        }
        transaction.commit().await?;
        if wakes {
            self.0.hints.give(Hint::Ready);
        }
        self.0.hints.give(Hint::Letter(ExecutionId::from_uuid(post.to)));
        Ok(Sent::Accepted)
    }
}
