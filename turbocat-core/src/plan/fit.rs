//! Whether what a definition gives fits what an agent or a workflow takes, as far as it can be
//! seen: text with a template in it may become anything.

use std::sync::Arc;

use jsonschema::Validator;
use jsonschema::error::{TypeKind, ValidationErrorKind};
use serde_json::{Map, Value};

use super::bind::Binder;
use super::finding::{Finding, Mark};
use super::schema::shape_of;
use crate::catalog::AgentDescription;
use crate::diagnostic::{Code, Diagnostic, Pointer, Segment};

/// Who is given inputs.
#[derive(Clone, Copy)]
pub(crate) enum Taker<'n> {
    Agent(&'n str),
    Workflow(&'n str),
}

impl Taker<'_> {
    const fn name(&self) -> &str {
        match self {
            Self::Agent(name) | Self::Workflow(name) => name,
        }
    }

    const fn word(&self) -> &'static str {
        match self {
            Self::Agent(_) => "agent",
            Self::Workflow(_) => "workflow",
        }
    }
}

fn validator(
    binder: &mut Binder<'_>,
    word: &'static str,
    name: &str,
    schema: &Value,
) -> Option<Arc<Validator>> {
    if let Some(known) = binder.validators.get(&(word, name.to_owned())) {
        return known.clone();
    }
    let made = jsonschema::validator_for(schema).ok().map(Arc::new);
    binder.validators.insert((word, name.to_owned()), made.clone());
    made
}

/// Checks the inputs of a step against what is taken.
pub(crate) fn check_inputs(
    binder: &mut Binder<'_>,
    index: u32,
    taker: Taker<'_>,
    inputs: Option<&Value>,
    schema: &Value,
) {
    let nothing = Value::Object(Map::new());
    let given = match inputs {
        None => &nothing,
        Some(given @ Value::Object(_)) => given,
        Some(_) => return,
    };
    let pointer = binder.layout.pointer(index);
    let key = &binder.layout.steps[index as usize].step.key;
    let (word, name) = (taker.word(), taker.name());
    let takes =
        |diagnostic: Diagnostic| diagnostic.label(format!("{name} takes {}", shape_of(schema, schema)));
    let at = if inputs.is_some() { pointer.join("inputs") } else { pointer.clone() };
    let properties = schema.get("properties").and_then(Value::as_object);
    // an execution fills defaults in, an agent's types do so themselves
    let has_default =
        |name: &str| properties.and_then(|all| all.get(name)).is_some_and(|one| one.get("default").is_some());
    let required = schema.get("required").and_then(Value::as_array);
    let mut missing = Vec::new();
    for name in required.into_iter().flatten().filter_map(Value::as_str) {
        if given.get(name).is_none() && !has_default(name) {
            missing.push(name);
        }
    }
    let closed = schema.get("additionalProperties") == Some(&Value::Bool(false));
    if let (Some(properties), true, Some(given)) = (properties, closed, given.as_object()) {
        for unknown in given.keys().filter(|name| !properties.contains_key(*name)) {
            let message = format!("{word} `{name}` does not take `{unknown}`");
            let at = pointer.join("inputs").join(&**unknown);
            let mut diagnostic = takes(Diagnostic::error(Code::UNKNOWN_INPUT, at, message))
                .suggest(unknown, properties.keys().map(String::as_str));
            diagnostic.help.get_or_insert_with(|| "take it out: it takes nothing".to_owned());
            binder.found.push(Finding { diagnostic, mark: Mark::Key((&**unknown).into()) });
        }
    }
    for missed in missing {
        let message = format!("step `{key}` does not give `{missed}`, which {word} `{name}` requires");
        let diagnostic = takes(Diagnostic::error(Code::MISSING_INPUT, at.clone(), message))
            .help(format!("add `{missed}` under `inputs`"));
        binder.found.push(diagnostic);
    }
    let Some(validator) = validator(binder, word, name, schema) else { return };
    for (path, message) in mistakes(&validator, given) {
        let at = down(&pointer.join("inputs"), &path);
        let what = shown(&path, "inputs");
        let diagnostic =
            Diagnostic::error(Code::BAD_INPUT, at, format!("{what} does not fit {word} `{name}`: {message}"))
                .help(format!("change it to what `{name}` takes, or compute it: \"{{{{ … }}}}\""));
        binder.found.push(diagnostic);
    }
}

/// Checks the configuration of a step: by its schema, and by the agent itself.
pub(crate) fn check_config(
    binder: &mut Binder<'_>,
    index: u32,
    agent: &str,
    description: &AgentDescription,
    config: &Value,
    own: &Map<String, Value>,
    named: Option<&str>,
) {
    let layout = binder.layout;
    let key = &layout.steps[index as usize].step.key;
    // a key stands where it was written last: in the step, else in the named agent
    let place = |path: &[Segment], first: Option<&str>| {
        let inherited = first.map_or(own.is_empty(), |first| !own.contains_key(first));
        match named {
            Some(named) if inherited => {
                down(&Pointer::root().join("agents").join(named).join("config"), path)
            }
            _ => down(&layout.pointer(index).join("config"), path),
        }
    };
    if let Some(schema) = &description.config
        && let Some(validator) = validator(binder, "config", agent, schema)
    {
        for (path, message) in mistakes(&validator, config) {
            let first = match path.first() {
                Some(Segment::Key(key)) => Some(&**key),
                _ => None,
            };
            let what = shown(&path, "the configuration");
            let message = format!("step `{key}`: {what} does not fit agent `{agent}`: {message}");
            let diagnostic = Diagnostic::error(Code::BAD_CONFIG, place(&path, first), message)
                .label(format!("{agent} takes {}", shape_of(schema, schema)))
                .help("change it to what the agent takes");
            binder.found.push(diagnostic);
        }
        let takes =
            |diagnostic: Diagnostic| diagnostic.label(format!("{agent} takes {}", shape_of(schema, schema)));
        let properties = schema.get("properties").and_then(Value::as_object);
        let closed = schema.get("additionalProperties") == Some(&Value::Bool(false));
        if let (Some(properties), true, Some(given)) = (properties, closed, config.as_object()) {
            for unknown in given.keys().filter(|name| !properties.contains_key(*name)) {
                let message = format!("step `{key}`: agent `{agent}` has no setting `{unknown}`");
                let at = place(&[Segment::from(&**unknown)], Some(unknown));
                let mut diagnostic = takes(Diagnostic::error(Code::BAD_CONFIG, at, message))
                    .suggest(unknown, properties.keys().map(String::as_str));
                diagnostic.help.get_or_insert_with(|| "take it out: there are no settings".to_owned());
                binder.found.push(Finding { diagnostic, mark: Mark::Key((&**unknown).into()) });
            }
        }
        let required = schema.get("required").and_then(Value::as_array);
        for missed in required.into_iter().flatten().filter_map(Value::as_str) {
            if config.get(missed).is_none() {
                let message = format!("step `{key}`: agent `{agent}` needs the setting `{missed}`");
                let diagnostic = takes(Diagnostic::error(Code::BAD_CONFIG, place(&[], None), message))
                    .help(format!("add `{missed}` under `config`"));
                binder.found.push(diagnostic);
            }
        }
    }
    for bad in binder.catalog.check_config(agent, config) {
        // the place may be too deep, or made up: as far as it is there
        let there = |path: &Segment, value: &mut &Value| {
            let next = match path {
                Segment::Key(key) => value.get(&**key),
                Segment::Index(index) => value.get(*index),
            };
            next.map(|next| *value = next).is_some()
        };
        let mut value = config;
        let path = segments(&bad.at);
        let path: Vec<Segment> = path.into_iter().take_while(|path| there(path, &mut value)).collect();
        let first = match path.first() {
            Some(Segment::Key(key)) => Some(&**key),
            _ => None,
        };
        let message = format!("step `{key}`: agent `{agent}` refuses its configuration: {}", bad.message);
        let help = bad.help.unwrap_or_else(|| match path.is_empty() {
            true => "settings of the agent stand under `config`".to_owned(),
            false => format!("change `{}`", Pointer(path.clone())),
        });
        binder.found.push(Diagnostic::error(Code::BAD_CONFIG, place(&path, first), message).help(help));
    }
}

/// What is certainly wrong with a value that has templates in it.
fn mistakes(validator: &Validator, value: &Value) -> Vec<(Vec<Segment>, String)> {
    let mut found = Vec::new();
    for error in validator.iter_errors(value) {
        let path = error.instance_path().as_str();
        let Some(at) = value.pointer(path) else { continue };
        let top = path.is_empty();
        let certain = match error.kind() {
            // at the top these are told apart, and with more to it
            ValidationErrorKind::Required { .. } | ValidationErrorKind::AdditionalProperties { .. } => !top,
            // a text with a template can become anything, a list or an object stays what it is
            ValidationErrorKind::Type { .. } => !at.is_string() || !has_template(at),
            _ => !has_template(at),
        };
        if certain {
            found.push((segments(path), sentence(&error, at)));
        }
    }
    found
}

/// What a value should have been, without the value: it may be long, and it is marked anyway.
fn sentence(error: &jsonschema::ValidationError<'_>, at: &Value) -> String {
    match error.kind() {
        ValidationErrorKind::Type { kind } => {
            let wanted = match kind {
                TypeKind::Single(one) => one.to_string(),
                TypeKind::Multiple(many) => {
                    many.iter().map(|one| one.to_string()).collect::<Vec<_>>().join(" or ")
                }
            };
            format!("it must be of type {wanted}, not {}", super::moment::word(at))
        }
        _ => error.to_string(),
    }
}

fn has_template(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains("{{"),
        Value::Array(list) => list.iter().any(has_template),
        Value::Object(map) => map.values().any(has_template),
        _ => false,
    }
}

fn segments(path: &str) -> Vec<Segment> {
    let unescape = |part: &str| part.replace("~1", "/").replace("~0", "~");
    path.split('/')
        .skip(1)
        .map(|part| part.parse::<usize>().map_or_else(|_| Segment::from(&*unescape(part)), Segment::from))
        .collect()
}

fn down(pointer: &Pointer, path: &[Segment]) -> Pointer {
    Pointer(pointer.0.iter().chain(path).cloned().collect())
}

fn shown(path: &[Segment], whole: &str) -> String {
    if path.is_empty() { whole.to_owned() } else { format!("`{}`", Pointer(path.to_vec())) }
}
