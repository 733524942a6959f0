//! The tree of an expression: names resolved, filters and tests looked up, no text left to parse.

use minijinja::value::Value as Dynamic;

use super::filters::Callable;
use super::operate::{Comparison, Operator};
use super::path::{Key, Path};

/// An expression.
#[derive(Debug)]
pub(super) enum Node {
    Constant(Dynamic),
    Path(Path),
    Member { of: Box<Self>, key: Key },
    Item { of: Box<Self>, at: Box<Self> },
    Slice { of: Box<Self>, bounds: [Option<Box<Self>>; 3] },
    Not(Box<Self>),
    Negate(Box<Self>),
    And(Box<Self>, Box<Self>),
    Or(Box<Self>, Box<Self>),
    Operation { operator: Operator, left: Box<Self>, right: Box<Self> },
    Comparison { first: Box<Self>, rest: Vec<(Comparison, Self)> },
    Choice { test: Box<Self>, yes: Box<Self>, no: Option<Box<Self>> },
    Filter { call: Callable, of: Box<Self>, arguments: Vec<Argument> },
    Test { call: Callable, of: Box<Self>, arguments: Vec<Argument> },
    Range(Vec<Self>),
    List(Vec<Self>),
    Object(Vec<(Self, Self)>),
}

/// An argument of a filter or test.
#[derive(Debug)]
pub(super) enum Argument {
    Positional(Node),
    Named(Box<str>, Node),
}

impl Argument {
    pub(super) const fn node(&self) -> &Node {
        match self {
            Self::Positional(node) | Self::Named(_, node) => node,
        }
    }
}

impl Node {
    /// The nodes right below, in the order of the text.
    pub(super) fn operands(&self) -> Vec<&Self> {
        match self {
            Self::Constant(_) | Self::Path(_) => Vec::new(),
            Self::Member { of, .. } | Self::Not(of) | Self::Negate(of) => vec![of],
            Self::Item { of, at } => vec![of, at],
            Self::Slice { of, bounds } => {
                std::iter::once(&**of).chain(bounds.iter().flatten().map(|bound| &**bound)).collect()
            }
            Self::And(left, right) | Self::Or(left, right) | Self::Operation { left, right, .. } => {
                vec![left, right]
            }
            Self::Comparison { first, rest } => {
                std::iter::once(&**first).chain(rest.iter().map(|(_, node)| node)).collect()
            }
            Self::Choice { test, yes, no } => {
                [Some(yes), Some(test), no.as_ref()].into_iter().flatten().map(|node| &**node).collect()
            }
            Self::Filter { of, arguments, .. } | Self::Test { of, arguments, .. } => {
                std::iter::once(&**of).chain(arguments.iter().map(Argument::node)).collect()
            }
            Self::Range(nodes) | Self::List(nodes) => nodes.iter().collect(),
            Self::Object(members) => members.iter().flat_map(|(key, value)| [key, value]).collect(),
        }
    }
}
