//! Plain paths such as `fetch.stories[0].title`: parsed once, walked on every evaluation.

use std::sync::Arc;

use serde_json::Value;

use super::error::Fault;
use super::reference::{PathSegment, RootKind, RootValue};
use crate::diagnostic::suggest;

/// Words of the expression language that are never names.
const WORDS: [&str; 14] =
    ["true", "false", "none", "null", "True", "False", "None", "not", "and", "or", "if", "else", "in", "is"];

/// How many keys a message lists.
const KEYS_SHOWN: usize = 8;

/// One step into a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Key {
    /// The key of an object; `length` of a list.
    Name(Arc<str>),
    /// An index of a list, or the key of an object that is written in digits.
    Digits(Arc<str>, usize),
    /// An index of a list.
    Index(usize),
}

impl Key {
    /// The member of `value`, if it owns one.
    pub(super) fn of<'v>(&self, value: &'v Value) -> Option<&'v Value> {
        match (self, value) {
            (Self::Name(name) | Self::Digits(name, _), Value::Object(map)) => map.get(&**name),
            (Self::Digits(_, index) | Self::Index(index), Value::Array(list)) => list.get(*index),
            _ => None,
        }
    }

    /// A key for `.digits` or `[digits]`; too many digits can only be a name.
    pub(super) fn digits(text: &str) -> Self {
        text.parse().map_or_else(|_| Self::Name(text.into()), |index| Self::Digits(text.into(), index))
    }

    pub(super) fn segment(&self) -> PathSegment {
        match self {
            Self::Name(name) => PathSegment::Key((&**name).into()),
            Self::Digits(_, index) | Self::Index(index) => PathSegment::Index(*index),
        }
    }

    fn is(&self, wanted: &str) -> bool {
        matches!(self, Self::Name(name) if &**name == wanted)
    }
}

/// A path from a root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Path {
    pub(super) root: usize,
    pub(super) kind: RootKind,
    pub(super) keys: Box<[Key]>,
    /// The path as written.
    pub(super) text: Box<str>,
}

/// What a path led to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Found<'v> {
    /// The root has no value, so that everything in it is null.
    Absent,
    /// The root itself, by any of its names.
    Root(&'v Arc<Value>),
    /// A part of the root; `skip` leading keys (a step's `output`) were not used.
    Part { root: &'v Arc<Value>, skip: usize, value: &'v Value },
    /// The length of a list.
    Length(usize),
}

impl Path {
    /// Follows the path. A path that leads nowhere is a fault that says where it stopped.
    pub(super) fn find<'v>(&self, roots: &[RootValue<'v>]) -> Result<Found<'v>, Fault> {
        let Some(root) = roots[self.root] else { return Ok(Found::Absent) };
        match self.follow(root, 0) {
            Ok(found) => Ok(found),
            Err(_) if self.may_skip() => {
                let owned = matches!(&**root, Value::Object(map) if map.contains_key("output"));
                self.follow(root, 1).map_err(|stop| {
                    let stop = if owned { self.follow(root, 0).err().unwrap_or(stop) } else { stop };
                    self.missing(&stop)
                })
            }
            Err(stop) => Err(self.missing(&stop)),
        }
    }

    fn may_skip(&self) -> bool {
        self.kind == RootKind::Step && self.keys.first().is_some_and(|key| key.is("output"))
    }

    fn follow<'v>(&self, root: &'v Arc<Value>, skip: usize) -> Result<Found<'v>, Stop<'v>> {
        let mut value: &Value = root;
        for (at, key) in self.keys.iter().enumerate().skip(skip) {
            value = match key.of(value) {
                Some(member) => member,
                None => match value {
                    Value::Array(list) if at + 1 == self.keys.len() && key.is("length") => {
                        return Ok(Found::Length(list.len()));
                    }
                    _ => return Err(Stop { at, value }),
                },
            };
        }
        Ok(if skip == self.keys.len() { Found::Root(root) } else { Found::Part { root, skip, value } })
    }

    fn missing(&self, stop: &Stop<'_>) -> Fault {
        let name = self.text_up_to(stop.at);
        let fault = Fault::new(format!("`{}` is missing: `{name}` is {}", self.text, describe(stop.value)));
        match (stop.value, &self.keys[stop.at]) {
            (Value::Object(map), Key::Name(wanted))
                if wanted.split_once('-').is_some_and(|(key, _)| map.contains_key(key)) =>
            {
                fault.help("to subtract, put spaces around `-`")
            }
            (Value::Object(map), Key::Name(wanted)) => {
                match suggest(wanted, map.keys().map(String::as_str)) {
                    Some(help) if help.starts_with("did you mean") => fault.help(help),
                    _ => fault.help("`| default(…)` allows it to be missing"),
                }
            }
            _ => fault.help("`| default(…)` allows it to be missing"),
        }
    }

    /// The path as written, without the segments from `count` on.
    fn text_up_to(&self, count: usize) -> &str {
        if count == 0 {
            let end = self.text.find(['.', '[', ' ', '\t', '\n']).unwrap_or(self.text.len());
            return &self.text[..end];
        }
        let mut reader = Reader { rest: &self.text };
        reader.name();
        for _ in 0..count {
            if reader.key().is_none() {
                break;
            }
        }
        &self.text[..self.text.len() - reader.rest.len()]
    }
}

struct Stop<'v> {
    at: usize,
    value: &'v Value,
}

/// What a value is, in words: its type, its keys, never what it holds.
pub(super) fn describe(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(_) => "true or false".to_owned(),
        Value::Number(_) => "a number".to_owned(),
        Value::String(_) => "text".to_owned(),
        Value::Array(list) if list.is_empty() => "an empty array".to_owned(),
        Value::Array(list) => format!("an array of {}", list.len()),
        Value::Object(map) if map.is_empty() => "an empty object".to_owned(),
        Value::Object(map) => {
            let keys: Vec<String> = map.keys().take(KEYS_SHOWN).map(|key| format!("`{key}`")).collect();
            let more = match map.len().saturating_sub(KEYS_SHOWN) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            format!("an object with {}{more}", keys.join(", "))
        }
    }
}

/// Reads a path that fills the whole text: the root's name and the keys.
pub(super) fn read(text: &str) -> Option<(&str, Vec<Key>)> {
    let mut reader = Reader { rest: text };
    let root = reader.name()?;
    if is_word(root) {
        return None;
    }
    let mut keys = Vec::new();
    while !reader.rest.trim_start().is_empty() {
        keys.push(reader.key()?);
    }
    Some((root, keys))
}

/// Whether a name is a word of the expression language.
pub(super) fn is_word(name: &str) -> bool {
    WORDS.contains(&name)
}

struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at(length);
        self.rest = rest;
        taken
    }

    fn spaces(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn name(&mut self) -> Option<&'a str> {
        match name_length(self.rest) {
            0 => None,
            length => Some(self.take(length)),
        }
    }

    fn number(&mut self) -> Option<Key> {
        let length = self.rest.bytes().take_while(u8::is_ascii_digit).count();
        (length > 0).then(|| Key::digits(self.take(length)))
    }

    fn key(&mut self) -> Option<Key> {
        self.spaces();
        if let Some(rest) = self.rest.strip_prefix('.') {
            self.rest = rest;
            self.spaces();
            return self.name().map(|name| Key::Name(name.into())).or_else(|| self.number());
        }
        self.rest = self.rest.strip_prefix('[')?;
        self.spaces();
        let key = match self.rest.chars().next()? {
            quote @ ('"' | '\'') => {
                let inner = &self.rest[1..];
                let end = inner.find(quote)?;
                if inner[..end].contains('\\') {
                    return None;
                }
                self.rest = &inner[end + 1..];
                Key::Name(inner[..end].into())
            }
            _ => self.number()?,
        };
        self.spaces();
        self.rest = self.rest.strip_prefix(']')?;
        Some(key)
    }
}

/// How long the name at the start of a text is: `[A-Za-z_][A-Za-z0-9_-]*`.
pub(super) fn name_length(text: &str) -> usize {
    let starts = text.bytes().next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_');
    if !starts {
        return 0;
    }
    text.bytes().take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-')).count()
}
