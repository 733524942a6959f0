//! [`Template`]: a JSON value with tokens in its strings.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::compile::{Compiler, Part, TextPart};
use super::error::{EvalError, TemplateError};
use super::reference::{Names, Reference, RootValue, Uses};
use super::url::Laid;

/// A JSON value with tokens in its strings, at any depth of its lists and objects.
///
/// A string that is exactly one token becomes the value it refers to, with its type. In longer
/// text numbers, booleans and null stand plain, and lists and objects are errors. Keys are not
/// templates. Results are never read as templates again.
#[derive(Debug)]
pub(crate) struct Template {
    body: Body,
    uses: Uses,
}

#[derive(Debug)]
enum Body {
    Literal(Arc<Value>),
    Part(Part),
}

impl Template {
    /// Compiles a value. Names that nobody knows are no mistake here: they become roots, for the
    /// caller to judge.
    pub(crate) fn compile(value: &Value, names: &Names<'_>) -> Result<Self, Vec<TemplateError>> {
        let mut compiler = Compiler::new(names);
        let part = compiler.part(value);
        let (part, uses) = compiler.finish(part)?;
        Ok(Self {
            body: match part {
                Part::Literal(value) => Body::Literal(Arc::new(value)),
                part => Body::Part(part),
            },
            uses,
        })
    }

    /// Percent-encodes what tokens give in the text of these fields, which are URLs, and refuses
    /// what would lead to another path. A token at the very beginning is left alone: it may be an
    /// address.
    pub(crate) fn encode(&mut self, fields: &[String]) {
        let Body::Part(Part::Object(parts)) = &mut self.body else { return };
        for (key, part) in parts {
            if let (Part::Text(texts), true) = (part, fields.contains(key)) {
                for text in texts.iter_mut().skip(1) {
                    let taken = std::mem::replace(text, TextPart::Literal("".into()));
                    *text = match taken {
                        TextPart::Token(token) => TextPart::Encoded(token),
                        other => other,
                    };
                }
            }
        }
    }

    /// The names of the roots, in the order that [`evaluate`](Self::evaluate) expects.
    pub(crate) fn roots(&self) -> &[Box<str>] {
        &self.uses.roots
    }

    /// Every path that is used.
    pub(crate) fn references(&self) -> &[Reference] {
        &self.uses.references
    }

    /// The value, if there are no tokens at all.
    pub(crate) const fn as_literal(&self) -> Option<&Arc<Value>> {
        match &self.body {
            Body::Literal(value) => Some(value),
            Body::Part(_) => None,
        }
    }

    /// The value with its tokens replaced. There must be as many values as [`roots`](Self::roots).
    ///
    /// A literal and a token that is just a root come back as the same `Arc`.
    pub(crate) fn evaluate(&self, roots: &[RootValue<'_>]) -> Result<Arc<Value>, EvalError> {
        match &self.body {
            Body::Literal(value) => Ok(Arc::clone(value)),
            Body::Part(Part::Token(token)) => token.share(roots),
            Body::Part(part) => build(part, roots).map(Arc::new),
        }
    }
}

fn build(part: &Part, roots: &[RootValue<'_>]) -> Result<Value, EvalError> {
    Ok(match part {
        Part::Literal(value) => value.clone(),
        Part::Token(token) => token.copy(roots)?,
        Part::Text(parts) => {
            let mut text = String::new();
            let mut laid = Laid::default();
            for part in parts {
                match part {
                    TextPart::Literal(literal) => text.push_str(literal),
                    TextPart::Token(token) => token.write(roots, &mut text)?,
                    TextPart::Encoded(token) => laid.write(token, roots, &mut text)?,
                }
            }
            laid.judge(&text)?;
            Value::String(text)
        }
        Part::List(parts) => {
            let mut list = Vec::with_capacity(parts.len());
            for part in parts {
                list.push(build(part, roots)?);
            }
            Value::Array(list)
        }
        Part::Object(parts) => {
            let mut map = Map::with_capacity(parts.len());
            for (key, part) in parts {
                map.insert(key.clone(), build(part, roots)?);
            }
            Value::Object(map)
        }
    })
}
