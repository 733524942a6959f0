//! [`Expression`]: a condition, a guard, the items of a loop.

use std::sync::Arc;

use serde_json::Value;

use super::compile::Compiler;
use super::error::{EvalError, Fault, TemplateError};
use super::evaluate::record;
use super::explain::Explanation;
use super::path::{Found, describe};
use super::print::summary;
use super::reference::{Names, Reference, RootValue, Uses};
use super::scan::{Broken, Piece, scan};
use super::text::Template;
use super::token::{Token, TokenKind};
use super::view::{lift, settle};

/// One value that decides something: `{{ expression }}`, a bare `expression`, or a JSON literal.
#[derive(Debug)]
pub(crate) struct Expression {
    text: Box<str>,
    body: Body,
}

#[derive(Debug)]
enum Body {
    Token { token: Token, uses: Uses },
    Value(Template),
}

impl Expression {
    /// Compiles a string with one token or a bare expression. Anything else stands for itself,
    /// with templates in it if it is a list or an object.
    pub(crate) fn compile(value: &Value, names: &Names<'_>) -> Result<Self, Vec<TemplateError>> {
        let Value::String(text) = value else {
            let text = match value {
                Value::Array(_) | Value::Object(_) => describe(value),
                scalar => scalar.to_string(),
            };
            return Ok(Self { text: text.into(), body: Body::Value(Template::compile(value, names)?) });
        };
        let mut compiler = Compiler::new(names);
        let text = text.trim();
        let token = match single(text) {
            Ok((raw, body)) => compiler.token(raw, body).map(|token| (token, body)),
            Err(Broken { raw, fault }) => {
                compiler.fail(raw, fault);
                None
            }
        };
        match compiler.finish(token)? {
            (Some((token, body)), uses) => Ok(Self { text: body.into(), body: Body::Token { token, uses } }),
            (None, _) => Err(Vec::new()),
        }
    }

    /// The expression as written, without the braces.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The value itself, if it is written out.
    pub(crate) fn as_literal(&self) -> Option<&Arc<Value>> {
        match &self.body {
            Body::Token { .. } => None,
            Body::Value(template) => template.as_literal(),
        }
    }

    /// The names of the roots, in the order that [`evaluate`](Self::evaluate) expects.
    pub(crate) fn roots(&self) -> &[Box<str>] {
        match &self.body {
            Body::Token { uses, .. } => &uses.roots,
            Body::Value(template) => template.roots(),
        }
    }

    /// Every path that is used.
    pub(crate) fn references(&self) -> &[Reference] {
        match &self.body {
            Body::Token { uses, .. } => &uses.references,
            Body::Value(template) => template.references(),
        }
    }

    /// The value, shared with the root when it is a whole root.
    pub(crate) fn evaluate(&self, roots: &[RootValue<'_>]) -> Result<Arc<Value>, EvalError> {
        match &self.body {
            Body::Token { token, .. } => token.share(roots),
            Body::Value(template) => template.evaluate(roots),
        }
    }

    /// Whether it holds, and what was seen on the way. Null does not hold; what is neither true nor
    /// false is an error.
    pub(crate) fn judge(&self, roots: &[RootValue<'_>]) -> (Result<bool, EvalError>, Explanation) {
        match &self.body {
            Body::Token { token, .. } => {
                let within = |fault: Fault| fault.within(&token.raw);
                match &token.kind {
                    TokenKind::Path(path) => {
                        let found = path.find(roots);
                        let why = Explanation::of_path(path, &found);
                        let verdict = found.map_err(within).and_then(|found| match found {
                            Found::Absent => self.verdict(&Value::Null),
                            Found::Root(value) => self.verdict(value),
                            Found::Part { value, .. } => self.verdict(value),
                            Found::Length(length) => self.verdict(&Value::from(length)),
                        });
                        (verdict, why)
                    }
                    TokenKind::Expression(node) => {
                        let (result, record) = record(node, roots);
                        let why = Explanation::of(node, &result, &record);
                        let value = result.and_then(|value| settle(&value)).map_err(within);
                        (value.and_then(|value| self.verdict(&value)), why)
                    }
                }
            }
            Body::Value(template) => {
                let result = template.evaluate(roots);
                let why = Explanation::literal(match &result {
                    Ok(value) => summary(&lift(value, &[], value)),
                    Err(error) => error.message.clone(),
                });
                (result.and_then(|value| self.verdict(&value)), why)
            }
        }
    }

    fn verdict(&self, value: &Value) -> Result<bool, EvalError> {
        match value {
            Value::Bool(truth) => Ok(*truth),
            Value::Null => Ok(false),
            other => {
                let text = &self.text;
                let compared = match other {
                    Value::Array(_) | Value::Object(_) => format!("{text} | length > 0"),
                    Value::Number(_) => format!("{text} > 0"),
                    _ => format!("{text} == \"…\""),
                };
                Err(Fault::new(format!("`{text}` is neither true nor false, it is {}", describe(other)))
                    .help(format!("compare it, such as `{compared}`, or write `{text} | truthy`"))
                    .within(text))
            }
        }
    }
}

/// The one token a text consists of: braces and all, and what is between them. A text without
/// braces is all expression.
fn single(text: &str) -> Result<(&str, &str), Broken<'_>> {
    let broken = |message: &str, help: &str| Broken { raw: text, fault: Fault::new(message).help(help) };
    if text.is_empty() {
        return Err(broken("the expression is empty", "compare something, such as `inputs.limit > 3`"));
    }
    if !text.contains("{{") {
        return Ok((text, text));
    }
    match scan(text)?[..] {
        [Piece::Token { raw, body }] => Ok((raw, body)),
        _ => Err(broken(
            "an expression is one token, without text around it",
            "put all of it between one pair of braces: `{{ … }}`",
        )),
    }
}
