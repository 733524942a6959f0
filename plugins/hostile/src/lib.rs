//! Does what a plugin should not, so that tests see how a host stands it. It asks for nothing and
//! takes what it can.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;
use serde_json::Value;
use turbocat_pdk::agent::{Agent, Description};
use turbocat_pdk::wire::ManifestAgent;
use turbocat_pdk::{Context, Failure, Request, agent, plugin};

plugin! {
    agents: [
        panics, overflows, recurses, allocates, spins, floods_the_log, lies, not_json, reads_a_secret,
        sends_a_request, keeps_a_value, floods_the_output, fails_at_length,
    ],
    // Nothing is too long, so that only the limits of the host are met.
    limits: { time_ms: 600_000 },
}

/// Panics.
#[agent]
fn panics() -> Result<Value, Failure> {
    panic!("on purpose")
}

/// Reads past the end of a list.
#[agent]
fn overflows(inputs: Value) -> Result<Value, Failure> {
    let items = [1, 2, 3];
    let at = inputs["at"].as_u64().unwrap_or(3) as usize;
    Ok(items[at].into())
}

/// Calls itself for ever.
#[agent]
#[allow(unconditional_recursion, reason = "on purpose")]
fn recurses() -> Result<Value, Failure> {
    fn deeper(depth: u64) -> u64 {
        let here = std::hint::black_box([depth; 64]);
        deeper(depth + 1) + here[depth as usize % 64]
    }
    Ok(deeper(0).into())
}

/// Takes memory for ever.
#[agent]
fn allocates() -> Result<Value, Failure> {
    let mut hoard = Vec::new();
    loop {
        hoard.push(std::hint::black_box(vec![1u8; 1 << 20]));
    }
}

/// Never ends.
#[agent]
fn spins() -> Result<Value, Failure> {
    loop {
        std::hint::black_box(());
    }
}

/// Writes into the log for ever.
#[agent]
fn floods_the_log(cx: &Context) -> Result<Value, Failure> {
    let line = "x".repeat(64 << 10);
    loop {
        cx.info(&line);
    }
}

/// Answers with 256 MiB.
#[agent]
fn floods_the_output() -> Result<String, Failure> {
    Ok("x".repeat(256 << 20))
}

/// Fails with 8 MiB of message.
#[agent]
fn fails_at_length() -> Result<Value, Failure> {
    Err(Failure::error("x".repeat(8 << 20)))
}

/// Says that it answers with a number, and answers with a text.
#[agent]
fn lies() -> Result<Lie, Failure> {
    Ok(Lie)
}

struct Lie;

impl Serialize for Lie {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("forty-two")
    }
}

impl JsonSchema for Lie {
    fn schema_name() -> Cow<'static, str> {
        "Lie".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "integer" })
    }
}

/// Answers with something that is no JSON.
#[allow(non_camel_case_types, reason = "as the macro would name it")]
enum not_json {}

impl Agent for not_json {
    const CAPABILITIES: &'static [&'static str] = &[];

    fn describe() -> ManifestAgent {
        let description = Some("Answers with something that is no JSON.");
        let (input, output, config, max_concurrent) = (None, Value::Bool(true), None, None);
        Description {
            name: "not-json",
            export: "not_json",
            description,
            input,
            output,
            config,
            max_concurrent,
        }
        .into()
    }

    fn answer(_: &[u8], _: &Context) -> Result<Vec<u8>, Failure> {
        Ok(b"{ \"almost\": ".to_vec())
    }
}

/// Reads a secret that nobody granted, and would pass it on.
#[agent]
fn reads_a_secret(inputs: Value, cx: &Context) -> Result<String, Failure> {
    let name = inputs["name"].as_str().unwrap_or("KEY");
    // Whoever is denied gets no chance to go on.
    Ok(cx.secret(name).unwrap_or_else(|failure| format!("went on after: {failure}")))
}

/// Sends a request that nobody granted.
#[agent]
fn sends_a_request(inputs: Value, cx: &Context) -> Result<String, Failure> {
    let url = inputs["url"].as_str().unwrap_or("http://127.0.0.1:9/");
    let response = cx.http(Request::get(url));
    Ok(response.map_or_else(
        |failure| format!("went on after: {failure}"),
        |response| format!("went on after: {}", response.status()),
    ))
}

/// Keeps a value that nobody granted.
#[agent]
fn keeps_a_value(cx: &Context) -> Result<String, Failure> {
    cx.state().set("mine", &1)?;
    Ok("went on".to_owned())
}
