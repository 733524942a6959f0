//! A filter of jq as an operation.

use std::sync::Arc;
use std::time::Duration;

use jaq_core::{Ctx, Vars};
use serde_json::Value;
use turbocat_core::BadConfig;

use super::arithmetic::Error;
use super::compile::{Program, compile};
use super::context::{Bounded, Carried};
use super::limits::{Charge, Limits, Stopped, within};
use super::value::Jv;
use crate::data::fault::{Fault, Outcome};
use crate::data::meter::Meter;
use crate::data::rows::Data;
use crate::data::settings::{Setting, Settings};
use crate::data::thread::with_room;

/// How long a filter may take, unless its configuration says otherwise.
const TIME_MS: u64 = 10_000;

/// How much memory its values may have, unless its configuration says otherwise.
const MEMORY_MB: u64 = 256;

/// How long a message may be: it may quote values.
const LONGEST_MESSAGE: usize = 700;

/// What becomes of the values that a filter gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outputs {
    /// There must be exactly one.
    One,
    /// A list of all.
    All,
    /// The first; null if there is none.
    First,
}

/// A filter with its variables and limits.
#[derive(Debug)]
pub(in crate::data) struct Jq<'c> {
    program: Arc<Program>,
    arguments: Vec<&'c Value>,
    outputs: Outputs,
    time: Duration,
    memory: usize,
}

impl<'c> Jq<'c> {
    /// Reads the settings of the operation.
    pub(in crate::data) fn read(settings: &Settings<'c, '_>) -> Option<Self> {
        settings.need("filter", "`jq`");
        let words = [("one", Outputs::One), ("all", Outputs::All), ("first", Outputs::First)];
        let outputs = settings.word("outputs", &words);
        let time = settings.whole("timeoutMs", 1, TIME_MS);
        let memory = settings.whole("maxMemoryMb", 1, MEMORY_MB);
        let members = match settings.given("args") {
            Some(setting) => setting.members()?,
            None if settings.has("args") => return None,
            None => Vec::new(),
        };
        let (names, arguments): (Vec<_>, Vec<_>) =
            members.into_iter().map(|(name, setting)| (name.to_owned(), setting.value)).unzip();
        let program = program(&settings.given("filter")?, &names)?;
        let memory = usize::try_from(memory?).unwrap_or(usize::MAX).saturating_mul(1 << 20);
        Some(Self { program, arguments, outputs: outputs?, time: Duration::from_millis(time?), memory })
    }

    /// A filter by itself.
    pub(in crate::data) fn of_text(setting: &Setting<'c, '_>) -> Option<Self> {
        let program = program(setting, &[])?;
        let (time, memory) = (Duration::from_millis(TIME_MS), (MEMORY_MB as usize) << 20);
        Some(Self { program, arguments: Vec::new(), outputs: Outputs::One, time, memory })
    }

    /// Evaluates the filter with the data as its input.
    pub(in crate::data) fn apply<'a>(&self, data: Data<'a>, meter: &Meter) -> Outcome<Data<'a>> {
        let input = data.into_value(meter)?;
        let max_items = meter.max_items();
        let max_bytes = meter.max_bytes();
        let stop = meter.stop().clone();
        let evaluate = || {
            let meter = Meter::new(stop, max_items, max_bytes);
            self.evaluate(&input, &meter)
        };
        let value = with_room(evaluate)
            .map_err(|error| Fault::limit(format!("no thread could be started: {error}")))??;
        Ok(Data::from(value))
    }

    fn evaluate(&self, input: &Value, meter: &Meter) -> Outcome<Value> {
        let limits = Limits { time: self.time, memory: self.memory, stop: meter.stop().clone() };
        let done = within(&limits, || {
            let Program(filter) = &*self.program;
            let variables = Vars::new(self.arguments.iter().map(|value| Jv::from(*value)));
            let context = Ctx::<Bounded>::new(Carried::new(&filter.lut), variables);
            let mut outputs = filter.id.run((context, Jv::from(input))).map(|output| match output {
                Ok(value) => Ok(value),
                Err(exception) => Err(exception
                    .get_err()
                    .map_or_else(|_| Fault::input("the filter cannot end the program"), failed)),
            });
            let mut paid = Charge::new(0);
            match self.outputs {
                Outputs::First => outputs.next().transpose()?.unwrap_or_default().to_json(meter, &mut paid),
                Outputs::All => {
                    let mut all = Vec::new();
                    for output in outputs {
                        all.push(output?.to_json(meter, &mut paid)?);
                        meter.items(all.len())?;
                    }
                    Ok(Value::Array(all))
                }
                Outputs::One => {
                    let only = outputs.next().transpose()?.ok_or_else(|| not_one("none"))?;
                    match outputs.next().transpose()? {
                        None => only.to_json(meter, &mut paid),
                        Some(_) => Err(not_one("several")),
                    }
                }
            }
        });
        done.unwrap_or_else(|why| Err(self.stopped(why)))
    }

    fn stopped(&self, why: Stopped) -> Fault {
        Fault::limit(match why {
            Stopped::Time => {
                let time = self.time.as_millis();
                format!("the filter takes longer than {time} ms; help: raise `timeoutMs`, or ask for less")
            }
            Stopped::Memory => {
                let memory = self.memory >> 20;
                format!("the filter needs more than {memory} MB; help: raise `maxMemoryMb`, or ask for less")
            }
            Stopped::Recursion => "the filter calls itself too often within itself".to_owned(),
            Stopped::Depth => "the filter makes a value that is nested too deep".to_owned(),
            Stopped::Cancelled => "the attempt was stopped".to_owned(),
        })
    }
}

fn program(setting: &Setting<'_, '_>, names: &[String]) -> Option<Arc<Program>> {
    let text = setting.text()?;
    match compile(text, names) {
        Ok(program) => Some(program),
        Err(mistake) => {
            let mut bad =
                BadConfig::at(setting.at.clone(), format!("the filter is wrong: {}", mistake.message));
            bad.help = mistake.help;
            setting.findings().add(bad);
            None
        }
    }
}

fn not_one(found: &str) -> Fault {
    Fault::output(format!(
        "the filter gives {found} where one value is wanted; help: collect them by `[ … ]`, or say `outputs: all` or `outputs: first`"
    ))
}

/// The message of an error. It may be a text of the filter's own, of any length.
fn failed(error: Error) -> Fault {
    let message = match error.into_val() {
        Jv::Text(text) if text.text.len() > LONGEST_MESSAGE => {
            let end = text.text.floor_char_boundary(LONGEST_MESSAGE);
            format!("{}…", text.text.get(..end).unwrap_or_default())
        }
        Jv::Text(text) => text.text.clone().into_string(),
        value => value.to_string(),
    };
    Fault::input(format!("the filter failed: {message}"))
}
