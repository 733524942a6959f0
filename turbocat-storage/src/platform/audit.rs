//! Who did what: entries are added and read, never changed.

use serde_json::{Value, json};
use turbocat_core::Timestamp;
use uuid::Uuid;

use super::filter::Filter;
use super::page::{Page, PageRequest, sort};
use super::{Platform, table};
use crate::db::Arg;
use crate::error::StorageError;

record! {
    /// An entry.
    AuditEntry is "entry" in "audit_logs" {
        /// The id.
        id: Uuid,
        /// Who did it, if that is known.
        user_id: Option<Uuid>,
        /// What was done.
        action: String,
        /// To what kind of thing.
        resource_type: String,
        /// To which.
        resource_id: Option<Uuid>,
        /// What changed.
        changes: Value,
        /// In which request.
        metadata: Value,
        /// From where.
        ip_address: Option<String>,
        /// With which program.
        user_agent: Option<String>,
        /// When.
        created_at: Timestamp,
    }
}

draft! {
    /// A new entry. No password and no token belongs into it.
    NewAuditEntry {
        /// Who did it.
        user_id: Option<Uuid>,
        /// What was done.
        action: String,
        /// To what kind of thing.
        resource_type: String,
        /// To which.
        resource_id: Option<Uuid>,
        /// What changed.
        changes: Value,
        /// In which request.
        metadata: Value,
        /// From where.
        ip_address: Option<String>,
        /// With which program.
        user_agent: Option<String>,
    }
}

impl NewAuditEntry {
    /// An entry about a kind of thing.
    pub fn new(action: impl Into<String>, resource_type: impl Into<String>) -> Self {
        Self {
            user_id: None,
            action: action.into(),
            resource_type: resource_type.into(),
            resource_id: None,
            changes: json!({}),
            metadata: json!({}),
            ip_address: None,
            user_agent: None,
        }
    }
}

/// Which entries.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    /// Those of this user.
    pub user_id: Option<Uuid>,
    /// Those where this was done.
    pub action: Option<String>,
    /// Those about this kind of thing.
    pub resource_type: Option<String>,
    /// Those about this one.
    pub resource_id: Option<Uuid>,
    /// Those of then or later.
    pub from: Option<Timestamp>,
    /// Those from before.
    pub to: Option<Timestamp>,
}

sort! {
    /// What entries can be sorted by.
    AuditSort {
        /// When it was.
        #[default] CreatedAt = "created_at" ["createdAt"],
        /// What was done.
        Action = "action" ["action"],
    }
}

/// The entries.
#[derive(Clone, Copy, Debug)]
pub struct AuditLog<'a>(pub(super) &'a Platform);

impl AuditLog<'_> {
    /// Adds an entry.
    ///
    /// # Errors
    /// What the database says.
    pub async fn append(&self, mut entry: NewAuditEntry) -> Result<AuditEntry, StorageError> {
        // The only text that comes from outside as it is.
        entry.user_agent = entry.user_agent.map(|text| text.replace('\0', "\u{fffd}"));
        let more =
            vec![("id", Arg::Uuid(Some(Uuid::now_v7()))), ("created_at", Arg::Time(Some(self.0.now())))];
        table::insert(&self.0.database, entry, more).await
    }

    /// A page of entries.
    ///
    /// # Errors
    /// [`Invalid`](crate::StorageErrorKind::Invalid) for a page that cannot be.
    pub async fn list(
        &self,
        filter: &AuditFilter,
        page: PageRequest<AuditSort>,
    ) -> Result<Page<AuditEntry>, StorageError> {
        let conditions = Filter::new()
            .maybe("user_id = ", filter.user_id, "")
            .maybe("action = ", filter.action.as_deref(), "")
            .maybe("resource_type = ", filter.resource_type.as_deref(), "")
            .maybe("resource_id = ", filter.resource_id, "")
            .between(filter.from, filter.to);
        table::page(&self.0.database, conditions, page).await
    }
}
