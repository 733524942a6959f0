//! The functions a plugin may import: the ABI of Extism (`extism:host/env`), what only Turbocat
//! serves (`extism:host/user`), and as much of WASI as languages need to start.
//!
//! Every offset and length comes from the plugin. What is wrong with one ends the call, never the
//! host.

mod memory;
mod text;
mod log;
mod http;
mod ours;
mod wasi;

use std::collections::HashMap;

use wasmtime::{Engine, Extern, FuncType, InstancePre, Linker, Module, Store};

use super::guest::Guest;

/// The module of the ABI's functions.
const ENV: &str = "extism:host/env";
/// The module of our own.
const USER: &str = turbocat_pdk::wire::HOST_MODULE;

/// All functions a plugin may import.
pub(super) struct Abi {
    linker: Linker<Guest>,
    offered: HashMap<(String, String), FuncType>,
}

impl Abi {
    /// Links them for an engine. The guest is only asked for what it may import.
    pub(super) fn new(engine: &Engine, guest: Guest) -> wasmtime::Result<Self> {
        let mut linker = Linker::new(engine);
        memory::link(&mut linker)?;
        text::link(&mut linker)?;
        log::link(&mut linker)?;
        http::link(&mut linker)?;
        ours::link(&mut linker)?;
        wasi::link(&mut linker)?;
        let mut store = Store::new(engine, guest);
        let all: Vec<_> = linker
            .iter(&mut store)
            .map(|(module, name, function)| (module.to_owned(), name.to_owned(), function))
            .collect();
        let offered = all.into_iter().filter_map(|(module, name, function)| match function {
            Extern::Func(function) => Some(((module, name), function.ty(&store))),
            _ => None,
        });
        Ok(Self { offered: offered.collect(), linker })
    }

    /// The function of that name, if there is one.
    pub(super) fn offered(&self, module: &str, name: &str) -> Option<&FuncType> {
        self.offered.get(&(module.to_owned(), name.to_owned()))
    }

    /// A module with all that it imports.
    pub(super) fn link(&self, module: &Module) -> wasmtime::Result<InstancePre<Guest>> {
        self.linker.instantiate_pre(module)
    }
}
