//! Secrets by name: a table of them, and the port through which the engine asks.

use std::fmt;

use async_trait::async_trait;
use turbocat_core::{Secrets, Timestamp};
use uuid::Uuid;

use super::keyring::Keyring;
use super::seal::Place;
use crate::args;
use crate::db::{Database, Row, Sql};
use crate::error::{StorageError, StorageErrorKind};

/// A database and the keys to its secrets. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Vault {
    pub(super) database: Database,
    pub(super) keyring: Keyring,
}

/// What is known of a secret without opening it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SecretInfo {
    /// Its name.
    pub name: String,
    /// The key that sealed it.
    pub key_id: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

impl Vault {
    /// The secrets of that database, which must be [migrated](Database::migrate).
    pub const fn new(database: Database, keyring: Keyring) -> Self {
        Self { database, keyring }
    }

    /// The keys.
    pub const fn keyring(&self) -> &Keyring {
        &self.keyring
    }

    /// Everybody's secrets.
    pub fn shared(&self) -> SecretScope {
        SecretScope { vault: self.clone(), owner: None }
    }

    /// A user's secrets; those of everybody are found as well, where the user has none of the name.
    pub fn of(&self, owner: Uuid) -> SecretScope {
        SecretScope { vault: self.clone(), owner: Some(owner) }
    }
}

/// The secrets of one user, or everybody's. Answers `{{ secrets.NAME }}`.
#[derive(Clone)]
pub struct SecretScope {
    vault: Vault,
    owner: Option<Uuid>,
}

impl fmt::Debug for SecretScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretScope").field("owner", &self.owner).finish_non_exhaustive()
    }
}

impl SecretScope {
    /// Keeps a secret under a name, in the place of the one that had it.
    ///
    /// # Errors
    /// [`Invalid`](StorageErrorKind::Invalid) for a name that is empty or longer than 255 signs,
    /// [`Constraint`](StorageErrorKind::Constraint) if there is no such user.
    pub async fn set(&self, name: &str, secret: &str) -> Result<(), StorageError> {
        if name.is_empty() || name.chars().count() > 255 {
            return Err(StorageError::invalid("the name of a secret has 1 to 255 signs"));
        }
        match self.try_set(name, secret).await {
            // Somebody else made it in this moment; now it is there.
            Err(error) if error.kind() == StorageErrorKind::Conflict => self.try_set(name, secret).await,
            done => done,
        }
    }

    async fn try_set(&self, name: &str, secret: &str) -> Result<(), StorageError> {
        let keyring = &self.vault.keyring;
        let mut transaction = self.vault.database.begin().await?;
        let found = transaction.fetch_optional(self.find(), args![name, self.owner]).await?;
        let id = match &found {
            Some(row) => row.get("id")?,
            None => Uuid::now_v7(),
        };
        let sealed = keyring.seal(&place(id, self.owner, name), secret)?;
        let mut args = args![id, sealed, keyring.current()];
        let sql = if found.is_some() {
            "update secrets set ciphertext = $2, key_id = $3, updated_at = {now} where id = $1"
        } else {
            args.push(self.owner);
            args.push(name);
            "insert into secrets (id, ciphertext, key_id, owner_id, name) values ($1, $2, $3, $4, $5)"
        };
        let sql = Sql::new(sql).render(transaction.kind())?;
        transaction.execute(sql, args).await?;
        transaction.commit().await
    }

    /// The secret of that name.
    ///
    /// # Errors
    /// [`Secret`](StorageErrorKind::Secret) if it cannot be opened.
    pub async fn get(&self, name: &str) -> Result<Option<String>, StorageError> {
        // A user's own comes first.
        let sql = "select id, owner_id, ciphertext from secrets
            where name = $1 and (owner_id is null or owner_id = $2)
            order by (owner_id is null) limit 1";
        let Some(row) = self.vault.database.fetch_optional(sql, args![name, self.owner]).await? else {
            return Ok(None);
        };
        let place = place(row.get("id")?, row.get("owner_id")?, name);
        self.vault.keyring.open(&place, &row.get::<String>("ciphertext")?).map(Some)
    }

    /// What secrets there are, by name; only the user's own, or everybody's.
    ///
    /// # Errors
    /// What the database says.
    pub async fn list(&self) -> Result<Vec<SecretInfo>, StorageError> {
        let columns = "select name, key_id, created_at, updated_at from secrets where ";
        let mut sql = Sql::new(columns);
        let args = match self.owner {
            Some(owner) => {
                sql.push("owner_id = $1 order by name");
                args![owner]
            }
            None => {
                sql.push("owner_id is null order by name");
                args![]
            }
        };
        self.vault.database.fetch_all(sql, args).await?.iter().map(info).collect()
    }

    /// Forgets a secret.
    ///
    /// # Errors
    /// [`NotFound`](StorageErrorKind::NotFound) if there is none of that name.
    pub async fn delete(&self, name: &str) -> Result<(), StorageError> {
        let mut transaction = self.vault.database.begin().await?;
        let row = transaction.fetch_optional(self.find(), args![name, self.owner]).await?;
        let id: Uuid = row.ok_or_else(|| StorageError::not_found("secret"))?.get("id")?;
        transaction.execute("delete from secrets where id = $1", args![id]).await?;
        transaction.commit().await
    }

    /// The statement that finds a secret of this scope; its arguments are the name and the owner.
    const fn find(&self) -> &'static str {
        match self.owner {
            Some(_) => "select id from secrets where name = $1 and owner_id = $2",
            // The argument has to be there: both statements take the same.
            None => "select id from secrets where name = $1 and owner_id is null and $2 is null",
        }
    }
}

#[async_trait]
impl Secrets for SecretScope {
    async fn secret(&self, name: &str) -> Option<String> {
        match self.get(name).await {
            Ok(secret) => secret,
            Err(error) => {
                tracing::error!(name, %error, "a secret cannot be read");
                None
            }
        }
    }
}

fn info(row: &Row) -> Result<SecretInfo, StorageError> {
    Ok(SecretInfo {
        name: row.get("name")?,
        key_id: row.get("key_id")?,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
    })
}

/// Bound to owner and name as well: who can write into the table cannot give a secret another name.
pub(super) fn place(id: Uuid, owner: Option<Uuid>, name: &str) -> Place {
    let owner = owner.map(|owner| owner.to_string()).unwrap_or_default();
    Place::new("secrets", "ciphertext", id).field(&format!("{owner}/{name}"))
}
