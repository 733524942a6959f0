//! Filters and tests: minijinja's, metered, and the ones that data needs besides.

#![expect(clippy::needless_pass_by_value, reason = "minijinja hands arguments over by value")]

use std::collections::BTreeMap;
use std::sync::OnceLock;

use minijinja::value::{Kwargs, Rest, Value as Dynamic, ValueKind, ValueOrKwargs};
use minijinja::{Environment, Error, ErrorKind, State, filters, tests};
use serde_json::Value;

use super::error::Fault;
use super::fuel::{self, LONGEST};
use super::operate::{Operator, items};
use super::view::{kind, lift_owned, plain_dynamic, to_json};

/// A filter or test.
#[derive(Clone, Debug)]
pub(super) struct Callable {
    pub(super) name: &'static str,
    function: Dynamic,
}

impl Callable {
    pub(super) fn call(&self, state: &mut State<'_, '_>, arguments: &[Dynamic]) -> Result<Dynamic, Fault> {
        self.function.call(state, arguments).map_err(|error| self.translate(&error, arguments))
    }

    /// What minijinja says, unless it quotes a value.
    fn translate(&self, error: &Error, arguments: &[Dynamic]) -> Fault {
        let name = self.name;
        let of = arguments.first().map_or("nothing", kind);
        let quotes = |detail: &str| {
            arguments.iter().any(|argument| match argument.kind() {
                ValueKind::String | ValueKind::Number => {
                    let text = argument.to_string();
                    !text.is_empty() && detail.contains(text.as_str())
                }
                ValueKind::Map | ValueKind::Seq | ValueKind::Iterable => detail.contains(['"', '[']),
                _ => false,
            })
        };
        match error.kind() {
            ErrorKind::TooManyArguments => Fault::new(format!("`{name}` was given too many arguments")),
            ErrorKind::MissingArgument => Fault::new(format!("`{name}` was given too few arguments")),
            ErrorKind::UndefinedError => Fault::new(format!("`{name}` met a value that is missing")),
            _ => match error.detail() {
                Some(detail) if !quotes(detail) => Fault::new(format!("`{name}` failed on {of}: {detail}")),
                _ => Fault::new(format!("`{name}` does not work with {of}")),
            },
        }
    }
}

/// The filter of a name.
pub(super) fn filter(name: &str) -> Option<Callable> {
    find(&library().filters, name)
}

/// The test of a name.
pub(super) fn test(name: &str) -> Option<Callable> {
    find(&library().tests, name)
}

/// The names of all filters.
pub(super) fn filter_names() -> impl Iterator<Item = &'static str> {
    library().filters.keys().copied()
}

/// The names of all tests.
pub(super) fn test_names() -> impl Iterator<Item = &'static str> {
    library().tests.keys().copied()
}

/// The environment in which filters find the filters and tests they are told by name.
pub(super) fn environment() -> &'static Environment<'static> {
    &library().environment
}

type Functions = BTreeMap<&'static str, Dynamic>;

struct Library {
    filters: Functions,
    tests: Functions,
    environment: Environment<'static>,
}

fn find(functions: &Functions, name: &str) -> Option<Callable> {
    functions.get_key_value(name).map(|(name, function)| Callable { name, function: function.clone() })
}

fn library() -> &'static Library {
    static LIBRARY: OnceLock<Library> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        let filters: Functions =
            builtin().into_iter().chain(own()).map(|(name, f)| (name, meter(f))).collect();
        let tests: Functions = all_tests().into_iter().collect();
        let mut environment = Environment::empty();
        environment.set_undefined_behavior(minijinja::UndefinedBehavior::Strict);
        for (name, function) in &filters {
            let function = function.clone();
            environment.add_filter(*name, move |state: &mut State<'_, '_>, args: Rest<ValueOrKwargs>| {
                function.call(state, &args.into_values())
            });
        }
        for (name, function) in &tests {
            let function = function.clone();
            environment.add_test(*name, move |state: &mut State<'_, '_>, args: Rest<ValueOrKwargs>| {
                function.call(state, &args.into_values()).map(|value| value.is_true())
            });
        }
        Library { filters, tests, environment }
    })
}

/// The same filter, paying for what it makes.
fn meter(function: Dynamic) -> Dynamic {
    Dynamic::from_function(
        move |state: &mut State<'_, '_>, args: Rest<ValueOrKwargs>| -> Result<Dynamic, Error> {
            let value = function.call(state, &args.into_values())?;
            fuel::of(state).burn_value(&value).map_err(|fault| fuel::smuggle(&fault))?;
            Ok(value)
        },
    )
}

macro_rules! functions {
    ($($name:literal = $function:expr),* $(,)?) => {
        vec![$(($name, Dynamic::from_function($function))),*]
    };
}

fn builtin() -> Vec<(&'static str, Dynamic)> {
    functions! {
        "abs" = filters::abs, "attr" = filters::attr, "capitalize" = filters::capitalize,
        "chain" = filters::chain, "count" = filters::length, "d" = filters::default,
        "default" = filters::default, "dictsort" = filters::dictsort, "e" = filters::escape,
        "escape" = filters::escape, "first" = filters::first, "float" = filters::float,
        "groupby" = filters::groupby, "int" = filters::int, "items" = filters::items,
        "last" = filters::last, "length" = filters::length, "lines" = filters::lines,
        "list" = filters::list, "lower" = filters::lower, "map" = filters::map,
        "max" = filters::max, "min" = filters::min, "reject" = filters::reject,
        "rejectattr" = filters::rejectattr, "reverse" = filters::reverse, "round" = filters::round,
        "select" = filters::select, "selectattr" = filters::selectattr, "sort" = filters::sort,
        "split" = filters::split, "title" = filters::title, "trim" = filters::trim,
        "unique" = filters::unique, "upper" = filters::upper, "zip" = filters::zip,
    }
}

fn own() -> Vec<(&'static str, Dynamic)> {
    functions! {
        "batch" = batch, "bool" = to_bool, "flatten" = flatten, "fromjson" = from_json,
        "join" = join, "keys" = keys, "replace" = replace, "string" = string, "sum" = sum,
        "tojson" = to_json_text, "truthy" = truthy, "urlencode" = url_encode, "values" = values,
    }
}

fn all_tests() -> Vec<(&'static str, Dynamic)> {
    functions! {
        "boolean" = tests::is_boolean, "defined" = tests::is_defined, "divisibleby" = tests::is_divisibleby,
        "endingwith" = tests::is_endingwith, "eq" = tests::is_eq, "equalto" = tests::is_eq,
        "even" = tests::is_even, "false" = tests::is_false, "float" = tests::is_float,
        "ge" = tests::is_ge, "greaterthan" = tests::is_gt, "gt" = tests::is_gt, "in" = tests::is_in,
        "integer" = tests::is_integer, "iterable" = tests::is_iterable, "le" = tests::is_le,
        "lessthan" = tests::is_lt, "lower" = tests::is_lower, "lt" = tests::is_lt,
        "mapping" = tests::is_mapping, "ne" = tests::is_ne, "none" = tests::is_none, "null" = tests::is_none,
        "number" = tests::is_number, "odd" = tests::is_odd, "sequence" = tests::is_sequence,
        "startingwith" = tests::is_startingwith, "string" = tests::is_string, "true" = tests::is_true,
        "truthy" = truthy, "undefined" = tests::is_undefined, "upper" = tests::is_upper,
    }
}

fn fail(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidOperation, message.into())
}

fn pass(fault: Fault) -> Error {
    fail(fault.message)
}

/// What JavaScript takes for true, except that what is missing is false, too.
pub(super) fn truthy(value: Dynamic) -> bool {
    match value.kind() {
        ValueKind::Undefined | ValueKind::None => false,
        ValueKind::Number => {
            f64::try_from(value.clone()).map_or_else(|_| value.is_true(), |n| n != 0.0 && !n.is_nan())
        }
        ValueKind::Bool | ValueKind::String => value.is_true(),
        _ => true,
    }
}

fn to_bool(value: &Dynamic) -> Result<bool, Error> {
    match (value.kind(), value.as_str()) {
        (ValueKind::None, _) => Ok(false),
        (ValueKind::Bool | ValueKind::Number, _) => Ok(value.is_true()),
        (_, Some("true" | "yes" | "on" | "1")) => Ok(true),
        (_, Some("false" | "no" | "off" | "0" | "")) => Ok(false),
        _ => Err(fail("only `true`, `yes`, `on`, `1` and their opposites are true or false")),
    }
}

fn string(value: &Dynamic) -> Result<String, Error> {
    plain_dynamic(value).map_err(pass)
}

fn keys(value: &Dynamic) -> Result<Vec<Dynamic>, Error> {
    match value.kind() {
        ValueKind::Map => Ok(value.try_iter()?.collect()),
        _ => Err(fail("only an object has keys")),
    }
}

fn values(value: &Dynamic) -> Result<Vec<Dynamic>, Error> {
    keys(value)?.iter().map(|key| value.get_item(key)).collect()
}

fn flatten(value: &Dynamic) -> Result<Vec<Dynamic>, Error> {
    let mut flat = Vec::new();
    for item in items(value).map_err(pass)? {
        match items(&item) {
            Ok(inner) => flat.extend(inner),
            Err(_) => flat.push(item),
        }
    }
    Ok(flat)
}

fn batch(value: &Dynamic, size: usize) -> Result<Vec<Dynamic>, Error> {
    if size == 0 {
        return Err(fail("a batch needs at least one item"));
    }
    let all: Vec<Dynamic> = items(value).map_err(pass)?.collect();
    Ok(all.chunks(size.min(LONGEST)).map(Dynamic::from).collect())
}

fn join(
    state: &mut State<'_, '_>,
    value: &Dynamic,
    joiner: Option<&str>,
    options: Kwargs,
) -> Result<String, Error> {
    let attribute: Option<String> = options.get("attribute")?;
    options.assert_all_used()?;
    let joiner = joiner.unwrap_or_default();
    let mut text = String::new();
    for (at, item) in items(value).map_err(pass)?.enumerate() {
        let item = match &attribute {
            Some(name) => item.get_attr(name)?,
            None => item,
        };
        let part = plain_dynamic(&item).map_err(pass)?;
        let joiner = if at == 0 { "" } else { joiner };
        fuel::of(state).burn_text(joiner.len() + part.len()).map_err(|fault| fuel::smuggle(&fault))?;
        text.push_str(joiner);
        text.push_str(&part);
    }
    Ok(text)
}

fn replace(state: &mut State<'_, '_>, text: &str, from: &str, to: &str) -> Result<String, Error> {
    if from.is_empty() {
        return Err(fail("there must be something to replace"));
    }
    let length = text.matches(from).count().saturating_mul(to.len()).saturating_add(text.len());
    fuel::of(state).burn_text(length).map_err(|fault| fuel::smuggle(&fault))?;
    Ok(text.replace(from, to))
}

fn sum(value: &Dynamic, options: Kwargs) -> Result<Dynamic, Error> {
    let attribute: Option<String> = options.get("attribute")?;
    let start: Option<Dynamic> = options.get("start")?;
    options.assert_all_used()?;
    let mut total = start.unwrap_or_else(|| Dynamic::from(0));
    for item in items(value).map_err(pass)? {
        let item = match &attribute {
            Some(name) => item.get_attr(name)?,
            None => item,
        };
        if total.kind() != ValueKind::Number || item.kind() != ValueKind::Number {
            return Err(fail(format!("only numbers have a sum, not {}", kind(&item))));
        }
        total = Operator::Add.apply(&total, &item, &mut fuel::Fuel::default()).map_err(pass)?;
    }
    Ok(total)
}

fn from_json(text: &str) -> Result<Dynamic, Error> {
    match serde_json::from_str::<Value>(text) {
        Ok(value) => Ok(lift_owned(value)),
        Err(error) => Err(fail(format!("no JSON at line {}, column {}", error.line(), error.column()))),
    }
}

fn to_json_text(value: &Dynamic, options: Kwargs) -> Result<String, Error> {
    let indent: Option<bool> = options.get("indent")?;
    options.assert_all_used()?;
    let value = to_json(value).map_err(pass)?;
    let text = match indent {
        Some(true) => serde_json::to_string_pretty(&value),
        _ => serde_json::to_string(&value),
    };
    text.map_err(|_| fail("the value has no JSON text"))
}

fn url_encode(value: &Dynamic) -> Result<String, Error> {
    use std::fmt::Write;
    let text = plain_dynamic(value).map_err(pass)?;
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    Ok(encoded)
}
