//! Templates and expressions: `{{ … }}` inside JSON values.
//!
//! A value is compiled once into a [`Template`] (text, lists and objects with tokens in them) or
//! an [`Expression`] (a condition, a guard, the items of a loop) and then evaluated against the
//! values of its roots. The room knows names and JSON, nothing of steps and plans.
//!
//! Plain paths walk the value they refer to. Everything else is parsed by minijinja into our own
//! [`node::Node`] and evaluated here: minijinja gives the grammar, the values, filters and tests,
//! this room gives strict paths, strict types, limits on work and memory, and explanations.

mod compile;
mod error;
mod evaluate;
mod explain;
mod expression;
mod filters;
mod fuel;
mod guard;
mod lower;
mod node;
mod operate;
mod path;
mod print;
mod reference;
mod scan;
mod text;
mod token;
mod url;
mod view;

#[cfg(test)]
mod tests;

pub(crate) use error::{EvalError, TemplateError};
pub use explain::Explanation;
pub(crate) use expression::Expression;
pub(crate) use reference::{PathSegment, Reference, RootKind, RootValue};
pub(crate) use text::Template;
