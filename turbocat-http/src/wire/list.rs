//! Lists, a page at a time.

use serde::{Deserialize, Serialize};
use turbocat_storage::platform::{Direction, Page, PageRequest};
use utoipa::{IntoParams, ToSchema};

/// Which page of a list, in which order.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(crate) struct ListQuery {
    /// Which page; the first is 1.
    #[param(minimum = 1, maximum = 1_000_000, default = 1)]
    page: Option<u32>,
    /// How many a page has.
    #[param(minimum = 1, maximum = 100, default = 20)]
    page_size: Option<u32>,
    /// What to sort by. A name that is not known counts as none.
    #[param(max_length = 100)]
    sort_by: Option<String>,
    /// Up or down.
    #[param(pattern = "^(?i:asc|desc)$", example = "desc")]
    sort_order: Option<String>,
}

impl ListQuery {
    /// The page that is asked for, the newest or largest first unless said otherwise.
    pub(crate) fn request<S: Default>(&self, of_word: impl Fn(&str) -> Option<S>) -> PageRequest<S> {
        self.request_or(of_word, Direction::Descending)
    }

    /// The page that is asked for.
    pub(crate) fn request_or<S: Default>(
        &self,
        of_word: impl Fn(&str) -> Option<S>,
        direction: Direction,
    ) -> PageRequest<S> {
        PageRequest {
            page: self.page.unwrap_or(1),
            page_size: self.page_size.unwrap_or(20),
            sort: self.sort_by.as_deref().and_then(of_word).unwrap_or_default(),
            direction: match self.sort_order.as_deref() {
                Some(word) if word.eq_ignore_ascii_case("asc") => Direction::Ascending,
                Some(_) => Direction::Descending,
                None => direction,
            },
        }
    }
}

/// Where a page stands among the others.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Pagination {
    page: u32,
    page_size: u32,
    total_pages: u64,
    total_items: u64,
    has_next: bool,
    has_prev: bool,
}

/// A page of what is listed.
#[derive(Clone, Debug)]
pub(crate) struct Listed<T> {
    pub(crate) items: Vec<T>,
    pub(crate) pagination: Pagination,
}

impl<T> Listed<T> {
    /// A page of rows as it is shown.
    pub(crate) fn of<R>(page: Page<R>, show: impl FnMut(R) -> T) -> Self {
        let pagination = Pagination {
            page: page.page,
            page_size: page.page_size,
            total_pages: page.total_pages(),
            total_items: page.total,
            has_next: page.has_next(),
            has_prev: page.has_previous(),
        };
        Self { items: page.items.into_iter().map(show).collect(), pagination }
    }

    /// All there is, as one page.
    pub(crate) fn whole(items: Vec<T>) -> Self {
        let count = u32::try_from(items.len()).unwrap_or(u32::MAX);
        let pagination = Pagination {
            page: 1,
            page_size: count.max(1),
            total_pages: u64::from(count > 0),
            total_items: u64::from(count),
            has_next: false,
            has_prev: false,
        };
        Self { items, pagination }
    }
}

/// The tags of a query: `a, b`.
pub(crate) fn tags(text: Option<&str>) -> Vec<String> {
    let parts = text.unwrap_or_default().split(',').map(str::trim).filter(|tag| !tag.is_empty());
    parts.map(str::to_owned).collect()
}
