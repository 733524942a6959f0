//! Expressions as text again, with some of their parts replaced by what they are.

use std::fmt::Write;

use minijinja::value::{Value as Dynamic, ValueKind};
use serde_json::Value;

use super::node::{Argument, Node};
use super::path::Key;
use super::view::to_json;

/// Writes a node as text. What `replace` gives stands in place of a part.
pub(super) fn print(node: &Node, replace: &dyn Fn(&Node) -> Option<String>) -> String {
    let mut printer = Printer { out: String::new(), replace };
    printer.node(node, 0);
    printer.out
}

/// A value in a few words: scalars as they are, lists and objects by their size.
pub(super) fn summary(value: &Dynamic) -> String {
    const LONGEST: usize = 60;
    match value.kind() {
        ValueKind::Undefined => "missing".to_owned(),
        ValueKind::Seq | ValueKind::Iterable => {
            value.len().map_or_else(|| "array".to_owned(), |length| format!("array({length})"))
        }
        ValueKind::Map => {
            value.len().map_or_else(|| "object".to_owned(), |length| format!("object({length})"))
        }
        ValueKind::String => {
            let text = value.as_str().unwrap_or_default();
            match text.char_indices().nth(LONGEST) {
                Some((end, _)) => format!("{}…", Value::from(&text[..end])),
                None => Value::from(text).to_string(),
            }
        }
        ValueKind::Bool => value.is_true().to_string(),
        ValueKind::Number if value.is_integer() && value.as_i64().is_some() => value.to_string(),
        _ => to_json(value).map_or_else(|fault| fault.message, |value| value.to_string()),
    }
}

struct Printer<'a> {
    out: String,
    replace: &'a dyn Fn(&Node) -> Option<String>,
}

impl Printer<'_> {
    /// Writes a node where only what binds at least as strongly as `level` needs no parentheses.
    fn node(&mut self, node: &Node, level: u8) {
        if let Some(text) = (self.replace)(node) {
            self.out.push_str(&text);
            return;
        }
        let own = strength(node);
        if own < level {
            self.out.push('(');
        }
        self.bare(node, own);
        if own < level {
            self.out.push(')');
        }
    }

    fn bare(&mut self, node: &Node, own: u8) {
        match node {
            Node::Constant(value) => self.out.push_str(&summary(value)),
            Node::Path(path) => self.out.push_str(&path.text),
            Node::Member { of, key } => {
                self.node(of, own);
                self.key(key);
            }
            Node::Item { of, at } => {
                self.node(of, own);
                self.enclosed('[', std::iter::once(&**at), ']');
            }
            Node::Slice { of, bounds } => {
                self.node(of, own);
                self.out.push('[');
                for (at, bound) in bounds.iter().enumerate() {
                    if at == 1 || (at == 2 && bound.is_some()) {
                        self.out.push(':');
                    }
                    if let Some(bound) = bound {
                        self.node(bound, 0);
                    }
                }
                self.out.push(']');
            }
            Node::Not(of) => {
                self.out.push_str("not ");
                self.node(of, own);
            }
            Node::Negate(of) => {
                self.out.push('-');
                self.node(of, own + 1);
            }
            Node::And(left, right) => self.between(left, "and", right, own),
            Node::Or(left, right) => self.between(left, "or", right, own),
            Node::Operation { operator, left, right } => self.between(left, operator.symbol(), right, own),
            Node::Comparison { first, rest } => {
                self.node(first, own + 1);
                for (comparison, node) in rest {
                    let _ = write!(self.out, " {} ", comparison.symbol());
                    self.node(node, own + 1);
                }
            }
            Node::Choice { test, yes, no } => {
                self.node(yes, own + 1);
                self.out.push_str(" if ");
                self.node(test, own + 1);
                if let Some(no) = no {
                    self.out.push_str(" else ");
                    self.node(no, own);
                }
            }
            Node::Filter { call, of, arguments } => {
                self.node(of, own);
                let _ = write!(self.out, " | {}", call.name);
                self.arguments(arguments);
            }
            Node::Test { call, of, arguments } => {
                self.node(of, own);
                let _ = write!(self.out, " is {}", call.name);
                self.arguments(arguments);
            }
            Node::Range(nodes) => {
                self.out.push_str("range");
                self.enclosed('(', nodes.iter(), ')');
            }
            Node::List(nodes) => self.enclosed('[', nodes.iter(), ']'),
            Node::Object(members) => {
                self.out.push('{');
                for (at, (key, value)) in members.iter().enumerate() {
                    self.out.push_str(if at == 0 { "" } else { ", " });
                    self.node(key, 0);
                    self.out.push_str(": ");
                    self.node(value, 0);
                }
                self.out.push('}');
            }
        }
    }

    fn between(&mut self, left: &Node, symbol: &str, right: &Node, own: u8) {
        self.node(left, own);
        let _ = write!(self.out, " {symbol} ");
        self.node(right, own + 1);
    }

    fn enclosed<'n>(&mut self, open: char, nodes: impl Iterator<Item = &'n Node>, close: char) {
        self.out.push(open);
        for (at, node) in nodes.enumerate() {
            self.out.push_str(if at == 0 { "" } else { ", " });
            self.node(node, 0);
        }
        self.out.push(close);
    }

    fn arguments(&mut self, arguments: &[Argument]) {
        if arguments.is_empty() {
            return;
        }
        self.out.push('(');
        for (at, argument) in arguments.iter().enumerate() {
            self.out.push_str(if at == 0 { "" } else { ", " });
            if let Argument::Named(name, _) = argument {
                let _ = write!(self.out, "{name}=");
            }
            self.node(argument.node(), 0);
        }
        self.out.push(')');
    }

    fn key(&mut self, key: &Key) {
        let _ = match key {
            Key::Name(name) => write!(self.out, ".{name}"),
            Key::Digits(_, index) | Key::Index(index) => write!(self.out, "[{index}]"),
        };
    }
}

const fn strength(node: &Node) -> u8 {
    use super::operate::Operator;
    match node {
        Node::Choice { .. } => 0,
        Node::Or(..) => 1,
        Node::And(..) => 2,
        Node::Not(_) => 3,
        Node::Comparison { .. } => 4,
        Node::Operation { operator, .. } => match operator {
            Operator::Add | Operator::Subtract => 5,
            Operator::Concat => 6,
            Operator::Multiply | Operator::Divide | Operator::DivideFloor | Operator::Remainder => 7,
            Operator::Power => 8,
        },
        Node::Filter { .. } | Node::Test { .. } => 9,
        Node::Negate(_) => 10,
        _ => 11,
    }
}
