//! Doing the work: which data, one operation after the other, and what is said of it.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use serde_json::{Map, Value};
use turbocat_core::{BadConfig, StepFailure};

use super::config::Work;
use super::fault::{Fault, Outcome};
use super::meter::{Meter, weigh};
use super::rows::{Data, count};
use super::settings::Findings;

/// So many values are worked through at once without anybody noticing; more of them get a thread.
const LIGHT: usize = 5_000;

/// Whether a call should have a thread of its own.
pub(super) fn is_heavy(inputs: &Value, config: &Value) -> bool {
    weigh(inputs, LIGHT) >= LIGHT || weigh(config, LIGHT) >= LIGHT || mentions_jq(config)
}

fn mentions_jq(config: &Value) -> bool {
    let is_jq = |holder: &Value| holder.get("operation").and_then(Value::as_str) == Some("jq");
    let steps = config.get("pipeline").and_then(Value::as_array).into_iter().flatten();
    is_jq(config) || steps.into_iter().any(is_jq)
}

/// What is wrong with a configuration as written.
pub(super) fn check(config: &Value) -> Vec<BadConfig> {
    let findings = Findings::as_written();
    Work::read(config, &findings);
    findings.into_list()
}

/// Does what a configuration says with the inputs.
pub(super) fn perform(
    inputs: Arc<Value>,
    config: &Value,
    stop: Arc<AtomicBool>,
) -> Result<Value, StepFailure> {
    if config.is_null() {
        return Err(Fault::input("the configuration is missing").into());
    }
    let findings = Findings::default();
    let work = Work::read(config, &findings);
    let found = findings.into_list();
    let Some(work) = work.filter(|_| found.is_empty()) else { return Err(refused(&found)) };
    let meter = Meter::new(stop, work.max_items, work.max_bytes);
    work.perform(inputs, &meter).map_err(StepFailure::from)
}

/// A configuration that cannot be followed.
fn refused(found: &[BadConfig]) -> StepFailure {
    let sentences = found.iter().map(|bad| {
        let name = bad.message.strip_prefix("unknown operation `").filter(|_| is_operation(&bad.at));
        let message = match name {
            Some(name) => format!("Unknown operation: {}", name.trim_end_matches('`')),
            None => bad.message.clone(),
        };
        match &bad.help {
            Some(help) => format!("{message}; help: {help}"),
            None => message,
        }
    });
    let sentences: Vec<String> = sentences.collect();
    let places: Value = found.iter().map(|bad| bad.at.as_str()).collect();
    StepFailure::from(Fault::input(sentences.join("; "))).detail(places)
}

fn is_operation(at: &str) -> bool {
    at == "/operation" || (at.starts_with("/pipeline/") && at.matches('/').count() == 3)
}

impl Work<'_> {
    fn perform(&self, inputs: Arc<Value>, meter: &Meter) -> Outcome<Value> {
        let picked = pick(&inputs, self.input_field, self.source)?;
        let original = picked.of(&inputs);
        let input_count = count(original);
        if let Value::Array(items) = original {
            meter.items(items.len())?;
        }
        let mut data = Data::from(original);
        for (_, operation) in &self.operations {
            data = operation.apply(data, meter)?;
        }
        meter.look()?;
        meter.anew();
        data.measure(meter)?;
        let output_count = data.count();
        let result = self.format.apply(data.into_value(meter)?, meter)?;
        if let Some(promise) = &self.promise {
            promise.hold(&result)?;
        }
        let mut output = Map::with_capacity(5);
        output.insert("result".to_owned(), result);
        if self.keep_original {
            output.insert("originalData".to_owned(), picked.take(inputs));
        }
        output.insert("inputCount".to_owned(), input_count.into());
        output.insert("outputCount".to_owned(), output_count.into());
        let names = self.operations.iter().map(|(name, _)| name.text()).collect();
        output.insert("operationsPerformed".to_owned(), names);
        Ok(Value::Object(output))
    }
}

/// Where the data are.
enum Picked<'c> {
    /// In the configuration.
    Source(&'c Value),
    /// All of the inputs.
    Whole,
    Input(&'c str),
}

/// The source if there is one; the input of that name; else the first of the usual names that is
/// not empty; else all inputs.
fn pick<'c>(inputs: &Value, field: &'c str, source: Option<&'c Value>) -> Outcome<Picked<'c>> {
    if let Some(source) = source {
        return Ok(Picked::Source(source));
    }
    let Value::Object(fields) = inputs else {
        return if inputs.is_null() { Err(Fault::input("inputs are required")) } else { Ok(Picked::Whole) };
    };
    if fields.contains_key(field) {
        return Ok(Picked::Input(field));
    }
    let mut usual = ["data", "items", "input"].into_iter();
    let found = usual.find(|name| fields.get(*name).is_some_and(super::operator::truthy));
    Ok(found.map_or(Picked::Whole, Picked::Input))
}

impl<'c> Picked<'c> {
    fn of<'a>(&self, inputs: &'a Value) -> &'a Value
    where
        'c: 'a,
    {
        static NULL: Value = Value::Null;
        match self {
            Self::Source(source) => source,
            Self::Whole => inputs,
            Self::Input(name) => inputs.get(*name).unwrap_or(&NULL),
        }
    }

    /// The data themselves: moved out of the inputs if nobody else has them, else copied.
    fn take(&self, inputs: Arc<Value>) -> Value {
        match (self, Arc::try_unwrap(inputs)) {
            (Self::Source(source), _) => (*source).clone(),
            (Self::Whole, Ok(inputs)) => inputs,
            (Self::Input(name), Ok(mut inputs)) => inputs.get_mut(*name).map(Value::take).unwrap_or_default(),
            (_, Err(shared)) => self.of(&shared).clone(),
        }
    }
}
