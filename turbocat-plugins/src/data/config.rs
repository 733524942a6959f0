//! The configuration of a `data` step as a whole.

use serde_json::{Map, Value};

use super::format::Format;
use super::meter::{BYTES, ITEMS};
use super::operation::{Name, Operation};
use super::settings::{Findings, Setting, Settings};
use super::transformation;
use super::validate::Promise;

/// What is to be done with which data.
#[derive(Debug)]
pub(super) struct Work<'c> {
    /// What the data are, if not an input.
    pub(super) source: Option<&'c Value>,
    pub(super) input_field: &'c str,
    /// The operations by name, in their order.
    pub(super) operations: Vec<(Name, Operation<'c>)>,
    pub(super) format: Format,
    pub(super) promise: Option<Promise>,
    pub(super) keep_original: bool,
    pub(super) max_items: u64,
    pub(super) max_bytes: u64,
}

/// All settings at the top.
pub(super) const SETTINGS: [&str; 13] = [
    "operation",
    "operationConfig",
    "pipeline",
    "inputField",
    "outputField",
    "source",
    "transformation",
    "outputFormat",
    "validateOutput",
    "outputSchema",
    "keepOriginal",
    "maxItems",
    "maxBytes",
];

impl<'c> Work<'c> {
    /// Reads a configuration. `None`: something is wrong with it, or not known yet.
    pub(super) fn read(config: &'c Value, findings: &Findings) -> Option<Self> {
        let settings = Settings::read(config, "", "`data`", &SETTINGS, findings)?;
        let operations = operations(&settings, findings);
        let format = settings.word("outputFormat", &Format::ALL);
        let promise = promise(&settings);
        let keep_original = settings.flag("keepOriginal", true);
        let max_items = settings.whole("maxItems", 1, ITEMS);
        let max_bytes = settings.whole("maxBytes", 1, BYTES);
        let output_field = !settings.has("outputField") || settings.text("outputField").is_some();
        let input_field = if settings.has("inputField") { settings.text("inputField") } else { Some("data") };
        if !output_field {
            return None;
        }
        Some(Self {
            source: settings.raw("source").filter(|source| !source.is_null()),
            input_field: input_field?,
            operations: operations?,
            format: format?,
            promise: promise?,
            keep_original: keep_original?,
            max_items: max_items?,
            max_bytes: max_bytes?,
        })
    }
}

fn operations<'c>(settings: &Settings<'c, '_>, findings: &Findings) -> Option<Vec<(Name, Operation<'c>)>> {
    if settings.has("pipeline") {
        let steps = settings.list("pipeline")?;
        if !steps.is_empty() {
            let read: Vec<_> = steps.iter().map(step).collect();
            return read.into_iter().collect();
        }
    }
    if !settings.has("operation") {
        for alone in ["operationConfig", "transformation"] {
            if settings.has(alone) {
                settings.bad(alone, format!("`{alone}` needs the setting `operation`"));
                return None;
            }
        }
        return Some(Vec::new());
    }
    let name = settings.given("operation")?.word(&Name::ALL)?;
    if !settings.has("transformation") {
        let config = of(settings, "operationConfig", findings);
        return Some(vec![(name, Operation::read(name, &config)?)]);
    }
    if settings.raw("operationConfig").and_then(Value::as_object).is_some_and(|given| !given.is_empty()) {
        settings.bad("transformation", "give `operationConfig` or `transformation`, not both");
        return None;
    }
    transformation::read(name, &settings.given("transformation")?).map(|operation| vec![(name, operation)])
}

fn step<'c>(setting: &Setting<'c, '_>) -> Option<(Name, Operation<'c>)> {
    let settings = setting.settings("a step of `pipeline`", &["operation", "config", "operationConfig"])?;
    settings.need("operation", "a step of `pipeline`");
    if settings.has("config") && settings.has("operationConfig") {
        settings.bad("operationConfig", "give `config` or `operationConfig`, not both");
        return None;
    }
    let key = if settings.has("operationConfig") { "operationConfig" } else { "config" };
    let name = settings.given("operation")?.word(&Name::ALL)?;
    Some((name, Operation::read(name, &of(&settings, key, setting.findings()))?))
}

/// The settings of an operation; none of them if it is not told any.
fn of<'c, 'f>(settings: &Settings<'c, '_>, name: &'f str, findings: &'f Findings) -> Setting<'c, 'f> {
    static NOTHING: std::sync::LazyLock<Value> = std::sync::LazyLock::new(|| Value::Object(Map::new()));
    let value = settings.raw(name).filter(|value| !value.is_null()).unwrap_or(&NOTHING);
    Setting::new(name, value, settings.place(name), findings)
}

fn promise(settings: &Settings<'_, '_>) -> Option<Option<Promise>> {
    let validate = settings.flag("validateOutput", false);
    if !settings.has("outputSchema") {
        return validate.map(|_| None);
    }
    let schema = settings.given("outputSchema")?;
    if !schema.value.is_object() {
        return schema.must_be("an object");
    }
    let promise = Promise::read(schema.value).map_err(|message| schema.bad(message)).ok();
    Some(if validate? { Some(promise?) } else { None })
}
