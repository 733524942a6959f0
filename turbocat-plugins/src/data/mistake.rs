//! What is wrong with a condition, and in which column.

/// What is wrong with a condition.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Mistake {
    pub(super) message: String,
    pub(super) help: Option<String>,
}

impl Mistake {
    pub(super) fn at(text: &str, place: usize, message: impl AsRef<str>) -> Self {
        let column = text.get(..place).map_or(0, |before| before.chars().count()) + 1;
        Self { message: format!("{} in column {column}", message.as_ref()), help: None }
    }

    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}
