//! Conditions of rows and edges, translated into the expression language.
//!
//! The forms: `true`, `false`, a path (`fetch.output.count`, true as JavaScript has it), an
//! expression, and `{eq|neq|gt|gte|lt|lte|in|contains: [path, value]}`, `{exists: path}`,
//! `{and|or: […]}`, `{not: …}`. A missing path makes a condition false, never an error.

use serde_json::Value;

use crate::diagnostic::{Code, Diagnostic, nearest};

use super::cursor::At;
use super::tree::{Node, Shape};

type Translated = Result<String, Box<Diagnostic>>;

const FORMS: [&str; 12] =
    ["eq", "neq", "gt", "gte", "lt", "lte", "in", "contains", "exists", "and", "or", "not"];

/// The condition as a literal or as one token.
pub(super) fn condition(at: &At<'_>) -> Result<Value, Box<Diagnostic>> {
    match &at.node.shape {
        Shape::Null => Ok(Value::Bool(true)),
        Shape::Bool(bool) => Ok(Value::Bool(*bool)),
        Shape::Text(text) if text.trim() == "true" => Ok(Value::Bool(true)),
        Shape::Text(text) if text.trim() == "false" => Ok(Value::Bool(false)),
        _ => Ok(Value::String(format!("{{{{ {} }}}}", form(at)?))),
    }
}

/// The expressions of several conditions that must all hold, as one token.
pub(super) fn all(conditions: &[Value]) -> Value {
    let inner = |value: &Value| match value {
        Value::String(token) => format!("({})", token.trim_start_matches("{{").trim_end_matches("}}").trim()),
        other => other.to_string(),
    };
    match conditions {
        [one] => one.clone(),
        many => {
            let parts: Vec<String> = many.iter().map(inner).collect();
            Value::String(format!("{{{{ {} }}}}", parts.join(" and ")))
        }
    }
}

fn form(at: &At<'_>) -> Translated {
    match &at.node.shape {
        Shape::Bool(bool) => Ok(bool.to_string()),
        Shape::Text(text) => Ok(truth(text)),
        Shape::Mapping(entries) => match &entries[..] {
            [entry] => operator(&entry.key, &at.child(entry)),
            _ => Err(unknown(at, format!("a condition has one operator, not {}", entries.len()))),
        },
        _ => Err(unknown(at, format!("a condition cannot be {}", at.node.word()))),
    }
}

fn operator(name: &str, at: &At<'_>) -> Translated {
    match name {
        "and" | "or" => {
            let Shape::List(items) = &at.node.shape else {
                return Err(unknown(at, format!("`{name}` needs a list of conditions")));
            };
            if items.is_empty() {
                return Ok((name == "and").to_string());
            }
            let parts: Vec<String> = at
                .items()
                .map(|item| form(&item).map(|part| format!("({part})")))
                .collect::<Result<_, _>>()?;
            Ok(parts.join(&format!(" {name} ")))
        }
        "not" => Ok(format!("not ({})", form(at)?)),
        "exists" => match at.node.as_text() {
            Some(path) => Ok(format!("{} is not none", value_of(path))),
            None => Err(unknown(at, "`exists` needs a path".to_owned())),
        },
        "eq" | "neq" | "gt" | "gte" | "lt" | "lte" | "in" | "contains" => {
            let Shape::List(items) = &at.node.shape else {
                return Err(unknown(at, format!("`{name}` needs a list of a path and a value")));
            };
            let [left, right] = &items[..] else {
                return Err(unknown(
                    at,
                    format!("`{name}` needs a path and a value, not {} things", items.len()),
                ));
            };
            compare(name, left, right)
                .ok_or_else(|| unknown(at, format!("the first item of `{name}` must be a path")))
        }
        _ => {
            let diagnostic = at.error(Code::BAD_VALUE, format!("`{name}` is not an operator of conditions"));
            Err(Box::new(match nearest(name, FORMS) {
                Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
                None => diagnostic.help(format!("there are `{}`", FORMS.join("`, `"))),
            }))
        }
    }
}

fn compare(name: &str, left: &Node, right: &Node) -> Option<String> {
    let path = left.as_text()?;
    let right = literal(right);
    let left = value_of(path);
    Some(match name {
        "eq" => format!("{left} == {right}"),
        "neq" => format!("{left} != {right}"),
        "in" => format!("{left} in {right}"),
        "contains" => format!("{right} in ({} | default([], true))", reference(path)),
        _ => {
            let sign = match name {
                "gt" => ">",
                "gte" => ">=",
                "lt" => "<",
                _ => "<=",
            };
            // only numbers have an order here; what is missing or text is never greater
            format!("{left} is number and {} {sign} {right}", reference(path))
        }
    })
}

fn unknown(at: &At<'_>, message: String) -> Box<Diagnostic> {
    Box::new(
        at.error(Code::BAD_VALUE, message).help("such as `{ gt: [\"fetch.count\", 3] }` or `\"fetch.ok\"`"),
    )
}

/// Text as a condition: the truth of a path, or an expression.
fn truth(text: &str) -> String {
    let inner = inner(text);
    match path(inner) {
        Some(path) => format!("{path} | default(none) | truthy"),
        None => inner.to_owned(),
    }
}

/// A path whose absence is null.
fn value_of(text: &str) -> String {
    format!("({} | default(none))", reference(text))
}

fn reference(text: &str) -> String {
    let inner = inner(text);
    path(inner).unwrap_or_else(|| format!("({inner})"))
}

/// What stands in the braces, if there are any.
fn inner(text: &str) -> &str {
    let text = text.trim();
    match text.strip_prefix("{{").and_then(|rest| rest.strip_suffix("}}")) {
        Some(inner) if !inner.contains("{{") => inner.trim(),
        _ => text,
    }
}

/// A dotted path, with indices in brackets: `a.0.b-c` becomes `a[0]["b-c"]`.
fn path(text: &str) -> Option<String> {
    let mut parts = text.split('.');
    let root = parts.next()?;
    let word = |part: &str| {
        part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'[' | b']'))
    };
    if root.is_empty() || root.starts_with(|c: char| c.is_ascii_digit()) || !word(root) {
        return None;
    }
    let mut path = root.to_owned();
    for part in parts {
        if part.is_empty() || !word(part) {
            return None;
        }
        if part.bytes().all(|b| b.is_ascii_digit()) {
            path.push_str(&format!("[{part}]"));
        } else if part.contains('-') {
            path.push_str(&format!("[{}]", Value::from(part)));
        } else {
            path.push('.');
            path.push_str(part);
        }
    }
    Some(path)
}

/// A value in the words of the expression language; text that is one token is its expression.
fn literal(node: &Node) -> String {
    match &node.shape {
        Shape::Null => "none".to_owned(),
        Shape::Text(text) if text.trim().starts_with("{{") => value_of(text),
        Shape::List(items) => format!("[{}]", items.iter().map(literal).collect::<Vec<_>>().join(", ")),
        Shape::Mapping(entries) => {
            let entry = |e: &super::tree::Entry| format!("{}: {}", Value::from(&*e.key), literal(&e.value));
            format!("{{{}}}", entries.iter().map(entry).collect::<Vec<_>>().join(", "))
        }
        _ => node.to_value().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::cursor::Path;
    use super::*;
    use serde_json::json;

    #[test]
    fn every_form_of_a_condition_has_its_expression() {
        let check = |form: Value, expected: &str| {
            let node = Node::from_value(&form).unwrap();
            let translated = condition(&At { node: &node, path: Path::ROOT });
            let shown = match translated {
                Ok(Value::String(text)) => text,
                Ok(other) => other.to_string(),
                Err(diagnostic) => format!("{}: {}", diagnostic.code, diagnostic.message),
            };
            assert_eq!(shown, expected, "{form}");
        };
        check(json!(null), "true");
        check(json!(false), "false");
        check(json!("true"), "true");
        check(json!("a.b"), "{{ a.b | default(none) | truthy }}");
        check(json!("{{ a.b }}"), "{{ a.b | default(none) | truthy }}");
        check(json!("a.0.b-c"), "{{ a[0][\"b-c\"] | default(none) | truthy }}");
        check(json!("{{ a.b > 3 }}"), "{{ a.b > 3 }}");
        check(json!("a.b > 3"), "{{ a.b > 3 }}");
        check(json!({ "eq": ["a.b", "x\"y"] }), "{{ (a.b | default(none)) == \"x\\\"y\" }}");
        check(json!({ "neq": ["a.b", null] }), "{{ (a.b | default(none)) != none }}");
        check(json!({ "gt": ["a.b", 5] }), "{{ (a.b | default(none)) is number and a.b > 5 }}");
        check(json!({ "gte": ["{{ a.b }}", 5] }), "{{ (a.b | default(none)) is number and a.b >= 5 }}");
        check(
            json!({ "lt": ["a.b", "{{ c.d }}"] }),
            "{{ (a.b | default(none)) is number and a.b < (c.d | default(none)) }}",
        );
        check(json!({ "lte": ["a.b", 1.5] }), "{{ (a.b | default(none)) is number and a.b <= 1.5 }}");
        check(json!({ "in": ["a.b", ["x", 1]] }), "{{ (a.b | default(none)) in [\"x\", 1] }}");
        check(
            json!({ "contains": ["a.b", { "k": true }] }),
            "{{ {\"k\": true} in (a.b | default([], true)) }}",
        );
        check(json!({ "exists": "a.b" }), "{{ (a.b | default(none)) is not none }}");
        check(
            json!({ "and": ["a", { "not": "b.c" }] }),
            "{{ (a | default(none) | truthy) and (not (b.c | default(none) | truthy)) }}",
        );
        check(json!({ "or": [true, { "eq": ["a", 1] }] }), "{{ (true) or ((a | default(none)) == 1) }}");
        check(json!({ "eqq": ["a", 1] }), "D009: `eqq` is not an operator of conditions");
        check(json!({ "eq": ["a"] }), "D009: `eq` needs a path and a value, not 1 things");
        check(json!({ "eq": 1 }), "D009: `eq` needs a list of a path and a value");
        check(json!({ "eq": [1, 1] }), "D009: the first item of `eq` must be a path");
        check(json!({ "eq": ["a", 1], "gt": ["a", 1] }), "D009: a condition has one operator, not 2");
        check(json!(7), "D009: a condition cannot be a number");
    }
}
