//! What the host serves: bytes in and out, the log, the clock.

/// How urgent a line is.
#[derive(Clone, Copy)]
pub(crate) enum Level {
    Debug,
    Info,
    Warn,
    Error,
}

#[link(wasm_import_module = "extism:host/env")]
unsafe extern "C" {
    fn alloc(length: u64) -> u64;
    fn free(offset: u64);
    fn store_u8(offset: u64, byte: u32);
    fn store_u64(offset: u64, bytes: u64);
    fn input_length() -> u64;
    fn input_load_u8(offset: u64) -> u32;
    fn input_load_u64(offset: u64) -> u64;
    fn output_set(offset: u64, length: u64);
    fn error_set(offset: u64);
    fn log_debug(offset: u64);
    fn log_info(offset: u64);
    fn log_warn(offset: u64);
    fn log_error(offset: u64);
}

#[link(wasm_import_module = "wasi_snapshot_preview1")]
unsafe extern "C" {
    fn clock_time_get(clock: u32, precision: u64, time: *mut u64) -> u32;
}

/// The bytes the call was given.
pub(crate) fn input() -> Vec<u8> {
    // SAFETY: the imports take numbers alone, and the host checks its offsets.
    unsafe {
        let length = input_length();
        let mut bytes = Vec::with_capacity(length as usize + 8);
        let mut at = 0;
        while at + 8 <= length {
            bytes.extend_from_slice(&input_load_u64(at).to_le_bytes());
            at += 8;
        }
        while at < length {
            bytes.push(input_load_u8(at) as u8);
            at += 1;
        }
        bytes
    }
}

/// Answers the call.
pub(crate) fn output(bytes: &[u8]) {
    let offset = store(bytes);
    // SAFETY: a block of the host that was just written.
    unsafe { output_set(offset, bytes.len() as u64) }
}

/// Says why the call cannot be answered.
pub(crate) fn fail(message: &str) {
    let offset = store(message.as_bytes());
    // SAFETY: a block of the host that was just written.
    unsafe { error_set(offset) }
}

/// Tells whoever watches.
pub(crate) fn log(level: Level, line: &str) {
    let offset = store(line.as_bytes());
    // SAFETY: a block of the host that was just written, and is not used afterwards.
    unsafe {
        match level {
            Level::Debug => log_debug(offset),
            Level::Info => log_info(offset),
            Level::Warn => log_warn(offset),
            Level::Error => log_error(offset),
        }
        free(offset);
    }
}

fn store(bytes: &[u8]) -> u64 {
    // SAFETY: the imports take numbers alone, and the host checks its offsets.
    unsafe {
        let offset = alloc(bytes.len() as u64);
        let mut words = bytes.chunks_exact(8);
        let mut at = offset;
        for word in &mut words {
            let mut eight = [0; 8];
            eight.copy_from_slice(word);
            store_u64(at, u64::from_le_bytes(eight));
            at += 8;
        }
        for byte in words.remainder() {
            store_u8(at, u32::from(*byte));
            at += 1;
        }
        offset
    }
}

/// Microseconds since 1970, which QuickJS asks for: `Date.now()` is the real time.
///
/// While the module is built there is no clock yet, and nobody looks at it.
#[unsafe(no_mangle)]
extern "C" fn __rquickjs_host_now_us() -> f64 {
    let mut nanoseconds = 0;
    // SAFETY: the host writes eight bytes to where it is told.
    let refused = unsafe { clock_time_get(0, 1_000, &raw mut nanoseconds) };
    if refused == 0 { (nanoseconds / 1_000) as f64 } else { 0.0 }
}
