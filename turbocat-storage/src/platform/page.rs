//! Long lists, a page at a time.

use crate::error::StorageError;

/// The most rows a page may have.
pub const MAX_PAGE_SIZE: u32 = 100;

/// Which page of a list, and in which order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageRequest<S> {
    /// The first is 1.
    pub page: u32,
    /// From 1 to [`MAX_PAGE_SIZE`].
    pub page_size: u32,
    /// What to sort by. Rows that are equal in it are sorted by their id, so that no row is on two
    /// pages.
    pub sort: S,
    /// Which way.
    pub direction: Direction,
}

/// Up or down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Direction {
    /// The smallest first.
    Ascending,
    /// The largest first.
    #[default]
    Descending,
}

impl Direction {
    pub(crate) const fn sql(self) -> &'static str {
        match self {
            Self::Ascending => " asc",
            Self::Descending => " desc",
        }
    }
}

impl<S: Default> Default for PageRequest<S> {
    /// The first page of 20, the newest first.
    fn default() -> Self {
        Self { page: 1, page_size: 20, sort: S::default(), direction: Direction::Descending }
    }
}

impl<S> PageRequest<S> {
    pub(crate) fn limits(&self) -> Result<(i64, i64), StorageError> {
        if self.page == 0 || self.page_size == 0 || self.page_size > MAX_PAGE_SIZE {
            return Err(StorageError::invalid(format!(
                "pages count from 1 and have 1 to {MAX_PAGE_SIZE} rows"
            )));
        }
        let size = i64::from(self.page_size);
        Ok((size, (i64::from(self.page) - 1) * size))
    }
}

/// A page of a list.
#[derive(Clone, Debug, PartialEq)]
pub struct Page<T> {
    /// Its rows.
    pub items: Vec<T>,
    /// How many rows all pages have.
    pub total: u64,
    /// Which page it is.
    pub page: u32,
    /// How many rows a page has.
    pub page_size: u32,
}

impl<T> Page<T> {
    /// How many pages there are: none if there are no rows.
    pub const fn total_pages(&self) -> u64 {
        self.total.div_ceil(self.page_size as u64)
    }

    /// Whether there is a page after this one.
    pub const fn has_next(&self) -> bool {
        (self.page as u64) < self.total_pages()
    }

    /// Whether there is a page before this one.
    pub const fn has_previous(&self) -> bool {
        self.page > 1
    }
}

/// What lists of a noun can be sorted by. No text of a user gets into SQL: it is looked up here.
macro_rules! sort {
    ($(#[$doc:meta])* $name:ident {
        $($(#[$of:meta])* $variant:ident = $column:literal $(($nullable:ident))? [$($word:literal),+]),+ $(,)?
    }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub enum $name { $($(#[$of])* $variant),+ }

        impl $name {
            /// What a word of a request means.
            pub fn of_word(word: &str) -> Option<Self> {
                match word {
                    $($($word)|+ => Some(Self::$variant),)+
                    _ => None,
                }
            }
        }

        impl $crate::platform::page::Sort for $name {
            fn columns(self) -> &'static [&'static str] {
                match self {
                    $(Self::$variant => &[$(sort!(@$nullable $column),)? $column]),+
                }
            }
        }
    };
    // Rows without a value come last up and first down on PostgreSQL, the other way round on SQLite.
    (@nullable $column:literal) => { concat!("(", $column, " is null)") };
}
pub(super) use sort;

/// The columns to sort by.
pub(super) trait Sort: Copy {
    fn columns(self) -> &'static [&'static str];
}
