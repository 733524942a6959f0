//! Users: who they are, how they prove it, what they prefer.

use serde_json::Value;
use turbocat_core::Timestamp;
use uuid::Uuid;

use super::filter::Filter;
use super::page::{Page, PageRequest, sort};
use super::record::Hidden;
use super::words::UserRole;
use super::{Platform, table};
use crate::args;
use crate::error::StorageError;

record! {
    /// A user.
    User is "user" in "users" {
        /// The id.
        id: Uuid,
        /// In small letters; nobody else has it.
        email: String,
        /// How the password is checked; `None` if they sign in elsewhere.
        password_hash: Option<Hidden>,
        /// What they are called.
        full_name: Option<String>,
        /// Where their picture is.
        avatar_url: Option<String>,
        /// What they may do.
        role: UserRole,
        /// Whether they may sign in.
        is_active: bool,
        /// Whether the address was proven.
        email_verified: bool,
        /// When.
        email_verified_at: Option<Timestamp>,
        /// When they last signed in.
        last_login_at: Option<Timestamp>,
        /// What they prefer.
        preferences: Value,
        /// The hash of a token that proves the address.
        verification_token: Option<Hidden>,
        /// Until when it does.
        verification_token_expiry: Option<Timestamp>,
        /// Where they sign in.
        oauth_provider: Option<String>,
        /// Who they are there.
        oauth_id: Option<String>,
        /// What opens their account there; encrypted.
        oauth_access_token: Option<Hidden>,
        /// What gets another one; encrypted.
        oauth_refresh_token: Option<Hidden>,
        /// Who they are at Google.
        google_id: Option<String>,
        /// Whether they have seen the tutorial.
        tutorial_completed: bool,
        /// How far they are in it.
        tutorial_progress: Value,
        /// When it was made.
        created_at: Timestamp,
        /// When it was last changed.
        updated_at: Timestamp,
        /// When it was deleted.
        deleted_at: Option<Timestamp>,
    }
}

draft! {
    /// A new user.
    NewUser {
        /// Written in small letters.
        email: String,
        /// How the password is checked.
        password_hash: Option<Hidden>,
        /// What they are called.
        full_name: Option<String>,
        /// Where their picture is.
        avatar_url: Option<String>,
        /// What they may do.
        role: UserRole,
        /// Whether the address was proven.
        email_verified: bool,
        /// Where they sign in.
        oauth_provider: Option<String>,
        /// Who they are there.
        oauth_id: Option<String>,
        /// Who they are at Google.
        google_id: Option<String>,
        /// What they prefer.
        preferences: Value,
    }
}

impl NewUser {
    /// A user without a password and without a name.
    pub fn new(email: impl Into<String>) -> Self {
        Self {
            email: email.into(),
            password_hash: None,
            full_name: None,
            avatar_url: None,
            role: UserRole::User,
            email_verified: false,
            oauth_provider: None,
            oauth_id: None,
            google_id: None,
            preferences: Value::Object(serde_json::Map::new()),
        }
    }
}

patch! {
    /// What of a user changes.
    UserPatch {
        /// Written in small letters.
        email: String,
        /// How the password is checked.
        password_hash: Option<Hidden>,
        /// What they are called.
        full_name: Option<String>,
        /// Where their picture is.
        avatar_url: Option<String>,
        /// What they may do.
        role: UserRole,
        /// Whether they may sign in.
        is_active: bool,
        /// Whether the address was proven.
        email_verified: bool,
        /// When.
        email_verified_at: Option<Timestamp>,
        /// When they last signed in.
        last_login_at: Option<Timestamp>,
        /// What they prefer.
        preferences: Value,
        /// The hash of a token that proves the address.
        verification_token: Option<Hidden>,
        /// Until when it does.
        verification_token_expiry: Option<Timestamp>,
        /// Where they sign in.
        oauth_provider: Option<String>,
        /// Who they are there.
        oauth_id: Option<String>,
        /// What opens their account there; encrypted.
        oauth_access_token: Option<Hidden>,
        /// What gets another one; encrypted.
        oauth_refresh_token: Option<Hidden>,
        /// Who they are at Google.
        google_id: Option<String>,
        /// Whether they have seen the tutorial.
        tutorial_completed: bool,
        /// How far they are in it.
        tutorial_progress: Value,
    }
}

/// Which users.
#[derive(Clone, Debug, Default)]
pub struct UserFilter {
    /// Those with this role.
    pub role: Option<UserRole>,
    /// Those who may sign in, or may not.
    pub is_active: Option<bool>,
    /// Those with this in their address or name.
    pub search: Option<String>,
}

sort! {
    /// What users can be sorted by.
    UserSort {
        /// When they were made.
        #[default] CreatedAt = "created_at" ["createdAt"],
        /// Their address.
        Email = "email" ["email"],
        /// When they last signed in.
        LastLoginAt = "last_login_at" (nullable) ["lastLoginAt"],
    }
}

/// The users.
#[derive(Clone, Copy, Debug)]
pub struct Users<'a>(pub(super) &'a Platform);

impl Users<'_> {
    /// Makes a user.
    ///
    /// # Errors
    /// [`Conflict`](crate::StorageErrorKind::Conflict) if somebody has the address, deleted users
    /// included.
    pub async fn create(&self, mut user: NewUser) -> Result<User, StorageError> {
        user.email = user.email.trim().to_lowercase();
        table::insert(&self.0.database, user, table::born(Uuid::now_v7(), self.0.now())).await
    }

    /// A user.
    ///
    /// # Errors
    /// What the database says.
    pub async fn get(&self, id: Uuid) -> Result<Option<User>, StorageError> {
        table::find(&self.0.database, table::by_id(id)).await
    }

    /// The user with that address, whatever its case.
    ///
    /// # Errors
    /// What the database says.
    pub async fn by_email(&self, email: &str) -> Result<Option<User>, StorageError> {
        let email = email.trim().to_lowercase();
        table::find(&self.0.database, Filter::alive().by("email = ", email, "")).await
    }

    /// Whether somebody has the address; deleted users have it until they are gone for good.
    ///
    /// # Errors
    /// What the database says.
    pub async fn email_taken(&self, email: &str) -> Result<bool, StorageError> {
        let email = email.trim().to_lowercase();
        let sql = "select 1 as one from users where email = $1";
        Ok(self.0.database.fetch_optional(sql, args![email]).await?.is_some())
    }

    /// The user whom a provider knows by that id.
    ///
    /// # Errors
    /// What the database says.
    pub async fn by_oauth(&self, provider: &str, id: &str) -> Result<Option<User>, StorageError> {
        let filter = Filter::alive().by("oauth_provider = ", provider, "").by("oauth_id = ", id, "");
        table::find(&self.0.database, filter).await
    }

    /// The user whom Google knows by that id.
    ///
    /// # Errors
    /// What the database says.
    pub async fn by_google_id(&self, id: &str) -> Result<Option<User>, StorageError> {
        table::find(&self.0.database, Filter::alive().by("google_id = ", id, "")).await
    }

    /// The user whose address is proven by the token of that hash, if it is still good.
    ///
    /// # Errors
    /// What the database says.
    pub async fn by_verification_token(&self, hash: &str) -> Result<Option<User>, StorageError> {
        let filter = Filter::alive().by("verification_token = ", hash, "").by(
            "verification_token_expiry > ",
            self.0.now(),
            "",
        );
        table::find(&self.0.database, filter).await
    }

    /// A page of users.
    ///
    /// # Errors
    /// [`Invalid`](crate::StorageErrorKind::Invalid) for a page that cannot be.
    pub async fn list(
        &self,
        filter: &UserFilter,
        page: PageRequest<UserSort>,
    ) -> Result<Page<User>, StorageError> {
        let conditions = Filter::alive()
            .maybe("role = ", filter.role, "")
            .maybe("is_active = ", filter.is_active, "")
            .search_in(filter.search.as_deref(), "email", "full_name");
        table::page(&self.0.database, conditions, page).await
    }

    /// Changes a user; with `expected` only if the user was last changed then.
    ///
    /// # Errors
    /// [`Conflict`](crate::StorageErrorKind::Conflict) if not, or if somebody has the address.
    pub async fn update(
        &self,
        id: Uuid,
        mut patch: UserPatch,
        expected: Option<Timestamp>,
    ) -> Result<User, StorageError> {
        patch.email = patch.email.map(|email| email.trim().to_lowercase());
        table::update(&self.0.database, id, patch, expected, self.0.now()).await
    }

    /// Deletes a user, to be restored until they are gone for good.
    ///
    /// # Errors
    /// [`NotFound`](crate::StorageErrorKind::NotFound).
    pub async fn delete(&self, id: Uuid) -> Result<(), StorageError> {
        table::delete::<User>(&self.0.database, id, self.0.now()).await
    }

    /// Brings a deleted user back.
    ///
    /// # Errors
    /// [`NotFound`](crate::StorageErrorKind::NotFound) if none is deleted.
    pub async fn restore(&self, id: Uuid) -> Result<User, StorageError> {
        table::restore(&self.0.database, id, self.0.now()).await
    }
}
