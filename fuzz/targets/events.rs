//! Any journal, read back and gone on with. What is promised stands with the regression tests, which keep the same promises.
#![no_main]

#[path = "../../turbocat-core/tests/fuzz-cases/events.rs"]
mod events;

libfuzzer_sys::fuzz_target!(|data: &[u8]| events::check(data));
