//! Walks a JSON value and compiles the tokens in its strings.

use serde_json::Value;

use super::error::{Fault, TemplateError};
use super::reference::{Names, Uses};
use super::scan::{Broken, Piece, scan};
use super::token::Token;
use crate::{Pointer, Segment};

/// How deep a value with templates may be nested.
const DEPTH: usize = 128;

/// A value with its tokens compiled.
#[derive(Debug)]
pub(super) enum Part {
    /// No tokens in it.
    Literal(Value),
    /// Exactly one token.
    Token(Token),
    /// Text with tokens in it.
    Text(Box<[TextPart]>),
    /// A list with tokens somewhere inside.
    List(Box<[Self]>),
    /// An object with tokens somewhere inside.
    Object(Box<[(String, Self)]>),
}

/// A stretch of mixed text.
#[derive(Debug)]
pub(super) enum TextPart {
    Literal(Box<str>),
    Token(Token),
    /// A token whose text becomes part of a URL.
    Encoded(Token),
}

/// Gathers what a compilation finds.
pub(super) struct Compiler<'a, 'n> {
    pub(super) names: &'a Names<'n>,
    pub(super) uses: Uses,
    pub(super) errors: Vec<TemplateError>,
    pub(super) pointer: Pointer,
}

impl<'a, 'n> Compiler<'a, 'n> {
    pub(super) fn new(names: &'a Names<'n>) -> Self {
        Self { names, uses: Uses::default(), errors: Vec::new(), pointer: Pointer::root() }
    }

    /// What was compiled, unless there were mistakes.
    pub(super) fn finish<T>(self, compiled: T) -> Result<(T, Uses), Vec<TemplateError>> {
        if self.errors.is_empty() {
            let mut uses = self.uses.finish();
            uses.shrink();
            Ok((compiled, uses))
        } else {
            Err(self.errors)
        }
    }

    pub(super) fn part(&mut self, value: &Value) -> Part {
        if self.pointer.0.len() > DEPTH {
            self.fail("", Fault::new("the value is nested too deeply"));
            return Part::Literal(Value::Null);
        }
        match value {
            Value::String(text) => self.string(text),
            Value::Array(list) => list_of(
                list.iter().enumerate().map(|(at, value)| self.below(Segment::Index(at), value)).collect(),
            ),
            Value::Object(map) => object_of(
                map.iter()
                    .map(|(key, value)| (key.clone(), self.below(Segment::from(key.as_str()), value)))
                    .collect(),
            ),
            _ => Part::Literal(value.clone()),
        }
    }

    fn below(&mut self, segment: Segment, value: &Value) -> Part {
        self.pointer.0.push(segment);
        let part = self.part(value);
        self.pointer.0.pop();
        part
    }

    fn string(&mut self, text: &str) -> Part {
        let pieces = match scan(text) {
            Ok(pieces) => pieces,
            Err(Broken { raw, fault }) => {
                self.fail(raw, fault);
                return Part::Literal(Value::Null);
            }
        };
        match &pieces[..] {
            [] => Part::Literal(Value::String(String::new())),
            [Piece::Literal(literal)] => Part::Literal(Value::String(literal.clone())),
            [Piece::Token { raw, body }] => {
                self.token(raw, body).map_or(Part::Literal(Value::Null), Part::Token)
            }
            _ => Part::Text(
                pieces
                    .into_iter()
                    .filter_map(|piece| match piece {
                        Piece::Literal(literal) => Some(TextPart::Literal(literal.into())),
                        Piece::Token { raw, body } => self.token(raw, body).map(TextPart::Token),
                    })
                    .collect(),
            ),
        }
    }

    pub(super) fn token(&mut self, raw: &str, body: &str) -> Option<Token> {
        match Token::compile(raw, body, self.names, &mut self.uses, &self.pointer) {
            Ok(token) => Some(token),
            Err(fault) => {
                self.fail(body, fault);
                None
            }
        }
    }

    pub(super) fn fail(&mut self, token: &str, fault: Fault) {
        self.errors.push(TemplateError {
            pointer: self.pointer.clone(),
            token: token.to_owned(),
            message: fault.message,
            help: fault.help,
        });
    }
}

/// A list, which is a literal when all of its items are.
fn list_of(parts: Vec<Part>) -> Part {
    if parts.iter().any(|part| !matches!(part, Part::Literal(_))) {
        return Part::List(parts.into());
    }
    let literals = parts.into_iter().filter_map(|part| match part {
        Part::Literal(value) => Some(value),
        _ => None,
    });
    Part::Literal(Value::Array(literals.collect()))
}

/// An object, which is a literal when all of its members are.
fn object_of(parts: Vec<(String, Part)>) -> Part {
    if parts.iter().any(|(_, part)| !matches!(part, Part::Literal(_))) {
        return Part::Object(parts.into());
    }
    let literals = parts.into_iter().filter_map(|(key, part)| match part {
        Part::Literal(value) => Some((key, value)),
        _ => None,
    });
    Part::Literal(Value::Object(literals.collect()))
}
