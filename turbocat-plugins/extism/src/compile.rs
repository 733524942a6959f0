//! A plugin compiled by the official runtime, with its limits in it.

use std::time::Duration;

use extism::{CompiledPlugin, DebugOptions, Error, Manifest, PluginBuilder, Wasm};
use turbocat_plugins::wasm::Limits;
use wasmtime::{Config, InstanceAllocationStrategy, PoolingAllocationConfig, ProfilingStrategy};

use crate::desk::Desk;
use crate::functions;

/// The stack of a plugin's own functions. They run on that of a thread, which must have as much again
/// for the host's.
pub(crate) const STACK: usize = 512 << 10;

/// How many elements a table may have, as on our own runtime.
const TABLE_ELEMENTS: usize = 100_000;

/// The longest time of a call: the clock of the runtime cannot count much further than this.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// More instructions than any machine plays in a second.
const FUEL_A_SECOND: f64 = 5e9;

/// The limits that the official runtime wants to know when it compiles.
#[derive(Clone, Copy, PartialEq)]
pub(crate) struct Most {
    memory_bytes: u64,
    time: Duration,
}

impl Most {
    pub(crate) const fn of(limits: &Limits) -> Self {
        let time = if limits.time.as_secs() < LONGEST.as_secs() { limits.time } else { LONGEST };
        Self { memory_bytes: limits.memory_bytes, time }
    }
}

/// Code for one call at a time, and where its functions find the session of that call.
pub(crate) struct Compiled {
    pub(crate) most: Most,
    pub(crate) plugin: CompiledPlugin,
    pub(crate) desk: Desk,
}

impl Compiled {
    pub(crate) fn new(wasm: &[u8], most: Most) -> Result<Self, Error> {
        let desk = Desk::default();
        // Built here, field by field: a manifest of a stranger's may name memory of this program.
        let pages = u32::try_from(most.memory_bytes >> 16).unwrap_or(u32::MAX);
        let manifest = Manifest::new([Wasm::data(wasm)]).with_memory_max(pages).with_timeout(most.time);
        let plugin = PluginBuilder::new(manifest)
            .with_wasi(true)
            .with_functions(functions::all(&desk))
            .with_wasmtime_config(config(most))
            .with_fuel_limit(fuel(most.time))
            .with_cache_disabled()
            // What the environment says of dumps and profiles is not for plugins with secrets.
            .with_debug_options(DebugOptions {
                profiling_strategy: ProfilingStrategy::None,
                coredump: None,
                memdump: None,
                debug_info: false,
            })
            .compile()?;
        Ok(Self { most, plugin, desk })
    }
}

/// What a call cannot use up in its time: the end of what no clock can stop.
fn fuel(time: Duration) -> u64 {
    (time.as_secs_f64().max(0.1) * FUEL_A_SECOND) as u64
}

/// A pool for the instances of one call, because it keeps tables small, which the runtime does not.
fn config(most: Most) -> Config {
    let mut pool = PoolingAllocationConfig::new();
    // The plugin's own twice, since the runtime makes one only to link it, and the runtime's.
    pool.total_core_instances(8)
        .total_memories(8)
        .total_tables(16)
        .max_memories_per_module(2)
        .max_tables_per_module(4)
        .table_elements(TABLE_ELEMENTS)
        .max_core_instance_size(1 << 20)
        // The runtime counts what grows; what was there first comes on top.
        .max_memory_size(
            usize::try_from(most.memory_bytes.saturating_mul(2).min(4 << 30)).unwrap_or(usize::MAX),
        );
    let mut config = Config::new();
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool)).max_wasm_stack(STACK);
    config
}
