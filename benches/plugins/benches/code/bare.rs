//! The module of the `code` agent in bare wasmtime: as few imports as it needs, the same pool.

use std::num::NonZeroUsize;

use wasmtime::{
    Caller, Config, Enabled, Engine, InstanceAllocationStrategy, InstancePre, Linker, Module,
    PoolingAllocationConfig, Result, Store,
};

static MODULE: &[u8] = include_bytes!("../../../../turbocat-plugins/src/code/quickjs.wasm");

#[derive(Default)]
struct Bytes {
    input: Vec<u8>,
    blocks: Vec<u8>,
    output: (usize, usize),
}

/// The module, ready to be instantiated.
pub(crate) struct Bare {
    engine: Engine,
    pre: InstancePre<Bytes>,
}

impl Bare {
    pub(crate) fn new() -> Result<Self> {
        let mut pool = PoolingAllocationConfig::new();
        pool.total_core_instances(16)
            .total_memories(16)
            .total_tables(32)
            .max_memory_size(512 << 20)
            .max_core_instance_size(1 << 20)
            .table_elements(100_000)
            .linear_memory_keep_resident(256 << 10)
            .pagemap_scan(Enabled::Auto);
        let engine = Engine::new(
            Config::new()
                .allocation_strategy(InstanceAllocationStrategy::Pooling(pool))
                .epoch_interruption(true)
                .max_wasm_stack(1 << 20)
                .memory_guaranteed_dense_image_size(16 << 20)
                .wasm_backtrace_max_frames(NonZeroUsize::new(20)),
        )?;
        let module = Module::new(&engine, MODULE)?;
        let mut linker = Linker::new(&engine);
        let env = "extism:host/env";
        linker.func_wrap(env, "input_length", |caller: Caller<'_, Bytes>| caller.data().input.len() as u64)?;
        linker.func_wrap(env, "input_load_u8", |caller: Caller<'_, Bytes>, at: u64| {
            u32::from(caller.data().input[at as usize])
        })?;
        linker.func_wrap(env, "input_load_u64", |caller: Caller<'_, Bytes>, at: u64| {
            let mut word = [0; 8];
            word.copy_from_slice(&caller.data().input[at as usize..at as usize + 8]);
            u64::from_le_bytes(word)
        })?;
        linker.func_wrap(env, "alloc", |mut caller: Caller<'_, Bytes>, length: u64| {
            let blocks = &mut caller.data_mut().blocks;
            let at = blocks.len();
            blocks.resize(at + length as usize, 0);
            at as u64
        })?;
        linker.func_wrap(env, "store_u8", |mut caller: Caller<'_, Bytes>, at: u64, byte: u32| {
            caller.data_mut().blocks[at as usize] = byte as u8;
        })?;
        linker.func_wrap(env, "store_u64", |mut caller: Caller<'_, Bytes>, at: u64, word: u64| {
            caller.data_mut().blocks[at as usize..at as usize + 8].copy_from_slice(&word.to_le_bytes());
        })?;
        linker.func_wrap(env, "output_set", |mut caller: Caller<'_, Bytes>, at: u64, length: u64| {
            caller.data_mut().output = (at as usize, length as usize);
        })?;
        // asked for, and never called by these scripts
        linker.define_unknown_imports_as_traps(&module)?;
        Ok(Self { pre: linker.instantiate_pre(&module)?, engine })
    }

    /// The report of a call in a clean instance.
    pub(crate) fn call(&self, code: &str) -> Option<String> {
        let source = format!("(async function () {{ return ({code}\n)}})");
        let mut store = Store::new(&self.engine, Bytes { input: frame(&source), ..Bytes::default() });
        store.set_epoch_deadline(u64::MAX / 2);
        let instance = self.pre.instantiate(&mut store).ok()?;
        let evaluate = instance.get_typed_func::<(), i32>(&mut store, "evaluate").ok()?;
        (evaluate.call(&mut store, ()).ok()? == 0).then_some(())?;
        let Bytes { blocks, output: (at, length), .. } = store.data();
        String::from_utf8(blocks[*at..*at + *length].to_vec()).ok()
    }
}

fn frame(source: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for number in [0, 42, 128 << 20, 4 << 20, 256 << 10] {
        bytes.extend(u64::to_le_bytes(number));
    }
    for text in ["code.js", source, "default", "{}", r#"{"step":"s"}"#, r#"{"a":1.5,"b":2}"#] {
        bytes.extend((text.len() as u64).to_le_bytes());
        bytes.extend(text.as_bytes());
    }
    bytes
}
