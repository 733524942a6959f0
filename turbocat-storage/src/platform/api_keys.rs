//! Credentials of programs: hashes, never the keys themselves.

use turbocat_core::Timestamp;
use uuid::Uuid;

use super::filter::Filter;
use super::record::Hidden;
use super::{Platform, table};
use crate::args;
use crate::db::Sql;
use crate::error::StorageError;

record! {
    /// A key, without what it is checked by.
    ApiKey is "key" in "api_keys" {
        /// The id.
        id: Uuid,
        /// Whose it is.
        user_id: Uuid,
        /// What it is called.
        name: String,
        /// How it begins, to tell it from others.
        key_prefix: String,
        /// What it may be used for.
        scopes: Vec<String>,
        /// Whether it may be used.
        is_active: bool,
        /// Until when.
        expires_at: Option<Timestamp>,
        /// When it was last used.
        last_used_at: Option<Timestamp>,
        /// How often.
        usage_count: u64,
        /// How often in a minute it may be.
        rate_limit_per_minute: i32,
        /// When it was made.
        created_at: Timestamp,
        /// When it was last changed.
        updated_at: Timestamp,
        /// When it was revoked.
        deleted_at: Option<Timestamp>,
    }
}

draft! {
    /// A new key.
    NewApiKey {
        /// Whose it is.
        user_id: Uuid,
        /// What it is called.
        name: String,
        /// SHA-256 of the key, in hexadecimal.
        key_hash: Hidden,
        /// How it begins.
        key_prefix: String,
        /// What it may be used for.
        scopes: Vec<String>,
        /// Until when.
        expires_at: Option<Timestamp>,
        /// How often in a minute it may be used.
        rate_limit_per_minute: i32,
    }
}

/// The keys.
#[derive(Clone, Copy, Debug)]
pub struct ApiKeys<'a>(pub(super) &'a Platform);

impl ApiKeys<'_> {
    /// Makes a key.
    ///
    /// # Errors
    /// [`Conflict`](crate::StorageErrorKind::Conflict) if there is one of that hash.
    pub async fn create(&self, key: NewApiKey) -> Result<ApiKey, StorageError> {
        table::insert(&self.0.database, key, table::born(Uuid::now_v7(), self.0.now())).await
    }

    /// The key of that hash, unless it was revoked. Whether it is active and not expired is for the
    /// caller to see: the answers differ.
    ///
    /// # Errors
    /// What the database says.
    pub async fn by_hash(&self, hash: &str) -> Result<Option<ApiKey>, StorageError> {
        table::find(&self.0.database, Filter::alive().by("key_hash = ", hash, "")).await
    }

    /// The keys of a user, the newest first.
    ///
    /// # Errors
    /// What the database says.
    pub async fn of_user(&self, user: Uuid) -> Result<Vec<ApiKey>, StorageError> {
        let filter = Filter::alive().by("user_id = ", user, "");
        table::all(&self.0.database, filter, " order by created_at desc, id desc").await
    }

    /// Takes a key of a user back for good.
    ///
    /// # Errors
    /// [`NotFound`](crate::StorageErrorKind::NotFound) if the user has no such key.
    pub async fn revoke(&self, user: Uuid, id: Uuid) -> Result<(), StorageError> {
        let sql = Sql::new(
            "update api_keys set deleted_at = $3, is_active = false, updated_at = {later:updated_at,$3}
            where id = $1 and user_id = $2 and deleted_at is null",
        );
        let sql = sql.render(self.0.database.kind())?;
        table::done::<ApiKey>(self.0.database.execute(sql, args![id, user, self.0.now()]).await?)
    }

    /// Counts that a key was used.
    ///
    /// # Errors
    /// What the database says.
    pub async fn count_use(&self, id: Uuid) -> Result<(), StorageError> {
        let sql = "update api_keys set usage_count = usage_count + 1, last_used_at = $2 where id = $1";
        self.0.database.execute(sql, args![id, self.0.now()]).await.map(drop)
    }
}
