//! Any text, read as a definition. What is promised stands with the regression tests, which keep the same promises.
#![no_main]

#[path = "../../turbocat-core/tests/fuzz-cases/load.rs"]
mod load;

libfuzzer_sys::fuzz_target!(|data: &[u8]| load::check(data));
