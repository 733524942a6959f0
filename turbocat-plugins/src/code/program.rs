//! Code that is ready to be evaluated.

use super::place::{Place, Places};

/// How the code is evaluated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// As a function without parameters that was made of it.
    Body,
    /// As a module.
    Module,
}

/// Code that is ready to be evaluated.
#[derive(Debug)]
pub(super) struct Program {
    pub(super) form: Form,
    /// The name of the file that places are in.
    pub(super) file: &'static str,
    /// What is evaluated.
    pub(super) source: String,
    /// The export of a module that is its value.
    pub(super) export: String,
    /// How to find a place of the source in the code as it was written.
    pub(super) places: Places,
}

/// Something that is wrong with code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mistake {
    pub(super) message: String,
    pub(super) place: Option<Place>,
    pub(super) help: Option<String>,
    /// Whether it is about the entry function and not about the code.
    pub(super) entry: bool,
}

impl Mistake {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), place: None, help: None, entry: false }
    }

    pub(super) fn at(mut self, place: Place) -> Self {
        self.place = Some(place);
        self
    }

    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    pub(super) const fn of_entry(mut self) -> Self {
        self.entry = true;
        self
    }

    /// The message with its place.
    pub(super) fn sentence(&self) -> String {
        match self.place {
            Some(Place { line, column }) => format!("{} (line {line}, column {column})", self.message),
            None => self.message.clone(),
        }
    }
}
