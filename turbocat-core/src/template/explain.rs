//! Why an expression came out as it did.

use std::fmt;

use minijinja::value::Value as Dynamic;
use serde::{Deserialize, Serialize};

use super::error::Fault;
use super::evaluate::Record;
use super::node::Node;
use super::path::{Found, Path};
use super::print::{print, summary};
use super::view::lift;

/// An evaluated expression: what it was, what stood in it, what came out.
///
/// `Display` gives each path with what it was, then the expression with values in the place of
/// its parts: `fetch.stories = array(5)`, then `5 >= 3 = true`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    /// The expression, or a part of one.
    pub expression: String,
    /// The same with values in the place of what was compared or calculated.
    pub substituted: String,
    /// What came out, in a few words: scalars as JSON, `array(5)`, `object(2)`, or the failure.
    pub value: String,
    /// The parts that were evaluated. What was not needed is not here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub operands: Vec<Self>,
}

impl Explanation {
    /// What a literal amounts to.
    pub(super) fn literal(value: String) -> Self {
        Self { expression: value.clone(), substituted: value.clone(), value, operands: Vec::new() }
    }

    /// What a plain path leads to.
    pub(super) fn of_path(path: &Path, found: &Result<Found<'_>, Fault>) -> Self {
        let value = match found {
            Ok(Found::Absent) => "null".to_owned(),
            Ok(Found::Root(root)) => summary(&lift(root, &[], root)),
            Ok(Found::Part { root, skip, value }) => summary(&lift(root, &path.keys[*skip..], value)),
            Ok(Found::Length(length)) => length.to_string(),
            Err(fault) => fault.message.clone(),
        };
        let text = path.text.to_string();
        Self { expression: text.clone(), substituted: text, value, operands: Vec::new() }
    }

    /// What came out of an expression, and all that was seen on the way.
    pub(super) fn of(node: &Node, result: &Result<Dynamic, Fault>, record: &Record) -> Self {
        let mut explanation = explain(node, record, LEVELS);
        if let Err(fault) = result {
            explanation.value.clone_from(&fault.message);
        }
        explanation
    }

    fn paths<'e>(&'e self, found: &mut Vec<&'e Self>) {
        for operand in &self.operands {
            if operand.operands.is_empty() {
                if !found.iter().any(|known| known.expression == operand.expression) {
                    found.push(operand);
                }
            } else {
                operand.paths(found);
            }
        }
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut paths = Vec::new();
        self.paths(&mut paths);
        for path in paths {
            writeln!(f, "{} = {}", path.expression, path.value)?;
        }
        let shown = if self.operands.is_empty() { &self.expression } else { &self.substituted };
        if *shown == self.value { f.write_str(shown) } else { write!(f, "{shown} = {}", self.value) }
    }
}

/// How many parts are told within each other; of what is deeper only the paths. An explanation is
/// written down, and a long chain of operators would be too deep to be read back.
const LEVELS: usize = 24;

fn explain(node: &Node, record: &Record, levels: usize) -> Explanation {
    let value = |node: &Node| record.get(&std::ptr::from_ref(node));
    Explanation {
        expression: print(node, &|_| None),
        substituted: print(node, &|part| match part {
            Node::Constant(_) => None,
            part if keeps_its_form(part) => None,
            part => value(part).map(summary),
        }),
        value: value(node).map_or_else(|| "not evaluated".to_owned(), summary),
        operands: parts(node, record, levels),
    }
}

fn parts(node: &Node, record: &Record, levels: usize) -> Vec<Explanation> {
    let operands = node.operands().into_iter();
    let told = operands.filter(|operand| refers(operand) && reached(operand, record));
    told.flat_map(|operand| match levels {
        0 if !matches!(operand, Node::Path(_)) => parts(operand, record, 0),
        _ => vec![explain(operand, record, levels.saturating_sub(1))],
    })
    .collect()
}

/// Whether a part depends on a root.
fn refers(node: &Node) -> bool {
    matches!(node, Node::Path(_)) || node.operands().into_iter().any(refers)
}

/// Whether a part was evaluated, or some part of it before it failed.
fn reached(node: &Node, record: &Record) -> bool {
    record.contains_key(&std::ptr::from_ref(node))
        || node.operands().into_iter().any(|part| reached(part, record))
}

/// Whether a part shows as itself with its own parts replaced, instead of as its value.
const fn keeps_its_form(node: &Node) -> bool {
    matches!(
        node,
        Node::Not(_)
            | Node::Negate(_)
            | Node::And(..)
            | Node::Or(..)
            | Node::Operation { .. }
            | Node::Comparison { .. }
            | Node::Choice { .. }
            | Node::Test { .. }
            | Node::List(_)
            | Node::Object(_)
    )
}
