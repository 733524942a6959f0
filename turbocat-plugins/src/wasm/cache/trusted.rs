//! The one place that hands machine code to the compiler's library, and so the one with `unsafe`.

use wasmtime::{Engine, Module};

/// Bytes that were read once, into memory nobody else writes to, and whose signature was right.
pub(super) struct Verified {
    bytes: Vec<u8>,
    start: usize,
}

impl Verified {
    /// The code begins at `start`.
    pub(super) const fn new(bytes: Vec<u8>, start: usize) -> Self {
        Self { bytes, start }
    }
}

/// The module these bytes are.
#[expect(
    unsafe_code,
    reason = "wasmtime cannot tell its own machine code from anybody's. It is its own here: a program of \
              this user wrote the file, with rights for its owner only, and signed plugin, compiler, \
              settings and code with a key that only this user can read; the signature was right for the \
              very bytes that are handed over (they are copied, not mapped, so no later change of the \
              file can matter). Whoever can forge such a file can read this user's files already, and \
              needs no plugin. Version and settings are checked by wasmtime once more."
)]
pub(super) fn module(engine: &Engine, verified: &Verified) -> wasmtime::Result<Module> {
    let code = verified.bytes.get(verified.start..).unwrap_or_default();
    // SAFETY: the bytes are what `Module::serialize` gave, see above.
    unsafe { Module::deserialize(engine, code) }
}
