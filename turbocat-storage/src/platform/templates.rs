//! Templates: what agents and workflows are made from.

use serde_json::Value;
use turbocat_core::Timestamp;
use uuid::Uuid;

use super::filter::Filter;
use super::page::{Page, PageRequest, sort};
use super::words::TemplateType;
use super::{Platform, table};
use crate::args;
use crate::db::Sql;
use crate::error::StorageError;

record! {
    /// A template.
    Template is "template" in "templates" {
        /// The id.
        id: Uuid,
        /// What it is called.
        name: String,
        /// What comes of it.
        description: Option<String>,
        /// Where it is found.
        category: String,
        /// What it makes.
        kind = "type": TemplateType,
        /// Whose it is.
        user_id: Option<Uuid>,
        /// What it consists of.
        template_data: Value,
        /// Words to find it by.
        tags: Vec<String>,
        /// Whether it came with the platform.
        is_official: bool,
        /// Whether it is shown to everybody.
        is_public: bool,
        /// How often it was used.
        usage_count: u64,
        /// How good it is, 0 to 5.
        rating_average: f64,
        /// How many said so.
        rating_count: u64,
        /// When it was made.
        created_at: Timestamp,
        /// When it was last changed.
        updated_at: Timestamp,
        /// When it was deleted.
        deleted_at: Option<Timestamp>,
    }
}

draft! {
    /// A new template.
    NewTemplate {
        /// What it is called.
        name: String,
        /// What comes of it.
        description: Option<String>,
        /// Where it is found.
        category: String,
        /// What it makes.
        kind = "type": TemplateType,
        /// Whose it is.
        user_id: Option<Uuid>,
        /// What it consists of.
        template_data: Value,
        /// Words to find it by.
        tags: Vec<String>,
        /// Whether it came with the platform.
        is_official: bool,
        /// Whether it is shown to everybody.
        is_public: bool,
    }
}

patch! {
    /// What of a template changes.
    TemplatePatch {
        /// What it is called.
        name: String,
        /// What comes of it.
        description: Option<String>,
        /// Where it is found.
        category: String,
        /// What it consists of.
        template_data: Value,
        /// Words to find it by.
        tags: Vec<String>,
        /// Whether it is shown to everybody.
        is_public: bool,
    }
}

/// Who looks at templates, and so which ones they see.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Visibility {
    /// Anybody: public ones.
    #[default]
    Public,
    /// A user: public ones and their own.
    Of(Uuid),
    /// Who sees all.
    All,
}

/// Which templates.
#[derive(Clone, Debug, Default)]
pub struct TemplateFilter {
    /// Those that this one sees.
    pub visibility: Visibility,
    /// Those in this category.
    pub category: Option<String>,
    /// Those that make this.
    pub kind: Option<TemplateType>,
    /// Those that came with the platform, or not.
    pub is_official: Option<bool>,
    /// Those that are shown to everybody, or not.
    pub is_public: Option<bool>,
    /// Those with this in their name or description.
    pub search: Option<String>,
    /// Those with one of these tags.
    pub tags: Vec<String>,
}

sort! {
    /// What templates can be sorted by.
    TemplateSort {
        /// How often they were used.
        #[default] UsageCount = "usage_count" ["usageCount", "popular"],
        /// How good they are.
        RatingAverage = "rating_average" ["ratingAverage", "rating"],
        /// When they were made.
        CreatedAt = "created_at" ["createdAt", "created"],
        /// When they were last changed.
        UpdatedAt = "updated_at" ["updatedAt", "updated"],
        /// What they are called.
        Name = "name" ["name"],
        /// Their category.
        Category = "category" ["category"],
        /// What they make.
        Type = "type" ["type"],
    }
}

/// The templates.
#[derive(Clone, Copy, Debug)]
pub struct Templates<'a>(pub(super) &'a Platform);

impl Templates<'_> {
    /// Makes a template.
    ///
    /// # Errors
    /// [`Constraint`](crate::StorageErrorKind::Constraint) if there is no such user.
    pub async fn create(&self, template: NewTemplate) -> Result<Template, StorageError> {
        table::insert(&self.0.database, template, table::born(Uuid::now_v7(), self.0.now())).await
    }

    /// A template that this one sees.
    ///
    /// # Errors
    /// What the database says.
    pub async fn get(&self, id: Uuid, visibility: Visibility) -> Result<Option<Template>, StorageError> {
        table::find(&self.0.database, seen_by(table::by_id(id), visibility)).await
    }

    /// A page of templates.
    ///
    /// # Errors
    /// [`Invalid`](crate::StorageErrorKind::Invalid) for a page that cannot be.
    pub async fn list(
        &self,
        filter: &TemplateFilter,
        page: PageRequest<TemplateSort>,
    ) -> Result<Page<Template>, StorageError> {
        let conditions = seen_by(Filter::alive(), filter.visibility)
            .maybe("category = ", filter.category.as_deref(), "")
            .maybe("type = ", filter.kind, "")
            .maybe("is_official = ", filter.is_official, "")
            .maybe("is_public = ", filter.is_public, "")
            .search(filter.search.as_deref())
            .tags(&filter.tags);
        table::page(&self.0.database, conditions, page).await
    }

    /// The categories of public templates, each once, sorted.
    ///
    /// # Errors
    /// What the database says.
    pub async fn categories(&self) -> Result<Vec<String>, StorageError> {
        let sql = "select distinct category from templates where is_public and deleted_at is null order by category";
        let rows = self.0.database.fetch_all(sql, args![]).await?;
        rows.iter().map(|row| row.get("category")).collect()
    }

    /// Changes a template; with `expected` only if it was last changed then.
    ///
    /// # Errors
    /// [`Conflict`](crate::StorageErrorKind::Conflict) if not.
    pub async fn update(
        &self,
        id: Uuid,
        patch: TemplatePatch,
        expected: Option<Timestamp>,
    ) -> Result<Template, StorageError> {
        table::update(&self.0.database, id, patch, expected, self.0.now()).await
    }

    /// Counts that a template was used.
    ///
    /// # Errors
    /// [`NotFound`](crate::StorageErrorKind::NotFound).
    pub async fn count_use(&self, id: Uuid) -> Result<(), StorageError> {
        let sql = "update templates set usage_count = usage_count + 1 where id = $1 and deleted_at is null";
        table::done::<Template>(self.0.database.execute(sql, args![id]).await?)
    }

    /// Counts what somebody thinks of a template: 0 to 5.
    ///
    /// # Errors
    /// [`Invalid`](crate::StorageErrorKind::Invalid) for another number,
    /// [`NotFound`](crate::StorageErrorKind::NotFound).
    pub async fn rate(&self, id: Uuid, stars: f64) -> Result<(), StorageError> {
        if !(0.0..=5.0).contains(&stars) {
            return Err(StorageError::invalid("a rating is a number from 0 to 5"));
        }
        let sql = Sql::new(
            "update templates set rating_count = rating_count + 1,
                rating_average = (rating_average * rating_count + $2) / (rating_count + 1)
            where id = $1 and deleted_at is null",
        );
        table::done::<Template>(self.0.database.execute(sql, args![id, stars]).await?)
    }

    /// Deletes a template, to be restored until it is gone for good.
    ///
    /// # Errors
    /// [`NotFound`](crate::StorageErrorKind::NotFound).
    pub async fn delete(&self, id: Uuid) -> Result<(), StorageError> {
        table::delete::<Template>(&self.0.database, id, self.0.now()).await
    }

    /// Brings a deleted template back.
    ///
    /// # Errors
    /// [`NotFound`](crate::StorageErrorKind::NotFound) if none is deleted.
    pub async fn restore(&self, id: Uuid) -> Result<Template, StorageError> {
        table::restore(&self.0.database, id, self.0.now()).await
    }
}

fn seen_by(filter: Filter, visibility: Visibility) -> Filter {
    match visibility {
        Visibility::Public => filter.with("is_public"),
        Visibility::Of(user) => filter.by("(is_public or user_id = ", user, ")"),
        Visibility::All => filter,
    }
}
