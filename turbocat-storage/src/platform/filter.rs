//! Conditions of a list, put together from static texts and arguments.

use turbocat_core::Timestamp;

use crate::db::{Args, IntoArg, Sql};

/// Conditions that must all hold.
#[derive(Debug, Default)]
pub(super) struct Filter {
    conditions: Vec<Sql>,
    pub(super) args: Args,
}

impl Filter {
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// Rows that were not deleted.
    pub(super) fn alive() -> Self {
        Self::new().with("deleted_at is null")
    }

    /// A condition without an argument.
    pub(super) fn with(mut self, condition: &'static str) -> Self {
        self.conditions.push(condition.into());
        self
    }

    /// `before`, the argument, `after`: `("name = ", name, "")`.
    pub(super) fn by(mut self, before: &'static str, value: impl IntoArg, after: &'static str) -> Self {
        let place = self.args.push(value);
        let mut condition = Sql::new(before);
        condition.push_place(place).push(after);
        self.conditions.push(condition);
        self
    }

    /// A condition that uses arguments of this filter.
    pub(super) fn add(&mut self, condition: Sql) {
        self.conditions.push(condition);
    }

    /// As [`by`](Self::by), if there is a value.
    pub(super) fn maybe(
        self,
        before: &'static str,
        value: Option<impl IntoArg>,
        after: &'static str,
    ) -> Self {
        match value {
            Some(value) => self.by(before, value, after),
            None => self,
        }
    }

    /// The name or the description has this in it, whatever the case.
    pub(super) fn search(self, text: Option<&str>) -> Self {
        self.search_in(text, "name", "description")
    }

    /// One of two columns has this in it, whatever the case.
    pub(super) fn search_in(mut self, text: Option<&str>, one: &'static str, other: &'static str) -> Self {
        let Some(text) = text.filter(|text| !text.is_empty()) else { return self };
        let place = self.args.push(like(text));
        let mut condition = Sql::new("(");
        condition.push(one).push(" {like} ").push_place(place).push(" escape '!' or ");
        condition.push(other).push(" {like} ").push_place(place).push(" escape '!')");
        self.conditions.push(condition);
        self
    }

    /// One of the tags is among these.
    pub(super) fn tags(self, tags: &[String]) -> Self {
        if tags.is_empty() { self } else { self.by("{overlap:tags,", tags, "}") }
    }

    /// In a period: from the first moment, before the last.
    pub(super) fn between(self, from: Option<Timestamp>, to: Option<Timestamp>) -> Self {
        self.maybe("created_at >= ", from, "").maybe("created_at < ", to, "")
    }

    /// Adds ` where …` to a statement.
    pub(super) fn append(&self, sql: &mut Sql) {
        for (at, condition) in self.conditions.iter().enumerate() {
            sql.push(if at == 0 { " where " } else { " and " }).push_sql(condition);
        }
    }
}

/// A pattern that finds the text itself, whatever signs it has.
fn like(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len() + 2);
    pattern.push('%');
    for c in text.chars() {
        if matches!(c, '%' | '_' | '!') {
            pattern.push('!');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}
