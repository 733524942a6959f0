//! Webhooks: who is told what happens, and where.

use turbocat_core::Timestamp;
use uuid::Uuid;

use super::filter::Filter;
use super::page::{Page, PageRequest, sort};
use super::record::Hidden;
use super::{Platform, table};
use crate::error::StorageError;

record! {
    /// Somebody who is told.
    Webhook is "webhook" in "webhooks" {
        /// The id.
        id: Uuid,
        /// Whose it is.
        user_id: Uuid,
        /// Where it is told.
        url: String,
        /// What it is for.
        description: Option<String>,
        /// What is told: names of events, `execution.*`, `*`.
        events: Vec<String>,
        /// What it is signed with, sealed.
        secret: Hidden,
        /// Whether it is told.
        is_active: bool,
        /// How many deliveries in a row were given up.
        failures: i32,
        /// Why it is not told any more.
        disabled_reason: Option<String>,
        /// When it was made.
        created_at: Timestamp,
        /// When it was last changed.
        updated_at: Timestamp,
        /// When it was deleted.
        deleted_at: Option<Timestamp>,
    }
}

draft! {
    /// Somebody new who is told.
    NewWebhook {
        /// Whose it is.
        user_id: Uuid,
        /// Where it is told.
        url: String,
        /// What it is for.
        description: Option<String>,
        /// What is told.
        events: Vec<String>,
        /// What it is signed with, sealed.
        secret: Hidden,
        /// Whether it is told.
        is_active: bool,
    }
}

patch! {
    /// What of a webhook changes.
    WebhookPatch {
        /// Where it is told.
        url: String,
        /// What it is for.
        description: Option<String>,
        /// What is told.
        events: Vec<String>,
        /// What it is signed with, sealed.
        secret: Hidden,
        /// Whether it is told.
        is_active: bool,
        /// How many deliveries in a row were given up.
        failures: i32,
        /// Why it is not told any more.
        disabled_reason: Option<String>,
    }
}

/// Which webhooks.
#[derive(Clone, Debug, Default)]
pub struct WebhookFilter {
    /// Those of this user.
    pub user_id: Option<Uuid>,
    /// Those that are told, or not.
    pub is_active: Option<bool>,
}

sort! {
    /// What webhooks can be sorted by.
    WebhookSort {
        /// When they were made.
        #[default] CreatedAt = "created_at" ["createdAt", "created"],
        /// When they were last changed.
        UpdatedAt = "updated_at" ["updatedAt", "updated"],
        /// Where they are told.
        Url = "url" ["url"],
    }
}

impl Webhook {
    /// Whether it is told of an event of that name.
    pub fn wants(&self, event: &str) -> bool {
        wants(&self.events, event)
    }
}

/// Whether one of these names or patterns is that of the event.
pub(super) fn wants(patterns: &[String], event: &str) -> bool {
    patterns.iter().any(|pattern| match pattern.strip_suffix('*') {
        Some("") => true,
        Some(start) => start.ends_with('.') && event.starts_with(start),
        None => pattern == event,
    })
}

/// The webhooks.
#[derive(Clone, Copy, Debug)]
pub struct Webhooks<'a>(pub(super) &'a Platform);

impl Webhooks<'_> {
    /// Makes a webhook of that id: its secret is bound to it.
    ///
    /// # Errors
    /// [`Constraint`](crate::StorageErrorKind::Constraint) if there is no such user.
    pub async fn create_as(&self, id: Uuid, webhook: NewWebhook) -> Result<Webhook, StorageError> {
        table::insert(&self.0.database, webhook, table::born(id, self.0.now())).await
    }

    /// A webhook.
    ///
    /// # Errors
    /// What the database says.
    pub async fn get(&self, id: Uuid) -> Result<Option<Webhook>, StorageError> {
        table::find(&self.0.database, table::by_id(id)).await
    }

    /// A page of webhooks.
    ///
    /// # Errors
    /// [`Invalid`](crate::StorageErrorKind::Invalid) for a page that cannot be.
    pub async fn list(
        &self,
        filter: &WebhookFilter,
        page: PageRequest<WebhookSort>,
    ) -> Result<Page<Webhook>, StorageError> {
        let conditions = Filter::alive().maybe("user_id = ", filter.user_id, "").maybe(
            "is_active = ",
            filter.is_active,
            "",
        );
        table::page(&self.0.database, conditions, page).await
    }

    /// Changes a webhook; with `expected` only if it was last changed then.
    ///
    /// # Errors
    /// [`Conflict`](crate::StorageErrorKind::Conflict) if not.
    pub async fn update(
        &self,
        id: Uuid,
        patch: WebhookPatch,
        expected: Option<Timestamp>,
    ) -> Result<Webhook, StorageError> {
        table::update(&self.0.database, id, patch, expected, self.0.now()).await
    }

    /// Deletes a webhook. What was not delivered yet is not any more.
    ///
    /// # Errors
    /// [`NotFound`](crate::StorageErrorKind::NotFound).
    pub async fn delete(&self, id: Uuid) -> Result<(), StorageError> {
        table::delete::<Webhook>(&self.0.database, id, self.0.now()).await
    }
}

#[cfg(test)]
mod tests {
    use super::wants;

    #[test]
    fn a_pattern_ends_with_a_star_after_a_dot() {
        let check = |pattern: &str, event: &str| wants(&[pattern.to_owned()], event);
        assert!(check("*", "agent.created"));
        assert!(check("execution.*", "execution.failed"));
        assert!(check("execution.failed", "execution.failed"));
        assert!(!check("execution.failed", "execution.failed.late"));
        assert!(!check("execution.*", "executions.failed"));
        assert!(!check("exec*", "execution.failed"));
    }
}
