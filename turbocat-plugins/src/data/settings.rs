//! Reading a configuration: every mistake with its place, all of them at once.
//!
//! A configuration is read as written, when a workflow is compiled, and as evaluated, when a step
//! is done. As written, a text with a template in it may become anything: nothing is said of it.

use std::cell::RefCell;

use serde_json::{Map, Value};
use turbocat_core::BadConfig;

use super::fault::kind_of;
use super::path::Path;

/// What is wrong so far.
#[derive(Debug, Default)]
pub(super) struct Findings {
    found: RefCell<Vec<BadConfig>>,
    as_written: bool,
}

impl Findings {
    /// For a configuration whose templates are not evaluated yet.
    pub(super) fn as_written() -> Self {
        Self { as_written: true, ..Self::default() }
    }

    pub(super) fn add(&self, bad: BadConfig) {
        self.found.borrow_mut().push(bad);
    }

    pub(super) fn into_list(self) -> Vec<BadConfig> {
        self.found.into_inner()
    }

    /// Whether nothing can be said of a value yet.
    pub(super) fn open(&self, value: &Value) -> bool {
        self.as_written && value.as_str().is_some_and(|text| text.contains("{{"))
    }

    /// Whether the schema has been held against it: then it has spoken of the outermost settings.
    pub(super) const fn schema_spoke(&self) -> bool {
        self.as_written
    }
}

/// The settings of an object.
#[derive(Debug)]
pub(super) struct Settings<'c, 'f> {
    fields: &'c Map<String, Value>,
    at: String,
    findings: &'f Findings,
}

/// A setting.
#[derive(Debug)]
pub(super) struct Setting<'c, 'f> {
    pub(super) name: &'f str,
    pub(super) value: &'c Value,
    pub(super) at: String,
    findings: &'f Findings,
}

impl<'c, 'f> Settings<'c, 'f> {
    /// The settings of `what`; `None` if it is no object, or nobody knows yet.
    pub(super) fn read(
        value: &'c Value,
        at: &str,
        what: &str,
        known: &[&str],
        findings: &'f Findings,
    ) -> Option<Self> {
        if findings.open(value) {
            return None;
        }
        let Value::Object(fields) = value else {
            let bad = BadConfig::at(at, format!("{what} must be an object, and is {}", kind_of(value)));
            findings.add(bad);
            return None;
        };
        // The schema speaks of unknown settings at the top.
        if !(at.is_empty() && findings.schema_spoke()) {
            for unknown in fields.keys().filter(|name| !known.contains(&name.as_str())) {
                let bad = BadConfig::at(down(at, unknown), format!("{what} has no setting `{unknown}`"));
                findings.add(bad.suggest(unknown, known.iter().copied()));
            }
        }
        Some(Self { fields, at: at.to_owned(), findings })
    }

    pub(super) fn place(&self, name: &str) -> String {
        down(&self.at, name)
    }

    /// A setting as it is given, null included.
    pub(super) fn raw(&self, name: &str) -> Option<&'c Value> {
        self.fields.get(name)
    }

    /// Whether it is given at all, whatever it may become.
    pub(super) fn has(&self, name: &str) -> bool {
        self.raw(name).is_some_and(|value| !value.is_null())
    }

    /// A setting that is given, not null, and known already.
    pub(super) fn given(&self, name: &'f str) -> Option<Setting<'c, 'f>> {
        let value = self.raw(name).filter(|value| !value.is_null() && !self.findings.open(value))?;
        Some(Setting { name, value, at: self.place(name), findings: self.findings })
    }

    /// Says so if a setting is missing.
    pub(super) fn need(&self, name: &str, what: &str) {
        if !self.has(name) {
            let bad = BadConfig::at(self.at.clone(), format!("{what} needs the setting `{name}`"));
            self.findings.add(bad.help(format!("add `{name}`")));
        }
    }

    pub(super) fn bad(&self, name: &str, message: impl Into<String>) {
        self.findings.add(BadConfig::at(self.place(name), message));
    }

    /// A text.
    pub(super) fn text(&self, name: &'f str) -> Option<&'c str> {
        self.given(name)?.text()
    }

    /// A path.
    pub(super) fn path(&self, name: &'f str) -> Option<Path> {
        self.given(name)?.path()
    }

    /// One of several words; the first of them if none is given.
    pub(super) fn word<T: Copy>(&self, name: &'f str, words: &[(&'static str, T)]) -> Option<T> {
        if !self.has(name) {
            return words.first().map(|(_, word)| *word);
        }
        self.given(name)?.word(words)
    }

    /// True or false.
    pub(super) fn flag(&self, name: &'f str, default: bool) -> Option<bool> {
        if !self.has(name) {
            return Some(default);
        }
        let setting = self.given(name)?;
        setting.value.as_bool().or_else(|| setting.must_be("true or false"))
    }

    /// A whole number from `least` on.
    pub(super) fn whole(&self, name: &'f str, least: u64, default: u64) -> Option<u64> {
        if !self.has(name) {
            return Some(default);
        }
        let setting = self.given(name)?;
        match setting.value.as_u64() {
            Some(number) if number >= least => Some(number),
            _ => setting.must_be(&format!("a whole number from {least} on")),
        }
    }

    /// A list, with the place of each item.
    pub(super) fn list(&self, name: &'f str) -> Option<Vec<Setting<'c, 'f>>> {
        let setting = self.given(name)?;
        setting.list()
    }
}

impl<'c, 'f> Setting<'c, 'f> {
    /// A setting by itself.
    pub(super) const fn new(name: &'f str, value: &'c Value, at: String, findings: &'f Findings) -> Self {
        Self { name, value, at, findings }
    }

    pub(super) const fn findings(&self) -> &'f Findings {
        self.findings
    }

    /// Whether nothing can be said of it yet.
    pub(super) fn open(&self) -> bool {
        self.findings.open(self.value)
    }

    pub(super) fn bad(&self, message: impl Into<String>) {
        self.findings.add(BadConfig::at(self.at.clone(), message));
    }

    pub(super) fn must_be<T>(&self, what: &str) -> Option<T> {
        let (name, given) = (self.name, kind_of(self.value));
        self.bad(format!("`{name}` must be {what}, and is {given}"));
        None
    }

    pub(super) fn text(&self) -> Option<&'c str> {
        self.value.as_str().or_else(|| self.must_be("a text"))
    }

    pub(super) fn path(&self) -> Option<Path> {
        let text = self.text()?;
        Path::parse(text).map_err(|message| self.bad(format!("`{}`: {message}", self.name))).ok()
    }

    pub(super) fn word<T: Copy>(&self, words: &[(&'static str, T)]) -> Option<T> {
        let text = self.text()?;
        let found = words.iter().find(|(word, _)| *word == text);
        if found.is_none() {
            let bad = BadConfig::at(self.at.clone(), format!("unknown {} `{text}`", self.name));
            self.findings.add(bad.suggest(text, words.iter().map(|(word, _)| *word)));
        }
        found.map(|(_, word)| *word)
    }

    pub(super) fn list(&self) -> Option<Vec<Self>> {
        let Value::Array(items) = self.value else { return self.must_be("a list") };
        let items = items.iter().enumerate();
        Some(items.map(|(at, value)| self.of(value, &at.to_string())).collect())
    }

    /// An object, with the place of each member.
    pub(super) fn members(&self) -> Option<Vec<(&'c str, Self)>> {
        let Value::Object(fields) = self.value else { return self.must_be("an object") };
        Some(fields.iter().map(|(key, value)| (key.as_str(), self.of(value, key))).collect())
    }

    fn of(&self, value: &'c Value, key: &str) -> Self {
        Self { name: self.name, value, at: down(&self.at, key), findings: self.findings }
    }

    /// The settings of an object.
    pub(super) fn settings(&self, what: &str, known: &[&str]) -> Option<Settings<'c, 'f>> {
        Settings::read(self.value, &self.at, what, known, self.findings)
    }
}

/// A JSON pointer one level down.
fn down(at: &str, key: &str) -> String {
    format!("{at}/{}", key.replace('~', "~0").replace('/', "~1"))
}
