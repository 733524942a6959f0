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

use wasmtime::{Engine, Linker};

use super::guest::Guest;

/// The module of the ABI's functions.
const ENV: &str = "extism:host/env";
/// The module of our own.
const USER: &str = turbocat_pdk::wire::HOST_MODULE;

/// All functions a plugin may import.
pub(super) fn linker(engine: &Engine) -> wasmtime::Result<Linker<Guest>> {
    let mut linker = Linker::new(engine);
    memory::link(&mut linker)?;
    text::link(&mut linker)?;
    log::link(&mut linker)?;
    http::link(&mut linker)?;
    ours::link(&mut linker)?;
    wasi::link(&mut linker)?;
    Ok(linker)
}
