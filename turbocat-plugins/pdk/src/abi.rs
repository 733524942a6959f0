//! The imports of a plugin, as the Extism ABI has them, and nothing but their signatures made
//! safe: bytes in, bytes out.
//!
//! The only file of the kit with `unsafe`: what is imported has to be declared. Every import takes
//! and gives numbers alone. Memory of the plugin is never handed over: values go through blocks of
//! the host, by offset, which the host checks.

#![expect(unsafe_code, reason = "imports cannot be declared otherwise")]

#[link(wasm_import_module = "extism:host/env")]
unsafe extern "C" {
    safe fn alloc(length: u64) -> u64;
    safe fn free(offset: u64);
    safe fn length(offset: u64) -> u64;
    safe fn load_u8(offset: u64) -> u8;
    safe fn load_u64(offset: u64) -> u64;
    safe fn store_u8(offset: u64, value: u8);
    safe fn store_u64(offset: u64, value: u64);
    safe fn input_length() -> u64;
    safe fn input_load_u8(offset: u64) -> u8;
    safe fn input_load_u64(offset: u64) -> u64;
    safe fn output_set(offset: u64, length: u64);
    safe fn error_set(offset: u64);
    safe fn config_get(key: u64) -> u64;
    safe fn http_request(request: u64, body: u64) -> u64;
    safe fn http_status_code() -> i32;
    safe fn http_headers() -> u64;
    safe fn log_trace(message: u64);
    safe fn log_debug(message: u64);
    safe fn log_info(message: u64);
    safe fn log_warn(message: u64);
    safe fn log_error(message: u64);
}

#[link(wasm_import_module = "extism:host/user")]
unsafe extern "C" {
    safe fn turbocat_progress(progress: u64);
    safe fn turbocat_secret(name: u64) -> u64;
    safe fn turbocat_state_get(key: u64) -> u64;
    safe fn turbocat_state_set(key: u64, value: u64);
}

use crate::context::Level;

/// A block of the host's memory, given back when it is dropped.
struct Block(u64);

impl Block {
    fn of(bytes: &[u8]) -> Self {
        let block = Self(alloc(bytes.len() as u64));
        let mut offset = block.0;
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            store_u64(offset, u64::from_le_bytes(*word));
            offset += 8;
        }
        for byte in rest {
            store_u8(offset, *byte);
            offset += 1;
        }
        block
    }

    /// Reads a block that the host gave; zero means that there is none.
    fn read(offset: u64) -> Option<Vec<u8>> {
        if offset == 0 {
            return None;
        }
        let block = Self(offset);
        Some(bytes(length(offset), |at| load_u64(block.0 + at), |at| load_u8(block.0 + at)))
    }

    /// Leaves the block to the host.
    fn leave(self) -> u64 {
        let offset = self.0;
        std::mem::forget(self);
        offset
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        if self.0 != 0 {
            free(self.0);
        }
    }
}

fn bytes(length: u64, word: impl Fn(u64) -> u64, byte: impl Fn(u64) -> u8) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(length as usize);
    let mut at = 0;
    while at + 8 <= length {
        bytes.extend_from_slice(&word(at).to_le_bytes());
        at += 8;
    }
    while at < length {
        bytes.push(byte(at));
        at += 1;
    }
    bytes
}

pub(crate) fn input() -> Vec<u8> {
    bytes(input_length(), |at| input_load_u64(at), |at| input_load_u8(at))
}

pub(crate) fn output(bytes: &[u8]) {
    output_set(Block::of(bytes).leave(), bytes.len() as u64);
}

pub(crate) fn fail(text: &[u8]) {
    error_set(Block::of(text).leave());
}

pub(crate) fn config(key: &str) -> Option<Vec<u8>> {
    Block::read(config_get(Block::of(key.as_bytes()).0))
}

/// Status, headers as JSON, body.
pub(crate) fn http(request: &[u8], body: &[u8]) -> (i32, Option<Vec<u8>>, Vec<u8>) {
    let (request, body) = (Block::of(request), Block::of(body));
    let answer = Block::read(http_request(request.0, body.0)).unwrap_or_default();
    (http_status_code(), Block::read(http_headers()), answer)
}

pub(crate) fn log(level: Level, message: &str) {
    let message = Block::of(message.as_bytes());
    match level {
        Level::Trace => log_trace(message.0),
        Level::Debug => log_debug(message.0),
        Level::Info => log_info(message.0),
        Level::Warn => log_warn(message.0),
        Level::Error => log_error(message.0),
    }
}

pub(crate) fn progress(json: &[u8]) {
    turbocat_progress(Block::of(json).0);
}

pub(crate) fn secret(name: &str) -> Option<Vec<u8>> {
    Block::read(turbocat_secret(Block::of(name.as_bytes()).0))
}

pub(crate) fn state_get(key: &str) -> Option<Vec<u8>> {
    Block::read(turbocat_state_get(Block::of(key.as_bytes()).0))
}

pub(crate) fn state_set(key: &str, value: Option<&[u8]>) {
    let key = Block::of(key.as_bytes());
    let value = value.map(Block::of);
    turbocat_state_set(key.0, value.as_ref().map_or(0, |value| value.0));
}
