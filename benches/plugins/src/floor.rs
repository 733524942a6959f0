//! The floor: the same module in bare wasmtime, with as little of the ABI as it needs and the same
//! serde. A clean instance for each call from the same kind of pool, but no limits, no clock, no
//! grants, no schemas, no way to stop it.

use serde_json::Value;
use wasmtime::{
    Caller, Config, Enabled, Engine, InstanceAllocationStrategy, InstancePre, Linker, Module,
    PoolingAllocationConfig, Result, Store,
};

/// What lies between module and host.
#[derive(Default)]
struct Between {
    bytes: Vec<u8>,
    input: (usize, usize),
    output: (usize, usize),
}

/// The plain plugin in bare wasmtime.
pub struct Floor {
    engine: Engine,
    pre: InstancePre<Between>,
}

impl std::fmt::Debug for Floor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Floor").finish_non_exhaustive()
    }
}

impl Floor {
    /// Compiles a module.
    pub fn new(wasm: &[u8]) -> Result<Self> {
        let mut pool = PoolingAllocationConfig::new();
        pool.total_core_instances(16)
            .total_memories(16)
            .total_tables(16)
            .max_memory_size(512 << 20)
            .linear_memory_keep_resident(256 << 10)
            .table_keep_resident(16 << 10)
            .pagemap_scan(Enabled::Auto);
        let engine =
            Engine::new(Config::new().allocation_strategy(InstanceAllocationStrategy::Pooling(pool)))?;
        let module = Module::from_binary(&engine, wasm)?;
        let mut linker = Linker::new(&engine);
        link(&mut linker)?;
        linker.define_unknown_imports_as_traps(&module)?;
        Ok(Self { pre: linker.instantiate_pre(&module)?, engine })
    }

    /// A clean instance, one call, JSON in and out.
    pub fn call(&self, function: &str, input: &Value) -> Result<Value> {
        let mut between = Between { bytes: vec![0; 8], ..Between::default() };
        serde_json::to_writer(&mut between.bytes, input)?;
        between.input = (8, between.bytes.len() - 8);
        let mut store = Store::new(&self.engine, between);
        let instance = self.pre.instantiate(&mut store)?;
        instance.get_typed_func::<(), i32>(&mut store, function)?.call(&mut store, ())?;
        let Between { bytes, output: (at, length), .. } = store.data();
        Ok(serde_json::from_slice(bytes.get(*at..at + length).unwrap_or_default())?)
    }
}

fn word<const N: usize>(between: &Between, at: u64) -> Result<[u8; N]> {
    let place = between.bytes.get(at as usize..).and_then(|rest| rest.first_chunk());
    place.copied().ok_or_else(|| wasmtime::Error::msg("outside"))
}

fn link(linker: &mut Linker<Between>) -> Result<()> {
    const ENV: &str = "extism:host/env";
    linker.func_wrap(ENV, "alloc", |mut caller: Caller<'_, Between>, length: u64| -> u64 {
        let between = caller.data_mut();
        let at = between.bytes.len();
        between.bytes.resize(at + (length as usize).next_multiple_of(8), 0);
        at as u64
    })?;
    linker.func_wrap(ENV, "free", |_: u64| {})?;
    linker.func_wrap(ENV, "length", |_: u64| -> u64 { 0 })?;
    linker.func_wrap(ENV, "length_unsafe", |_: u64| -> u64 { 0 })?;
    linker.func_wrap(ENV, "input_offset", |caller: Caller<'_, Between>| -> u64 {
        caller.data().input.0 as u64
    })?;
    linker.func_wrap(ENV, "input_length", |caller: Caller<'_, Between>| -> u64 {
        caller.data().input.1 as u64
    })?;
    linker.func_wrap(ENV, "input_load_u8", |caller: Caller<'_, Between>, at: u64| -> Result<u32> {
        let between = caller.data();
        word::<1>(between, between.input.0 as u64 + at).map(|[byte]| u32::from(byte))
    })?;
    linker.func_wrap(ENV, "input_load_u64", |caller: Caller<'_, Between>, at: u64| -> Result<u64> {
        let between = caller.data();
        word(between, between.input.0 as u64 + at).map(u64::from_le_bytes)
    })?;
    linker.func_wrap(ENV, "load_u8", |caller: Caller<'_, Between>, at: u64| -> Result<u32> {
        word::<1>(caller.data(), at).map(|[byte]| u32::from(byte))
    })?;
    linker.func_wrap(ENV, "load_u64", |caller: Caller<'_, Between>, at: u64| -> Result<u64> {
        word(caller.data(), at).map(u64::from_le_bytes)
    })?;
    linker.func_wrap(ENV, "store_u8", |mut caller: Caller<'_, Between>, at: u64, byte: u32| {
        if let Some(place) = caller.data_mut().bytes.get_mut(at as usize) {
            *place = byte as u8;
        }
    })?;
    linker.func_wrap(ENV, "store_u64", |mut caller: Caller<'_, Between>, at: u64, word: u64| {
        let place = caller.data_mut().bytes.get_mut(at as usize..).and_then(|rest| rest.first_chunk_mut());
        if let Some(place) = place {
            *place = word.to_le_bytes();
        }
    })?;
    linker.func_wrap(ENV, "output_set", |mut caller: Caller<'_, Between>, at: u64, length: u64| {
        caller.data_mut().output = (at as usize, length as usize);
    })?;
    linker.func_wrap(ENV, "config_get", |_: u64| -> u64 { 0 })?;
    linker.func_wrap(ENV, "var_get", |_: u64| -> u64 { 0 })?;
    linker.func_wrap(ENV, "var_set", |_: u64, _: u64| {})?;
    linker.func_wrap(ENV, "get_log_level", || -> i32 { i32::MAX })?;
    linker.func_wrap(ENV, "log_info", |_: u64| {})?;
    Ok(())
}
