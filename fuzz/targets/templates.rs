//! Any template over any values. What is promised stands with the regression tests, which keep the same promises.
#![no_main]

#[path = "../../turbocat-core/tests/fuzz-cases/templates.rs"]
mod templates;

libfuzzer_sys::fuzz_target!(|data: &[u8]| templates::check(data));
