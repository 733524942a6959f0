//! Tokens that are good once: kept as hashes, taken when they are used.

use std::time::Duration;

use serde_json::Value;
use turbocat_core::Timestamp;
use uuid::Uuid;

use super::record::{Hidden, Record};
use super::words::TokenPurpose;
use super::{Platform, table};
use crate::args;
use crate::db::{Arg, Sql};
use crate::error::StorageError;

record! {
    /// A token.
    Token is "token" in "one_time_tokens" {
        /// Its SHA-256.
        hash: Hidden,
        /// What it is for.
        purpose: TokenPurpose,
        /// Who may use it.
        user_id: Option<Uuid>,
        /// What belongs to it.
        data: Value,
        /// Until when it is good.
        expires_at: Timestamp,
        /// When it was made.
        created_at: Timestamp,
    }
}

draft! {
    /// A new token.
    NewToken {
        /// Its SHA-256.
        hash: Hidden,
        /// What it is for.
        purpose: TokenPurpose,
        /// Who may use it.
        user_id: Option<Uuid>,
        /// What belongs to it.
        data: Value,
    }
}

/// The tokens.
#[derive(Clone, Copy, Debug)]
pub struct OneTimeTokens<'a>(pub(super) &'a Platform);

impl OneTimeTokens<'_> {
    /// Keeps a token for `life`. Older ones of that user for that purpose are good no more.
    ///
    /// # Errors
    /// [`Constraint`](crate::StorageErrorKind::Constraint) if there is no such user.
    pub async fn keep(&self, token: NewToken, life: Duration) -> Result<(), StorageError> {
        let now = self.0.now();
        let mut transaction = self.0.database.begin().await?;
        if let Some(user) = token.user_id {
            let sql = "delete from one_time_tokens where user_id = $1 and purpose = $2";
            transaction.execute(sql, args![user, token.purpose]).await?;
        }
        let more =
            vec![("created_at", Arg::Time(Some(now))), ("expires_at", Arg::Time(Some(now.after(life))))];
        let (sql, args) = table::insertion::<Token>(token, more);
        transaction.fetch_all(sql, args).await?;
        transaction.commit().await
    }

    /// Takes a token: it is good no more.
    ///
    /// # Errors
    /// What the database says.
    pub async fn take(&self, purpose: TokenPurpose, hash: &str) -> Result<Option<Token>, StorageError> {
        let mut sql = Sql::new("delete from one_time_tokens where hash = $1 and purpose = $2 returning ");
        sql.push(Token::COLUMNS);
        let rows = self.0.database.returning(sql, args![hash, purpose]).await?;
        let token = rows.first().map(Token::read).transpose()?;
        Ok(token.filter(|token| token.expires_at > self.0.now()))
    }

    /// The tokens of a user for a purpose are good no more.
    ///
    /// # Errors
    /// What the database says.
    pub async fn forget(&self, user: Uuid, purpose: TokenPurpose) -> Result<(), StorageError> {
        let sql = "delete from one_time_tokens where user_id = $1 and purpose = $2";
        self.0.database.execute(sql, args![user, purpose]).await.map(drop)
    }

    /// Forgets tokens that are good no more, some at a time. Gives how many.
    ///
    /// # Errors
    /// What the database says.
    pub async fn sweep(&self) -> Result<u64, StorageError> {
        let sql = "delete from one_time_tokens where hash in (
            select hash from one_time_tokens where expires_at <= $1 limit 500)";
        self.0.database.execute(sql, args![self.0.now()]).await
    }
}
