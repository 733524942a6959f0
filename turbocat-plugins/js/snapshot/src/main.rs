//! Runs the set-up of a WASM module once and writes the module as it is then:
//! `snapshot IN.wasm OUT.wasm`.
//!
//! The set-up is given nothing: an import that it calls ends it.

use std::env;
use std::error::Error;
use std::fs;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use wasmtime::{Config, Engine, Instance, Linker, Module, OptLevel, Store, Val};
use wasmtime_wizer::{InstanceState, SnapshotVal, ValType, Wizer};

fn main() -> Result<(), Box<dyn Error>> {
    let mut names = env::args().skip(1);
    let (Some(from), Some(to), None) = (names.next(), names.next(), names.next()) else {
        return Err("usage: snapshot IN.wasm OUT.wasm".into());
    };
    let wasm = fs::read(&from)?;
    let wizer = Wizer::new();
    let (module, instrumented) = wizer.instrument(&wasm)?;

    // It is compiled to be called once.
    let engine = Engine::new(Config::new().cranelift_opt_level(OptLevel::None))?;
    let compiled = Module::new(&engine, &instrumented)?;
    let mut store = Store::new(&engine, ());
    let mut linker = Linker::new(&engine);
    // The engine looks at the clock when it is made, and nobody looks at what it saw: the call
    // says that there is none (52: not supported).
    linker.func_wrap("wasi_snapshot_preview1", "clock_time_get", |_: i32, _: i64, _: i32| 52_i32)?;
    // What the set-up says before it gives up.
    let words = Arc::new(Mutex::new(Vec::new()));
    let all = words.clone();
    linker.func_wrap("extism:host/env", "alloc", |_: i64| 0_i64)?;
    linker.func_wrap("extism:host/env", "store_u64", move |_: i64, bytes: i64| {
        lock(&all).extend(bytes.to_le_bytes());
    })?;
    let all = words.clone();
    linker.func_wrap("extism:host/env", "store_u8", move |_: i64, byte: i32| {
        lock(&all).push(byte as u8);
    })?;
    linker.func_wrap("extism:host/env", "error_set", |_: i64| ())?;
    linker.define_unknown_imports_as_traps(&compiled)?;
    let instance = linker.instantiate(&mut store, &compiled)?;
    let set_up = instance.get_typed_func::<(), ()>(&mut store, wizer.get_init_func())?;
    if let Err(error) = set_up.call(&mut store, ()) {
        return Err(format!("{}\n{error}", String::from_utf8_lossy(&lock(&words))).into());
    }

    let mut state = State { store, instance };
    let mut snapshot = pin!(wizer.snapshot(&module, &mut state));
    let Poll::Ready(snapshot) = snapshot.as_mut().poll(&mut Context::from_waker(Waker::noop())) else {
        return Err("the snapshot waits for something".into());
    };
    fs::write(to, snapshot?)?;
    Ok(())
}

fn lock(words: &Mutex<Vec<u8>>) -> MutexGuard<'_, Vec<u8>> {
    words.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The instance after its set-up.
struct State {
    store: Store<()>,
    instance: Instance,
}

impl InstanceState for State {
    async fn global_get(&mut self, name: &str, _: ValType) -> SnapshotVal {
        let global = self.instance.get_global(&mut self.store, name);
        match global.map(|global| global.get(&mut self.store)) {
            Some(Val::I32(number)) => SnapshotVal::I32(number),
            Some(Val::I64(number)) => SnapshotVal::I64(number),
            Some(Val::F32(bits)) => SnapshotVal::F32(bits),
            Some(Val::F64(bits)) => SnapshotVal::F64(bits),
            Some(Val::V128(number)) => SnapshotVal::V128(number.as_u128()),
            _ => panic!("the global `{name}` has a type that no module of ours uses"),
        }
    }

    async fn memory_contents(&mut self, name: &str, contents: impl FnOnce(&[u8]) + Send) {
        match self.instance.get_memory(&mut self.store, name) {
            Some(memory) => contents(memory.data(&self.store)),
            None => panic!("the memory `{name}` is not there"),
        }
    }
}
