//! The language of conditions: `item.value > 100 and not (item.name in ['x', 'y'])`.
//!
//! ```text
//! any        = all { ("or" | "||") all }
//! all        = not { ("and" | "&&") not }
//! not        = ("not" | "!") not | test
//! test       = "(" any ")" | operand [ "exists" | "not" "exists" | operator operand ]
//! operator   = "==" | "!=" | ">" | ">=" | "<" | "<=" | "in" | "not" "in"
//!            | "contains" | "startsWith" | "endsWith" | "matches"
//! operand    = "item" { "." name | "[" number | text "]" } | number | text | list
//!            | "true" | "false" | "null"
//! ```
//!
//! One pass, one token of lookahead, bounded depth: reading costs linear time, and so does asking.

use std::borrow::Cow;

use serde_json::Value;

use super::condition::{Condition, Operand};
use super::lexer::{Lexer, Token};
use super::mistake::Mistake;
use super::operator::{Operator, Test};
use super::path::Path;

/// The longest condition in bytes.
const LONGEST: usize = 10_000;

/// How deep parentheses and `not` may be nested.
const DEEPEST: usize = 64;

/// Reads a condition.
pub(super) fn parse(text: &str) -> Result<Condition, Mistake> {
    if text.len() > LONGEST {
        let message = format!("a condition may have {LONGEST} bytes, and this one has {}", text.len());
        return Err(Mistake { message, help: None });
    }
    let mut parser = Parser { lexer: Lexer::new(text), text, next: Token::End, place: 0, depth: 0 };
    parser.advance()?;
    let condition = parser.any()?;
    match &parser.next {
        Token::End => Ok(condition),
        Token::Sign("=") => Err(parser.wrong("`=` is no operator").help("write `==` to compare")),
        other => {
            let message = format!("{other} is not expected");
            Err(parser.wrong(message).help("join two comparisons by `and` or `or`"))
        }
    }
}

struct Parser<'t> {
    lexer: Lexer<'t>,
    text: &'t str,
    next: Token<'t>,
    place: usize,
    depth: usize,
}

impl<'t> Parser<'t> {
    fn wrong(&self, message: impl AsRef<str>) -> Mistake {
        Mistake::at(self.text, self.place, message)
    }

    fn advance(&mut self) -> Result<Token<'t>, Mistake> {
        let (place, token) = self.lexer.next()?;
        self.place = place;
        Ok(std::mem::replace(&mut self.next, token))
    }

    /// Takes the next token if it is this one.
    fn takes(&mut self, token: &Token<'_>) -> Result<bool, Mistake> {
        let found = self.next == *token;
        if found {
            self.advance()?;
        }
        Ok(found)
    }

    fn expect(&mut self, sign: &'static str) -> Result<(), Mistake> {
        if self.takes(&Token::Sign(sign))? {
            return Ok(());
        }
        Err(self.wrong(format!("`{sign}` is expected before {}", self.next)))
    }

    fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, Mistake>) -> Result<T, Mistake> {
        if self.depth == DEEPEST {
            return Err(self.wrong(format!("a condition may be nested {DEEPEST} levels deep, and is deeper")));
        }
        self.depth += 1;
        let read = read(self);
        self.depth -= 1;
        read
    }

    fn any(&mut self) -> Result<Condition, Mistake> {
        let mut parts = vec![self.all()?];
        while self.takes(&Token::Word("or"))? || self.takes(&Token::Sign("||"))? {
            parts.push(self.all()?);
        }
        Ok(one_or(parts, Condition::Any))
    }

    fn all(&mut self) -> Result<Condition, Mistake> {
        let mut parts = vec![self.not()?];
        while self.takes(&Token::Word("and"))? || self.takes(&Token::Sign("&&"))? {
            parts.push(self.not()?);
        }
        Ok(one_or(parts, Condition::All))
    }

    fn not(&mut self) -> Result<Condition, Mistake> {
        if self.takes(&Token::Word("not"))? || self.takes(&Token::Sign("!"))? {
            return self.deeper(|parser| Ok(Condition::Not(Box::new(parser.not()?))));
        }
        if self.takes(&Token::Sign("("))? {
            return self.deeper(|parser| {
                let inner = parser.any()?;
                parser.expect(")")?;
                Ok(inner)
            });
        }
        self.test()
    }

    fn test(&mut self) -> Result<Condition, Mistake> {
        let left = self.operand()?;
        let negated = self.takes(&Token::Word("not"))?;
        if self.takes(&Token::Word("exists"))? {
            let Operand::Path(path) = left else {
                return Err(self.wrong("`exists` follows a path").help("write `item.name exists`"));
            };
            return Ok(Condition::Test { path, test: Test::Exists(!negated) });
        }
        let place = self.place;
        let Some(operator) = self.operator()? else {
            if negated {
                return Err(self.wrong(format!("`in` or `exists` is expected before {}", self.next)));
            }
            return match left {
                left @ (Operand::Path(_) | Operand::Value(Value::Bool(_))) => Ok(Condition::Holds(left)),
                Operand::Value(_) => Err(self.wrong(format!("an operator is expected before {}", self.next))),
            };
        };
        let operator = match (negated, operator) {
            (false, operator) => operator,
            (true, Operator::In) => Operator::Nin,
            (true, _) => return Err(Mistake::at(self.text, place, "only `in` and `exists` follow `not`")),
        };
        let place = self.place;
        let right = self.operand()?;
        compare(left, operator, right).map_err(|message| Mistake::at(self.text, place, message))
    }

    /// The operator that comes next, if one does.
    fn operator(&mut self) -> Result<Option<Operator>, Mistake> {
        let found = match self.next {
            Token::Sign("==" | "===") => Operator::Eq,
            Token::Sign("!=" | "!==") => Operator::Neq,
            Token::Sign(">") => Operator::Gt,
            Token::Sign(">=") => Operator::Gte,
            Token::Sign("<") => Operator::Lt,
            Token::Sign("<=") => Operator::Lte,
            Token::Word("in") => Operator::In,
            Token::Word("contains") => Operator::Contains,
            Token::Word("startsWith") => Operator::StartsWith,
            Token::Word("endsWith") => Operator::EndsWith,
            Token::Word("matches") => Operator::Regex,
            Token::Word("and" | "or") => return Ok(None),
            Token::Word(word) => return Err(self.wrong(format!("`{word}` is no operator")).help(OPERATORS)),
            _ => return Ok(None),
        };
        self.advance()?;
        Ok(Some(found))
    }

    fn operand(&mut self) -> Result<Operand, Mistake> {
        let place = self.place;
        match self.advance()? {
            Token::Word("item") => self.path(),
            Token::Word("true") => Ok(Operand::Value(true.into())),
            Token::Word("false") => Ok(Operand::Value(false.into())),
            Token::Word("null") => Ok(Operand::Value(Value::Null)),
            Token::Word(word) => {
                let wrong = Mistake::at(self.text, place, format!("the name `{word}` is unknown"));
                Err(wrong.help(format!("did you mean `item.{word}`, or the text `'{word}'`?")))
            }
            Token::Number(number) => Ok(Operand::Value(Value::Number(number))),
            Token::Text(text) => Ok(Operand::Value(Value::String(text))),
            Token::Sign("[") => self.list(),
            other => Err(Mistake::at(self.text, place, format!("a value is expected before {other}"))),
        }
    }

    fn path(&mut self) -> Result<Operand, Mistake> {
        let mut parts = Vec::new();
        loop {
            if self.takes(&Token::Sign("."))? {
                match &self.next {
                    Token::Word(name) => parts.push((*name).to_owned()),
                    Token::Number(index) if index.is_u64() => parts.push(index.to_string()),
                    other => return Err(self.wrong(format!("a name is expected before {other}"))),
                }
                self.advance()?;
            } else if self.takes(&Token::Sign("["))? {
                match &self.next {
                    Token::Text(name) => parts.push(name.clone()),
                    Token::Number(index) if index.is_u64() => parts.push(index.to_string()),
                    other => return Err(self.wrong(format!("a text or an index is expected before {other}"))),
                }
                self.advance()?;
                self.expect("]")?;
            } else {
                return Ok(Operand::Path(Path::of_parts(parts)));
            }
        }
    }

    fn list(&mut self) -> Result<Operand, Mistake> {
        let mut items = Vec::new();
        if self.takes(&Token::Sign("]"))? {
            return Ok(Operand::Value(Value::Array(items)));
        }
        loop {
            let place = self.place;
            match self.advance()? {
                Token::Word("true") => items.push(true.into()),
                Token::Word("false") => items.push(false.into()),
                Token::Word("null") => items.push(Value::Null),
                Token::Number(number) => items.push(Value::Number(number)),
                Token::Text(text) => items.push(Value::String(text)),
                other => {
                    let message = format!("a number or a text is expected in the list before {other}");
                    return Err(Mistake::at(self.text, place, message));
                }
            }
            if self.takes(&Token::Sign("]"))? {
                return Ok(Operand::Value(Value::Array(items)));
            }
            self.expect(",")?;
        }
    }
}

const OPERATORS: &str = "operators are `==`, `!=`, `>`, `>=`, `<`, `<=`, `in`, `not in`, `contains`, `startsWith`, `endsWith`, `matches` and `exists`";

fn one_or(mut parts: Vec<Condition>, many: fn(Vec<Condition>) -> Condition) -> Condition {
    match parts.pop() {
        Some(only) if parts.is_empty() => only,
        last => {
            parts.extend(last);
            many(parts)
        }
    }
}

fn compare(left: Operand, operator: Operator, right: Operand) -> Result<Condition, String> {
    let wanted = operator == Operator::Eq;
    match (left, operator, right) {
        (operand, Operator::Eq | Operator::Neq, Operand::Value(Value::Null))
        | (Operand::Value(Value::Null), Operator::Eq | Operator::Neq, operand) => {
            Ok(Condition::Null { operand, wanted })
        }
        (Operand::Path(path), operator, Operand::Value(value)) => {
            Ok(Condition::Test { path, test: Test::new(operator, Cow::Owned(value))? })
        }
        (_, Operator::Regex, Operand::Path(_)) => Err("`matches` takes a pattern in quotes".to_owned()),
        (left, operator, right) => {
            if let Operand::Value(value) = &right {
                Test::new(operator, Cow::Borrowed(value))?;
            }
            Ok(Condition::Compare { left, operator, right })
        }
    }
}
