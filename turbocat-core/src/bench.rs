//! Templates by themselves, for the benchmark that compares them with walking a value by hand.
//!
//! Templates are the crate's own business. Measured through steps, the scheduler would be measured;
//! hence this door, which is no part of the API and closed unless `bench-internals` is on.

use std::sync::Arc;

use serde_json::Value;

use crate::template::{EvalError, Expression, RootKind, RootValue, Template};

fn kind(names: &[(&str, bool)], name: &str) -> Option<RootKind> {
    let (_, step) = names.iter().find(|(known, _)| *known == name)?;
    Some(if *step { RootKind::Step } else { RootKind::Plain })
}

/// Compiles a template; `names` are its roots, and whether each is a step. What is returned wants
/// the roots' values in the order in which they first appear.
pub fn compile_template(
    value: &Value,
    names: &[(&str, bool)],
) -> Option<impl Fn(&[RootValue<'_>]) -> Result<Arc<Value>, String> + use<>> {
    let template = Template::compile(value, &|name| kind(names, name)).ok()?;
    Some(move |roots: &[RootValue<'_>]| template.evaluate(roots).map_err(said))
}

/// As [`compile_template`], for an expression.
pub fn compile_expression(
    value: &Value,
    names: &[(&str, bool)],
) -> Option<impl Fn(&[RootValue<'_>]) -> Result<Arc<Value>, String> + use<>> {
    let expression = Expression::compile(value, &|name| kind(names, name)).ok()?;
    Some(move |roots: &[RootValue<'_>]| expression.evaluate(roots).map_err(said))
}

#[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` takes")]
fn said(error: EvalError) -> String {
    error.to_string()
}
