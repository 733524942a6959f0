//! What a call of a plugin costs, against the same module in bare wasmtime and, with the feature
//! `official`, on the official runtime.
//!
//! `cargo bench --bench plugins`, `-- --quick` to see that everything works.

use std::env;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};
use turbocat_core::{AgentExecutor, AttemptRequest, Engine, Workflow};
use turbocat_plugin_benches::{Figure, Floor, PLAIN, side_by_side};
use turbocat_plugins::wasm::{Grants, Manifest, Plugin, Plugins, Source};

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> Outcome<()> {
    let rounds = if env::args().any(|argument| argument == "--quick") { 100 } else { 20_000 };
    let tokio = Builder::new_current_thread().enable_all().build()?;
    let plugins = Plugins::builder().build()?;
    let plugin = tokio.block_on(plugins.load(Source::bytes("plain", PLAIN), Grants::none()))?;
    calls(&tokio, &plugin, rounds)?;
    #[cfg(feature = "official")]
    official(&tokio, &plugin, rounds / 5 + 1)?;
    threads(&plugin, rounds)?;
    starts(&tokio, rounds.min(50))?;
    cancels(&tokio, &plugins, rounds.min(500))?;
    kept(&tokio, rounds.min(1000))
}

fn agent(plugin: &Plugin, name: &str) -> Outcome<Arc<dyn AgentExecutor>> {
    let found = plugin.agents().into_iter().find(|(known, _)| known == name);
    Ok(found.ok_or("there is no such agent")?.1)
}

fn inputs() -> [(&'static str, &'static str, Value); 3] {
    let stories: Vec<Value> = (0..10)
        .map(|at| json!({ "id": at, "title": "a story of some length, as they are", "score": 1.5 }))
        .collect();
    let many: Vec<Value> = (0..85).map(|_| json!(stories)).collect();
    [
        ("count_vowels, 10 B", "count_vowels", json!("Turbocat")),
        ("echo, 0.7 KB of JSON", "echo", json!(stories)),
        ("echo, 62 KB of JSON", "echo", json!(many)),
    ]
}

/// The same against the official runtime, in turns.
#[cfg(feature = "official")]
fn official(tokio: &Runtime, plugin: &Plugin, rounds: usize) -> Outcome<()> {
    println!("a call, against the official runtime");
    let official = turbocat_plugin_benches::Official::new(PLAIN)?;
    for (name, function, input) in inputs() {
        let rounds = if name.contains("62 KB") { rounds / 20 + 1 } else { rounds };
        let agent = agent(plugin, function)?;
        let request = AttemptRequest::new(input.clone());
        let output = tokio.block_on(agent.execute(request.clone())).map_err(|failure| failure.to_string())?;
        assert_eq!(*output.value, official.call(function, &input)?, "both do the same");
        let mut one = official.warm()?;
        let mut own = || drop(tokio.block_on(agent.execute(request.clone())));
        let mut clean = || drop(official.call(function, &input));
        let mut warm = || drop(one(function, &input));
        let figures = side_by_side(rounds, &mut [&mut own, &mut clean, &mut warm]);
        println!("  {name}");
        let [own, clean, warm] = figures.as_slice() else { continue };
        println!("    turbocat                {own}");
        for (what, figure) in [("a clean instance each", clean), ("one instance for all", warm)] {
            let (median, best) = (figure.against(*own), figure.best_against(*own));
            println!("    {what:<23} {figure}  {median:6.1} × turbocat, at best {best:.1} ×");
        }
    }
    Ok(())
}

/// One call after the other: a clean instance each, JSON in and out.
fn calls(tokio: &Runtime, plugin: &Plugin, rounds: usize) -> Outcome<()> {
    let floor = Floor::new(PLAIN)?;
    println!("a call, a clean instance each");
    for (name, function, input) in inputs() {
        let rounds = if name.contains("62 KB") { rounds / 20 + 1 } else { rounds };
        let agent = agent(plugin, function)?;
        let request = AttemptRequest::new(input.clone());
        let expected = floor.call(function, &input)?;
        let output = tokio.block_on(agent.execute(request.clone())).map_err(|failure| failure.to_string())?;
        assert_eq!(*output.value, expected, "both do the same");
        let mut own = || drop(tokio.block_on(agent.execute(request.clone())));
        let mut bare = || drop(floor.call(function, &input));
        let figures = side_by_side(rounds, &mut [&mut own, &mut bare]);
        println!("  {name}");
        show("turbocat", figures.first(), figures.get(1));
        show("bare wasmtime", figures.get(1), figures.get(1));
    }
    Ok(())
}

fn show(name: &str, figure: Option<&Figure>, floor: Option<&Figure>) {
    if let (Some(figure), Some(floor)) = (figure, floor) {
        println!("    {name:<24} {figure}   {:5.2} ×", figure.against(*floor));
    }
}

/// Calls a second, on one and on two threads.
fn threads(plugin: &Plugin, rounds: usize) -> Outcome<()> {
    println!("calls a second");
    for threads in [1, 2] {
        let tokio = Builder::new_multi_thread().worker_threads(threads).enable_all().build()?;
        let begun = Instant::now();
        tokio.block_on(async {
            let tasks: Vec<_> = (0..threads)
                .map(|_| {
                    let agent = agent(plugin, "count_vowels").ok();
                    tokio.spawn(async move {
                        let request = AttemptRequest::new(json!("Turbocat"));
                        for _ in 0..rounds {
                            if let Some(agent) = &agent {
                                drop(agent.execute(request.clone()).await);
                            }
                        }
                    })
                })
                .collect();
            for task in tasks {
                drop(task.await);
            }
        });
        let each = begun.elapsed().as_secs_f64();
        println!("    {threads} thread(s)              {:9.0}", (rounds * threads) as f64 / each);
    }
    Ok(())
}

/// From nothing to a loaded plugin.
fn starts(tokio: &Runtime, rounds: usize) -> Outcome<()> {
    println!("a plugin of {} KiB from file to loaded", PLAIN.len() >> 10);
    let folder = tempfile::tempdir()?;
    let start = |cached: bool| -> Outcome<Duration> {
        let builder = Plugins::builder().pool_size(4);
        let plugins = if cached { builder.cache_dir(folder.path()) } else { builder }.build()?;
        let begun = Instant::now();
        tokio.block_on(plugins.load(Source::bytes("plain", PLAIN), Grants::none()))?;
        Ok(begun.elapsed())
    };
    start(true)?;
    for (name, cached, rounds) in [("compiled", false, rounds / 5 + 1), ("from the cache", true, rounds)] {
        let times: Vec<Duration> = (0..rounds).map(|_| start(cached)).collect::<Result<_, _>>()?;
        println!("    {name:<24} {}", Figure::of(times));
    }
    let begun = Instant::now();
    drop(Plugins::builder().build()?);
    println!("    the host itself          {:9.2} µs", begun.elapsed().as_secs_f64() * 1e6);
    Ok(())
}

/// From the drop of a call that would never end to the moment its place is free.
fn cancels(tokio: &Runtime, plugins: &Plugins, rounds: usize) -> Outcome<()> {
    // (module (func (export "spin") (result i32) (loop (br 0)) unreachable))
    const SPIN: &[u8] = b"\0asm\x01\0\0\0\x01\x05\x01\x60\0\x01\x7f\x03\x02\x01\0\x07\x08\x01\x04spin\0\0\
        \x0a\x0a\x01\x08\0\x03\x40\x0c\0\x0b\0\x0b";
    let plugin = tokio.block_on(plugins.load(Source::bytes("spin", SPIN), Grants::none()))?;
    let threads = Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let free = plugins.free_slots();
    let times = (0..rounds).map(|_| {
        let agent = agent(&plugin, "spin").ok();
        let task = threads.spawn(async move {
            if let Some(agent) = agent {
                drop(agent.execute(AttemptRequest::new(())).await);
            }
        });
        while plugins.free_slots() == free {
            std::hint::spin_loop();
        }
        let begun = Instant::now();
        task.abort();
        while plugins.free_slots() < free {
            std::hint::spin_loop();
        }
        begun.elapsed()
    });
    println!("an endless call, from cancelled to stopped");
    println!("    turbocat                 {}", Figure::of(times.collect()));
    Ok(())
}

/// What an instance costs that is kept for its execution.
fn kept(tokio: &Runtime, many: usize) -> Outcome<()> {
    let manifest = json!({
        "name": "plain", "version": "1.0.0", "state": "execution", "agents": [{ "name": "count_vowels" }],
    });
    let manifest = Manifest::read(manifest.to_string().as_bytes())?;
    let plugins = Plugins::builder().pool_size(u32::try_from(many * 2)?).build()?;
    let source = Source::bytes("plain", PLAIN).manifest(manifest);
    let plugin = tokio.block_on(plugins.load(source, Grants::none()))?;
    let engine = plugin.register(Engine::builder()).build();
    let workflow = Workflow::from_yaml("steps: { a: { agent: count_vowels, inputs: Turbocat } }")?;
    let plan = engine.compile(&workflow)?;
    let run = |times: usize| -> Outcome<()> {
        for _ in 0..times {
            tokio.block_on(engine.run(&plan, json!({})))?;
        }
        Ok(())
    };
    run(many / 10)?;
    let (before, had) = (resident(), plugins.kept());
    run(many - many / 10)?;
    let kept = plugins.kept() - had;
    println!("an instance that waits for its execution's next call");
    println!(
        "    memory                   {:9.1} KiB, of {kept}",
        (resident() - before) as f64 / kept as f64
    );
    Ok(())
}

/// The memory of this program, in KiB.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or_default()
}
