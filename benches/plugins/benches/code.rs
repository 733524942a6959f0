//! What an attempt of the `code` agent costs, from nothing to its result, against the same engine
//! compiled for this machine and against the same module in bare wasmtime.
//!
//! `cargo bench --features code --bench code`; `-- --quick` to see that everything works.

use std::env;
use std::time::{Duration, Instant};

use rquickjs::{Context, Function, Runtime};
use serde_json::{Value, json};
use turbocat_core::{AgentExecutor, AttemptRequest};
use turbocat_plugins::code::CodeAgent;
use turbocat_plugins::wasm::Plugins;

#[path = "code/bare.rs"]
mod bare;

const SUM: &str = "(inputs) => ({ sum: inputs.a + inputs.b })";
const TYPED: &str = "(inputs: { a: number; b: number }): { sum: number } => ({ sum: inputs.a + inputs.b })";
const FIB: &str = "(inputs) => { const fib = n => n < 2 ? n : fib(n - 1) + fib(n - 2); return fib(25) }";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let rounds = if env::args().any(|argument| argument == "--quick") { 20 } else { 2_000 };
    let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let cache = tempfile::tempdir()?;

    let begun = Instant::now();
    let plugins = Plugins::builder().cache_dir(cache.path()).build()?;
    let agent = tokio.block_on(CodeAgent::new(&plugins))?;
    let compiled = begun.elapsed();
    let begun = Instant::now();
    let again = Plugins::builder().cache_dir(cache.path()).build()?;
    tokio.block_on(CodeAgent::new(&again))?;
    println!("set up {compiled:?}, {:?} from the cache\n", begun.elapsed());

    let bare = bare::Bare::new()?;
    println!("{:<28} {:>10} {:>10} {:>10}", "median (p99)", "agent", "wasmtime", "QuickJS");
    for (name, language, code, native) in [
        ("sum, JavaScript", "javascript", SUM, SUM),
        ("sum, TypeScript", "typescript", TYPED, SUM),
        ("fib(25)", "javascript", FIB, FIB),
    ] {
        let rounds = if code == FIB { rounds.min(100) } else { rounds };
        let config = json!({ "language": language, "code": code });
        let request = AttemptRequest::new(json!({ "a": 1.5, "b": 2 })).with_config(config);
        let attempt = measure(rounds, || {
            let output = tokio.block_on(agent.execute(request.clone()));
            output.is_ok_and(|output| !output.value["returnValue"].is_null())
        });
        let wasmtime = measure(rounds, || bare.call(native).is_some_and(|report| report.contains("\"value\":")));
        let quickjs = measure(rounds, || engine(native).is_some_and(|value| !value.is_null()));
        println!("{name:<28} {:>10} {:>10} {:>10}", shown(attempt), shown(wasmtime), shown(quickjs));
        println!(
            "{:<28} {:>10} {:>10.2} {:>10.2}",
            "  agent : this",
            "",
            ratio(attempt, wasmtime),
            ratio(attempt, quickjs)
        );
    }
    Ok(())
}

/// The same with the engine compiled for this machine: made, used once, thrown away.
fn engine(code: &str) -> Option<Value> {
    let runtime = Runtime::new().ok()?;
    let context = Context::full(&runtime).ok()?;
    context.with(|ctx| {
        let function: Function<'_> = ctx.eval(code).ok()?;
        let inputs = ctx.json_parse(r#"{"a":1.5,"b":2}"#).ok()?;
        let value: rquickjs::Value<'_> = function.call((inputs,)).ok()?;
        let json = ctx.json_stringify(value).ok()??.to_string().ok()?;
        serde_json::from_str(&json).ok()
    })
}

/// Median and 99th percentile of a call that must succeed.
fn measure(rounds: usize, mut call: impl FnMut() -> bool) -> (Duration, Duration) {
    for _ in 0..rounds / 10 + 1 {
        assert!(call(), "the call fails");
    }
    let mut times: Vec<Duration> = (0..rounds)
        .map(|_| {
            let begun = Instant::now();
            assert!(call(), "the call fails");
            begun.elapsed()
        })
        .collect();
    times.sort_unstable();
    (times[rounds / 2], times[rounds * 99 / 100])
}

fn shown((median, p99): (Duration, Duration)) -> String {
    let micros = |time: Duration| time.as_secs_f64() * 1e6;
    format!("{:.1} ({:.0})", micros(median), micros(p99))
}

fn ratio(one: (Duration, Duration), other: (Duration, Duration)) -> f64 {
    one.0.as_secs_f64() / other.0.as_secs_f64()
}
