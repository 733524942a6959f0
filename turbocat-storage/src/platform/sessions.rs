//! Who is signed in, and the refresh token that is good for each.

use std::time::Duration;

use turbocat_core::Timestamp;
use uuid::Uuid;

use super::filter::Filter;
use super::record::{Hidden, Record};
use super::users::User;
use super::{Platform, table};
use crate::args;
use crate::db::{Arg, Sql};
use crate::error::StorageError;

record! {
    /// Somebody signed in somewhere.
    Session is "session" in "sessions" {
        /// The id.
        id: Uuid,
        /// Who.
        user_id: Uuid,
        /// SHA-256 of the refresh token that is good now.
        refresh_hash: Hidden,
        /// SHA-256 of the one before it.
        previous_hash: Option<Hidden>,
        /// Until when that one is good.
        previous_until: Option<Timestamp>,
        /// From where they signed in.
        ip_address: Option<String>,
        /// With which program.
        user_agent: Option<String>,
        /// When it was last used.
        last_used_at: Timestamp,
        /// When it ends, if it is not used before.
        expires_at: Timestamp,
        /// When they signed in.
        created_at: Timestamp,
    }
}

draft! {
    /// A new session.
    NewSession {
        /// Its id, which is in its tokens.
        id: Uuid,
        /// Who.
        user_id: Uuid,
        /// SHA-256 of its refresh token.
        refresh_hash: Hidden,
        /// From where they sign in.
        ip_address: Option<String>,
        /// With which program.
        user_agent: Option<String>,
    }
}

/// What became of a refresh token that was presented.
#[derive(Clone, Debug, PartialEq)]
pub enum Rotation {
    /// It was the good one; the new one is good now.
    Rotated(Session),
    /// It was the one before, a moment ago: two requests crossed. Nothing changed.
    Crossed(Session),
    /// It was used long before: somebody has a copy. The session was ended.
    Reused(Session),
    /// There is no such session any more.
    Gone,
}

/// The sessions.
#[derive(Clone, Copy, Debug)]
pub struct Sessions<'a>(pub(super) &'a Platform);

impl Sessions<'_> {
    /// Opens a session that lives for `life` after it was last used.
    ///
    /// # Errors
    /// [`Constraint`](crate::StorageErrorKind::Constraint) if there is no such user.
    pub async fn open(&self, session: NewSession, life: Duration) -> Result<Session, StorageError> {
        let now = self.0.now();
        let more = vec![
            ("last_used_at", Arg::Time(Some(now))),
            ("created_at", Arg::Time(Some(now))),
            ("expires_at", Arg::Time(Some(now.after(life)))),
        ];
        table::insert(&self.0.database, session, more).await
    }

    /// Whose session that is, if it has not ended, and when it was last used. Every request asks
    /// this: it is one statement.
    ///
    /// # Errors
    /// What the database says.
    pub async fn user_of(&self, id: Uuid) -> Result<Option<(User, Timestamp)>, StorageError> {
        let mut sql = Sql::new("select ");
        sql.push(User::COLUMNS).push(
            ", (select last_used_at from sessions where id = $1) as session_used_at from users
            where id = (select user_id from sessions where id = $1 and expires_at > $2) and deleted_at is null",
        );
        let row = self.0.database.fetch_optional(sql, args![id, self.0.now()]).await?;
        row.map(|row| Ok((User::read(&row)?, row.get("session_used_at")?))).transpose()
    }

    /// Notes that a session was used: it lives for `life` from now.
    ///
    /// # Errors
    /// What the database says.
    pub async fn touch(&self, id: Uuid, life: Duration) -> Result<(), StorageError> {
        let sql = "update sessions set last_used_at = $2, expires_at = $3 where id = $1";
        let now = self.0.now();
        self.0.database.execute(sql, args![id, now, now.after(life)]).await.map(drop)
    }

    /// Takes a refresh token and puts the next in its place. The one before stays good for `grace`;
    /// any other one ends the session.
    ///
    /// # Errors
    /// What the database says.
    pub async fn rotate(
        &self,
        id: Uuid,
        presented: &str,
        next: &str,
        grace: Duration,
        life: Duration,
    ) -> Result<Rotation, StorageError> {
        let now = self.0.now();
        let mut transaction = self.0.database.begin().await?;
        let mut sql = table::select::<Session>();
        sql.push(" where id = $1 and expires_at > $2 {for_update}");
        let sql = sql.render(transaction.kind())?;
        let Some(row) = transaction.fetch_optional(sql, args![id, now]).await? else {
            return Ok(Rotation::Gone);
        };
        let session = Session::read(&row)?;
        if session.refresh_hash.reveal() == presented {
            let sql = "update sessions set refresh_hash = $2, previous_hash = $3, previous_until = $4,
                last_used_at = $5, expires_at = $6 where id = $1";
            let args = args![id, next, presented, now.after(grace), now, now.after(life)];
            transaction.execute(sql, args).await?;
            transaction.commit().await?;
            return Ok(Rotation::Rotated(session));
        }
        let crossed = session.previous_hash.as_ref().is_some_and(|hash| hash.reveal() == presented)
            && session.previous_until.is_some_and(|until| until > now);
        if crossed {
            return Ok(Rotation::Crossed(session));
        }
        transaction.execute("delete from sessions where id = $1", args![id]).await?;
        transaction.commit().await?;
        Ok(Rotation::Reused(session))
    }

    /// The sessions of a user that have not ended, the last used first.
    ///
    /// # Errors
    /// What the database says.
    pub async fn of_user(&self, user: Uuid) -> Result<Vec<Session>, StorageError> {
        let filter = Filter::new().by("user_id = ", user, "").by("expires_at > ", self.0.now(), "");
        table::all(&self.0.database, filter, " order by last_used_at desc, id desc").await
    }

    /// Ends a session. False if there was none.
    ///
    /// # Errors
    /// What the database says.
    pub async fn end(&self, id: Uuid) -> Result<bool, StorageError> {
        Ok(self.0.database.execute("delete from sessions where id = $1", args![id]).await? > 0)
    }

    /// Ends all sessions of a user, but for one. Gives how many.
    ///
    /// # Errors
    /// What the database says.
    pub async fn end_all(&self, user: Uuid, but: Option<Uuid>) -> Result<u64, StorageError> {
        let sql = "delete from sessions where user_id = $1 and id <> $2";
        self.0.database.execute(sql, args![user, but.unwrap_or(Uuid::nil())]).await
    }

    /// Forgets sessions that ended, some at a time. Gives how many.
    ///
    /// # Errors
    /// What the database says.
    pub async fn sweep(&self) -> Result<u64, StorageError> {
        let sql = Sql::new(
            "delete from sessions where id in (select id from sessions where expires_at <= $1 limit 500)",
        );
        self.0.database.execute(sql, args![self.0.now()]).await
    }
}
