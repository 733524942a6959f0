//! One token: a plain path, or an expression.

use std::sync::Arc;

use serde_json::Value;

use super::error::{EvalError, Fault};
use super::evaluate::evaluate;
use super::lower;
use super::node::Node;
use super::path::{self, Found, Key, Path};
use super::reference::{Names, Reference, RootKind, RootValue, Uses};
use super::view::{plain, settle, to_json};
use crate::Pointer;

/// A compiled token.
#[derive(Debug)]
pub(super) struct Token {
    /// The token as written, for messages.
    pub(super) raw: Box<str>,
    pub(super) kind: TokenKind,
}

#[derive(Debug)]
pub(super) enum TokenKind {
    Path(Path),
    Expression(Node),
}

impl Token {
    /// Compiles what stands between the braces.
    pub(super) fn compile(
        raw: &str,
        body: &str,
        names: &Names<'_>,
        uses: &mut Uses,
        pointer: &Pointer,
    ) -> Result<Self, Fault> {
        let plain = path::read(body).filter(|(root, _)| !root.contains('-') || names(root).is_some());
        let kind = match plain {
            Some((name, keys)) => {
                let root = uses.root(name);
                uses.references.push(Reference {
                    root,
                    path: keys.iter().map(Key::segment).collect(),
                    pointer: pointer.clone(),
                    text: body.to_owned(),
                    optional: false,
                });
                TokenKind::Path(Path {
                    root,
                    kind: names(name).unwrap_or(RootKind::Plain),
                    keys: keys.into(),
                    text: body.into(),
                })
            }
            None => TokenKind::Expression(lower::parse(body, names, uses, pointer)?),
        };
        Ok(Self { raw: raw.into(), kind })
    }

    /// The value, shared with the root when it is a whole root.
    pub(super) fn share(&self, roots: &[RootValue<'_>]) -> Result<Arc<Value>, EvalError> {
        match &self.kind {
            TokenKind::Path(path) => path.find(roots).map(|found| match found {
                Found::Root(root) => Arc::clone(root),
                Found::Part { value, .. } => Arc::new(value.clone()),
                Found::Absent => Arc::new(Value::Null),
                Found::Length(length) => Arc::new(Value::from(length)),
            }),
            TokenKind::Expression(node) => evaluate(node, roots).and_then(|value| settle(&value)),
        }
        .map_err(|fault| fault.within(&self.raw))
    }

    /// The value as a part of a larger one.
    pub(super) fn copy(&self, roots: &[RootValue<'_>]) -> Result<Value, EvalError> {
        match &self.kind {
            TokenKind::Path(path) => path.find(roots).map(|found| match found {
                Found::Root(root) => Value::clone(root),
                Found::Part { value, .. } => value.clone(),
                Found::Absent => Value::Null,
                Found::Length(length) => Value::from(length),
            }),
            TokenKind::Expression(node) => evaluate(node, roots).and_then(|value| to_json(&value)),
        }
        .map_err(|fault| fault.within(&self.raw))
    }

    /// Puts the value into text.
    pub(super) fn write(&self, roots: &[RootValue<'_>], out: &mut String) -> Result<(), EvalError> {
        match &self.kind {
            TokenKind::Path(path) => path.find(roots).and_then(|found| match found {
                Found::Root(root) => plain(root, out),
                Found::Part { value, .. } => plain(value, out),
                Found::Absent => plain(&Value::Null, out),
                Found::Length(length) => plain(&Value::from(length), out),
            }),
            TokenKind::Expression(node) => {
                evaluate(node, roots).and_then(|value| to_json(&value)).and_then(|value| plain(&value, out))
            }
        }
        .map_err(|fault| fault.within(&self.raw))
    }
}
